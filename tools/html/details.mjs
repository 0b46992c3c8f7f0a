// SPDX-License-Identifier: Apache-2.0
// One bar in full: what it is, who asked for it, what came of it.

import { COPY, FAILED, KERNEL, MEMORY, MEMSET, OPEN, RANGE, laneOf } from "./data.mjs";
import { laneName, linkTo, make } from "./tables.mjs";
import { KIND_TEXTS } from "./theme.mjs";
import { bytesText, countText, momentText, shortened, timeText } from "./text.mjs";

const MOST_WORK = 20;

function listOf(pairs) {
  const list = make("dl");
  for (const [term, value] of pairs) {
    const place = make("dd");
    place.append(...[value].flat());
    list.append(make("dt", { text: term }), place);
  }
  return list;
}

/** [[term, value]] of a kernel's launch. */
function shapePairs(about, detail) {
  const [gx, gy, gz, bx, by, bz, registers, fixed, dynamic, local] = (about.shapes[detail] || "").split(" ").map(Number);
  if (!detail || !bx)
    return [];
  const pairs = [["Grid", `${gx} × ${gy} × ${gz}`], ["Block", `${bx} × ${by} × ${bz} (${countText(gx * gy * gz * bx * by * bz)} threads in all)`]];
  if (registers)
    pairs.push(["Registers", `${registers} per thread`]);
  if (fixed || dynamic)
    pairs.push(["Shared memory", `${bytesText(fixed)} static, ${bytesText(dynamic)} dynamic`]);
  if (local)
    pairs.push(["Local memory", bytesText(local) + " per thread"]);
  return pairs;
}

function ownPairs(trace, i) {
  const { bars, about } = trace, kind = bars.kind[i], length = bars.end[i] - bars.start[i];
  const pairs = [["What", KIND_TEXTS[kind]], ["Length", timeText(length)], ["Start", momentText(bars.start[i], 1)], ["Where", laneName(trace, laneOf(trace, i))]];
  if (kind === KERNEL)
    pairs.push(...shapePairs(about, bars.detail[i]));
  if ((kind === COPY || kind === MEMSET) && bars.bytes[i])
    pairs.push(["Size", bytesText(bars.bytes[i]) + (length ? ` (${(bars.bytes[i] / length).toFixed(2)} GB/s)` : "")]);
  if (kind === MEMORY && bars.bytes[i])
    pairs.push(["Size", bytesText(bars.bytes[i])]);
  if (kind === FAILED || (kind !== RANGE && bars.result[i]))
    pairs.push(["Result", "CUDA error " + bars.result[i]]);
  if (kind === OPEN)
    pairs.push(["Note", "Its work was never seen to end."]);
  if (kind === RANGE && bars.result[i])
    pairs.push(["Note", "It has no end in the file."]);
  if (bars.graph[i])
    pairs.push(["Graph", String(bars.graph[i])]);
  if (bars.correlation[i])
    pairs.push(["Correlation", String(bars.correlation[i])]);
  return pairs;
}

function rangeLink(app, i) {
  const { bars, about } = app.trace, range = bars.range[i] - 1;
  return range >= 0 && range !== i ? [["In range", linkTo(shortened(about.names[bars.name[range]], 120), () => app.select(range, true))]] : [];
}

function callPart(app, i) {
  const { bars, about } = app.trace, call = bars.call[i] - 1, part = make("div");
  part.append(make("h3", { text: "Submitted by" }));
  if (call < 0) {
    part.append(make("p", { className: "muted", text: "The call is not in this page." }));
    return part;
  }
  const link = linkTo(shortened(about.names[bars.name[call]], 200), () => app.select(call, true));
  link.id = "to-call";
  part.append(listOf([["Call", link], ["On", laneName(app.trace, laneOf(app.trace, call))], ["Call took", timeText(bars.end[call] - bars.start[call])],
    [bars.start[i] < bars.start[call] ? "Began before it by" : "Began after", timeText(Math.abs(bars.start[i] - bars.start[call])) + (bars.start[i] < bars.start[call] ? "" : " from its start")]]));
  return part;
}

function workPart(app, i) {
  const { bars, about } = app.trace, part = make("div"), list = make("ol", { className: "stack" });
  let count = 0, first = -1;
  for (let work = bars.work.head[i]; work >= 0; work = bars.work.next[work]) {
    if (count === 0)
      first = work;
    if (count++ < MOST_WORK) {
      const target = work, link = linkTo(`${shortened(about.names[bars.name[work]], 120)}  ${timeText(bars.end[work] - bars.start[work])}`, () => app.select(target, true));
      if (target === first)
        link.id = "to-work";
      list.append(make("li", {}, link));
    }
  }
  if (count > MOST_WORK)
    list.append(make("li", { className: "muted", text: `and ${countText(count - MOST_WORK)} more` }));
  if (count)
    part.append(make("h3", { text: "Work that it submitted" }), list);
  return part;
}

function stackPart(app, i) {
  const { bars, about } = app.trace, call = bars.call[i] - 1, stack = bars.stack[i] || (call >= 0 ? bars.stack[call] : 0);
  const part = make("div"), list = make("ol", { className: "stack", id: "stack" });
  part.append(make("h3", { text: "Call stack" }));
  if (!stack) {
    part.append(make("p", { className: "muted", text: "Not taken. RUSTKERNEL_STACKS_MODE=sampled takes them." }));
    return part;
  }
  for (const frame of about.names[stack].split("\n").filter((line) => line))
    list.append(make("li", {}, make("code", { text: frame })));
  part.append(list);
  return part;
}

export function fillSelection(pane, app) {
  const { bars, about } = app.trace, i = app.selected;
  if (i < 0) {
    pane.replaceChildren(make("p", { className: "muted", text: "Click a bar, or press → to go through them. Enter goes from work to the call that submitted it, and back." }));
    return;
  }
  const name = about.full_names[bars.name[i]] || about.names[bars.name[i]], columns = make("div", { className: "columns" });
  columns.append(make("div", {}, listOf([...ownPairs(app.trace, i), ...rangeLink(app, i)])));
  if (bars.kind[i] <= 3)
    columns.append(callPart(app, i), stackPart(app, i));
  else if (bars.kind[i] !== RANGE)
    columns.append(workPart(app, i), stackPart(app, i));
  pane.replaceChildren(make("h2", { text: name, className: "name" }), columns);
  pane.scrollTop = 0;
}

/** One line, for the pointer and for screen readers. */
export function sentence(trace, i) {
  const { bars, about } = trace;
  return `${shortened(about.names[bars.name[i]], 200)}, ${KIND_TEXTS[bars.kind[i]].toLowerCase()}, ${timeText(bars.end[i] - bars.start[i])}, ` +
    `at ${momentText(bars.start[i], 1000)}, ${laneName(trace, laneOf(trace, i))}`;
}
