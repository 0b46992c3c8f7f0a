# SPDX-License-Identifier: Apache-2.0
"""Every way to launch, and CUDA graphs by their nodes and as a whole: as the driver counted."""
import collections
import json

import harness

# launches.c: of single kernels, and of the kernels in graphs
FORMS = {"ptsz": 4, "plain": 9}
IN_GRAPHS = 2 + 2 * 4 * 3
GRAPH_LAUNCHES = 3
LONG = 512 * 1024


class Graphs(harness.Case):
    def record(self, program=("launches", "plain"), **settings):
        receiver = self.receiver()
        result = self.run_program(
            [self.program(program[0]), *program[1:]],
            env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                 "RUSTKERNEL_TRACE_FILE": "t.rkt.zst", **settings})
        bare = self.run_program([self.program(program[0]), *program[1:]], preload=False)
        self.assertEqual((result.code, result.stdout), (0, bare.stdout), result.stderr)
        self.trace = result.folder / "t.rkt.zst"
        self.truth_of = self.truth(result.folder)
        self.assertEqual(receiver.stop(), 0)
        return receiver.spans()

    def graphs(self):
        return json.loads(self.rktrace("report", "--graphs", "--json", self.trace))["graphs_by_id"]

    def test_every_form_by_nodes(self):
        for way, singles in FORMS.items():
            with self.subTest(way=way):
                spans = self.record(("launches", way))
                info = self.info(self.trace)
                kernels = self.truth_of.of("kernel")
                self.assertEqual(len(kernels), singles + IN_GRAPHS)
                self.assertEqual(info["kernels"], len(kernels))
                # one call launches on two devices
                self.assertEqual(info["launches"], singles - (way == "plain"))
                self.assertEqual(info["graph_launches"], GRAPH_LAUNCHES)
                self.assertEqual(info["open"], 0)
                self.assert_ledger_closes(info)
                self.check_spans(spans, kernels)
                self.check_rollup()

    def check_spans(self, spans, kernels):
        by_id = {span["span_id"]: span for span in spans}
        graphs = [span for span in spans if span["name"] == "graph"]
        self.assertEqual(len(graphs), GRAPH_LAUNCHES)
        below = collections.defaultdict(list)
        for span in harness.kernel_spans(spans):
            parent = by_id[span["parent_span_id"]]
            node = harness.attribute(span, "rustkernel.graph.node_id")
            self.assertEqual(parent["name"] == "graph", node is not None, span)
            if node is not None:
                self.assertEqual(span["trace_id"], parent["trace_id"])
                below[parent["span_id"]].append(span)
        self.assertEqual(sorted(map(len, below.values())), [2, 12, 12])
        for graph in graphs:
            nodes = below[graph["span_id"]]
            self.assertEqual(graph["start_ns"], min(n["start_ns"] for n in nodes))
            self.assertEqual(graph["end_ns"], max(n["end_ns"] for n in nodes))
            self.assertEqual(harness.attribute(graph, "rustkernel.graph.node_count"), len(nodes))
            self.assertEqual(harness.attribute(graph, "rustkernel.graph.kernel_count"), len(nodes))
        launches = sorted(harness.attribute(g, "rustkernel.graph.launch") for g in graphs)
        self.assertEqual(launches, [1, 1, 2])
        ran = collections.Counter(op["node"] for op in kernels if op.get("node"))
        told = collections.Counter(harness.attribute(span, "rustkernel.graph.node_id")
                                   for nodes in below.values() for span in nodes)
        self.assertEqual(told, ran)

    def check_rollup(self):
        loop, pair = sorted(self.graphs(), key=lambda row: -row["kernels"])
        self.assertEqual((loop["launches"], loop["kernels"], loop["kernels_max"]), (2, 24, 12))
        self.assertEqual((pair["launches"], pair["kernels"]), (1, 2))
        self.assertEqual((loop["instantiated_nodes"], pair["instantiated_nodes"]), (1, 2))
        self.assertEqual((pair["updates"], pair["destroyed"]), (1, True))
        self.assertIn("2 launches x 12 kernels", self.rktrace("report", "--graphs", self.trace))

    def test_as_a_whole(self):
        spans = self.record(RUSTKERNEL_GRAPH_TRACE="graph")
        info = self.info(self.trace)
        self.assertEqual(info["kernels"], FORMS["plain"])
        self.assertEqual(info["graph_launches"], GRAPH_LAUNCHES)
        self.assert_ledger_closes(info)
        graphs = [span for span in spans if span["name"] == "graph"]
        whole = sorted(op["dur_ns"] for op in self.truth_of.of("graph"))
        self.assertEqual(sorted(g["end_ns"] - g["start_ns"] for g in graphs), whole)
        self.assertEqual(sum(row["total_ns"] for row in self.graphs()), sum(whole))
        self.assertEqual({row["launches_as_a_whole"] for row in self.graphs()}, {1, 2})

    def test_as_a_whole_without_times(self):
        self.record(RUSTKERNEL_GRAPH_TRACE="graph", SIMGPU_CUPTI_INVALID_TIME_EVERY=1)
        info = self.info(self.trace)
        self.assertEqual(info["dropped"], {"invalid_time": FORMS["plain"] + GRAPH_LAUNCHES})
        self.assertEqual(sum(row["launches_without_time"] for row in self.graphs()),
                         GRAPH_LAUNCHES)

    def test_names_without_cupti(self):
        self.record(RUSTKERNEL_CUPTI_ENABLED="false")
        rows = json.loads(self.rktrace("report", "--json", self.trace))["kernels"]
        # each call once; the one of a CUkernel has the name of the library's kernel
        self.assertEqual({row["name"]: row["instances"] for row in rows},
                         {"first_kernel": 7, "second_kernel": 1})

    def test_names_without_room_are_counted(self):
        """Twice three names of 3 MiB, one mangled and one not, are more than there is room for."""
        gateway = self.gateway()
        self.record(("long_name", str(3 << 20)), RUSTKERNEL_PUSHGATEWAY_URL=gateway.url)
        family = "rustkernel_tracer_refused_names_total"
        self.assertGreater(harness.sum_of(gateway.samples(), family), 0)
        again = self.gateway()
        self.record(RUSTKERNEL_PUSHGATEWAY_URL=again.url)
        self.assertIn(family, again.samples())
        self.assertEqual(harness.sum_of(again.samples(), family), 0)

    def test_long_names(self):
        spans = self.record(("long_name", str(LONG)))
        info = self.info(self.trace)
        self.assertEqual(info["kernels"], len(self.truth_of.of("kernel")))
        self.assert_ledger_closes(info)
        rows = json.loads(self.rktrace("report", "--mangled", "--json", self.trace))["kernels"]
        self.assertEqual(len(rows), 3)
        # two of them are templates of one kernel; a span does not carry half a megabyte
        rows = json.loads(self.rktrace("report", "--json", self.trace))["kernels"]
        self.assertEqual(sorted(row["instances"] for row in rows), [10, 20])
        self.assertIn("kernel", {row["name"] for row in rows})
        kernels = harness.kernel_spans(spans)
        self.assertEqual(len(kernels), 30)
        for span in kernels:
            self.assertLessEqual(
                len(harness.attribute(span, "rustkernel.kernel.mangled_name")), 8192)


if __name__ == "__main__":
    harness.main()
