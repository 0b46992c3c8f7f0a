rktrace
