#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The edges of the libraries as they were built.

usage: symbols.py BUILD-FOLDER

librkpreload.so enters programs that nobody changed. It needs libc and nothing else, no symbol
newer than the glibc floor (an unmet version kills the program at start), and exports exactly
the functions of interpose/cuda_api.def, those of the toolkit's headers that are watched, and the
few listed here: whatever else it exported would come before the program's own. A named symbol version would switch the dlsym hook off for
programs that ask for none. What musl lacks may be asked for weakly at most, glibc's loader not at
all: a program of musl, which has a libc.so.6 of its own, would not start. librknet.so exports its
entry points alone.
"""
import os
import pathlib
import re
import subprocess
import sys

import common

GLIBC_FLOOR = (2, 34)
NEEDED = re.compile(r"libc\.so\.6$")
MUSL = "/lib/ld-musl-{}.so.1"  # its loader and libc, in one file
REQUIRED = {"dlsym", "dlvsym", "cuptiSubscribe", "cuptiActivityRegisterCallbacks",
            "cuptiActivityRegisterTimestampCallback", "cuptiActivityEnable",
            "cuptiActivityDisable", "cuptiActivityEnableContext", "cuptiActivityDisableContext",
            "cuptiActivityEnableAndDump", "cuptiFinalize", "cuptiUnsubscribe",
            "InitializeInjection"}
ALLOWED = REQUIRED | {"rk_api_v1", "cuptiSubscribe_v2", "exit", "_exit", "_Exit", "quick_exit",
                      "InitializeInjectionNvtx2"}
NET_ENTRY = re.compile(r"rk_net_\w+$")


def tool(*command):
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        common.finish([f"{' '.join(command)}: {run.stderr.strip()}"])
    return run.stdout


def check_needed(name, dynamic):
    found = [f"{name}: needs {lib}" for lib in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
             if not NEEDED.match(lib)]
    if "TEXTREL" in dynamic:
        found.append(f"{name}: has text relocations")
    return found


def check_floor(name, undefined):
    found = []
    for symbol, major, minor in re.findall(r"(\S+)@GLIBC_(\d+)\.(\d+)", undefined):
        if (int(major), int(minor)) > GLIBC_FLOOR:
            found.append(f"{name}: {symbol} is of glibc {major}.{minor}, above the floor "
                         f"{GLIBC_FLOOR[0]}.{GLIBC_FLOOR[1]}")
    return found


def strong(undefined):
    """Names of `nm -D --undefined-only` that the loader must find."""
    return {line.split()[-1].split("@")[0] for line in undefined.splitlines()
            if line.split()[:1] == ["U"]}


def check_musl(name, undefined, musl):
    return [f"{name}: {symbol} is not in musl: make it a weak reference, or do without"
            for symbol in sorted(strong(undefined) - musl)]


def exports(defined):
    """Names of `nm -D --defined-only`, with their version if they have one."""
    return {line.split()[-1] for line in defined.splitlines() if line.strip()}


def check_exports(name, have, hooks):
    found = [f"{name}: exports {s} under a symbol version" for s in sorted(have) if "@" in s]
    have = {s.split("@")[0] for s in have}
    found += [f"{name}: exports {s}, which is not listed" for s in sorted(have - hooks - ALLOWED)]
    found += [f"{name}: does not export {s}" for s in sorted((hooks | REQUIRED) - have)]
    return found


def hook_names(table):
    code = common.strip_comments(table)
    return set(re.findall(r"^RK_API\w*\(\s*(cu\w+)\s*,", code, re.M))


def self_test():
    assert not check_needed("a", " 0x1 (NEEDED)  Shared library: [libc.so.6]\n")
    assert len(check_needed("a", " 0x1 (NEEDED)  Shared library: [libzstd.so.1]\n")) == 1
    assert not check_floor("a", "  U read@GLIBC_2.2.5\n  U x@GLIBC_2.34\n")
    assert len(check_floor("a", "  U strlcpy@GLIBC_2.38 (2)\n")) == 1
    assert len(check_needed("a", " 0x1 (NEEDED)  Shared library: [ld-linux-x86-64.so.2]\n")) == 1
    assert not check_musl("a", "     U read@GLIBC_2.2.5\n     w _r_debug\n", {"read"})
    assert len(check_musl("a", "     U read@GLIBC_2.2.5\n     U _r_debug\n", {"read"})) == 1
    hooks = hook_names("/* RK_API(no, */\nRK_API(cuInit, CUresult, (int), (), X)\n")
    assert hooks == {"cuInit"}
    good = exports("\n".join(f"0000 T {s}" for s in REQUIRED | hooks))
    assert not check_exports("a", good, hooks)
    assert len(check_exports("a", good | {"ZSTD_compress"}, hooks)) == 1
    assert len(check_exports("a", good - {"cuInit"}, hooks)) == 1
    assert len(check_exports("a", good - {"dlsym"} | {"dlsym@@RK_1"}, hooks)) == 1


def find(build, name):
    places = sorted(p for p in pathlib.Path(build).rglob(name) if p.is_file())
    return places[0] if places else None


def main(argv):
    self_test()
    preload = find(argv[0], "librkpreload.so")
    if not preload:
        common.finish([f"{argv[0]}: librkpreload.so was not built"])
    hooks = hook_names(common.read("interpose/cuda_api.def"))
    watched = hook_names(find(argv[0], "cuda_watch.def").read_text(encoding="utf-8"))
    if len(watched) < 300:
        common.finish([f"cuda_watch.def: {len(watched)} functions are watched, expected 300 or more"])
    hooks |= watched
    found = check_needed(preload.name, tool("readelf", "-dW", preload))
    undefined = tool("nm", "-D", "--undefined-only", preload)
    found += check_floor(preload.name, undefined)
    musl = pathlib.Path(MUSL.format(os.uname().machine))
    if musl.exists():
        found += check_musl(preload.name, undefined, exports(tool("nm", "-D", "--defined-only", musl)))
    else:
        print(f"note: {musl} is not there; what musl lacks was not checked")
    have = exports(tool("nm", "-D", "--defined-only", preload))
    found += check_exports(preload.name, have, hooks)
    if (common.ROOT / "include" / "rustkernel.h").exists() and "rk_api_v1" not in have:
        found.append(f"{preload.name}: does not export rk_api_v1, the table of include/rustkernel.h")
    net = find(argv[0], "librknet.so")
    if net:
        found += check_floor(net.name, tool("nm", "-D", "--undefined-only", net))
        have = exports(tool("nm", "-D", "--defined-only", net))
        found += [f"{net.name}: exports {s}" for s in sorted(have) if not NET_ENTRY.match(s)]
    else:
        print("note: librknet.so is not part of this build")
    common.finish(found)


main(sys.argv[1:])
