#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every prototype in a header stands under a comment that says in which context it may be called.

The contexts have different laws (no allocation in a hook, no CUDA on the exporter's thread), so
"Context:" is the one field that is never left out. Prototypes without a blank line between them
(a create and its destroy) share a comment.
"""
import re

import common


def prototypes(text):
    """Yields (offset of the statement, statement) of each function declared in a header."""
    code = common.strip_comments(text)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  code, flags=re.M)
    code = re.sub(r'extern\s+"[^"]*"\s*\{', lambda m: " " * len(m.group(0)), code)
    depth, start = 0, 0
    for i, char in enumerate(code):
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                start = i + 1
        elif char == ";" and depth == 0:
            statement = code[start:i]
            offset = start + len(statement) - len(statement.lstrip())
            start = i + 1
            flat = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", statement, flags=re.S).strip()
            declares = re.match(r"^(?!typedef|static_assert|_Static_assert|RK_[A-Z_]+\s*\()"
                                r"[\w\s*]+?\b(\w+)\s*\([^;]*\)$", flat, re.S)
            if declares:
                yield offset, declares.group(1)


def check(path, text):
    found = []
    previous_end = -1
    for offset, name in prototypes(text):
        above = text[:offset].rstrip()
        where = f"{path}:{common.line_of(text, offset)}: {name}()"
        shares = previous_end > 0 and text[previous_end:offset] == "\n"
        previous_end = text.index(";", offset) + 1
        if shares:
            continue
        comment = above[above.rfind("/*"):] if above.endswith("*/") else None
        if comment is None or text[len(above):offset].count("\n") > 1:
            found.append(f"{where} has no comment")
        elif "Context:" not in comment:
            found.append(f"{where} does not say its Context:")
    return found


def self_test():
    good = "/**\n * Do it.\n *\n * Context: any.\n */\nint rk_a_do(struct a *a, int (*f)(int));\n"
    assert not check("core/a.h", good)
    assert len(check("core/a.h", good.replace("Context:", "Called in"))) == 1
    assert len(check("core/a.h", "int rk_a_do(void);\n")) == 1
    assert len(check("core/a.h", good + "\nint rk_a_other(void);\n")) == 1
    assert not check("core/a.h", good + "int rk_a_other(void);\n")
    assert not check("core/a.h", "struct s {\n\tint (*f)(void);\n};\nextern int x;\n"
                                 "typedef int (*t)(void);\nstatic inline int f(void)\n{\n\tg();\n}\n")


def main():
    self_test()
    found = []
    for path in common.tracked(".h"):
        if path.split("/")[0] in common.LAYERS:
            found += check(path, common.read(path))
    common.finish(found)


main()
