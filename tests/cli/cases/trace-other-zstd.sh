command -v zstd >/dev/null || exit 77
echo 'It was a dark and stormy night; the rain fell in torrents.' | zstd -q > t.rkt.zst
for verb in info report replay; do rktrace $verb t.rkt.zst; echo "$verb: $?"; done
