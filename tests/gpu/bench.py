# SPDX-License-Identifier: Apache-2.0
"""One build folder on one GPU, real or simulated: how its programs are run and what they left."""
import glob
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(__file__).resolve().parent
PROGRAM_LIMIT_S = 120


class Skip(Exception):
    """A check that cannot be made here, and why."""


class Wrong(Exception):
    """A check that failed, and how."""


class OutOfTime(Skip):
    """The time limit of the whole run is used up."""


def toolkit_folders(build):
    """Where NVIDIA's libraries may lie: carried along, the tree's, Python's wheels, the machine's."""
    found = [build / "lib", ROOT / "build" / "cuda" / "lib", ROOT / "build" / "cuda" / "lib64"]
    for base in map(pathlib.Path, filter(None, sys.path)):
        found += sorted(base.glob("nvidia/cu1*/lib")) + sorted(base.glob("nvidia/cuda_*/lib"))
    home = pathlib.Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    found += [home / "lib64", home / "extras" / "CUPTI" / "lib64"]
    return [folder for folder in found if any(folder.glob("lib*.so*"))]


class Done:
    """What a program left: its output, its status, its time, and its trace files."""

    def __init__(self, result, seconds, traces, bare):
        self.stdout, self.stderr, self.code = result.stdout, result.stderr, result.returncode
        self.seconds, self.traces, self.bare = seconds, traces, bare

    def lines(self):
        return [json.loads(line) for line in self.stdout.splitlines() if line.startswith("{")]

    def json(self):
        lines = self.lines()
        if self.code or not lines:
            raise Wrong(f"status {self.code}, {self.stdout[-200:]!r} {self.stderr[-400:]!r}")
        return lines[-1]


class Bench:
    def __init__(self, build, simulated, limit_s):
        self.build, self.simulated = build, simulated
        self.deadline = time.monotonic() + limit_s
        self.libraries = [build / "tests" / "simgpu"] if simulated else toolkit_folders(build)
        self.rounds = 1 if simulated else 5

    def left_s(self):
        left = self.deadline - time.monotonic()
        if left < 1:
            raise OutOfTime("the time limit is used up")
        return left

    def program(self, name):
        """@name: of tests/gpu without a folder, else relative to the build folder."""
        path = self.build / (name if "/" in name else f"tests/gpu/{name}")
        if not path.exists():
            raise Skip(f"{name} was not built")
        return str(path)

    def environment(self, how, folder, **more):
        """@how: none, ours, inert, bare (CUPTI alone), api (CUPTI alone, with driver calls)."""
        env = dict(os.environ, SIMGPU_LAUNCH_NS="3000", RUSTKERNEL_SUMMARY="never",
                   SIMGPU_KERNEL_TIMES="spin:5000,nothing:2000")
        for name in ["LD_PRELOAD", "CUDA_INJECTION64_PATH", "RUSTKERNEL_CONFIG"]:
            env.pop(name, None)
        env["LD_LIBRARY_PATH"] = ":".join(
            [*map(str, self.libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
        if how in ("ours", "inert"):
            env["LD_PRELOAD"] = str(self.build / "interpose" / "librkpreload.so")
            env["RK_NET_LIBRARY"] = str(self.build / "exporters" / "librknet.so")
        if how == "inert":
            env["RUSTKERNEL_DISABLE"] = "1"
        if how in ("bare", "api"):
            env["CUDA_INJECTION64_PATH"] = self.program("libbare_cupti.so")
            env["BARE_CUPTI_OUT"] = f"{folder}/bare.%p.json"
            if how == "api":
                env["BARE_CUPTI_API"] = "1"
        return env | {name: str(value) for name, value in more.items()}

    def run(self, argv, how="ours", keep_libraries=True, **more):
        """Run in a fresh folder; what it left is read before the folder goes."""
        limit_s = min(PROGRAM_LIMIT_S, self.left_s())
        with tempfile.TemporaryDirectory(prefix="rkgpu-") as folder:
            env = self.environment(how, folder, **more)
            if not keep_libraries:     # a program that brings its own: PyTorch
                env["LD_LIBRARY_PATH"] = os.environ.get("LD_LIBRARY_PATH", "")
            start = time.monotonic()
            try:
                result = subprocess.run(argv, cwd=folder, env=env, timeout=limit_s, text=True,
                                        errors="replace", capture_output=True, check=False,
                                        stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                raise Wrong(f"{pathlib.Path(argv[0]).name} did not end in {limit_s:.0f} s ({how})")
            seconds = time.monotonic() - start
            traces = [self.read_trace(path) for path in sorted(glob.glob(folder + "/*.rkt.zst"))]
            bare = [json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
                    for path in sorted(glob.glob(folder + "/bare.*.json"))]
        return Done(result, seconds, traces, bare)

    def tool(self, *words):
        done = subprocess.run([self.build / "tools" / "rktrace", *words], capture_output=True,
                              check=False, timeout=PROGRAM_LIMIT_S)
        if done.returncode:
            raise Wrong(f"rktrace {words[0]}: status {done.returncode}, {done.stderr[-300:]!r}")
        return json.loads(done.stdout)

    def read_trace(self, path):
        """Return: what `rktrace info` says, and the sums over the kernels of `rktrace report`."""
        info = self.tool("info", "--json", path)
        rows = self.tool("report", "--json", path)["kernels"]
        info["kernel_ns"] = sum(row["total_ns"] for row in rows if row["time_source"] == "gpu")
        info["host_kernels"] = sum(row["instances"] for row in rows
                                   if row["time_source"] == "host")
        info["names"] = [row["name"] for row in rows]
        return info

    def only(self, done):
        if len(done.traces) != 1:
            raise Wrong(f"{len(done.traces)} trace files, status {done.code}, "
                        f"{done.stderr[-300:]!r}")
        return done.traces[0]

    def compared(self, *argv, **more):
        """Run without us and with us. Return: the trace; the program may notice no difference."""
        without = self.run(argv, "none", **more)
        done = self.run(argv, "ours", **more)
        if (done.code, done.stdout) != (without.code, without.stdout):
            raise Wrong(f"status {without.code} became {done.code}, or the output differs: "
                        f"{done.stdout[-200:]!r} {done.stderr[-200:]!r}")
        return self.only(done)

    def medians(self, argv, hows, value):
        """@value(Done) of each way of @hows, interleaved so that drift hits all alike."""
        found = {how: [] for how in hows}
        for _ in range(self.rounds):
            for how in hows:
                found[how].append(value(self.run(argv, how)))
        return {how: statistics.median(values) for how, values in found.items()}


def hold(condition, text):
    if not condition:
        raise Wrong(text)


def hold_complete(info):
    """The trace accounts for everything, with GPU time."""
    hold(info["gpu_time_source"] == "cupti", f"times are of the {info['gpu_time_source']}")
    hold(not info["dropped"], f"dropped {info['dropped']}")
    hold(not info["open"] and not info["orphans"],
         f"{info['open']} open, {info['orphans']} orphans")


def has_module(name):
    return importlib.util.find_spec(name) is not None
