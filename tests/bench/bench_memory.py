#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""By how much a program grows when it is traced: with one launching thread, with eight, and over
time while its collector takes connections and never answers.

Fifty thousand launches a second for some seconds, the resident memory read once a second by
the program itself, the most of each run, medians of rounds with and without the library in turn.
The simulated CUPTI's own memory is in it. Growth over time is from the end of the first quarter on.
"""
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

ROUNDS = 3
SECONDS, RATE = 3, 50000
FLAT_SECONDS, FLAT_RATE = 20, 20000
SOAK = harness.BUILD / "tests" / "guest" / "guest_soak"


def soak(folder, preload, *arguments, **settings):
    """MiB resident, second by second."""
    measure = folder / "measure"
    env = harness.environment(folder, preload, SIMGPU_TRUTH="", GUEST_MEASURE=measure,
                              RUSTKERNEL_SUMMARY="never", RUSTKERNEL_LOG_LEVEL="off",
                              RUSTKERNEL_TRACE_FILE=folder / "soak.%p.rkt.zst", **settings)
    subprocess.run([str(SOAK), *map(str, arguments)], env=env, cwd=folder, check=True, timeout=200,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return [int(line.split()[2]) / 1024 for line in measure.read_text().splitlines()]


def tell_growth(name, folder, threads):
    bare, traced = [], []
    for _ in range(ROUNDS):
        bare.append(max(soak(folder, False, SECONDS, RATE, threads)))
        traced.append(max(soak(folder, True, SECONDS, RATE, threads)))
    before, after = statistics.median(bare), statistics.median(traced)
    print(f"goal {name} {after - before:.2f} | {after:.1f} MiB, without the library {before:.1f}; "
          f"{RATE} launches/s, simulated CUPTI included")


def tell_flat(folder):
    with socket.socket() as hole:  # lets connections in, never answers
        hole.bind(("127.0.0.1", 0))
        hole.listen(64)
        mib = soak(folder, True, FLAT_SECONDS, FLAT_RATE,
                   RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE="1MiB",
                   RUSTKERNEL_OTLP_ENDPOINT=f"http://127.0.0.1:{hole.getsockname()[1]}")
    quarter = mib[len(mib) // 4]
    print(f"goal memory_growth {max(mib[len(mib) // 4:]) - quarter:.2f} | {FLAT_SECONDS} s, "
          f"{FLAT_RATE} launches/s; {quarter:.1f} MiB after a quarter of it")


def main():
    with tempfile.TemporaryDirectory(prefix="rkbench") as name:
        folder = pathlib.Path(name)
        tell_growth("memory_one", folder, 1)
        tell_growth("memory_eight", folder, 8)
        tell_flat(folder)


main()
