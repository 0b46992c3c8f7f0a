make_trace t.rkt.zst clean
echo 'slo: [ { name: all, latency_p99: 1ms } ]' > slo.yaml
rktrace check --slo slo.yaml t.rkt.zst
echo "status $?"
echo 'slo: [ { name: all, latency_p99: 1ms, min_executions: 5 } ]' > slo.yaml
RUSTKERNEL_CONFIG=slo.yaml rktrace check t.rkt.zst
