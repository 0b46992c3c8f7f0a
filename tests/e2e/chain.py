# SPDX-License-Identifier: Apache-2.0
"""A chain of processes: Python, then C by environment, then C by message.

    front (Python) --TRACEPARENT--> forward (C) --TRACEPARENT--> hand (C) --pipe--> back (C)

Three would do; with four, each way leads from C to C once.
"""
import harness

FRONT = """
import ctypes, os, subprocess, sys
import rustkernel
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
with rustkernel.kernel("front", attributes={"step": 1}) as front:
    there = rustkernel.current().with_baggage("tenant_id", "acme")
    with rustkernel.stage("gpu_execute"):
        assert cuda.cuMemsetD8_v2(ptr, 1, 77) == 0 and cuda.cuCtxSynchronize() == 0
    print(front.context.trace_id, flush=True)
    subprocess.run(sys.argv[1:], check=True, env={**os.environ, **rustkernel.environment(there)})
"""
ENVIRONMENT = {"PYTHONPATH": str(harness.ROOT / "python"), "PYTHONDONTWRITEBYTECODE": "1",
               "RUSTKERNEL_TRACING_BAGGAGE_ATTRIBUTES": "tenant_id",
               "SIMGPU_TRUTH": ""}  # one file cannot serve several processes


def command(test):
    """The whole chain as one command line."""
    context = test.program("context")
    return ["/usr/bin/python3", "-c", FRONT, context, "forward", context, "hand", context, "back"]


class Spans(list):
    """Those of a receiver, with the questions that tests have."""

    def one(self, name):
        found = [span for span in self if span["name"] == name]
        assert len(found) == 1, f"{name}: {len(found)} in {[span['name'] for span in self]}"
        return found[0]

    def leaves(self, blocks):
        grid = f"{blocks},1,1"
        return [span for span in self if harness.attribute(span, "rustkernel.grid") == grid]

    def leaf(self, blocks):
        found = self.leaves(blocks)
        assert len(found) == 1, f"{blocks} blocks: {len(found)} in {self}"
        return found[0]

    def parent(self, span):
        return next((other for other in self if other["span_id"] == span["parent_span_id"]), None)

    def names_above(self, span):
        names = []
        while span := self.parent(span):
            names.insert(0, span["name"])
        return names

    def top(self, span):
        while above := self.parent(span):
            span = above
        return span


def instance(span):
    return span["resource"]["service.instance.id"]


def check(test, spans, printed):
    """One trace, and every parent is the right one. @printed: the trace ids that were told."""
    front, forward, hand, back = (spans.one(f"kernel:{name}")
                                  for name in ("front", "forward", "hand", "back"))
    trace = front["trace_id"]
    test.assertEqual(set(printed), {trace})
    test.assertEqual(len(printed), 4)
    test.assertEqual({span["trace_id"] for span in spans}, {trace})
    test.assertFalse(front["parent_span_id"])
    for child, parent in ((forward, front), (hand, forward), (back, hand)):
        test.assertEqual(child["parent_span_id"], parent["span_id"], child["name"])
        test.assertEqual(harness.attribute(child, "tenant_id"), "acme", child["name"])
    # What was launched without a span of its own is an execution below the caller's.
    test.assertEqual(spans.names_above(spans.leaf(61))[:3],
                     ["kernel:front", "kernel:forward", "kernel:hand"])
    for blocks, owner in ((51, forward), (52, hand), (62, back)):
        test.assertEqual(spans.leaf(blocks)["parent_span_id"], owner["span_id"], blocks)
    memset = next(span for span in spans if harness.attribute(span, "rustkernel.bytes") == 77)
    test.assertEqual(spans.names_above(memset), ["kernel:front", "gpu_execute"])
    test.assertEqual(len({instance(span) for span in (front, forward, hand, back)}), 4)
    # A parent began before its children.
    for child, parent in ((forward, front), (hand, forward), (back, hand)):
        test.assertGreaterEqual(child["start_ns"], parent["start_ns"])
        test.assertLessEqual(child["end_ns"], parent["end_ns"])
