# SPDX-License-Identifier: Apache-2.0
"""Spans and contexts of the C API, at a receiver: what the program said, what the GPU did in it,
and the same again from the file.
"""
import collections
import json
import subprocess
import time

import harness

SETTINGS = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0,
            "RUSTKERNEL_TRACING_BAGGAGE_ATTRIBUTES": "tenant_id"}
INTERNAL = 1
STAGES = ["validate", "prepare_input", "gpu_execute", "collect_output"]


def ordered(spans):
    return sorted(repr(sorted(span.items(), key=str)) for span in spans)


class Spans(harness.Case):
    def both(self, *argv, **env):
        """The spans of a live run, which have to be those of a replay."""
        receiver, again = self.receiver(), self.receiver()
        live = self.run_program([self.program("spans"), *argv],
                                env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                     "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                                     **SETTINGS, **env})
        self.assertEqual(live.code, 0, live.stderr)
        self.assertEqual(live.stdout, b"done\n")
        told = self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", again.url, "--json",
                            env=SETTINGS)
        spans = receiver.spans()
        self.check_ledger(json.loads(told)["spans"], spans)
        self.assertEqual(ordered(spans), ordered(again.spans()))
        self.assertEqual(receiver.stop(), 0)
        self.assertEqual(again.stop(), 0)
        return spans

    def check_ledger(self, told, spans):
        """Each span was counted once: sent or sampled out."""
        self.assertEqual(told["sent"], len(spans), told)
        self.assertEqual(told["eligible"], told["sent"] + told["sampled_out"], told)

    def named(self, spans, name, count=1):
        found = [span for span in spans if span["name"] == name]
        self.assertEqual(len(found), count, [span["name"] for span in spans])
        return found if count != 1 else found[0]

    def assert_child(self, child, parent):
        self.assertEqual(child["parent_span_id"], parent["span_id"], (child, parent))
        self.assertEqual(child["trace_id"], parent["trace_id"])
        self.assertEqual(child["flags"] & 0x200, 0)

    def test_the_stages_of_an_execution(self):
        spans = self.both("pagerank", SIMGPU_KERNEL_NS=50_000_000)
        self.assertEqual(len(spans), 1 + 4 + 2 + 4, [span["name"] for span in spans])
        root = self.named(spans, "kernel:graph/pagerank")
        self.assertEqual(root["parent_span_id"], "")
        stages = {name: self.named(spans, name) for name in STAGES}
        for stage in stages.values():
            self.assert_child(stage, root)
            self.assertEqual(stage["attributes"]["rustkernel.kernel_id"], "graph/pagerank")
            self.assertEqual(stage["attributes"]["rustkernel.domain"], "GraphAnalytics")
            self.assertEqual(stage["kind"], INTERNAL)
        copies = {span["attributes"]["rustkernel.copy_kind"]: span
                  for span in self.named(spans, "memcpy", 2)}
        self.assert_child(copies["HtoD"], stages["prepare_input"])
        self.assert_child(copies["DtoH"], stages["collect_output"])
        for kernel in self.named(spans, "rank_kernel", 4):
            self.assert_child(kernel, stages["gpu_execute"])
            # It ran when the stage was long over on the host.
            self.assertGreater(kernel["end_ns"], stages["gpu_execute"]["end_ns"])

    def test_what_is_said_about_a_span(self):
        spans = self.both("pagerank", 3)
        for number, root in enumerate(sorted(self.named(spans, "kernel:graph/pagerank", 3),
                                             key=lambda span: span["start_ns"])):
            said = {key: value for key, value in root["attributes"].items()
                    if not key.startswith(("rustkernel.", "thread."))}
            self.assertEqual(said, {"number": number, "graph": "web", "damping": 0.85,
                                    "directed": True})
            self.assertEqual(root["status"], {"code": 1, "message": ""})
            self.assertEqual(root["links"],
                             [{"trace_id": "1" * 32, "span_id": "2" * 16, "flags": 1,
                               "trace_state": "v=1", "attributes": {"why": "batched"}}])
        for stage in self.named(spans, "gpu_execute", 3):
            self.assertEqual([(event["name"], event["attributes"]) for event in stage["events"]],
                             [("launched", {"iteration": 3})])
            self.assertLessEqual(stage["start_ns"], stage["events"][0]["time_ns"])
            self.assertLessEqual(stage["events"][0]["time_ns"], stage["end_ns"])
        self.assertEqual(len({span["trace_id"] for span in spans}), 3)

    def test_a_failure_in_a_stage(self):
        spans = self.both("broken")
        root = self.named(spans, "kernel:graph/broken")
        stage = self.named(spans, "prepare_input")
        self.assert_child(stage, root)
        for span in (root, stage):
            self.assertEqual(span["status"]["code"], 2)
            self.assertRegex(span["status"]["message"], r"^cuMemAlloc\w* failed: "
                             r"CUDA_ERROR_OUT_OF_MEMORY \(out of memory\)$")
            self.assertEqual(span["events"][0]["attributes"]["exception.type"],
                             "CUDA_ERROR_OUT_OF_MEMORY")

    def early(self, **env):
        """A program that speaks before there is a GPU to ask: metrics, and what the file says."""
        gateway = self.gateway()
        live = self.run_program([self.program("spans"), "early"],
                                env={"RUSTKERNEL_PUSHGATEWAY_URL": gateway.url,
                                     "RUSTKERNEL_TRACE_FILE": "live.rkt.zst", **env})
        self.assertEqual((live.code, live.stdout), (0, b"done\n"), live.stderr)
        path = live.folder / "live.rkt.zst"
        target = [name for name in gateway.samples() if name.startswith("target_info{")]
        self.assertEqual(len(target), 1)
        return target[0], self.info(path), self.rktrace("info", path)

    def test_the_gpu_comes_after_the_first_word(self):
        target, info, text = self.early()
        resource = info["resource"]
        self.assertEqual(resource["rustkernel.cuda.driver_version"], "13.0")
        for key in ("rustkernel.cuda.driver_version", "rustkernel.gpu.0.uuid",
                    "service.instance.id"):
            self.assertIn(f'{key.replace(".", "_")}="{resource[key]}"', target)
        self.assertEqual((info["gpu_time_source"], len(info["gpus"])), ("cupti", 1))
        self.assertRegex(text, r"CUDA driver API 13\d+, CUPTI API 13\d+")

    def test_gpu_times_are_promised_and_do_not_come(self):
        _, info, text = self.early(SIMGPU_CUPTI="refused")
        self.assertEqual(info["gpu_time_source"], "host")
        self.assertRegex(text, r"GPU time    host: \w+")

    def test_a_failure_is_kept(self):
        spans = self.both_unsampled("broken")
        self.assertEqual(sorted(span["name"] for span in spans),
                         ["kernel:graph/broken", "prepare_input"])
        for span in spans:
            self.assertEqual(span["attributes"]["rustkernel.kept"], "error")
        self.assertEqual(self.both_unsampled("pagerank"), [])  # eleven were sampled out

    def both_unsampled(self, *argv):
        rate = {"RUSTKERNEL_TRACING_SAMPLING_RATE": 0}
        SETTINGS.update(rate)
        self.addCleanup(SETTINGS.pop, *rate, None)
        return self.both(*argv)

    def test_callers_with_traces_of_their_own(self):
        spans = self.both("callers")
        traces = collections.Counter(span["trace_id"] for span in spans)
        # Of each the root, a stage, the kernel and the wait for it.
        self.assertEqual(traces.pop("a" * 32), 4)
        self.assertEqual(list(traces.values()), [4])  # of nobody; the second was not sampled
        root = next(span for span in spans if span["parent_span_id"] == "b" * 16)
        self.assertEqual(root["name"], "kernel:rank_kernel")
        self.assertEqual(root["flags"], 0x301)
        for span in spans:
            of_caller = span["trace_id"] == "a" * 32
            self.assertEqual(harness.attribute(span, "tenant_id"), "acme" if of_caller else None)
            self.assertEqual(span["trace_state"], "v=1" if of_caller else "ot=th:0")

    def test_work_goes_on_in_another_thread(self):
        spans = self.both("queue")
        producer = self.named(spans, "kernel:queue/producer")
        consumer = self.named(spans, "kernel:rank_kernel")
        self.assert_child(consumer, producer)
        kernels = self.named(spans, "rank_kernel", 2)
        self.assertEqual(len({span["trace_id"] for span in spans}), 1)
        direct = [kernel for kernel in kernels if kernel["parent_span_id"] == producer["span_id"]]
        self.assertEqual(len(direct), 1)
        threads = {span["attributes"]["thread.id"] for span in [producer, consumer, *direct]}
        self.assertEqual(len(threads), 3)

    def test_a_quiet_program_does_not_keep_its_spans(self):
        receiver = self.receiver()
        env = harness.environment(self.folder, RUSTKERNEL_OTLP_ENDPOINT=receiver.url, **SETTINGS)
        program = subprocess.Popen([self.program("spans"), "quiet"], cwd=self.folder, env=env,
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 60
            while len(receiver.spans()) < 11:
                self.assertLess(time.monotonic(), until, receiver.spans())
                self.assertIsNone(program.poll())
                time.sleep(0.05)
        finally:
            program.communicate(timeout=60)
        self.named(receiver.spans(), "kernel:graph/pagerank")

    def test_as_json(self):
        spans = self.both("pagerank", OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
        root = self.named(spans, "kernel:graph/pagerank")
        self.assertEqual(root["attributes"]["damping"], 0.85)
        self.assertIs(root["attributes"]["directed"], True)
        self.assertEqual(root["links"][0]["attributes"], {"why": "batched"})

    def test_a_span_that_is_never_ended(self):
        spans = self.both("forgotten")
        span = self.named(spans, "kernel:graph/forgotten")
        self.assertIs(span["attributes"]["rustkernel.unfinished"], True)
        self.assert_child(self.named(spans, "rank_kernel"), span)


if __name__ == "__main__":
    harness.main()
