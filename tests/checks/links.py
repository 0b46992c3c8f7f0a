#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links in Markdown lead somewhere: to a file of the tree, and to a heading that it has."""
import os
import re

import common


def without_code(text):
    text = re.sub(r"^(```|~~~).*?^\1", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text,
                  flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", lambda m: " " * len(m.group(0)), text)


def anchors(text):
    """What the headings of @text are called in links, as GitHub makes it."""
    out = set()
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S)
    for title in re.findall(r"^#{1,6}[ \t]+(.*?)[ \t#]*$", text, re.M):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
        name, n = slug, 0
        while name in out:
            n += 1
            name = f"{slug}-{n}"
        out.add(name)
    return out


def check(path, text, read, exists):
    found = []
    plain = without_code(text)
    targets = [(m.start(), m.group(1)) for m in
               re.finditer(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)", plain)]
    targets += [(m.start(), m.group(1)) for m in
                re.finditer(r"^\[[^\]]+\]:\s*(\S+)", plain, re.M)]
    for offset, target in targets:
        where = f"{path}:{common.line_of(plain, offset)}"
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if goal.startswith("..") or not exists(goal):
            found.append(f"{where}: {target} is not there")
        elif anchor and goal.endswith(".md") and anchor not in anchors(read(goal)):
            found.append(f"{where}: {goal} has no heading #{anchor}")
    return found


def self_test():
    files = {"docs/a.md": "# One `two`\n## One two\n", "tools/setup": "", "README.md": ""}

    def bad(text):
        return len(check("README.md", text, files.get, lambda p: p in files))

    assert bad("[x](docs/a.md) [y](docs/a.md#one-two-1) [z](https://example.org/q)") == 0
    assert bad("[x](docs/b.md)") == 1
    assert bad("[x](docs/a.md#three)") == 1
    assert bad("[x](#three)") == 1
    assert bad("```\n[x](docs/b.md)\n```\n`[x](docs/b.md)`") == 0


def main():
    self_test()
    found = []
    for path in common.tracked(".md"):
        found += check(path, common.read(path), common.read,
                       lambda p: (common.ROOT / p).exists())
    common.finish(found)


main()
