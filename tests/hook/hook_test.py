#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs under the preload, and what it recorded of them.

usage: hook_test.py CASE

Each program runs twice, without and with the preload; what it prints and how it ends must be
the same. What was recorded comes from the probe (probe_exporter.c).
"""
import collections
import json
import os
import pathlib
import re
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = re.findall(r"^\tRK_REC_(\w+),", (ROOT / "core" / "record_kind.h").read_text(), re.M)
KIND = {name: number for number, name in enumerate(KINDS)}
LAUNCH, GRAPH, MEMCPY, MEMSET = range(4)  # enum rk_work
KIND_LAUNCH, KIND_MEMCPY, KIND_MEMSET, KIND_NAME, KIND_CALL, KIND_EVENT = (
    KIND[name] for name in ("LAUNCH", "MEMCPY", "MEMSET", "NAME", "CALL", "EVENT"))
CAPTURED, PER_THREAD, ASYNC = 1, 2, 4  # of its flags
LIVES = ["create", "destroy", "record", "wait"]  # enum rk_lifecycle
COPY_KINDS = [None, "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD"]
BEGIN, END, ATTRIBUTE, EVENT, LINK, ATTACH, SAMPLE, LOG = (
    KIND[name] for name in ("SPAN_BEGIN", "SPAN_END", "ATTRIBUTE", "SPAN_EVENT", "LINK", "ATTACH", "SAMPLE", "LOG"))
REMOTE, SPAN, KERNEL, OVERFLOW, NVTX = 1, 2, 4, 8, 32  # RK_API_*
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
NO_ID = "0" * 16


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


def case_watch():
    """A function without a hook of its own is known when it fails, and only then."""
    for route in ("dlsym", "gpa"):
        run = both([BUILD / "guest_watch", route], SIMGPU)
        said = [line.split() for line in run.result[1].decode().splitlines()]
        failed = [(name, int(result)) for name, result in said if result != "0"]
        assert len(said) == 8 and len(failed) == 6, said
        calls = [(r["api"], r["result"]) for r in run.records(KIND_CALL)]
        assert calls == failed, (calls, failed)
        assert all(r["context"] == 1 for r in run.records(KIND_CALL))


def truth_of(command, libraries):
    """What the simulated driver says that each call of @command moved: [(kind, bytes, copy kind)]."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "truth"
        run = Run(command, libraries, SIMGPU_TRUTH=str(path))
        assert run.result[0] == 0, run.result
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [(o["kind"], o["bytes"], o["copy_kind"]) for o in lines
            if o.get("kind") in ("memcpy", "memset")]


def take_call(truth, size):
    """The operations of the next call, which moved @size bytes in all."""
    taken = [truth.pop(0)]
    while sum(o[1] for o in taken) < size and truth:
        taken.append(truth.pop(0))
    return taken


def check_copy(record, truth):
    """What the hook of one function recorded, against what the driver did."""
    name, is_copy = record["api"], record["kind"] == KIND_MEMCPY
    size, stream = record["raw"][2:4] if is_copy else record["raw"][1:3]
    done = take_call(truth, size)
    assert sum(o[1] for o in done) == size, (name, size, done)
    assert {o[0] for o in done} == {"memcpy" if is_copy else "memset"}, (name, done)
    direction = re.search(r"[ADH]to[ADH]", name)
    if direction:
        assert [o[2] for o in done] == [COPY_KINDS.index(direction[0])], (name, done)
    assert bool(record["flags"] & ASYNC) == (stream != 0) == ("Async" in name), (name, record)
    assert bool(record["flags"] & PER_THREAD) == name.endswith(("_ptds", "_ptsz")), (name, record)
    assert record["result"] == 0 and not record["flags"] & CAPTURED, record


