make_trace t.rkt.zst clean
rktrace report --json t.rkt.zst
