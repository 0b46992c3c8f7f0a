rktrace report --jsno x
