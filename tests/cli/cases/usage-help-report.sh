rktrace report --help