def case_copies():
    """Every function that copies or sets: its bytes, stream and kind."""
    command = [BUILD / "guest_copies"]
    run = both(command, SIMGPU)
    truth = truth_of(command, SIMGPU)
    records = run.records(KIND_MEMCPY) + run.records(KIND_MEMSET)
    for record in records:
        check_copy(record, truth)
    assert not truth, truth
    called = [line.split()[0] for line in run.result[1].decode().splitlines()]
    assert [r["api"] for r in records] == called, (records, called)
    table = (pathlib.Path(__file__).parents[2] / "interpose/cuda_api.def").read_text(encoding="utf-8")
    rows = set(re.findall(r"^RK_API\((cuMem(?:cpy|set)\w*),", table, re.M))
    assert rows == set(called), rows ^ set(called)


def case_events():
    """Events are known from their beginning to their end; event 0 is memory that changes."""
    run = both([BUILD / "guest_events"], SIMGPU)
    said = dict(line.split() for line in run.result[1].decode().splitlines())
    assert {name for name, result in said.items() if result != "0"} == {"cuStreamBatchMemOp_v2"}, said
    records = run.records(KIND_EVENT)
    lives = [(r["api"], LIVES[r["raw"][2] & 0xff], r["raw"][0] != 0) for r in records]
    waits = [name for name in said if name.startswith("cuStreamWaitValue")]
    assert len(waits) == 5, said
    assert lives == [("cuEventCreate", "create", True), ("cuEventRecord", "record", True),
                     ("cuStreamWaitEvent", "wait", True), *[(w, "wait", False) for w in waits],
                     ("cuEventDestroy_v2", "destroy", True)], lives
    assert len({r["raw"][0] for r in records if r["raw"][0]}) == 1, records
    assert len({r["raw"][1] for r in records if r["api"].startswith("cuStream")}) == 1, records
    # Nothing that a batch which was refused holds is taken for a wait.
    assert [r["api"] for r in run.records(KIND_CALL)] == ["cuStreamBatchMemOp_v2"]


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


def case_tools():
    """Tools of every habit, while four threads launch: they see what they see without us."""
    cupti = {"RUSTKERNEL_CUPTI_ENABLED": "true", "RUSTKERNEL_LOG_LEVEL": "off"}
    for style in ("subscriber", "v2", "activity", "again", "context", "finalize"):
        for way, when, turns in (("linked", "first", 2), ("dlsym", "later", 10)):
            run = both([BUILD / "guest_tools", BUILD / f"guest_tool_{way}.so", style, when, turns],
                       SIMGPU, **cupti)
            assert b"strangers 0 malformed 0 times 0 kept 0" in run.result[1], run.result
            assert run.sum("calls", LAUNCH) == 800 * (2 * turns + 1), (style, when)
        if style == "finalize":
            continue  # it cuts running work short, how much is not determined
        both([BUILD / "guest_tools", BUILD / "guest_tool_linked.so", style, "storm", 10], SIMGPU,
             **cupti)
    for ending in ("exit", "abort"):  # the tool still there
        command = [BUILD / "guest_tools", BUILD / "guest_tool_dlsym.so", "activity", "later", 2,
                   ending]
        bare, traced = Run(command, SIMGPU, **cupti), Run(command, SIMGPU, (PROBE,), **cupti)
        assert traced.result == bare.result, (bare.result, traced.result)


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


def nvtx_programs():
    yield [BUILD / "guest_nvtx_pie"]
    yield [BUILD / "guest_nvtx_nopie"]
    yield [BUILD / "guest_api_load", BUILD / "guest_nvtx_module.so"]


def launches_by_context(run):
    """{span id: launches of the thread in it}"""
    found, current = collections.Counter(), NO_ID
    for record in (r for ring in run.probe["rings"] for r in ring["records"]):
        if record["kind"] == ATTACH:
            current = record["span"]
        elif record["kind"] == KIND_LAUNCH:
            found[current] += 1
    return found


