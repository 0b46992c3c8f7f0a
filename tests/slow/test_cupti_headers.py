#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our tables of CUPTI's records and callback ids against the headers of real toolkits.

usage: test_cupti_headers.py CUPTI_ROWS COMPILER TOOLKITS FOLDER

TOOLKITS is a folder with a folder of headers per toolkit, as tools/setup --slow leaves it; FOLDER
has cuda.h. A library writes the newest struct of a kind that its headers have. For each toolkit a
checker is compiled against those headers that prints sizes, offsets and widths of what we read
under that toolkit's CUPTI_API_VERSION; both must agree. Two toolkits that share a version (11.8
and 12.0) must agree in every offset, and the row must name the struct of one of them.
"""
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

ROWS, COMPILER, TOOLKITS, CUDA = sys.argv[1], sys.argv[2].split(), *map(pathlib.Path, sys.argv[3:5])
LEAST = 8  # toolkits; fewer means that setup did not finish


def ask_rows(version):
    """({kind: (struct, bytes, {field: (offset, width)})}, {function: id}) as our tables say."""
    rows, ids = {}, {}
    for line in subprocess.run([ROWS, str(version)], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        what, *words = line.split()
        if what == "cbid":
            ids[words[0]] = int(words[1])
            continue
        fields = dict(word.split("=") for word in words[3:])
        rows[words[0]] = (words[1], int(words[2]),
                          {k: tuple(map(int, v.split("/"))) for k, v in fields.items()})
    return rows, ids


def newest(text, kind):
    names = re.findall(rf"^\}} CUpti_Activity({kind}\d*);", text, re.M)
    assert names, f"no struct for {kind}"
    return max(names, key=lambda name: int(name[len(kind):] or 1))


def measure(folder, structs):
    """{kind: (bytes, {field: (offset, width)})} as the compiler lays the structs out."""
    source = ["#include <cupti_activity.h>", "#include <stddef.h>", "#include <stdio.h>",
              "int main(void) {"]
    for kind, (struct, fields) in structs.items():
        whole = f"CUpti_Activity{struct}"
        source.append(f'printf("{kind} %zu", sizeof({whole}));')
        source += [f'printf(" {f}=%zu/%zu", offsetof({whole}, {f}), sizeof((({whole} *)0)->{f}));'
                   for f in fields]
        source.append('puts("");')
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work)
        (path / "check.c").write_text("\n".join(source + ["}"]))
        subprocess.run([*COMPILER, "-w", "-isystem", folder, "-idirafter", CUDA, "-o",
                        path / "check", path / "check.c"], check=True)
        lines = subprocess.run([path / "check"], check=True, capture_output=True,
                               text=True).stdout.splitlines()
    found = {}
    for line in lines:
        kind, size, *fields = line.split()
        found[kind] = (int(size), {k: tuple(map(int, v.split("/"))) for k, v in
                                   (field.split("=") for field in fields)})
    return found


def check_records(name, folder, rows):
    """Every offset and width, exactly. Returns {kind: (struct, bytes)} for the sizes."""
    text = (folder / "cupti_activity.h").read_text(errors="replace")
    structs = {kind: (newest(text, kind), row[2]) for kind, row in rows.items()}
    found = measure(folder, structs)
    for kind, (_, _, fields) in rows.items():
        assert fields and found[kind][1] == fields, (name, kind, found[kind][1], fields)
    return {kind: (structs[kind][0], found[kind][0]) for kind in rows}


def check_ids(name, folder, ids):
    """A function has our id, or the toolkit has no such function and no other under the id."""
    text = (folder / "cupti_driver_cbid.h").read_text(errors="replace")
    theirs = {function: int(number) for function, number in
              re.findall(r"CUPTI_DRIVER_TRACE_CBID_(\w+)\s*=\s*(\d+)", text)}
    by_id = {number: function for function, number in theirs.items() if function != "SIZE"}
    assert len(theirs) > 500, (name, len(theirs))
    known = 0
    for function, number in ids.items():
        if function in theirs:
            assert theirs[function] == number, (name, function, theirs[function], number)
            known += 1
        else:
            # Names of retired entry points are blanked out: cuda248.
            assert by_id.get(number, f"cuda{number}") == f"cuda{number}", \
                (name, function, number, by_id[number])
    return known


def main():
    folders = sorted(h.parent for h in TOOLKITS.glob("*/cupti_activity.h"))
    folders += [CUDA] if (CUDA / "cupti_activity.h").exists() else []
    if len(folders) < LEAST:
        print(f"{len(folders)} toolkits in {TOOLKITS}; tools/setup --slow fetches them")
        sys.exit(77)
    sizes = collections.defaultdict(lambda: collections.defaultdict(set))
    expected = {}
    for folder in folders:
        header = (folder / "cupti_version.h").read_text()
        version = int(re.search(r"define CUPTI_API_VERSION (\d+)", header)[1])
        rows, ids = ask_rows(version)
        name = f"{folder.relative_to(TOOLKITS) if folder.is_relative_to(TOOLKITS) else folder}"
        for kind, size in check_records(name, folder, rows).items():
            sizes[version][kind].add(size)
        known = check_ids(name, folder, ids)
        expected[version] = rows
        print(f"{name}: version {version}, {known} of {len(ids)} ids, "
              + ", ".join(row[0] for row in rows.values()))
    for version, rows in expected.items():
        for kind, (struct, size, _) in rows.items():
            assert (struct, size) in sizes[version][kind], \
                (version, kind, struct, size, sizes[version][kind])
    assert len(expected) >= LEAST, expected.keys()


main()
