rktrace run --otlp collector -- true; echo "$?"
rktrace run --pushgateway ftp://x -- true; echo "$?"
rktrace run --summary sometimes -- true; echo "$?"
rktrace run --config nowhere.yaml -- true; echo "$?"
