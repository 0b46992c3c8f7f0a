# SPDX-License-Identifier: Apache-2.0
"""The overhead governor: what tracing costs, steps down and up again, and sums that stay exact."""
import json
import re
import subprocess
import time

import harness

STEPS = ["full", "no_stacks", "whole_graphs", "sampled_spans", "kernels_only", "counters_only"]
WORK = ["launch", "graph_launch", "memcpy", "memset"]
PATIENCE = 60

# Work of every kind, over and over; a line of input stops and starts it, the end of input ends it.
# It counts for itself what it asks of the GPU.
GUEST = """
import ctypes, json, sys, threading, time
cuda = ctypes.CDLL("libcuda.so.1")
PTX = (b".version 8.0\\n.target sm_70\\n.address_size 64\\n"
       b".visible .entry guest_kernel()\\n{\\n\\tret;\\n}\\n")
context, module, kernel, stream, graph, run = (ctypes.c_void_p() for _ in range(6))
memory, kept = ctypes.c_uint64(), ctypes.c_uint64()
host, size = ctypes.create_string_buffer(4096), ctypes.c_size_t(4096)
made = dict.fromkeys(["launch", "graph_launch", "memcpy", "memset"], 0)
def call(name, *arguments):
    result = getattr(cuda, name)(*arguments)
    assert result == 0, (name, result)
def launch():
    call("cuLaunchKernel", kernel, 1, 1, 1, 1, 1, 1, 0, stream, None, None)
    made["launch"] += 1
call("cuInit", 0)
call("cuCtxCreate_v2", ctypes.byref(context), 0, 0)
call("cuModuleLoadData", ctypes.byref(module), PTX)
call("cuModuleGetFunction", ctypes.byref(kernel), module, b"guest_kernel")
call("cuMemAlloc_v2", ctypes.byref(memory), size)
call("cuStreamCreate", ctypes.byref(stream), 1)
call("cuStreamBeginCapture_v2", stream, 0)
for _ in range(3):
    launch()
call("cuStreamEndCapture", stream, ctypes.byref(graph))
call("cuGraphInstantiateWithFlags", ctypes.byref(run), graph, ctypes.c_uint64(0))
state = {"is_busy": True, "has_ended": False}
def listen():
    for line in sys.stdin:
        state["is_busy"] = not state["is_busy"]
    state["has_ended"] = True
threading.Thread(target=listen, daemon=True).start()
while not state["has_ended"]:
    if state["is_busy"]:
        launch()
        launch()
        call("cuMemcpyHtoDAsync_v2", memory, host, size, stream)
        call("cuMemsetD8Async", memory, 1, size, stream)
        call("cuGraphLaunch", run, stream)
        for kind in "memcpy", "memset", "graph_launch":
            made[kind] += 1
        call("cuMemAlloc_v2", ctypes.byref(kept), size)
        call("cuStreamSynchronize", stream)
        call("cuMemFree_v2", kept)
    time.sleep(0.002)
call("cuStreamSynchronize", stream)
print(json.dumps(made))
"""


