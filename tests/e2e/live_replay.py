# SPDX-License-Identifier: Apache-2.0
"""Live = replay, of any program: the same spans with all ids and fields, the same final metrics."""
import collections

import harness

# The tracer's own series tell about a process, not about the trace.
OWN = ("rustkernel_tracer_", "process_", "rustkernel_last_push_", "target_info",
       "rustkernel_circuit_breaker_state")


def multiset(spans):
    return collections.Counter(repr(sorted(span.items(), key=str)) for span in spans)


def comparable(samples):
    return {series: value for series, value in samples.items() if not series.startswith(OWN)}


class LiveReplay(harness.Case):
    """Tests that run a program and its trace file into receivers of their own."""

    def check(self, argv, **env):
        """Return: the live run, its spans and its final samples."""
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
        return live, receiver.spans(), first

    def assert_same(self, live, replayed):
        only_live = multiset(live) - multiset(replayed)
        only_replayed = multiset(replayed) - multiset(live)
        self.assertEqual((len(live), list(only_live)[:2]), (len(replayed), list(only_replayed)[:2]))
