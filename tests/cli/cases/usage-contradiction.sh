rktrace report --json --csv a
