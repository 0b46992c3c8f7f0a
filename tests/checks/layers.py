#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes follow the floors of the house, and no two source files share a name.

An include of ours is written from the root ("core/ring.h"), so that a wrong arrow can be
seen. interpose/preload.c is the composition root and may include everything.
"""
import collections
import re

import common

COMPOSITION_ROOT = "interpose/preload.c"


def check_includes(path, text):
    folder = path.split("/")[0]
    allowed = common.LAYERS.get(folder)
    found = []
    code = common.strip_comments(text, keep_strings=True)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', code, re.M):
        target = match.group(1)
        where = f"{path}:{common.line_of(code, match.start())}"
        floor = target.split("/")[0]
        if allowed is None:  # tests, examples: any floor, and what lies beside them
            continue
        if "/" not in target:
            found.append(f'{where}: "{target}" is not written from the root ("folder/{target}")')
        elif floor not in common.LAYERS:
            found.append(f'{where}: "{target}" is no floor of the house')
        elif path != COMPOSITION_ROOT and floor not in allowed:
            found.append(f'{where}: {folder}/ may not include "{target}"')
    return found


def check_names(paths):
    """File names are unique, so that a name says which file is meant."""
    seen = collections.defaultdict(list)
    for path in paths:
        seen[path.split("/")[-1]].append(path)
    return [f"{places[0]}: the same name as {', '.join(places[1:])}"
            for places in seen.values() if len(places) > 1]


def self_test():
    def bad(path, line):
        return len(check_includes(path, line + "\n"))

    assert bad("core/ring.c", '#include "trace/trace_writer.h"') == 1
    assert bad("cupti/a.c", '#include "pipeline/join/join.h"') == 1
    assert bad("core/ring.c", '#include "ring.h"') == 1
    assert bad("core/ring.c", '#include "core/ring.h"') == 0
    assert bad("core/ring.c", '/* #include "trace/x.h" */') == 0
    assert bad(COMPOSITION_ROOT, '#include "exporters/http.h"') == 0
    assert bad("interpose/hook.c", '#include "exporters/http.h"') == 1
    assert len(check_names(["core/a.c", "trace/a.c", "core/b.c"])) == 1


def main():
    self_test()
    found = []
    for path in common.tracked(".c", ".h", ".def"):
        found += check_includes(path, common.read(path))
    found += check_names(common.tracked(".c", ".h", ".def", ".cu", ".cpp"))
    common.finish(found)


main()
