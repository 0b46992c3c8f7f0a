#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the benchmarks that have goals and write what they found as docs/performance.md.

usage: performance.py [--write | --all] BUILD

Without --write the table is only printed; --all runs the benchmarks without a goal as well and
prints what they say. A benchmark that fails, leaves out one of its goals or
tells one that is not in goals.py ends it with an error, and the document stays as it was.
"""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import goals

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "performance.md"
COMMAND = "tests/bench/performance.py --write build/tests"
HEAD = """# Performance

Written by `{command}`, which runs the benchmarks (`meson test --benchmark`) and puts
what they printed into this table; nothing in it is written by hand. Each figure is the median of
interleaved rounds of one run. Nanoseconds drift by a quarter between runs on machines that others
share, so the goals are ratios to what was measured beside them wherever that is possible; the suite
gates only instructions (`hook-instructions`, `pipeline-instructions`, `otlp-span-instructions`).
Where other work ran on the machine (the load below), times are too long and drops too many.

{machine}

| stage | goal | measured | in the same run | |
|---|---|---|---|---|
"""


def run_benchmarks(build, names):
    """{benchmark: its output}"""
    log = build / "meson-logs" / "performance.json"
    log.unlink(missing_ok=True)
    subprocess.run(["meson", "test", "-C", str(build), "--no-rebuild", "--benchmark",
                    "--logbase", "performance", *names],
                   check=False, stdout=sys.stderr)
    outputs = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        name = entry["name"].split(" / ")[-1]
        if entry["result"] != "OK":
            sys.exit(f"{name}: {entry['result']}\n{entry.get('stdout', '')}"
                     f"{entry.get('stderr', '')}")
        outputs[name] = entry.get("stdout", "")
    return outputs


def collect(outputs):
    """{goal's name: (value, beside)}; every benchmark tells its own goals, all of them."""
    found = {}
    for benchmark in goals.benchmarks():
        told = goals.found_in(outputs.get(benchmark, ""))
        due = {goal.name for goal in goals.GOALS if goal.benchmark == benchmark}
        if set(told) != due:
            sys.exit(f"{benchmark}: told {sorted(told)}, goals.py has {sorted(due)}\n"
                     f"{outputs.get(benchmark, '(it did not run)')}")
        found.update(told)
    return found


def row(goal, found):
    if goal.name not in found:
        return f"| {goal.stage} | {goal.text()} | {goals.NOT_MEASURED} | | |"
    value, beside = found[goal.name]
    return (f"| {goal.stage} | {goal.text()} | {goal.shown(value)} | {beside} | "
            f"{goal.verdict(value)} |")


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].strip() if done.stdout else "?"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine(build, load):
    options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
    values = {option["name"]: option["value"] for option in options}
    compilers = json.loads((build / "meson-info" / "intro-compilers.json").read_text()) \
        if (build / "meson-info" / "intro-compilers.json").exists() else None
    compiler = compilers["host"]["c"]["full_version"] if compilers else first_line("cc", "--version")
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    commit = first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    return (f"{datetime.date.today().isoformat()}, commit {commit}: {processor()}, "
            f"{os.cpu_count()} virtual cores, {system}, Linux {platform.release()};\n{compiler}, "
            f"buildtype {values['buildtype']}. Load before the run: {load:.1f} of "
            f"{os.cpu_count()} cores. No GPU: driver and CUPTI are simulated.")


def foot(found):
    missed = [goal for goal in goals.GOALS
              if goal.name in found and not goal.is_met(found[goal.name][0])]
    unknown = [goal for goal in goals.GOALS if goal.name not in found]
    lines = [f"{len(found) - len(missed)} goals met, {len(missed)} missed, {len(unknown)} not "
             "measured: those need a GPU", "([docs/gpu-results.md](gpu-results.md))."]
    return "\n" + "\n".join(lines) + "\n"


def main():
    arguments = [one for one in sys.argv[1:] if one not in ("--write", "--all")]
    if len(arguments) != 1:
        sys.exit(__doc__)
    build, load = pathlib.Path(arguments[0]).resolve(), os.getloadavg()[0]
    outputs = run_benchmarks(build, [] if "--all" in sys.argv else goals.benchmarks())
    found = collect(outputs)
    for name in sorted(set(outputs) - set(goals.benchmarks())):
        print(f"{name}:\n{outputs[name]}")
    head = HEAD.format(command=COMMAND, machine=machine(build, load))
    text = head + "\n".join(row(goal, found) for goal in goals.GOALS) + "\n" + foot(found)
    print(text)
    if "--write" in sys.argv:
        DOCUMENT.write_text(text, encoding="utf-8")


main()
