: > t.rkt.zst
for verb in info report replay; do rktrace $verb t.rkt.zst; echo "$verb: $?"; done
