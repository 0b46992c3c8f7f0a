rktrace /bin/sh -c 'exit 3'; echo "$?"
rktrace -- sh -c 'exit 4'; echo "$?"
