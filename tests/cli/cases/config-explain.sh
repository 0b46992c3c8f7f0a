printf 'metrics: { port: 9400, top_k: 7 }\n' > c.yaml
export RUSTKERNEL_CONFIG=c.yaml RUSTKERNEL_METRICS_PORT=9500 OTEL_BSP_SCHEDULE_DELAY=250
rktrace config --explain metrics.port
rktrace config --explain RUSTKERNEL_METRICS_TOP_K
rktrace config --explain tracing.otlp.flush_interval
rktrace config --explain service.name
rktrace config --explain metrics.port --json
