printf 'metrics: \377\376\n' > c.yaml
rktrace config --check c.yaml
