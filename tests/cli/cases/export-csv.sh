# Rows of work, with the columns of nsys; a file says what was written.
make_trace app.rkt.zst clean
rktrace export app.rkt.zst --format csv --kernel 'foo*' --demangled
rktrace export app.rkt.zst -o out.csv
rktrace export app.rkt.zst --format folded
make_trace host.rkt.zst host
rktrace export host.rkt.zst -o out.csv -f --format csv
tail -n 1 out.csv
