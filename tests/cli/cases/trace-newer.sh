make_trace whole.rkt.zst clean
zstd -dqc whole.rkt.zst >content
python3 - <<'P'
data = bytearray(open("content", "rb").read())
data[4] += 1    # the major version, first field behind the magic
open("content", "wb").write(data)
P
zstd -q --check content -o t.rkt.zst
for verb in info report replay; do rktrace $verb t.rkt.zst >/dev/null; echo "$verb: $?"; done
