#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs under the preload, and what it recorded of them.

usage: hook_test.py CASE

Each program runs twice, without and with the preload; what it prints and how it ends must be
the same. What was recorded comes from the probe (probe_exporter.c).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROBE = os.environ["RK_HOOK_PROBE"]
BUILD = pathlib.Path(os.environ["RK_HOOK_BUILD"])
FAKE = os.environ["RK_HOOK_FAKE"]
SIMGPU = os.environ.get("RK_HOOK_SIMGPU", "")
CUDA = os.environ["RK_HOOK_CUDA"]
# In sanitizer builds, what has to be loaded before a preload that is instrumented.
RUNTIME = [path for path in [os.environ.get("RK_SANITIZER_PRELOAD")] if path]

LAUNCH, GRAPH, MEMCPY, MEMSET = range(4)  # enum rk_work
KIND_LAUNCH, KIND_NAME, CAPTURED, PER_THREAD = 1, 12, 1, 2


class Run:
    """One run of a program in an empty folder."""

    def __init__(self, command, libraries, preload=(), **extra):
        self.folder = tempfile.mkdtemp(prefix="rkhook")
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("RUSTKERNEL_", "OTEL_", "RK_"))}
        env["LD_LIBRARY_PATH"] = libraries
        env["RK_PROBE"] = self.folder + ".probe"
        env["RK_PROBE_LOOKUP"] = self.folder + ".lookup"
        env["RUSTKERNEL_CUPTI_ENABLED"] = "false"
        env.update(extra)
        if preload:
            env["LD_PRELOAD"] = " ".join(map(str, [*RUNTIME, *preload]))
        done = subprocess.run(list(map(str, command)), env=env, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.result = (done.returncode, done.stdout, done.stderr)
        self.files = sorted(os.listdir(self.folder))
        self.probe = self.take(self.folder + ".probe")
        self.lookup = self.take(self.folder + ".lookup")
        shutil.rmtree(self.folder)

    @staticmethod
    def take(path):
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as f:
            found = json.load(f)
        os.unlink(path)
        return found

    def sum(self, column, work):
        return sum(ring[column][work] for ring in self.probe["rings"])

    def records(self, kind=None):
        return [r for ring in self.probe["rings"] for r in ring["records"]
                if kind is None or r["kind"] == kind]


def both(command, libraries, preload=(PROBE,), before=(), **extra):
    """The run with the preload, after one without that must look the same to the user."""
    bare = Run(command, libraries, before, **extra)
    assert bare.result[0] == 0, bare.result
    traced = Run(command, libraries, preload, **extra)
    assert traced.result == bare.result, (bare.result, traced.result)
    assert traced.files == bare.files == [], traced.files
    return traced


def case_routes():
    for route in ("dlsym", "dlvsym", "gpa", "gpa1", "gpa_gpa", "ptsz"):
        run = both([BUILD / "guest_route", route, 25], SIMGPU)
        launches = run.records(KIND_LAUNCH)
        assert len(launches) == 25, (route, len(launches))
        assert run.sum("calls", LAUNCH) == 25 and run.sum("failed", LAUNCH) == 0
        assert run.probe["unwrapped"] == 0, run.probe["unwrapped"]
        for i, record in enumerate(launches):
            assert record["grid"] == [i + 1, 2, 3] and record["block"] == [32, 4, 1], record
            assert record["raw"][1] != 0 and record["context"] == 1 and record["result"] == 0
            assert bool(record["flags"] & PER_THREAD) == (route == "ptsz"), (route, record)
        names = {r["raw"][0]: r["name"] for r in run.records(KIND_NAME)}
        assert {names[r["raw"][0]] for r in launches} == {"guest_kernel"}, names
    assert run.probe["timeout_ms"] <= 2000, run.probe["timeout_ms"]


def case_linked():
    for mode in ("plain", "gpa"):
        run = both([BUILD / "guest_linked", mode, 40], SIMGPU)
        assert len(run.records(KIND_LAUNCH)) == 40, mode


def case_capture():
    run = both([BUILD / "guest_linked", "capture", 50], SIMGPU)
    assert run.sum("calls", LAUNCH) == 50 + 100 + 1
    assert run.sum("captured", LAUNCH) == 50 and run.sum("captured", MEMSET) == 1
    assert run.sum("calls", GRAPH) == 1 and run.sum("captured", GRAPH) == 0
    flagged = [r for r in run.records(KIND_LAUNCH) if r["flags"] & CAPTURED]
    assert len(flagged) == 50, len(flagged)
    assert len({r["raw"][1] for r in flagged}) == 1  # all on the captured stream


def case_threads():
    run = both([BUILD / "guest_linked", "threads", 60], SIMGPU)
    assert run.sum("calls", LAUNCH) == 8 * 60, run.sum("calls", LAUNCH)
    assert len(run.records(KIND_LAUNCH)) == 8 * 60
    tids = [ring["tid"] for ring in run.probe["rings"]
            if any(r["kind"] == KIND_LAUNCH and not r["flags"] & 8 for r in ring["records"])]
    assert len(set(tids)) == 8, tids


def case_fork():
    run = both([BUILD / "guest_linked", "fork", 30], SIMGPU)
    assert len(run.records(KIND_LAUNCH)) == 30  # the child's calls are not among them
    run = both([BUILD / "guest_linked", "forkfirst", 30], SIMGPU)
    assert len(run.records(KIND_LAUNCH)) == 30  # and a fresh child is a process like any other


def case_injection():
    """The driver opens the library itself: host records come from CUPTI's callbacks."""
    way = {"CUDA_INJECTION64_PATH": PROBE, "RUSTKERNEL_CUPTI_ENABLED": "true"}
    program = [BUILD / "guest_route", "gpa", 25]
    bare = Run(program, SIMGPU)
    for preload in ((), (PROBE,)):  # both ways at once start once
        run = Run(program, SIMGPU, preload, **way)
        assert run.result == bare.result and run.files == [], (bare.result, run.result)
        launches = run.records(KIND_LAUNCH)
        assert len(launches) == 25 and run.sum("calls", LAUNCH) == 25, (preload, len(launches))
        assert len({r["correlation"] for r in launches}) == 25
        for i, record in enumerate(launches):
            assert record["correlation"] and record["grid"] == [i + 1, 2, 3], record
            assert record["ticks"] > 0 and record["result"] == 0, record
    run = Run([BUILD / "guest_route", "count", 1], SIMGPU, (), **way)
    assert run.result[0] == 0 and run.probe is None


def case_profiler():
    """The program's own profiler gets CUPTI, whenever it asks."""
    for when in ("first", "later"):
        run = both([BUILD / "guest_profiler", when], SIMGPU, RUSTKERNEL_CUPTI_ENABLED="true",
                   RUSTKERNEL_LOG_LEVEL="off")
        assert run.result[1] == b"saw 5 of 10 launches\n", run.result
        launches = run.records(KIND_LAUNCH)
        assert len(launches) == 10, len(launches)
        assert all(r["correlation"] for r in launches[5:]), "CUPTI was not taken back"


def case_off():
    for extra in ({"RUSTKERNEL_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}):
        run = both([BUILD / "guest_route", "gpa", 10], SIMGPU, **extra)
        assert run.probe is None
    for route in ("count", "none"):  # a question for devices starts nothing
        run = both([BUILD / "guest_route", route, 1], SIMGPU)
        assert run.probe is None, route


def case_runtime():
    runtime = pathlib.Path(CUDA) / "lib" / "libcudart.so.13"
    if not runtime.exists():
        runtime = pathlib.Path(CUDA) / "lib64" / "libcudart.so.13"
    if not runtime.exists():
        print(f"{CUDA} has no libcudart.so.13")
        sys.exit(77)
    run = both([BUILD / "guest_runtime", runtime], SIMGPU)
    print(run.result[1].decode().strip(), run.lookup)
    assert run.lookup["unwrapped"] == 0, run.lookup
    assert run.lookup["wrapped"] >= 100, run.lookup
    assert run.probe is None


def case_chain():
    a, b = BUILD / "libforwarder_a.so", BUILD / "libforwarder_b.so"
    for level in ("O0", "O2"):
        program = [BUILD / f"guest_chain_{level}"]
        for before, preload in (((), (PROBE,)), ((a, b), (PROBE, a, b)), ((a, b), (a, b, PROBE)),
                                ((a, b), (a, PROBE, b))):
            run = both(program, fake_folder(), preload, before)
            assert run.sum("calls", LAUNCH) == 100, (preload, run.sum("calls", LAUNCH))
            assert run.result[1].count(b"count") == len(before)


def fake_folder():
    """A folder in which the fake driver has the name programs ask for."""
    folder = BUILD / "fake"
    folder.mkdir(exist_ok=True)
    link = folder / "libcuda.so.1"
    if not link.is_symlink():
        link.symlink_to(FAKE)
    return str(folder)


def case_errno():
    run = both([BUILD / "guest_errno", 20000], fake_folder())
    assert run.sum("calls", LAUNCH) == 20001 and run.sum("failed", LAUNCH) == 1
    kept = len([r for r in run.records(KIND_LAUNCH) if r["result"] == 0])
    assert kept + run.sum("lost", LAUNCH) == 20000, (kept, run.sum("lost", LAUNCH))
    assert run.sum("lost", LAUNCH) > 0  # the ring was full: counted, and nothing else happened
    assert run.probe["unwrapped"] == 1  # the answer that was not the exported function


def case_no_driver():
    run = Run([BUILD / "guest_weak"], "/nonexistent", (PROBE,))
    assert run.result == (0, b"", b"") and run.probe is None, run.result


def case_strangers():
    threads = "import os, sys; sys.stdout.write(str(len(os.listdir('/proc/self/task'))))"
    for command in (["sh", "-c", "echo a; echo b >&2; exit 0"], ["git", "--version"],
                    [sys.executable, "-c", "pass"], [sys.executable, "-c", threads],
                    ["sh", "-c", "env | sed -n s/^LANG=//p; git --version | cat"]):
        if not shutil.which(command[0]):
            print(f"{command[0]} is not installed: left out")
            continue
        run = both(command, "")
        assert run.probe is None, command


def main(argv):
    globals()["case_" + argv[0]]()


main(sys.argv[1:])
