# Five minutes with a kernel a second, of 0.1 ms, 0.2 ms... 30 ms; in the fourth three fail.
seq 300 | awk '{ printf "at %d\nkernel _ZN5graph8pagerankEPf %.4f\n", $1, $1 / 10000 }
    $1 >= 200 && $1 < 203 { print "fail _ZN5graph8pagerankEPf" }
    END { print "at 301" }' | make_trace t.rkt.zst script
cat > slo.yaml <<'Y'
preset: production
kernels: [ { match: "graph::*", id: graph/pagerank, domain: Graph } ]
slo:
- { name: exact, kernel: graph/pagerank, latency_p50: 15ms, latency_p95: 28500us, latency_p99: 29699us }
- { name: graph, domain: Graph, latency_p50: 29ms, error_rate: 0.001, availability: 0.9, throughput: 2 }
- { name: other, domain: Text, latency_p50: 1ms }
Y
rktrace check t.rkt.zst --slo slo.yaml
