# SPDX-License-Identifier: Apache-2.0
"""CUPTI refuses kinds of records, alone and in pairs: what is left has GPU times, what is refused
has host time that says so; nothing is lost or open, and everything that tells times tells it."""
import collections
import itertools
import json
import re

import harness

PROGRAM_ENV = {"SIMGPU_DEVICES": 2}
# As CUPTI numbers them.
CONCURRENT_KERNEL, KERNEL, MEMCPY, MEMCPY2, MEMSET, GRAPH_TRACE = 10, 3, 1, 22, 2, 51
NAMES = {MEMCPY: "copies", MEMCPY2: "copies between devices", MEMSET: "memsets",
         CONCURRENT_KERNEL: "concurrent kernels"}
PEER = 10  # a copy's kind
LINES_MAX = 12
NEWER = 140000  # than any table: cuptiGetVersion() of a CUDA 14.0


class Kinds(harness.Case):
    def record(self, refused, *words, **env):
        settings = {"SIMGPU_CUPTI_REFUSE_KINDS": ",".join(map(str, refused)),
                    "RUSTKERNEL_SUMMARY": "always", "RUSTKERNEL_LOG_LEVEL": "warn",
                    "RUSTKERNEL_TRACE_FILE": "t.rkt.zst", **PROGRAM_ENV, **env}
        result = self.run_program([self.program("kinds"), *words], env=settings)
        self.assertEqual((result.code, result.stdout), (0, b"kinds: ok\n"), result.stderr)
        self.trace = result.folder / "t.rkt.zst"
        return self.info(self.trace), self.truth(result.folder), result.stderr.decode()

    def check(self, refused, info, truth):
        """Counts of GPU records against what the driver did of the kinds that are left."""
        kernels = truth.of("kernel")
        if {CONCURRENT_KERNEL, KERNEL} <= set(refused):
            kernels = []
        left = [copy for copy in truth.of("memcpy")
                if (MEMCPY2 if copy["copy_kind"] == PEER else MEMCPY) not in refused]
        memsets = [] if MEMSET in refused else truth.of("memset")
        self.assertEqual((info["kernels"], info["memcpys"], info["memsets"]),
                         (len(kernels), len(left), len(memsets)), info)
        self.assertEqual((info["launches"], info["graph_launches"]), (6, 3))
        self.assertEqual(info["open"], 0, info)
        self.assert_ledger_closes(info)
        # 6 launches, 8 copies, 4 memsets, 3 of graphs, 3 captured: none of the calls is lost.
        self.assertEqual(info["calls"], 24, info)

    def missing(self, refused):
        names = [NAMES[kind] for kind in (MEMCPY, MEMCPY2, MEMSET) if kind in refused]
        if {CONCURRENT_KERNEL, KERNEL} <= set(refused):
            return ["kernels"] + names
        return names + (["concurrent kernels"] if CONCURRENT_KERNEL in refused else [])

    def check_said(self, refused, info, stderr):
        self.assertEqual(info["gpu_time_missing"], self.missing(refused))
        self.assertEqual(info["gpu_time_source"], "cupti")
        said = [line for line in stderr.splitlines() if "CUPTI refused" in line]
        note = info["gpu_time_note"]
        self.assertEqual(len(said), 1 if note else 0, stderr)
        if not note:
            return
        self.assertIn(note, said[0])
        verdict = stderr[stderr.index("rkpreload: kinds:"):].splitlines()
        self.assertLessEqual(len(verdict), LINES_MAX, stderr)
        self.assertEqual(sum(note in line for line in verdict), 1, stderr)
        self.assertIn(note, self.rktrace("info", self.trace))

    def test_alone_and_in_pairs(self):
        kinds = [CONCURRENT_KERNEL, KERNEL, MEMCPY, MEMCPY2, MEMSET]
        for refused in [(kind,) for kind in kinds] + list(itertools.combinations(kinds, 2)):
            with self.subTest(refused=refused):
                info, truth, stderr = self.record(refused)
                self.check(refused, info, truth)
                self.check_said(refused, info, stderr)

    def test_without_synchronisation(self):
        for refused in [(CONCURRENT_KERNEL, KERNEL), (MEMCPY,), (MEMCPY2,), (MEMSET,)]:
            with self.subTest(refused=refused):
                info, truth, _ = self.record(refused, "leave")
                self.check(refused, info, truth)

    def test_all_but_memsets(self):
        info, _, stderr = self.record((CONCURRENT_KERNEL, KERNEL, MEMCPY, MEMCPY2))
        self.assertEqual((info["kernels"], info["memcpys"], info["open"]), (0, 0, 0))
        self.assertGreater(info["memsets"], 0)
        self.assertIn("host time for kernels, copies and copies between devices", stderr)

    def test_nothing_left(self):
        info, _, stderr = self.record((CONCURRENT_KERNEL, KERNEL, MEMCPY, MEMCPY2, MEMSET))
        self.assertEqual((info["gpu_time_source"], info["open"]), ("host", 0))
        self.assertIn("host time only", stderr)

    def test_whole_graphs_fall_back_to_nodes(self):
        for refused in [(GRAPH_TRACE,), (GRAPH_TRACE, MEMSET)]:
            with self.subTest(refused=refused):
                info, truth, stderr = self.record(refused, RUSTKERNEL_GRAPH_TRACE="graph")
                self.check(refused, info, truth)
                self.assertIn("graphs by their nodes", info["gpu_time_note"])
                self.assertIn("graphs by their nodes", stderr)

    def test_newer_than_the_tables(self):
        """By the layouts that CUPTI says, and by our last row where it does not say any."""
        times = {}
        for way in ("some", "none"):
            with self.subTest(way=way):
                info, truth, _ = self.record((), SIMGPU_CUPTI_VERSION=NEWER, SIMGPU_CUPTI_V2=way)
                self.check((), info, truth)
                self.assertEqual(info["gpu_time_note"], "")
                rows = json.loads(self.rktrace("report", "--json", self.trace))["kernels"]
                self.assertEqual([(row["name"], row["instances"], row["time_source"])
                                  for row in rows], [("kinds_kernel", 9, "gpu")])
                times[way] = rows[0]["total_ns"]
        # The simulated GPU's kernels take what they are told to take, to the ns.
        self.assertEqual(times["some"], times["none"])

    def test_refused_by_the_newer_functions(self):
        for refused in [(CONCURRENT_KERNEL,), (MEMCPY,), (MEMCPY2,), (MEMSET,)]:
            with self.subTest(refused=refused):
                info, truth, stderr = self.record(refused, SIMGPU_CUPTI_VERSION=NEWER)
                self.check(refused, info, truth)
                self.check_said(refused, info, stderr)

    def test_layouts_that_do_not_add_up(self):
        """The kind is left out as if it were refused; a size that is a lie takes what follows."""
        for kind in (CONCURRENT_KERNEL, MEMCPY, MEMCPY2, MEMSET):
            for way in ("beyond", "missing", "huge", "zero", "none"):
                with self.subTest(kind=kind, way=way):
                    info, _, stderr = self.record((), SIMGPU_CUPTI_VERSION=NEWER,
                                                  SIMGPU_CUPTI_LAYOUTS=f"{kind}:{way}")
                    name = NAMES[kind] if kind != CONCURRENT_KERNEL else "kernels"
                    self.assertEqual(info["gpu_time_missing"], [name])
                    self.assertIn("to say where fields of records lie", stderr)
                    self.assertEqual((info["launches"], info["orphans"]), (6, 0))
                    if way in ("beyond", "missing"):
                        self.assertEqual(info["open"], 0, info)

    def test_labelled_where_it_is_sent(self):
        receiver, gateway = self.receiver(), self.gateway()
        self.record((MEMSET,), RUSTKERNEL_OTLP_ENDPOINT=receiver.url,
                    RUSTKERNEL_PUSHGATEWAY_URL=gateway.url)
        sources = {}
        for span in receiver.spans():
            if span["name"] in ("kinds_kernel", "memcpy", "memset"):
                source = harness.attribute(span, "rustkernel.time_source")
                sources.setdefault(span["name"], set()).add(source)
        # Those of the graph have no call of their own, and so do not appear.
        self.assertEqual(sources, {"kinds_kernel": {"gpu"}, "memcpy": {"gpu"}, "memset": {"host"}})
        targets = [name for name in gateway.samples() if name.startswith("target_info")]
        self.assertTrue(targets)
        for target in targets:
            self.assertIn('gpu_time_source="mixed"', target)
        self.assertEqual(receiver.stop(), 0)

    def test_doctor_tries_them(self):
        for refused, words in [((), "GPU times"), ((MEMSET,), "but host time for memsets"),
                               ((CONCURRENT_KERNEL,), "but kernels one at a time")]:
            with self.subTest(refused=refused):
                env = {"SIMGPU_CUPTI_REFUSE_KINDS": ",".join(map(str, refused))}
                said = self.rktrace("doctor", env=env)
                self.assertIn(words, said)
                self.assertIn("32 buffers of 3200000 bytes", said)
                found = json.loads(self.rktrace("doctor", "--json", env=env))
                self.assertEqual(found["gpu_time_missing"], self.missing(refused))
                self.assertEqual(found["gpu_time_source"], "cupti")
        found = json.loads(self.rktrace("doctor", "--json", env={"SIMGPU_CUPTI": "refused"}))
        self.assertEqual(found["gpu_time_source"], "host")

    def test_device_buffers_are_told(self):
        info, _, _ = self.record(())
        self.assertEqual(info["cupti_device_buffers"],
                         {"bytes": 3200000, "limit": 32, "most_bytes_per_context": 102400000})
        self.assertEqual((info["gpu_time_note"], info["gpu_time_missing"]), ("", []))
        self.assertIn("32 buffers", self.rktrace("info", self.trace))


