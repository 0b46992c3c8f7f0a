#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run one case of tests/cli/cases and compare what it did with what it should do.

usage: golden.py [--update] RKTRACE MAKE_TRACE CASE.sh

A case is a shell script; beside it lie CASE.stdout, CASE.stderr and CASE.exit (missing: empty, 0).
It runs in an empty folder with $PATH, $RKTRACE's folder first in it, and no setting of ours.
$RK_TREE is the build tree. Names of places and process numbers are replaced before the comparison. --update writes the
three files from what happened: read them before you commit them.
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Root reads everything: what only others cannot do is done as nobody, by a copy of the program
# because the build tree may be closed to them.
PRELUDE = """
as_nobody() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    command -v setpriv >/dev/null || exit 77
    mkdir -p ../nobody
    cp -f "$(readlink -f "$(command -v "$1")")" "../nobody/$1"
    local program=../nobody/$1
    shift
    setpriv --reuid=65534 --regid=65534 --clear-groups "$program" "$@"
}
"""


def run(rktrace, make_trace, case, folder):
    tools = pathlib.Path(folder) / "bin"
    work = pathlib.Path(folder) / "work"
    tools.mkdir()
    work.mkdir()
    # A link: rktrace finds the libraries beside the file it points to.
    (tools / "rktrace").symlink_to(rktrace)
    (tools / "make_trace").symlink_to(make_trace)
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(work), "LC_ALL": "C",
           "RK_TREE": str(rktrace.parent.parent)}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    return subprocess.run(["bash", "-c", PRELUDE + case.read_text()], cwd=work, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def normal(raw, folder, rktrace):
    text = raw.decode(errors="replace")
    text = text.replace(f"{folder}/work", "WORK").replace(f"{folder}/bin", "BIN")
    text = text.replace(str(rktrace.parent.parent), "TREE")
    return re.sub(r"\bpid \d+", "pid N", text)


def expected(case, suffix, default=""):
    path = case.with_suffix(suffix)
    return path.read_text() if path.exists() else default


def update(case, suffix, text, default=""):
    path = case.with_suffix(suffix)
    if text != default:
        path.write_text(text)
    elif path.exists():
        path.unlink()


def main(argv):
    renew = argv[:1] == ["--update"]
    rktrace, make_trace, case = (pathlib.Path(a).resolve() for a in argv[renew:])
    with tempfile.TemporaryDirectory(prefix="rk-cli-") as folder:
        os.chmod(folder, 0o755)
        done = run(rktrace, make_trace, case, folder)
        got = {".exit": f"{done.returncode}\n", ".stdout": normal(done.stdout, folder, rktrace),
               ".stderr": normal(done.stderr, folder, rktrace)}
    if done.returncode == 77:
        sys.exit(77)
    failed = False
    for suffix, text in got.items():
        default = "0\n" if suffix == ".exit" else ""
        if renew:
            update(case, suffix, text, default)
            continue
        want = expected(case, suffix, default)
        if text != want:
            failed = True
            sys.stdout.writelines(line.rstrip("\n") + "\n" for line in difflib.unified_diff(
                want.splitlines(), text.splitlines(), f"expected {case.stem}{suffix}",
                "what happened", lineterm=""))
    sys.exit(failed)


main(sys.argv[1:])
