// SPDX-License-Identifier: Apache-2.0
// The canvas: an overview, a ruler, and a row for each track. Nothing is kept between frames but
// the overview.

import { STATES, WORK, laneOf } from "./data.mjs";
import { walkLane } from "./levels.mjs";
import { bytesText, momentText, tickStep, timeText } from "./text.mjs";

export const GUTTER = 190, OVERVIEW = 34, RULER = 24, TOP = OVERVIEW + RULER;
const FONT = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const SMALL = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const TEXT_FROM = 26;   // px: narrower bars have no text
const MOST_CHARACTERS = 200;
const STATE_COLORS = ["busy", "copying", "launch", "waiting", "none", "unknown"];

export class Painter {
  constructor(canvas, trace, view, theme, layout) {
    Object.assign(this, { canvas, trace, view, theme, layout });
    this.context = canvas.getContext("2d", { alpha: false });
    this.selected = -1;
    this.hovered = -1;
    this.measured = null;
    this.isMatch = null;
    this.overview = null;
    this.widths = new Map();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = Math.min(devicePixelRatio || 1, 2);
    this.width = Math.max(box.width, GUTTER + 100);
    this.height = Math.max(box.height, TOP + 40);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.ratio = ratio;
    this.view.left = GUTTER;
    this.view.width = this.width - GUTTER - 1;
    this.overview = null;
    this.keepScroll();
  }

  keepScroll() {
    const most = Math.max(0, this.layout.height - (this.height - TOP));
    this.view.scroll = Math.min(Math.max(this.view.scroll, 0), most);
  }

  /** Top of @track on the canvas. */
  yOf(track) {
    return TOP + track.y - this.view.scroll;
  }

  draw() {
    const c = this.context, { page } = this.theme;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.textBaseline = "middle";
    c.font = FONT;
    c.fillStyle = page.paper;
    c.fillRect(0, 0, this.width, this.height);
    this.drawGrid();
    c.save();
    c.beginPath();
    c.rect(0, TOP, this.width, this.height - TOP);
    c.clip();
    for (const track of this.layout.tracks) {
      const y = this.yOf(track);
      if (y + track.height >= TOP && y < this.height)
        this.drawTrack(track, y);
    }
    this.drawLink();
    this.drawMeasured();
    c.restore();
    this.drawRuler();
    this.drawOverview();
    this.drawScrollBar();
  }

