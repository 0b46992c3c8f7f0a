rktrace check --help
