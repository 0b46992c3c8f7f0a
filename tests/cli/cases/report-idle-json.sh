# Four launches 300 ms apart, 5 s of nothing, another execution, and a kernel that never ends.
make_trace t.rkt.zst script <<'END'
kernel _Z4stepPf 0.2 4 0.3
close
at 7
copy 1048576 0.5
kernel _Z4stepPf 0.1
hang _Z4hangv
at 9
END
rktrace report --idle --json t.rkt.zst
