#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of every format version, by our reader and by a second one.

The files of golden/ were written by the code of their time. What must come out of them never
changes, so only its checksum is kept.
"""
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import unittest

import trace_file

HERE = pathlib.Path(__file__).parent
WRITE, DUMP = sys.argv[1:3]
GOLDEN = {
    "1.0": "f7f57747b2da7a993043c1849e6809f40d00e91f4caea32d83d5d88e7ca5d594",
    "1.1": "2647d3164787f829746dd74a824f63a2e483c0e50e9a15172e4f70f962eaef8f",
    "1.2": "514ad675aa3bcb2942482a714eb4765d47613c47354e2ac55825e90a9eab8de1",
    "2.0": "e7cecbfe74edd7cd6fc59fc1e1a7ec3e4302098e81e06a1c9cef2a47c461102e",
    "2.1": "780d2ba42d5f56a8ac69629a5e0fc62c9181007234496e4c16fc765010c04f82",
}


def dump(path):
    """The ops of a file by our reader, as lines."""
    return subprocess.run([DUMP, path], stdout=subprocess.PIPE, check=True).stdout


def lines(output):
    """What the second reader would print: all but the last line, which is about the file."""
    return output.decode("utf-8", "surrogateescape").split("\n")[:-2]


class Readers(unittest.TestCase):
    """Two readers, one answer."""

    maxDiff = 2000

    def compare(self, path):
        """Compare both readers on a file."""
        wanted = lines(dump(path))
        self.assertGreater(len(wanted), 600)
        for number, (got, want) in enumerate(zip(trace_file.read(path), wanted)):
            self.assertEqual(got, want, f"line {number}")
        self.assertEqual(len(list(trace_file.read(path))), len(wanted))

    def test_golden(self):
        """Every version that was ever written is read as on its first day."""
        for version, checksum in GOLDEN.items():
            with self.subTest(version):
                path = HERE / "golden" / f"format-{version}.rkt.zst"
                self.assertEqual(hashlib.sha256(dump(path)).hexdigest(), checksum)
                self.compare(path)

    def test_today(self):
        """A file as it is written today, with a GPU clock of 1, 32 and 1,000 ns."""
        for tick in ("1", "32", "1000"):
            with self.subTest(tick), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "today.rkt.zst"
                subprocess.run([WRITE, path, "4000", tick], check=True)
                self.compare(path)

    def test_cut(self):
        """Of a file that ends early both readers have the blocks that are whole."""
        whole = (HERE / "golden" / "format-2.0.rkt.zst").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "cut.rkt.zst"
            path.write_bytes(whole[:len(whole) * 3 // 4])
            output = dump(path)
            sealed = int(output.split()[-1].partition(b"=")[2])
            self.assertIn(b"clean=0 truncated=1", output)
            path.write_bytes(whole[:sealed])
            self.assertEqual(list(trace_file.read(path)), lines(output))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
