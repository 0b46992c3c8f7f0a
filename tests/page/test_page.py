# SPDX-License-Identifier: Apache-2.0
"""The page of `rktrace html` as people use it, in a headless Chromium.

usage: test_page.py RKTRACE MAKE_TRACE MAKE_STORM [unittest's options]
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

import browser

RKTRACE, MAKE_TRACE, MAKE_STORM = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
SKIP = 77
MILLION = 1000000
PAGE_MOST = 8 << 20     # bytes
FRAME_MOST_MS = 33      # 95th percentile of the page's own work
HOSTILE = ["</script><script>document.title='owned'</script>", "'\"><img/src=x/onerror=\"document.title='owned'\">",
           "<!--", "-->", "]]>", "${document.title='owned'}", "äöü 核 \U0001f600 \u202e rtl", "a\\u0000b", "&lt;b&gt;", "__proto__"]

# Waves, so that a zoom goes through every level; FRAMES are enough for a percentile.
WAVES = """
const done = arguments[arguments.length - 1], app = window.rktrace, FRAMES = 300;
app.frames.length = 0;
let n = 0;
function step() {
  const view = app.view, phase = n % 100;
  if (phase < 50)
    view.zoom(view.from + view.length * (0.5 + 0.4 * Math.sin(n)), 0.8);
  else if (phase < 65)
    view.pan(view.length * 0.25);
  else
    view.zoom(view.from + view.length * 0.5, 1 / 0.72);
  app.refresh();
  if (++n < FRAMES)
    requestAnimationFrame(step);
  else
    requestAnimationFrame(() => done(app.frames));
}
step();
"""
# Relative luminance as WCAG has it, of every text that is shown and what lies behind it.
CONTRAST = """
function parts(color) { return color.match(/[\\d.]+/g).map(Number); }
function light([r, g, b]) {
  const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
const bad = [];
for (const element of document.querySelectorAll("header *, #panel *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.offsetParent || element.matches(".unseen"))
    continue;
  let behind = element;
  while (behind && (parts(getComputedStyle(behind).backgroundColor)[3] === 0))
    behind = behind.parentElement;
  const a = light(parts(getComputedStyle(element).color)), b = light(parts(getComputedStyle(behind || document.body).backgroundColor));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5)
    bad.push(element.tagName + " " + element.textContent.slice(0, 30) + " " + ratio.toFixed(2));
}
return bad;
"""
SCRIPT = """
alloc 1048576 at=4096
begin 1 step nvtx
begin 2 forward parent=1 nvtx
attach 2
kernel _Z4axpyfPfS_ 0.002 5
copy 65536 0.001
detach
end 2 ok
end 1 ok
at 1.5
kernel _ZN3foo9transposeILi32EfEEvPT0_PKS2_ 0.001 3
graph instantiated 99 3
graph launch 7 99 nodeA=2 nodeB=1
fail _Z4axpyfPfS_
free 1048576 at=4096
"""


def data_of(page):
    """What a page holds: the description, and the bytes of the columns."""
    text = re.search(r'<script id="data"[^>]*>([A-Za-z0-9+/=]*)</script>', page)[1]
    raw = zlib.decompress(base64.b64decode(text, validate=True))
    length = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4:4 + length]), raw[4 + length:]


class PageCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def html(self, trace, *options):
        page = self.folder / (trace.name + ".html")
        done = subprocess.run([RKTRACE, "html", "--force", "-o", page, *options, trace], check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.told = done.stderr
        return page

    def script_trace(self, name, text):
        trace = self.folder / name
        subprocess.run([MAKE_TRACE, trace, "script"], input=text, text=True, check=True)
        return trace

    def open(self, page):
        self.browser.open(page)
        self.browser.until("!!window.rktrace", "the page")
        self.browser.until("window.rktrace.frames.length > 0", "its first frame")

    def app(self, expression):
        return self.browser.run("const app = window.rktrace, { bars, about } = app.trace; return " + expression)

    def selected_name(self):
        return self.app("app.selected < 0 ? '' : about.names[bars.name[app.selected]]")

    def tearDown(self):
        self.assertEqual(self.browser.messages(), [], "what the browser complains of")


class Use(PageCase):
    def setUp(self):
        self.open(self.html(self.script_trace("use.rkt", SCRIPT)))
        self.app("app.canvas.focus()")

    def place(self, bar):
        """The middle of a bar, in pixels of the window."""
        return self.browser.run("""
            const app = window.rktrace, i = arguments[0], { bars } = app.trace, track = app.painter.trackOf(i);
            const box = app.canvas.getBoundingClientRect();
            return [box.left + app.view.xOf((bars.start[i] + bars.end[i]) / 2), box.top + app.painter.yOf(track) + track.height / 2];
            """, bar)

    def first(self, name):
        found = self.browser.run("const { bars, about } = window.rktrace.trace; return bars.name.findIndex((n) => about.names[n] === arguments[0]);", name)
        self.assertGreaterEqual(found, 0, name)
        return found

    def test_shows_what_the_file_holds(self):
        rows = self.app("app.trace.rows.map((row) => [row.type, row.lanes.reduce((a, b) => a + b.count, 0)])")
        self.assertEqual(rows, [[1, 2], [2, 1], [3, 12], [4, 2], [5, 13]])  # three nodes, one call

    def test_zooms_by_wheel_and_keys_and_back(self):
        whole = self.app("app.view.length")
        x, y = self.place(self.first("axpy"))
        for _ in range(20):
            self.browser.wheel(x, y, -120)
        self.assertLess(self.app("app.view.length"), whole / 50)
        near = self.app("app.view.length")
        self.browser.press("w", "w")
        self.assertAlmostEqual(self.app("app.view.length"), near * 0.64, delta=near * 0.01)
        self.browser.press("0")
        self.assertAlmostEqual(self.app("app.view.length"), whole, delta=1)

    def test_click_goes_from_kernel_to_call_and_back(self):
        self.browser.run("const a = window.rktrace; a.zoomTo(a.trace.bars.start[arguments[0]], a.trace.bars.end[arguments[0]])", self.first("axpy"))
        self.browser.click(*self.place(self.first("axpy")))
        self.assertEqual(self.selected_name(), "axpy")
        kernel = self.app("app.selected")
        text = self.browser.run("return document.getElementById('pane-selection').innerText")
        self.assertIn("axpy(float, float*, float*)", text)
        self.assertIn("2.00 ms", text)
        self.assertIn("In range", text)
        self.browser.run("document.getElementById('to-call').click()")
        self.assertEqual(self.selected_name(), "cuLaunchKernel")
        self.browser.run("document.getElementById('to-work').click()")
        self.assertEqual(self.app("app.selected"), kernel)
        self.app("app.canvas.focus()")
        self.browser.press("Enter")
        self.assertEqual(self.selected_name(), "cuLaunchKernel")
        self.browser.press("Enter")
        self.assertEqual(self.app("app.selected"), kernel)

    def test_searches(self):
        self.browser.press("/", *"TRANSpose", "Enter")
        self.browser.until("document.getElementById('matches').textContent === '3 matches'", "the search")
        self.assertEqual(self.selected_name(), "foo::transpose")
        first = self.app("app.selected")
        self.browser.run("document.getElementById('next').click()")
        self.assertEqual(self.app("app.selected"), first + 1)
        self.browser.run("document.getElementById('previous').click()")
        self.assertEqual(self.app("app.selected"), first)
        self.app("app.canvas.focus()")
        self.browser.press("Escape")
        self.assertEqual(self.app("[app.selected, app.search.query]"), [-1, ""])

    def test_keys_go_from_bar_to_bar(self):
        self.browser.press("ArrowRight")
        first = self.app("app.selected")
        self.browser.press("ArrowRight")
        self.assertEqual(self.app("app.selected"), first + 1)
        self.assertIn("kernel", self.browser.run("return document.getElementById('announce').textContent"))
        self.browser.press("ArrowDown")
        self.assertNotEqual(self.app("app.trace.lanes.findIndex((l) => app.selected < l.end)"),
                            self.app(f"app.trace.lanes.findIndex((l) => {first} < l.end)"))

    def test_tables_tell_what_the_report_tells(self):
        report = json.loads(subprocess.run([RKTRACE, "report", "--json", self.folder / "use.rkt"], check=True,
                                           capture_output=True, text=True).stdout)
        totals = {row["name"]: row["total_ns"] for row in report["kernels"]}
        shown = self.app("Object.fromEntries(about.work.filter((r) => r.kind === 0).map((r) => [about.names[r.name], r.total_ns]))")
        self.assertEqual(shown, totals)
        for tab in ("work", "idle", "memory", "list"):
            self.browser.run("document.getElementById(arguments[0]).click()", "tab-" + tab)
            self.assertGreater(self.browser.run("return document.querySelectorAll('#' + arguments[0] + ' tbody tr').length", "pane-" + tab), 0, tab)

    def test_themes_and_contrast(self):
        for theme in ("light", "dark"):
            self.browser.theme(theme)
            self.browser.until(f"document.documentElement.dataset.theme === '{theme}'", theme)
            for tab in ("selection", "work", "idle", "memory", "list", "found"):
                self.browser.run("window.rktrace.openTab(arguments[0])", tab)
                self.assertEqual(self.browser.run(CONTRAST), [], theme)
        self.browser.press("t")     # auto, light
        self.assertEqual(self.browser.run("return document.documentElement.dataset.theme"), "light")
        self.browser.press("t", "t")

    def test_everything_has_a_name_for_those_who_do_not_see_it(self):
        nameless = self.browser.run("""return [...document.querySelectorAll("button, input, canvas, [role=tabpanel]")].filter((e) =>
            !(e.textContent.trim() || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby"))).map((e) => e.outerHTML)""")
        self.assertEqual(nameless, [])
        self.browser.press("?")
        self.assertTrue(self.browser.run("return document.getElementById('help').open"))
        self.browser.press("Escape")


class Hostile(PageCase):
    def test_names_are_never_markup(self):
        def quoted(name):
            return name if '"' in name else f'"{name}"'
        text = "".join(f"begin {i + 1} {quoted(name)} nvtx\nend {i + 1}\nkernel {quoted(name)} 0.001\n" for i, name in enumerate(HOSTILE))
        page = self.html(self.script_trace("hostile.rkt", text))
        source = page.read_text(encoding="utf-8")
        self.assertNotIn("owned", source)
        about, _ = data_of(source)
        for name in HOSTILE:
            self.assertIn(name, about["full_names"] + about["names"])
        self.open(page)
        for i in range(self.app("bars.count")):
            self.browser.run("window.rktrace.select(arguments[0], true); window.rktrace.hover(400, 120)", i)
        for tab in ("work", "idle", "memory", "list", "found", "selection"):
            self.browser.run("window.rktrace.find('e'); window.rktrace.openTab(arguments[0])", tab)
        self.assertNotIn("owned", self.browser.run("return document.title"))
        self.assertEqual(self.browser.run("return document.querySelectorAll('img, #panel script').length"), 0)

    def test_a_name_of_half_a_mebibyte_is_cut(self):
        trace = self.folder / "long.rkt"
        subprocess.run([MAKE_STORM, trace, "100", str(512 << 10)], check=True)
        page = self.html(trace)
        self.assertLess(page.stat().st_size, 200 << 10)
        self.open(page)
        self.browser.run("window.rktrace.select(5, true); window.rktrace.hover(600, 120); window.rktrace.openTab('work')")
        longest = self.app("Math.max(...about.names.map((name) => name.length), ...about.full_names.map((name) => name.length))")
        self.assertGreater(longest, 400)
        self.assertLess(longest, 9000)

    def test_an_empty_file_is_a_page(self):
        self.open(self.html(self.script_trace("empty.rkt", "at 1\n")))
        self.browser.press("ArrowRight", "w", "Enter", "0")
        self.assertEqual(self.app("app.selected"), -1)


class Million(PageCase):
    def test_a_million_kernels(self):
        trace = self.folder / "storm.rkt"
        subprocess.run([MAKE_STORM, trace, str(MILLION)], check=True)
        page = self.html(trace)
        self.assertEqual(self.told, "")
        self.assertLessEqual(page.stat().st_size, PAGE_MOST)
        self.open(page)
        self.assertEqual(self.app("app.trace.lanes.filter((l) => l.row.type === 3).reduce((sum, l) => sum + l.count, 0)"), MILLION)
        # Any one of them can be looked at, and led back to its call.
        self.assertEqual(self.app("bars.call.reduce((n, call) => n + (call > 0), 0)"), MILLION)
        self.app("app.zoomToBar(777777)")
        self.assertLess(self.app("app.view.length"), 200000)
        # Other work on the machine is not the page's: the best of three rounds.
        times = []
        for _ in range(3):
            frames = sorted(self.browser.run_async(WAVES))
            self.assertGreater(len(frames), 200)
            times.append(frames[int(len(frames) * 0.95)])
            if times[-1] <= FRAME_MOST_MS:
                break
        print(f"page: {page.stat().st_size / 2**20:.2f} MiB; 95th percentile of a frame's work {min(times):.1f} ms", file=sys.stderr)
        self.assertLessEqual(min(times), FRAME_MOST_MS)

    def test_a_window_is_small_and_the_rest_coarse(self):
        trace = self.folder / "window.rkt"
        subprocess.run([MAKE_STORM, trace, str(MILLION // 4)], check=True)
        page = self.html(trace, "--from", "500ms", "--to", "600ms")
        self.assertIn("in full detail", self.told)
        self.assertLessEqual(page.stat().st_size, 3 << 20)
        self.open(page)
        self.assertEqual(self.app("about.work_bars + about.work_left_out"), MILLION // 4)
        self.assertGreater(self.app("about.work_bars"), 10000)
        self.assertEqual(self.app("bars.call.reduce((n, call, i) => n + (bars.kind[i] === 0 && !call), 0)"), 0)
        self.assertTrue(self.app("app.trace.rows.filter((row) => row.type === 3).every((row) => row.pieces.some((p) => p > 500))"))
        self.assertFalse(self.browser.run("return document.getElementById('notice').hidden"))


class Flame(PageCase):
    KERNELS = 1200

    def svg(self, *options, name_bytes=0):
        trace, picture = self.folder / "flame.rkt", self.folder / "flame.svg"
        trace.unlink(missing_ok=True)
        subprocess.run([MAKE_STORM, trace, str(self.KERNELS), str(name_bytes)], check=True)
        subprocess.run([RKTRACE, "flame", "--force", "-o", picture, *options, trace], check=True)
        return trace, picture

    def frames(self, picture):
        """{name: share}, of names that are there once."""
        groups = xml.etree.ElementTree.parse(picture).iterfind(".//{*}g[@data-w]")
        return {group.find("{*}title").text.split("\n")[0]: float(group.get("data-w")) for group in groups}

    def test_widths_are_what_the_report_tells(self):
        trace, picture = self.svg()
        kernels = json.loads(subprocess.run([RKTRACE, "report", "--json", "--mangled", trace], check=True,
                                            capture_output=True, text=True).stdout)["kernels"]
        all_ns = sum(row["total_ns"] for row in kernels)
        frames = self.frames(picture)
        self.assertEqual(frames["all"], 1)
        adam = next(row for row in kernels if "adam" in row["name"])
        self.assertAlmostEqual(frames["adam"], adam["total_ns"] / all_ns, places=6)
        shares = self.frames(self.svg("--by", "launches")[1])
        self.assertAlmostEqual(shares["adam"], adam["instances"] / self.KERNELS, places=6)
        self.assertAlmostEqual(shares["0x400300"], 4 / 12, places=6)

    def test_zooms_and_searches(self):
        self.browser.open(self.svg()[1])
        self.browser.until("!!window.rktrace", "the picture")
        self.browser.run("window.rktrace.frames.find((f) => f.name === 'adam').element.dispatchEvent(new MouseEvent('click'))")
        self.assertEqual(self.browser.run("return Number(window.rktrace.frames.find((f) => f.name === 'adam').rect.getAttribute('width'))"), 1200)
        self.browser.run("window.rktrace.find('ADAM')")
        self.assertIn("1 frames", self.browser.run("return document.getElementById('told').textContent"))
        self.browser.press("0")
        self.assertLess(self.browser.run("return Number(window.rktrace.frames.find((f) => f.name === 'adam').rect.getAttribute('width'))"), 300)

    def test_names_are_never_markup(self):
        _, picture = self.svg(name_bytes=512 << 10)
        self.assertLess(picture.stat().st_size, 64 << 10)
        self.assertTrue(any(name.startswith("</script>&nnn") for name in self.frames(picture)))


if __name__ == "__main__":
    if not browser.is_installed():
        print("chromium and chromedriver are not installed: tools/setup brings them")
        sys.exit(SKIP)
    os.environ["LC_ALL"] = "C.UTF-8"
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
