# SPDX-License-Identifier: Apache-2.0
"""1,000 launches from 4 threads over 8 streams, however the program found the driver."""
import collections
import json

import harness

LAUNCHES, THREADS, STREAMS = 1000, 4, 8


class Shapes(harness.Case):
    def check(self, shape):
        receiver, gateway = self.receiver(), self.gateway()
        result = self.run_program(
            [self.program(shape), LAUNCHES, THREADS, STREAMS],
            env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                 "RUSTKERNEL_TRACE_FILE": "storm.rkt.zst",
                 "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0,
                 "RUSTKERNEL_PUSHGATEWAY_URL": gateway.url})
        self.assertEqual(result.code, 0, result.stderr)
        truth = self.truth(result.folder)
        trace = result.folder / "storm.rkt.zst"
        self.check_file(trace, truth)
        self.check_spans(receiver.spans(), truth)
        self.check_counter(gateway.samples())
        self.assertEqual(receiver.stop(), 0)

    def check_file(self, trace, truth):
        info = self.info(trace)
        self.assertEqual(info["launches"], LAUNCHES)
        self.assertEqual(info["kernels"], LAUNCHES)
        self.assertEqual(info["open"], 0)
        self.assertEqual(info["gpu_time_source"], "cupti")
        self.assertTrue(info["clean_exit"])
        self.assertEqual(info["memcpys"], len(truth.of("memcpy")))
        self.assert_ledger_closes(info)
        report = json.loads(self.rktrace("report", "--json", trace))
        self.assertEqual(sum(row["instances"] for row in report["kernels"]), LAUNCHES)

    def check_spans(self, spans, truth):
        kernels = harness.kernel_spans(spans)
        self.assertEqual(len(kernels), LAUNCHES)
        by_correlation = {op["corr"]: op for op in truth.of("kernel")}
        self.assertEqual(len(by_correlation), LAUNCHES)
        threads, streams = collections.Counter(), collections.Counter()
        for span in kernels:
            op = by_correlation.pop(harness.attribute(span, "rustkernel.correlation_id"))
            self.assertEqual(span["end_ns"] - span["start_ns"], op["dur_ns"])
            self.assertEqual(harness.attribute(span, "thread.id"), op["tid"])
            self.assertEqual(harness.attribute(span, "rustkernel.stream"), op["stream"])
            self.assertEqual(harness.attribute(span, "rustkernel.grid"),
                             ",".join(map(str, op["grid"])))
            self.assertEqual(harness.attribute(span, "rustkernel.block"),
                             ",".join(map(str, op["block"])))
            self.assertTrue(span["name"])
            self.assertIn(span["name"], op["name"])
            threads[op["tid"]] += 1
            streams[op["stream"]] += 1
        self.assertEqual(len(threads), THREADS)
        self.assertEqual(len(streams), STREAMS)

    def check_counter(self, samples):
        counted = harness.sum_of(samples, "rustkernel_executions_total", source="gpu",
                                 status="ok")
        self.assertEqual(counted, LAUNCHES)
        self.assertEqual(
            harness.sum_of(samples, "rustkernel_execution_duration_seconds_count"), LAUNCHES)
        self.assertEqual(harness.sum_of(samples, "rustkernel_dropped_total"), 0)
        self.assertEqual(harness.sum_of(samples, "rustkernel_active_kernels"), 0)


class Backlog(harness.Case):
    def test_hundred_thousand_launches_in_flight(self):
        """2 us a launch, 20 us a kernel: the join holds nearly all of them at the end."""
        slower = 5 if harness.SANITIZER_PRELOAD else 1  # the drain is, so the program has to be
        launches = 100000 // slower
        result = self.run_program([self.program("storm_driver_linked"), launches, 1, 1],
                                  env={"SIMGPU_LAUNCH_NS": 2000 * slower,
                                       "SIMGPU_KERNEL_NS": 20000 * slower})
        self.assertEqual(result.code, 0, result.stderr)
        info = self.info(self.only_trace(result.folder))
        self.assertEqual(info["kernels"], launches)
        self.assert_ledger_closes(info)


def add(shape):
    setattr(Shapes, "test_" + shape, lambda self: self.check(shape))


for name in harness.SHAPES:
    add(name)

if __name__ == "__main__":
    harness.main()
