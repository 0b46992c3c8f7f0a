make_trace t.rkt.zst host
rktrace info t.rkt.zst | grep -v size
