echo input | rktrace run -- cat; echo "cat: $?"
rktrace run -- sh -c 'echo out; echo err >&2; exit 7'; echo "exit: $?"
rktrace run -- sh -c 'kill -9 $$'; echo "killed: $?"
rktrace run --summary never -- sh -c 'exit 0' -- --help; echo "arguments: $?"
