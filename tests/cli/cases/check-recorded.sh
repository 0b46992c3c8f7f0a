{
    echo 'instrument 1 execution graph/pagerank domain=Graph'
    seq 200 | awk '{ printf "at %d\nkernel k 0.5\nsample 1 %.3f %s\n", $1, $1 / 1000,
                     $1 % 50 ? "" : "error" }'
} | make_trace t.rkt.zst script
cat > slo.yaml <<'Y'
slo:
- { name: recorded, domain: Graph, latency_p99: 210ms, error_rate: 0.02 }
- { name: kernels, source: gpu, latency_p50: 100ms }
Y
rktrace check t.rkt.zst --slo slo.yaml
