# SPDX-License-Identifier: Apache-2.0
"""What a GPU did with its time and what waited for what, on a program that does known things."""
import json

import harness

KERNEL_NS = 40_000_000
STATES = ["busy", "copying", "launch_bound", "waiting", "none"]


class Idle(harness.Case):
    def trace(self, **env):
        live = self.run_program([self.program("waits")],
                                env={"RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                                     "SIMGPU_KERNEL_NS": KERNEL_NS, **env})
        self.assertEqual(live.code, 0, live.stderr)
        self.assertEqual(live.stdout, b"done\n")
        return live.folder / "live.rkt.zst"

    def test_the_states_sum_to_the_wall_time(self):
        told = json.loads(self.rktrace("report", "--idle", "--json", self.trace()))["idle"]
        self.assertEqual(len(told["devices"]), 1)
        gpu = told["devices"][0]
        self.assertEqual(sum(gpu[state + "_ns"] for state in STATES), gpu["wall_ns"])
        # Four kernels, none beside another; ns are those of a clock that is not the GPU's.
        self.assertAlmostEqual(gpu["busy_ns"], 4 * KERNEL_NS, delta=100)
        self.assertGreater(gpu["copying_ns"], 0)
        self.assertGreaterEqual(gpu["none_ns"], 299_000_000)
        self.assertEqual(gpu["late_ns"], 0)
        gap = told["longest"][0]
        self.assertGreaterEqual(gap["none_ns"], 299_000_000)
        self.assertEqual(gap["ended_by"], "[CUDA memcpy Host-to-Device]")

    def test_live_and_replayed_metrics_agree(self):
        gateway, again = self.gateway(), self.gateway()
        file = self.trace(RUSTKERNEL_PUSHGATEWAY_URL=gateway.url)
        self.rktrace("replay", file, "--pushgateway", again.url)
        live = {key: value for key, value in gateway.samples().items()
                if "rustkernel_gpu_seconds_total" in str(key)}
        replayed = {key: value for key, value in again.samples().items()
                    if "rustkernel_gpu_seconds_total" in str(key)}
        self.assertEqual(len(live), len(STATES))
        self.assertEqual(live, replayed)

    def test_what_waited_for_an_event_links_to_it(self):
        receiver, again = self.receiver(), self.receiver()
        file = self.trace(RUSTKERNEL_OTLP_ENDPOINT=receiver.url)
        self.rktrace("replay", file, "--otlp", again.url)
        for spans in (receiver.spans(), again.spans()):
            named = {span["name"]: span for span in spans}
            self.assertCountEqual([(link["trace_id"], link["span_id"], link["attributes"])
                                   for link in named["consume"]["links"]],
                                  [(named[name]["trace_id"], named[name]["span_id"],
                                    {"rustkernel.dependency": "event"})
                                   for name in ("produce", "produce_more")])
            self.assertEqual(named["late"]["links"], [])
            copy = named["memcpy"]["attributes"]
            self.assertEqual(copy["rustkernel.bytes"], 1 << 20)
            self.assertGreater(copy["rustkernel.bytes_per_second"], 0)
            self.assertGreater(copy["rustkernel.host_blocked_ns"], 0)

    def test_what_the_program_waited_in_is_a_span(self):
        receiver, again = self.receiver(), self.receiver()
        file = self.trace(RUSTKERNEL_OTLP_ENDPOINT=receiver.url)
        self.rktrace("replay", file, "--otlp", again.url)
        told = []
        for spans in (receiver.spans(), again.spans()):
            by_id = {span["span_id"]: span for span in spans}
            waits = [span for span in spans if span["name"].startswith("wait:")]
            self.assertEqual([wait["name"] for wait in waits], ["wait:cuStreamSynchronize"] * 2)
            for wait in waits:
                root = by_id[wait["parent_span_id"]]
                self.assertTrue(root["name"].startswith("kernel:"), root)
                self.assertLessEqual(root["start_ns"], wait["start_ns"])
                self.assertGreaterEqual(root["end_ns"], wait["end_ns"])
                self.assertEqual(wait["attributes"]["rustkernel.wait.scope"], "stream")
                self.assertEqual(wait["attributes"]["rustkernel.time_source"], "host")
                self.assertGreaterEqual(wait["end_ns"] - wait["start_ns"], KERNEL_NS // 2)
            told.append(sorted((w["span_id"], w["parent_span_id"], w["trace_id"], w["start_ns"],
                                w["end_ns"], str(w["attributes"])) for w in waits))
        self.assertEqual(told[0], told[1])


if __name__ == "__main__":
    harness.main()