def case_nvtx():
    count = 20
    for program in nvtx_programs():
        run = both([*program, "steps", count], SIMGPU, RUSTKERNEL_NVTX="1")
        begins = run.records(BEGIN)
        names = [placed(r)[0] for r in begins]
        assert names == ["outer"] + ["step"] * count, names
        assert all(r["flags"] & NVTX for r in begins), begins
        outer, steps = begins[0], begins[1:]
        assert outer["parent"] == NO_ID and outer["ns"] < steps[0]["ns"], outer
        assert {r["parent"] for r in steps} == {outer["span"]}, steps
        ends = run.records(END)
        assert [r["number"] for r in ends] == [r["number"] for r in steps + [outer]], ends
        assert launches_by_context(run) == {r["span"]: 1 for r in steps}
        for extra in ({}, {"RUSTKERNEL_NVTX": "0", "NVTX_INJECTION64_PATH": PROBE}):
            run = both([*program, "steps", count], SIMGPU, **extra)
            assert not run.records(BEGIN) and len(run.records(KIND_LAUNCH)) == count
        # The answers are those of a tool only where there is one.
        for extra, status in (({"RUSTKERNEL_NVTX": "1"}, 0), ({}, 3)):
            run = Run([*program, "levels", 1], SIMGPU, (PROBE,), **extra)
            assert run.result == (status, b"", b"") and run.probe is None, run.result


def api_programs():
    """guest_api as position-independent code and not, loaded later, and as C++."""
    yield [BUILD / "guest_api_pie"]
    yield [BUILD / "guest_api_nopie"]
    yield [BUILD / "guest_api_load", BUILD / "guest_api_module.so"]
    if (BUILD / "guest_api_cpp").exists():
        yield [BUILD / "guest_api_cpp"]


def api_run(mode, count, program=None, **extra):
    return both([*(program or [BUILD / "guest_api_pie"]), mode, count], SIMGPU or "", **extra)


def placed(record):
    return [value for key, kind, value in record["fields"] if kind == "t"]


def keyed(record):
    return [tuple(field) for field in record["fields"] if field[1] != "t"]


def spans(run):
    """{name: begin} and {number: end} of a run."""
    begins = {placed(r)[0]: r for r in run.records(BEGIN)}
    return begins, {r["number"]: r for r in run.records(END)}


def check_all(run):
    begins, ends = spans(run)
    assert set(begins) == {"graph/pagerank", "validate", "detached", "elsewhere"}, begins
    kernel, stage, detached = begins["graph/pagerank"], begins["validate"], begins["detached"]
    assert {b["number"] for b in begins.values()} == set(ends) and len(ends) == 4
    assert kernel["flags"] == KERNEL and kernel["parent"] == NO_ID and kernel["what"] == 1
    assert placed(kernel)[:2] == ["graph/pagerank", "Graph"]
    assert placed(kernel)[2] == "ot=th:0" and kernel["trace_flags"] == 3, kernel
    for child in (stage, begins["elsewhere"]):
        assert child["trace"] == kernel["trace"] and child["parent"] == kernel["span"]
        assert child["flags"] == 0 and placed(child)[2] == "ot=th:0"
    assert detached["flags"] == REMOTE and detached["what"] == 2
    assert (detached["trace"], detached["parent"]) == (TRACE, PARENT)
    assert placed(detached)[3] == "tenant_id=x" and detached["trace_flags"] & 1
    given = [("text", "s", "caf\u00e9?"), ("integer", "i", -7), ("number", "d", 0.5),
             ("flag", "b", True)]
    assert keyed(detached) == given[:1]
    attribute, event = run.records(ATTRIBUTE)[0], run.records(EVENT)[0]
    link = run.records(LINK)[0]
    assert keyed(attribute) == given and attribute["number"] == stage["number"]
    assert placed(event) == ["checked"] and keyed(event) == given[:2]
    assert (link["trace"], link["span"]) == (TRACE, PARENT) and placed(link) == ["a=1"]
    assert link["number"] == stage["number"] and keyed(link) == given[1:2]
    assert ends[stage["number"]]["what"] == 2
    assert placed(ends[stage["number"]]) == ["too small"]
    assert ends[kernel["number"]]["what"] == 0
    line, fields = run.records(LOG)
    assert placed(line) == ["Graph", "3 of four"] and line["what"] == 1
    assert line["span"] == kernel["span"] and line["number"] == kernel["number"]
    assert placed(fields) == ["", "fields"] and keyed(fields) == given and fields["what"] == 2
    check_attached(run, [kernel, stage, kernel, begins["elsewhere"], kernel, None])
    check_samples(run)
    times = [r["ns"] for r in begins.values()] + [r["ns"] for r in ends.values()]
    assert max(times) - min(times) < 60e9, times


