#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documentation against the tables that the code is made from.

usage: tables.py [--print settings|metrics]     --print: the rows as they should stand in docs/

docs/env_vars.md has a line with the variable, the key and the default of each row of
core/config.def; docs/metrics.md one with the name, type and labels of each row of
pipeline/metrics/metrics.def. No document may name a variable or a metric that no table has.
"""
import re
import sys

import common

SETTINGS, METRICS = "core/config.def", "pipeline/metrics/metrics.def"
ENV_DOC, METRICS_DOC = "docs/env_vars.md", "docs/metrics.md"

# Ours, but no setting: where the settings are, what is made for a child, names of patterns.
NO_SETTING = {"RUSTKERNEL_CONFIG", "RUSTKERNEL_DISABLE", "RUSTKERNEL_NVTX", "RUSTKERNEL_A_B_C"}


def strings(row):
    """The arguments of one row: strings joined and unquoted, words as they are."""
    args = []
    for arg in re.findall(r'(?:"(?:\\.|[^"\\])*"|\([^()]*\)|[^,"])+', row):
        parts = re.findall(r'"((?:\\.|[^"\\])*)"', arg)
        args.append("".join(parts) if parts else arg.strip())
    return args


def rows(text, macro):
    code = common.strip_comments(text, keep_strings=True)
    out = []
    for match in re.finditer(rf"^{macro}\(", code, re.M):
        depth, i, quoted = 1, match.end(), False
        while depth:
            if code[i] == '"' and code[i - 1] != "\\":
                quoted = not quoted
            elif not quoted:
                depth += {"(": 1, ")": -1}.get(code[i], 0)
            i += 1
        out.append(strings(code[match.end():i - 1]))
    return out


def settings(text):
    """[(variable, key, default, other variables, help)] of config.def's rows."""
    return [("RUSTKERNEL_" + key.upper().replace(".", "_"), key, default, other.split(), rest[-1])
            for _, _, default, key, other, *rest in rows(text, "RK_CONFIG")]


def metric_names(text):
    return list(dict.fromkeys(re.findall(r'"((?:rustkernel|process)_\w+|target_info)"',
                                         common.strip_comments(text, keep_strings=True))))


def line_with(doc, *words):
    """True if one line of @doc has each of @words as a word of its own."""
    return any(all(re.search(rf"(?<![\w.]){re.escape(w)}(?![\w])", line) for w in words)
               for line in doc.splitlines())


def check_settings(table, doc):
    found = []
    for variable, key, default, other, _ in settings(table):
        if not line_with(doc, variable, key):
            found.append(f"{ENV_DOC}: no line has both {variable} and {key}")
        elif default and not any(variable in line and default in line for line in doc.splitlines()):
            found.append(f"{ENV_DOC}: {variable}: the default {default!r} is not beside it")
        found += [f"{ENV_DOC}: {name} ({key}) is not named" for name in other
                  if not line_with(doc, name)]
    return found


def check_metrics(table, doc):
    return [f"{METRICS_DOC}: {name} has no line" for name in metric_names(table)
            if not line_with(doc, name)]


def check_mentions(path, text, variables, metrics):
    """Names in @text that no table has. A name that ends in _* or _ stands for a group."""
    found = []
    for match in re.finditer(r"\bRUSTKERNEL_[A-Z0-9_]+\b", text):
        name = match.group(0)
        known = name in variables or (name.endswith("_") and any(v.startswith(name) for v in variables))
        if variables and not known:
            found.append(f"{path}:{common.line_of(text, match.start())}: {name} is no setting")
    for match in re.finditer(r"\brustkernel_[a-z0-9_]+\b", text):
        name = match.group(0)
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        known = name in metrics or base in metrics or (
            name.endswith("_") and any(m.startswith(name) for m in metrics))
        if metrics and not known and not text[match.end():].startswith((".", "/", "(")):
            found.append(f"{path}:{common.line_of(text, match.start())}: {name} is no metric")
    return found


def self_test():
    table = ('RK_CONFIG(a_b, UINT, "80", "a.b", "OTEL_AB", "1 9", "help (one), "\n\t"more")\n'
             'RK_CONFIG(c, STRING, "", "c", "", "", "x")\n')
    assert settings(table)[0] == ("RUSTKERNEL_A_B", "a.b", "80", ["OTEL_AB"], "help (one), more")
    good = "| RUSTKERNEL_A_B | a.b | 80 | OTEL_AB |\n| RUSTKERNEL_C | c | | |\n"
    assert not check_settings(table, good)
    assert len(check_settings(table, good.replace("80", "81"))) == 1
    assert len(check_settings(table, good.replace("RUSTKERNEL_C", ""))) == 1
    assert len(check_settings(table, good.replace("OTEL_AB", ""))) == 1
    row = 'RK_METRIC(x, "rustkernel_x_total", COUNTER)\n'
    assert not check_metrics(row, "| `rustkernel_x_total` |")
    assert len(check_metrics(row, "| `rustkernel_x_totals` |")) == 1
    known = {"RUSTKERNEL_A_B"}, {"rustkernel_x_total"}
    assert len(check_mentions("d", "RUSTKERNEL_A_C rustkernel_y", *known)) == 2
    assert not check_mentions("d", "RUSTKERNEL_A_B rustkernel_x_total `RUSTKERNEL_A_*`", *known)


def print_rows(what):
    if what == "settings":
        print("| variable | key | default | also read | meaning |\n|---|---|---|---|---|")
        for variable, key, default, other, help_text in settings(common.read(SETTINGS)):
            shown = f"`{default}`" if default else ""
            also = " ".join(f"`{name}`" for name in other)
            help_text = help_text.replace("|", "\\|").replace('\\"', '"')
            print(f"| `{variable}` | `{key}` | {shown} | {also} | {help_text} |")
    else:
        for row in rows(common.read(METRICS), "RK_METRIC"):
            print("| " + " | ".join(row) + " |")


def read_if_there(path):
    return common.read(path) if (common.ROOT / path).exists() else None


def main(argv):
    self_test()
    if argv[:1] == ["--print"]:
        return print_rows(argv[1])
    found, compared = [], 0
    table, doc = read_if_there(SETTINGS), read_if_there(ENV_DOC)
    variables, metrics = set(), set()
    if table:
        variables = NO_SETTING | {v for row in settings(table) for v in (row[0], *row[3])}
        if doc is not None:
            compared += 1
            found += check_settings(table, doc)
    table, doc = read_if_there(METRICS), read_if_there(METRICS_DOC)
    if table:
        metrics = set(metric_names(table))
        if doc is not None:
            compared += 1
            found += check_metrics(table, doc)
    for path in common.tracked(".md"):
        compared += 1
        found += check_mentions(path, common.read(path), variables, metrics)
    if not compared:
        common.skip("neither a table nor a document of one is here")
    common.finish(found)


main(sys.argv[1:])
