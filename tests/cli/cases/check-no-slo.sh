make_trace t.rkt.zst clean
echo 'metrics: { port: 9000 }' > slo.yaml
rktrace check t.rkt.zst --slo slo.yaml
echo "status $?"
rktrace check t.rkt.zst --slo nowhere.yaml
echo "status $?"
echo 'slo: [ { name: a, throughput: 1 } ]' > slo.yaml
rktrace check nowhere.rkt.zst --slo slo.yaml
echo "status $?"
rktrace check t.rkt.zst
