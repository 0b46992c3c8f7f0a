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
import unittest
import urllib.request

import harness
import live_replay

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


# A program that launches from its own thread, alone: what is recorded of it is exact.
LAUNCHER = """
import ctypes, time
cuda = ctypes.CDLL("libcuda.so.1")
PTX = (b".version 8.0\\n.target sm_70\\n.address_size 64\\n"
       b".visible .entry guest_kernel()\\n{\\n\\tret;\\n}\\n")
context, module, kernel = (ctypes.c_void_p() for _ in range(3))
def call(name, *arguments):
    result = getattr(cuda, name)(*arguments)
    assert result == 0, (name, result)
call("cuInit", 0)
call("cuCtxCreate_v2", ctypes.byref(context), 0, 0)
call("cuModuleLoadData", ctypes.byref(module), PTX)
call("cuModuleGetFunction", ctypes.byref(kernel), module, b"guest_kernel")
def launch(count, stream=None):
    for _ in range(count):
        call("cuLaunchKernel", kernel, 1, 1, 1, 1, 1, 1, 0, stream, None, None)
    if not stream:
        call("cuCtxSynchronize")
"""

# Every kind of work, in five parts with rests between them; what is taken in one part is given
# back in a later one.
PARTS = LAUNCHER + """
ptr, kept = ctypes.c_uint64(), []
host = (ctypes.c_char * 4096)()
launch(20)
for part in range(5):
    call("cuProfilerStart")
    call("cuMemAlloc_v2", ctypes.byref(ptr), 4096 << part)
    kept.append(ptr.value)
    call("cuMemcpyHtoD_v2", ptr, host, 4096)
    call("cuMemsetD8Async", ptr, 1, 4096, None)
    launch(10 + part)
    assert cuda.cuMemcpyDtoH_v2(host, ctypes.c_uint64(1), 4096) != 0
    if part % 2:
        call("cuMemFree_v2", ctypes.c_uint64(kept.pop(0)))
    call("cuProfilerStop")
    launch(20)
    time.sleep(0.05)
"""

# A capture that is open at a stop, one that is open at a start, and one that is open at both.
CAPTURES = LAUNCHER + """
import sys
stream = ctypes.c_void_p()
def begin():
    call("cuStreamBeginCapture_v2", stream, 2)
def end(name, launches):
    graph, graph_exec = ctypes.c_void_p(), ctypes.c_void_p()
    call("cuStreamEndCapture", stream, ctypes.byref(graph))
    call("cuGraphInstantiateWithFlags", ctypes.byref(graph_exec), graph, ctypes.c_ulonglong(0))
    for _ in range(launches):
        call("cuGraphLaunch", graph_exec, stream)
    call("cuStreamSynchronize", stream)
call("cuStreamCreate", ctypes.byref(stream), 1)
call("cuProfilerStart")
launch(3)
begin()
launch(2, stream)
call("cuProfilerStop")
launch(4, stream)
end("open at the stop", 2)
begin()
launch(5, stream)
call("cuProfilerStart")
launch(7, stream)
end("open at the start", 3)
launch(1)
begin()
launch(6, stream)
call("cuProfilerStop")
launch(8, stream)
call("cuProfilerStart")
launch(9, stream)
end("open at both", 1)
call("cuProfilerStop")
"""

# Captures in one thread and launches in another, until told to end.
CAPTURE_STORM = LAUNCHER + """
import sys, threading
ended = threading.Event()
def capture():
    stream, graph, graph_exec = (ctypes.c_void_p() for _ in range(3))
    call("cuCtxSetCurrent", context)
    call("cuStreamCreate", ctypes.byref(stream), 1)
    while not ended.is_set():
        call("cuStreamBeginCapture_v2", stream, 1)
        launch(20, stream)
        call("cuStreamEndCapture", stream, ctypes.byref(graph))
        call("cuGraphDestroy", graph)
def work():
    call("cuCtxSetCurrent", context)
    while not ended.is_set():
        launch(5)
        time.sleep(0.0005)
threads = [threading.Thread(target=body) for body in (capture, capture, work)]
for thread in threads:
    thread.start()
print("up", flush=True)
sys.stdin.readline()
ended.set()
for thread in threads:
    thread.join()
call("cuCtxSynchronize")
"""

STOPS = 8

