# SPDX-License-Identifier: Apache-2.0
"""Checks with programs of ours: capture, counts, exits, forks, and the open questions."""
import collections

from bench import Skip, Wrong, hold, hold_complete

# Programs and their arguments: the runtime, the driver in every way it is found, and its API.
PROGRAMS = {
    "pipeline": ["examples/pipeline"],
    "graph": ["examples/graph"],
    "storm_threads": ["tests/programs/storm", "1000", "4", "8"],
    "storm_long": ["tests/programs/storm", "20000", "1", "1"],
    "storm_per_thread": ["tests/programs/storm_per_thread", "1000", "4", "8"],
    "storm_driver": ["tests/programs/storm_driver_linked", "1000", "4", "8"],
    "storm_driver_dlsym": ["tests/programs/storm_driver_dlsym", "1000", "4", "8"],
    "storm_driver_asked": ["tests/programs/storm_driver_gpa_gpa", "1000", "4", "8"],
    "capture": ["tests/programs/capture"],
    "memory": ["tests/programs/memory"],
    "copies": ["tests/programs/copies"],
    "waits": ["tests/programs/waits"],
}
# Every way to leave, and whether the file is there at once: what ends without a word takes the
# last second with it, which here is all.
EXITS = {"return": True, "exit": True, "quick_exit": False, "_exit": False,
         "abort": False, "term": False, "kill": False, "exec": False, "pthread_exit": True}
EXIT_BOUND_S = 2.5
SHORT = {"storm_long": 0.05}   # what a simulated run scales down, for time


def program(name):
    def check(bench):
        path, *arguments = PROGRAMS[name]
        if bench.simulated and name in SHORT:
            arguments[0] = str(int(int(arguments[0]) * SHORT[name]))
        info = bench.compared(bench.program(path), *arguments)
        hold_complete(info)
        return f"{info['launches']} launches, {info['kernels']} kernels, {info['memcpys']} copies"
    check.__doc__ = "output unchanged, every launch has GPU time"
    return check


def static_runtime(bench):
    """NVIDIA's runtime linked statically: the same"""
    if bench.simulated:
        raise Skip("the real runtime refuses a simulated driver")
    info = bench.compared(bench.program("storm_real_static"), "1000", "4", "8")
    hold_complete(info)
    hold(info["launches"] == 1000, f"{info['launches']} launches of 1000")
    return "1000 launches"


def unwrapped(bench):
    """every function that the driver hands out is the one it exports"""
    info = bench.only(bench.run([bench.program("examples/pipeline")]))
    hold(info["unwrapped"] == 0, f"{info['unwrapped']} handed out without a wrapper")
    return "0 functions unwrapped"


def correlation_ids(bench):
    """kernel records carry a correlation id although neither RUNTIME nor DRIVER is enabled"""
    kinds = bench.run([bench.program("gpu_correlation"), "kernels", "2000", "2", "3"], "none").json()
    calls = bench.run([bench.program("gpu_correlation"), "callback", "2000", "2", "3"],
                      "none").json()
    text = (f"without an id {kinds['without_id']} of {kinds['records']} (kind alone), "
            f"{calls['without_id']} of {calls['records']} (with callbacks)")
    hold(calls["records"] == 2000 and not calls["without_id"], text)
    return text


