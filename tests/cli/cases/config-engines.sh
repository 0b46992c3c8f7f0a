# What only the parsers of alerts and SLOs know is named by the check as well.
cat > a.yaml <<'Y'
alerting:
  rules:
    - { name: side, condition: { latency_exceeds: { threshold: 100ms, resolve: 200ms } } }
    - { name: low, condition: { execution_rate_below: { threshold: 10, resolve: 5 } } }
    - { name: twice, condition: { losses_above: {} } }
    - { name: twice, condition: { losses_above: {} } }
    - { name: zero, condition: { losses_above: { window: 0s } } }
    - { name: burn, condition: { slo_burn_rate: { factor: 2, long_window: 5m, short_window: 1h } } }
    - { name: long, condition: { slo_burn_rate: { factor: 2, long_window: 72h } } }
  channels:
    - log: {}
  routes:
    - { match: { rule: side }, channels: [pager] }
slo:
  - { name: empty }
  - { name: one, latency_p50: 1s }
  - { name: one, latency_p50: 1s }
  - { name: never, latency_p50: 0s }
  - { name: window, latency_p50: 1s, window: 10s }
Y
rktrace config --check a.yaml
echo "status $?"
rktrace config --check a.yaml --json
echo "status $?"
