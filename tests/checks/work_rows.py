#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every function of the toolkit that gives a GPU work, or waits for it, has a row of its own.

What has no row in interpose/cuda_api.def is only watched for failures: a new copy or launch
function would run unseen. Those that need none are listed here, with the reason.
"""
import collections
import os
import pathlib
import re

import common

WORK = re.compile(r"cuMemcpy|cuMemset|cuLaunch|cuGraphLaunch|cu\w*Synchronize|"
                  r"cuStream(Wait|Write)|cuStreamBatchMemOp")
_WRITE = "writes one value when the stream comes to it: it neither waits nor has a GPU record"
NO_ROW = {f"cuStreamWriteValue{bits}{version}{suffix}": _WRITE for bits in (32, 64)
          for version in ("", "_v2") for suffix in ("", "_ptsz")}


def exported(text):
    """Names that the driver exports, by the versions that cudaTypedefs.h has."""
    plain, per_thread = collections.defaultdict(set), set()
    for name, version, suffix in re.findall(r"\bPFN_(cu\w+?)_v(\d+)(_pt[sd][sz])?\)", text):
        if suffix:
            per_thread.add((name, int(version), suffix))
        else:
            plain[name].add(int(version))
    found = set()
    for name, versions in plain.items():
        found |= {name if i == 0 else f"{name}_v{i + 1}" for i in range(len(versions))}
    for name, version, suffix in per_thread:
        older = sum(v <= version for v in plain[name])
        found.add((name if older < 2 else f"{name}_v{older}") + suffix)
    return found


def check(text, table):
    rows = set(re.findall(r"^RK_API\((\w+),", table, re.M))
    work = {name for name in exported(text) if WORK.match(name)}
    found = [f"interpose/cuda_api.def: no row for {name}, which is work" for name in
             sorted(work - rows - set(NO_ROW))]
    found += [f"tests/checks/work_rows.py: {name} has a row and needs no reason" for name in
              sorted(rows & set(NO_ROW))]
    return found, work


def self_test():
    text = "(CUDAAPI *PFN_cuMemcpyX_v2000)( *PFN_cuMemcpyX_v3020)( *PFN_cuMemcpyX_v7000_ptds)("
    assert exported(text) == {"cuMemcpyX", "cuMemcpyX_v2", "cuMemcpyX_v2_ptds"}
    rows = "".join(f"RK_API({n}, CUresult, ())\n" for n in ("cuMemcpyX", "cuMemcpyX_v2"))
    assert check(text, rows)[0] == ["interpose/cuda_api.def: no row for cuMemcpyX_v2_ptds, "
                                    "which is work"]
    assert not check(text, rows + "RK_API(cuMemcpyX_v2_ptds, CUresult, ())\n")[0]
    assert len(check("", "RK_API(cuStreamWriteValue32, CUresult, ())\n")[0]) == 1


def main():
    self_test()
    header = pathlib.Path(os.environ["RK_CUDA"]) / "include" / "cudaTypedefs.h"
    found, work = check(header.read_text(encoding="utf-8"), common.read("interpose/cuda_api.def"))
    if len(work) < 100:
        found.append(f"{header}: {len(work)} functions are work, expected 100 or more")
    common.finish(found)


main()
