# SPDX-License-Identifier: Apache-2.0
"""Lines of the log as others read them: a JSON parser, a JSON schema, a terminal.

usage: test_log_lines.py LOG_LINES     LOG_LINES: the program that writes them
"""
import functools
import json
import pathlib
import subprocess
import sys
import unicodedata
import unittest

SCHEMA = pathlib.Path(__file__).resolve().parents[3] / "docs" / "log_line.schema.json"
PROGRAM = sys.argv.pop(1)
SIZES = [2048, 4096, 16384]
KNOWN = {
    "timestamp": "2024-02-29T12:34:56.000000007Z", "level": "ERROR",
    "message": "Kernel execution complete", "kernel_id": "graph/pagerank",
    "domain": "GraphAnalytics", "duration_ms": 1.234567,
    "trace_id": "ab000000000000000000000000000001", "span_id": "cd00000000000002",
    "tenant_id": "acme", "error.type": "CUDA_ERROR_OUT_OF_MEMORY", "n": -9007199254740993,
    "is_warm": True, "ratio": 0.1, "field.level": "mine", "field.field.level": "mine, too",
    "never": "NaN", "text": "two words",
}


@functools.lru_cache(None)
def lines(kind, size):
    done = subprocess.run([PROGRAM, kind, str(size)], capture_output=True, check=True, timeout=60)
    assert done.stdout.endswith(b"\n")
    return done.stdout[:-1].split(b"\n")


def no_repeats(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key twice: {keys}")
    return dict(pairs)


def no_constants(name):
    raise ValueError(f"{name} is no JSON")


def parse(line):
    return json.loads(line.decode("utf-8"), object_pairs_hook=no_repeats,
                      parse_constant=no_constants)


class Json(unittest.TestCase):
    def test_known(self):
        for size in SIZES:
            full, empty, nasty = [parse(line) for line in lines("json", size)[:3]]
            self.assertEqual(full, KNOWN)
            self.assertEqual(list(full), list(KNOWN))
            self.assertEqual(empty, {"timestamp": "1970-01-01T00:00:00.000000001Z",
                                     "level": "TRACE", "message": ""})
            self.assertEqual(nasty["message"], "a \"b\" \\ \x1b[31m\n\x9b ?")

    def test_any_bytes(self):
        """Valid JSON, valid UTF-8, no key twice, never too long, and it says when it was cut."""
        for size in SIZES:
            cut = 0
            for line in lines("json", size):
                self.assertLessEqual(len(line) + 1, size)
                cut += parse(line).get("truncated", False)
            self.assertGreater(cut, 0)

    def test_longest(self):
        for size in SIZES:
            for line in lines("json", size)[3:5]:
                entry = parse(line)
                self.assertTrue(entry["truncated"])
                self.assertGreater(len(line), size // 2)
                for key in ["kernel_id", "domain", "tenant_id", "trace_id", "span_id"]:
                    self.assertIn(key, entry)

    def test_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema: tools/setup brings it")
        schema = json.loads(SCHEMA.read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        for line in lines("json", 4096)[:600]:
            validator.validate(parse(line))
        for bad in [{"level": "INFO", "message": ""}, {**KNOWN, "level": "info"},
                    {**KNOWN, "n": None}, {**KNOWN, "duration_ms": "1"},
                    {**KNOWN, "timestamp": "2024-02-29T12:34:56Z"}]:
            self.assertFalse(validator.is_valid(bad), bad)


class Text(unittest.TestCase):
    def test_known(self):
        full, empty, nasty = [line.decode() for line in lines("text", 4096)[:3]]
        self.assertEqual(full, "2024-02-29T12:34:56.000000Z ERROR Kernel execution complete  "
                         "kernel_id=graph/pagerank domain=GraphAnalytics duration_ms=1.234567 "
                         "trace_id=ab000000000000000000000000000001 span_id=cd00000000000002 "
                         "tenant_id=acme error.type=CUDA_ERROR_OUT_OF_MEMORY "
                         "n=-9007199254740993 is_warm=true ratio=0.1 field.level=mine "
                         "field.field.level=\"mine, too\" never=NaN text=\"two words\"")
        self.assertEqual(empty, "1970-01-01T00:00:00.000000Z TRACE ")
        self.assertEqual(nasty, "1970-01-01T00:00:00.000000Z TRACE "
                         "a \"b\" \\ \\u001b[31m\\n\\u009b ?")

    def test_any_bytes(self):
        """One line each, nothing that a terminal would obey, never too long."""
        for size in SIZES:
            for line in lines("text", size):
                self.assertLessEqual(len(line) + 1, size)
                text = line.decode("utf-8")
                self.assertFalse([c for c in text if unicodedata.category(c) == "Cc"], text)


unittest.main()
