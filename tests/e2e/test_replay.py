# SPDX-License-Identifier: Apache-2.0
"""Live = replay: the same spans with all ids and fields, the same final metrics."""
import collections

import harness

# The tracer's own series tell about a process, not about the trace.
OWN = ("rustkernel_tracer_", "process_", "rustkernel_last_push_", "target_info",
       "rustkernel_circuit_breaker_state")


def multiset(spans):
    return collections.Counter(repr(sorted(span.items(), key=str)) for span in spans)


def comparable(samples):
    return {series: value for series, value in samples.items() if not series.startswith(OWN)}


class Replay(harness.Case):
    def check(self, argv, **env):
        receiver, gateway = self.receiver(), self.gateway()
        settings = {"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                    "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                    "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0,
                    "RUSTKERNEL_PUSHGATEWAY_URL": gateway.url,
                    # What a slow machine cannot send in time has its own test (e2e-unsent).
                    "RUSTKERNEL_EXIT_TIMEOUT": "30s"}
        settings.update(env)
        live = self.run_program(argv, env=settings)
        self.assertEqual(live.code, 0, live.stderr)
        again, gateway_again = self.receiver(), self.gateway()
        self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", again.url,
                     "--pushgateway", gateway_again.url,
                     env={"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        self.assertGreater(len(receiver.spans()), 0)
        self.assert_same(receiver.spans(), again.spans())
        first = comparable(gateway.samples())
        self.assertGreater(len(first), 10)
        self.assertEqual(first, comparable(gateway_again.samples()))
        self.assertEqual(receiver.stop(), 0)
        self.assertEqual(again.stop(), 0)

    def assert_same(self, live, replayed):
        only_live = multiset(live) - multiset(replayed)
        only_replayed = multiset(replayed) - multiset(live)
        self.assertEqual((len(live), list(only_live)[:2]), (len(replayed), list(only_replayed)[:2]))

    def test_storm(self):
        self.check([self.program("storm"), 1000, 4, 8])

    def test_storm_longer_than_a_frame(self):
        self.check([self.program("storm_driver_linked"), 4000, 4, 8], SIMGPU_KERNEL_NS=5000000)

    def test_graphs_and_captures(self):
        self.check([self.program("capture")])

    def test_memory_of_every_pool(self):
        self.check([self.program("memory")])

    def test_copies(self):
        self.check([self.program("copies")])

    def test_remote_parent(self):
        self.check([self.program("storm"), 100, 2, 2],
                   TRACEPARENT="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    def test_host_time(self):
        self.check([self.program("storm"), 100, 2, 2],
                   SIMGPU_CUPTI="refused")

    def test_invalid_times(self):
        self.check([self.program("storm"), 100, 2, 2],
                   SIMGPU_CUPTI_INVALID_TIME_EVERY=7)

    def test_dropped_buffers(self):
        self.check([self.program("storm"), 5000, 2, 2],
                   SIMGPU_CUPTI_DROP_EVERY=2)


if __name__ == "__main__":
    harness.main()
