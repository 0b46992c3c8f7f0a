#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The picture in README.md: a page of rktrace html in a headless Chromium, near one kernel.

usage: screenshot.py PAGE PICTURE.png [KERNEL]

To make it again: tools/quickstart --simulated, then with its page
    tests/page/screenshot.py out/quickstart/pipeline.html docs/page.png saxpy
"""
import pathlib
import struct
import sys
import zlib

sys.dont_write_bytecode = True
import browser  # pylint: disable=wrong-import-position

AROUND = 12     # times its own length, on both sides

ZOOM = """
const app = window.rktrace, { bars, about } = app.trace;
const all = [...bars.name.keys()].filter((i) => about.names[bars.name[i]] === arguments[0]);
const i = all[all.length >> 1], length = bars.end[i] - bars.start[i];
app.zoomTo(bars.start[i] - arguments[1] * length, bars.end[i] + arguments[1] * length);
return i;
"""
PLACE = """
const app = window.rktrace, i = arguments[0], { bars } = app.trace, track = app.painter.trackOf(i);
const box = app.canvas.getBoundingClientRect();
return [box.left + app.view.xOf((bars.start[i] + bars.end[i]) / 2), box.top + app.painter.yOf(track) + track.height / 2];
"""


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def squeeze(png):
    """The same picture in fewer bytes: the browser compresses for speed."""
    at, head, pixels = 8, b"", b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        data = png[at + 8:at + 8 + size]
        head, pixels = head + (data if kind == b"IHDR" else b""), pixels + (data if kind == b"IDAT" else b"")
        at += 12 + size
    return png[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(zlib.decompress(pixels), 9)) + chunk(b"IEND", b"")


def main():
    page, picture, *kernel = sys.argv[1:]
    window = browser.Browser(820, 510)
    try:
        window.theme("light")
        window.open(page)
        window.until("window.rktrace && window.rktrace.frames.length > 0", "the page")
        bar = window.run(ZOOM, kernel[0] if kernel else "saxpy", AROUND)
        window.click(*window.run(PLACE, bar))
        window.until(f"window.rktrace.selected === {bar}", "the selection")
        pathlib.Path(picture).write_bytes(squeeze(window.screenshot()))
    finally:
        window.close()


main()
