rktrace run -o x
