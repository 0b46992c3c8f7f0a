# Nobody to ask, nothing to ask, and a process that cannot answer.
rktrace ctl; echo "status: $?"
rktrace ctl 1; echo "status: $?"
rktrace ctl 1 dance; echo "status: $?"
rktrace ctl one status; echo "status: $?"
rktrace ctl 1 status reload; echo "status: $?"
sleep 0 & gone=$!
wait "$gone"
rktrace ctl "$gone" status 2>&1 | sed "s/$gone/N/"
sleep 60 & other=$!
rktrace ctl --json status "$other" 2>&1 | sed "s/$other/N/"
rktrace ctl "$other" status 2>&1 | sed "s/$other/N/"
kill "$other"
