#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Subjects of commits: "area: Imperative subject", at most 72 characters, no period, and a body."""
import re
import subprocess

import common

NOT_IMPERATIVE = re.compile(
    r"(Add|Fix|Chang|Updat|Remov|Implement|Mak|Us|Introduc|Mov|Renam|Creat|Writ|Handl|Support|"
    r"Improv|Refactor|Test|Document|Show|Let|Tell|Keep|Count)(s|es|ed|d|ing|ting)$")

def check(commit, subject, body):
    where = f"{commit[:12]} {subject!r}"
    match = re.match(r"[a-z0-9_.][a-z0-9_./,+ -]*: (\S+)", subject)
    found = []
    if not match or not match.group(1)[0].isupper():
        found.append(f"{where}: not of the form \"area: Imperative subject\"")
    elif NOT_IMPERATIVE.match(match.group(1)):
        found.append(f"{where}: {match.group(1)!r} is not imperative")
    if len(subject) > 72:
        found.append(f"{where}: {len(subject)} characters, more than 72")
    if subject.endswith("."):
        found.append(f"{where}: ends with a period")
    if not body.strip():
        found.append(f"{where}: no body that says why")
    return found


def self_test():
    assert not check("0" * 40, "core: Seal rings at fork", "Why.")
    for bad in ("Seal rings", "core: seal rings", "core: Seal rings.", "core: Added rings",
                "core: Seal " + "r" * 70):
        assert len(check("0" * 40, bad, "Why.")) == 1, bad
    assert len(check("0" * 40, "core: Seal rings", "\n")) == 1


def main():
    self_test()
    run = subprocess.run(["git", "log", "--no-merges", "--format=%H%x00%s%x00%b%x01"],
                         cwd=common.ROOT, capture_output=True)
    if run.returncode != 0:
        print("a source archive: there is no history to look at")
        return
    found = []
    for entry in run.stdout.decode("utf-8", "replace").split("\x01"):
        if entry.strip():
            found += check(*entry.strip("\n").split("\0"))
    common.finish(found)


main()
