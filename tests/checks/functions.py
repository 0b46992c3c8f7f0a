#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Size of functions, and what no function may call.

At most 100 lines, cyclomatic 20 (a switch counts once, not per case), 8 parameters; hooks and
the simulated driver have the parameters that CUDA gives them (as do macros that stand for them). A TODO names its issue: TODO(#12).
"""
import re

import common

MAX_LINES, MAX_BRANCHES, MAX_PARAMETERS = 100, 20, 8
FOREIGN_SIGNATURE = re.compile(r"(cu[A-Z]|cuda[A-Z]|cupti[A-Z]|__cuda|__wrap_|__real_|hook_cu|sim_cu|[A-Z][A-Z0-9_]*$)")

# Instead of: snprintf, memcpy, strtok_r, strtoul.
BANNED = "strcpy stpcpy strcat sprintf vsprintf strtok atoi atol atoll atof gets alloca"
# A guest neither ends, nor speaks for, nor multiplies its host.
BANNED_IN_GUEST = "abort assert exit _exit quick_exit _Exit printf vprintf puts putchar system popen fork vfork"
MAY_EXIT = {"core/own_threads.c"}  # does what the last thread of the host would have done


def first_branch(code):
    """@code without directives, and of each #if only the first branch, so that braces match."""
    out, stack, continued = [], [], False
    for line in code.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)", line)
        if continued or directive:
            if directive and not continued:
                word = directive.group(1)
                if word in ("if", "ifdef", "ifndef"):
                    stack.append(True)
                elif word in ("else", "elif") and stack:
                    stack[-1] = False
                elif word == "endif" and stack:
                    stack.pop()
            continued = line.endswith("\\")
            out.append("")
        else:
            out.append(line if all(stack) else "")
    return "\n".join(out)


def matching(text, start, pair):
    depth = 0
    for i in range(start, len(text)):
        if text[i] == pair[0]:
            depth += 1
        elif text[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
    return len(text) - 1


def functions(text):
    """Yields (name, line, lines, branches, parameters) of each function defined in @text."""
    code = first_branch(common.strip_comments(text))
    code = re.sub(r'extern\s+"[^"]*"\s*\{', lambda m: " " * len(m.group(0)), code)
    start = i = 0
    while i < len(code):
        if code[i] == ";" or code[i] == "}":
            start = i + 1
        elif code[i] == "{":
            end = matching(code, i, "{}")
            head = code[start:i]
            match = re.search(r"([A-Za-z_]\w*)\s*\(", re.sub(
                r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\([^)]*\)",
                lambda m: " " * len(m.group(0)), head, flags=re.S))
            if match and "=" not in head[:match.start()] and head.rstrip().endswith(")"):
                body = code[i:end + 1]
                close = matching(head, match.end() - 1, "()")
                inside = re.sub(r"\([^()]*\)", "", head[match.end():close]).strip()
                parameters = 0 if inside in ("", "void") else inside.count(",") + 1
                branches = 1 + len(re.findall(r"\b(?:if|for|while|switch)\b|&&|\|\||\?", body))
                first = common.line_of(code, start + len(head) - len(head.lstrip()))
                yield (match.group(1), first, common.line_of(code, end) - first + 1,
                       branches, parameters)
            i = end
            start = end + 1
        i += 1


def check_sizes(path, text):
    found = []
    for name, line, lines, branches, parameters in functions(text):
        where = f"{path}:{line}: {name}()"
        if lines > MAX_LINES:
            found.append(f"{where} has {lines} lines, more than {MAX_LINES}")
        if branches > MAX_BRANCHES:
            found.append(f"{where} has cyclomatic complexity {branches}, more than {MAX_BRANCHES}")
        if parameters > MAX_PARAMETERS and not FOREIGN_SIGNATURE.match(name):
            found.append(f"{where} has {parameters} parameters, more than {MAX_PARAMETERS}")
    return found


def check_banned(path, text):
    if path.startswith("tests/"):  # whose input is their own
        return []
    guest = path.split("/")[0] in common.GUEST_FOLDERS
    words = (BANNED + " " + (BANNED_IN_GUEST if guest else "")).split()
    if path in MAY_EXIT:
        words.remove("exit")
    pattern = r"(?<![\w.>])(" + "|".join(words) + r")\s*\("
    code = common.strip_comments(text)
    return [f"{path}:{common.line_of(code, m.start())}: {m.group(1)}() is banned here"
            for m in re.finditer(pattern, code)]


def check_todo(path, text):
    return [f"{path}:{common.line_of(text, m.start())}: {m.group(1)} without the number of an issue"
            for m in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", text)]


def self_test():
    def body(count, line="\tf();\n"):
        return "static int g(int a,\n\t     int b)\n{\n" + line * count + "}\n"

    assert list(functions(body(3))) == [("g", 1, 7, 1, 2)], list(functions(body(3)))
    assert list(functions("int t[] = {1};\nstruct s {\n\tint (*f)(void);\n};\n")) == []
    assert not check_sizes("core/a.c", body(90))
    assert len(check_sizes("core/a.c", body(98))) == 1
    assert len(check_sizes("core/a.c", body(20, "\tif (a && b) f();\n"))) == 1
    nine = "void g(" + ", ".join(f"int p{i}" for i in range(9)) + ")\n{\n}\n"
    assert len(check_sizes("core/a.c", nine)) == 1
    assert not check_sizes("core/a.c", nine.replace("g(", "cuLaunchKernel("))
    split = "#if A\nint g(int a) {\n#else\nint g(long a) {\n#endif\n\treturn a;\n}\n"
    assert len(list(functions(split))) == 1
    assert len(check_banned("core/a.c", "x = atoi(s); abort();")) == 2
    assert not check_banned("tests/unit/a.c", "x = atoi(s);")
    assert len(check_banned("core/own_threads.c", "exit(0); _exit(1);")) == 1
    assert len(check_banned("tools/a.c", "x = atoi(s); exit(1);")) == 1
    assert not check_banned("core/a.c", "/* exit(1) */ static_assert(1); s->exit(); atexit(f);")
    assert len(check_todo("a.c", "/* TO" "DO: later */")) == 1
    assert not check_todo("a.c", '/* TO' 'DO(#12): later */ "/tmp/x-XXXXXX"')


def main():
    self_test()
    found = []
    for path in common.c_files():
        text = common.read(path)
        found += check_sizes(path, text) + check_banned(path, text) + check_todo(path, text)
    common.finish(found)


main()
