rktrace config --explain metrics.prot
