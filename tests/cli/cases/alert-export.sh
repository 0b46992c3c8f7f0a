cat > a.yaml <<'Y'
alerting:
  rules:
    - { name: slow, condition: { latency_exceeds: { threshold: 100ms, resolve: 50ms, window: 2m } }, severity: page,
        for_duration: 60s, keep_firing_for: 90s, kernels: ["graph/*", "a.b(c)?"], labels: { team: gpu },
        annotations: { summary: "{kernel_id} took {value}, more than {threshold}" } }
    - { name: growth, condition: { memory_growth: { bytes: 1GiB } } }
    - { name: starved, condition: { gpu_idle: { threshold: 0.5 } } }
    - { name: unused, condition: { gpu_idle: { threshold: 0.9, resolve: 0.5, state: idle, device: "1?", window: 1h } } }
    - { name: never, condition: { gpu_idle: { threshold: 0.5, state: busy } } }
    - { name: wrong, condition: { latency_exceeds: { threshold: fast } } }
Y
rktrace alert export --prometheus --config a.yaml
