#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`rktrace diff` on files whose difference is known: it finds what is there, and does not find what
is not, or says that it cannot tell.

usage: test_diff.py RKTRACE MAKE_TRACE
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

RKTRACE, MAKE_TRACE = (os.path.realpath(path) for path in sys.argv[1:3])


class Diff(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rk-diff-")
        self.addCleanup(folder.cleanup)
        self.folder, self.files = folder.name, 0

    def trace(self, kernels, how="script"):
        """kernels: {name: durations in us}"""
        self.files += 1
        path = f"{self.folder}/{self.files}.rkt.zst"
        text = "".join(f"kernel {name} {us / 1e6:.9f} 1 0.00001\n"
                       for name, values in kernels.items() for us in values)
        subprocess.run([MAKE_TRACE, path, how], input=text, text=True, check=True, timeout=60)
        return path

    def diff(self, a, b, *words):
        """(status, {name: row})"""
        done = subprocess.run([RKTRACE, "diff", "--json", *words, a, b], check=False, timeout=60,
                              capture_output=True)
        told = json.loads(done.stdout)
        self.assertEqual((done.stderr, told["status"]), (b"", done.returncode))
        return done.returncode, {row["name"]: row for row in told["rows"]}

    @staticmethod
    def noise(seed, mean, spread, count):
        draw = random.Random(seed)
        return [max(0.001, draw.gauss(mean, spread)) for _ in range(count)]

    def test_a_change_is_found(self):
        a = self.trace({"k": self.noise(1, 100, 5, 300), "same": self.noise(2, 50, 2, 300)})
        b = self.trace({"k": self.noise(3, 112, 5, 300), "same": self.noise(4, 50, 2, 300)})
        status, rows = self.diff(a, b, "--fail-on", "5%")
        self.assertEqual((status, rows["k"]["verdict"], rows["same"]["verdict"]),
                         (1, "slower", "same"))
        self.assertTrue(rows["k"]["change_low"] < 0.12 < rows["k"]["change_high"])
        status, rows = self.diff(b, a, "--fail-on", "5%")
        self.assertEqual((status, rows["k"]["verdict"]), (0, "faster"))

    def test_the_limit_is_the_users(self):
        a = self.trace({"k": self.noise(1, 100, 5, 300)})
        b = self.trace({"k": self.noise(3, 112, 5, 300)})
        self.assertEqual(self.diff(a, b, "--fail-on", "20%")[0], 0)
        self.assertEqual(self.diff(a, b)[0], 0)  # no gate was asked for

    def test_noise_is_no_change(self):
        """Two runs of one distribution, many times: never slower."""
        for seed in range(40):
            a = self.trace({"k": self.noise(2 * seed, 100, 8, 120)})
            b = self.trace({"k": self.noise(2 * seed + 1, 100, 8, 120)})
            status, rows = self.diff(a, b, "--fail-on", "5%")
            self.assertIn(status, (0, 2), seed)
            self.assertIn(rows["k"]["verdict"], ("same", "inconclusive"))

    def test_too_much_noise_is_inconclusive(self):
        a = self.trace({"k": self.noise(1, 100, 40, 30)})
        b = self.trace({"k": self.noise(2, 104, 40, 30)})
        status, rows = self.diff(a, b, "--fail-on", "5%")
        self.assertEqual((status, rows["k"]["verdict"]), (2, "inconclusive"))

    def test_too_few_launches_are_inconclusive(self):
        a, b = self.trace({"k": [100] * 8}), self.trace({"k": [200] * 8})
        status, rows = self.diff(a, b, "--fail-on", "5%")
        self.assertEqual((status, rows["k"]["verdict"]), (2, "inconclusive"))
        a, b = self.trace({"k": [100] * 9}), self.trace({"k": [200] * 9})
        self.assertEqual(self.diff(a, b, "--fail-on", "5%")[0], 1)

    def test_a_second_mode_is_found(self):
        """The median stays where it was: four launches in ten became ten times as slow."""
        a = self.trace({"k": self.noise(1, 100, 5, 500)})
        b = self.trace({"k": self.noise(2, 100, 5, 300) + self.noise(3, 1000, 5, 200)})
        self.assertEqual(self.diff(a, b, "--fail-on", "5%")[1]["k"]["verdict"], "slower")

    def test_small_rows_do_not_fail(self):
        a = self.trace({"big": [1000] * 50, "tiny": [1] * 50})
        b = self.trace({"big": [1000] * 50, "tiny": [2] * 50})
        status, rows = self.diff(a, b, "--fail-on", "5%")
        self.assertEqual((status, rows["tiny"]["verdict"], rows["tiny"]["counts"]),
                         (0, "slower", False))
        self.assertEqual(self.diff(a, b, "--fail-on", "5%", "--min-share", "0.01%")[0], 1)

    def test_new_and_gone(self):
        a, b = self.trace({"k": [10] * 20, "old": [10] * 20}), self.trace({"k": [10] * 20,
                                                                           "new": [10] * 20})
        status, rows = self.diff(a, b, "--fail-on", "5%")
        self.assertEqual((status, rows["old"]["verdict"], rows["new"]["verdict"]),
                         (0, "gone", "new"))

    def test_many_launches(self):
        """More than are kept one by one: the buckets say the same."""
        a = self.trace({"k": self.noise(1, 100, 5, 20000)})
        b = self.trace({"k": self.noise(2, 108, 5, 20000)})
        row = self.diff(a, b, "--fail-on", "5%")[1]["k"]
        self.assertEqual(row["verdict"], "slower")
        self.assertAlmostEqual(row["change"], 0.08, delta=0.01)

    def test_host_and_gpu_are_not_compared(self):
        done = subprocess.run([RKTRACE, "diff", "--fail-on", "5%", self.trace({}, "clean"),
                               self.trace({}, "host")], check=False, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stdout.startswith("Not to be compared"))

    def test_mistakes(self):
        path = self.trace({}, "clean")
        for words, status in (([], 64), ([path], 64), ([path] * 3, 64), (["no", path], 66),
                              ([path, path, "--fail-on", "x"], 64),
                              ([path, path, "--fail-on", "0"], 64)):
            done = subprocess.run([RKTRACE, "diff", *words], check=False, capture_output=True,
                                  timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
