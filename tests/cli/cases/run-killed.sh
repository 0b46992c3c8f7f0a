# A program that was killed prints no verdict: the launcher reads it from the file.
program=$RK_TREE/tests/programs/endless
[ -x "$program" ] || exit 77
rktrace run --simgpu -o t.rkt.zst -- timeout -s KILL 2.5 "$program" 20 2>err; echo "status: $?"
grep -o 'was ended by signal 9.*' err
grep -c 'endless: ended early, nothing it committed is lost, wall time' err
rktrace info t.rkt.zst | grep -o 'UNCLEAN.*'
