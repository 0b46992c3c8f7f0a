#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the stamp by which librkpreload and librknet know that they are of one build.

The two hand structs to each other whose layout no compiler compares, and librknet works on tables
of the other one by code of its own. So the stamp is a hash of the text of everything that says
what those look like: the door between them, the code that both have of shared tables, and all
that these include. A comment that changes is another stamp; the two are built together anyway.
"""
import argparse
import hashlib
import pathlib
import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)

HEADER = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Generated: of which build this is, as far as librkpreload and librknet have to agree.
 */
#define RK_NET_STAMP "{stamp}"
"""


def closure(root, names):
    """@names and all files of the project that they include, directly or not."""
    found, left = {}, list(names)
    while left:
        name = left.pop()
        file = root / name
        if name in found or not file.is_file():  # a generated one comes from one that is here
            continue
        found[name] = file.read_bytes()
        left += INCLUDE.findall(found[name].decode())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--depfile", type=pathlib.Path, required=True)
    parser.add_argument("names", nargs="+", help="files that both sides rely on, below the root")
    args = parser.parse_args()
    files = closure(args.root, args.names)
    missing = [name for name in args.names if name not in files]
    if missing:
        parser.error("there is no " + ", ".join(missing))
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])}\n".encode() + files[name])
    stamp = f"{args.version}-{digest.hexdigest()[:16]}"
    args.out.write_text(HEADER.format(stamp=stamp))
    needed = " ".join(str(args.root / name) for name in sorted(files))
    args.depfile.write_text(f"{args.out}: {needed}\n")


if __name__ == "__main__":
    main()
