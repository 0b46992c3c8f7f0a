# SPDX-License-Identifier: Apache-2.0
"""The three sums of contracts.md over what was recorded of a program, and on a disk that is full.

A program works inside and outside of recordings in turns. The simulated driver and CUPTI count
always; what they had counted at each start and stop says what the file, the metrics and the
verdict must have.
"""
import json
import signal
import subprocess
import time

import harness
import test_ledger

WORK = harness.Accounts.WORK
COLUMNS = ["calls", "failed", "captured", "delivered"]
SINGLE = ["lost", "cut", "wrong_time"]
PARTS = 3
STATE_SECONDS = 60


class Recorded:
    """What the accounts grew by inside of recordings; read as harness.Accounts is."""

    def __init__(self):
        for name in COLUMNS:
            setattr(self, name, dict.fromkeys(WORK, 0))
        self.lost = self.cut = self.wrong_time = 0

    def add(self, before, after):
        for name in COLUMNS:
            for work in WORK:
                getattr(self, name)[work] += getattr(after, name)[work] - getattr(before, name)[work]
        for name in SINGLE:
            setattr(self, name, getattr(self, name) + getattr(after, name) - getattr(before, name))

    def submitted(self, work):
        return self.calls[work] - self.failed[work] - self.captured[work]


class Program:
    """The program that works in parts, and who has it recorded."""

    def __init__(self, case, name, how, settings):
        self.case, self.how = case, how
        self.folder = case.folder / name
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(parents=True, mode=0o700)
        self.gateway = case.gateway()
        env = {"SIMGPU_TRUTH": "truth.json", "RUSTKERNEL_SUMMARY": "verdict.txt",
               "RUSTKERNEL_TRACE_FILE": "run.rkt.zst", "RUSTKERNEL_LOG_LEVEL": "error",
               "RUSTKERNEL_PUSHGATEWAY_URL": self.gateway.url,
               "RUSTKERNEL_CONTROL_ENABLED": "true", "XDG_RUNTIME_DIR": self.runtime,
               "RUSTKERNEL_RECORDING_START": "profiler" if how == "profiler" else "dormant",
               "RUSTKERNEL_RECORDING_SIGNAL": "true", **settings}
        words = [case.program("every_work"), "profiled" if how == "profiler" else "parts",
                 str(PARTS)]
        self.process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=harness.environment(self.folder, **env))
        case.addCleanup(self.process.communicate)
        case.addCleanup(self.process.kill)

    def accounts(self):
        return harness.Accounts(self.folder / "truth.json.ledger")

    def ctl(self, *words):
        done = subprocess.run([harness.RKTRACE, "ctl", str(self.process.pid), *words], text=True,
                              capture_output=True, check=True, timeout=STATE_SECONDS,
                              env={"XDG_RUNTIME_DIR": str(self.runtime)})
        return done.stdout

    def wait_for_socket(self):
        deadline = time.monotonic() + STATE_SECONDS
        while not (self.runtime / "rkpreload" / f"{self.process.pid}.sock").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("it does not listen")
            time.sleep(0.01)

    def wait_until(self, state):
        deadline = time.monotonic() + STATE_SECONDS
        while json.loads(self.ctl("status", "--json"))["recording_state"] != state:
            if time.monotonic() > deadline:
                raise TimeoutError(f"it is not {state}")
            time.sleep(0.01)

    def switch(self, verb, state):
        """By whoever it is that says so; the driver was told by the program itself."""
        if self.how == "ctl":
            self.ctl(verb)
        elif self.how == "signal":
            self.process.send_signal(signal.SIGUSR2)
        if self.how != "profiler" or verb == "stop":
            self.wait_until(state)

    def expect(self, line):
        told = self.process.stdout.readline()
        if told != line + "\n":
            raise ValueError(f"{told!r}, {self.process.stderr.read()}")

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def run(self):
        """Return: what was counted inside."""
        recorded = Recorded()
        for _ in range(PARTS):
            self.expect("inside")
            self.wait_for_socket()
            before = self.accounts()
            self.switch("start", "on")
            self.go_on()
            self.expect("outside")
            self.switch("stop", "off")
            recorded.add(before, self.accounts())
            self.go_on()
        self.errors = self.process.communicate(timeout=harness.PROGRAM_TIMEOUT)[1]
        return recorded


