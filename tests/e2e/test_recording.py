# SPDX-License-Identifier: Apache-2.0
"""Recording that begins and ends while the program runs: by rktrace ctl, by the program's own
cudaProfilerStart, by a signal, after a time."""
import collections
import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import harness

# Eight threads that submit work until they are told to end.
STORM = """
import ctypes, sys, threading, time
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 8 * 4096) == 0
ended = threading.Event()
def work(own):
    assert cuda.cuCtxSetCurrent(context) == 0
    while not ended.is_set():
        for _ in range(5):
            assert cuda.cuMemsetD8Async(own, 1, 4096, None) == 0
        assert cuda.cuCtxSynchronize() == 0
        time.sleep(0.001)
threads = [threading.Thread(target=work, args=[ctypes.c_uint64(ptr.value + 4096 * i)])
           for i in range(8)]
for thread in threads:
    thread.start()
print("up", flush=True)
sys.stdin.readline()
ended.set()
for thread in threads:
    thread.join()
assert cuda.cuMemFree_v2(ptr) == 0
"""

# 3 and 4 are to be seen, in two parts; a second start and a second stop change nothing.
PROFILED = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
def submit(count):
    for _ in range(count):
        assert cuda.cuMemsetD8Async(ptr, 1, 4096, None) == 0
    assert cuda.cuCtxSynchronize() == 0
submit(100)
assert cuda.cuProfilerStop() == 0
for count in 3, 4:
    assert cuda.cuProfilerStart() == 0 and cuda.cuProfilerStart() == 0
    submit(count)
    assert cuda.cuProfilerStop() == 0 and cuda.cuProfilerStop() == 0
    submit(100)
