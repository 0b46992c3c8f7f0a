#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make one C file and one header of every schema in this folder.

usage: amalgamate.py PROTOC_C OUT.c OUT.h

protoc-c writes a tree of files that include each other by path, which a build folder with flat
outputs cannot hold.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = re.compile(r'^#include "(.+)"\n', re.M)


def generate(protoc_c, folder):
    schemas = sorted(str(p.relative_to(HERE)) for p in HERE.rglob("*.proto"))
    subprocess.run([protoc_c, f"--proto_path={HERE}", f"--c_out={folder}", *schemas], check=True)
    return [s.removesuffix(".proto") + ".pb-c" for s in schemas]


def in_order(folder, stems):
    """Headers after those they include."""
    done = []

    def visit(stem):
        if stem in done:
            return
        for name in INCLUDE.findall((folder / (stem + ".h")).read_text()):
            visit(name.removesuffix(".h"))
        done.append(stem)

    for stem in stems:
        visit(stem)
    return done


def main():
    protoc_c, source, header = sys.argv[1:]
    name = pathlib.Path(header).name
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        stems = in_order(folder, generate(protoc_c, folder))
        parts = [INCLUDE.sub("", (folder / (s + ".h")).read_text()) for s in stems]
        pathlib.Path(header).write_text("".join(parts))
        parts = [INCLUDE.sub("", (folder / (s + ".c")).read_text()) for s in stems]
        pathlib.Path(source).write_text(f'#include "{name}"\n' + "".join(parts))


main()
