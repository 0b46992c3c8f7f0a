#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone; ours are at most 150 lines long, with a guard named after the path.

A header that needs a library which is not installed here is left to machines that have it.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import tempfile

import common

MAX_LINES = 150
CC = os.environ.get("RK_CC", "cc")
CUDA = os.environ.get("RK_CUDA", str(common.BUILD / "cuda"))
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", '-DRK_VERSION="0"', "-Wall", "-Wextra", "-Wundef",
         "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror", "-fsyntax-only",
         f"-I{common.ROOT}", "-isystem", f"{CUDA}/include"]
if os.environ.get("RK_MESON_BUILD"):  # for what is generated
    FLAGS.append(f"-I{os.environ['RK_MESON_BUILD']}")


def check_text(path, text):
    found = []
    lines = text.count("\n")
    if path.split("/")[0] not in common.LAYERS or path.startswith("include/"):
        return []
    if lines > MAX_LINES:
        found.append(f"{path}: {lines} lines, more than {MAX_LINES}")
    guard = "RK_" + re.sub(r"\W", "_", path).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        found.append(f"{path}: the guard is not {guard}")
    return found


def compile_alone(path, text, folder):
    """Findings, of a file of two lines that includes the header twice and nothing else."""
    source = pathlib.Path(folder) / (re.sub(r"\W", "_", path) + ".c")
    source.write_text(f'#include "{text}"\n#include "{text}"\n')
    run = subprocess.run([CC, *FLAGS, "-iquote", str((common.ROOT / path).parent), str(source)],
                         capture_output=True, text=True, cwd=common.ROOT)
    if run.returncode == 0:
        return []
    errors = [l for l in run.stderr.splitlines() if "error" in l] or run.stderr.splitlines()
    absent = re.search(r"fatal error: ([^:]+): No such file", run.stderr)
    if absent and absent.group(1).split("/")[0] not in common.LAYERS:
        print(f"note: {path} needs {absent.group(1)}, which is not here")
        return []
    return [f"{path}: does not compile alone"] + [f"  {line}" for line in errors[:3]]


def self_test(folder):
    good = pathlib.Path(folder) / "good.h"
    good.write_text("#pragma once\n#include <stdint.h>\nstruct g {\n\tuint64_t a;\n};\n")
    bad = pathlib.Path(folder) / "bad.h"
    bad.write_text("struct b {\n\tuint64_t a;\n};\n")
    assert compile_alone("good.h", str(good), folder) == []
    assert compile_alone("bad.h", str(bad), folder)
    guard = "#ifndef RK_CORE_A_H\n#define RK_CORE_A_H\n"
    assert not check_text("core/a.h", guard)
    assert len(check_text("core/b.h", guard)) == 1
    assert len(check_text("core/a.h", guard + "\n" * MAX_LINES)) == 1


def main():
    headers = common.tracked(".h")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        self_test(folder)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for result in pool.map(lambda p: compile_alone(p, p, folder), headers):
                found += result
    for path in headers:
        found += check_text(path, common.read(path))
    common.finish(found)


main()
