// SPDX-License-Identifier: Apache-2.0
// Which row is where: devices with their streams, then threads.

import { CALLS, GRAPHS, PROJECTED, RANGES, WORK } from "./data.mjs";
import { shareText } from "./text.mjs";

const HEIGHTS = { [PROJECTED]: 19, [GRAPHS]: 19, [WORK]: 24, [RANGES]: 19, [CALLS]: 22 };
const HEAD = 24, STATES_HEIGHT = 26, MEMORY_HEIGHT = 44, GAP = 3, MOST_LANES = 12;

function rowLabel(row, hasHostTimes) {
  switch (row.type) {
  case PROJECTED:
    return "Ranges, as on the GPU";
  case GRAPHS:
    return "Graphs";
  case WORK:
    return "Stream " + row.stream + (hasHostTimes ? " (host time)" : "");
  case RANGES:
    return "Ranges";
  default:
    return "CUDA calls";
  }
}

class Layout {
  constructor(trace) {
    this.trace = trace;
    this.tracks = [];
    this.height = 0;
  }

  add(track, height) {
    this.tracks.push({ ...track, y: this.height, height });
    this.height += height + GAP;
  }

  addRow(row) {
    const label = rowLabel(row, this.trace.about.has_host_times);
    row.lanes.slice(0, MOST_LANES).forEach((lane, i) => {
      this.add({ kind: "lane", lane, row, label: i ? "" : label }, HEIGHTS[row.type]);
    });
    if (!row.lanes.length && row.left_out)
      this.add({ kind: "lane", lane: null, row, label }, HEIGHTS[row.type]);
  }

  addDevice(device, rows) {
    const { about, curves } = this.trace;
    const idle = about.idle.find((one) => one.device === device);
    const named = rows.find((row) => row.name);
    const wall = idle ? Object.entries(idle).reduce((sum, [key, ns]) => key === "device" ? sum : sum + ns, 0) : 0;
    const label = "GPU " + device + (named ? "  " + about.names[named.name] : "");
    this.add({ kind: "head", label, note: idle ? shareText(idle.busy, wall) + " busy" : "" }, HEAD);
    if (idle)
      this.add({ kind: "states", device, label: "Activity" }, STATES_HEIGHT);
    const curve = curves.find((one) => !one.on_host && one.device === device);
    if (curve && curve.when.length)
      this.add({ kind: "memory", curve, label: "Memory" }, MEMORY_HEIGHT);
    rows.forEach((row) => this.addRow(row));
  }

  addThread(tid, rows) {
    const named = rows.find((row) => row.name);
    this.add({ kind: "head", label: "Thread " + tid + (named ? "  " + this.trace.about.names[named.name] : ""), note: "" }, HEAD);
    rows.forEach((row) => this.addRow(row));
  }
}

function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows)
    groups.set(row[key], [...(groups.get(row[key]) || []), row]);
  return groups;
}

/** -> { tracks: [{ kind, label, y, height, ... }], height } */
export function layOut(trace) {
  const layout = new Layout(trace);
  const isHost = (row) => row.type >= RANGES;
  const devices = grouped(trace.rows.filter((row) => !isHost(row)), "device");
  for (const curve of trace.curves) {
    if (!curve.on_host && !devices.has(curve.device))
      devices.set(curve.device, []);
  }
  for (const [device, rows] of devices)
    layout.addDevice(device, rows);
  const pinned = trace.curves.find((curve) => curve.on_host && curve.when.length);
  if (pinned) {
    layout.add({ kind: "head", label: "Host", note: "" }, HEAD);
    layout.add({ kind: "memory", curve: pinned, label: "Pinned memory" }, MEMORY_HEIGHT);
  }
  for (const [tid, rows] of grouped(trace.rows.filter(isHost), "tid"))
    layout.addThread(tid, rows);
  return { tracks: layout.tracks, height: layout.height + HEAD };
}
