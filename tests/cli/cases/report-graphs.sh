# A graph by its nodes, one whose loop runs longer each time, one traced as a whole, one that the
# device launched, and a new one that got the id and the handle of the first.
make_trace t.rkt.zst script <<'SAID'
graph instantiated 0x9000 1051
graph launch 7 0x9000 _Z4gemmPf=1000 _Z4axpyfPfS_=49
graph launch 7 0x9000 _Z4gemmPf=1000 _Z4axpyfPfS_=49
graph updated 0x9000
graph launch 7 0x9000 _Z4gemmPf=1000 _Z4axpyfPfS_=49
graph launch 8 0xa000 _Z4loopPf=3
graph launch 8 0xa000 _Z4loopPf=12
kernel _Z4axpyfPfS_ 0.0002
graph launch 9 0xb000
graph launch 9 0xb000
graph device 11 _Z5childPf
graph destroyed 0x9000
graph instantiated 0x9000 2
graph launch 7 0x9000 _Z5otherPf=2
SAID
rktrace report --graphs t.rkt.zst
rktrace report --graphs --csv --mangled t.rkt.zst
rktrace report --graphs --json t.rkt.zst | tr '\n' ' ' | head -c 700
echo
rktrace report t.rkt.zst
make_trace none.rkt.zst clean
rktrace report --graphs none.rkt.zst
