#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of docs/conformance.md is held by a test that is there, and no rule is left out."""
import re

import common

DOCUMENT = "docs/conformance.md"
HELD_BY = re.compile(r"`([^`]+)` ([^|`]+?) \|$")
EXPECTED = ([f"H{n}" for n in range(1, 18)] + [f"G{n}" for n in range(1, 12)] +
            [f"R{n}" for n in range(1, 7)] + [f"S{n}" for n in range(1, 12)] +
            [f"M{n}" for n in range(1, 9)] + [f"L{n}" for n in range(1, 4)] +
            [f"P{n}" for n in range(1, 7)] + [f"T{n}" for n in range(1, 8)])


def check(text, read):
    """@read: content of a file of the tree, None if there is none."""
    found, rules = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith(("| rule |", "| server |")):
            continue
        rules.append(line.split("|")[1].strip())
        match = HELD_BY.search(line)
        if not match:
            found.append(f"{DOCUMENT}:{number}: no test is named")
            continue
        content = read(match.group(1))
        if content is None or match.group(2) not in content:
            found.append(f"{DOCUMENT}:{number}: {match.group(1)} has no {match.group(2)}")
    found += [f"{DOCUMENT}: rule {rule} is missing" for rule in EXPECTED if rule not in rules]
    return found


def self_test():
    row = "| {} | what | `a.py` test_a |\n"
    good = "".join(row.format(rule) for rule in EXPECTED)
    files = {"a.py": "def test_a():"}.get
    assert not check(good, files)
    for bad in (good.replace("| H1 |", "| H99 |"), good.replace("`a.py` test_a |", "", 1),
                good.replace("test_a", "test_b", 1), good.replace("a.py", "b.py", 1)):
        assert len(check(bad, files)) == 1, bad


def read(path):
    file = common.ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


if __name__ == "__main__":
    self_test()
    common.finish(check(read(DOCUMENT), read))
