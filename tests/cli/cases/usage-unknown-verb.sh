rktrace reportt x
