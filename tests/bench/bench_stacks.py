#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What call stacks cost a launch: off, every hundredth, every one; beside unw_backtrace() alone.

Medians of interleaved rounds in one process, the launches 20 and 50 calls deep. Goals: with every
hundredth the average launch costs at most 1.2 x what it does without; a stack of 16 frames at most
1.5 x unw_backtrace(), and a fifteenth of glibc's backtrace().
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

DEPTHS = (20, 50)
BUILD = pathlib.Path(os.environ["RK_BENCH_BUILD"])


def measure(folder, depth):
    (folder / "libcuda.so.1").symlink_to(os.environ["RK_BENCH_FAKE"])
    copies = []
    for mode in ("off", "sampled", "all"):
        copies.append(str(folder / f"{mode}.so"))
        shutil.copy(os.environ["RK_BENCH_TRACED"], copies[-1])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RUSTKERNEL_", "OTEL_"))}
    env.update({"LD_LIBRARY_PATH": str(folder), "RUSTKERNEL_CUPTI_ENABLED": "false"})
    done = subprocess.run([str(BUILD / "bench_stacks"), *copies, "15", "60000", str(depth)],
                          env=env, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def tell(depth):
    with tempfile.TemporaryDirectory(prefix="rkbench") as folder:
        ns = measure(pathlib.Path(folder), depth)
    off = ns["off"] - ns["direct"]
    sampled = ns["sampled"] - ns["direct"]
    stack = ns["all"] - ns["off"]
    print(f"{depth} calls deep")
    print(f"bare call                    {ns['direct']:7.1f} ns")
    print(f"intercepted, no stacks       {off:7.1f} ns added")
    print(f"every hundredth              {sampled:7.1f} ns added = {sampled / off:.2f} x (goal 1.2)")
    print(f"every one, 16 frames         {stack:7.1f} ns more = {stack / ns['unwind']:.2f} x "
          f"unw_backtrace, {ns['unwind']:.1f} ns (goal 1.5)")
    print(f"goal stack_{depth} {stack / ns['unwind']:.3f} | {stack:.1f} ns more than without, "
          f"unw_backtrace {ns['unwind']:.1f}; every hundredth call {sampled / off:.2f} x none")
    if depth == DEPTHS[0]:
        print(f"goal stack_glibc {stack / ns['glibc']:.4f} | backtrace {ns['glibc']:.0f} ns")


def main():
    for depth in DEPTHS:
        tell(depth)


main()
