#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""codespell over every text file; words it is wrong about stand in spelling.txt."""
import pathlib
import shutil
import subprocess
import tempfile

import common

WORDS = pathlib.Path(__file__).with_name("spelling.txt")


def codespell(paths):
    run = subprocess.run(["codespell", "--ignore-words", str(WORDS), "--quiet-level=6", *paths],
                         capture_output=True, text=True, cwd=common.ROOT)
    return run.stdout.splitlines() if run.returncode else []


def self_test():
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("to rec" "ieve a record\n")
        file.flush()
        assert codespell([file.name])


def main():
    if not shutil.which("codespell"):
        common.skip("codespell is not here (tools/setup --test brings it)")
    self_test()
    skipped = ("LICENSE", "exporters/proto/", "tests/checks/spelling.txt", "tools/pins/", "tests/cli/cases/")
    paths = [p for p in common.tracked() if not p.startswith(skipped) and
             not p.endswith((".zst", ".bin", ".wrap", "go.sum", "go.mod"))]
    common.finish(codespell(paths))


main()
