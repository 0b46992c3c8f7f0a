# SPDX-License-Identifier: Apache-2.0
"""The exposition as protobuf: equal to the text, and its native histograms to those of OTLP."""
import contextlib
import math
import os
import pathlib
import shutil
import socket
import subprocess
import time
import unittest
import urllib.request

from wire import Case, Histogram, key_of, no_unknown_fields, read_text

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "exporters" / "proto"
GATEWAY = shutil.which("prometheus-pushgateway")


def family_class(folder):
    """MetricFamily, from the schema of prometheus/client_model as it lies in the tree."""
    out = folder / "schema"
    subprocess.run([os.environ["RK_PROTOC"], f"--proto_path={SCHEMAS}", "--include_imports",
                    f"--descriptor_set_out={out}", "io/prometheus/client/metrics.proto"],
                   check=True, timeout=60)
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    out.unlink()
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("io.prometheus.client.MetricFamily"))


def split(data):
    """Messages with their lengths before them."""
    at = 0
    while at < len(data):
        length = shift = 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
        assert at + length <= len(data)
        yield data[at:at + length]
        at += length


def native_buckets(histogram):
    """{index: count} of a native histogram."""
    deltas = iter(histogram.positive_delta)
    out, index, count = {}, 0, 0
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            count += next(deltas)
            assert count >= 0
            if count:
                out[index] = count
            index += 1
    assert next(deltas, None) is None
    return out


class Exposition(Case):
    def families(self, **options):
        family = family_class(self.folder)
        self.drive("prometheus", **options)
        self.data = (self.folder / "exposition.bin").read_bytes()
        messages = []
        for part in split(self.data):
            message = family.FromString(part)
            no_unknown_fields(message)
            self.assertEqual(message.SerializeToString(), part)
            messages.append(message)
        names = [m.name for m in messages]
        self.assertEqual(len(set(names)), len(names))
        return messages


