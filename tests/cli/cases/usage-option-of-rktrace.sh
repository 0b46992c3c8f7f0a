rktrace --verbose
