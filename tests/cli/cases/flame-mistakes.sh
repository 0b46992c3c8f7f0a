make_trace t.rkt.zst clean
rktrace flame t.rkt.zst
echo $?
rktrace flame --by calls t.rkt.zst
echo $?
rktrace flame --by launches --from 100s t.rkt.zst
echo $?
touch t.svg
rktrace flame t.rkt.zst
echo $?
rktrace flame gone.rkt.zst
echo $?
