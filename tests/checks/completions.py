#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completions name every option of every verb, and the shells can read them.

usage: completions.py RKTRACE BASH ZSH FISH
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import common


def verbs():
    """["report", "alert list"...]: what has options of its own."""
    actions = re.findall(r'^RK_ACTION\("(.*?)"', common.read("tools/actions.def"), re.M)
    names = re.findall(r"^RK_VERB\((\w+),", common.read("tools/verbs.def"), re.M)
    return [n for n in names if not any(a.startswith(n + " ") for a in actions)] + actions


def options(rktrace, verb):
    told = subprocess.run([rktrace, *verb.split(), "--help"], check=True, capture_output=True,
                          text=True, timeout=30).stdout
    return set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", told, re.M))


def complete(path, words):
    """What bash offers behind @words, of which the last is being typed."""
    script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rktrace; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", path, *words], check=False,
                          capture_output=True, text=True, timeout=30, cwd=common.ROOT)
    if done.stderr:
        return {f"stderr: {done.stderr}"}
    return set(done.stdout.split())


def check_bash(path, rktrace):
    found = []
    for verb in verbs():
        offered = complete(path, ["rktrace", *verb.split(), "--"])
        if offered != options(rktrace, verb):
            found.append(f"bash: {verb}: offers {sorted(offered)}, "
                         f"not {sorted(options(rktrace, verb))}")
    for words, wanted in ((["rktrace", "rep"], {"report", "replay"}),
                          (["rktrace", "report", "--ker"], {"--kernels", "--kernel"}),
                          (["rktrace", "export", "--format", "ch"], {"chrome"}),
                          (["rktrace", "alert", "wa"], {"watch"}),
                          (["rktrace", "info", "README"], {"README.md"})):
        if complete(path, words) != wanted:
            found.append(f"bash: {' '.join(words)}: {complete(path, words)}, not {wanted}")
    return found


def check_other(shell, path, rktrace):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    spelling = {"zsh": r"'--{}[=\[]", "fish": r" -l {}(?: |$)"}[shell]
    found = []
    for verb in verbs():
        block = {"zsh": rf"^ +{verb.split()[-1]}\)\n(.*?)^ +;;",
                 "fish": rf"((?:^complete .*from {verb.split()[-1]}'.*\n)+)"}[shell]
        parts = "".join(re.findall(block, text, re.M | re.S if shell == "zsh" else re.M))
        found += [f"{shell}: {verb} {option} is missing" for option in options(rktrace, verb)
                  if not re.search(spelling.format(option[2:]), parts)]
    if shutil.which(shell):
        done = subprocess.run([shell, "-n", path], check=False, capture_output=True, text=True,
                              timeout=30)
        found += [f"{shell}: {line}" for line in done.stderr.splitlines()]
    else:
        print(f"note: no {shell}: its file was read, but not by it")
    return found


def self_test(folder, rktrace):
    bad = folder / "bad_completion"
    bad.write_text("_rktrace() { COMPREPLY=(--nothing); }\ncomplete -F _rktrace rktrace\n")
    assert len(check_bash(bad, rktrace)) > len(verbs())
    assert len(check_other("fish", bad, rktrace)) > len(verbs())
    bad.unlink()


def main():
    rktrace, bash, zsh, fish = (os.path.abspath(path) for path in sys.argv[1:])
    self_test(pathlib.Path(bash).parent, rktrace)
    common.finish(check_bash(bash, rktrace) + check_other("zsh", zsh, rktrace) +
                  check_other("fish", fish, rktrace))


if __name__ == "__main__":
    main()
