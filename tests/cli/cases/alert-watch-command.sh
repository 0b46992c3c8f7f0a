# A command gets the notice on standard input, without a shell between; one that hangs is killed.
cat > a.yaml <<'Y'
alerting:
  group_wait: 0s
  rules:
    - { name: slow, condition: { latency_exceeds: { threshold: 100ms } } }
  channels:
    - command: { name: keep, argv: [python3, keep.py, "$HOME; *"] }
    - command: { name: hangs, argv: [sleep, "60"], timeout: 200ms }
    - command: { name: fails, argv: ["false"], send_resolved: false }
    - command: { name: nobody, argv: [no-such-program-here] , min_severity: critical }
Y
cat > keep.py <<'P'
import json, sys
notice = json.load(sys.stdin)
alert = notice["alerts"][0]
with open("kept", "a") as kept:
    print(sys.argv[1], notice["channel"], alert["rule"], alert["state"], alert["labels"]["kernel_id"], file=kept)
P
make_trace t.rkt.zst script <<'S'
at 1
kernel rank 0.2 10
at 10
S
rktrace alert watch t.rkt.zst --config a.yaml > told
cat kept
