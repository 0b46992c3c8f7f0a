for verb in info report replay; do rktrace $verb nowhere.rkt.zst; echo "$verb: $?"; done
