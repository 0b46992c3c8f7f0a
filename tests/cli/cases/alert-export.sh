cat > a.yaml <<'Y'
alerting:
  rules:
    - { name: slow, condition: { latency_exceeds: { threshold: 100ms, resolve: 50ms, window: 2m } }, severity: page,
        for_duration: 60s, keep_firing_for: 90s, kernels: ["graph/*", "a.b(c)?"], labels: { team: gpu },
        annotations: { summary: "{kernel_id} took {value}, more than {threshold}" } }
    - { name: growth, condition: { memory_growth: { bytes: 1GiB } } }
    - { name: wrong, condition: { latency_exceeds: { threshold: fast } } }
Y
rktrace alert export --prometheus --config a.yaml
