#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Join the page of `rktrace html`, or the parts of a flame graph, into one file, as a C header.

usage: join.py HEADER NAME page.html style.css MODULE.mjs...    in the order that they need each other

The header has NAME_head and NAME_tail: what stands before and after @data@.

The modules become one script: their imports of each other are left out, so names at the top are
unique through all of them. The page may run that script and use that style sheet, by their
hashes, and nothing else: whatever a trace holds, no other script runs, nothing is fetched.
"""
import base64
import hashlib
import pathlib
import re
import sys

DATA = "@data@"
LINE = 16


def script_of(modules):
    """[(name, text)] -> one script; names at the top of modules must be unique."""
    seen, parts = {}, []
    for name, text in modules:
        text = re.sub(r"^import [^;]*;\n", "", text, flags=re.M)
        for top in re.findall(r"^(?:export )?(?:async )?(?:function\*?|const|let|class) (\w+)",
                              text, re.M):
            if top in seen:
                raise SystemExit(f"join.py: {top} is in {seen[top]} and in {name}")
            seen[top] = name
        parts.append(re.sub(r"^export ", "", text, flags=re.M))
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def hash_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def page_of(html, style, script):
    """The page with @data@ where the trace goes."""
    if re.search(r"</script|</style|]]>", script + style):
        raise SystemExit("join.py: a script or style that ends itself")
    marks = {"@script-hash@": hash_of(script), "@style-hash@": hash_of(style), "@style@": style, "@script@": script}
    # A picture has no policy: it is shown by what has its own.
    for mark, text in marks.items():
        if html.count(mark) != 1 and not (mark.endswith("hash@") and "<html" not in html):
            raise SystemExit(f"join.py: the page needs one {mark}")
        html = html.replace(mark, text)
    return html


def array_of(name, text):
    data = text.encode()
    lines = [", ".join(f"0x{byte:02x}" for byte in data[i:i + LINE])
             for i in range(0, len(data), LINE)]
    return (f"static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines) + "\n};\n" +
            f"static const size_t {name}_size = sizeof({name});\n")


def main(header, name, page, style, *modules):
    def read(path):
        return pathlib.Path(path).read_text(encoding="utf-8")

    script = script_of([(pathlib.Path(path).name, read(path)) for path in modules])
    head, mark, tail = page_of(read(page), read(style), script).partition(DATA)
    if not mark:
        raise SystemExit(f"join.py: the page needs {DATA}")
    pathlib.Path(header).write_text(
        "/* SPDX-License-Identifier: Apache-2.0\n * Made by tools/html/join.py. */\n"
        "#include <stddef.h>\n\n" + array_of(name + "_head", head) +
        array_of(name + "_tail", tail), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
