# SPDX-License-Identifier: Apache-2.0
"""OTLP metrics, decoded with the official descriptors, against the text of the same registry."""
import collections
import itertools
import math
import os
import subprocess
import sys
import unittest

from wire import Case, Histogram, key_of, no_unknown_fields, prometheus_name, read_text

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2

START_NS, INTERVAL_NS = 1700000000000000000, 60000000000
LIMIT = 4 << 20
OVERFLOW = (("otel.metric.overflow", True),)
DELTA, CUMULATIVE = 1, 2


def attributes_of(point):
    values = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in point.attributes}
    assert len(values) == len(point.attributes), point
    if "otel.metric.overflow" in values:
        assert values == {"otel.metric.overflow": True}, values
        return OVERFLOW
    assert all(isinstance(v, str) and v for v in values.values()), values
    return key_of(values)


class Metrics(Case):
    def read(self, name):
        """The metrics of one request, after what holds for every request."""
        data = (self.folder / name).read_bytes()
        self.assertLess(len(data), LIMIT)
        request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(data)
        no_unknown_fields(request)
        # What an encoder of others makes of it is the same bytes.
        self.assertEqual(request.SerializeToString(deterministic=True), data)
        self.assertEqual(len(request.resource_metrics), 1)
        resource = request.resource_metrics[0]
        self.assertTrue(resource.schema_url)
        keys = [a.key for a in resource.resource.attributes]
        self.assertEqual(sorted(set(keys)), sorted(keys))
        self.assertIn("service.name", keys)
        self.assertEqual(len(resource.scope_metrics), 1)
        self.assertEqual(resource.scope_metrics[0].scope.name, "rkpreload")
        metrics = resource.scope_metrics[0].metrics
        self.assertTrue(metrics)
        names = [m.name for m in metrics]
        self.assertEqual(len(set(names)), len(names))
        return metrics

    def check_number(self, kind, point, now):
        self.assertEqual(point.WhichOneof("value"), "as_double")
        if kind == "gauge":
            self.assertEqual(point.start_time_unix_nano, 0)

    def check_exemplars(self, point, most, values_in=None):
        self.assertLessEqual(len(point.exemplars), most)
        for exemplar in point.exemplars:
            self.assertEqual(exemplar.WhichOneof("value"), "as_double")
            self.assertEqual((len(exemplar.trace_id), len(exemplar.span_id)), (16, 8))
            self.assertEqual(exemplar.span_id[0], exemplar.trace_id[0] + 100)
            self.assertGreater(exemplar.time_unix_nano, point.start_time_unix_nano)
            self.assertLessEqual(exemplar.time_unix_nano, point.time_unix_nano)
            self.assertFalse(exemplar.filtered_attributes)

    def check_histogram(self, point):
        bounds = list(point.explicit_bounds)
        self.assertEqual(len(point.bucket_counts), len(bounds) + 1)
        self.assertEqual(sum(point.bucket_counts), point.count)
        self.assertEqual(sorted(set(bounds)), bounds)
        self.check_exemplars(point, len(bounds) + 1)
        places = [sum(b < e.as_double for b in bounds) for e in point.exemplars]
        self.assertEqual(len(set(places)), len(places))

    def check_exponential(self, point):
        counts = point.positive.bucket_counts
        self.assertEqual(point.zero_count + sum(counts), point.count)
        self.assertFalse(point.negative.bucket_counts)
        self.assertLessEqual(len(counts), 160)
        self.check_exemplars(point, 20)
        if not point.count:
            self.assertFalse(counts)
            return
        self.assertTrue(counts[0] and counts[-1])
        if len(counts) == 160 or point.scale < 3:
            # A finer scale would not have fitted: the halves of the ends do not.
            self.assertGreater(2 * len(counts), 159)
        self.assertLessEqual(point.scale, 3)
        base = 2 ** (2 ** -point.scale)
        if point.HasField("min"):
            low = base ** point.positive.offset
            # What the registry took for 0 ns it counts with 1 ns.
            self.assertTrue(low < max(point.min, 1e-9) <= low * base * (1 + 1e-9), point)
        if point.HasField("max"):
            low = base ** (point.positive.offset + len(counts) - 1)
            self.assertTrue(low * (1 - 1e-9) < max(point.max, 1e-9) <= low * base * (1 + 1e-9), point)

    def points(self, metrics, now):
        """(name in Prometheus, kind, labels, point, temporality), each point checked by itself."""
        for metric in metrics:
            kind = metric.WhichOneof("data")
            data = getattr(metric, kind)
            self.assertTrue(metric.description)
            temporality = getattr(data, "aggregation_temporality", None)
            self.assertIn(temporality, (None,) if kind == "gauge" else (DELTA, CUMULATIVE))
            monotonic = kind == "sum" and data.is_monotonic
            self.assertEqual(kind == "sum", monotonic)
            self.assertTrue(data.data_points)
            name = prometheus_name(metric.name, metric.unit, monotonic, kind == "gauge")
            for point in data.data_points:
                self.assertEqual(point.time_unix_nano, now)
                self.assertEqual(point.flags, 0)
                if kind != "gauge":
                    self.assertGreaterEqual(point.start_time_unix_nano, START_NS)
                    self.assertLess(point.start_time_unix_nano, now)
                if kind == "histogram":
                    self.check_histogram(point)
                elif kind == "exponential_histogram":
                    self.check_exponential(point)
                else:
                    self.check_number(kind, point, now)
                if "histogram" in kind:
                    self.assertTrue(point.HasField("sum"))
                    if temporality == CUMULATIVE:
                        self.assertTrue(point.HasField("min") and point.HasField("max"))
                    if not point.count:
                        self.assertFalse(point.HasField("min") or point.HasField("max"))
                        self.assertEqual(point.sum, 0)
                yield name, kind, attributes_of(point), point, temporality

    def requests(self, meta):
        """The requests of a round: (verdict, points)."""
        names = sorted(p.name for p in self.folder.glob(f"round-{meta['round']:03}-*.bin"))
        self.assertEqual(len(names), meta["requests"])
        total, seen = 0, set()
        for name in names:
            points = list(self.points(self.read(name), meta["now"]))
            total += len(points)
            series = {(p[0], p[2]) for p in points}
            self.assertEqual(len(series), len(points))
            self.assertFalse(series & seen, "a series is in two requests of a round")
            seen |= series
            yield name[-5], points
        self.assertEqual(total, meta["points"])

    def text(self, meta):
        return read_text(self.folder / f"round-{meta['round']:03}.txt")

    def compare(self, text, series):
        """@series, {(name, labels): number or Histogram}, is what the text says."""
        expected = {(name, labels): value for name, all_of in text.items()
                    for labels, value in all_of.items()}
        self.assertEqual(set(series), set(expected))
        for key, value in expected.items():
            got = series[key]
            if not isinstance(value, Histogram):
                self.assertTrue(math.isclose(got, value, rel_tol=1e-12), (key, got, value))
                continue
            self.assertEqual(got.count, value.count, key)
            self.assertTrue(math.isclose(got.sum, value.sum, rel_tol=1e-9), (key, got.sum))
            if got.bounds:
                self.assertEqual(got.bounds, value.bounds[:-1])
                self.assertEqual(got.counts, value.counts)


