# SPDX-License-Identifier: Apache-2.0
"""Reads what wire_driver wrote: texts by the parser of others, messages without unknown fields."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import google.protobuf  # noqa: F401 (is it there?)
    from opentelemetry.proto.common.v1 import common_pb2  # noqa: F401
    from prometheus_client import parser as text_parser
except ImportError as missing:
    print(missing)
    sys.exit(77)

UNITS = {"s": "seconds", "By": "bytes", "1": "ratio", "J": "joules", "Cel": "celsius",
         "W": "watts"}
BAD_BYTE = re.compile("[\ufffd?]")  # what stands for a byte that is no UTF-8


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def drive(self, mode, **options):
        for old in self.folder.iterdir():
            old.unlink()
        words = [f"{key}={value}" for key, value in options.items()]
        result = subprocess.run([os.environ["RK_WIRE_DRIVER"], mode, str(self.folder), *words],
                                capture_output=True, text=True, timeout=100)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return [json.loads(line) for line in result.stdout.splitlines()]


def no_unknown_fields(message):
    before = message.ByteSize()
    message.DiscardUnknownFields()
    assert message.ByteSize() == before, message


def key_of(labels):
    """A series: its labels, empty ones left out."""
    return tuple(sorted((k, BAD_BYTE.sub("?", v)) for k, v in labels.items() if v != ""))


class Histogram:
    def __init__(self, total=0, count=0, bounds=(), counts=()):
        self.sum, self.count = total, count
        self.bounds, self.counts = list(bounds), list(counts)


def read_text(path):
    """{family: {labels: number or Histogram}}, families by the names of their samples."""
    text = path.read_bytes().decode("utf-8", "replace")
    out = {}
    for family in text_parser.text_string_to_metric_families(text):
        if family.name == "target":
            continue
        suffix = "_total" if family.type == "counter" else ""
        series = out.setdefault(family.name + suffix, {})
        for sample in family.samples:
            labels = dict(sample.labels)
            bound = labels.pop("le", None)
            key = key_of(labels)
            if family.type != "histogram":
                assert key not in series, (family.name, key)
                series[key] = sample.value
                continue
            histogram = series.setdefault(key, Histogram())
            if bound is not None:
                histogram.bounds.append(float(bound))
                histogram.counts.append(sample.value - sum(histogram.counts))
            elif sample.name.endswith("_sum"):
                histogram.sum = sample.value
            elif sample.name.endswith("_count"):
                histogram.count = sample.value
    return out


def prometheus_name(name, unit, monotonic, gauge):
    """What a Prometheus makes of an OTLP name (its package otlptranslator)."""
    tokens = [t for t in re.split("[^a-zA-Z0-9:]", name) if t]
    word = UNITS.get(unit, "") if unit != "1" or gauge else ""
    assert unit in UNITS or unit == "", unit
    if unit == "1" and gauge:
        tokens = [t for t in tokens if t != "ratio"]
    if word and word not in tokens:
        tokens.append(word)
    if monotonic:
        tokens = [t for t in tokens if t != "total"] + ["total"]
    return "_".join(tokens)
