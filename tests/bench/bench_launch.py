#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cost of one intercepted launch: time beside its peers, and instructions.

usage: bench_launch.py time|instructions

time: medians of interleaved rounds in one process, with lttng-ust in a session of a daemon of
its own (snapshot mode: nothing is written). instructions: callgrind, added per launch, which is
what the suite gates on, because time on shared machines drifts by a quarter.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["RK_BENCH_BUILD"])
TRACED = os.environ["RK_BENCH_TRACED"]
FAKE = os.environ["RK_BENCH_FAKE"]
LTTNG = os.environ.get("RK_BENCH_LTTNG", "")
INSTRUCTIONS_MAX = 150  # added per launch
DORMANT_MAX = 55  # added while nothing is recorded: the eleven arguments are passed on
CALLS = 1000  # fewer than the ring holds: under callgrind nobody drains


def environment(folder):
    link = pathlib.Path(folder) / "libcuda.so.1"
    if not link.exists():
        link.symlink_to(FAKE)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RUSTKERNEL_", "OTEL_"))}
    env["LD_LIBRARY_PATH"] = str(folder)
    env["RUSTKERNEL_CUPTI_ENABLED"] = "false"
    return env


class Session:
    """A session daemon of our own; as root under another user, whose daemon is per folder."""

    def __init__(self, folder):
        self.env = dict(environment(folder), HOME=str(folder), LTTNG_HOME=str(folder))
        self.prefix = []
        self.daemon = None
        self.reason = ""
        if not LTTNG:
            self.reason = "lttng-ust was not there to build with"
            return
        if not shutil.which("lttng-sessiond") or not shutil.which("lttng"):
            self.reason = "lttng-tools are not installed"
            return
        if os.geteuid() == 0:
            self.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chmod(folder, 0o777)
        self.start()

    def call(self, *command):
        return subprocess.run([*self.prefix, *command], env=self.env, capture_output=True,
                              text=True, timeout=30)

    def start(self):
        self.daemon = subprocess.Popen([*self.prefix, "lttng-sessiond", "--no-kernel", "--quiet"],
                                       env=self.env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        steps = [["create", "rk", "--snapshot"],
                 ["enable-channel", "-u", "ch", "--subbuf-size=1M", "--num-subbuf=4"],
                 ["enable-event", "-u", "-c", "ch", "rk_bench:*"], ["start"]]
        for attempt in range(50):
            if self.call("lttng", "list").returncode == 0:
                break
            subprocess.run(["sleep", "0.1"], check=True)
        for step in steps:
            done = self.call("lttng", *step)
            if done.returncode != 0:
                self.reason = f"lttng {step[0]}: {(done.stdout + done.stderr).strip()[:200]}"
                return

    def stop(self):
        if self.daemon:
            self.call("lttng", "destroy", "rk")
            self.daemon.terminate()
            self.daemon.wait(timeout=20)


def measure_time():
    folder = tempfile.mkdtemp(prefix="rkbench")
    inert = pathlib.Path(folder) / "inert.so"
    shutil.copy(TRACED, inert)
    session = Session(folder)
    try:
        lttng = "-" if session.reason else LTTNG
        env = dict(session.env, LTTNG_UST_REGISTER_TIMEOUT="3000")
        done = subprocess.run([*session.prefix, str(BUILD / "bench_launch"), TRACED, str(inert), lttng,
                               "15", "200000"], env=env, capture_output=True, text=True, timeout=300)
    finally:
        session.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    ns = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
    added = ns["traced"] - ns["direct"]
    print(f"bare call                 {ns['direct']:7.1f} ns")
    print(f"inert, added              {ns['inert'] - ns['direct']:7.1f} ns")
    print(f"two clock reads           {ns['clocks']:7.1f} ns")
    print(f"intercepted, added        {added:7.1f} ns   = {added / ns['clocks']:.2f} x two clock"
          " reads (goal 1.5)")
    print(f"goal hook_clocks {added / ns['clocks']:.3f} | {added:.1f} ns added, two clock reads "
          f"{ns['clocks']:.1f}")
    print(f"goal off {ns['inert'] - ns['direct']:.2f} | the call itself {ns['direct']:.1f} ns")
    if "lttng" in ns:
        peer = ns["lttng"] - ns["direct"]
        print(f"lttng-ust, same payload   {peer:7.1f} ns   = ours is {added / peer:.2f} of it "
              "(goal 0.25)")
        print(f"goal hook_lttng {added / peer:.3f} | {added:.1f} ns added, by lttng-ust with the same "
              f"payload {peer:.1f}")
    else:
        print(f"lttng-ust: not measured: {session.reason}")


def count(variant, folder, **settings):
    out = pathlib.Path(folder) / variant
    done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                           "--toggle-collect=run_calls", f"--callgrind-out-file={out}",
                           str(BUILD / "bench_launch"), "count", TRACED, variant, str(CALLS)],
                          env=dict(environment(folder), **settings), capture_output=True,
                          text=True, timeout=200)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(done.stderr[-2000:])
    return int(found.group(1)) / CALLS


def count_instructions():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="rkbench")
    try:
        direct, traced = count("direct", folder), count("traced", folder)
        dormant = count("traced", folder, RUSTKERNEL_RECORDING_START="dormant")
    finally:
        shutil.rmtree(folder)
    print(f"instructions: bare {direct:.1f}, intercepted {traced:.1f}, added {traced - direct:.1f}"
          f" (limit {INSTRUCTIONS_MAX}), dormant, added {dormant - direct:.1f}"
          f" (limit {DORMANT_MAX})")
    print(f"goal hook_instructions {traced - direct:.0f} | the call itself {direct:.0f}; while "
          f"nothing is recorded {dormant - direct:.0f}")
    if not 20 < traced - direct <= INSTRUCTIONS_MAX:  # 20: it must have recorded at all
        sys.exit(1)
    if not 0 < dormant - direct <= DORMANT_MAX:  # 0: the hook must be in the way
        sys.exit(1)


if sys.argv[1] == "time":
    count_tool = shutil.which("valgrind")
    measure_time()
    if count_tool:
        count_instructions()
else:
    count_instructions()
