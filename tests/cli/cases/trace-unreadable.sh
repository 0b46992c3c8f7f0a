make_trace t.rkt.zst clean
chmod 0 t.rkt.zst
for verb in info report replay; do as_nobody rktrace $verb t.rkt.zst; echo "$verb: $?"; done
