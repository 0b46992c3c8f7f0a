#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file of 100 million kernels: its summary is to take less than 10 s and 500 MB, a slice 2 s.

usage: test_large_trace.py RKTRACE LARGE_TRACE [KERNELS]

Times are processor seconds and are printed; what fails is twice the goal, for processors differ.
"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

RKTRACE, LARGE_TRACE = (os.path.realpath(path) for path in sys.argv[1:3])
KERNELS = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000_000


def measured(words):
    """(standard output, processor seconds, MB)"""
    process = subprocess.Popen([RKTRACE, *words], stdout=subprocess.PIPE)
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (words, process.returncode)
    return told, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    with tempfile.TemporaryDirectory(prefix="rk-large-") as folder:
        path = f"{folder}/large.rkt.zst"
        subprocess.run([LARGE_TRACE, path, str(KERNELS)], check=True, timeout=600)
        size = os.path.getsize(path)
        told, seconds, mb = measured(["report", "--json", path])
        rows = json.loads(told)["kernels"]
        print(f"{KERNELS} kernels, {size / KERNELS:.2f} bytes each; summary {seconds:.1f} s, "
              f"{mb:.0f} MB")
        failed = []
        if sum(row["instances"] for row in rows) != KERNELS:
            failed.append("the summary has not counted every kernel")
        if seconds * 100_000_000 / max(KERNELS, 1) > 20:
            failed.append("the summary takes more than twice 10 s")
        if mb > 500:
            failed.append("the summary takes more than 500 MB")
        for words in (["--last", "100ms"], ["--from", "60s", "--to", "60050ms"]):
            told, seconds, mb = measured(["export", path, "--format", "csv", *words])
            count = sum(1 for _ in csv.reader(io.StringIO(told.decode()))) - 1
            print(f"slice {' '.join(words)}: {count} kernels, {seconds:.2f} s, {mb:.0f} MB")
            if not count and KERNELS >= 100_000_000:
                failed.append(f"nothing in the slice {words}")
            if seconds > 4:
                failed.append(f"the slice {words} takes more than twice 2 s")
        print("\n".join(failed))
        sys.exit(bool(failed))


main()
