rktrace info --json
