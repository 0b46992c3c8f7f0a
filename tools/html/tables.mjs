// SPDX-License-Identifier: Apache-2.0
// The tables under the timeline; all of them are of the whole file.

import { MEMORY, STATES, firstAfter, laneOf } from "./data.mjs";
import { bytesText, countText, momentText, shareText, shortened, timeText } from "./text.mjs";

const LISTED = 200;
const STATE_TEXTS = { busy: "Kernels run", copying: "Only copies run", launch_bound: "Idle: launches come too slowly",
  waiting: "Idle: work or the host is waited for", none: "Idle: nothing was asked for", unknown: "Unknown" };
const STATE_VARIABLES = { busy: "busy", copying: "copying", launch_bound: "launch", waiting: "waiting", none: "none", unknown: "unknown" };

/** An element; text is never markup. */
export function make(tag, { text, className, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined)
    element.textContent = text;
  if (className)
    element.className = className;
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function linkTo(text, action) {
  const button = make("button", { text, className: "link", type: "button" });
  button.addEventListener("click", action);
  return button;
}

function swatch(color) {
  const element = make("span", { className: "swatch", "aria-hidden": "true" });
  element.style.background = color;
  return element;
}

const PLACES = ["name", "number", "text"];

/** @columns: [heading, what: 0 a name, 1 a number, 2 a text]; @rows: lists of texts and elements. */
export function tableOf(caption, columns, rows) {
  const head = make("tr");
  for (const [text, what] of columns)
    head.append(make("th", { text, scope: "col", className: what === 1 ? "number" : "" }));
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr");
    row.forEach((cell, i) => {
      const place = make("td", { className: PLACES[columns[i][1]] });
      place.append(...[cell].flat());
      line.append(place);
    });
    body.append(line);
  }
  return make("table", {}, make("caption", { text: caption }), make("thead", {}, head), body);
}

export function laneName(trace, lane) {
  const { row } = lane, named = row.name ? " " + trace.about.names[row.name] : "";
  switch (row.type) {
  case 1:
    return "GPU " + row.device + ", ranges";
  case 2:
    return "GPU " + row.device + ", graphs";
  case 3:
    return "GPU " + row.device + ", stream " + row.stream;
  default:
    return "Thread " + row.tid + named;
  }
}

export function fillWork(pane, app) {
  const { about } = app.trace, all = about.work.reduce((sum, row) => sum + row.total_ns, 0);
  const rows = about.work.map((row) => {
    const name = linkTo(shortened(about.labels[row.name], 300), () => app.selectNext(row.name));
    name.title = shortened(about.full_names[row.name] || about.names[row.name], 1000);
    return [shareText(row.total_ns, all), timeText(row.total_ns), countText(row.count), timeText(row.total_ns / row.count),
      timeText(row.min_ns), timeText(row.max_ns), [swatch(app.theme.fill(row.kind, row.name, about.copies[row.name])), name]];
  });
  pane.replaceChildren(tableOf(about.work_names > rows.length ? `The longest ${rows.length} of ${countText(about.work_names)}, by time in all` :
    "By time in all", [["Time", 1], ["Total", 1], ["Count", 1], ["Mean", 1], ["Min", 1], ["Max", 1], ["Name", 0]], rows));
}

function deviceSplit(app, idle) {
  const wall = STATES.reduce((sum, state) => sum + idle[state], 0), bar = make("div", { className: "split", role: "img",
    "aria-label": "GPU " + idle.device + ": " + STATES.map((state) => STATE_TEXTS[state] + " " + shareText(idle[state], wall)).join(", ") });
  const legend = make("ul", { className: "legend" });
  for (const state of STATES) {
    if (!idle[state])
      continue;
    const color = app.theme.page[STATE_VARIABLES[state]], part = make("span");
    part.style.background = color;
    part.style.flexGrow = idle[state] / wall;
    bar.append(part);
    legend.append(make("li", {}, swatch(color), `${STATE_TEXTS[state]} ${shareText(idle[state], wall)} (${timeText(idle[state])})`));
  }
  return [make("h3", { text: "GPU " + idle.device }), bar, legend];
}

