echo 'It was a dark and stormy night; the rain fell in torrents.' > t.rkt.zst
for verb in info report replay; do rktrace $verb t.rkt.zst; echo "$verb: $?"; done
