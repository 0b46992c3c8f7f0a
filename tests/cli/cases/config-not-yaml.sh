printf 'metrics:\n  port: 8080\ntracing: [1, 2\n' > c.yaml
rktrace config --check c.yaml