class DeviceLaunches(harness.Case):
    """Kernels that kernels launch (CUDA dynamic parallelism): records of a kind of their own."""
    LAUNCHES, EVERY, EACH = 240, 3, 2
    NAMES = ["storm_a", "storm_b", "device_kernel"]

    def record(self, **settings):
        """(info, truth, live spans, live samples) of a storm; the replay said the same."""
        receiver, gateway = self.receiver(), self.gateway()
        result = self.run_program([self.program("storm"), self.LAUNCHES, 2, 2], env={
            "SIMGPU_DEVICE_LAUNCH_EVERY": self.EVERY, "SIMGPU_DEVICE_LAUNCH_KERNELS": self.EACH,
            "RUSTKERNEL_TRACE_FILE": "t.rkt.zst", "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0,
            "RUSTKERNEL_EXIT_TIMEOUT": "30s", "RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
            "RUSTKERNEL_PUSHGATEWAY_URL": gateway.url, **settings})
        self.assertEqual(result.code, 0, result.stderr)
        trace = result.folder / "t.rkt.zst"
        again, gateway_again = self.receiver(), self.gateway()
        self.rktrace("replay", trace, "--otlp", again.url, "--pushgateway", gateway_again.url,
                     env={"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        self.assertEqual((receiver.stop(), again.stop()), (0, 0))
        self.assertEqual(self.multiset(receiver.spans()), self.multiset(again.spans()))
        self.samples = [gateway.samples(), gateway_again.samples()]
        self.report = json.loads(self.rktrace("report", "--json", trace))["kernels"]
        self.delivered = self.accounts(result.folder).delivered["launch"]
        return self.info(trace), self.truth(result.folder), receiver.spans()

    def multiset(self, spans):
        return collections.Counter(repr(sorted(span.items(), key=str)) for span in spans)

    def counted(self, truth):
        ran = [op["name"] for op in truth.of("kernel")]
        return {name: sum(name in one for one in ran) for name in self.NAMES}

    def check(self, info, truth, orphans=0, invalid=0):
        kernels = truth.of("kernel")
        device = [op for op in kernels if op["name"] == "device_kernel"]
        self.assertEqual((len(device), truth.counts["device_kernels"]),
                         (self.LAUNCHES // self.EVERY * self.EACH,) * 2)
        self.assertEqual((info["kernels"], info["launches"], info["open"], info["orphans"]),
                         (len(kernels), self.LAUNCHES, 0, orphans), info)
        self.assertTrue(info["ledger"]["closes"], info)
        records = info["ledger"]["gpu"]
        self.assertEqual((records["joined"], records["orphan"], records["invalid_time"]),
                         (self.delivered - orphans - invalid, orphans, invalid), records)
        self.assertEqual(self.delivered, len(kernels))

    def check_names(self, truth):
        counted = self.counted(truth)
        self.assertEqual({row["name"]: row["instances"] for row in self.report}, counted)
        for samples in self.samples:
            self.assertEqual(counted, {
                name: harness.sum_of(samples, "rustkernel_executions_total", kernel_id=name)
                for name in self.NAMES})

    def check_parents(self, spans):
        """Beside the kernel that launched them, by the correlation id that all of them have."""
        launched, own = collections.defaultdict(list), {}
        for span in harness.kernel_spans(spans):
            id = harness.attribute(span, "rustkernel.correlation_id")
            if span["name"] == "device_kernel":
                launched[id].append(span)
            else:
                own[id] = span
        self.assertEqual((len(own), len(launched)), (self.LAUNCHES, self.LAUNCHES // self.EVERY))
        for id, group in launched.items():
            self.assertEqual(len(group), self.EACH)
            for span in group:
                self.assertEqual((span["trace_id"], span["parent_span_id"]),
                                 (own[id]["trace_id"], own[id]["parent_span_id"]))

    def test_with_the_id_of_the_launch(self):
        for before in (0, 1):
            with self.subTest(before=before):
                info, truth, spans = self.record(SIMGPU_DEVICE_LAUNCH_BEFORE=before)
                self.check(info, truth)
                self.check_names(truth)
                self.check_parents(spans)

    def test_with_an_id_of_no_launch(self):
        info, truth, spans = self.record(SIMGPU_DEVICE_LAUNCH_CORRELATION=10**9)
        self.check(info, truth, orphans=truth.counts["device_kernels"])
        self.check_names(truth)
        self.assertEqual(sum(span["name"] == "device_kernel" for span in spans),
                         truth.counts["device_kernels"])

    def test_without_times(self):
        info, truth, _ = self.record(SIMGPU_CUPTI_INVALID_TIME_EVERY=5)
        invalid = len(truth.of("kernel")) // 5
        self.check(info, truth, invalid=invalid)
        self.assertEqual(sum(row["instances"] for row in self.report),
                         len(truth.of("kernel")) - invalid)

    def test_beside_graphs(self):
        for mode in ("node", "graph"):
            with self.subTest(mode=mode):
                result = self.run_program([self.program("launches"), "plain"], env={
                    "SIMGPU_DEVICE_LAUNCH_EVERY": 1, "RUSTKERNEL_GRAPH_TRACE": mode,
                    "RUSTKERNEL_TRACE_FILE": "t.rkt.zst"})
                self.assertEqual(result.code, 0, result.stderr)
                info = self.info(result.folder / "t.rkt.zst")
                ledger = info["ledger"]
                # One call launches on two devices.
                self.assertEqual((info["launches"], info["graph_launches"], info["open"],
                                  info["orphans"]), (8, 3, 0, 0), info)
                self.assertEqual((ledger["launch"]["joined"], ledger["graph_launch"]["joined"],
                                  ledger["closes"]), (8, 3, True), ledger)
                delivered = self.accounts(result.folder).delivered
                self.assertEqual((ledger["gpu"]["kernels"], ledger["gpu"]["joined"]),
                                 (delivered["launch"], sum(delivered.values())), ledger)


if __name__ == "__main__":
    harness.main()
