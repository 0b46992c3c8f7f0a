make_trace t.rkt.zst host
rktrace report t.rkt.zst
