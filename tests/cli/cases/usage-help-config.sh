rktrace config --help
