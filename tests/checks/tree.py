#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every file of the tree keeps to, whatever its kind.

No path of one developer's machine, no large or stray binary, no trailing white space, a final
newline, the licence named in the first lines of sources, the executable bit on commands.
"""
import os
import re

import common

MACHINE_PATH = re.compile(r"(?:^|[^a-zA-Z0-9_.])(/(?:" + "|".join(("wor" "k", "far" "m")) + r")/)")
MAX_BYTES = 512 * 1024          # of a text; beyond it, something was generated or dumped
MAX_BINARY_BYTES = 64 * 1024    # of what a test reads: a recorded trace, a picture
BINARY_FOLDERS = ("tests/", "docs/")
# What a command is given and prints, and what a fuzz target is given: to the letter.
CASES = ("tests/cli/cases/", "tests/fuzz/corpus/")
SOURCES = (".c", ".h", ".def", ".cu", ".cpp", ".py", ".sh", "meson.build", "meson_options.txt", ".S")


def check(path, data, executable):
    if b"\0" in data:
        if not path.startswith(BINARY_FOLDERS):
            return [f"{path}: a binary"]
        return [] if len(data) <= MAX_BINARY_BYTES else [f"{path}: a binary of {len(data)} bytes"]
    found = []
    if len(data) > MAX_BYTES:
        found.append(f"{path}: {len(data)} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [f"{path}: not UTF-8"]
    for number, line in enumerate(text.split("\n"), 1):
        match = MACHINE_PATH.search(line)
        if match:
            found.append(f"{path}:{number}: {match.group(1)}, a path of one machine")
        if line != line.rstrip() and not path.startswith(CASES):
            found.append(f"{path}:{number}: white space at the end of the line")
    if text and not text.endswith("\n") and not path.startswith(CASES):
        found.append(f"{path}: no newline at the end")
    if text.endswith("\n\n") and not path.startswith(CASES):
        found.append(f"{path}: empty lines at the end")
    head = "\n".join(text.split("\n")[:3])
    if path.endswith(SOURCES) and not path.startswith(CASES) and text.strip() and "SPDX-License-Identifier: Apache-2.0" not in head:
        found.append(f"{path}: no SPDX-License-Identifier in its first lines")
    if executable and not text.startswith("#!"):
        found.append(f"{path}: executable, but no script")
    elif text.startswith("#!") and not executable and "." not in path.split("/")[-1]:
        found.append(f"{path}: a command, but not executable")
    return found


def self_test():
    good = b"/* SPDX-License-Identifier: Apache-2.0 */\nint x;\n"
    assert not check("core/a.c", good, False)
    for bad in (b"int x;\n", good[:-1], good + b"\n", good.replace(b"x;", b"x; "),
                good + b"/* see /wor" b"k/a */\n", good + b"\0", b"\xff" + good):
        assert len(check("core/a.c", bad, False)) == 1, bad
    assert len(check("tools/a", b"#!/bin/sh\n", False)) == 1
    assert len(check("core/a.c", good, True)) == 1
    assert not check("core/a.c", good + b"/* out/work/ */\n", False)


def main():
    self_test()
    found = []
    for path in common.tracked():
        full = common.ROOT / path
        if not full.is_symlink():
            found += check(path, full.read_bytes(), os.access(full, os.X_OK))
    common.finish(found)


main()
