program=$RK_TREE/tests/programs/storm_driver_linked
[ -x "$program" ] || exit 77
rktrace run --simgpu -o t.rkt.zst -- "$program" 100 2>err; echo "run: $?"
grep -c 'storm_driver_linked: wall time' err
grep -o 'next: rktrace report.*' err
rktrace info --json t.rkt.zst | grep -E '^  "(launches|kernels|open|clean_exit|gpu_time_source)"'
rktrace report --csv t.rkt.zst | cut -d, -f2,3,13 | sort
rktrace replay t.rkt.zst >replayed
# The replayed verdict is the live one, down to the time it took.
grep -E 'wall time|storm_|losses' err | sed 's/^rkpreload: //' > live
grep -E 'wall time|storm_|losses' replayed | sed 's/^rkpreload: //' | diff live - && echo same verdict
