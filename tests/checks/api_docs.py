#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/api.md compile, as C11 and C++17, and it names every function of the header.

An example that defines no function is the inside of one.
"""
import os
import re
import shutil
import subprocess

import common

CC = os.environ.get("RK_CC", "cc")
LANGUAGES = [(CC, "c", "c11"), ("c++", "c++", "c++17")]
FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Wno-unused-parameter", "-Werror",
         "-D_GNU_SOURCE", f"-I{common.ROOT}/include", "-fsyntax-only"]


def examples(text):
    return re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)


def program(example):
    if re.search(r"^\w[^;=]*\)\n\{$", example, re.M):
        body = example
    else:
        body = "void example(void);\nvoid example(void)\n{\n" + example + "}\n"
    return "#include <rustkernel.h>\n" + body


def compile_all(sources):
    found = []
    for compiler, language, standard in LANGUAGES:
        if not shutil.which(compiler):
            print(f"note: {compiler} is not here")
            continue
        for source in sources:
            run = subprocess.run([compiler, "-x", language, f"-std={standard}", *FLAGS, "-"],
                                 input=source, capture_output=True, text=True)
            if run.returncode != 0:
                found.append(f"docs/api.md as {standard}: {run.stderr.strip()}\n{source}")
    return found


def functions(header):
    code = common.strip_comments(header)
    return {name for name in re.findall(r"^(?:static inline[^;{]*?|rk_)\b(rk_\w+|log)\(", code, re.M)
            if not name.startswith("rk_internal")} - {"log"} | {"rk_log"}


def check_names(header, text):
    known = functions(header)
    found = [f"docs/api.md: does not name {name}()" for name in sorted(known)
             if not re.search(rf"\b{name}\b", text)]
    called = set(re.findall(r"\b(rk_\w+)\(", text))
    return found + [f"docs/api.md: {name}() is not in the header" for name in sorted(called - known)]


def self_test():
    text = "a\n```c\nrk_a(1);\n```\nb `rk_c()`\n"
    header = "static inline void rk_a(int x)\n{\n}\nstatic inline struct s *\nrk_b(void)\n{\n}\n"
    assert examples(text) == ["rk_a(1);\n"]
    assert functions(header) == {"rk_a", "rk_b", "rk_log"}, functions(header)
    assert len(check_names(header, text)) == 3
    assert not compile_all([program("int x = 1;\n(void)x;\n")])
    assert compile_all([program("no such thing;\n")])


def main():
    self_test()
    text = common.read("docs/api.md")
    found = check_names(common.read("include/rustkernel.h"), text)
    common.finish(found + compile_all([program(example) for example in examples(text)]))


main()
