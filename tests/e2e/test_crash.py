# SPDX-License-Identifier: Apache-2.0
"""SIGKILL and other ends that run nothing of ours: what was sealed stays whole."""
import os
import signal
import subprocess
import time

import harness


class Crash(harness.Case):
    def start(self, *argv, **env):
        folder = self.folder / "crash"
        folder.mkdir()
        process = subprocess.Popen(
            [str(word) for word in argv], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=harness.environment(folder, SIMGPU_TRUTH=folder / "truth.json", **env))
        self.addCleanup(process.kill)
        return process, folder

    def check_sealed_part(self, path, info):
        head = self.folder / "sealed.zst"
        with open(path, "rb") as whole:
            head.write_bytes(whole.read()[:info["sealed_bytes"]])
        self.assertEqual(subprocess.run(["zstd", "-tq", str(head)], check=False).returncode, 0)

    def test_sigkill(self):
        process, folder = self.start(self.program("endless"))
        time.sleep(3.5)
        killed_ns = time.time_ns()
        process.send_signal(signal.SIGKILL)
        process.wait()
        path = self.only_trace(folder)
        info = self.info(path)
        self.assertFalse(info["clean_exit"])
        self.assertGreater(info["kernels"], 0)
        self.assertLessEqual(info["loss_bound_ns"], 1_000_000_000)
        loss_ns = killed_ns - info["last_record_ns"]
        self.assertLess(loss_ns, 1_000_000_000 + 300_000_000, "sealed loss, and our own delay")
        self.check_sealed_part(path, info)
        text = self.rktrace("info", path)
        self.assertIn("unclean", text.lower())
        self.rktrace("report", path)

    def test_sigkill_at_many_moments(self):
        for moment in range(8):
            with self.subTest(moment=moment):
                self.setUp()
                process, folder = self.start(self.program("endless"))
                time.sleep(0.3 + 0.17 * moment)
                process.send_signal(signal.SIGKILL)
                process.wait()
                for path in self.traces(folder):
                    if os.path.getsize(path) == 0:
                        continue
                    self.check_sealed_part(path, self.info(path))

    def test_truth_bounds_what_was_lost(self):
        process, folder = self.start(self.program("endless"))
        time.sleep(3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        info = self.info(self.only_trace(folder))
        done = len(self.truth(folder, is_killed=True).of("kernel"))
        self.assertLessEqual(info["kernels"], done)
        self.assertGreater(info["kernels"], done * 0.4)


if __name__ == "__main__":
    harness.main()
