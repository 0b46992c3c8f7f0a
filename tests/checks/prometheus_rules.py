#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules and configurations of deploy/prometheus, by Prometheus's own judge, promtool.

They are well-formed; they say what prometheus_rules.yml expects of made-up series; every alert is
expected there; and every metric they name is one that the code has.
"""
import pathlib
import re
import shutil
import subprocess
import tempfile

import common

FOLDER = "deploy/prometheus"
TESTS = "tests/checks/prometheus_rules.yml"
METRICS = "pipeline/metrics/metrics.def"


def promtool(*args):
    """Return: what it finds wrong; "" = nothing."""
    done = subprocess.run(["promtool", *map(str, args)], check=False, capture_output=True, text=True,
                          timeout=60)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or "failed"


def test_rules(tests, rules):
    with tempfile.TemporaryDirectory(prefix="rk-rules-") as folder:
        file = pathlib.Path(folder) / "tests.yml"
        names = ", ".join(f'"{rule}"' for rule in rules)
        text, count = re.subn(r"^rule_files: \[\]$", f"rule_files: [{names}]", tests, flags=re.M)
        if count != 1:
            return "no line rule_files: [] to put the rules into"
        file.write_text(text)
        return promtool("test", "rules", file)


def unknown_metrics(text, known):
    """Names of ours in expressions that no family has, with its endings and what is recorded."""
    found = []
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    for name in re.findall(r"(?<![\w:])rustkernel_[a-z0-9_]+(?![\w:])", text):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in known and base not in known:
            found.append(name)
    return found


def self_test(tests, rules):
    assert unknown_metrics("rate(rustkernel_x_total[5m]) a:rustkernel_y:z", {"rustkernel_x_total"}) == []
    assert unknown_metrics("rustkernel_xx", {"rustkernel_x"}) == ["rustkernel_xx"]
    assert test_rules(tests.replace("value: 0.05}", "value: 0.06}"), rules)
    assert test_rules(tests.replace("summary: \"5%", "summary: \"6%"), rules)


def main():
    if not shutil.which("promtool"):
        common.skip("no promtool: tools/setup brings it")
    rules = sorted((common.ROOT / FOLDER).glob("*.rules.yml"))
    configs = sorted((common.ROOT / FOLDER).glob("prometheus-*.yml"))
    tests = common.read(TESTS)
    self_test(tests, rules)
    found = [f"{FOLDER}: no rules"] if not rules else []
    found += [f"{FOLDER}: no configurations"] if not configs else []
    found += [f"{rule.name}: {why}" for rule in rules if (why := promtool("check", "rules", rule))]
    found += [f"{config.name}: {why}" for config in configs
              if (why := promtool("check", "config", config))]
    if why := test_rules(tests, rules):
        found.append(f"{TESTS}: {why}")
    known = set(re.findall(r'"((?:rustkernel|process)_\w+)"', common.read(METRICS)))
    for rule in rules:
        text = rule.read_text(encoding="utf-8")
        found += [f"{rule.name}: {name} is no metric" for name in unknown_metrics(text, known)]
        found += [f"{TESTS}: {alert} is not expected" for alert in
                  re.findall(r"^\s*- alert: (\S+)", text, re.M)
                  if f"alertname: {alert}\n" not in tests]
    common.finish(found)


main()
