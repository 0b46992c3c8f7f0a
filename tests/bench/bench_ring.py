#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two launching threads beside one, and what is dropped at a million launches a second.

usage: bench_ring.py PRELOAD RKTRACE

The second is the whole library with its file, so the thread that empties the rings has its whole
work; what was dropped is what the file's ledger says. Goals: 1.15 x; none.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["RK_BENCH_BUILD"])
RATE = 1000000
ROUNDS = 5


def call(folder, *arguments, **settings):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RUSTKERNEL_", "OTEL_"))}
    env.update(LD_LIBRARY_PATH=str(folder), RUSTKERNEL_CUPTI_ENABLED="false", **settings)
    done = subprocess.run([str(BUILD / "bench_ring"), *arguments], env=env, cwd=folder,
                          capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def paced(folder, preload, rktrace, number):
    """Launches per second, and what the file says was dropped."""
    file = folder / f"{number}.rkt.zst"
    rate = call(folder, "paced", preload, str(RATE), RUSTKERNEL_TRACE_FILE=str(file),
                RUSTKERNEL_SUMMARY="never")["rate"]
    info = subprocess.run([rktrace, "info", "--json", str(file)], capture_output=True, text=True,
                          check=True)
    said = json.loads(info.stdout)
    if not said["clean_exit"]:
        sys.exit(f"{file.name} has no clean end")
    return rate, sum(said["dropped"].values()), said["launches"]


def main():
    preload, rktrace = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="rkbench") as name:
        folder = pathlib.Path(name)
        (folder / "libcuda.so.1").symlink_to(os.environ["RK_BENCH_FAKE"])
        ns = call(folder, "threads", os.environ["RK_BENCH_TRACED"])
        runs = [paced(folder, preload, rktrace, number) for number in range(ROUNDS)]
    print(f"goal ring_two {ns['two'] / ns['one']:.3f} | {ns['two']:.1f} ns/launch each, one alone "
          f"{ns['one']:.1f}; without the library {ns['two_bare']:.1f} and {ns['one_bare']:.1f}")
    rates, dropped, launches = zip(*runs)
    print(f"goal ring_drops {sorted(dropped)[ROUNDS // 2]} | of {launches[0]} launches at "
          f"{sorted(rates)[ROUNDS // 2] / 1e6:.2f} M/s, the file written; most in {ROUNDS} runs: "
          f"{max(dropped)}")


main()
