cat > c.yaml <<'Y'
preset: production            # development | production | minimal
metrics:  { enabled: true, address: 127.0.0.1, port: 8080, endpoint: /metrics, include_runtime: true, include_kernel_stats: true,
            histogram_buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0], top_k: 200,
            pushgateway: { url: "http://push:9091", job: train, interval: 15s, delete_on_exit: false } }
tracing:  { enabled: true, sampling_rate: 0.1, keep_slower_than: p99, keep_errors: true, otlp: { endpoint: "http://localhost:4317", compression: gzip, headers_file: /run/secrets/otlp } }
logging:  { level: info, format: json, include_kernel_context: true, output: stderr, per_domain_levels: { Compliance: debug } }
kernels:  [ { match: "pagerank*", id: graph/pagerank, domain: GraphAnalytics } ]
Y
rktrace config --check c.yaml
