program=$RK_TREE/tests/programs/storm_driver_linked
[ -x "$program" ] || exit 77
rktrace run --simgpu --json -o t.rkt.zst -- "$program" 100 2>end.json; echo "run: $?"
python3 - <<'P'
import json
end = json.load(open("end.json"))
print(sorted(end), end["exit_status"], end["trace_file"])
print(end["info"]["launches"], end["info"]["kernels"], end["info"]["clean_exit"])
P
rktrace run --json -- sh -c 'exit 3' 2>end.json; echo "run: $?"
python3 -c 'import json; end = json.load(open("end.json")); print(end["exit_status"], end["trace_file"])'
