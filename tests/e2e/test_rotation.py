# SPDX-License-Identifier: Apache-2.0
"""A trace in parts, of which the newest are kept: every record is in a part that is there, or is
told to have been in one that was deleted; after a clean end, a kill, on demand and on an alert."""
import json
import pathlib
import signal
import subprocess
import time
import unittest

import harness

MAX_BYTES = 256 << 10
SETTINGS = {"RUSTKERNEL_TRACE_FILE": "t.rkt.zst", "RUSTKERNEL_TRACE_ROTATE": "true",
            "RUSTKERNEL_TRACE_MAX_SIZE": str(MAX_BYTES)}
FIRING = """
alerting:
  group_wait: 0s
  rules: [{name: slow, condition: {latency_exceeds: {threshold: 1us, window: 60s}}},
          {name: again, condition: {latency_exceeds: {threshold: 2us, window: 60s}}}]
"""
# Names what it uses at the very beginning, and goes on until it is told to end.
STEADY = """
import ctypes, sys, threading, time
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
print("up", flush=True)
while not ended.is_set():
    time.sleep(0.001)
    for _ in range(50):
        assert cuda.cuMemsetD8Async(ptr, 1, 4096, None) == 0
    assert cuda.cuCtxSynchronize() == 0
"""


class Rotation(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)

    def parts(self, name="t"):
        """The parts of one trace, by rising number."""
        found = [path for path in self.folder.glob(f"{name}.*.rkt.zst")
                 if path.name[len(name) + 1:-len(".rkt.zst")].isdigit()]
        return sorted(found, key=lambda path: int(path.name.split(".")[-3]))

    def info(self, path):
        return json.loads(self.rktrace("info", "--json", path))

    def assert_exact(self, info, truth):
        """What is there and what was deleted are together what the driver did."""
        for kind, key in (("kernel", "kernels"), ("memset", "memsets")):
            self.assertEqual(info[key] + info["before"][key], len(truth.of(kind)), info)
        self.assertEqual(info["dropped"], {})
        self.assertTrue(info["ledger"]["closes"], info)
        self.assertEqual(info["ledger"]["gpu"]["kernels"], len(truth.of("kernel")))
        self.assertEqual(info["orphans"], 0)

    def start(self, **settings):
        process = subprocess.Popen(
            ["/usr/bin/python3", "-c", STEADY], cwd=self.folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=harness.environment(self.folder, **{
                "XDG_RUNTIME_DIR": self.runtime, "RUSTKERNEL_CONTROL_ENABLED": "true",
                "SIMGPU_TRUTH": self.folder / "truth.json", **SETTINGS, **settings}))
        for stream in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def wait(self, is_so, what):
        deadline = time.monotonic() + 60
        while not is_so():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def wait_for_part(self, number):
        self.wait(lambda: any(int(path.name.split(".")[1]) >= number for path in self.parts()),
                  f"part {number}")

    def test_every_record_is_there_or_told(self):
        result = self.run_program([self.program("endless"), "3"], env=SETTINGS, folder=self.folder)
        self.assertEqual((result.code, result.stderr), (0, b""))
        truth, parts = self.truth(self.folder), self.parts()
        self.assertLessEqual(sum(path.stat().st_size for path in parts), MAX_BYTES)
        self.assertGreater(len(parts), 1)
        self.assertGreater(int(parts[0].name.split(".")[1]), 1, "nothing was deleted")
        whole = self.info(self.folder / "t.rkt.zst")
        self.assert_exact(whole, truth)
        self.assertTrue(whole["clean_exit"])
        self.assertGreater(whole["before"]["kernels"], 0)
        # Each alone is a file like any other, and begins where the one before ends.
        kernels = whole["before"]["kernels"]
        for path in parts:
            subprocess.run(["zstd", "-tq", path], check=True)
            info = self.info(path)
            self.assertTrue(info["clean_exit"])
            self.assertEqual(info["before"]["kernels"], kernels)
            self.assertEqual(info["gpu_time_source"], "cupti")
            self.assertEqual([gpu["name"] for gpu in info["gpus"]], ["Simulated GPU"])
            self.assertIn("endless_kernel", self.rktrace("report", path))
            kernels += info["kernels"]
        self.assertEqual(kernels, len(truth.of("kernel")))
        exported = self.rktrace("export", "--format", "ndjson", self.folder / "t.rkt.zst")
        self.assertEqual(sum('"endless_kernel' in line and '"kernel"' in line
                             for line in exported.splitlines()), whole["kernels"])

    def test_what_a_kill_leaves(self):
        process = self.start()
        self.wait_for_part(4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        info = self.info(self.folder / "t.rkt.zst")
        truth = self.truth(self.folder, is_killed=True)
        self.assertFalse(info["clean_exit"])
        self.assertGreater(info["memsets"], 0)
        self.assertLessEqual(info["memsets"] + info["before"]["memsets"], len(truth.of("memset")))
        last = max(op["start_ns"] for op in truth.of("memset"))
        kept = [op for op in truth.of("memset") if op["start_ns"] < last - info["loss_bound_ns"]]
        self.assertGreaterEqual(info["memsets"] + info["before"]["memsets"], len(kept))

    def test_a_snapshot_of_what_is_kept(self):
        process = self.start()
        self.wait_for_part(3)
        said = self.rktrace("ctl", process.pid, "snapshot",
                            env={"XDG_RUNTIME_DIR": self.runtime})
        path = self.folder / "t.snapshot-1.rkt.zst"
        self.assertIn(f"wrote {path}\n", said)
        first, names = self.info(path), [part.name for part in self.parts("t.snapshot-1")]
        self.assertTrue(first["clean_exit"])
        self.assertEqual(first["dropped"], {})
        self.wait_for_part(int(names[-1].split(".")[-3]) + 8)
        chosen = self.folder / "mine.rkt.zst"
        for name in "mine", "mine-2":
            self.rktrace("ctl", process.pid, "snapshot", "-o", chosen,
                         env={"XDG_RUNTIME_DIR": self.runtime})
            self.assertTrue(self.info(self.folder / f"{name}.rkt.zst")["clean_exit"])
        _, errors = process.communicate("end\n", timeout=60)
        self.assertEqual((process.returncode, errors), (0, ""))
        self.assert_exact(self.info(self.folder / "t.rkt.zst"), self.truth(self.folder))
        # The trace has deleted all that the first one was made of; it is what it was.
        self.assertGreater(int(self.parts()[0].name.split(".")[1]), int(names[-1].split(".")[-3]))
        self.assertEqual(self.info(path), first)

    def test_alerts_have_it_copied(self):
        (self.folder / "alerts.yaml").write_text(FIRING)
        self.run_program([self.program("endless"), "3"], folder=self.folder, env={
            **SETTINGS, "RUSTKERNEL_TRACE_ALERT_DUMPS": "1",
            "RUSTKERNEL_CONFIG": self.folder / "alerts.yaml"})
        info = self.info(self.folder / "t.alert-1.rkt.zst")
        self.assertGreater(info["kernels"], 0)
        self.assertTrue(info["clean_exit"])
        self.assertEqual(self.parts("t.alert-2"), [])
        self.assert_exact(self.info(self.folder / "t.rkt.zst"), self.truth(self.folder))

    def test_run_finds_it(self):
        done = subprocess.run(
            [harness.RKTRACE, "run", "--rotate", "--max-size", str(MAX_BYTES), "--keep", "1h", "--json",
             "-o", "t.rkt.zst", "--", self.program("endless"), "1"], cwd=self.folder, timeout=60,
            env=harness.environment(self.folder, preload=False,
                                    SIMGPU_TRUTH=self.folder / "truth.json"),
            check=True, capture_output=True, text=True)
        told = json.loads(done.stderr)
        self.assertEqual(pathlib.Path(told["trace_file"]), self.folder / "t.rkt.zst")
        self.assert_exact(told["info"], self.truth(self.folder))


if __name__ == "__main__":
    unittest.main()
