rktrace config --print-defaults > c.yaml && rktrace config --check c.yaml
rktrace config --print-defaults --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)) > 40)'
export RUSTKERNEL_CONFIG=c.yaml RUSTKERNEL_OTLP_ENDPOINT=http://collector:4317
rktrace config --explain metrics.otlp.endpoint | grep -E 'value|from'
rktrace config --print-defaults | grep -A 1 'for logs' | head -n 2
