rktrace config --print-defaults > c.yaml && rktrace config --check c.yaml
rktrace config --print-defaults --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)) > 40)'
