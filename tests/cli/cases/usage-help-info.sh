rktrace info --help
