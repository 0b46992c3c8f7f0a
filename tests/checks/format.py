#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formatting of C files against .clang-format.

usage: format.py [--fix] [FILE...]      no FILE: every tracked .c and .h

clang-format cannot leave the column of a trailing comment or of a macro's value to the
author. Those two are hand-aligned with tabs here, so a difference in nothing but that white
space is none, and --fix keeps it as written.
"""
import concurrent.futures
import difflib
import os
import re
import shutil
import subprocess
import sys

import common

MAJOR = "14"  # versions differ in their output; one of them is the judge
COLUMNS = 100


def find_clang_format():
    """The clang-format of the judging version, or None."""
    own = common.BUILD / "python" / "bin" / "clang-format"
    for name in (f"clang-format-{MAJOR}", "clang-format", str(own)):
        path = shutil.which(name)
        if not path:
            continue
        env = common.python_env()
        run = subprocess.run([path, "--version"], capture_output=True, text=True, env=env)
        if re.search(rf"version {MAJOR}\.", run.stdout):
            return path
    return None


def key(line):
    """@line without the white space that belongs to the author."""
    line = re.sub(r"(\S)[ \t]+(/\*|//)", r"\1 \2", line)
    line = re.sub(r"^(#define \w+(\([^)]*\))?)[ \t]+", r"\1 ", line)
    line = re.sub(r"[ \t]+\\$", r" \\", line)
    return re.sub(r"^[ \t]+\*", " *", line)


def width(line):
    return len(line.expandtabs(8))


def merge(old, new):
    """(@new with the author's white space of @old, [(line of @old, what is there, wanted)])."""
    old_lines, new_lines = old.splitlines(), new.splitlines()
    match = difflib.SequenceMatcher(None, [key(l) for l in old_lines],
                                    [key(l) for l in new_lines], autojunk=False)
    out, diffs = [], []
    for tag, i1, i2, j1, j2 in match.get_opcodes():
        if tag == "equal":
            out += old_lines[i1:i2]
        else:
            out += new_lines[j1:j2]
            diffs.append((i1 + 1, old_lines[i1:i2], new_lines[j1:j2]))
    for number, line in enumerate(out, 1):
        if width(line) > COLUMNS and "http" not in line and '"' not in line:
            diffs.append((number, [line], [f"(at most {COLUMNS} columns)"]))
    return "\n".join(out) + "\n", diffs


def check(clang_format, path, text, fix):
    run = subprocess.run(
        [clang_format, "--style=file", f"--assume-filename={path}"], input=text,
        capture_output=True, text=True, cwd=common.ROOT, env=common.python_env())
    if run.returncode != 0:
        return [f"{path}: clang-format: {run.stderr.strip()}"]
    merged, diffs = merge(text, run.stdout)
    if fix and merged != text:
        (common.ROOT / path).write_text(merged)
        print(f"formatted {path}")
        return []
    found = []
    for number, old, new in diffs:
        found.append(f"{path}:{number}: not as formatted by tests/checks/format.py --fix")
        found += [f"  - {line}" for line in old[:4]] + [f"  + {line}" for line in new[:4]]
    return found


GOOD = """int f(int a)
{
	if (a)
		return 1;	/* by hand */
	return 2;
}
"""


def self_test(clang_format):
    """The check can fail, and lets hand alignment pass."""
    name = "core/x.c"
    assert not check(clang_format, name, GOOD, False), check(clang_format, name, GOOD, False)
    for bad in (GOOD.replace("\tif (a)", "    if (a)"), GOOD.replace("\tif (a)", "\tif(a)"),
                GOOD.replace("f(int a)\n{", "f(int a) {"),
                GOOD.replace("return 2;", "return 2" + " + 2" * 25 + ";")):
        assert check(clang_format, name, bad, False), bad


def main(argv):
    fix = "--fix" in argv
    files = [a for a in argv if a != "--fix"] or common.c_files()
    clang_format = find_clang_format()
    if not clang_format:
        common.skip(f"clang-format {MAJOR} is not here (tools/setup --test brings it)")
    self_test(clang_format)
    found = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(lambda p: check(clang_format, p, common.read(p), fix), files):
            found += result
    common.finish(found)


if __name__ == "__main__":
    main(sys.argv[1:])