# Another tool takes CUPTI while nothing is recorded, and leaves it before the next start.
OTHER_TOOL = LAUNCHER + """
import sys
tool = ctypes.CDLL(sys.argv[1])
cupti = ctypes.CDLL("libcupti.so.13")
report = (ctypes.c_uint32 * 10)()
def wait_until_let_go():
    deadline = time.monotonic() + 20
    while cupti.simgpu_cupti_held():
        assert time.monotonic() < deadline, cupti.simgpu_cupti_held()
        time.sleep(0.01)
wait_until_let_go()
for turn in range(3):
    call("cuProfilerStart")
    assert cupti.simgpu_cupti_held(), "nobody records"
    launch(10)
    call("cuProfilerStop")
    wait_until_let_go()
    tool.guest_tool_begin(sys.argv[2].encode())
    launch(7)
    tool.guest_tool_end(sys.argv[2].encode())
    tool.guest_tool_report(report)
    print(*report)
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

    @unittest.skipIf("tsan" in harness.SANITIZER_PRELOAD, "it hands signals on when it likes")
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

    def test_captures_that_are_open_at_a_stop_or_a_start(self):
        run = self.run_program(["/usr/bin/python3", "-c", CAPTURES], env={
            "RUSTKERNEL_RECORDING_START": "profiler", "RUSTKERNEL_TRACE_FILE": "run.rkt.zst"})
        self.assertEqual((run.code, run.stdout, run.stderr), (0, b"", b""))
        info = self.info(run.folder / "run.rkt.zst")
        launches, graphs = info["ledger"]["launch"], info["ledger"]["graph_launch"]
        # Recorded: 3, 2 captured; 7 captured, 1, 6 captured; 9 captured.
        self.assertEqual([launches[key] for key in ("calls", "captured", "joined", "open", "lost",
                                                    "failed")],
                         [3 + 2 + 7 + 1 + 6 + 9, 2 + 7 + 6 + 9, 3 + 1, 0, 0, 0], info)
        self.assertEqual([graphs[key] for key in ("calls", "captured", "joined", "open", "lost")],
                         [3 + 1, 0, 3 + 1, 0, 0], info)
        # The graph holds what was captured while nothing was recorded, too.
        self.assertEqual(info["kernels"], 3 + 1 + 3 * (5 + 7) + (6 + 8 + 9), info)
        self.assertEqual((info["orphans"], info["dropped"], info["open"]), (0, {}, 0), info)

    def test_captures_in_a_storm_of_stops_and_starts(self):
        process = self.listening(self.start(CAPTURE_STORM, RUSTKERNEL_CONTROL_ENABLED="true"))
        for _ in range(STOPS):
            time.sleep(0.05)
            self.ctl(process, "stop")
            launches = self.status(process)["ledger"]["launch"]
            self.assertEqual(launches["calls"], launches["failed"] + launches["captured"]
                             + launches["joined"] + launches["open"] + launches["lost"], launches)
            self.assertGreater(launches["captured"], 0)
            self.ctl(process, "start")
        info = self.info(self.end(process))
        self.assert_sums_hold(info)
        launches = info["ledger"]["launch"]
        # A captured launch that was told as a launch would wait for its record for ever.
        self.assertEqual((launches["open"], launches["failed"]), (0, 0), info)
        # At each stop the thread that launches may be inside the driver: it then has host time.
        self.assertIn(launches["joined"] - info["kernels"], range(STOPS + 1), info)

    def test_cupti_is_free_while_nothing_is_recorded(self):
        for style in ("subscriber", "v2", "activity"):
            with self.subTest(style=style):
                run = self.run_program(
                    ["/usr/bin/python3", "-c", OTHER_TOOL,
                     harness.BUILD / "tests" / "hook" / "guest_tool_linked.so", style],
                    env={"RUSTKERNEL_RECORDING_START": "profiler",
                         "RUSTKERNEL_LOG_LEVEL": "info",
                         "RUSTKERNEL_TRACE_FILE": "run.rkt.zst"})
                self.assertEqual(run.code, 0, run.stderr)
                calls = [0 if style == "activity" else 7 * turn for turn in (1, 2, 3)]
                for turn, line in enumerate(run.stdout.decode().splitlines(), 1):
                    (kernels, copies, _, seen, strangers, malformed, times, lent, returned,
                     errors) = map(int, line.split())
                    self.assertEqual((kernels, copies, seen), (7 * turn, 0, calls[turn - 1]))
                    self.assertEqual((strangers, malformed, times, errors), (0, 0, 0, 0), line)
                    self.assertEqual(lent, returned)
                # Nobody had to make way: we were gone.
                self.assertNotIn(b"guest_tool", run.stderr)
                info = self.info(run.folder / "run.rkt.zst")
                self.assertEqual((info["launches"], info["kernels"]), (30, 30), info)
                self.assertEqual((info["gpu_time_source"], info["host_time_ns"], info["open"]),
                                 ("cupti", 0, 0), info)
                self.assertEqual((info["dropped"], info["orphans"]), ({}, 0), info)


class Replayed(live_replay.LiveReplay):
    def test_parts_of_a_run(self):
        run, spans, samples = self.check(["/usr/bin/python3", "-c", PARTS],
                                         RUSTKERNEL_RECORDING_START="profiler")
        info = self.info(run.folder / "live.rkt.zst")
        launches = sum(10 + part for part in range(5))
        self.assertEqual((info["recorded_parts"], info["launches"], info["kernels"]),
                         (5, launches, launches), info)
        self.assertEqual(len(harness.kernel_spans(spans)), launches)
        self.assertEqual(harness.sum_of(samples, "rustkernel_executions_total"), launches,
                         samples)

    def test_captures_over_stops_and_starts(self):
        self.check(["/usr/bin/python3", "-c", CAPTURES], RUSTKERNEL_RECORDING_START="profiler")


if __name__ == "__main__":
    harness.main()
