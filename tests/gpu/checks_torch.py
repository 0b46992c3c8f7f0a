# SPDX-License-Identifier: Apache-2.0
"""Checks with PyTorch, of whichever Python runs this; skipped where it has none."""
import statistics
import sys

from bench import FOLDER, Skip, has_module, hold, hold_complete

STEPS = "20"
LOOP_STEPS = "300"
MOST_SLOWER = 1.02              # the goal for a decode loop


def job(bench, name, *words, how="ours"):
    if bench.simulated:
        raise Skip("PyTorch needs a real driver")
    if not has_module("torch"):
        raise Skip(f"{sys.executable} has no torch")
    return bench.run([sys.executable, str(FOLDER / "torch_jobs.py"), name, *words], how,
                     keep_libraries=False)


def same_result(bench, name, *words):
    """Return: (what the job said without us, what it said with us, our traces)."""
    without = job(bench, name, *words, how="none").json()
    done = job(bench, name, *words)
    told = done.json()
    hold(told["result"] == without["result"], f"result {without['result']} became "
         f"{told['result']}")
    return without, told, done.traces


def fullest(traces):
    hold(traces, "no trace file")
    return max(traces, key=lambda info: info["kernels"] + info["host_kernels"])


def complete(name, *, must_name=(), graph_launches=False):
    def check(bench):
        _, _, traces = same_result(bench, name, STEPS)
        info = fullest(traces)
        hold_complete(info)
        hold(info["unwrapped"] == 0, f"{info['unwrapped']} functions unwrapped")
        hold(info["graph_launches"] > 0 or not graph_launches, "no graph launches")
        hold(not must_name or any(part in one for one in info["names"] for part in must_name),
             f"no kernel named like {must_name}: {info['names'][:5]}")
        return (f"{info['launches']} launches, {info['graph_launches']} of graphs, "
                f"{info['kernels']} kernels, {len(traces)} files")
    check.__doc__ = f"PyTorch, {name}: result unchanged, every launch has GPU time"
    return check


def profiler_counts(bench):
    """our kernels and their time against torch.profiler's, each alone"""
    theirs = job(bench, "eager", STEPS, "--profiler", "beside", how="none").json()
    # The three steps of warming up come with the job when no profiler runs.
    info = fullest(job(bench, "eager", str(int(STEPS) - 3)).traces)
    ratio = info["kernel_ns"] / max(1, theirs["profiled_ns"])
    text = (f"kernels {info['kernels']}, torch.profiler {theirs['profiled_kernels']}; "
            f"time x {ratio:.3f}")
    hold(info["kernels"] == theirs["profiled_kernels"] and abs(ratio - 1) < 0.25, text)
    return text


def profiler_beside(bench):
    """torch.profiler runs all the time: it sees what it sees without us, we say host time"""
    without, told, traces = same_result(bench, "eager", STEPS, "--profiler", "beside")
    info = fullest(traces)
    text = (f"torch.profiler {told['profiled_kernels']} kernels, without us "
            f"{without['profiled_kernels']}; ours {info['host_kernels']} by host time")
    hold(told["profiled_kernels"] == without["profiled_kernels"], text)
    hold(not info["dropped"] and not info["open"], f"dropped {info['dropped']}")
    return text


def profiler_turns(bench):
    """torch.profiler comes and goes: GPU time before it and after it, all launches counted"""
    without, told, traces = same_result(bench, "eager", STEPS, "--profiler", "turns")
    info = fullest(traces)
    text = (f"torch.profiler {told['profiled_kernels']} kernels, without us "
            f"{without['profiled_kernels']}; ours {info['kernels']} by GPU time, "
            f"{info['host_kernels']} by host time")
    hold(told["profiled_kernels"] == without["profiled_kernels"], text)
    hold(info["host_kernels"] >= told["profiled_kernels"] and info["kernels"] > 0, text)
    hold(not info["dropped"] and not info["open"], f"dropped {info['dropped']}")
    return text


def loop_cost(name):
    def check(bench):
        seconds = {"none": [], "ours": []}
        for _ in range(3):
            for how, found in seconds.items():
                found.append(job(bench, name, LOOP_STEPS, how=how).json()["seconds"])
        ratio = statistics.median(seconds["ours"]) / statistics.median(seconds["none"])
        text = (f"{statistics.median(seconds['none']) / int(LOOP_STEPS) * 1e6:.0f} us a token; "
                f"ours x {ratio:.3f}")
        hold(ratio <= MOST_SLOWER, text)
        return text
    check.__doc__ = f"PyTorch, slowdown of {name}"
    return check


CHECKS = {
    "torch_eager": complete("eager"),
    "torch_graphs": complete("graphs", graph_launches=True),
    "torch_streams": complete("streams"),
    "torch_loader": complete("loader"),
    "torch_cublas": complete("cublas", must_name=("gemm", "cutlass", "nvjet", "cublas")),
    "torch_cudnn": complete("cudnn", must_name=("conv", "cudnn", "xmma", "fprop", "gemm")),
    "profiler_counts": profiler_counts,
    "profiler_beside": profiler_beside,
    "profiler_turns": profiler_turns,
    "cost_torch_decode": loop_cost("decode"),
    "cost_torch_decode_graph": loop_cost("decode_graph"),
}
