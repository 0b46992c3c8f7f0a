# SPDX-License-Identifier: Apache-2.0
"""Memory: live, peak, counts and leaks against the simulated driver's own; who held it when it
was out."""
import json
import re

import harness

KEYS = ["live", "live_bytes", "peak_bytes", "allocations", "frees"]


class Memory(harness.Case):
    def churn(self, *words, **env):
        result = self.run_program([self.program("memory_churn"), *words],
                                  env={"SIMGPU_DEVICES": "8", **env})
        self.assertEqual(result.code, 0, result.stderr)
        path = self.only_trace(result.folder)
        report = json.loads(self.rktrace("report", "--memory", "--json", path))["memory_use"]
        return result, path, report

    def compare(self, result, report, keys):
        ours = {(row["device"], row["pool"]): [row[key] for key in keys]
                for row in report["pools"] if row["allocations"]}
        truth = {(row["device"], row["pool"]): [row[key] for key in keys]
                 for row in self.truth(result.folder).memory}
        self.assertEqual(ours, truth)
        return ours

    def test_every_pool_of_every_device(self):
        for seed in (1, 2):
            with self.subTest(seed=seed):
                result, path, report = self.churn(4, 1500, seed)
                pools = self.compare(result, report, KEYS)
                self.assertEqual({pool for _, pool in pools}, {
                    "device", "managed", "pinned", "registered", "async", "array", "vmm"})
                self.assertEqual(len(pools), 4 * 7)
                self.assertEqual(report["unknown_frees"], 0)
                self.assertEqual(report["untracked"], 0)
                self.assertGreater(report["failed"], 0)
                self.assertGreater(sum(row["with_context"] for row in report["pools"]), 0)
                self.assert_ledger_closes(self.info(path))

    def test_threads_free_each_others_blocks(self):
        result, _, report = self.churn(4, 1500, 3, "shared")
        self.compare(result, report, [key for key in KEYS if key != "peak_bytes"])
        self.assertEqual(report["unknown_frees"], 0)

    def test_metrics_verdict_and_replay_say_the_same(self):
        gateway = self.gateway()
        result, path, report = self.churn(3, 400, 5, RUSTKERNEL_PUSHGATEWAY_URL=gateway.url,
                                          RUSTKERNEL_TRACE_FILE="t.rkt.zst",
                                          RUSTKERNEL_SUMMARY="always")
        samples = gateway.samples()
        for row in report["pools"]:
            if row["pool"] == "registered":
                continue
            labels = {"device": str(row["device"]), "pool": row["pool"]}
            for name, key in [("rustkernel_memory_bytes", "live_bytes"),
                              ("rustkernel_memory_peak_bytes", "peak_bytes"),
                              ("rustkernel_allocations_total", "allocations"),
                              ("rustkernel_allocation_failures_total", "failed")]:
                self.assertEqual(harness.sum_of(samples, name, **labels), row[key], (name, labels))
        line = re.search(r"^  memory peak .*$", result.stderr.decode(), re.M).group(0)
        self.assertIn(f"{report['allocations']} allocations, {report['temporary']} temporary",
                      line)
        self.assertIn(f"{report['never_freed']} never freed", line)
        self.assertIn(f"{report['failed']} OUT OF MEMORY", line)
        self.assertIn(line, self.rktrace("replay", path))

    def test_who_holds_it_when_it_is_out(self):
        result = self.run_program([self.program("errors"), "oom"],
                                  env={"RUSTKERNEL_LOG_LEVEL": "error",
                                       "RUSTKERNEL_LOGGING_FORMAT": "json",
                                       "RUSTKERNEL_LOGGING_OUTPUT": "log.json"})
        events = [json.loads(line) for line in
                  (result.folder / "log.json").read_text().splitlines()]
        events = [event for event in events if "out of memory" in event["message"]]
        self.assertEqual(len(events), 1, events)
        self.assertEqual(events[0]["error.type"], "CUDA_ERROR_OUT_OF_MEMORY")
        self.assertEqual(events[0]["pool"], "device")
        self.assertGreater(events[0]["requested_bytes"], 0)
        report = json.loads(self.rktrace("report", "--memory", "--json",
                                         self.only_trace(result.folder)))["memory_use"]
        self.assertEqual(report["out_of_memory"][0]["bytes"], events[0]["requested_bytes"])
        self.rktrace("replay", "--log", "again.json", self.only_trace(result.folder))


if __name__ == "__main__":
    harness.main()
