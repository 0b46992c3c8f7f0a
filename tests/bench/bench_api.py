#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cost of the calls of include/rustkernel.h, without and with the preload.

Without it a call has to be nothing: 3 ns at most, a span's two calls and an attach's two each.
"""
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ["RK_BENCH_BUILD"])
TRACED = os.environ["RK_BENCH_TRACED"]
ABSENT_NS_MAX = 3.0  # the goal; what is more than three times that is no noise of the machine
CALLS_EACH = {"span": 2, "attach_detach": 2}


def measure(rounds, calls, **extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RUSTKERNEL_", "OTEL_"))}
    done = subprocess.run([BUILD / "bench_api", str(rounds), str(calls)], env=dict(env, **extra),
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(done.stderr)
    found = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
    return {name: ns / CALLS_EACH.get(name, 1) for name, ns in found.items() if name != "loop"}


def main():
    absent = measure(50, 100000)
    present = measure(50, 200, LD_PRELOAD=TRACED)
    print("ns per call           absent  recorded")
    for name, ns in absent.items():
        print(f"{name:20} {ns:7.2f} {present[name]:9.1f}")
    slow = [name for name, ns in absent.items() if ns > 3 * ABSENT_NS_MAX]
    if slow:
        sys.exit(f"more than {3 * ABSENT_NS_MAX} ns without the preload: {', '.join(slow)}")


main()
