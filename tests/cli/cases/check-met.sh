# Five minutes with a kernel a second, of 0.1 ms, 0.2 ms... 30 ms; in the fourth three fail.
seq 300 | awk '{ printf "at %d\nkernel _ZN5graph8pagerankEPf %.4f\n", $1, $1 / 10000 }
    $1 >= 200 && $1 < 203 { print "fail _ZN5graph8pagerankEPf" }
    END { print "at 301" }' | make_trace t.rkt.zst script
cat > slo.yaml <<'Y'
slo:
- { name: graph, kernel: "graph::*", latency_p50: 50ms, latency_p95: 50ms, error_rate: 0.05, throughput: 0.5 }
- { name: process, availability: 0.5 }
Y
rktrace check t.rkt.zst --slo slo.yaml