class Overhead(harness.Case):
    """Each test starts the guest with a budget, and looks at it by rktrace ctl status."""

    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.place = self.folder / "run"
        self.place.mkdir()

    def start(self, **env):
        settings = {"RUSTKERNEL_TRACE_FILE": "trace.rkt.zst", "RUSTKERNEL_CONTROL_ENABLED": "1",
                    "RUSTKERNEL_STACKS_MODE": "all", "RUSTKERNEL_LOG_LEVEL": "info",
                    "RUSTKERNEL_LOGGING_RATE_LIMIT": 1, "RUSTKERNEL_EXIT_TIMEOUT": "30s",
                    "XDG_RUNTIME_DIR": self.runtime, **env}
        self.errors = open(self.place / "stderr", "wb+")  # pylint: disable=consider-using-with
        self.addCleanup(self.errors.close)
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["/usr/bin/python3", "-c", GUEST], cwd=self.place, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors,
            env=harness.environment(self.place, **settings))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def status(self, process):
        """None while nobody answers yet."""
        done = subprocess.run([str(harness.RKTRACE), "ctl", str(process.pid), "status", "--json"],
                              env=harness.environment(self.folder, preload=False,
                                                      XDG_RUNTIME_DIR=self.runtime),
                              capture_output=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def watch(self, process, step):
        """Look until it is at @step, holding every sum on the way. Return: the steps seen."""
        seen, until = [], time.monotonic() + PATIENCE
        while not seen or seen[-1] != step:
            self.assertLess(time.monotonic(), until, f"saw {seen}, not {step}")
            status = self.status(process)
            if status:
                self.hold_sums(status["ledger"])
                if seen[-1:] != [status["overhead"]["step"]]:
                    seen.append(status["overhead"]["step"])
            time.sleep(0.02)
        return seen

    def hold_sums(self, ledger):
        for kind in WORK:
            row = ledger[kind]
            self.assertEqual(row["calls"], sum(row[key] for key in (
                "failed", "captured", "joined", "open", "lost", "withheld")), (kind, row))

    def end(self, process):
        """Return: what the guest asked for, by kind, and what it said to stderr."""
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)
        self.errors.seek(0)
        return json.loads(output), self.errors.read().decode()

    def hold_file(self, made):
        """Every call is told or counted as withheld, and nothing is lost or told twice."""
        info = self.info(self.place / "trace.rkt.zst")
        ledger = info["ledger"]
        self.assertTrue(ledger["closes"], ledger)
        self.hold_sums(ledger)
        self.assert_ledger_closes(info)
        for kind in WORK:
            row = ledger[kind]
            self.assertEqual(row["calls"], made[kind], (kind, row))
            self.assertEqual((row["open"], row["lost"], row["failed"]), (0, 0, 0), (kind, row))
        self.assertEqual(ledger["launch"]["captured"], 3)
        self.assertEqual(ledger["memcpy"]["joined"], info["memcpys"])
        self.assertEqual(ledger["memset"]["joined"], info["memsets"])
        return info

    def moves(self, errors):
        return re.findall(r"overhead: .*: (down|up) from (\w+) to (\w+)", errors)

    def test_every_step_down(self):
        receiver, gateway = self.receiver(), self.gateway()
        process = self.start(RUSTKERNEL_OVERHEAD_BUDGET="0.000001%",
                             RUSTKERNEL_OTLP_ENDPOINT=receiver.url,
                             RUSTKERNEL_PUSHGATEWAY_URL=gateway.url)
        seen = self.watch(process, STEPS[-1])
        self.assertEqual(seen, [step for step in STEPS if step in seen])
        counted = self.status(process)["ledger"]["launch"]["withheld"]
        self.watch_counting(process, counted)
        text = self.rktrace("ctl", process.pid, "status",
                            env={"XDG_RUNTIME_DIR": self.runtime})
        self.assertIn("step counters_only: calls are counted and not recorded", text)
        made, errors = self.end(process)
        self.assertEqual(self.moves(errors),
                         [("down", a, b) for a, b in zip(STEPS, STEPS[1:])], errors)
        info = self.hold_file(made)
        self.hold_told(info["overhead"])
        for kind in WORK:
            self.assertGreater(info["ledger"][kind]["withheld"], 0)
        self.assertGreater(info["ledger"]["gpu"]["graphs"], 0)  # those told as a whole
        self.assertEqual(info["allocs"] - 1, made["memcpy"])  # memory is told at every step
        self.hold_metrics(gateway, info)
        self.hold_replay(gateway)
        for words in ("report",), ("info",), ("replay",):
            self.assertIn("now counters_only", self.tell(words), words)

    def watch_counting(self, process, counted):
        until = time.monotonic() + PATIENCE
        while self.status(process)["ledger"]["launch"]["withheld"] <= counted:
            self.assertLess(time.monotonic(), until)

    def tell(self, words):
        return self.rktrace(words[0], self.place / "trace.rkt.zst", *words[1:])

    def hold_told(self, overhead):
        self.assertEqual((overhead["step"], overhead["lowest"]), (STEPS[-1], STEPS[-1]))
        self.assertEqual((overhead["steps_down"], overhead["steps_up"]), (5, 0))
        self.assertAlmostEqual(overhead["budget"], 1e-8)
        self.assertGreater(overhead["share"], overhead["budget"])
        if "tsan" not in harness.SANITIZER_PRELOAD:  # with which no call stacks are taken
            self.assertGreater(overhead["withheld_stacks"], 0)
        self.assertGreater(overhead["withheld_other"], 0)

    def hold_metrics(self, gateway, info):
        samples = gateway.samples()
        own = {key: value for key, value in samples.items() if "_tracer_" in key}
        pick = lambda name, *labels: [v for k, v in own.items() if k.startswith(
            "rustkernel_tracer_" + name) and all(label in k for label in labels)]
        self.assertEqual(own["rustkernel_tracer_overhead_step"], 5)
        self.assertEqual(pick("overhead_steps_total", 'direction="down"'), [5.0])
        self.assertEqual(pick("overhead_steps_total", 'direction="up"'), [0.0])
        self.assertGreater(pick("overhead_seconds_total", 'part="hooks"')[0], 0)
        self.assertGreater(pick("busy_seconds_total")[0], 0)
        for kind in WORK:
            self.assertEqual(pick("withheld_total", f'what="{kind}"'),
                             [info["ledger"][kind]["withheld"]])
        self.assertEqual(pick("withheld_total", 'what="wait"'),
                         [info["overhead"]["withheld_other"]])
        self.assertEqual(pick("withheld_total", 'what="stack"'),
                         [info["overhead"]["withheld_stacks"]])

    def hold_replay(self, live):
        """The file gives the same series, those of the governor among them."""
        again = self.gateway()
        self.rktrace("replay", self.place / "trace.rkt.zst", "--pushgateway", again.url)
        told = ("rustkernel_tracer_overhead_", "rustkernel_tracer_withheld_",
                "rustkernel_tracer_busy_", "rustkernel_executions_", "rustkernel_memory_",
                "rustkernel_gpu_seconds_", "rustkernel_tracer_calls_")
        first, second = ({key: value for key, value in gateway.samples().items()
                          if key.startswith(told)} for gateway in (live, again))
        self.assertGreater(len(first), 30)
        self.assertEqual(first, second)

    def test_a_generous_budget_changes_nothing(self):
        process = self.start(RUSTKERNEL_OVERHEAD_BUDGET="100%", RUSTKERNEL_STACKS_MODE="off")
        until = time.monotonic() + PATIENCE
        while not (self.status(process) or {}).get("overhead", {}).get("share"):
            self.assertLess(time.monotonic(), until)
        self.assertEqual(self.status(process)["overhead"]["step"], "full")
        made, errors = self.end(process)
        self.assertEqual(self.moves(errors), [])
        info = self.hold_file(made)
        self.assertEqual([info["ledger"][kind]["withheld"] for kind in WORK], [0, 0, 0, 0])
        self.assertEqual((info["recorded_parts"], info["overhead"]["step"]), (1, "full"))
        self.assertGreater(info["overhead"]["share"], 0)
        self.assertEqual(info["overhead"]["budget"], 1)

    def test_without_a_budget_nothing_is_measured(self):
        process = self.start(RUSTKERNEL_STACKS_MODE="off")
        until = time.monotonic() + PATIENCE
        while not self.status(process):
            self.assertLess(time.monotonic(), until)
        self.assertIsNone(self.status(process)["overhead"])
        made, _ = self.end(process)
        self.assertIsNone(self.hold_file(made)["overhead"])

    def test_down_and_up_again(self):
        """CUPTI says that it takes many times the time there is, as long as there is work."""
        process = self.start(RUSTKERNEL_OVERHEAD_BUDGET="90%", RUSTKERNEL_OVERHEAD_QUIET="300ms",
                             RUSTKERNEL_STACKS_MODE="off", SIMGPU_CUPTI_OVERHEAD_US=100000)
        down = self.watch(process, "counters_only")
        process.stdin.write(b"\n")  # it rests
        process.stdin.flush()
        up = self.watch(process, "full")
        self.assertEqual(up[-1:], ["full"])
        made, errors = self.end(process)
        moves = self.moves(errors)
        self.assertIn(("down", "kernels_only", "counters_only"), moves, down)
        self.assertIn(("up", "counters_only", "kernels_only"), moves)
        self.assertIn(("up", "kernels_only", "whole_graphs"), moves)
        self.assertEqual(moves[-1], ("up", "whole_graphs", "full"))
        overhead = self.hold_file(made)["overhead"]
        self.assertEqual((overhead["step"], overhead["lowest"]), ("full", "counters_only"))
        self.assertEqual(overhead["steps_down"] + overhead["steps_up"], len(moves))

    def test_a_user_who_stops_has_the_last_word(self):
        """Not even counted; and when it starts again, the governor is where it was."""
        process = self.start(RUSTKERNEL_OVERHEAD_BUDGET="0.000001%",
                             RUSTKERNEL_STACKS_MODE="off")
        self.watch(process, "counters_only")
        self.rktrace("ctl", process.pid, "stop", env={"XDG_RUNTIME_DIR": self.runtime})
        before = self.settled(process)
        self.assertEqual(self.settled(process), before)
        self.rktrace("ctl", process.pid, "start", env={"XDG_RUNTIME_DIR": self.runtime})
        self.watch_counting(process, before)
        self.assertEqual(self.status(process)["overhead"]["step"], "counters_only")
        self.end(process)
        info = self.info(self.place / "trace.rkt.zst")
        self.assertTrue(info["ledger"]["closes"], info["ledger"])
        self.hold_sums(info["ledger"])

    def settled(self, process):
        """Launches counted, once a call that was under way is over: twice the same."""
        seen, until = [-1, -2], time.monotonic() + PATIENCE
        while seen[-1] != seen[-2]:
            self.assertLess(time.monotonic(), until)
            seen.append(self.status(process)["ledger"]["launch"]["withheld"])
        return seen[-1]


if __name__ == "__main__":
    harness.main()
