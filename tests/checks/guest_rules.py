#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of a good guest names tests that exist, and no test is unnamed (docs/guest.md,
tests/guest/*_test.py)."""
import ast
import re

import common

RULES, PROGRAMS = 15, 10
ROW = re.compile(r"^\| (\d+)\b(.*)$", re.M)


def tests_of(source):
    """{"Class.test"} of a test file, inherited ones included."""
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}

    def methods(name):
        node = classes.get(name)
        if node is None:
            return set()
        found = set().union(set(), *(methods(base.id) for base in node.bases
                                     if isinstance(base, ast.Name)))
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name.startswith("test_"):
                found.add(item.name)
            elif isinstance(item, ast.Assign):
                found -= {target.id for target in item.targets if isinstance(target, ast.Name)}
        return found

    return {f"{name}.{test}" for name in classes for test in methods(name)}


def check_section(title, text, count, tests):
    rows = {}
    for number, rest in ROW.findall(text):
        rows.setdefault(int(number), []).extend(re.findall(r"`([A-Z]\w*\.test_\w+)`", rest))
    found = [f"docs/guest.md: {title} {n} is missing" for n in range(1, count + 1) if n not in rows]
    for number, named in sorted(rows.items()):
        if not named:
            found.append(f"docs/guest.md: {title} {number} names no test")
        found += [f"docs/guest.md: {title} {number}: there is no {test}" for test in named
                  if test not in tests]
    return found


def check(document, *sources):
    tests = set().union(*map(tests_of, sources))
    rules, _, rest = document.partition("## The ten programs")
    programs = rest.partition("## Runtimes")[0]
    found = check_section("rule", rules, RULES, tests)
    found += check_section("program", programs, PROGRAMS, tests)
    named = set(re.findall(r"`([A-Z]\w*\.test_\w+)`", document))
    found += [f"docs/guest.md: there is no {test}" for test in
              sorted(set(re.findall(r"`([A-Z]\w*\.test_\w+)`", rest)) - tests)]
    found += [f"docs/guest.md: nothing needs {test}" for test in sorted(tests - named)]
    return found


def self_test():
    source = "class A:\n    def test_a(self):\n        pass\n\n\nclass B(A):\n    test_a = None\n"
    assert tests_of(source) == {"A.test_a"}
    assert not check_section("rule", "| 1 | x | `A.test_a` |\n", 1, {"A.test_a"})
    assert check_section("rule", "| 1 | x | `A.test_b` |\n", 1, {"A.test_a"})
    assert check_section("rule", "| 1 | x | nothing |\n", 1, {"A.test_a"})
    assert len(check_section("rule", "| 1 | x | `A.test_a` |\n", 2, {"A.test_a"})) == 1


self_test()
SOURCES = [common.read(f"tests/guest/{name}_test.py") for name in ("guest", "runtimes", "aarch64")]
common.finish(check(common.read("docs/guest.md"), *SOURCES))
