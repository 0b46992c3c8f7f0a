#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every format of `rktrace export` through its own reader: what comes out is what the report says.

usage: test_export.py RKTRACE MAKE_TRACE

Perfetto's descriptors, a JSON parser, sqlite3, the csv module, the published schema and the OTLP
descriptors read; names, counts and sums per kernel must equal those of `rktrace report`.
"""
import collections
import collections.abc
import csv
import io
import json
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import tempfile
import unittest

RKTRACE, MAKE_TRACE = (os.path.realpath(path) for path in sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parents[2]

SCRIPT = """
begin 1 step nvtx nvtx.domain=train
kernel gemm 0.002 40 0.0001
begin 2 inner nvtx
kernel _ZN3foo9transposeILi32EfEEvPT0_PKS2_ 0.00001 7
copy 4096 0.0005
end 2
copy 1048576 0.001
end 1
alloc 65536
fail gemm
graph instantiated 77 4
graph launch 5 77 a=3 b=1
kernel say"it;\\back 0.0003 2
close
begin 3 open nvtx
kernel gemm 0.004 3
"""


def rktrace(*words, **more):
    return subprocess.run([RKTRACE, *words], check=False, capture_output=True, timeout=60, **more)


def add_up(pairs):
    """[(name, ns)] -> {name: [count, sum]}"""
    sums = collections.defaultdict(lambda: [0, 0])
    for name, ns in pairs:
        sums[name][0] += 1
        sums[name][1] += ns
    return dict(sums)


class Export(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="rk-export-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.traces = {}
        for name, how, text in (("clean", "clean", ""), ("killed", "killed", ""),
                                ("host", "host", ""), ("early", "early", ""),
                                ("script", "script", SCRIPT)):
            path = f"{cls.folder.name}/{name}.rkt.zst"
            subprocess.run([MAKE_TRACE, path, how], input=text, text=True, check=True, timeout=60)
            cls.traces[name] = path

    def export(self, trace, form, *words):
        done = rktrace("export", self.traces[trace], "--format", form, *words)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def report(self, trace, *words):
        """{name: [count, sum]} of the GPU's time, as the report has it."""
        done = rktrace("report", "--json", *words, self.traces[trace])
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        return {row["name"]: [row["instances"], row["total_ns"]]
                for group in ("kernels", "memory") for row in told[group]
                if row["time_source"] == "gpu"}

    def each(self, *but):
        return [(trace, self.report(trace)) for trace in self.traces if trace not in but]


class Perfetto(Export):
    def read(self, data):
        try:
            from perfetto.protos.perfetto.trace import perfetto_trace_pb2
        except ImportError:
            self.skipTest("no package perfetto: tools/setup brings it")
        trace = perfetto_trace_pb2.Trace()
        trace.ParseFromString(data)
        for packet in trace.packet:
            self.assert_known(packet)
        return trace.packet

    def assert_known(self, message):
        """Nothing that the schema does not know: a wrong field number would hide there."""
        from google.protobuf import unknown_fields
        self.assertEqual(len(unknown_fields.UnknownFieldSet(message)), 0, message)
        for field, value in message.ListFields():
            if field.message_type:
                for inner in value if isinstance(value, collections.abc.Sequence) else [value]:
                    Perfetto.assert_known(self, inner)

    def slices(self, data):
        """[(category, name, start, end, track, event)] as a viewer pairs them; tracks by uuid."""
        names, categories, tracks, done = {}, {}, {}, []
        events = []
        for order, packet in enumerate(self.read(data)):
            if packet.sequence_flags & 1:
                names, categories = {}, {}
            names.update((e.iid, e.name) for e in packet.interned_data.event_names)
            categories.update((e.iid, e.name) for e in packet.interned_data.event_categories)
            if packet.HasField("track_descriptor"):
                tracks[packet.track_descriptor.uuid] = packet.track_descriptor
            if packet.HasField("track_event"):
                event = packet.track_event
                events.append((packet.timestamp, order, event,
                               [categories[i] for i in event.category_iids],
                               names.get(event.name_iid)))
        under_way = collections.defaultdict(list)
        for ns, _, event, category, name in sorted(events, key=lambda e: e[:2]):
            self.assertIn(event.track_uuid, tracks)
            if event.type == event.TYPE_SLICE_BEGIN:
                under_way[event.track_uuid].append((category[0], name, ns, event))
            else:
                category, name, start, begun = under_way[event.track_uuid].pop()
                done.append((category, name, start, ns, event.track_uuid, begun))
        self.assertFalse(any(under_way.values()))
        return done, tracks

    def test_work(self):
        for trace, wanted in self.each():
            slices, _ = self.slices(self.export(trace, "perfetto"))
            self.assertEqual(add_up((name, end - start) for kind, name, start, end, *_ in slices
                                    if kind in ("kernel", "memcpy", "memset")), wanted, trace)

    def test_flows(self):
        slices, _ = self.slices(self.export("clean", "perfetto"))
        calls = [e.flow_ids[0] for kind, *_, e in slices if kind == "cuda_api" and e.flow_ids]
        work = [e.terminating_flow_ids[0] for kind, *_, e in slices if e.terminating_flow_ids]
        self.assertEqual(len(set(calls)), 8)
        self.assertEqual(sorted(calls), sorted(work))

    def test_tracks(self):
        _, tracks = self.slices(self.export("clean", "perfetto"))
        names = sorted(track.name for track in tracks.values() if track.name)
        self.assertEqual(names, ["GPU 0 NVIDIA H100 80GB HBM3", "stream 7"])
        self.assertTrue(any(t.process.pid == 4711 for t in tracks.values()))
        self.assertTrue(any(t.thread.tid == 42 for t in tracks.values()))

    def test_ranges(self):
        slices, _ = self.slices(self.export("script", "perfetto"))
        self.assertEqual(sorted(name for kind, name, *_ in slices if kind == "range"),
                         ["inner", "open", "step"])


