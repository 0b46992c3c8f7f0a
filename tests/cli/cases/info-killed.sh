make_trace t.rkt.zst killed
rktrace info t.rkt.zst | grep -v size