class Protobuf(Exposition):
    def value_of(self, family, metric):
        kind = {0: "counter", 1: "gauge", 4: "histogram"}[family.type]
        for other in ("counter", "gauge", "summary", "untyped", "histogram"):
            self.assertEqual(metric.HasField(other), other == kind)
        self.assertFalse(metric.HasField("timestamp_ms"))
        if kind != "histogram":
            return getattr(metric, kind).value
        histogram = metric.histogram
        bounds = [b.upper_bound for b in histogram.bucket]
        totals = [b.cumulative_count for b in histogram.bucket]
        self.assertEqual(bounds[-1], math.inf)
        self.assertEqual(totals[-1], histogram.sample_count)
        counts = [b - a for a, b in zip([0] + totals, totals)]
        return Histogram(histogram.sample_sum, histogram.sample_count, bounds, counts)

    def compare(self, families):
        text = read_text(self.folder / "exposition.txt")
        self.assertEqual(set(text), {f.name for f in families} - {"target_info"})
        for family in families:
            if family.name == "target_info":
                continue
            self.assertTrue(family.help)
            self.assertEqual(family.unit or "", next(
                (u for u in ("milliseconds", "seconds", "bytes")
                 if family.name.removesuffix("_total").endswith("_" + u)), ""))
            got = {}
            for metric in family.metric:
                labels = key_of({p.name: p.value for p in metric.label})
                self.assertNotIn(labels, got)
                got[labels] = self.value_of(family, metric)
            self.assertEqual(set(got), set(text[family.name]))
            for labels, value in text[family.name].items():
                if isinstance(value, Histogram):
                    self.assertEqual(vars(got[labels]), vars(value))
                else:
                    self.assertEqual(got[labels], value)

    def test_equal_to_the_text(self):
        self.compare(self.families(kernels=30, rounds=4))
        self.compare(self.families(kernels=30, rounds=4, wide=1))
        said = self.families(kernels=5, rounds=3, said=1)
        self.compare(said)
        self.assertIn("said_many_milliseconds", {f.name for f in said})
        without = self.families(kernels=3, rounds=2, runtime=0)
        self.compare(without)
        self.assertFalse([f for f in without if "_tracer_" in f.name])

    def test_native_histograms(self):
        """The buckets of OTLP's exponential histograms, one index higher."""
        families = self.families(kernels=30, rounds=6)
        native = {}
        for family in families:
            for metric in family.metric if family.type == 4 else ():
                histogram = metric.histogram
                self.assertEqual(histogram.schema, 3)
                self.assertEqual(histogram.zero_threshold, 1e-128)
                self.assertTrue(histogram.positive_span)
                # Only the first span may lie below zero; none lies inside the one before.
                self.assertTrue(all(s.offset > 2 for s in histogram.positive_span[1:]))
                buckets = native_buckets(histogram)
                self.assertEqual(sum(buckets.values()) + histogram.zero_count,
                                 histogram.sample_count)
                labels = key_of({p.name: p.value for p in metric.label})
                native[family.name.removesuffix("_seconds"), labels] = buckets
        self.drive("metrics", kernels=30, rounds=6, histogram="exponential")
        request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(
            (self.folder / "round-005-00-s.bin").read_bytes())
        otlp = {}
        for metric in request.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.exponential_histogram.data_points:
                self.assertEqual(point.scale, 3)
                labels = key_of({a.key: a.value.string_value for a in point.attributes})
                otlp[metric.name, labels] = {
                    point.positive.offset + i + 1: n
                    for i, n in enumerate(point.positive.bucket_counts) if n}
        self.assertEqual(native, otlp)
        self.assertGreater(len(native), 20)

    def test_exemplars(self):
        families = self.families(kernels=10, rounds=5, wide=1, examples=1)
        found = 0
        for family in families:
            for metric in family.metric if family.type == 4 else ():
                histogram = metric.histogram
                classic, below = [], -math.inf
                for bucket in histogram.bucket:
                    if bucket.HasField("exemplar"):
                        self.assertTrue(below < bucket.exemplar.value <= bucket.upper_bound)
                        classic.append(bucket.exemplar)
                    below = bucket.upper_bound
                self.assertEqual(classic, list(histogram.exemplars))
                for exemplar in classic:
                    labels = {p.name: p.value for p in exemplar.label}
                    self.assertEqual(set(labels), {"trace_id", "span_id"})
                    self.assertEqual(labels["trace_id"][:2] * 16, labels["trace_id"])
                    self.assertEqual(len(labels["span_id"]), 16)
                    self.assertTrue(exemplar.HasField("timestamp"))
                    self.assertTrue(1699990000 < exemplar.timestamp.seconds <= 1700000000)
                found += len(classic)
        self.assertGreater(found, 20)

    def test_target_info(self):
        family = self.families()[0]
        self.assertEqual(family.name, "target_info")
        self.assertEqual(family.metric[0].gauge.value, 1)
        self.assertEqual({p.name: p.value for p in family.metric[0].label},
                         {"service_name": "driver", "process_pid": "42", "a_b": "1;2",
                          "host_name": "h \u00e4"})


@unittest.skipUnless(GATEWAY, "no prometheus-pushgateway here")
class Gateway(Exposition):
    """The real one reads it, and its consistency check finds no fault."""

    def test_push(self):
        self.families(kernels=20, rounds=3)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        gateway = subprocess.Popen(
            [GATEWAY, f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.kill)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = f"http://127.0.0.1:{port}"
        deadline = time.time() + 20
        while time.time() < deadline:
            with contextlib.suppress(OSError):
                opener.open(url + "/metrics", timeout=10).close()
                break
            time.sleep(0.05)
        request = urllib.request.Request(url + "/metrics/job/a", method="PUT", data=self.data,
                                         headers={"Content-Type": CONTENT_TYPE})
        with opener.open(request, timeout=10) as reply:
            self.assertEqual(reply.status, 200)
        with opener.open(url + "/metrics", timeout=10) as reply:
            ours = [line for line in reply.read().decode().splitlines()
                    if line.startswith("rustkernel_execution_duration_seconds_count{")]
        text = read_text(self.folder / "exposition.txt")
        self.assertEqual(len(ours), len(text["rustkernel_execution_duration_seconds"]))


CONTENT_TYPE = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited")

unittest.main()
