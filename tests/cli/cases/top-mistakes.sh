# No such process, none that listens there, and options that are none.
export XDG_RUNTIME_DIR=$PWD
rktrace top 1 2; echo "status: $?"
rktrace top 1 --sort colour; echo "status: $?"
rktrace top 1 --interval 1us; echo "status: $?"
rktrace top no-such-program; echo "status: $?"
sleep 60 & other=$!
rktrace top --once "$other" 2>&1 | sed "s/$other/N/"
kill "$other"
