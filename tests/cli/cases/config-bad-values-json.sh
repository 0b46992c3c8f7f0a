printf 'metrics:\n  prot: 80\n' > c.yaml
rktrace config --check c.yaml --json
