rktrace doctor --help
