make_trace t.rkt.zst clean
rktrace info t.rkt.zst | grep -v size
