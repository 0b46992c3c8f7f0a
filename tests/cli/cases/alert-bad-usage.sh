rktrace alert export
rktrace alert list
rktrace alert list no-such-file.zst
make_trace t.rkt.zst clean
rktrace alert list t.rkt.zst
rktrace alert nonsense
