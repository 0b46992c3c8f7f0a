# SPDX-License-Identifier: Apache-2.0
"""The data of the page of `rktrace html`, read back from it, against what the program did: every
bar's place, its call, its range and its stack. How the page looks is tests/page's.
"""
import base64
import json
import re
import zlib

import harness

KERNEL_NS = 2_000_000
PROJECTED, GRAPHS, WORK, RANGES, CALLS = range(1, 6)
SUMMED = ("call", "range", "correlation")


def signed(number):
    return -(number + 1) // 2 if number % 2 else number // 2


def column(data, at, count, width):
    return [sum(data[at + plane * count + i] << 8 * plane for plane in range(width))
            for i in range(count)]


class Page:
    """Bars as dictionaries, numbered from 1 on; what is written in tools/html_write.h."""

    def __init__(self, path):
        text = re.search(rb'<script id="data"[^>]*>([A-Za-z0-9+/=]*)</script>', path.read_bytes())[1]
        data = zlib.decompress(base64.b64decode(text, validate=True))
        at = 4 + int.from_bytes(data[:4], "little")
        self.about = json.loads(data[4:at])
        columns = {}
        for one in self.about["columns"]:
            columns.setdefault(one["name"], column(data, at, one["count"], one["width"]))
            at += one["count"] * one["width"]
        assert at == len(data)
        for name in SUMMED:
            last = 0
            for i, change in enumerate(columns[name]):
                columns[name][i] = last = last + signed(change)
        self.bars = [None]
        for row in self.about["rows"]:
            for count in row["lanes"]:
                end = 0
                for _ in range(count):
                    i = len(self.bars) - 1
                    bar = {name: columns[name][i] for name in ("length", "kind", *SUMMED)}
                    start = end + signed(columns["start"][i])
                    end = start + bar["length"]
                    self.bars.append({**bar, "start": start, "end": end, "row": row,
                                      "name": self.about["names"][columns["name"][i]],
                                      "stack": self.about["names"][columns["stack"][i]]})

    def of(self, row_type, name=None):
        return [bar for bar in self.bars[1:] if bar["row"]["type"] == row_type
                and name in (None, bar["name"])]


class Pages(harness.Case):
    def page(self, *argv, **env):
        live = self.run_program([self.program(argv[0]), *argv[1:]], env={
            "RUSTKERNEL_TRACE_FILE": "live.rkt.zst", "SIMGPU_KERNEL_NS": KERNEL_NS, **env})
        self.assertEqual((live.code, live.stderr), (0, b""))
        self.trace = live.folder / "live.rkt.zst"
        self.rktrace("html", "-o", live.folder / "live.html", self.trace)
        return Page(live.folder / "live.html")

    def test_ranges_lie_around_their_work(self):
        page = self.page("nvtx", "nested", RUSTKERNEL_NVTX=1, RUSTKERNEL_STACKS_MODE="all")
        kernels = page.of(WORK)
        self.assertEqual(len(kernels), self.info(self.trace)["kernels"])
        self.assertEqual([kernel["range"] == 0 for kernel in kernels],
                         [kernel["name"] == "after_kernel" for kernel in kernels])
        self.assertIn("main", page.bars[kernels[-1]["call"]]["stack"])
        kernels = [kernel for kernel in kernels if kernel["range"]]
        self.assertEqual(len(kernels), 3)
        for kernel in kernels:
            call, inner = page.bars[kernel["call"]], page.bars[kernel["range"]]
            self.assertEqual(kernel["length"], KERNEL_NS)
            self.assertEqual((call["row"]["type"], call["correlation"]), (CALLS, kernel["correlation"]))
            self.assertGreaterEqual(kernel["start"], call["start"])
            self.assertIn("main", call["stack"])
            self.assertEqual(inner["row"]["type"], RANGES)
            self.assertTrue(inner["start"] <= call["start"] <= inner["end"])
            seen = page.of(PROJECTED, inner["name"])
            self.assertTrue(any(bar["start"] <= kernel["start"] and kernel["end"] <= bar["end"]
                                for bar in seen), (kernel, seen))
        # A range around others is, on the GPU, around theirs.
        widest = max(page.of(PROJECTED), key=lambda bar: bar["length"])
        self.assertEqual((widest["start"], widest["end"]),
                         (min(bar["start"] for bar in kernels), max(bar["end"] for bar in kernels)))

    def test_launches_of_a_graph_lie_over_its_nodes(self):
        page = self.page("capture")
        info = self.info(self.trace)
        launches = page.of(GRAPHS)
        self.assertEqual(len(launches), info["graph_launches"])
        self.assertEqual(len(page.of(WORK)), info["kernels"] + info["memcpys"] + info["memsets"])
        for launch in launches:
            nodes = [bar for bar in page.of(WORK) if bar["correlation"] == launch["correlation"]]
            self.assertEqual((launch["start"], launch["end"]), (
                min(bar["start"] for bar in nodes), max(bar["end"] for bar in nodes)))
            self.assertEqual({bar["call"] for bar in nodes}, {launch["call"]})

    def test_bars_of_a_lane_never_overlap(self):
        page = self.page("nvtx", "started", RUSTKERNEL_NVTX=1)
        self.assertGreater(len(page.of(RANGES)), 1)
        by_lane = iter(page.bars[1:])
        for row in page.about["rows"]:
            for count in row["lanes"]:
                lane = [next(by_lane) for _ in range(count)]
                for before, after in zip(lane, lane[1:]):
                    self.assertLessEqual(before["end"], after["start"])


if __name__ == "__main__":
    harness.main()
