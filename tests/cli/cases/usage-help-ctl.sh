rktrace ctl --help