def check_attached(run, contexts):
    """Spans that are current one after the other, at the end of the run; None: none."""
    last = run.records(ATTACH)[-len(contexts):]
    for record, span in zip(last, contexts):
        assert record["span"] == (span["span"] if span else NO_ID), (record, span)
        assert record["flags"] == (SPAN if span else 0), record


def check_samples(run):
    samples = [(r["what"], r["value"]) for r in run.records(SAMPLE)]
    assert samples[:10] == [(0, 0.0015), (2, 0.0025), (0, 4096), (0, -1024), (0, 7), (0, 3), (0, 5),
                            (1, -2), (0, 2.25)] + samples[9:10], samples
    assert [value for _, value in samples[9:]] == [2, 1, 0, 1], samples  # the breakers
    numbers = [r["number"] for r in run.records(SAMPLE)]
    assert len(set(numbers[:9])) == 6 and len(set(numbers[9:12])) == 1, numbers
    assert numbers[12] != numbers[11]


def case_api():
    for program in api_programs():
        check_all(api_run("all", 1, program))
    # the parent that the process was started with, and what its sampling says
    env = {"TRACEPARENT": f"00-{TRACE}-{PARENT}-00", "TRACESTATE": "b=2", "BAGGAGE": "k=v"}
    root = spans(api_run("all", 1, **env))[0]["graph/pagerank"]
    assert (root["trace"], root["parent"], root["flags"]) == (TRACE, PARENT, REMOTE | KERNEL), root
    assert root["trace_flags"] == 0 and placed(root)[2:4] == ["b=2", "k=v"], root
    root = spans(api_run("all", 1, OTEL_PROPAGATORS="none", **env))[0]["graph/pagerank"]
    assert root["trace"] != TRACE and root["parent"] == NO_ID and placed(root)[3] == "", root
    root = spans(api_run("all", 1, RUSTKERNEL_TRACING_SAMPLER="always_off"))[0]["graph/pagerank"]
    assert root["trace_flags"] == 2 and placed(root)[2] == "", root
    for extra in ({"RUSTKERNEL_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}):
        assert api_run("all", 1, **extra).probe is None
    run = api_run("contexts", 1)
    assert run.probe is None


def case_api_threads():
    count = 40
    run = api_run("threads", count)
    begins = run.records(BEGIN)
    root = [r for r in begins if placed(r)[0] == "root"][0]
    assert len(begins) == 1 + 16 * count * 2 and len(run.records(END)) == len(begins)
    assert {r["trace"] for r in begins} == {root["trace"]}
    assert len({r["span"] for r in begins}) == len({r["number"] for r in begins}) == len(begins)
    for ring in run.probe["rings"]:
        current = None  # what the ring says is current agrees with what began in it
        for record in ring["records"]:
            if record["kind"] == ATTACH:
                current = record
            elif record["kind"] == BEGIN and placed(record)[0] == "work":
                assert record["parent"] == root["span"] == current["span"], (record, current)
                assert current["flags"] == 0, current  # captured: not a stage of the span
            elif record["kind"] == BEGIN and placed(record)[0] == "stage":
                assert record["parent"] == current["span"] and current["flags"] == SPAN
        assert current is None or current["span"] == NO_ID or ring["tid"] == 0, current
    assert len(run.records(SAMPLE)) == len(run.records(LOG)) == 16 * count


def case_api_fork():
    run = api_run("fork", 50)
    assert [placed(r)[0] for r in run.records(BEGIN)] == ["parent"], run.records(BEGIN)
    run = api_run("forkfirst", 30)
    assert len(run.records(BEGIN)) == 30
    assert len({r["span"] for r in run.records(BEGIN)}) == 30


def case_api_exit():
    run = api_run("exit", 1)
    assert [placed(r)[0] for r in run.records(BEGIN)] == ["first", "at exit"]
    run = api_run("atexit", 1)
    assert [placed(r)[0] for r in run.records(BEGIN)] == ["at exit"]
    run = api_run("tsd", 1)
    late = [r for r in run.records(BEGIN) if placed(r)[0] == "late"]
    assert len(run.records(BEGIN)) == 3 and len(late) == 1
    assert late[0]["flags"] & OVERFLOW and late[0]["tid_hint"] > 0, late


def case_api_full():
    """More than the ring holds: counted, and what is there is whole."""
    run = api_run("full", 2000, RUSTKERNEL_RING_SIZE="64K")
    begins, ends = run.records(BEGIN), run.records(END)
    lost = sum(ring["lost_other"] for ring in run.probe["rings"])
    assert 100 < len(begins) < 2000 and lost > 1000, (len(begins), lost)
    assert all(placed(r)[0] == "many" for r in begins)
    known = {r["number"] for r in begins}
    assert all(r["number"] in known for r in ends), "an end without its begin"


def case_api_gpu():
    run = api_run("gpu", 5, RUSTKERNEL_CUPTI_ENABLED="true")
    begins, _ = spans(run)
    current, seen = None, {1: [], 2: [], 3: []}
    for ring in run.probe["rings"]:
        for record in ring["records"]:
            if record["kind"] == ATTACH:
                current = record["span"]
            elif record["kind"] == KIND_LAUNCH:
                seen[record["grid"][0]].append(current)
                assert record["correlation"], "CUPTI did not come up with the context"
    assert seen == {1: [begins["prepare_input"]["span"]] * 5,
                    2: [begins["gpu_execute"]["span"]] * 5, 3: [NO_ID] * 5}, seen
    run = api_run("later", 4)  # an attach alone starts nothing, and is known all the same
    ring = [r for r in run.probe["rings"] if any(x["kind"] == KIND_LAUNCH for x in r["records"])][0]
    kinds = [r["kind"] for r in ring["records"]]
    attach = [r for r in ring["records"] if r["kind"] == ATTACH]
    assert kinds.index(ATTACH) < kinds.index(KIND_LAUNCH) and len(attach) == 1
    assert (attach[0]["trace"], attach[0]["span"], attach[0]["flags"]) == (TRACE, PARENT, REMOTE)
    assert placed(attach[0]) == ["", "tenant_id=x"], attach


def case_api_example():
    """The stages of each request hold its GPU work, and a result is collected in its trace."""
    run = both([os.environ["RK_HOOK_EXAMPLE"], 5], SIMGPU, before=RUNTIME)
    assert run.result[1] == b"5 requests\n"
    begins = run.records(BEGIN)
    names = [placed(r)[0] for r in begins]
    assert names.count("graph/pagerank") == names.count("validate") == 5, names
    assert names.count("prepare_input") == names.count("collect_output") == 4, names
    roots = {r["trace"]: r for r in begins if r["flags"] & KERNEL}
    assert len(roots) == 5 and all(r["parent"] == PARENT for r in roots.values()), roots
    for record in begins:
        assert record["flags"] & KERNEL or record["parent"] == roots[record["trace"]]["span"]
    assert len(run.records(KIND_LAUNCH)) == 12


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