class Parts(test_ledger.Table):
    """Who starts and stops it, and what trouble there is meanwhile."""

    WHO = ["ctl", "signal", "profiler"]
    TROUBLES = {
        "slow kernels": {"SIMGPU_KERNEL_NS": 2000000},
        **{name: test_ledger.TROUBLES[name] for name in [
            "stacks", "whole graphs", "records dropped", "times missing", "times inverted",
            "newest first", "ids come round", "no CUPTI", "kinds refused", "old records",
            "no file"]},
    }

    def check_idle(self, sums, path, info):
        """What a GPU did while nothing was recorded is not made up: the rest is no time at all."""
        for device in json.loads(self.rktrace("report", "--idle", "--json", path))["idle"]["devices"]:
            states = sum(ns for key, ns in device.items()
                         if key.endswith("_ns") and key not in ("wall_ns", "late_ns"))
            sums.same("states of the GPU", states, info["recorded_ns"])
            sums.same("work that came too late", device["late_ns"], 0)

    def check(self, row):
        how, trouble = row
        settings = {} if trouble == "none" else self.TROUBLES[trouble]
        program = Program(self, f"{how} {trouble}".replace(" ", "-"), how, settings)
        recorded, sums = program.run(), test_ledger.Sums()
        sums.same("exit status", program.process.returncode, 0)
        # It counted outside as well.
        sums.same("is there more", program.accounts().calls["launch"] > recorded.calls["launch"] > 0,
                  True)
        samples = program.gateway.samples()
        sums.wire(samples)
        traces = self.traces(program.folder)
        sums.same("files", len(traces), 0 if trouble == "no file" else 1)
        for path in traces:
            info = self.info(path)
            sums.same("clean end", info["clean_exit"], True)
            sums.same("parts", info["recorded_parts"], PARTS)
            sums.same("the ledger closes", info["ledger"]["closes"], True)
            sums.host(info["ledger"], recorded)
            sums.gpu(info["ledger"], recorded)
            self.check_idle(sums, path, info)
            sums.dropped(samples, info["dropped"])
            sums.metrics(samples, info["ledger"])
            sums.verdict((program.folder / "verdict.txt").read_text(), info)
        return sums.wrong

    def test_parts(self):
        self.side_by_side(self.check, [
            *[(how, "none") for how in self.WHO
              # ThreadSanitizer hands signals on when it likes.
              if how != "signal" or "tsan" not in harness.SANITIZER_PRELOAD],
            *[(how, trouble) for how in (self.WHO if test_ledger.EVERYTHING else ["profiler"])
              for trouble in self.TROUBLES]])


class Disk(test_ledger.Troubled):
    """The file ends where the disk does. What is told after that is a loss, and sums hold in it."""

    MOUNT = ('mount -t tmpfs -o size=96k none small && "$@"; status=$?;'
             ' cp small/*.zst . ; exit $status')
    PROGRAMS = {"storm of calls": (["every_work", "storm", 60000], {"SIMGPU_LAUNCH_NS": 50000}),
                "threads that die": (["every_work", "threads", 150], {"SIMGPU_KERNEL_NS": 100})}

    def check_disk(self, name):
        words, settings = self.PROGRAMS[name]
        prefix = ["unshare", "-rm", "sh", "-c", f"mkdir small; {self.MOUNT}", "sh"]
        run = test_ledger.Run(self, name, words, {
            "RUSTKERNEL_TRACE_FILE": "small/%e.%p.rkt.zst", "RUSTKERNEL_EXIT_TIMEOUT": "60s",
            **settings}, prefix)
        wrong = self.check(run)
        dropped = self.info(self.only_trace(run.folder))["dropped"]
        return wrong if dropped.get("disk") else wrong + [f"the disk was not full: {dropped}"]

    def test_full_disk(self):
        tried = subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp"],
                               check=False, capture_output=True)
        if tried.returncode:
            self.skipTest(f"a tmpfs could not be mounted: {tried.stderr.decode()}")
        self.side_by_side(self.check_disk, self.PROGRAMS)


if __name__ == "__main__":
    harness.main()
