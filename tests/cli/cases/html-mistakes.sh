make_trace t.rkt.zst clean
rktrace html t.rkt.zst
head -c 100 t.html | grep -c doctype
rktrace html t.rkt.zst
echo $?
rktrace html --force t.rkt.zst
echo $?
rktrace html --output none/there.html t.rkt.zst
echo $?
rktrace html --output /dev/full t.rkt.zst
echo $?
rktrace html --from soon t.rkt.zst
echo $?
rktrace html --from 2s --to 1s t.rkt.zst
echo $?
rktrace html --spans 0 t.rkt.zst
echo $?
echo no trace > bad.rkt.zst
rktrace html bad.rkt.zst
echo $?
rktrace html gone.rkt.zst
echo $?
rktrace html --spans 3 --output part.html t.rkt.zst
ls
