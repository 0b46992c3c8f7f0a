rktrace run -o nowhere/t.rkt.zst -- true; echo "$?"
mkdir closed
chmod 555 closed
as_nobody rktrace run -o closed/t.rkt.zst -- true; echo "$?"
