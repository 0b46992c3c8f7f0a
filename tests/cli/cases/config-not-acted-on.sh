cat > c.yaml <<'Y'
alerting:
  rules:    [ { name: high_latency, condition: { latency_exceeds: { threshold: 100ms, percentile: 95 } }, severity: warning, for_duration: 60s, kernels: ["graph/*"] } ]
  channels: [ { slack: { webhook_url_file: /run/secrets/slack, channel: "#alerts" } }, { pagerduty: { service_key_file: /run/secrets/pd } } ]
slo:      [ { name: graph, domain: GraphAnalytics, latency_p99: 50ms, availability: 0.999, error_rate: 0.001 } ]
Y
rktrace config --check c.yaml
