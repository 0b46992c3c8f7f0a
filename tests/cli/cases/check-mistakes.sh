make_trace t.rkt.zst clean
cat > slo.yaml <<'Y'
slo:
- { name: a, latency_p98: 1ms }
- { name: b, latency_p99: 1 }
- { name: c, error_rate: 2 }
- { name: d, throughput: 0 }
- name: d2
  throughput: 5
  window: 1s
- { name: e, throughput: 5, source: moon }
- { name: f }
- { name: g, throughput: 1 }
- { name: g, throughput: 1 }
Y
rktrace check t.rkt.zst --slo slo.yaml