def value_of(kind, point):
    if "histogram" not in kind:
        return point.as_double
    if kind == "histogram":
        return Histogram(point.sum, point.count, point.explicit_bounds, point.bucket_counts)
    return Histogram(point.sum, point.count)


class Cumulative(Metrics):
    def run_rounds(self, **options):
        """Every round is what the text of its time says; starts never change."""
        starts, last = {}, START_NS
        for meta in self.drive("metrics", **options):
            series = {}
            for _, points in self.requests(meta):
                for name, kind, labels, point, temporality in points:
                    series[name, labels] = value_of(kind, point)
                    if kind == "gauge":
                        continue
                    self.assertEqual(temporality, CUMULATIVE)
                    start = starts.setdefault((name, labels), last)
                    self.assertEqual(point.start_time_unix_nano, start)
            self.compare(self.text(meta), series)
            last = meta["now"]
        self.assertGreater(len(set(starts.values())), 1)

    def test_explicit(self):
        self.run_rounds(kernels=20, rounds=5, verdicts="srx")

    def test_exponential(self):
        self.run_rounds(kernels=20, rounds=5, histogram="exponential")

    def test_without_runtime(self):
        self.run_rounds(kernels=3, rounds=2, runtime=0)
        self.assertNotIn("rustkernel_tracer_cpu_seconds_total",
                         read_text(self.folder / "round-001.txt"))

    def test_metrics_of_the_program(self):
        """They are as any other; a histogram keeps the bounds the program chose."""
        for shape in ("explicit", "exponential"):
            self.run_rounds(kernels=5, rounds=4, said=1, histogram=shape)
            text = read_text(self.folder / "round-003.txt")
            self.assertEqual(len(text["said_sent_bytes_total"]), 2)
            self.assertEqual(len(text["rustkernel_queue_depth"]), 1)
            points = {metric.name: getattr(metric, metric.WhichOneof("data")).data_points
                      for path in self.folder.glob("round-003-*.bin")
                      for metric in self.read(path.name)}
            self.assertEqual(list(points["said_batch_milliseconds"][0].explicit_bounds), [0.5, 700])
            self.assertEqual(len(points["said_many_milliseconds"]), 30)
            self.assertNotIn("said_sent_bytes", points)

    def test_shapes_agree(self):
        """One registry, fed the same: what is in the buckets of both shapes fits together."""
        def histograms(shape):
            meta = self.drive("metrics", kernels=30, rounds=8, histogram=shape, wide=1)[-1]
            return {(name, labels): point for _, points in self.requests(meta)
                    for name, kind, labels, point, _ in points if "histogram" in kind}
        explicit, exponential = histograms("explicit"), histograms("exponential")
        self.assertEqual(set(explicit), set(exponential))
        self.assertGreaterEqual(len(explicit), 30)
        downscaled = 0
        for key, point in explicit.items():
            other = exponential[key]
            self.assertEqual((point.count, point.sum, point.min, point.max),
                             (other.count, other.sum, other.min, other.max))
            downscaled += other.scale < 3
            base = 2 ** (2 ** -other.scale)
            below = 0
            for bound, count in zip(point.explicit_bounds, point.bucket_counts):
                below += count
                edges = [(base ** (other.positive.offset + i), n)
                         for i, n in enumerate(other.positive.bucket_counts)]
                surely = sum(n for low, n in edges if low * base <= bound * (1 - 1e-9))
                perhaps = sum(n for low, n in edges if low < bound * (1 + 1e-9))
                self.assertTrue(surely <= below <= perhaps, (key, bound, surely, below, perhaps))
        self.assertGreater(downscaled, 0)

    def test_exemplars(self):
        for shape in ("explicit", "exponential"):
            metas = self.drive("metrics", kernels=20, rounds=4, histogram=shape, examples=1,
                               wide=1)
            found = [len(point.exemplars) for meta in metas for _, points in self.requests(meta)
                     for _, kind, _, point, _ in points if "histogram" in kind]
            self.assertGreater(sum(found), 50)