class Chrome(Export):
    def events(self, trace, *words):
        told = json.loads(self.export(trace, "chrome", *words))
        return told["traceEvents"]

    def test_work(self):
        for trace, wanted in self.each():
            found = add_up((e["name"], round(1000 * e["dur"])) for e in self.events(trace)
                           if e.get("cat") in ("kernel", "memcpy", "memset"))
            self.assertEqual(found, wanted, trace)

    def test_flows_meet_slices(self):
        events = self.events("clean")
        ends = {e["id"]: e for e in events if e["ph"] == "f"}
        starts = {e["id"]: e for e in events if e["ph"] == "s"}
        self.assertEqual(len(starts), 8)
        self.assertEqual(starts.keys(), ends.keys())
        slices = {(e["pid"], e["tid"], e["ts"]) for e in events if e["ph"] == "X"}
        self.assertGreaterEqual(min(e["ts"] for e in events if "ts" in e), 0)
        for event in [*ends.values(), *starts.values()]:
            self.assertIn((event["pid"], event["tid"], event["ts"]), slices)

    def test_rows_never_overlap(self):
        rows = collections.defaultdict(list)
        for event in self.events("script"):
            if event["ph"] == "X":
                rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        for row in rows.values():
            row.sort()
            for (_, end), (start, _) in zip(row, row[1:]):
                self.assertLessEqual(end, start + 1e-6)

    def test_every_row_of_a_gpu_has_a_name(self):
        events = self.events("script")
        named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
        for event in events:
            if event.get("cat") in ("kernel", "nvtx"):
                self.assertIn((event["pid"], event["tid"]), named)


class Sqlite(Export):
    def open(self, trace):
        path = f"{self.folder.name}/{trace}.sqlite"
        done = rktrace("export", self.traces[trace], "-f", "-o", path)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        database = sqlite3.connect(path)
        self.addCleanup(database.close)
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        return database

    def test_work(self):
        for trace, wanted in self.each():
            found = dict()
            queries = (
                "SELECT s.value, COUNT(*), SUM(k.end - k.start) FROM CUPTI_ACTIVITY_KIND_KERNEL k "
                "JOIN StringIds s ON s.id = k.shortName GROUP BY 1",
                "SELECT e.label, COUNT(*), SUM(m.end - m.start) FROM CUPTI_ACTIVITY_KIND_MEMCPY m "
                "JOIN ENUM_CUDA_MEMCPY_OPER e ON e.id = m.copyKind GROUP BY 1",
                "SELECT '[CUDA memset]', COUNT(*), SUM(end - start) FROM "
                "CUPTI_ACTIVITY_KIND_MEMSET GROUP BY 1")
            database = self.open(trace)
            for query in queries:
                found.update((name, [count, ns]) for name, count, ns in database.execute(query))
            self.assertEqual(found, wanted, trace)

    def test_a_query_of_nsys(self):
        """Joins that its own reports make: kernels and the calls that launched them."""
        rows = self.open("clean").execute(
            "SELECT s.value, k.start - r.start FROM CUPTI_ACTIVITY_KIND_KERNEL k "
            "JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = k.correlationId "
            "AND r.globalTid / 0x1000000 = k.globalPid / 0x1000000 "
            "JOIN StringIds s ON s.id = r.nameId").fetchall()
        self.assertEqual(rows, [("cuLaunchKernel", 5000)] * 5)

    def test_ranges(self):
        rows = self.open("script").execute(
            "SELECT text, domain, end IS NULL FROM NVTX_EVENTS ORDER BY text").fetchall()
        self.assertEqual(rows, [("inner", "", 0), ("open", "", 1), ("step", "train", 0)])


