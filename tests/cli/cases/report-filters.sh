# The part of a file that was asked for, in the tables.
make_trace app.rkt.zst clean
for part in "--kernel axpy" "--kernel /^foo/ --by thread" "--last 100us" "--from 300us --to 500us" \
    "--min-duration 150us" "--stream 8" "--device 0 --by stream" "--from 2023-11-14T22:13:21.0004Z"; do
    echo "== $part"
    rktrace report --csv $part app.rkt.zst
done
