rktrace --help
