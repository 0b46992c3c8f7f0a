echo precious > t.rkt.zst
rktrace run -o t.rkt.zst -- true; echo "$?"
cat t.rkt.zst
rktrace run -f -o t.rkt.zst -- true 2>/dev/null; echo "$?"
mkdir folder
rktrace run -f -o folder -- true; echo "$?"
