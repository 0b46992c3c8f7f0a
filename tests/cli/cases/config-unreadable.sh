echo 'preset: minimal' > c.yaml
chmod 0 c.yaml
as_nobody rktrace config --check c.yaml
