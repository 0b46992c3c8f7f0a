#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md has the rows of tests/bench/goals.py, and the verdict that each figure has.

What stands there is written by tests/bench/performance.py. This holds its structure: a goal that
was added, moved or dropped, a benchmark that no build has, or a figure changed by hand is found.
"""
import json
import os
import pathlib
import re
import sys

import common

sys.path.insert(0, str(common.ROOT / "tests" / "bench"))
import goals  # noqa: E402

DOCUMENT = "docs/performance.md"
FIGURE = re.compile(r"^-?[\d.]+")


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def row_findings(goal, cells):
    if len(cells) != 5 or cells[:2] != [goal.stage, goal.text()]:
        return [f"{DOCUMENT}: '{cells[:2]}' where goals.py has '{goal.stage}', '{goal.text()}'"]
    measured, beside, verdict = cells[2:]
    if not goal.benchmark:
        return [] if measured == goals.NOT_MEASURED and not verdict else [
            f"{DOCUMENT}: {goal.stage}: nothing measures it, and yet there is a figure"]
    figure = FIGURE.match(measured)
    if not figure or not measured.endswith(goal.unit) or not beside:
        return [f"{DOCUMENT}: {goal.stage}: no figure in {goal.unit}, or nothing beside it"]
    value = float(figure.group(0))
    # A figure at the limit was rounded to it.
    if value != goal.limit and verdict != goal.verdict(value):
        return [f"{DOCUMENT}: {goal.stage}: {measured} is not '{verdict}'"]
    return []


def findings(text):
    table = rows(text)
    if len(table) != len(goals.GOALS):
        return [f"{DOCUMENT}: {len(table)} rows, goals.py has {len(goals.GOALS)}"]
    return [one for goal, cells in zip(goals.GOALS, table) for one in row_findings(goal, cells)]


def missing_benchmarks(build):
    listing = pathlib.Path(build) / "meson-info" / "intro-benchmarks.json"
    have = {entry["name"] for entry in json.loads(listing.read_text())}
    return [f"tests/bench/goals.py: no benchmark is called {name}"
            for name in goals.benchmarks() if name not in have]


def prove(text):
    """What this must find, in the document as it is."""
    table = [line for line in text.splitlines() if line.startswith("|")]
    row = next(line for line in table if " met |" in line)
    for broken in (text.replace(row + "\n", ""), text.replace(row, row.replace(" met ", " **missed** ")),
                   text.replace(row, row.replace("| ", "| other ", 1))):
        assert findings(broken), "the check finds nothing in a document that was changed"


def main():
    text = common.read(DOCUMENT)
    prove(text)
    found = findings(text)
    if os.environ.get("RK_MESON_BUILD"):
        found += missing_benchmarks(os.environ["RK_MESON_BUILD"])
    for line in found:
        print(line)
    if found:
        print("to write it anew: tests/bench/performance.py --write build/tests")
    sys.exit(1 if found else 0)


main()
