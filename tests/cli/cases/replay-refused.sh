[ -e "$RK_TREE/exporters/librknet.so" ] || exit 77
make_trace t.rkt.zst clean
export OTEL_EXPORTER_OTLP_TIMEOUT=1000
start=$SECONDS
rktrace replay t.rkt.zst --otlp http://127.0.0.1:1 >out 2>err; echo "otlp: $?"
tail -n 1 out
tail -n 1 err | sed 's/after [0-9]* ms/after N ms/'
rktrace replay t.rkt.zst --pushgateway http://127.0.0.1:1 >out 2>err; echo "pushgateway: $?"
tail -n 1 out
tail -n 1 err | sed 's/after [0-9]* ms/after N ms/'
[ $((SECONDS - start)) -le 10 ] && echo in time
