RUSTKERNEL_METRICS_PORT=many RUSTKERNEL_METRICS_PRT=1 rktrace config --explain metrics.port
