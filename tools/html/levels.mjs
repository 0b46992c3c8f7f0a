// SPDX-License-Identifier: Apache-2.0
// Bars that are smaller than a pixel are drawn by the block: a tree over each lane, eight to one.

import { firstAfter } from "./data.mjs";

const FAN = 8;

/** Per lane [{ size, busy, top }]: time filled, and the longest bar, of each block of @size bars. */
export function buildLevels(bars, lane) {
  const levels = [];
  let size = 1, count = lane.count, busy = null, top = null;
  while (count > FAN) {
    const blocks = Math.ceil(count / FAN), sums = new Float64Array(blocks), longest = new Uint32Array(blocks);
    for (let block = 0; block < blocks; block++) {
      let most = -1;
      for (let i = block * FAN; i < Math.min(count, (block + 1) * FAN); i++) {
        const bar = top ? top[i] : lane.first + i, length = bars.end[bar] - bars.start[bar];
        sums[block] += busy ? busy[i] : length;
        if (length > most) {
          most = length;
          longest[block] = bar;
        }
      }
    }
    size *= FAN;
    count = blocks;
    busy = sums;
    top = longest;
    levels.push({ size, busy, top });
  }
  return levels;
}

/**
 * Call @each(first, last, busy, top) for what lies between @from and @to: single bars, and blocks
 * that are shorter than @least as one.
 */
export function walkLane(bars, lane, from, to, least, each) {
  const { start, end } = bars, levels = lane.levels;
  for (let i = firstAfter(bars, lane, from); i < lane.end && start[i] < to;) {
    let taken = 1, busy = end[i] - start[i], top = i;
    const at = i - lane.first;
    for (const level of levels) {
      const last = Math.min(i + level.size, lane.end) - 1;
      if (at % level.size || end[last] - start[i] >= least)
        break;
      const block = at / level.size;
      taken = last - i + 1;
      busy = level.busy[block];
      top = level.top[block];
    }
    each(i, i + taken - 1, busy, top);
    i += taken;
  }
}
