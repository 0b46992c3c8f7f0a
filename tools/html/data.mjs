// SPDX-License-Identifier: Apache-2.0
// What the page holds: a description, and columns of numbers in planes of bytes.

export const PROJECTED = 1, GRAPHS = 2, WORK = 3, RANGES = 4, CALLS = 5;
export const KERNEL = 0, COPY = 1, MEMSET = 2, GRAPH = 3, LAUNCH = 4, WAIT = 5, MEMORY = 6, FAILED = 7, OPEN = 8, RANGE = 9;
export const STATES = ["busy", "copying", "launch_bound", "waiting", "none", "unknown"];

function fromBase64(text) {
  if (Uint8Array.fromBase64)
    return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++)
    bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** The bytes behind base64 of a zlib stream. */
export async function inflate(text) {
  const stream = new Blob([fromBase64(text.trim())]).stream();
  return new Uint8Array(await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}

/** A column as Float64Array: exact up to 2^53. */
export function column(bytes, at, count, width) {
  const out = new Float64Array(count);
  for (let plane = 0, factor = 1; plane < width; plane++, factor *= 256) {
    for (let i = 0, from = at + plane * count; i < count; i++)
      out[i] += bytes[from + i] * factor;
  }
  return out;
}

function signed(value) {
  return value % 2 ? -(value + 1) / 2 : value / 2;
}

function sumUp(numbers) {
  const out = new Uint32Array(numbers.length);
  for (let i = 0, last = 0; i < numbers.length; i++)
    out[i] = last += signed(numbers[i]);
  return out;
}

function lanesOf(rows) {
  const lanes = [];
  let first = 0;
  for (const row of rows) {
    row.first = first;
    row.lanes = row.lanes.map((count, number) => {
      const lane = { row, number, first, count, end: first + count, index: lanes.length };
      lanes.push(lane);
      first += count;
      return lane;
    });
  }
  return lanes;
}

function timesOf(lanes, changes, lengths) {
  const start = new Float64Array(changes.length), end = new Float64Array(changes.length);
  for (const lane of lanes) {
    for (let i = lane.first, last = 0; i < lane.end; i++) {
      start[i] = last + signed(changes[i]);
      last = end[i] = start[i] + lengths[i];
    }
  }
  return { start, end };
}

/** From a call to the work it submitted: head[call] and then next[work], -1 at the end. */
function workOf(call) {
  const head = new Int32Array(call.length).fill(-1), next = new Int32Array(call.length).fill(-1);
  for (let i = call.length - 1; i >= 0; i--) {
    if (call[i]) {
      next[i] = head[call[i] - 1];
      head[call[i] - 1] = i;
    }
  }
  return { head, next };
}

/** What bars are called: where two names read alike, with what tells them apart. */
export function labelsOf(names, full) {
  const seen = new Map();
  names.forEach((name, i) => {
    if (full[i])
      seen.set(name, (seen.get(name) || 0) + 1);
  });
  return names.map((name, i) => {
    if (!full[i] || seen.get(name) < 2)
      return name;
    const at = full[i].indexOf(name), end = full[i].indexOf(">(", at);
    return at >= 0 && full[i][at + name.length] === "<" && end > at ? full[i].slice(at, end + 1) : name;
  });
}

/** Which kind of copy a name stands for. */
function copiesOf(about, bars) {
  const kinds = new Uint8Array(about.names.length);
  for (let i = 0; i < bars.count; i++) {
    if (bars.kind[i] === COPY)
      kinds[bars.name[i]] = bars.detail[i];
  }
  return kinds;
}

/** bytes -> { about, rows, lanes, bars, gaps, curves } */
export function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const found = {}, curves = about.curves.map((curve) => ({ ...curve }));
  let at = 4 + length, curve = 0;
  for (const { name, count, width } of about.columns) {
    const numbers = column(bytes, at, count, width);
    at += count * width;
    if (name === "memory_when")
      curves[curve].when = numbers.map(signed);
    else if (name === "memory_bytes")
      curves[curve++].bytes = numbers;
    else
      found[name] = numbers;
  }
  about.labels = labelsOf(about.names, about.full_names);
  const lanes = lanesOf(about.rows);
  const bars = {
    ...timesOf(lanes, found.start, found.length),
    kind: Uint8Array.from(found.kind), name: Uint32Array.from(found.name), detail: Uint32Array.from(found.detail),
    bytes: found.bytes, call: sumUp(found.call), range: sumUp(found.range), stack: Uint32Array.from(found.stack),
    graph: Uint32Array.from(found.graph), result: Uint16Array.from(found.result), correlation: sumUp(found.correlation),
    count: found.start.length,
  };
  bars.work = workOf(bars.call);
  about.copies = copiesOf(about, bars);
  const gaps = { start: found.gap_start.map(signed), length: found.gap_length, device: found.gap_device,
    ns: STATES.map((state) => found["gap_" + state]) };
  return { about, rows: about.rows, lanes, bars, gaps, curves };
}

/** The lane that bar @i lies in. */
export function laneOf(trace, i) {
  let low = 0, high = trace.lanes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trace.lanes[middle].end <= i)
      low = middle + 1;
    else
      high = middle;
  }
  return trace.lanes[low];
}

/** The first bar of @lane that ends after @time. */
export function firstAfter(bars, lane, time) {
  let low = lane.first, high = lane.end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars.end[middle] <= time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
