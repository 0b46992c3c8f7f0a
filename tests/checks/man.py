#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The man pages: groff has nothing to say about them, each has the sections a reader looks for,
every verb has one, and what they refer to is there.

usage: man.py PAGE...
"""
import pathlib
import re
import shutil
import subprocess
import sys

import common

WANTED = ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"]


def complaints(path):
    """What groff says of a page."""
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(path)], check=False,
                          capture_output=True, text=True, timeout=30)
    return (done.stderr + done.stdout).splitlines()


def check_page(path, names):
    text = path.read_text(encoding="utf-8")
    found = [f"{path.name}: {line}" for line in complaints(path)]
    headings = re.findall(r'^\.SH "?([A-Z ]+?)"?$', text, re.M)
    found += [f"{path.name}: no section {name}" for name in WANTED if name not in headings]
    plain = text.replace("\\-", "-").replace("\\fR", "").replace("\\fB", "")
    found += [f"{path.name}: no such page: {name}({section})"
              for name, section in re.findall(r"(rk[\w-]+)\(([17])\)", plain)
              if f"{name}.{section}" not in names]
    return found


def self_test(folder):
    bad = folder / "self_test.1"
    bad.write_text('.TH A 1\n.SH NAME\n.XX\nsee rknothing(1)\n')
    found = check_page(bad, [])
    bad.unlink()
    assert any("no such page" in line for line in found), found
    assert any("XX" in line for line in found), found
    assert any("no section SYNOPSIS" in line for line in found), found


def main():
    if not shutil.which("groff"):
        common.skip("no groff: tools/setup brings it")
    pages = [pathlib.Path(page) for page in sys.argv[1:]]
    names = [page.name for page in pages]
    self_test(pages[0].parent)
    found = [line for page in pages for line in check_page(page, names)]
    verbs = re.findall(r"^RK_VERB\((\w+),", common.read("tools/verbs.def"), re.M)
    found += [f"rktrace {verb} has no page" for verb in verbs if f"rktrace-{verb}.1" not in names]
    common.finish(found)


if __name__ == "__main__":
    main()
