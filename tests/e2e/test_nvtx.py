# SPDX-License-Identifier: Apache-2.0
"""Ranges of NVTX as spans at a receiver: whose child the work is, how long the GPU was at work in
a range, and the same again from the file. The programs are compiled with the headers of NVTX 3.
"""
import json
import os

import harness

SETTINGS = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0}
KERNEL_NS = 2_000_000
START, SPAN_NS, BUSY, OPERATIONS = (f"rustkernel.gpu.{name}" for name in (
    "start_offset_ns", "span_ns", "busy_ns", "operations"))


def ordered(spans):
    return sorted(repr(sorted(span.items(), key=str)) for span in spans)


class Nvtx(harness.Case):
    def spans(self, *argv, **env):
        """The spans of a live run, which have to be those of a replay."""
        receiver, again = self.receiver(), self.receiver()
        live = self.run_program([self.program("nvtx"), *argv],
                                env={"RUSTKERNEL_NVTX": "1",
                                     "RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                     "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                                     "SIMGPU_KERNEL_NS": KERNEL_NS, **SETTINGS, **env})
        self.assertEqual((live.code, live.stdout, live.stderr), (0, b"done\n", b""))
        self.file = live.folder / "live.rkt.zst"
        self.rktrace("replay", self.file, "--otlp", again.url, env=SETTINGS)
        self.assertEqual((receiver.stop(), again.stop()), (0, 0))
        spans = receiver.spans()
        self.assertEqual(ordered(spans), ordered(again.spans()))
        return spans

    def named(self, spans, name, count=1):
        found = [span for span in spans if span["name"] == name]
        self.assertEqual(len(found), count, (name, sorted({span["name"] for span in spans})))
        return found if count != 1 else found[0]

    def assert_child(self, child, parent):
        self.assertEqual(child["parent_span_id"], parent["span_id"], (child, parent))
        self.assertEqual(child["trace_id"], parent["trace_id"])

    def assert_root(self, span):
        self.assertEqual(span["parent_span_id"], "", span)

    def assert_projected(self, span, first, last, busy, operations):
        """The GPU was at work for a range from the start of one span to the end of another."""
        said = span["attributes"]
        self.assertEqual(said[START], first["start_ns"] - span["start_ns"])
        self.assertEqual(said[SPAN_NS], last["end_ns"] - first["start_ns"])
        self.assertEqual(said[BUSY], busy)
        self.assertEqual(said[OPERATIONS], operations)

    def by_start(self, spans):
        return sorted(spans, key=lambda span: span["start_ns"])

    def test_ranges_parent_what_is_launched_in_them(self):
        spans = self.spans("nested")
        outer, inner = self.named(spans, "outer"), self.named(spans, "inner")
        self.assert_root(outer)
        self.assert_child(inner, outer)
        first = self.named(spans, "outer_kernel")
        self.assert_child(first, outer)
        kernels = self.by_start(self.named(spans, "inner_kernel", 2))
        for kernel in kernels:
            self.assert_child(kernel, inner)
        self.assertNotEqual(self.named(spans, "after_kernel")["trace_id"], outer["trace_id"])
        busy = [kernel["end_ns"] - kernel["start_ns"] for kernel in [first, *kernels]]
        self.assert_projected(inner, kernels[0], kernels[1], sum(busy[1:]), 2)
        self.assert_projected(outer, first, kernels[1], sum(busy), 3)

    def test_work_that_ends_long_after_its_range(self):
        spans = self.spans("waiting", SIMGPU_KERNEL_NS=600_000_000)
        waiting, kernel = self.named(spans, "waiting"), self.named(spans, "inner_kernel")
        self.assert_child(kernel, waiting)
        self.assertGreater(kernel["end_ns"], waiting["end_ns"] + 300_000_000)
        self.assert_projected(waiting, kernel, kernel, kernel["end_ns"] - kernel["start_ns"], 1)

    def test_a_started_range_has_the_work_of_its_thread(self):
        spans = self.spans("started")
        first, second = self.named(spans, "first"), self.named(spans, "second")
        self.assert_root(first)
        self.assert_child(second, first)
        for kernel in self.named(spans, "inner_kernel", 2):
            self.assert_child(kernel, second)
        self.assertNotEqual(self.named(spans, "after_kernel")["trace_id"], first["trace_id"])

    def test_a_range_that_another_thread_ends(self):
        spans = self.spans("crossing")
        crossing = self.named(spans, "crossing")
        self.assert_child(self.named(spans, "inner_kernel"), crossing)
        self.assertNotEqual(self.named(spans, "after_kernel")["trace_id"], crossing["trace_id"])
        self.assertNotIn("rustkernel.unfinished", crossing["attributes"])

    def test_domains_categories_payloads_and_strings(self):
        spans = self.spans("domains")
        said = {span["name"]: {key: value for key, value in span["attributes"].items()
                               if key.startswith("nvtx.")} for span in spans}
        self.assertEqual(said["integer"], {"nvtx.domain": "loader", "nvtx.category": "reading",
                                           "nvtx.payload": -42})
        self.assertEqual(said["registered"], {"nvtx.domain": "wíde", "nvtx.category": "8",
                                              "nvtx.payload": 0.5})
        self.assertEqual(said["local"], {"nvtx.payload": str(2 ** 64 - 1)})
        self.assertEqual(said["Grüße \U0001f680"], {})
        self.assertEqual(said["too late"], {"nvtx.domain": "loader"})
        self.assertEqual(said["(unnamed)"], {"nvtx.domain": "loader"})
        self.assertEqual(said["c++"], {"nvtx.domain": "library", "nvtx.payload": 3.5})
        local, registered = self.named(spans, "local"), self.named(spans, "registered")
        self.assert_child(local, registered)
        self.assert_child(registered, self.named(spans, "integer"))
        kernels = self.by_start(self.named(spans, "inner_kernel", 2))
        self.assert_child(kernels[0], local)
        self.assert_child(kernels[1], self.named(spans, "c++"))
        for name in ("Grüße \U0001f680", "too late", "(unnamed)", "c++"):
            self.assert_root(self.named(spans, name))

    def test_ranges_and_spans_of_the_c_api_in_each_other(self):
        spans = self.spans("mixed")
        span, within = self.named(spans, "span"), self.named(spans, "range in span")
        self.assert_root(span)
        self.assert_child(within, span)
        inner = self.named(spans, "span in range")
        self.assert_child(inner, within)
        kernel = self.named(spans, "inner_kernel")
        self.assert_child(kernel, inner)
        self.assert_child(self.named(spans, "outer_kernel"), span)
        self.assert_projected(within, kernel, kernel, kernel["end_ns"] - kernel["start_ns"], 1)
        self.assertNotIn(BUSY, span["attributes"])

    def test_marks(self):
        spans = self.spans("marks")
        events = [(event["name"], event["attributes"])
                  for event in self.named(spans, "range")["events"]]
        self.assertEqual(events, [("in range", {}), ("with payload", {"nvtx.payload": 5})])
        events = [event["name"] for event in self.named(spans, "span")["events"]]
        self.assertEqual(events, ["in span"])
        alone = self.named(spans, "alone")
        self.assertEqual(alone["start_ns"], alone["end_ns"])

    def test_what_does_not_match_harms_nothing(self):
        spans = self.spans("unbalanced")
        self.assert_root(self.named(spans, "(unnamed)"))
        never = self.named(spans, "never closed")
        self.assertTrue(never["attributes"]["rustkernel.unfinished"])
        self.assert_child(self.named(spans, "inner_kernel"), never)

    def test_threads_that_end_with_open_ranges(self):
        spans = self.spans("threads")
        abandoned = self.named(spans, "abandoned")
        within = self.named(spans, "abandoned as well")
        self.assert_root(abandoned)
        self.assert_child(within, abandoned)
        kernel = self.named(spans, "inner_kernel")
        self.assert_child(kernel, within)
        for span in (abandoned, within):
            self.assertTrue(span["attributes"]["nvtx.open_at_thread_end"])
            self.assertNotIn("rustkernel.unfinished", span["attributes"])
            self.assertEqual(span["attributes"]["thread.name"], "a thread with a long name")
        self.assert_child(self.named(spans, "outer_kernel"), self.named(spans, "main"))

    def test_a_forked_child_tells_nothing(self):
        spans = self.spans("fork")
        self.assertEqual({span["name"] for span in spans},
                         {"parent", "outer_kernel", "wait:cuCtxSynchronize"})

    def test_deep_nesting(self):
        depth = 2_000
        spans = self.spans("deep", depth, RUSTKERNEL_RING_SIZE="1MiB")
        ranges = {span["span_id"]: span for span in self.named(spans, "deep", depth)}
        at, steps = self.named(spans, "inner_kernel"), 0
        while at["parent_span_id"]:
            at = ranges[at["parent_span_id"]]
            steps += 1
        self.assertEqual(steps, depth)
        self.assertEqual({span["attributes"][OPERATIONS] for span in ranges.values()}, {1})

    def test_deeper_than_there_is_room(self):
        """Begun before recording, all are told at once. What does not fit leaves room for work."""
        for depth in (10_000, 100_000):
            spans = self.spans("deep", depth)
            info = json.loads(self.rktrace("info", "--json", self.file))
            self.assertEqual((info["launches"], info["kernels"], info["orphans"]), (2, 2, 0))
            self.assertGreater(info["dropped"]["ring_full"], 0)
            ranges = {span["span_id"]: span for span in spans if span["name"] == "deep"}
            self.assertGreater(len(ranges), 1_000)
            # Behind a gap no context is believed: better no range than a wrong one.
            parents = set(ranges) | {span["span_id"] for span in spans
                                     if span["name"] == "gpu_execute"}
            self.assertIn(self.named(spans, "inner_kernel")["parent_span_id"], parents)

    def test_many_ranges(self):
        spans = self.spans("many", 20_000)
        info = json.loads(self.rktrace("info", "--json", self.file))
        steps = [span for span in spans if span["name"] == "step"]
        if not info["dropped"]:
            self.assertEqual(len(steps), 20_000)
        self.assertLessEqual(len(steps), 20_000)
        self.assertEqual(len([span for span in spans if span["name"] == "inner_kernel"]), 20)

    def test_a_program_without_a_gpu_leaves_nothing(self):
        run = self.run_program([self.program("nvtx"), "nothing"], env={"RUSTKERNEL_NVTX": "1"})
        self.assertEqual((run.code, run.stdout, run.stderr), (0, b"done\n", b""))
        self.assertEqual(os.listdir(run.folder), [])

    def test_without_the_wish_nothing_is_taken(self):
        for env in ({}, {"RUSTKERNEL_NVTX": "0", "NVTX_INJECTION64_PATH": str(harness.PRELOAD)}):
            run = self.run_program([self.program("nvtx"), "nested"], env=env)
            self.assertEqual((run.code, run.stdout, run.stderr), (0, b"done\n", b""))
            report = json.loads(self.rktrace("report", "--nvtx", "--json",
                                             self.only_trace(run.folder)))
            self.assertEqual(report["nvtx"], [])

    def test_another_tool_keeps_its_place(self):
        other = self.folder / "other.so"
        run = self.run_program([self.program("nvtx"), "nested"],
                               env={"RUSTKERNEL_NVTX": "1", "RUSTKERNEL_LOG_LEVEL": "info",
                                    "RUSTKERNEL_SUMMARY": "never",
                                    "NVTX_INJECTION64_PATH": str(other)})
        self.assertEqual((run.code, run.stdout), (0, b"done\n"))
        self.assertEqual(run.stderr.decode().count(f"NVTX_INJECTION64_PATH is {other}"), 1)

    def test_the_launcher_lets_nvtx_find_us(self):
        for env, ranges in (({}, 2), ({"RUSTKERNEL_NVTX": "0"}, 0),
                            ({"NVTX_INJECTION64_PATH": "/nonexistent.so"}, 0)):
            file = self.folder / f"run{ranges}{len(env)}.rkt.zst"
            out = self.rktrace("run", "-f", "-o", file, self.program("nvtx"), "nested", env=env)
            self.assertEqual(out, "done\n")
            report = json.loads(self.rktrace("report", "--nvtx", "--json", file))
            self.assertEqual(len(report["nvtx"]), ranges, env)


if __name__ == "__main__":
    harness.main()
