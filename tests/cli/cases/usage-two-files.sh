rktrace report a b
