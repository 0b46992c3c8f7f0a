printf 'metrics:\n\tport: 8080\n' > c.yaml
rktrace config --check c.yaml
