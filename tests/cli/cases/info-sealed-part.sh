# docs: the sealed part of a crashed file is whole for any zstd.
command -v zstd >/dev/null || exit 77
make_trace t.rkt.zst killed
head -c 10 t.rkt.zst >> t.rkt.zst
sealed=$(rktrace info --json t.rkt.zst | python3 -c 'import json, sys; print(json.load(sys.stdin)["sealed_bytes"])')
head -c "$sealed" t.rkt.zst | zstd -tq; echo "zstd -t: $?"
