make_trace t.rkt.zst killed
echo 'slo: [ { name: all, latency_p50: 1ms, min_executions: 5 } ]' > slo.yaml
rktrace check --slo slo.yaml t.rkt.zst
