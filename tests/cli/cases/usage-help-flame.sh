rktrace flame --help
