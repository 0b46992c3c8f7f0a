# SPDX-License-Identifier: Apache-2.0
"""Contexts across threads, queues, callbacks, streams, forks, and a chain of three processes."""
import chain
import harness

# One file of the truth cannot serve several processes.
SETTINGS = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0, "SIMGPU_TRUTH": ""}
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


class Context(harness.Case):
    def spans_of(self, *argv, **env):
        receiver = self.receiver()
        done = self.run_program([self.program("context"), *argv],
                                env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url, **SETTINGS, **env})
        self.assertEqual(done.code, 0, done.stderr)
        self.assertEqual(receiver.stop(), 0)
        self.printed = done.stdout.decode().split()
        return chain.Spans(receiver.spans())

    def test_a_span_goes_on_in_another_thread(self):
        spans = self.spans_of("threads")
        root = spans.one("kernel:threads")
        for blocks in (11, 13, 15):  # submitted in the span itself
            self.assertEqual(spans.leaf(blocks)["parent_span_id"], root["span_id"], blocks)
        threads = {harness.attribute(spans.leaf(blocks), "thread.id") for blocks in (11, 13)}
        self.assertEqual(len(threads - {None}), 2)
        # Captured: an execution of its own, below the span.
        self.assertEqual(spans.top(spans.leaf(12)), root)
        self.assertIn("gpu_execute", spans.names_above(spans.leaf(12)))
        self.assertEqual(spans.names_above(spans.leaf(12))[0], "kernel:threads")
        # Afterwards the thread is in no context again.
        self.assertNotEqual(spans.leaf(14)["trace_id"], root["trace_id"])
        self.assertEqual(self.printed, [root["trace_id"]])

    def test_messages_carry_their_context(self):
        spans = self.spans_of("queue")
        for blocks, name in ((21, "first"), (22, "second"), (23, "third")):
            self.assertEqual(spans.names_above(spans.leaf(blocks)), [name, "kernel:answer"])
        traces = {spans.leaf(blocks)["trace_id"] for blocks in (21, 22, 23)}
        self.assertEqual(len(traces), 3)
        for leaf in spans.leaves(29):
            self.assertNotIn(leaf["trace_id"], traces)
        self.assertEqual(len(spans.leaves(29)), 2)

    def test_a_host_function_of_a_stream(self):
        spans = self.spans_of("callback")
        root = spans.one("kernel:callback-kernel")
        self.assertEqual(spans.one("callback")["parent_span_id"], root["span_id"])
        for blocks in (31, 32):
            self.assertEqual(spans.leaf(blocks)["parent_span_id"], root["span_id"])

    def test_work_belongs_to_the_stage_and_not_to_the_stream(self):
        spans = self.spans_of("streams", SIMGPU_KERNEL_NS=200_000_000)
        for name, blocks in (("first", (41, 43)), ("second", (42, 44))):
            stage = spans.one(name)
            for number in blocks:
                self.assertEqual(spans.leaf(number)["parent_span_id"], stage["span_id"])
        # On the host the stage had ended when its work was done.
        self.assertGreater(spans.leaf(44)["end_ns"], spans.one("second")["end_ns"])
        streams = {number: spans.leaf(number)["attributes"]["rustkernel.stream"] for number in range(41, 45)}
        self.assertEqual(streams[41], streams[44])
        self.assertEqual(streams[42], streams[43])
        self.assertNotEqual(streams[41], streams[42])

    def test_a_child_of_a_traced_process_hands_the_context_on(self):
        spans = self.spans_of("fork")
        root, back = spans.one("kernel:fork"), spans.one("kernel:back")
        for blocks in (71, 72):
            self.assertEqual(spans.leaf(blocks)["parent_span_id"], root["span_id"])
        self.assertNotIn("in the child", [span["name"] for span in spans])
        self.assertEqual({back["trace_id"]}, set(self.printed))
        self.assertEqual(spans.top(back)["trace_id"], root["trace_id"])
        self.assertNotEqual(chain.instance(back), chain.instance(root))

    def test_a_fork_before_the_start_makes_two_instances(self):
        spans = self.spans_of("fork-first", TRACEPARENT=f"00-{TRACE}-{CALLER}-01")
        roots = [spans.one("kernel:parent"), spans.one("kernel:child")]
        for root, blocks in zip(roots, (81, 82)):
            self.assertEqual((root["trace_id"], root["parent_span_id"]), (TRACE, CALLER))
            self.assertEqual(spans.leaf(blocks)["parent_span_id"], root["span_id"])
        self.assertEqual(len({chain.instance(root) for root in roots}), 2)
        self.assertEqual(len({root["span_id"] for root in roots}), 2)

    def test_three_processes_are_one_trace(self):
        receiver = self.receiver()
        done = self.run_program(chain.command(self), env={
            "RUSTKERNEL_OTLP_ENDPOINT": receiver.url, **SETTINGS, **chain.ENVIRONMENT})
        self.assertEqual(done.code, 0, done.stderr)
        self.assertEqual(receiver.stop(), 0)
        chain.check(self, chain.Spans(receiver.spans()), done.stdout.decode().split())

    def test_what_the_first_one_drops_is_dropped_by_all(self):
        receiver = self.receiver()
        done = self.run_program(chain.command(self), env={
            "RUSTKERNEL_OTLP_ENDPOINT": receiver.url, **SETTINGS, **chain.ENVIRONMENT,
            # Only the one at the front draws lots: the others follow it.
            "RUSTKERNEL_TRACING_SAMPLING_RATE": 0})
        self.assertEqual(done.code, 0, done.stderr)
        self.assertEqual(receiver.spans(), [])
        self.assertEqual(receiver.stop(), 0)


if __name__ == "__main__":
    harness.main()
