rktrace config