class Delta(Metrics):
    def replay(self, **options):
        """
        Add up what reached and what was refused; together that is what the registry says.
        Return: temporalities by (kind, runtime).
        """
        reached = {}
        ends = {}
        last = START_NS
        kinds = collections.defaultdict(set)
        shape = options.get("histogram", "explicit")
        metas = self.drive("metrics", **options)
        for meta in metas:
            gauges = set()
            for verdict, points in self.requests(meta):
                for name, kind, labels, point, temporality in points:
                    key = name, labels
                    runtime = name.startswith(("rustkernel_tracer_", "process_"))
                    kinds[kind, runtime].add(temporality)
                    value = value_of(kind, point)
                    if temporality != DELTA:
                        reached[key] = value
                        gauges.add(key)
                        continue
                    self.assertEqual(point.start_time_unix_nano, ends.setdefault(key, last))
                    if verdict == "r":
                        continue
                    ends[key] = meta["now"]
                    reached[key] = self.add(reached.get(key), value)
            last = meta["now"]
        if metas and options["verdicts"].endswith("s"):
            self.compare(self.text(metas[-1]), reached)
        return kinds

    @staticmethod
    def add(before, value):
        if not isinstance(value, Histogram):
            assert value >= 0, value
            return (before or 0) + value
        if before is None:
            return value
        assert all(n >= 0 for n in value.counts)
        return Histogram(before.sum + value.sum, before.count + value.count, value.bounds,
                         [a + b for a, b in zip(before.counts, value.counts)])

    def test_everything_arrives(self):
        kinds = self.replay(temporality="delta", kernels=20, rounds=6, verdicts="s")
        self.assertEqual(kinds, {("sum", False): {DELTA}, ("sum", True): {DELTA},
                                 ("histogram", False): {DELTA}, ("gauge", False): {None},
                                 ("gauge", True): {None}})

    def test_metrics_of_the_program(self):
        for shape in ("explicit", "exponential"):
            self.replay(temporality="delta", histogram=shape, kernels=5, rounds=7, said=1,
                        verdicts="srsxrrs")

    def test_some_rounds_do_not_arrive(self):
        for verdicts in ("rs", "srs", "rrrs", "srrsrs", "xs", "sxrs"):
            with self.subTest(verdicts):
                rounds = 3 * len(verdicts)
                for shape in ("explicit", "exponential"):
                    self.replay(temporality="delta", histogram=shape, kernels=25, rounds=rounds,
                                verdicts=verdicts)

    def test_lowmemory(self):
        kinds = self.replay(temporality="lowmemory", kernels=10, rounds=6, verdicts="srs")
        self.assertEqual(kinds, {("sum", False): {DELTA}, ("sum", True): {CUMULATIVE},
                                 ("histogram", False): {DELTA}, ("gauge", False): {None},
                                 ("gauge", True): {None}})

    def test_wide_values(self):
        self.replay(temporality="delta", histogram="exponential", kernels=20, rounds=9, wide=1,
                    verdicts="srs")

    def test_exemplars_are_of_the_interval(self):
        metas = self.drive("metrics", temporality="delta", kernels=20, rounds=5, wide=1,
                           examples=1)
        for meta in metas[1:]:
            for _, points in self.requests(meta):
                for _, kind, _, point, _ in points:
                    if kind == "histogram":
                        self.assertTrue(all(e.time_unix_nano > meta["now"] - INTERVAL_NS
                                            for e in point.exemplars
                                            if point.start_time_unix_nano > START_NS))

    def test_requests_of_one_round_fare_differently(self):
        """Each of them settles its own series, and no other."""
        for shape in ("explicit", "exponential"):
            self.replay(temporality="delta", histogram=shape, kernels=200, rounds=9,
                        request_bytes=8000, verdicts="smms")
            verdicts = [p.name[-5] for p in self.folder.glob("round-006-*.bin")]
            self.assertGreater(len(verdicts), 3)
            self.assertEqual(set(verdicts), {"s", "r", "x"})
            self.assertLess(max(p.stat().st_size for p in self.folder.glob("*.bin")), 8001)


