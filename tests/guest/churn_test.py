#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Things that come and go by the thousand: what stays of each in memory has an end.

usage: churn_test.py Short | Long[.test_KIND]
   Long has the full numbers: a million kernel names, streams, events; 100,000 modules, 400,000 graphs.
"""
import json
import unittest

from guest_harness import (HANG_SECONDS, RSS_KIB, RSS_PER_THREAD_KIB, RSS_QUEUE_KIB, SANITIZE, Case,
                           program)

QUEUE_KIB = 1 << 10  # for a receiver that never answers
# Launches of ever new graphs fill a table of every graph's own, and one of GPU records whose calls
# a ring lost.
MORE_KIB = {"graphs": 8 << 10}


class Short(Case):
    """Each kind in numbers that a commit can wait for."""
    counts = {"kernels": 40000, "modules": 20000, "contexts": 1000, "streams": 50000,
              "graphs": 20000, "memory": 2000, "ranges": 100000, "said": 20000}
    flat_kib = 12 << 10  # of the second half: tables of up to 8 MiB are still on their way there
    launching_threads = 1
    # A sanitizer's own memory hides ours, so nothing is held to a bound: what it finds, it finds in
    # fewer as well.
    part = 1 if SANITIZE == "none" else 8

    def everything(self):
        return {**self.configurations()["everything"], "RUSTKERNEL_STACKS_MODE": "all",
                "RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE": f"{QUEUE_KIB}KiB",
                "RUSTKERNEL_METRICS_BAGGAGE_LABELS": "tenant_id"}

    def sizes(self, run):
        return {moment: run.measure[f"{moment}_kib"] for moment in ("half", "most", "all")}

    def churn(self, kind):
        argv = [program("churn"), kind, self.counts[kind] // self.part]
        bare = self.run_once(argv, preload=False)
        self.assertEqual(bare.code, 0, bare.stderr)
        for name, settings in {"file": self.configurations()["file"],
                               "everything": self.everything()}.items():
            with self.subTest(configuration=name):
                run = self.run_once(argv, env={"RUSTKERNEL_LOG_LEVEL": "off",
                                               "RUSTKERNEL_NVTX": "1", **settings})
                self.assert_same(bare, run)
                self.assert_flat(kind, self.sizes(bare), self.sizes(run), name)
                self.assert_counted(run)

    def assert_flat(self, kind, bare, sizes, name):
        grown = sizes["all"] - bare["all"]
        late = grown - (sizes["half"] - bare["half"])
        bound = RSS_KIB + RSS_PER_THREAD_KIB * self.launching_threads
        if name == "everything":
            bound += RSS_QUEUE_KIB + MORE_KIB.get(kind, 0)  # and the network's libraries
        print(json.dumps({"kind": kind, "count": self.counts[kind], "configuration": name,
                          "grown_kib": grown, "in_second_half_kib": late}), flush=True)
        if SANITIZE == "none":
            self.assertLessEqual(grown, bound, f"KiB more than without: {sizes} and {bare}")
            self.assertLessEqual(late, self.flat_kib, f"KiB of the second half: {sizes} and {bare}")

    def assert_counted(self, run):
        """What the full rings of a slow machine lose is in the file, and nothing else is lost."""
        for path in self.traces(run):
            info = self.info(path)
            self.assertTrue(info["clean_exit"], info)
            self.assertLessEqual(set(info["dropped"]), {"ring_full", "limit", "disk"}, info)

    def test_kernels(self):
        self.churn("kernels")

    def test_modules(self):
        self.churn("modules")

    def test_contexts(self):
        self.churn("contexts")

    def test_streams(self):
        self.churn("streams")

    def test_graphs(self):
        self.churn("graphs")

    def test_memory(self):
        self.churn("memory")

    def test_ranges(self):
        self.churn("ranges")

    def test_said(self):
        self.churn("said")


class Long(Short):
    """The full numbers; minutes, so not with every commit."""
    counts = {"kernels": 1000000, "modules": 100000, "contexts": 10000, "streams": 1000000,
              "graphs": 400000, "memory": 50000, "ranges": 1000000, "said": 1000000}
    flat_kib = 4 << 10  # an allocator's own
    hang_seconds = 10 * HANG_SECONDS


if __name__ == "__main__":
    unittest.main(verbosity=2)
