rktrace run -- no-such-program
rktrace run -- ./no-such-program; echo "$?"
