rktrace config --check .
