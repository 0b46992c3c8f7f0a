make_trace t.rkt.zst clean
rktrace replay t.rkt.zst --otlp collector