class Bounds(Metrics):
    def totals(self, series):
        out = collections.Counter()
        for (name, _), value in series.items():
            if isinstance(value, Histogram):
                out[name, "count"] += value.count
                out[name, "sum"] += value.sum
                for i, count in enumerate(value.counts):
                    out[name, i] += count
            else:
                out[name] += value
        return out

    def overflow(self, most, **options):
        """
        No family has more than @most series; sums are those of the registry, in every round;
        a series never moves into the overflow.
        """
        last_own, overflows = set(), 0
        reached = {}
        delta = options.get("temporality") == "delta"
        for meta in self.drive("metrics", **options):
            series, own = {}, set()
            for _, points in self.requests(meta):
                for name, kind, labels, point, temporality in points:
                    if temporality == DELTA:
                        reached[name, labels] = Delta.add(reached.get((name, labels)),
                                                          value_of(kind, point))
                        series[name, labels] = reached[name, labels]
                    else:
                        series[name, labels] = value_of(kind, point)
                    overflows += labels == OVERFLOW
                    if labels != OVERFLOW:
                        own.add((name, labels))
            self.assertLessEqual(last_own, own)
            last_own = own
            # The registry's bound is not for the tracer's own, whose labels are few and known.
            per_family = collections.Counter(
                name for name, _ in series
                if options["max_series"] == most or "_tracer_" not in name)
            self.assertLessEqual(max(per_family.values()), most)
            text = self.totals({(n, k): v for n, f in self.text(meta).items()
                                for k, v in f.items()})
            got = self.totals(series)
            # Buckets of the text are counted up to le, and exponential ones are not compared.
            for key, value in text.items():
                if isinstance(key, tuple) and isinstance(key[1], int) and \
                        options.get("histogram") == "exponential":
                    continue
                self.assertTrue(math.isclose(got[key], value, rel_tol=1e-9), (key, got[key]))
        self.assertGreater(overflows, 2)
        self.assertEqual(delta, any(True for _ in reached))

    def test_overflow_of_the_encoder(self):
        for temporality, shape in itertools.product(("cumulative", "delta"),
                                                    ("explicit", "exponential")):
            with self.subTest((temporality, shape)):
                self.overflow(20, max_series=20, kernels=60, rounds=5, temporality=temporality,
                              histogram=shape)

    def test_overflow_of_the_registry(self):
        """What the registry folds is the overflow here, whatever its source and status."""
        for temporality in ("cumulative", "delta"):
            self.overflow(20, max_series=1000, registry_series=20, kernels=60, rounds=5,
                          temporality=temporality)

    def test_overflow_of_metrics_of_the_program(self):
        for temporality in ("cumulative", "delta"):
            self.overflow(20, max_series=20, kernels=5, rounds=3, said=1,
                          temporality=temporality)
            self.overflow(20, max_series=1000, registry_series=20, kernels=5, rounds=3, said=1,
                          temporality=temporality)

    def test_four_mebibytes(self):
        """
        13,000 kernels are 10,000 series of histograms: several requests, each below the limit,
        and no more memory than those and, for deltas, what was sent of each series.
        """
        most_kib = {("explicit", "cumulative"): 16, ("explicit", "delta"): 28,
                    ("exponential", "cumulative"): 12, ("exponential", "delta"): 24}
        for (shape, temporality), mebibytes in most_kib.items():
            meta = self.drive("metrics", kernels=13400, rounds=1, histogram=shape,
                              temporality=temporality)[0]
            sizes = [p.stat().st_size for p in self.folder.glob("round-000-*.bin")]
            self.assertGreater(meta["points"], 20000)
            self.assertLess(max(sizes), LIMIT)
            if shape == "explicit":
                self.assertGreater(len(sizes), 1)
            print(shape, temporality, meta, "bytes", sum(sizes), file=sys.stderr)
            if not os.environ.get("RK_SANITIZER_PRELOAD"):
                self.assertLess(meta["peak_kib"], mebibytes * 1024)
            if temporality == "cumulative":
                collections.deque(self.requests(meta), maxlen=0)


class Names(unittest.TestCase):
    def test_round_trip(self):
        """Prometheus makes of each OTLP name the very name of the text."""
        out = subprocess.run([os.environ["RK_WIRE_DRIVER"], "names"], check=True, text=True,
                             capture_output=True).stdout
        names = set()
        for line in out.splitlines():
            name, kind, otlp, unit = line.split(" ")
            if name == "target_info":
                continue
            self.assertEqual(prometheus_name(otlp, unit, kind == "0", kind == "1"), name)
            self.assertNotIn(otlp, names)
            names.add(otlp)
        self.assertGreater(len(names), 15)
        self.assertIn("rustkernel_executions", names)
        self.assertIn("rustkernel_execution_duration", names)


unittest.main()
