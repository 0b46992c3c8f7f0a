#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions that one kernel takes behind the rings, counted by callgrind, beside recorded ones.

usage: count_pipeline.py [--update] BENCH BUILD

Fails where one of the stages takes 5 % more than what instructions.txt has for this BUILD (compiler,
its major version, architecture, optimisation). What takes less is to be recorded as well, or growth
from there would not be seen. A build that has no rows is told and skipped; --update writes them.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TABLE = pathlib.Path(__file__).with_name("instructions.txt")
STAGES = ["join", "metrics", "spans"]  # as bench_pipeline calls them
PROGRAMS = ["storm", "chain"]
GROWTH_MAX = 0.05
WINDOWS = 60
ALIGN = 30


def count(bench, stage, program, folder):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                           "--toggle-collect=count_windows",
                           f"--callgrind-out-file={pathlib.Path(folder) / 'out'}",
                           bench, "count", stage, program, str(WINDOWS)],
                          capture_output=True, text=True, timeout=100)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found.group(1)) == 0:
        sys.exit(f"{stage}, {program}: nothing was counted\n{done.stderr[-2000:]}")
    return round(int(found.group(1)) / int(done.stdout))


def count_all(bench):
    with tempfile.TemporaryDirectory(prefix="rkbench") as folder:
        return {f"{stage}-{program}": count(bench, stage, program, folder)
                for program in PROGRAMS for stage in STAGES}


def rows():
    return [line.split() for line in TABLE.read_text().splitlines()
            if line and not line.startswith("#")]


def update(build, counted):
    comments = [line for line in TABLE.read_text().splitlines() if line.startswith("#")]
    kept = [row for row in rows() if row[0] != build]
    new = [[build, what, str(number)] for what, number in counted.items()]
    lines = [f"{row[0]:<{ALIGN}}{row[1]:<16}{row[2]}" for row in sorted(kept + new)]
    TABLE.write_text("\n".join(comments + lines) + "\n")


def compare(build, counted):
    recorded = {row[1]: int(row[2]) for row in rows() if row[0] == build}
    if not recorded:
        print(f"{TABLE.name} has no rows for {build}: {counted}")
        sys.exit(77)
    if set(recorded) != set(counted):
        sys.exit(f"{TABLE.name} has other rows for {build}: {sorted(recorded)}")
    bad = 0
    for what, number in counted.items():
        change = number / recorded[what] - 1
        print(f"{what:<16}{number:>6} instructions per kernel, {change:+.1%} against {recorded[what]}")
        bad += change > GROWTH_MAX
        if change < -GROWTH_MAX:
            print(f"{what:<16}less than is recorded: --update")
    if bad:
        sys.exit(f"more than {GROWTH_MAX:.0%} over what is recorded. Where that is meant to be:\n"
                 f"{' '.join([sys.argv[0], '--update', *sys.argv[1:]])}")


def main():
    arguments = [one for one in sys.argv[1:] if one != "--update"]
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    bench, build = arguments
    counted = count_all(bench)
    if "--update" in sys.argv:
        update(build, counted)
    compare(build, counted)


main()
