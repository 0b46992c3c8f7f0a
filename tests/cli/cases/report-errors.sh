# What failed, how often, and what was under way in a context that was lost.
make_trace t.rkt.zst script <<'SCRIPT'
kernel _Z4axpyfPfS_ 0.05 20 0.01
suspect _Z4spinv
suspect _Z4axpyfPfS_
fail _Z4axpyfPfS_
fail _Z4axpyfPfS_
SCRIPT
rktrace report --errors t.rkt.zst
rktrace report --errors --json t.rkt.zst
rktrace report --errors --csv t.rkt.zst
make_trace clean.rkt.zst clean
rktrace report --errors clean.rkt.zst
