#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON beside Python's protobuf: random requests of every signal, every field of the
schemas, back from JSON to the same message.

Environment: RK_OTLP_JSON_DRIVER.
"""
import base64
import json
import math
import os
import random
import struct
import subprocess
import unittest

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

DRIVER = os.environ["RK_OTLP_JSON_DRIVER"]
SIGNALS = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest,
           "logs": ExportLogsServiceRequest}
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
TEXTS = ["", "a", "k\"\\/\b\f\n\r\t\x01\x7f", "\u00e4\u20ac\U0001d11e", "<b>&'", "x" * 5000]
REALS = [0.0, -0.0, 0.5, 1e300, -1e-300, 1 / 3, math.pi, 5e-324, math.inf, -math.inf, math.nan]


def some_value(field, dice):
    kind = field.type
    bits = dice.choice([1, 7, 8, 31, 32, 63])
    if kind in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return dice.choice(REALS)
    if kind in (field.TYPE_INT64, field.TYPE_SFIXED64, field.TYPE_SINT64):
        return dice.choice([-1, 1]) * dice.getrandbits(bits)
    if kind in (field.TYPE_UINT64, field.TYPE_FIXED64):
        return dice.choice([dice.getrandbits(bits), 2**64 - 1])
    if kind in (field.TYPE_INT32, field.TYPE_SFIXED32, field.TYPE_SINT32):
        return dice.choice([-1, 1]) * dice.getrandbits(min(bits, 31))
    if kind in (field.TYPE_UINT32, field.TYPE_FIXED32):
        return dice.getrandbits(min(bits, 32))
    if kind == field.TYPE_BOOL:
        return dice.random() < 0.5
    if kind == field.TYPE_ENUM:
        return dice.choice([v.number for v in field.enum_type.values])
    if kind == field.TYPE_STRING:
        return dice.choice(TEXTS)
    return bytes(dice.getrandbits(8) for _ in range(dice.choice([0, 1, 2, 3, 8, 16, 100])))


def fill(message, dice, depth=0):
    for field in message.DESCRIPTOR.fields:
        if dice.random() < 0.25:
            continue
        if field.message_type:
            if depth > 7:
                continue
            if field.is_repeated:
                for _ in range(dice.randrange(3)):
                    fill(getattr(message, field.name).add(), dice, depth + 1)
            else:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), dice, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(
                some_value(field, dice) for _ in range(dice.randrange(4)))
        else:
            setattr(message, field.name, some_value(field, dice))


def ids_to_base64(value):
    """OTLP writes ids in hex where protobuf's own JSON has base64."""
    if isinstance(value, dict):
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in IDS else ids_to_base64(v)
                for k, v in value.items()}
    if isinstance(value, list):
        return [ids_to_base64(v) for v in value]
    return value


def convert(signal, requests):
    sent = b"".join(struct.pack("=Q", len(r)) + r for r in requests)
    done = subprocess.run([DRIVER, signal], input=sent, capture_output=True, timeout=100)
    if done.returncode != 0:
        raise AssertionError(f"driver: {done.returncode} {done.stderr.decode()}")
    texts, at = [], 0
    for _ in requests:
        length, = struct.unpack_from("=q", done.stdout, at)
        at += 8
        texts.append(done.stdout[at:at + length] if length >= 0 else length)
        at += max(length, 0)
    return texts


class Json(unittest.TestCase):
    def compare(self, signal, seed):
        dice = random.Random(seed)
        messages = []
        for _ in range(150):
            message = SIGNALS[signal]()
            fill(message, dice)
            messages.append(message)
        texts = convert(signal, [m.SerializeToString() for m in messages])
        for message, text in zip(messages, texts):
            back = SIGNALS[signal]()
            json_format.ParseDict(ids_to_base64(json.loads(text)), back)
            self.assertEqual(back.SerializeToString(deterministic=True),
                             message.SerializeToString(deterministic=True), text[:2000])
        return b"".join(texts)

    def test_traces(self):
        self.compare("traces", 1)

    def test_metrics(self):
        text = self.compare("metrics", 2)
        for spelled in (b'"NaN"', b'"Infinity"', b'"-Infinity"'):
            self.assertIn(spelled, text)

    def test_logs(self):
        self.compare("logs", 3)

    def test_spelling(self):
        """What json_format would also accept in another form is looked at itself."""
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id = bytes(range(16)), bytes(range(0xf8, 0x100))
        span.parent_span_id = b"\xab" * 8
        span.kind, span.flags = 1, 0x301
        span.start_time_unix_nano = 1700000000000000000
        span.status.code = 2
        number = span.attributes.add(key="n").value
        number.int_value = 0
        span.attributes.add(key="t").value.bool_value = False
        span.attributes.add(key="b").value.bytes_value = b"\x00\xff"
        text, = convert("traces", [request.SerializeToString()])
        self.assertEqual(json.loads(text), {"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "000102030405060708090a0b0c0d0e0f", "spanId": "f8f9fafbfcfdfeff",
            "parentSpanId": "abababababababab", "kind": 1, "flags": 769,
            "startTimeUnixNano": "1700000000000000000", "status": {"code": 2},
            "attributes": [{"key": "n", "value": {"intValue": "0"}},
                           {"key": "t", "value": {"boolValue": False}},
                           {"key": "b", "value": {"bytesValue": "AP8="}}]}]}]}]})

    def test_what_is_no_request(self):
        bad = [b"\x0a\xff", b"\x0a\x05\x0a", bytes(3), b"\xff" * 40]
        for signal in SIGNALS:
            for result in convert(signal, bad):
                self.assertEqual(result, -74, signal)  # -EBADMSG

    def test_nested_too_deep(self):
        request = ExportLogsServiceRequest()
        value = request.resource_logs.add().scope_logs.add().log_records.add().body
        for _ in range(40):
            value = value.array_value.values.add()
        value.int_value = 1
        self.assertEqual(convert("logs", [request.SerializeToString()]), [-74])

    def test_empty(self):
        self.assertEqual(convert("traces", [b""]), [b"{}"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