def correlation_ways(bench):
    """callback, external id, order by stream: ns per launch and wrong joins"""
    launches = "10000" if bench.simulated else "200000"
    found = collections.defaultdict(list)
    for _ in range(bench.rounds):
        for way in ["none", "callback", "external", "order"]:
            found[way].append(bench.run([bench.program("gpu_correlation"), way, launches, "4", "7"],
                                        "none").json())
    middle = {way: sorted(one["ns_per_launch"] for one in runs)[len(runs) // 2]
              for way, runs in found.items()}
    parts = []
    for way in ["callback", "external", "order"]:
        wrong = max(one["wrong"] for one in found[way])
        alone = max(one["unjoined"] for one in found[way])
        parts.append(f"{way} {middle[way] - middle['none']:+.0f} ns, {wrong} wrong, {alone} alone")
    text = f"launch {middle['none']:.0f} ns; " + "; ".join(parts)
    worst = [max(one[key] for one in found["callback"]) for key in ("wrong", "unjoined")]
    hold(worst == [0, 0], text)
    return text


def device_launches(bench):
    """kernels that kernels launch are seen, and with which correlation ids is told"""
    launches = 200
    if bench.simulated:
        info = bench.compared(bench.program("tests/programs/storm"), str(launches), "1", "1",
                              SIMGPU_DEVICE_LAUNCH_EVERY=1)
    else:
        info = bench.compared(bench.program("nested_real_static"), str(launches))
    device, records = info["kernels"] - launches, info["ledger"]["gpu"]
    text = (f"{info['launches']} of {launches} launches; {device} of {launches} kernels that they "
            f"launched have a record, {info['orphans']} of these belong to no launch that waits")
    hold(info["launches"] == launches and not info["open"] and device == launches, text)
    hold(records["kernels"] == info["kernels"] and info["ledger"]["closes"], f"{records}")
    return text


def atexit_order(bench):
    """libcuda's exit handler against ours: what CUDA still answers in handlers"""
    answers = bench.run([bench.program("gpu_leave"), "order"], "none").lines()
    hold(len(answers) == 3, f"{len(answers)} of 3 handlers spoke")
    return "; ".join(f"registered {one['handler']}: cuCtxGetCurrent {one['context']}, "
                     f"cuCtxSynchronize {one['synchronize']}" for one in answers)


def exits(bench):
    """every way to leave while kernels run: same status, in time, a file that can be read"""
    told = []
    for how, leaves_file in EXITS.items():
        argv = [bench.program("gpu_leave"), how]
        without, done = bench.run(argv, "none"), bench.run(argv)
        hold((done.code, done.stdout) == (without.code, without.stdout),
             f"{how}: status {without.code} became {done.code}")
        added = done.seconds - without.seconds
        hold(added < EXIT_BOUND_S, f"{how}: {added:.1f} s longer")
        hold(len(done.traces) == 1 or not (leaves_file or done.traces),
             f"{how}: {len(done.traces)} trace files")
        told.append(f"{how} {added * 1e3:+.0f} ms")
    return ", ".join(told)


def fork_after(bench):
    """children forked while CUPTI is active get CUDA's own answer; the parent goes on"""
    info = bench.compared(bench.program("gpu_forks"), "after")
    hold(info["launches"] == 200, f"{info['launches']} launches of 200")
    hold_complete(info)
    return "parent complete, children answered as without us"


def fork_server(bench):
    """a fork server: each child writes a complete file of its own"""
    argv = [bench.program("gpu_forks"), "server", "3"]
    without, done = bench.run(argv, "none"), bench.run(argv)
    hold((done.code, done.stdout) == (without.code, without.stdout), f"{done.stdout!r}")
    hold(len(done.traces) == 3, f"{len(done.traces)} trace files of 3")
    for info in done.traces:
        hold(info["launches"] == 100, f"{info['launches']} launches of 100")
        hold_complete(info)
    return "3 children, 100 launches each"


def against_bare(bench):
    """kernel counts and durations of CUPTI alone and of ours, run by run"""
    told = []
    for name in ["pipeline", "graph", "copies"]:
        argv = [bench.program(PROGRAMS[name][0])]
        bare = bench.run(argv, "bare").bare
        hold(len(bare) == 1, f"{name}: {len(bare)} files of the bare program")
        ours, bare = bench.only(bench.run(argv)), bare[0]
        hold((ours["kernels"], ours["memcpys"]) == (bare["kernels"], bare["copies"]),
             f"{name}: kernels {ours['kernels']} and {bare['kernels']}, copies "
             f"{ours['memcpys']} and {bare['copies']}")
        ratio = ours["kernel_ns"] / bare["kernel_ns"] if bare["kernel_ns"] else 1
        # Two runs on a GPU differ by its clock; on the simulated one they may not.
        hold(abs(ratio - 1) < (0.001 if bench.simulated else 0.25), f"{name}: time x {ratio:.3f}")
        told.append(f"{name} {bare['kernels']} kernels, time x {ratio:.3f}")
    return "; ".join(told)


def sum_of(calls, *beginnings):
    return sum(count for name, count in calls.items() if name.startswith(beginnings))


def against_api(bench):
    """counts of the hooks are those of CUPTI's records of driver calls"""
    told = []
    for name in ["pipeline", "graph", "storm_threads", "storm_driver_asked", "copies"]:
        path, *arguments = PROGRAMS[name]
        argv = [bench.program(path), *arguments]
        bare = bench.run(argv, "api").bare
        if len(bare) != 1:
            raise Wrong(f"{name}: {len(bare)} files of the bare program")
        calls, ours = bare[0]["calls"], bench.only(bench.run(argv))
        graphs = sum_of(calls, "cuGraphLaunch")
        hold(graphs == ours["graph_launches"], f"{name}: {ours['graph_launches']} graph launches, "
             f"CUPTI has {graphs}")
        launches = sum_of(calls, "cuLaunchKernel", "cuLaunchCooperative", "cuLaunchGrid")
        # A launch into a capture is a call, but no submission.
        captured = launches - ours["launches"]
        hold(captured == (2 if name == "graph" else 0),
             f"{name}: {ours['launches']} launches, CUPTI has {launches}")
        told.append(f"{name} {launches + graphs}")
    return "calls: " + ", ".join(told)


CHECKS = {
    "correlation_ids": correlation_ids,
    "atexit_order": atexit_order,
    "fork_after": fork_after,
    "unwrapped": unwrapped,
    **{f"program_{name}": program(name) for name in PROGRAMS},
    "program_real_static": static_runtime,
    "fork_server": fork_server,
    "exits": exits,
    "against_bare": against_bare,
    "against_api": against_api,
    "correlation_ways": correlation_ways,
    "device_launches": device_launches,
}
