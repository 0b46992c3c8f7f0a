# Two pools of two GPUs: a cache that stays, blocks that come and go, one that a context took
# with it, registered memory, and a call that failed because all of that was there.
make_trace t.rkt.zst script <<'END'
at 1
alloc 4194304 at=0x10000 api=cuMemAlloc_v2 thread=7
at 2
alloc 1048576 at=0x20000 api=cuMemAlloc_v2 thread=8
alloc 65536 at=0x30000 pool=3 api=cuMemAllocAsync thread=7
free 65536 at=0x30000 pool=3 api=cuMemFreeAsync thread=7
alloc 65536 at=0x30000 pool=3 api=cuMemAllocAsync thread=7
free 65536 at=0x30000 pool=3 api=cuMemFreeAsync thread=8
at 3
alloc 8388608 at=0x40000 gpu=1 api=cuMemAlloc_v2 thread=7
alloc 512 at=0x50000 pool=2 api=cuMemHostAlloc thread=7
alloc 1024 at=0x60000 pool=2 api=cuMemHostRegister_v2 thread=7
refuse 1073741824 api=cuMemAlloc_v2 thread=8
free 1048576 at=0x20000 api=cuMemFree_v2 thread=8
at 5
free 8388608 at=0x40000 gpu=1 api=cuCtxDestroy_v2 thread=7
free 0 at=0x70000 api=cuMemFree_v2 thread=7
free 1024 at=0x60000 pool=2 api=cuMemHostUnregister thread=7
at 6
END
rktrace report --memory t.rkt.zst
rktrace report --memory --csv t.rkt.zst
# Without the numbers of the series.
rktrace report --memory --json t.rkt.zst | grep -v '^ *[0-9]*,\?$'
