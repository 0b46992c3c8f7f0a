rktrace replay x --otlp
