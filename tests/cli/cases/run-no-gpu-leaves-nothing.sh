rktrace run -- true
ls -A
