// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

const TIMES = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];
const SIZES = [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10], ["B", 1]];

function digits(value, step) {
  const count = step ? Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) : value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toFixed(Math.min(count, 9));
}

function inUnits(value, units) {
  const size = Math.abs(value);
  for (const [name, factor] of units) {
    if (size >= factor || factor === 1) {
      const text = factor === 1 ? String(Math.round(size)) : digits(size / factor);
      return (value < 0 ? "-" : "") + text + " " + name;
    }
  }
  return "";
}

/** "12.3 µs": three digits. */
export function timeText(ns) {
  return inUnits(ns, TIMES);
}

export function bytesText(bytes) {
  return inUnits(bytes, SIZES);
}

/** A moment, to the digit that @step (ns) makes a difference in. */
export function momentText(ns, step) {
  const [name, factor] = TIMES.find(([, f]) => Math.abs(ns) >= f || f === 1);
  return (ns < 0 ? "-" : "") + digits(Math.abs(ns) / factor, Math.max(step, 1) / factor) + " " + name;
}

export function countText(count) {
  return count.toLocaleString("en-US");
}

export function shareText(part, whole) {
  return whole > 0 ? (100 * part / whole).toFixed(1) + " %" : "-";
}

/** The round step (1, 2, 5 by powers of ten; ns) of which about @count lie in @length. */
export function tickStep(length, count) {
  const rough = Math.max(length / Math.max(count, 1), 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) {
    if (power * factor >= rough)
      return power * factor;
  }
  return power * 10;
}

/** At most @most characters of a name. */
export function shortened(text, most) {
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}
