# SPDX-License-Identifier: Apache-2.0
"""What sampling keeps, and what is kept against it; a replay with the same settings agrees."""
import harness

UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
RATE = "RUSTKERNEL_TRACING_SAMPLING_RATE"


def ordered(spans):
    return sorted(repr(sorted(span.items(), key=str)) for span in spans)


def roots(spans):
    return [span for span in spans if span["name"].startswith(("kernel:", "transfer"))]


class Sampling(harness.Case):
    def both(self, argv, settings, **env):
        """The spans of a live run, which have to be those of a replay with the same settings."""
        settings = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0, **settings}
        receiver, again = self.receiver(), self.receiver()
        live = self.run_program(argv, env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                           "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                                           **settings, **env})
        self.assertEqual(live.code, 0, live.stderr)
        said = self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", again.url,
                            env=settings)
        spans = receiver.spans()
        self.assertEqual(ordered(spans), ordered(again.spans()))
        # Everything was counted once: sent or sampled out.
        sent = said[said.rindex("sent: "):]
        words = sent.replace(",", "").split()
        self.assertEqual(int(words[1]), len(spans), sent)
        self.assertEqual(int(words[1]) + int(words[5]), int(words[3]), sent)
        self.assertEqual(receiver.stop(), 0)
        self.assertEqual(again.stop(), 0)
        return spans

    def test_a_rate_and_its_threshold(self):
        spans = self.both([self.program("storm"), 1000, 8, 1], {RATE: 0.5})
        for span in spans:
            self.assertEqual(span["trace_state"], "ot=th:8")
            self.assertGreaterEqual(int(span["trace_id"][18:], 16), 1 << 55)

    def test_a_failure_is_kept(self):
        spans = self.both([self.program("errors"), "illegal"], {RATE: 0},
                          SIMGPU_ILLEGAL_ADDRESS_AT=5)
        self.assertEqual([span["name"] for span in spans], ["kernel:errors_kernel"])
        self.assertEqual(spans[0]["status"]["code"], 2)
        self.assertRegex(spans[0]["status"]["message"],
                         r"^cu\w+ failed: CUDA_ERROR_ILLEGAL_ADDRESS "
                         r"\(an illegal memory access was encountered\); in flight: errors_kernel$")
        self.assertEqual(spans[0]["trace_state"], "")
        self.assertEqual(spans[0]["attributes"]["rustkernel.time_source"], "host")

    def test_a_failure_of_an_unsampled_caller(self):
        spans = self.both([self.program("errors"), "illegal"], {}, TRACEPARENT=UNSAMPLED,
                          TRACESTATE="a=1", SIMGPU_ILLEGAL_ADDRESS_AT=5)
        self.assertEqual(len(spans), 1)
        self.assertEqual(spans[0]["trace_id"], UNSAMPLED[3:35])
        self.assertEqual(spans[0]["parent_span_id"], UNSAMPLED[36:52])
        self.assertEqual(spans[0]["trace_state"], "a=1")

    def test_always_off_is_always(self):
        spans = self.both([self.program("errors"), "illegal"],
                          {"OTEL_TRACES_SAMPLER": "always_off"}, SIMGPU_ILLEGAL_ADDRESS_AT=5)
        self.assertEqual(spans, [])

    def test_failures_are_not_kept_where_nobody_wants_them(self):
        spans = self.both([self.program("errors"), "illegal"],
                          {RATE: 0, "RUSTKERNEL_TRACING_KEEP_ERRORS": "false"},
                          SIMGPU_ILLEGAL_ADDRESS_AT=5)
        self.assertEqual(spans, [])

    def test_holding_back_changes_nothing_in_a_replay(self):
        settings = {RATE: 0.3, "RUSTKERNEL_TRACING_KEEP_SLOWER_THAN": "p90"}
        spans = self.both([self.program("storm_driver_linked"), 4000, 4, 8], settings)
        for root in roots(spans):
            self.assertIn(root["trace_state"], ("", "ot=th:b333"))


if __name__ == "__main__":
    harness.main()
