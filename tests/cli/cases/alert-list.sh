cat > a.yaml <<'Y'
alerting:
  rules:
    - { name: slow, condition: { latency_exceeds: { threshold: 100ms, window: 30s } }, severity: critical }
    - { name: failing, condition: { error_rate_exceeds: { threshold: 0.2, window: 30s } }, for_duration: 5s }
    - { name: hang, condition: { kernel_in_flight: { longer_than: 4s } }, severity: page }
    - { name: idle, condition: { no_executions_for: { duration: 20s } } }
Y
make_trace t.rkt.zst script <<'S'
at 1
kernel rank 0.01 10
at 10
kernel rank 0.2 10
at 20
kernel rank 0.01 1
fail rank
fail rank
at 60
hang stuck
at 70
S
rktrace alert list t.rkt.zst --config a.yaml | cut -c12-
rktrace alert list t.rkt.zst --config a.yaml --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'
