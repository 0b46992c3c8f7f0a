make_trace t.rkt.zst clean
rktrace report --idle t.rkt.zst
rktrace report --idle --csv t.rkt.zst
make_trace host.rkt.zst host
rktrace report --idle host.rkt.zst
