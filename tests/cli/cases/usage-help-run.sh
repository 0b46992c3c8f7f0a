rktrace run --help
