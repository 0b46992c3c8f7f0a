# The program sees its own environment, plus what was asked for; LD_PRELOAD keeps what was there.
LD_PRELOAD=libm.so.6 rktrace run -o t.rkt.zst --otlp http://localhost:4318 -- sh -c 'echo $LD_PRELOAD; env | grep RUSTKERNEL_ | sort' 2>/dev/null
