export RUSTKERNEL_OTLP_ENDPOINT=http://collector:4317 OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://logs:4318/x
export OTEL_EXPORTER_OTLP_TIMEOUT=soon OTEL_EXPORTER_OTLP_METRICS_INSECURE=yes
rktrace config --explain metrics.otlp.endpoint
rktrace config --explain metrics.otlp.endpoint --json 2>/dev/null
rktrace config --explain OTEL_EXPORTER_OTLP_LOGS_ENDPOINT 2>/dev/null