  drawGrid() {
    const c = this.context, { view, theme } = this, step = tickStep(view.length, view.width / 110);
    c.fillStyle = theme.page.line;
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step)
      c.fillRect(Math.round(view.xOf(t)), TOP, 1, this.height - TOP);
  }

  drawRuler() {
    const c = this.context, { view, theme } = this, step = tickStep(view.length, view.width / 110);
    c.fillStyle = theme.page.ground;
    c.fillRect(0, OVERVIEW, this.width, RULER);
    c.fillStyle = theme.page["strong-line"];
    c.fillRect(0, TOP - 1, this.width, 1);
    c.font = SMALL;
    c.textAlign = "left";
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      const x = Math.round(view.xOf(t));
      c.fillStyle = theme.page["strong-line"];
      c.fillRect(x, TOP - 8, 1, 7);
      c.fillStyle = theme.page.muted;
      const text = momentText(Math.round(t / step) * step, step);
      if (x + 6 + this.textWidth(text) < this.width)
        c.fillText(text, x + 4, OVERVIEW + RULER / 2 - 1);
    }
    c.fillStyle = theme.page.ground;
    c.fillRect(0, OVERVIEW, GUTTER, RULER - 1);
    c.fillStyle = theme.page.muted;
    c.fillText(timeText(view.length) + " shown", 10, OVERVIEW + RULER / 2 - 1);
    c.font = FONT;
  }

  drawTrack(track, y) {
    const c = this.context, { page } = this.theme;
    if (track.kind === "head") {
      c.fillStyle = page.ground;
      c.fillRect(0, y, this.width, track.height);
      this.drawLabel(track.label, 10, y, track.height, page.ink, "600 " + FONT, GUTTER * 2.4);
      if (track.note) {
        c.textAlign = "right";
        c.fillStyle = page.muted;
        c.fillText(track.note, this.width - 16, y + track.height / 2);
        c.textAlign = "left";
      }
      return;
    }
    if (track.kind === "states")
      this.drawStates(track, y);
    else if (track.kind === "memory")
      this.drawMemory(track, y);
    else
      this.drawRow(track, y);
    c.fillStyle = page.paper;
    c.fillRect(0, y, GUTTER - 1, track.height);
    c.fillStyle = page["strong-line"];
    c.fillRect(GUTTER - 1, y - 2, 1, track.height + 4);
    this.drawLabel(track.label, 22, y, track.height, page.muted, FONT, GUTTER - 30);
    if (track.kind === "memory")
      this.drawMemoryPeak(track, y);
  }

  drawLabel(text, x, y, height, color, font, most) {
    const c = this.context;
    c.font = font;
    c.fillStyle = color;
    c.textAlign = "left";
    c.fillText(this.fitted(text, most), x, y + height / 2 + 0.5);
    c.font = FONT;
  }

  /** Width of @text in the font that is set; texts come again in every frame. */
  textWidth(text) {
    const key = this.context.font + text;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.widths.size > 20000)
        this.widths.clear();
      width = this.context.measureText(text).width;
      this.widths.set(key, width);
    }
    return width;
  }

  fitted(text, most) {
    const cut = text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
    const width = this.textWidth(cut);
    if (width <= most && cut === text)
      return text;
    const count = Math.floor(cut.length * most / Math.max(width, 1)) - 1;
    return count < 2 ? "" : cut.slice(0, count) + "…";
  }

  drawRow(track, y) {
    const c = this.context, { page } = this.theme;
    c.fillStyle = page.lane;
    c.fillRect(GUTTER, y, this.width - GUTTER, track.height);
    if (track.row.pieces && (!track.lane || track.lane.number === 0))
      this.drawPieces(track, y);
    if (track.lane)
      this.drawBars(track, y);
  }

  /** Where there are no bars to tell apart: how full it was. */
  drawPieces(track, y) {
    const c = this.context, { view, theme } = this, { pieces, pieces_start: start, pieces_step: step } = track.row;
    const first = Math.max(0, Math.floor((view.from - start) / step)), last = Math.min(pieces.length - 1, Math.floor((view.to - start) / step));
    c.fillStyle = theme.page.unknown;
    for (let i = first; i <= last; i++) {
      if (!pieces[i])
        continue;
      const x = Math.max(view.xOf(start + i * step), GUTTER), end = view.xOf(start + (i + 1) * step);
      const height = Math.max(2, (track.height - 2) * pieces[i] / 1000);
      c.globalAlpha = 0.55;
      c.fillRect(x, y + track.height - 1 - height, Math.max(end - x, 1), height);
    }
    c.globalAlpha = 1;
  }

  drawBars(track, y) {
    const { bars } = this.trace, { view, theme } = this, height = track.height - 2, scale = view.scale;
    const column = { x: -1, share: 0, most: 0, color: "", match: false };
    walkLane(bars, track.lane, view.from, view.to, 1 / scale, (first, last, busy, top) => {
      const x = view.left + (bars.start[first] - view.from) * scale;
      const width = (bars.end[last] - bars.start[first]) * scale;
      if (width < 2) {
        this.gather(column, y, height, Math.floor(x), busy * scale, top, this.anyMatch(first, last));
        return;
      }
      this.flush(column, y, height);
      this.drawBar(first, Math.max(x, GUTTER), y + 1, Math.min(x + width, this.width) - Math.max(x, GUTTER), height, theme);
    });
    this.flush(column, y, height);
    this.drawFrame(this.hovered, track, y);
    this.drawFrame(this.selected, track, y);
  }

  /** Of a block only some are looked at: it is drawn in every frame. */
  anyMatch(first, last) {
    if (!this.isMatch)
      return false;
    const { name } = this.trace.bars, step = Math.max(1, Math.floor((last - first) / 8));
    for (let i = first; i <= last; i += step) {
      if (this.isMatch[name[i]])
        return true;
    }
    return false;
  }

  /** Bars within one pixel become one column: as strong as they fill it. */
  gather(column, y, height, x, share, top, match) {
    if (x !== column.x) {
      this.flush(column, y, height);
      column.x = Math.max(x, GUTTER);
    }
    const { kind, name, detail } = this.trace.bars;
    column.share += share;
    column.match = column.match || match;
    if (share > column.most) {
      column.most = share;
      column.color = this.theme.fill(kind[top], name[top], detail[top]);
    } else if (!column.color) {
      column.color = this.theme.fill(kind[top], name[top], detail[top]);
    }
  }

  flush(column, y, height) {
    const c = this.context;
    if (column.color && column.x < this.width) {
      c.globalAlpha = Math.min(1, 0.35 + 0.65 * column.share) * (this.isMatch && !column.match ? 0.3 : 1);
      c.fillStyle = column.color;
      c.fillRect(column.x, y + 1, 1, height);
      c.globalAlpha = 1;
    }
    Object.assign(column, { x: -1, share: 0, most: 0, color: "", match: false });
  }

  drawBar(i, x, y, width, height, theme) {
    const c = this.context, { bars, about } = this.trace, kind = bars.kind[i];
    const isMatch = this.isMatch && this.isMatch[bars.name[i]];
    c.globalAlpha = this.isMatch && !isMatch ? 0.3 : 1;
    c.fillStyle = theme.fill(kind, bars.name[i], bars.detail[i]);
    // A seam between neighbours, where there is room for one.
    c.fillRect(x, y, width > 4 ? width - 1 : width, height);
    if (width > TEXT_FROM) {
      c.fillStyle = theme.ink(kind);
      const text = this.fitted(about.labels[bars.name[i]], width - 9);
      if (text)
        c.fillText(text, x + 4, y + height / 2 + 0.5);
    }
    c.globalAlpha = 1;
    if (isMatch && width > 4) {
      c.strokeStyle = theme.page.mark;
      c.lineWidth = 2;
      c.strokeRect(x + 1, y + 1, width - 3, height - 2);
    }
  }

  drawFrame(i, track, y) {
    const { bars } = this.trace, { view } = this, c = this.context;
    if (i < track.lane.first || i >= track.lane.end || bars.end[i] < view.from || bars.start[i] > view.to)
      return;
    const x = Math.max(view.xOf(bars.start[i]), GUTTER - 2), end = Math.min(view.xOf(bars.end[i]), this.width + 2);
    c.strokeStyle = this.theme.page.ink;
    c.lineWidth = i === this.selected ? 2 : 1;
    c.strokeRect(x, y + 0.5, Math.max(end - x - 1, 2), track.height - 1);
  }

  drawStates(track, y) {
    const { gaps, about } = this.trace, { view, theme } = this, c = this.context;
    const width = Math.ceil(view.width), sums = STATES.map(() => new Float64Array(width + 1)), per = 1 / view.scale;
    const from = Math.max(view.xOf(about.first), GUTTER), to = Math.min(view.xOf(about.last), this.width);
    for (let g = 0; g < gaps.start.length; g++) {
      const start = gaps.start[g], end = start + gaps.length[g];
      if (gaps.device[g] !== track.device || end < view.from || start > view.to)
        continue;
      this.spread(sums, g, Math.max(start, view.from), Math.min(end, view.to));
    }
    c.fillStyle = theme.page.busy;
    c.fillRect(from, y + 1, Math.max(to - from, 0), track.height - 2);
    for (let x = 0; x <= width; x++) {
      let at = y + 1;
      for (const state of [4, 3, 2, 5]) {
        const height = Math.min(1, sums[state][x] / per) * (track.height - 2);
        if (height > 0.2) {
          c.fillStyle = theme.page[STATE_COLORS[state]];
          c.fillRect(GUTTER + x, at, 1, height);
          at += height;
        }
      }
    }
  }

  /** What gap @g is made of, over the pixels from @from to @to. */
  spread(sums, g, from, to) {
    const { gaps } = this.trace, { view } = this, length = gaps.length[g] || 1;
    const first = (from - view.from) * view.scale, last = (to - view.from) * view.scale;
    for (let x = Math.max(0, Math.floor(first)); x < last && x < sums[0].length; x++) {
      const covered = (Math.min(last, x + 1) - Math.max(first, x)) / view.scale;
      for (let state = 0; state < STATES.length; state++)
        sums[state][x] += covered * gaps.ns[state][g] / length;
    }
  }

  drawMemory(track, y) {
    const { curve } = track, { view, theme } = this, c = this.context, height = track.height - 4;
    const most = curve.bytes.reduce((a, b) => Math.max(a, b), 1), floor = y + track.height - 2;
    c.fillStyle = theme.page.lane;
    c.fillRect(GUTTER, y, this.width - GUTTER, track.height);
    const end = Math.min(view.xOf(this.trace.about.last), this.width);
    let low = 0, high = curve.when.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (curve.when[middle] <= view.from)
        low = middle + 1;
      else
        high = middle;
    }
    let x = GUTTER, bytes = low ? curve.bytes[low - 1] : 0;
    const outline = new Path2D(), area = new Path2D();
    area.moveTo(x, floor);
    for (let i = low; x < end; i++) {
      const level = floor - height * bytes / most;
      const next = i < curve.when.length ? Math.min(view.xOf(curve.when[i]), end) : end;
      area.lineTo(x, level);
      area.lineTo(next, level);
      outline[i === low ? "moveTo" : "lineTo"](x, level);
      outline.lineTo(next, level);
      x = next;
      bytes = i < curve.when.length ? curve.bytes[i] : 0;
      if (i >= curve.when.length)
        break;
    }
    area.lineTo(x, floor);
    c.fillStyle = theme.page["memory-soft"];
    c.fill(area);
    c.strokeStyle = theme.page.memory;
    c.lineWidth = 1.25;
    c.stroke(outline);
  }

  drawMemoryPeak(track, y) {
    const c = this.context;
    c.font = SMALL;
    c.textAlign = "right";
    c.fillStyle = this.theme.page.muted;
    c.fillText(bytesText(track.curve.bytes.reduce((a, b) => Math.max(a, b), 0)), GUTTER - 8, y + 9);
    c.textAlign = "left";
    c.font = FONT;
  }

  /** From the call that is selected, or that submitted what is, to its work. */
  drawLink() {
    const { bars } = this.trace, i = this.selected;
    if (i < 0)
      return;
    const call = bars.call[i] ? bars.call[i] - 1 : i;
    for (let work = bars.work.head[call], drawn = 0; work >= 0 && drawn < 200; work = bars.work.next[work], drawn++) {
      if (call === i || work === i)
        this.drawArrow(call, work);
    }
  }

  drawArrow(call, work) {
    const from = this.trackOf(call), to = this.trackOf(work), c = this.context, { bars } = this.trace;
    if (!from || !to)
      return;
    const x = this.view.xOf(Math.max(bars.start[call], Math.min(bars.end[call], bars.start[work]))), endX = this.view.xOf(bars.start[work]);
    const isBelow = from.y > to.y, y = this.yOf(from) + (isBelow ? 1 : from.height - 1), endY = this.yOf(to) + (isBelow ? to.height - 1 : 1);
    if (Math.max(x, endX) < GUTTER || Math.min(x, endX) > this.width)
      return;
    const bend = (y + endY) / 2;
    c.save();
    c.beginPath();
    c.rect(GUTTER, TOP, this.width - GUTTER, this.height - TOP);
    c.clip();
    c.strokeStyle = this.theme.page.accent;
    c.fillStyle = this.theme.page.accent;
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, y);
    c.bezierCurveTo(x, bend, endX, bend, endX, endY);
    c.stroke();
    c.beginPath();
    c.arc(endX, endY, 3, 0, 2 * Math.PI);
    c.fill();
    c.restore();
  }

  trackOf(i) {
    const lane = laneOf(this.trace, i);
    return this.layout.tracks.find((track) => track.lane && track.lane === lane);
  }

  drawMeasured() {
    if (!this.measured)
      return;
    const c = this.context, { page } = this.theme;
    const x = this.view.xOf(Math.min(...this.measured)), end = this.view.xOf(Math.max(...this.measured));
    c.globalAlpha = 0.18;
    c.fillStyle = page.accent;
    c.fillRect(x, TOP, end - x, this.height - TOP);
    c.globalAlpha = 1;
    const text = timeText(Math.abs(this.measured[1] - this.measured[0])), width = this.textWidth(text) + 12;
    c.fillStyle = page.accent;
    c.fillRect((x + end - width) / 2, TOP + 4, width, 20);
    c.fillStyle = page.paper;
    c.textAlign = "center";
    c.fillText(text, (x + end) / 2, TOP + 14.5);
    c.textAlign = "left";
  }

  /** All of the recording, and which part of it is shown. Drawn once for each size and theme. */
  drawOverview() {
    const c = this.context, { view, theme } = this;
    if (!this.overview)
      this.overview = this.paintOverview();
    c.drawImage(this.overview, 0, 0, this.width, OVERVIEW);
    const scale = view.width / (view.high - view.low);
    const x = GUTTER + (view.from - view.low) * scale, end = GUTTER + (view.to - view.low) * scale;
    c.fillStyle = theme.page.shade;
    c.fillRect(GUTTER, 0, x - GUTTER, OVERVIEW);
    c.fillRect(end, 0, this.width - end, OVERVIEW);
    c.strokeStyle = theme.page.accent;
    c.lineWidth = 2;
    c.strokeRect(x, 1, Math.max(end - x, 3), OVERVIEW - 2);
  }

  paintOverview() {
    const { view, theme, trace } = this, canvas = document.createElement("canvas"), pixels = Math.ceil(view.width);
    canvas.width = Math.round(this.width * this.ratio);
    canvas.height = Math.round(OVERVIEW * this.ratio);
    const c = canvas.getContext("2d"), scale = pixels / (view.high - view.low), lanes = trace.lanes.filter((lane) => lane.row.type === WORK);
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.fillStyle = theme.page.ground;
    c.fillRect(0, 0, this.width, OVERVIEW);
    const fullest = new Float64Array(pixels + 1);
    for (const lane of lanes) {
      const sums = new Float64Array(pixels + 1);
      walkLane(trace.bars, lane, view.low, view.high, 1 / scale, (first, last, busy) => {
        const from = (trace.bars.start[first] - view.low) * scale, to = (trace.bars.end[last] - view.low) * scale;
        const whole = Math.max(to - from, 1e-9);
        for (let x = Math.floor(from); x <= to && x <= pixels; x++)
          sums[x] += busy * scale * (Math.min(to, x + 1) - Math.max(from, x)) / whole;
      });
      sums.forEach((sum, x) => { fullest[x] = Math.max(fullest[x], sum); });
    }
    this.addPieces(fullest, scale);
    c.fillStyle = theme.page.busy;
    fullest.forEach((sum, x) => {
      const height = Math.min(1, sum) * (OVERVIEW - 8);
      if (height > 0)
        c.fillRect(GUTTER + x, OVERVIEW - 3 - Math.max(height, 1), 1, Math.max(height, 1));
    });
    c.fillStyle = theme.page.muted;
    c.font = SMALL;
    c.textBaseline = "middle";
    c.fillText("Whole recording", 10, OVERVIEW / 2);
    return canvas;
  }

  /** What is no bar, for the overview. */
  addPieces(fullest, scale) {
    for (const { type, pieces, pieces_start: start, pieces_step: step } of this.trace.rows) {
      if (type !== WORK || !pieces)
        continue;
      pieces.forEach((filled, i) => {
        const from = (start + i * step - this.view.low) * scale;
        for (let x = Math.max(0, Math.floor(from)); filled && x <= from + step * scale && x < fullest.length; x++)
          fullest[x] = Math.max(fullest[x], filled / 1000);
      });
    }
  }

  drawScrollBar() {
    const shown = this.height - TOP, c = this.context;
    if (this.layout.height <= shown)
      return;
    const size = Math.max(24, shown * shown / this.layout.height);
    const at = TOP + (shown - size) * this.view.scroll / (this.layout.height - shown);
    c.fillStyle = this.theme.page["strong-line"];
    c.fillRect(this.width - 6, at, 5, size);
  }

  /** What is at a point: { track, bar } with -1 where there is no bar, or null. */
  at(x, y) {
    const track = y < TOP || y > this.height ? null
      : this.layout.tracks.find((one) => y >= this.yOf(one) && y < this.yOf(one) + one.height);
    if (!track || x < GUTTER)
      return track ? { track, bar: -1 } : null;
    return { track, bar: track.lane ? this.barAt(track.lane, x) : -1 };
  }

  /** The bar under @x, or the longest of those within two pixels of it. */
  barAt(lane, x) {
    const { bars } = this.trace, from = this.view.timeOf(x - 2), to = this.view.timeOf(x + 2);
    let best = -1, most = -1;
    walkLane(bars, lane, from, to, (to - from) / 4, (first, last, busy, top) => {
      const length = bars.end[top] - bars.start[top];
      const isUnder = bars.start[first] <= this.view.timeOf(x) && bars.end[last] >= this.view.timeOf(x);
      if (length + (isUnder ? 1e15 : 0) > most) {
        most = length + (isUnder ? 1e15 : 0);
        best = top;
      }
    });
    return best;
  }
}
