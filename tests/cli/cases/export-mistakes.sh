# Wrong uses are named, with the way out, and nothing is written.
make_trace app.rkt.zst clean
for words in "" "--format excel" "--format sqlite" "-o x.zip" "--format folded --split 1M -o x" "--format csv --split 1M" \
    "--format csv --split 10" "--format csv --top 0" "--format csv --last soon" "-o . --format csv"; do
    rktrace export app.rkt.zst $words
    echo $?
done
ls
