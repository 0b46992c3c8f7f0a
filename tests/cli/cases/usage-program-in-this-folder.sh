# What a stranger types first: the program without ./, a trace without a verb, help of a verb.
cp /bin/true app
: >app.1.rkt.zst
rktrace app; echo "$?"
rktrace run app; echo "$?"
rktrace doctor app; echo "$?"
rktrace app.1.rkt.zst; echo "$?"
rktrace run ./app.1.rkt.zst; echo "$?"
rktrace help flame | head -n 1
rktrace help reprot; echo "$?"
echo text >text
rktrace report text; echo "$?"
rktrace report .; echo "$?"
printf '\050\265' >begun
rktrace report begun; echo "$?"
make_trace clean.rkt.zst clean
rktrace export clean.rkt.zst -o no/folder/x.csv; echo "$?"
rktrace html clean.rkt.zst -o no/folder/x.html; echo "$?"
