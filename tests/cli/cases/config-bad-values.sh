cat > c.yaml <<'Y'
preset: prod
metrics:
  prot: 80
  port: abc
  port: 90000
  histogram_buckets: [1, x]
  pushgateway:
    interval: 15
logginx: {level: info}
logging: {level: loud, per_domain_levels: {A: nope}}
tracing.otlp.endpoint: localhost 4317
tracing: 5
ring: {size: 2MiB}
kernels: [ {id: x}, {match: [a]}, {match: "k*", dommain: D} ]
alerting:
  rules: [ { name: a, severity: bad, condition: {latency_exceeds: {threshold: 5, percentilx: 3}}} ]
  channels: [ { slck: {} } ]
slo: [ {latency_p99: 5} ]
a: *b
Y
rktrace config --check c.yaml
