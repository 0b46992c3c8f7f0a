#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions to encode one span of a repeating step, counted by callgrind, with a limit.

usage: count_otlp_span.py BENCH
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

INSTRUCTIONS_MAX = 750  # per span
INSTRUCTIONS_MIN = 50  # fewer cannot write 600 bytes: nothing was counted
STEPS = 200


def count(bench, folder):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                           "--toggle-collect=count_steps",
                           f"--callgrind-out-file={pathlib.Path(folder) / 'out'}",
                           bench, "count", str(STEPS)],
                          capture_output=True, text=True, timeout=100)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(done.stderr[-2000:])
    return int(found.group(1)) / int(done.stdout)


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="rkbench") as folder:
        instructions = count(sys.argv[1], folder)
    print(f"instructions per span: {instructions:.1f} (limit {INSTRUCTIONS_MAX})")
    print(f"goal otlp_instructions {instructions:.0f} | with the bound of its length")
    if not INSTRUCTIONS_MIN < instructions <= INSTRUCTIONS_MAX:
        sys.exit(1)


main()