"""


class Recording(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)

    def start(self, program=STORM, **settings):
        folder = self.folder / f"run{self.runs}"
        self.runs += 1
        folder.mkdir()
        env = {"XDG_RUNTIME_DIR": self.runtime, "RUSTKERNEL_TRACE_FILE": "run.rkt.zst",
               "SIMGPU_TRUTH": folder / "truth.json", **settings}
        process = subprocess.Popen(
            ["/usr/bin/python3", "-c", program], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=harness.environment(folder, **env))
        for stream in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.folder = folder
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def end(self, process):
        """Return: the path of the trace file."""
        output, errors = process.communicate("end\n", timeout=60)
        self.assertEqual((process.returncode, output), (0, ""), errors)
        return process.folder / "run.rkt.zst"

    def ctl(self, process, *words, code=0):
        return self.rktrace("ctl", process.pid, *words, code=code,
                            env={"XDG_RUNTIME_DIR": self.runtime})

    def status(self, process):
        return json.loads(self.ctl(process, "status", "--json"))

    def wait_for(self, process, state):
        deadline = time.monotonic() + 20
        while self.status(process)["recording_state"] != state:
            self.assertLess(time.monotonic(), deadline, state)
            time.sleep(0.02)

    def listening(self, process):
        socket = self.runtime / "rkpreload" / f"{process.pid}.sock"
        deadline = time.monotonic() + 20
        while not socket.exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return process

    @staticmethod
    def threads_of(process):
        tasks = pathlib.Path(f"/proc/{process.pid}/task").glob("*/comm")
        return collections.Counter(task.read_text().strip() for task in tasks)

    def assert_sums_hold(self, info):
        """A GPU record is an orphan only where its host record found the ring full."""
        lost = info["dropped"].get("ring_full", 0)
        self.assertEqual(set(info["dropped"]) - {"ring_full"}, set(), info)
        self.assertLessEqual(info["orphans"], lost, info)

    def assert_ledger_closes(self, ledger):
        memsets, records = ledger["memset"], ledger["gpu_records"]
        self.assertEqual(memsets["calls"],
                         memsets["joined"] + memsets["open"] + memsets["lost"], ledger)
        self.assertEqual(records["memsets"], records["joined"] + records["orphan"]
                         + records["invalid"] + records["dropped"], ledger)
        self.assertLessEqual(records["orphan"], memsets["lost"], ledger)

    def test_dormant_is_nothing_but_a_socket(self):
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant"))
        status = self.status(process)
        self.assertEqual((status["recording"], status["recording_state"]), (False, "off"))
        self.assertIsNone(status["trace_file"])
        self.assertNotIn("libcupti", pathlib.Path(f"/proc/{process.pid}/maps").read_text())
        self.assertEqual(self.threads_of(process)["rk-exporter"], 1)
        self.assertIn("not recording", self.ctl(process, "status"))
        trace = self.end(process)
        self.assertFalse(trace.exists())

    def test_what_is_recorded_is_what_ran_between_start_and_stop(self):
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant"))
        inside = []
        for part in range(12):
            self.ctl(process, "start")
            begun = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            time.sleep(0.05)
            inside.append((begun, time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
            text = self.ctl(process, "stop")
            self.assertIn("next: rktrace report", text)
            status = self.status(process)
            self.assertEqual(status["sessions"], part + 1)
            self.assert_ledger_closes(status["ledger"])
            # Whatever was submitted is told when the stop says so, and stands in the file.
            again = self.status(process)["ledger"]["memset"]
            self.assertEqual(again["calls"], status["ledger"]["memset"]["calls"])
        info = self.info(self.end(process))
        self.assertTrue(info["clean_exit"])
        self.assert_sums_hold(info)
        truth = self.truth(process.folder).of("memset")
        least = sum(any(a <= op["start_ns"] and op["start_ns"] + op["dur_ns"] <= b
                        for a, b in inside) for op in truth)
        self.assertGreater(least, 0)
        self.assertGreaterEqual(info["memsets"] + info["dropped"].get("ring_full", 0), least)
        self.assertLess(info["memsets"], len(truth))

    def test_records_from_before_a_stop_are_kept(self):
        # The first recording begins with the program, and CUPTI still holds its records.
        process = self.listening(self.start(RUSTKERNEL_CONTROL_ENABLED="true",
                                            RUSTKERNEL_CUPTI_FLUSH_INTERVAL="10s"))
        for _ in range(3):
            time.sleep(0.1)
            self.ctl(process, "stop")
            ledger = self.status(process)["ledger"]
            self.assert_ledger_closes(ledger)
            # Host time is for those that were inside the driver when CUPTI was let go.
            self.assertGreaterEqual(ledger["gpu_records"]["memsets"] + 8 * 3,
                                    ledger["memset"]["joined"], ledger)
            self.ctl(process, "start")
        self.assert_sums_hold(self.info(self.end(process)))

    def test_time_that_was_not_recorded_is_said(self):
        process = self.listening(self.start(RUSTKERNEL_CONTROL_ENABLED="true",
                                            RUSTKERNEL_SUMMARY="always"))
        self.ctl(process, "stop")
        time.sleep(0.3)
        self.ctl(process, "start")
        _, errors = process.communicate("end\n", timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        verdict = errors.splitlines()
        self.assertRegex(verdict[0], r"wall time .*, recorded .* of .* in 2 parts, ")
        self.assertLessEqual(len(verdict), 12, errors)
        trace = process.folder / "run.rkt.zst"
        info = self.info(trace)
        self.assertEqual(info["recorded_parts"], 2)
        self.assertGreater(info["recorded_ns"], 0)
        self.assertGreaterEqual(info["wall_ns"], info["recorded_ns"] + 300_000_000)
        self.assertRegex(self.rktrace("info", trace), r"with gaps .* of .*, in 2 parts")
        self.assertRegex(self.rktrace("report", trace), r"^.* of .* were recorded, in 2 parts\n")

    def test_memory_from_before_a_stop_is_unknown(self):
        # What PROFILED holds is taken before a part of it is recorded.
        program = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), [ctypes.c_uint64() for _ in range(3)]
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
def take(i):
    assert cuda.cuMemAlloc_v2(ctypes.byref(ptr[i]), 1 << 20) == 0
def drop(i):
    assert cuda.cuMemFree_v2(ptr[i]) == 0
assert cuda.cuProfilerStart() == 0
take(0)
take(1)
drop(1)
assert cuda.cuProfilerStop() == 0
assert cuda.cuProfilerStart() == 0
drop(0)
take(2)
"""
        run = self.run_program(["/usr/bin/python3", "-c", program], env={
            "RUSTKERNEL_RECORDING_START": "profiler", "RUSTKERNEL_TRACE_FILE": "run.rkt.zst"})
        self.assertEqual((run.code, run.stderr), (0, b""))
        trace = run.folder / "run.rkt.zst"
        text = self.rktrace("report", "--memory", trace)
        self.assertIn("Recording stopped 1 time:", text)
        pool = json.loads(self.rktrace("report", "--memory", "--json", trace))["memory_use"]["pools"]
        self.assertEqual([(row["live_bytes"], row["peak_bytes"]) for row in pool],
                         [(1 << 20, 2 << 20)], pool)

    def test_the_launcher_says_when_to_record(self):
        launch = ["run", "-o", "run.rkt.zst", "--summary=never"]
        env = {"LD_LIBRARY_PATH": harness.SIMGPU, **harness.BARE}
        for option in "-c", "--capture-range":
            (self.folder / "run.rkt.zst").unlink(missing_ok=True)
            self.rktrace(*launch, option, "cudaProfilerApi", "--", "/usr/bin/python3", "-c",
                         PROFILED, env=env)
            self.assertEqual(self.info(self.folder / "run.rkt.zst")["memsets"], 7)
        (self.folder / "run.rkt.zst").unlink()
        slow = PROFILED + "import time\ntime.sleep(0.6)\nsubmit(50)\ntime.sleep(1)\nsubmit(9)"
        self.rktrace(*launch, "--delay", "300ms", "--duration", "800ms", "--",
                     "/usr/bin/python3", "-c", slow, env=env)
        self.assertEqual(self.info(self.folder / "run.rkt.zst")["memsets"], 50)
        for words, said in ((["--delay", "soon"], "soon is no time"),
                            (["-c", "nvtx"], "--capture-range is cudaProfilerApi, not nvtx"),
                            (["-c", "cudaProfilerApi", "--delay", "1s"], "expected one of")):
            self.rktrace("run", *words, "--", "/bin/true", code=64)
            self.assertIn(said, self.tool_errors)

    def test_the_rest_is_seen_from_outside(self):
        port = harness.free_port()
        process = self.listening(self.start(
            RUSTKERNEL_RECORDING_START="dormant", RUSTKERNEL_METRICS_ENABLED="true",
            RUSTKERNEL_METRICS_PORT=port))

        def look():
            base = f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(base + "/health/ready", timeout=10) as reply:
                health = json.load(reply)
            with urllib.request.urlopen(base + "/metrics", timeout=10) as reply:
                gauge = re.search(r"^rustkernel_tracer_recording(?:\{.*\})? (\d)$",
                                  reply.read().decode(), re.M)
            return health["status"], health["state"], health["recording"], gauge and gauge[1]

        def wait(expected):
            deadline = time.monotonic() + 20
            while look() != expected:
                self.assertLess(time.monotonic(), deadline, look())
                time.sleep(0.05)

        wait(("ok", "idle on purpose", False, "0"))
        self.ctl(process, "start")
        wait(("ok", "recording", True, "1"))
        self.ctl(process, "stop")
        wait(("ok", "idle on purpose", False, "0"))
        self.end(process)

    def test_dormant_leaves_the_program_as_it_was(self):
        program = """
import os, signal, sys
""" + PROFILED + """
print([signal.getsignal(n) for n in range(1, 32) if n not in (9, 19)])
print(sorted(os.listdir("/proc/self/fd")))
child = os.fork()
if not child:
    submit(3) if cuda.cuInit(0) == 0 else None
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
        alone = self.run_program(["/usr/bin/python3", "-c", program], preload=False)
        dormant = self.run_program(["/usr/bin/python3", "-c", program],
                                   env={"RUSTKERNEL_RECORDING_START": "dormant"})
        self.assertEqual((dormant.code, dormant.stdout, dormant.stderr),
                         (alone.code, alone.stdout, alone.stderr))
        self.assertEqual(alone.code, 0)
        self.assertEqual(self.traces(dormant.folder), [])

    def snapshot(self, process, *words):
        """Return: the path it was written to."""
        text = self.ctl(process, "snapshot", *words)
        path = re.fullmatch(r"wrote (.*)\nnext: rktrace report (.*)\n", text)
        self.assertTrue(path and path[1] == path[2], text)
        return pathlib.Path(path[1])

    def test_a_snapshot_is_a_whole_file(self):
        process = self.listening(self.start(RUSTKERNEL_CONTROL_ENABLED="true",
                                            RUSTKERNEL_CUPTI_FLUSH_INTERVAL="10s"))
        before = self.status(process)["ledger"]["memset"]["calls"]
        first = self.snapshot(process)
        self.assertEqual(first, process.folder / "run.snapshot-1.rkt.zst")
        self.assertEqual(first.stat().st_mode & 0o777, 0o600)
        info = self.info(first)
        self.assertTrue(info["clean_exit"])
        self.assertGreaterEqual(info["calls"], before)
        # What CUPTI held was asked for; of those who are inside the driver nothing is known yet.
        self.assertGreaterEqual(info["memsets"] + info["open"], info["calls"] - 8)
        self.assertGreater(info["memsets"], 0)
        self.assert_sums_hold(info)
        subprocess.run(["zstd", "-tq", first], check=True)
        self.assertIn("memset", self.rktrace("report", first).lower())
        chosen = self.snapshot(process, "-o", self.folder / "mine.rkt.zst")
        again = self.snapshot(process, "-o", self.folder / "mine.rkt.zst")
        self.assertEqual([chosen.name, again.name], ["mine.rkt.zst", "mine.rkt.zst.1"])
        self.assertGreater(self.info(again)["calls"], info["calls"])
        # Recording went on all the while, and the file is the one it would have been.
        end = self.info(self.end(process))
        self.assertTrue(end["clean_exit"])
        self.assertGreater(end["calls"], self.info(again)["calls"])
        self.assert_sums_hold(end)
        self.assertEqual(self.info(first)["calls"], info["calls"])

    def test_a_snapshot_needs_a_file(self):
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant"))
        self.ctl(process, "snapshot", code=69)
        self.assertIn("nothing has been recorded so far", self.tool_errors)
        self.ctl(process, "start")
        self.ctl(process, "snapshot", "-o", self.folder / "none" / "x", code=73)
        self.assertIn("No such file or directory", self.tool_errors)
        self.ctl(process, "stop")
        self.assertTrue(self.info(self.snapshot(process))["clean_exit"])
        self.end(process)
        process = self.listening(self.start(RUSTKERNEL_CONTROL_ENABLED="true",
                                            RUSTKERNEL_TRACE_FILE="none"))
        self.ctl(process, "snapshot", code=69)
        self.assertIn("no trace file is written", self.tool_errors)
        self.end(process)

    def test_it_stops_by_itself(self):
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant"))
        self.assertIn("recording for 200 ms", self.ctl(process, "start", "--for", "200ms"))
        self.wait_for(process, "off")
        self.assertAlmostEqual(self.status(process)["recorded_seconds"], 0.2, delta=2)
        self.end(process)

    def test_what_is_so_already_is_said(self):
        process = self.listening(self.start(RUSTKERNEL_CONTROL_ENABLED="true"))
        self.ctl(process, "start", code=1)
        self.assertIn("is recording already", self.tool_errors)
        self.ctl(process, "stop")
        self.ctl(process, "stop", code=1)
        self.assertIn("does not record", self.tool_errors)
        self.ctl(process, "start")
        info = self.info(self.end(process))
        self.assert_sums_hold(info)
        self.assertTrue(info["clean_exit"])

    def test_a_delay_and_a_duration(self):
        process = self.start(RUSTKERNEL_RECORDING_DELAY="100ms",
                             RUSTKERNEL_RECORDING_DURATION="200ms",
                             RUSTKERNEL_CONTROL_ENABLED="true")
        self.wait_for(self.listening(process), "off")
        deadline = time.monotonic() + 20
        while not self.status(process)["recorded_seconds"] or self.status(process)["recording"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertEqual(self.status(process)["sessions"], 1)
        self.assert_sums_hold(self.info(self.end(process)))

    def test_a_signal_begins_and_ends(self):
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant",
                                            RUSTKERNEL_RECORDING_SIGNAL="true"))
        process.send_signal(signal.SIGUSR2)
        self.wait_for(process, "on")
        process.send_signal(signal.SIGUSR2)
        self.wait_for(process, "off")
        self.assert_sums_hold(self.info(self.end(process)))

    def test_the_signal_is_the_program_s_unless_asked_for(self):
        # SIGUSR2 ends a program that does not handle it: so it must under us.
        process = self.listening(self.start(RUSTKERNEL_RECORDING_START="dormant"))
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(process.wait(timeout=20), -signal.SIGUSR2)
        own = "import signal\nsignal.signal(signal.SIGUSR2, lambda *_: None)\n" + STORM
        process = self.listening(self.start(own, RUSTKERNEL_RECORDING_START="dormant",
                                            RUSTKERNEL_RECORDING_SIGNAL="true"))
        process.send_signal(signal.SIGUSR2)
        time.sleep(0.1)
        self.assertEqual(self.status(process)["recording_state"], "off")
        _, errors = process.communicate("end\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(errors, re.compile("SIGUSR2 is left to the program"))

    def test_the_program_says_what_is_to_be_seen(self):
        run = self.run_program(["/usr/bin/python3", "-c", PROFILED], env={
            "RUSTKERNEL_RECORDING_START": "profiler", "RUSTKERNEL_TRACE_FILE": "run.rkt.zst"})
        self.assertEqual((run.code, run.stdout, run.stderr), (0, b"", b""))
        info = self.info(run.folder / "run.rkt.zst")
        self.assertEqual((info["memsets"], info["orphans"], info["dropped"]), (7, 0, {}), info)
        self.assertEqual(info["gpu_time_source"], "cupti")


if __name__ == "__main__":
    harness.main()
