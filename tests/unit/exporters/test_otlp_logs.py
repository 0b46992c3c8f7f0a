# SPDX-License-Identifier: Apache-2.0
"""OTLP log records, decoded with the official descriptors."""
import time
import unittest

from wire import Case, no_unknown_fields

from opentelemetry.proto.logs.v1 import logs_pb2

START_NS = 1700000000000000000
ALL = {"rustkernel.kernel_id": "graph/pagerank", "rustkernel.domain": "GraphAnalytics",
       "rustkernel.duration_ms": 1.5, "tenant_id": "acme", "kernels": 12.0, "host": "h\u00e4\u00f6st",
       "bad": "a?\u00e4", "nothing": "", "ratio": -0.25, "least": -2**63, "is_warm": True}


class Logs(Case):
    def setUp(self):
        super().setUp()
        self.drive("logs")

    def read(self, name):
        data = (self.folder / name).read_bytes()
        scope = logs_pb2.ScopeLogs.FromString(data)
        no_unknown_fields(scope)
        self.assertEqual(scope.SerializeToString(), data)  # as an encoder of others
        self.assertEqual(len(scope.log_records), 1)
        record = scope.log_records[0]
        self.assertGreater(record.observed_time_unix_nano, 0)
        self.assertIn(record.severity_number, range(1, 25))
        self.assertEqual(record.flags & 0xffffff00, 0)
        if record.span_id:
            self.assertTrue(record.trace_id)
        keys = [a.key for a in record.attributes]
        self.assertEqual(len(set(keys)), len(keys))
        return record

    @staticmethod
    def attributes(record):
        return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in record.attributes}

    def test_everything(self):
        record = self.read("full.bin")
        self.assertEqual(record.time_unix_nano, START_NS)
        self.assertEqual(record.observed_time_unix_nano, START_NS + 5)
        self.assertEqual((record.severity_number, record.severity_text), (9, "INFO"))
        self.assertEqual(record.body.string_value, "Kernel execution complete")
        self.assertEqual(record.event_name, "rustkernel.execution")
        self.assertEqual(record.trace_id, b"\xab" * 16)
        self.assertEqual(record.span_id, b"\xcd" * 8)
        self.assertEqual(record.flags, 3)
        self.assertEqual(record.dropped_attributes_count, 0)
        self.assertEqual(self.attributes(record), ALL)
        self.assertEqual([a.value.WhichOneof("value") for a in record.attributes][-3:],
                         ["double_value", "int_value", "bool_value"])

    def test_number_of_attributes(self):
        record = self.read("three.bin")
        self.assertEqual(self.attributes(record), dict(list(ALL.items())[:3]))
        self.assertEqual(record.dropped_attributes_count, len(ALL) - 3)
        record = self.read("none.bin")
        self.assertFalse(record.attributes)
        self.assertEqual(record.dropped_attributes_count, len(ALL))

    def test_length_of_values(self):
        """In characters, never half of one."""
        record = self.read("short.bin")
        self.assertEqual(self.attributes(record),
                         {k: v[:2] if isinstance(v, str) else v for k, v in ALL.items()})
        self.assertEqual(record.dropped_attributes_count, 0)

    def test_nothing_known(self):
        record = self.read("bare.bin")
        self.assertEqual(record.time_unix_nano, 0)
        self.assertLess(abs(record.observed_time_unix_nano / 1e9 - time.time()), 60)
        self.assertEqual(record.body.WhichOneof("value"), "string_value")
        self.assertFalse(record.attributes or record.trace_id or record.event_name or
                         record.flags)

    def test_no_span_without_a_trace(self):
        record = self.read("no_trace.bin")
        self.assertFalse(record.trace_id or record.span_id or record.flags)
        self.assertEqual(self.attributes(record), ALL)

    def test_severities(self):
        levels = [self.read(f"level-{i}.bin") for i in range(5)]
        self.assertEqual([(r.severity_number, r.severity_text) for r in levels],
                         [(17, "ERROR"), (13, "WARN"), (9, "INFO"), (5, "DEBUG"), (1, "TRACE")])


unittest.main()