class Rows(Export):
    def test_csv(self):
        for trace, wanted in self.each("host"):
            rows = csv.DictReader(io.StringIO(self.export(trace, "csv").decode()))
            self.assertEqual(add_up((row["Name"], int(row["Duration (ns)"])) for row in rows
                                    if row["Category"] != "graph"), wanted)

    def test_csv_of_before_the_start(self):
        """A file is opened while the program runs: what came before has negative times."""
        def starts(trace):
            rows = csv.DictReader(io.StringIO(self.export(trace, "csv").decode()))
            return [int(row["Start (ns)"]) for row in rows]
        self.assertEqual(starts("early"), [start - 400000 for start in starts("clean")])

    def test_csv_says_host(self):
        rows = list(csv.DictReader(io.StringIO(self.export("host", "csv").decode())))
        self.assertEqual({row["Time Source"] for row in rows}, {"host"})
        self.assertEqual(len(rows), 8)

    def test_ndjson(self):
        for trace, wanted in self.each():
            lines = [json.loads(line) for line in self.export(trace, "ndjson").splitlines()]
            self.assertEqual(lines[0]["type"], "trace")
            self.assertEqual(add_up((line["name"], line["duration_ns"]) for line in lines
                                    if line["type"] in ("kernel", "memcpy", "memset") and
                                    line.get("time_source") == "gpu"), wanted)

    def test_ndjson_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema: tools/setup brings it")
        schema = json.loads((ROOT / "docs/export_ndjson.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        seen = set()
        for trace in self.traces:
            for line in self.export(trace, "ndjson").splitlines():
                told = json.loads(line)
                seen.add(told["type"])
                self.assertEqual([e.message for e in validator.iter_errors(told)], [], told)
        self.assertEqual(seen, {"trace", "device", "kernel", "memcpy", "memset", "alloc", "error",
                                "graph", "range"})
        for bad in ({"type": "kernel"}, {"type": "range", "name": "x"}, {"type": "nothing"}):
            self.assertTrue(list(validator.iter_errors(bad)))

    def test_folded(self):
        for trace, wanted in self.each():
            found = collections.Counter()
            for line in self.export(trace, "folded").decode().splitlines():
                stack, _, ns = line.rpartition(" ")
                found[stack.rpartition(";")[2]] += int(ns)
            self.assertEqual(dict(found), {name.replace(";", ":"): ns
                                           for name, (_, ns) in wanted.items()})


class Otlp(Export):
    def leaves(self, spans):
        return add_up((span["name"], int(span["endTimeUnixNano"]) -
                       int(span["startTimeUnixNano"])) for span in spans)

    def spans(self, trace):
        for line in self.export(trace, "otlp").splitlines():
            for resource in json.loads(line)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    yield from scope["spans"]

    def test_both_encodings_say_the_same(self):
        try:
            from google.protobuf import json_format
            from opentelemetry.proto.trace.v1 import trace_pb2
        except ImportError:
            self.skipTest("no opentelemetry-proto: tools/setup brings it")
        for trace, _ in self.each():
            data, spans = self.export(trace, "otlp-proto"), []
            while data:
                length = int.from_bytes(data[:4], "big")
                message = trace_pb2.TracesData.FromString(data[4:4 + length])
                data = data[4 + length:]
                for resource in message.resource_spans:
                    for scope in resource.scope_spans:
                        spans += scope.spans
            self.assertEqual([(s.span_id.hex(), s.name, s.start_time_unix_nano,
                               s.end_time_unix_nano) for s in spans],
                             [(s["spanId"], s["name"], int(s["startTimeUnixNano"]),
                               int(s["endTimeUnixNano"])) for s in self.spans(trace)])
            self.assertEqual(len({s.span_id for s in spans}), len(spans))
            self.assertTrue(json_format.MessageToDict(spans[0]))

    def test_every_kernel_is_a_span(self):
        found = collections.Counter()
        for span in self.spans("clean"):
            for attribute in span["attributes"]:
                if attribute["key"] == "rustkernel.kernel.demangled" or \
                        attribute["key"] == "rustkernel.grid":
                    found[span["name"]] += attribute["key"] == "rustkernel.grid"
        self.assertEqual(found, {"axpy": 3, "foo::transpose": 2})


class Parts(Export):
    def test_filters_hold(self):
        for words in (["--kernel", "axpy"], ["--last", "100us"], ["--from", "300us"],
                      ["--min-duration", "60us"]):
            with self.subTest(words=words):
                rows = csv.DictReader(io.StringIO(self.export("clean", "csv", *words).decode()))
                self.assertEqual(add_up((r["Name"], int(r["Duration (ns)"])) for r in rows),
                                 self.report("clean", *words))

    def test_top(self):
        rows = csv.DictReader(io.StringIO(self.export("script", "csv", "--top", "1").decode()))
        self.assertEqual({r["Name"] for r in rows if r["Category"] == "kernel"}, {"gemm"})

    def test_split(self):
        path = f"{self.folder.name}/big.rkt.zst"
        subprocess.run([MAKE_TRACE, path, "script"], check=True, text=True, timeout=60,
                       input="kernel a 0.00001 3000 0.00001\nkernel b 0.00002 2000 0.00001\n")
        for form, ending in (("chrome", "json"), ("csv", "csv"), ("ndjson", "ndjson"),
                             ("sqlite", "sqlite"), ("perfetto", "pftrace")):
            out = f"{self.folder.name}/part.{ending}"
            done = rktrace("export", path, "-o", out, "--split", "128K")
            self.assertEqual((done.returncode, done.stderr), (0, b""), form)
            parts = sorted(pathlib.Path(self.folder.name).glob(f"part.*.{ending}"))
            self.assertGreater(len(parts), 1)
            self.assertEqual(sum(self.kernels(form, part) for part in parts), 5000)
            for part in parts[:-1]:
                self.assertLess(part.stat().st_size, 400 << 10)

    def kernels(self, form, part):
        """How many there are in one part, which must be whole in itself."""
        if form == "chrome":
            return sum(e.get("cat") == "kernel" for e in json.loads(part.read_text())["traceEvents"])
        if form == "csv":
            return sum(1 for _ in csv.DictReader(io.StringIO(part.read_text())))
        if form == "ndjson":
            lines = [json.loads(line) for line in part.read_text().splitlines()]
            self.assertEqual(lines[0]["type"], "trace")
            return sum(line["type"] == "kernel" for line in lines)
        if form == "sqlite":
            database = sqlite3.connect(part)
            count, = database.execute("SELECT COUNT(*) FROM CUPTI_ACTIVITY_KIND_KERNEL").fetchone()
            database.close()
            return count
        slices, _ = Perfetto.slices(self, part.read_bytes())
        return sum(kind == "kernel" for kind, *_ in slices)

    read, assert_known = Perfetto.read, Perfetto.assert_known


class Trouble(Export):
    def test_full_disk(self):
        for form in ("chrome", "perfetto", "csv", "ndjson", "otlp", "folded"):
            done = rktrace("export", self.traces["clean"], "--format", form, "-o", "/dev/full")
            self.assertEqual(done.returncode, 73, form)
            self.assertEqual(done.stderr.decode(), "rktrace export: could not write /dev/full: "
                             "No space left on device\n")

    def test_a_file_that_cannot_grow(self):
        """As on a full disk, but of a file that would have stayed."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for ending in ("json", "sqlite"):
            out = f"{self.folder.name}/full.{ending}"
            done = rktrace("export", self.traces["clean"], "-o", out, preexec_fn=limit)
            self.assertEqual(done.returncode, 73)
            self.assertIn(b"could not write", done.stderr)
            self.assertEqual(list(pathlib.Path(self.folder.name).glob("full.*")), [])

    def test_a_reader_that_goes(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([RKTRACE, "export", self.traces["clean"], "--format", "csv"],
                              check=False, stdout=write, stderr=subprocess.PIPE, timeout=60)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_an_existing_file_stays(self):
        out = pathlib.Path(self.folder.name, "mine.csv")
        out.write_text("mine")
        done = rktrace("export", self.traces["clean"], "-o", str(out))
        self.assertEqual(done.returncode, 73)
        self.assertIn(b"--force", done.stderr)
        self.assertEqual(out.read_text(), "mine")
        self.assertEqual(rktrace("export", self.traces["clean"], "-f", "-o", str(out)).returncode, 0)
        self.assertTrue(out.read_text().startswith("Start (ns)"))

    def test_damage_keeps_what_was_read(self):
        path = pathlib.Path(self.folder.name, "damaged.rkt.zst")
        data = bytearray(pathlib.Path(self.traces["clean"]).read_bytes())
        data[len(data) // 2] ^= 0xff
        path.write_bytes(data)
        done = rktrace("export", str(path), "--format", "csv")
        self.assertEqual(done.returncode, 65)
        self.assertIn(b"damaged", done.stderr)
        self.assertTrue(done.stdout.startswith(b"Start (ns)"))

    def test_no_folder(self):
        done = rktrace("export", self.traces["clean"], "-o", f"{self.folder.name}/no/x.csv")
        self.assertEqual(done.returncode, 73)
        self.assertIn(f"there is no folder {self.folder.name}/no".encode(), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