export function fillIdle(pane, app) {
  const { about, gaps } = app.trace;
  if (!about.idle.length) {
    pane.replaceChildren(make("p", { className: "muted", text: "The file has no work with a GPU time: nothing tells when a GPU was idle." }));
    return;
  }
  const order = [...gaps.length.keys()].sort((a, b) => gaps.length[b] - gaps.length[a]).slice(0, 50);
  const rows = order.map((g) => {
    const most = STATES.reduce((best, state, i) => gaps.ns[i][g] > gaps.ns[best][g] ? i : best, 0);
    return [timeText(gaps.length[g]), linkTo(momentText(gaps.start[g], gaps.length[g] / 10), () => app.zoomTo(gaps.start[g], gaps.start[g] + gaps.length[g])),
      String(gaps.device[g]), STATE_TEXTS[STATES[most]]];
  });
  pane.replaceChildren(make("div", { className: "columns" }, make("div", {}, ...about.idle.flatMap((idle) => deviceSplit(app, idle))),
    make("div", {}, tableOf("Longest idle periods", [["Length", 1], ["Begins at", 1], ["GPU", 1], ["Mostly", 2]], rows))));
}

export function fillMemory(pane, app) {
  const { about, curves, bars } = app.trace;
  if (!curves.length) {
    pane.replaceChildren(make("p", { className: "muted", text: "The file has no allocations." }));
    return;
  }
  const spaces = curves.map((curve) => [curve.on_host ? "Host (pinned)" : "GPU " + curve.device, bytesText(curve.peak_bytes),
    linkTo(momentText(curve.peak, app.view.length / 1e4), () => app.centre(curve.peak)), bytesText(curve.bytes[curve.bytes.length - 1] || 0)]);
  const largest = [];
  for (let i = 0; i < bars.count; i++) {
    if (bars.kind[i] === MEMORY && bars.bytes[i])
      largest.push(i);
  }
  largest.sort((a, b) => bars.bytes[b] - bars.bytes[a]);
  const rows = largest.slice(0, 50).map((i) => [bytesText(bars.bytes[i]), linkTo(momentText(bars.start[i], app.view.length / 1e4), () => app.select(i, true)),
    about.names[bars.name[i]]]);
  pane.replaceChildren(make("div", { className: "columns" },
    make("div", {}, tableOf("What was held", [["Memory", 2], ["Peak", 1], ["At", 1], ["At the end", 1]], spaces)),
    make("div", {}, tableOf("Largest calls", [["Size", 1], ["At", 1], ["Call", 0]], rows))));
}

function barRow(app, i) {
  const { about, bars } = app.trace;
  return [momentText(bars.start[i], app.view.length / 1e4), timeText(bars.end[i] - bars.start[i]),
    linkTo(shortened(about.labels[bars.name[i]], 300), () => app.select(i, true)), laneName(app.trace, laneOf(app.trace, i))];
}

/** What the canvas shows, for those who do not see it. */
export function fillList(pane, app) {
  const { trace, view } = app, listed = [];
  let count = 0;
  for (const lane of trace.lanes) {
    const first = firstAfter(trace.bars, lane, view.from);
    let i = first;
    for (; i < lane.end && trace.bars.start[i] < view.to && i - first < LISTED; i++)
      listed.push(i);
    count += i - first;
  }
  listed.sort((a, b) => trace.bars.start[a] - trace.bars.start[b]);
  const caption = count > LISTED ? `The first ${LISTED} bars from ${momentText(view.from, view.length / 1e3)} on: zoom in for the others` :
    `${count} bars from ${momentText(view.from, view.length / 1e3)} to ${momentText(view.to, view.length / 1e3)}`;
  pane.replaceChildren(tableOf(caption, [["Start", 1], ["Length", 1], ["Name", 0], ["Where", 2]], listed.slice(0, LISTED).map((i) => barRow(app, i))));
}

export function fillFound(pane, app) {
  const { search, trace } = app;
  if (!search.query) {
    pane.replaceChildren(make("p", { className: "muted", text: "Nothing was searched for. Press / and type a part of a name." }));
    return;
  }
  const rows = search.byName.slice(0, LISTED).map(({ name, count }) => [countText(count),
    linkTo(shortened(trace.about.full_names[name] || trace.about.names[name], 1000), () => app.selectNext(name))]);
  pane.replaceChildren(tableOf(`${countText(search.count)} bars of ${countText(search.byName.length)} names match “${search.query}”`,
    [["Bars", 1], ["Name", 0]], rows));
}
