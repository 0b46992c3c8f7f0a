# What cannot be read is told by name, and what a part of a file cannot tell is refused.
make_trace app.rkt.zst clean
for part in "--from soon" "--last 0" "--last 5" "--kernel /(/" "--device one" "--stream 1,,2" "--by colour" \
    "--min-duration 2s --max-duration 1s" "--last 1s --from 0" "--memory --last 1s" "--idle --kernel x"; do
    rktrace report $part app.rkt.zst
    echo $?
done
