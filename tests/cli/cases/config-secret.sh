printf 'tracing: { otlp: { headers: "hunter2" } }\n' > c.yaml
rktrace config --check c.yaml
OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2 rktrace config --explain tracing.otlp.headers
OTEL_EXPORTER_OTLP_ENDPOINT=https://me:hunter2@host:4318 rktrace config --explain tracing.otlp.endpoint
