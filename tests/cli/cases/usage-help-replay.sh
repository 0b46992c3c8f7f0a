rktrace replay --help
