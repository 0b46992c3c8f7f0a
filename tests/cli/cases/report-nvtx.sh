# Steps in two domains, with work in them, in a range within them and in a span within that; one
# whose work is over long after it, one without work, and one that never ends.
make_trace t.rkt.zst script <<'SAID'
begin 1 step nvtx nvtx.domain=train epoch=1
begin 2 forward nvtx parent=1
attach 2
kernel _Z4gemmPf 0.25 2 0.25
close
detach
at 2
end 2
begin 3 span parent=1
begin 4 "back, ward" nvtx parent=3
attach 4
copy 4096 0.5
close
detach
end 4
end 3
at 3
end 1
begin 5 step nvtx nvtx.domain=train epoch=2
attach 5
kernel _Z4gemmPf 2
close
detach
end 5
begin 6 step nvtx nvtx.domain=load
at 7
end 6
begin 7 forever nvtx
attach 7
kernel _Z4gemmPf 0.125
close
detach
at 9
SAID
rktrace report --nvtx t.rkt.zst
rktrace report --nvtx --csv t.rkt.zst
rktrace report --nvtx --json t.rkt.zst
make_trace none.rkt.zst clean
rktrace report --nvtx none.rkt.zst
