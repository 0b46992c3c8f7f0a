# Cut inside the last frame: what is whole is read, and it says what is missing.
make_trace t.rkt.zst killed
size=$(stat -c %s t.rkt.zst)
head -c $((size - 20)) t.rkt.zst > cut.rkt.zst
rktrace info cut.rkt.zst; echo "info: $?"
rktrace report cut.rkt.zst; echo "report: $?"
