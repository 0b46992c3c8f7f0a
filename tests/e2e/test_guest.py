# SPDX-License-Identifier: Apache-2.0
"""The program behaves exactly as without us."""
import os
import pathlib
import re
import shutil
import subprocess
import time

import harness


class SameAsWithout(harness.Case):
    def compare(self, argv, **env):
        without = self.run_program(argv, preload=False, env=env)
        with_us = self.run_program(argv, preload=True, env=env)
        self.assertEqual(with_us.stdout, without.stdout)
        self.assertEqual(with_us.stderr, without.stderr)
        self.assertEqual(with_us.code, without.code)
        return with_us

    def test_storm_in_every_shape(self):
        for shape in harness.SHAPES:
            with self.subTest(shape=shape):
                run = self.compare([self.program(shape), 200, 4, 8])
                self.assertEqual(run.code, 0)
                self.only_trace(run.folder)

    def test_out_of_memory_and_illegal_address(self):
        self.compare([self.program("errors"), "oom"])
        self.compare([self.program("errors"), "illegal"], SIMGPU_ILLEGAL_ADDRESS_AT=3)

    def test_every_kind_of_cupti_trouble(self):
        for trouble in ["refused", "error39"]:
            with self.subTest(trouble=trouble):
                self.compare([self.program("storm"), 100, 2, 2],
                             SIMGPU_CUPTI=trouble)


class Untouched(harness.Case):
    """Programs that use no GPU: no file, no thread, no output of ours."""

    def check(self, argv):
        run = self.run_program(argv)
        self.assertEqual(run.code, 0)
        self.assertEqual(run.stderr, b"")
        left = [name for name in os.listdir(run.folder) if name != "truth.json"]
        self.assertEqual(left, [])
        return run

    def test_sh(self):
        self.assertEqual(self.check(["sh", "-c", "echo hello"]).stdout, b"hello\n")

    def test_git(self):
        self.assertIn(b"git version", self.check([shutil.which("git"), "--version"]).stdout)

    def test_python(self):
        script = "import os; print(len(os.listdir('/proc/self/task')))"
        self.assertEqual(self.check(["/usr/bin/python3", "-c", script]).stdout, b"1\n")

    def test_device_count(self):
        run = self.run_program([self.program("devices")])
        self.assertEqual(run.code, 0)
        self.assertEqual(self.traces(run.folder), [])
        without = self.run_program([self.program("devices")], preload=False)
        # The program prints its number of threads and open descriptors at its end.
        self.assertEqual(run.stdout, without.stdout)
        self.assertEqual(run.stderr, b"")

    def test_disabled(self):
        for name in ["RUSTKERNEL_DISABLE", "OTEL_SDK_DISABLED"]:
            run = self.run_program([self.program("storm"), 10, 1, 1],
                                   env={name: "true"})
            self.assertEqual(run.code, 0)
            self.assertEqual(self.traces(run.folder), [])


class Tables(harness.Case):
    """Descriptors, threads and signals of a program that is being traced."""

    def start(self, preload):
        folder = self.folder / f"preload-{preload}"
        folder.mkdir()
        process = subprocess.Popen([self.program("endless"), "20"], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   env=harness.environment(folder, preload))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return pathlib.Path("/proc") / str(process.pid)

    def descriptors(self, task):
        return {entry.name: os.readlink(entry) for entry in (task / "fd").iterdir()}

    def test_no_descriptor_of_ours_in_the_programs_table(self):
        plain, traced = self.start(preload=False), self.start(preload=True)
        self.assertEqual(self.descriptors(plain).keys(), self.descriptors(traced).keys())
        self.assertFalse([path for path in self.descriptors(traced).values() if ".rkt" in path])
        ours = {(task / "comm").read_text().strip(): task
                for task in (traced / "task").iterdir() if task.name != traced.name}
        self.assertEqual(sorted(name for name in ours if name.startswith("rk-")),
                         ["rk-cupti", "rk-exporter"])
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if any(".rkt" in path for path in self.descriptors(ours["rk-exporter"]).values()):
                break
            time.sleep(0.05)
        else:
            self.fail("the thread rk-exporter has no trace file open")
        for task in ours.values():
            blocked = re.search(r"SigBlk:\s*(\w+)", (task / "status").read_text()).group(1)
            # All but SIGKILL and SIGSTOP, which nobody can block, and glibc's own two.
            self.assertEqual(int(blocked, 16) | 0x380040100, 0xffffffffffffffff, blocked)


class Port(harness.Case):
    def test_program_binds_8080_after_cuinit(self):
        run = self.run_program([self.program("bind_port")],
                               env={"RUSTKERNEL_METRICS_ENABLED": "false"})
        self.assertEqual(run.code, 0, run.stdout)
        default = self.run_program([self.program("bind_port")])
        self.assertEqual(default.code, 0, default.stdout)


if __name__ == "__main__":
    harness.main()
