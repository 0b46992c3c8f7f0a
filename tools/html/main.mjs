// SPDX-License-Identifier: Apache-2.0
// The page: reads what it holds, then draws when something changed and never otherwise.

import { STATES, WORK, firstAfter, inflate, laneOf, unpack } from "./data.mjs";
import { fillSelection, sentence } from "./details.mjs";
import { Painter, TOP } from "./draw.mjs";
import { watch } from "./input.mjs";
import { layOut } from "./layout.mjs";
import { buildLevels } from "./levels.mjs";
import { Search } from "./search.mjs";
import { fillFound, fillIdle, fillList, fillMemory, fillWork, make } from "./tables.mjs";
import { Theme } from "./theme.mjs";
import { bytesText, countText, momentText, timeText } from "./text.mjs";
import { View } from "./view.mjs";

const FILL = { selection: fillSelection, work: fillWork, idle: fillIdle, memory: fillMemory, list: fillList, found: fillFound };
const FRAMES_KEPT = 2000, LIST_AFTER_MS = 150;

class App {
  constructor(trace) {
    this.trace = trace;
    this.canvas = document.getElementById("timeline");
    this.view = new View(trace.about.first, trace.about.last);
    this.layout = layOut(trace);
    this.search = new Search(trace);
    this.selected = -1;
    this.tab = "selection";
    this.frames = [];
    this.isAsked = false;
    this.theme = new Theme(() => this.themed());
    this.theme.rank(trace.about.work);
    this.painter = new Painter(this.canvas, trace, this.view, this.theme, this.layout);
    this.theme.apply();
    this.painter.resize();
    watch(this);
    this.tell();
    this.openTab("work");
    this.showDetail();
  }

  themed() {
    const button = document.getElementById("theme");
    button.textContent = "Theme: " + this.theme.choice;
    if (!this.painter)
      return;
    this.painter.overview = null;
    this.fill();
    this.refresh();
  }

  tell() {
    const { about } = this.trace, program = about.executable.split("/").pop() || about.file;
    const wall = new Date(Number(BigInt(about.wall_ns) / 1000000n));
    document.title = program + " - GPU trace";
    document.getElementById("title").textContent = program;
    document.getElementById("subtitle").textContent = [about.host, "pid " + about.pid, wall.toISOString().slice(0, 19).replace("T", " ") + " UTC",
      timeText(about.last - about.first), countText(about.work_bars + about.work_left_out) + " GPU operations"].filter((text) => text).join(" · ");
    const notes = [];
    if (about.work_left_out)
      notes.push(`${countText(about.work_bars)} of ${countText(about.work_bars + about.work_left_out)} operations are here in full detail` +
        (about.cut_at ? `, up to ${momentText(about.cut_at, 1e6)}` : "") + "; of the others there is a coarse picture. rktrace html --from --to makes a page of another part.");
    if (about.has_host_times)
      notes.push("Times of work are those of the calls on the host: " + (about.host_time_reason || "the file has no GPU times") + ".");
    if (!about.clean_end)
      notes.push("The file has no end: the program was killed, or is still running.");
    if (about.lost)
      notes.push(countText(about.lost) + " operations could not be stored.");
    const notice = document.getElementById("notice");
    notice.hidden = !notes.length;
    notice.textContent = notes.join(" ");
  }

  /** Begin with what is in full detail, where not all is. */
  showDetail() {
    const { about, lanes, bars } = this.trace, parts = lanes.filter((lane) => lane.row.type === WORK && lane.count);
    if (about.work_left_out && parts.length)
      this.zoomTo(Math.min(...parts.map((lane) => bars.start[lane.first])), Math.max(...parts.map((lane) => bars.end[lane.end - 1])));
  }

