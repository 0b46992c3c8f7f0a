# No allocation, no table.
make_trace t.rkt.zst script <<'END'
kernel _Z4stepPf 0.1
END
rktrace report --memory t.rkt.zst
