make_trace t.rkt.zst clean
rktrace report t.rkt.zst > /dev/full
