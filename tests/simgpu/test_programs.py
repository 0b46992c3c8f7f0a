#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the test programs on the simulated GPU and compare with its truth file.

test_programs.py SIMGPU_DIR PROGRAM_DIR REAL_RUNTIME_DIR
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

SIMGPU, PROGRAMS, RUNTIME = sys.argv[1:4]
STORMS = ["storm", "storm_static", "storm_per_thread", "storm_driver_linked", "storm_driver_dlsym",
          "storm_driver_gpa_linked", "storm_driver_gpa_dlsym", "storm_driver_gpa_gpa"]


def run(program, *args, libraries=SIMGPU, **env):
    with tempfile.TemporaryDirectory() as folder:
        truth = os.path.join(folder, "truth")
        full = dict(os.environ, LD_LIBRARY_PATH=libraries, SIMGPU_TRUTH=truth, **env)
        full.pop("LD_PRELOAD", None)
        done = subprocess.run([os.path.join(PROGRAMS, program), *args], env=full, timeout=60,
                              capture_output=True, text=True, check=False)
        with open(truth, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f.read().replace("\0", "").splitlines()]
    return done, lines


def find(lines, key):
    return next(line[key] for line in lines if key in line)


class Programs(unittest.TestCase):
    def test_storms(self):
        for name in STORMS:
            with self.subTest(name):
                done, lines = run(name)
                self.assertEqual(done.returncode, 0, done.stderr)
                kernels = [x for x in lines if x.get("kind") == "kernel"]
                self.assertEqual(len(kernels), 1000)
                self.assertEqual({k["dur_ns"] for k in kernels}, {20000})
                self.assertEqual(len({k["tid"] for k in kernels}), 4)
                self.assertEqual(len({k["stream"] for k in kernels}), 8)
                self.assertEqual(len({k["corr"] for k in kernels}), 1000)
                shapes = collections.Counter((k["grid"][0], k["block"][0]) for k in kernels)
                want = collections.Counter((1 + i % 7, 32 * (1 + i % 4)) for i in range(1000))
                self.assertEqual(shapes, want)
                self.assertEqual(find(lines, "counts")["launches"], 1000)

    def test_captures(self):
        done, lines = run("capture")
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = find(lines, "counts")
        self.assertEqual((counts["launches"], counts["launches_captured"], counts["graph_launches"],
                          counts["kernels"]), (400, 200, 80, 800))

    def test_others(self):
        for name in ["memory", "copies", "devices"]:
            with self.subTest(name):
                done, _ = run(name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("WRONG", done.stdout)

    def test_scripted_failures(self):
        done, _ = run("errors", "oom", SIMGPU_OOM_AT="5")
        self.assertEqual(done.stdout, "oom: 4 blocks, then cudaErrorMemoryAllocation\n")
        done, lines = run("errors", "illegal", SIMGPU_ILLEGAL_ADDRESS_AT="3")
        self.assertEqual(done.stdout, "illegal: 2 launches, then cudaErrorIllegalAddress\n"
                                      "afterwards: cudaErrorIllegalAddress\n")
        self.assertEqual(find(lines, "counts")["kernels"], 2)
        done, _ = run("devices", SIMGPU_DEVICES="3")
        self.assertEqual(done.stdout, "devices: 3 (cudaSuccess)\n")
        done, _ = run("devices", SIMGPU_INIT="no_device")
        self.assertEqual(done.stdout, "devices: 0 (cudaErrorNoDevice)\n")

    def test_injection(self):
        probe = os.path.join(PROGRAMS, "libinjection_probe.so")
        done, _ = run("storm", CUDA_INJECTION64_PATH=probe)
        self.assertEqual(done.stderr, "injection: called\n")

    @unittest.skipUnless(os.path.exists(os.path.join(RUNTIME, "libcudart.so.13")), "no real runtime")
    def test_real_runtime_up_to_its_refusal(self):
        with tempfile.TemporaryDirectory() as mixed:
            os.symlink(os.path.join(RUNTIME, "libcudart.so.13"), os.path.join(mixed, "libcudart.so.13"))
            os.symlink(os.path.join(SIMGPU, "libcuda.so.1"), os.path.join(mixed, "libcuda.so.1"))
            done, lines = run("devices", libraries=mixed)
        self.assertIn("devices: 0", done.stdout)
        self.assertEqual(find(lines, "calls")["cuGetProcAddress_v2"], 440)
        missing = {x["missing"] for x in lines if "missing" in x}
        self.assertIn("cuGetExportTable", missing)
        self.assertEqual({m for m in missing if m and "GL" not in m and "VDPAU" not in m and "Egl" not in m},
                         {"cuGetExportTable", "cuProfilerInitialize"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
