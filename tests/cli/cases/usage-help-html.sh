rktrace html --help
