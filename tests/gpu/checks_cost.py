# SPDX-License-Identifier: Apache-2.0
"""What tracing costs, beside CUPTI alone with the same kinds in the same run.

On the simulated GPU the figures say nothing about GPUs, and no goal is held.
"""
from bench import hold

HOWS = ["none", "inert", "bare", "ours"]
MOST_BESIDE_BARE = 1.1          # the goals of a storm and a decode loop
MOST_ADDED_NS = 1000


def spent(done):
    return done.json()["spent_ns"]


def per_launch(bench):
    """ns added to a launch of an empty kernel"""
    count = 2000 if bench.simulated else 100000
    ns = bench.medians([bench.program("gpu_loops"), "launch", str(count)], HOWS, spent)
    added = {how: (ns[how] - ns["none"]) / count for how in HOWS[1:]}
    text = (f"a launch {ns['none'] / count:.0f} ns; added: inert {added['inert']:.0f}, "
            f"CUPTI alone {added['bare']:.0f}, ours {added['ours']:.0f}")
    hold(bench.simulated or added["ours"] <= MOST_ADDED_NS, text)
    return text


def slowdown(loop, *counts):
    def check(bench):
        arguments = [str(max(20, count // 50) if bench.simulated else count) for count in counts]
        ns = bench.medians([bench.program("gpu_loops"), loop, *arguments], HOWS, spent)
        text = (f"{ns['none'] / 1e6:.1f} ms; inert x {ns['inert'] / ns['none']:.3f}, "
                f"CUPTI alone x {ns['bare'] / ns['none']:.3f}, ours x "
                f"{ns['ours'] / ns['none']:.3f}; ours by CUPTI alone {ns['ours'] / ns['bare']:.3f}")
        hold(bench.simulated or ns["ours"] / ns["bare"] <= MOST_BESIDE_BARE, text)
        return text
    check.__doc__ = f"slowdown of the loop {loop}"
    return check


def gpu_memory(bench):
    """GPU memory that CUPTI takes"""
    used = bench.medians([bench.program("gpu_loops"), "storm", "2000"], ["none", "bare", "ours"],
                         lambda done: done.json()["gpu_bytes"])
    text = ", ".join(f"{name} {(used[how] - used['none']) / 2**20:+.1f} MiB"
                     for how, name in [("bare", "CUPTI with its own settings"), ("ours", "ours")])
    hold(used["ours"] <= used["bare"] + 2**20, text)
    return text


CHECKS = {
    "cost_per_launch": per_launch,
    "cost_storm_5us": slowdown("storm", 50000),
    "cost_decode": slowdown("decode", 1000, 100),
    "cost_decode_graph": slowdown("graph", 1000, 100),
    "cost_gpu_memory": gpu_memory,
}