  /** Draw in the next frame. */
  refresh() {
    if (this.isAsked)
      return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      const start = performance.now();
      this.isAsked = false;
      this.painter.selected = this.selected;
      this.painter.draw();
      this.frames.push(performance.now() - start);
      if (this.frames.length > FRAMES_KEPT)
        this.frames.splice(0, FRAMES_KEPT / 2);
      this.listSoon();
    });
  }

  listSoon() {
    clearTimeout(this.listTimer);
    if (this.tab === "list")
      this.listTimer = setTimeout(() => this.fill(), LIST_AFTER_MS);
  }

  openTab(name) {
    this.tab = name;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      const isOpen = tab.id === "tab-" + name;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      document.getElementById("pane-" + tab.id.slice(4)).hidden = !isOpen;
    }
    this.fill();
  }

  fill() {
    FILL[this.tab](document.getElementById("pane-" + this.tab), this);
  }

  zoom(factor) {
    const { bars } = this.trace, i = this.selected, middle = (this.view.from + this.view.to) / 2;
    const isSeen = i >= 0 && bars.end[i] > this.view.from && bars.start[i] < this.view.to;
    this.view.zoom(isSeen ? Math.min(Math.max((bars.start[i] + bars.end[i]) / 2, this.view.from), this.view.to) : middle, factor);
    this.refresh();
  }

  pan(part) {
    this.view.pan(part * this.view.length);
    this.refresh();
  }

  scroll(pixels) {
    this.view.scroll += pixels;
    this.painter.keepScroll();
  }

  scrollPage(way) {
    this.scroll(way * (this.painter.height - TOP) * 0.8);
    this.refresh();
  }

  whole() {
    this.view.whole();
    this.refresh();
  }

  zoomTo(from, to) {
    const margin = Math.max((to - from) * 0.15, 20);
    this.view.show(from - margin, to + margin);
    this.refresh();
  }

  zoomToBar(i) {
    this.zoomTo(this.trace.bars.start[i], this.trace.bars.end[i]);
  }

  centre(time) {
    this.view.show(time - this.view.length / 2, time + this.view.length / 2);
    this.refresh();
  }

  /** @isFar: it may be out of view. */
  select(i, isFar) {
    this.selected = i;
    if (i >= 0) {
      document.getElementById("announce").textContent = sentence(this.trace, i);
      if (isFar)
        this.reveal(i);
    }
    this.openTab("selection");
    this.refresh();
  }

  reveal(i) {
    const track = this.painter.trackOf(i);
    this.view.reveal(this.trace.bars.start[i], this.trace.bars.end[i]);
    if (!track)
      return;
    if (track.y < this.view.scroll || track.y + track.height > this.view.scroll + this.painter.height - TOP)
      this.scroll(track.y - this.view.scroll - (this.painter.height - TOP) / 2);
  }

  step(way) {
    const { bars } = this.trace;
    if (this.selected < 0) {
      const lane = this.trace.lanes.find((one) => one.row.type === 3 && one.count) || this.trace.lanes.find((one) => one.count);
      if (lane)
        this.select(Math.min(firstAfter(bars, lane, this.view.from), lane.end - 1), true);
      return;
    }
    const lane = laneOf(this.trace, this.selected), next = this.selected + way;
    if (next >= lane.first && next < lane.end)
      this.select(next, true);
  }

  stepRow(way) {
    if (this.selected < 0) {
      this.step(1);
      return;
    }
    const { bars, lanes } = this.trace, middle = (bars.start[this.selected] + bars.end[this.selected]) / 2;
    for (let at = laneOf(this.trace, this.selected).index + way; at >= 0 && at < lanes.length; at += way) {
      if (lanes[at].count) {
        this.select(Math.min(firstAfter(bars, lanes[at], middle), lanes[at].end - 1), true);
        return;
      }
    }
  }

  follow() {
    const { bars } = this.trace, i = this.selected;
    if (i < 0)
      return;
    if (bars.call[i])
      this.select(bars.call[i] - 1, true);
    else if (bars.work.head[i] >= 0)
      this.select(bars.work.head[i], true);
  }

  find(text) {
    this.search.find(text);
    this.painter.isMatch = this.search.query ? this.search.isMatch : null;
    document.getElementById("matches").textContent = !this.search.query ? "" :
      this.search.count === 1 ? "1 match" : countText(this.search.count) + " matches";
    if (this.search.query)
      this.openTab("found");
    this.refresh();
  }

  nextMatch(forward) {
    const found = this.search.count ? this.search.step(this.selected, forward) : -1;
    if (found >= 0)
      this.select(found, true);
  }

  selectNext(name) {
    const found = this.search.step(this.selected, true, name);
    if (found >= 0)
      this.select(found, true);
  }

  focusSearch() {
    document.getElementById("query").focus();
    document.getElementById("query").select();
  }

  clear() {
    document.getElementById("query").value = "";
    this.find("");
    this.painter.measured = null;
    this.select(-1, false);
  }

  help() {
    document.getElementById("help").showModal();
  }

  click(x, y) {
    const found = this.painter.at(x, y);
    this.select(found ? found.bar : -1, false);
  }

  hover(x, y) {
    const found = x < 0 ? null : this.painter.at(x, y), tip = document.getElementById("tip"), bar = found ? found.bar : -1;
    const text = bar >= 0 ? sentence(this.trace, bar) : found ? this.tipOf(found.track, x) : "";
    if (bar !== this.painter.hovered) {
      this.painter.hovered = bar;
      this.refresh();
    }
    tip.hidden = !text;
    if (!text)
      return;
    const [first, ...rest] = bar >= 0 ? [this.trace.about.names[this.trace.bars.name[bar]].slice(0, 300), text.slice(text.indexOf(", ", Math.min(this.trace.about.names[this.trace.bars.name[bar]].length, 199)) + 2)] : text.split("\n");
    tip.replaceChildren(make("b", { text: first }), make("span", { text: rest.join(" ") }));
    tip.style.left = Math.min(x + 14, this.painter.width - tip.offsetWidth - 8) + "px";
    tip.style.top = (y + 18 + tip.offsetHeight > this.painter.height ? y - tip.offsetHeight - 10 : y + 18) + "px";
  }

  tipOf(track, x) {
    const time = this.view.timeOf(x);
    if (track.kind === "memory") {
      const { when, bytes } = track.curve;
      let held = 0;
      for (let i = 0; i < when.length && when[i] <= time; i++)
        held = bytes[i];
      return `${bytesText(held)} held\nat ${momentText(time, this.view.length / 1e3)}`;
    }
    if (track.kind !== "states")
      return "";
    const { gaps } = this.trace;
    for (let g = 0; g < gaps.start.length; g++) {
      if (gaps.device[g] === track.device && gaps.start[g] <= time && gaps.start[g] + gaps.length[g] > time)
        return `Idle for ${timeText(gaps.length[g])}\n` + STATES.map((state, i) => gaps.ns[i][g] ? `${state.replace("_", "-")} ${timeText(gaps.ns[i][g])}` : "").filter((part) => part).join(", ");
    }
    return "";
  }
}

async function start() {
  const holder = document.getElementById("data"), trace = unpack(await inflate(holder.textContent));
  holder.remove();
  for (const lane of trace.lanes)
    lane.levels = buildLevels(trace.bars, lane);
  const app = new App(trace);
  app.refresh();
  // For those who look into a page with a script of their own: the tests do.
  window.rktrace = app;
}

start().catch((error) => {
  const notice = document.getElementById("notice");
  notice.hidden = false;
  notice.textContent = "This page could not be read: " + error.message + ". It needs a browser from 2023 or later.";
});
