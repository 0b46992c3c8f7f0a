make_trace t.rkt.zst clean
python3 - <<'P'
data = bytearray(open("t.rkt.zst", "rb").read())
data[len(data) // 2] ^= 0x10
open("t.rkt.zst", "wb").write(data)
P
for verb in info report replay; do rktrace $verb t.rkt.zst >/dev/null; echo "$verb: $?"; done
