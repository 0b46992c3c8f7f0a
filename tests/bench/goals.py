# SPDX-License-Identifier: Apache-2.0
"""The goals of speed and memory, one row each, and what the lines of a benchmark say about them.

A benchmark tells what it found in lines of its output,

    goal NAME VALUE | what stood beside it in the same run

and docs/performance.md has one row for each goal, written from them by performance.py.
"""
import re
from typing import NamedTuple

LINE = re.compile(r"^goal (\w+) (-?[\d.]+) \| (.+)$", re.M)
NO_BENCHMARK = ""  # of a goal that this machine cannot have a word on
NOT_MEASURED = "not measured"


class Goal(NamedTuple):
    name: str
    benchmark: str  # as meson calls it
    stage: str
    relation: str  # "<=" or ">="
    limit: float
    unit: str

    def text(self):
        return f"{'≤' if self.relation == '<=' else '≥'} {self.limit:g} {self.unit}"

    def shown(self, value):
        """@value with as many digits as the limit needs to be told from it."""
        digits = 0 if self.limit >= 100 or self.limit == 0 else 1 if self.limit >= 5 else 2
        return f"{value:.{digits}f} {self.unit}"

    def is_met(self, value):
        return value <= self.limit if self.relation == "<=" else value >= self.limit

    def verdict(self, value):
        return "met" if self.is_met(value) else "**missed**"


GOALS = [
    Goal("hook_clocks", "launch", "launch hook, added", "<=", 1.5, "x two clock reads"),
    Goal("hook_lttng", "launch", "launch hook, added", "<=", 0.25, "x lttng-ust"),
    Goal("hook_instructions", "launch", "launch hook, added", "<=", 150, "instructions"),
    Goal("off", "launch", "tracing off, added", "<=", 1.5, "ns"),
    Goal("ring_two", "ring", "two launching threads", "<=", 1.15, "x one"),
    Goal("ring_drops", "ring", "a million launches/s, ring of 512 KiB", "<=", 0, "dropped"),
    Goal("stack_20", "stacks", "call stack, 16 frames of 20", "<=", 1.5, "x unw_backtrace"),
    Goal("stack_50", "stacks", "call stack, 16 frames of 50", "<=", 1.5, "x unw_backtrace"),
    Goal("stack_glibc", "stacks", "call stack, 16 frames of 20", "<=", 0.067,
         "x glibc's backtrace"),
    Goal("file_bytes", "trace_file", "trace file, GPU clock of 1 ns", "<=", 4.0, "bytes/span"),
    Goal("file_bytes_32", "trace_file", "trace file, GPU clock of 32 ns", "<=", 4.0,
         "bytes/span"),
    Goal("file_write", "trace_file", "trace file written", ">=", 20, "M spans/s/core"),
    Goal("thread_storm", "background_thread", "background thread, all in, eight streams", "<=",
         100, "ns/kernel"),
    Goal("thread_chain", "background_thread", "background thread, all in, one stream", "<=", 100,
         "ns/kernel"),
    Goal("histogram", "background_thread", "histogram, with count, sum, min, max", "<=", 6,
         "ns/kernel"),
    Goal("otlp_protobuf", "otlp_encode", "OTLP spans encoded", ">=", 10,
         "x as fast as protobuf-c with an arena"),
    Goal("otlp_different", "otlp_encode", "OTLP spans encoded", "<=", 0,
         "spans other than protobuf-c's"),
    Goal("otlp_allocations", "otlp_encode", "OTLP spans encoded", "<=", 0, "allocations"),
    Goal("otlp_instructions", "otlp_instructions", "OTLP spans encoded", "<=", 750,
         "instructions/span"),
    Goal("replay_summary", "replay", "replay, summary", ">=", 35, "M spans/s/core"),
    Goal("replay_otlp", "replay", "replay, OTLP encoded", ">=", 10, "M spans/s/core"),
    Goal("export_ns", "otlp_send", "export, encoded and sent", "<=", 250, "ns/span"),
    Goal("export_write", "otlp_send", "export, sent", "<=", 2.2, "x raw write"),
    Goal("memory_one", "memory", "memory, one launching thread", "<=", 33, "MiB"),
    Goal("memory_eight", "memory", "memory, eight launching threads", "<=", 40, "MiB"),
    Goal("memory_growth", "memory", "memory, dead collector, after the first quarter", "<=", 2,
         "MiB more"),
    Goal("gpu_cupti", NO_BENCHMARK, "on a GPU: kernels traced", "<=", 1.1, "x bare CUPTI"),
    Goal("gpu_launch", NO_BENCHMARK, "on a GPU: launch, all in, added", "<=", 1, "us"),
    Goal("gpu_decode", NO_BENCHMARK, "on a GPU: PyTorch decode loop, added", "<=", 2, "%"),
]


def found_in(text):
    """{name: (value, what stood beside it)} of a benchmark's output."""
    return {name: (float(value), beside) for name, value, beside in LINE.findall(text)}


def benchmarks():
    return sorted({goal.benchmark for goal in GOALS} - {NO_BENCHMARK})
