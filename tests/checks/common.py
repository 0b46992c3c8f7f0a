# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, comment stripping, the way to report.

Every check is a script without arguments. It first proves on made-up input that it can fail,
then prints one line per finding. Exit status: 0 clean, 1 findings, 77 could not be run here.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RK_BUILD_DIR") or ROOT / "build")

# Floors of the house, lowest first, and those an include may point to (docs/architecture.md).
LAYERS = {
    "include": set(),
    "core": {"core"},
    "trace": {"core", "trace"},
    "cupti": {"core", "cupti"},
    "pipeline": {"core", "trace", "pipeline"},
    "exporters": {"core", "pipeline", "exporters"},
    "interpose": {"core", "interpose", "include"},
    "tools": {"core", "trace", "pipeline", "exporters", "tools", "include"},
}
GUEST_FOLDERS = ("core", "cupti", "pipeline", "trace", "exporters", "interpose", "include")


def tracked(*suffixes):
    """Paths of the tree that git tracks or would track, as text, sorted."""
    run = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         cwd=ROOT, capture_output=True)
    if run.returncode == 0:
        names = {n for n in run.stdout.decode().split("\0") if n}
    else:  # a source archive
        names = {str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()}
        names = {n for n in names if not n.startswith(("build/", "out/", ".git/"))}
    return sorted(n for n in names if n.endswith(suffixes or "") and (ROOT / n).is_file())


def c_files(folders=None):
    names = tracked(".c", ".h")
    return [n for n in names if folders is None or n.split("/")[0] in folders]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def strip_comments(text, keep_strings=False):
    """@text with comments, and unless told otherwise the insides of strings, blanked.

    Lines and columns stay where they are.
    """
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            if keep_strings:
                return token
            return token[0] + " " * (len(token) - 2) + token[-1]
        return re.sub(r"[^\n]", " ", token)

    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def python_env():
    """The environment in which Python packages brought by tools/setup are found."""
    env = dict(os.environ)
    old = env.get("PYTHONPATH")
    env["PYTHONPATH"] = str(BUILD / "python") + (os.pathsep + old if old else "")
    return env


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def finish(found):
    for line in found:
        print(line)
    count = sum(1 for line in found if not line.startswith("  "))
    if found:
        print(f"{count} finding{'' if count == 1 else 's'}")
    sys.exit(1 if found else 0)
