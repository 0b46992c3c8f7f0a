# Spans, logs, samples of the program and a launch that hangs make no other numbers of GPU work.
make_trace t.rkt.zst script <<'SAID'
log 3 Core "long before any launch"
at 60
instrument 1 counter app_jobs_total unit=1 domain=Core help="Jobs that ended" queue=fast
begin 1 request domain=GraphAnalytics tenant_id=acme
begin 2 graph/pagerank parent=1 kernel size=100
attach 2
log 3 Core "job begins" job=17
kernel _Z4axpyfPfS_ 0.05 20 0.01
copy 4096 0.001
sample 1 3
hang _Z4spinv
detach
attribute 2 rows=12
event 2 checkpoint at=3
link 2 1
end 2 ok
fail _Z4axpyfPfS_
end 1 error "it failed"
setting tracing.sampling_rate=0.5
at 90
log 4 Core "long after"
SAID
rktrace info t.rkt.zst
rktrace report t.rkt.zst
