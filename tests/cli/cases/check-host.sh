make_trace t.rkt.zst host
echo 'slo: [ { name: all, latency_p50: 1ms, min_executions: 1 } ]' > slo.yaml
rktrace check --slo slo.yaml t.rkt.zst
