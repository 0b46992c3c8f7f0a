// SPDX-License-Identifier: Apache-2.0
// The parts of the page that need no browser: run by node, against the plain way to say the same.

import assert from "node:assert/strict";
import { column, firstAfter, labelsOf, laneOf } from "../../tools/html/data.mjs";
import { buildLevels, walkLane } from "../../tools/html/levels.mjs";
import { bytesText, momentText, shortened, tickStep, timeText } from "../../tools/html/text.mjs";
import { View } from "../../tools/html/view.mjs";

let state = 12345;
function below(bound) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % bound;
}

function laneWith(count) {
  const start = new Float64Array(count), end = new Float64Array(count);
  let time = 0;
  for (let i = 0; i < count; i++) {
    start[i] = time += below(50);
    end[i] = time += below(100);
  }
  const lane = { first: 0, count, end: count, index: 0 };
  lane.levels = buildLevels({ start, end }, lane);
  return { bars: { start, end }, lane, last: time };
}

const tests = {
  columns() {
    const numbers = [0, 1, 255, 256, 65536 * 3 + 7, 2 ** 52 + 1], width = 7, bytes = new Uint8Array(numbers.length * width);
    numbers.forEach((number, i) => {
      for (let plane = 0, rest = BigInt(number); plane < width; plane++, rest >>= 8n)
        bytes[plane * numbers.length + i] = Number(rest & 255n);
    });
    assert.deepEqual([...column(bytes, 0, numbers.length, width)], numbers);
    assert.deepEqual([...column(bytes, 0, 3, 0)], [0, 0, 0]);
  },
  halving() {
    const { bars, lane, last } = laneWith(500);
    for (let n = 0; n < 2000; n++) {
      const time = below(last + 20) - 10, expected = bars.end.findIndex((end) => end > time);
      assert.equal(firstAfter(bars, lane, time), expected < 0 ? 500 : expected);
    }
    const lanes = [{ end: 3 }, { end: 3 }, { end: 9 }];
    assert.equal(laneOf({ lanes }, 2), lanes[0]);
    assert.equal(laneOf({ lanes }, 3), lanes[2]);
  },
  levels() {
    for (const count of [1, 8, 9, 64, 65, 4096, 5000]) {
      const { bars, lane, last } = laneWith(count);
      for (const least of [0, 10, 1000, 100000, 1e9]) {
        const from = below(last), to = from + 1 + below(last);
        const seen = [];
        let busy = 0;
        walkLane(bars, lane, from, to, least, (first, end, filled, top) => {
          assert.ok(top >= first && top <= end);
          for (let i = first; i <= end; i++)
            assert.ok(bars.end[i] - bars.start[i] <= bars.end[top] - bars.start[top]);
          if (end > first)
            assert.ok(bars.end[end] - bars.start[first] < least);
          for (let i = first; i <= end; i++)
            seen.push(i);
          busy += filled;
        });
        // Every bar that is seen is there once; a block may bring neighbours of those.
        for (let i = 0; i < count; i++) {
          if (bars.end[i] > from && bars.start[i] < to)
            assert.ok(seen.includes(i), `bar ${i} of ${count}`);
        }
        assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b));
        const expected = seen.reduce((sum, i) => sum + bars.end[i] - bars.start[i], 0);
        assert.ok(Math.abs(busy - expected) < 1e-6);
      }
    }
  },
  numbers() {
    assert.equal(timeText(1500), "1.50 µs");
    assert.equal(timeText(20), "20 ns");
    assert.equal(timeText(-2.5e9), "-2.50 s");
    assert.equal(bytesText(3 * 2 ** 20), "3.00 MiB");
    assert.equal(momentText(1.5e6, 1e5), "1.5 ms");
    assert.equal(momentText(0, 1000), "0 ns");
    assert.equal(tickStep(1000, 10), 100);
    assert.equal(tickStep(1001, 10), 200);
    assert.equal(shortened("abcdef", 4), "abc…");
  },
  names() {
    const full = ["", "void gemm<1>(int)", "void gemm<2>(int)", "axpy(float)", "gemm"];
    assert.deepEqual(labelsOf(["", "gemm", "gemm", "axpy", "gemm"], full), ["", "gemm<1>", "gemm<2>", "axpy", "gemm"]);
  },
  view() {
    const view = new View(0, 1e6);
    view.left = 100;
    view.width = 1000;
    for (let n = 0; n < 3000; n++) {
      const x = 100 + below(1000), time = view.timeOf(x);
      view.zoom(time, [0.5, 0.9, 1.3, 2][below(4)]);
      view.pan((below(1000) - 500) * view.length / 1000);
      assert.ok(view.from >= view.low - 1e-3 && view.to <= view.high + 1e-3 && view.length >= 20 - 1e-6);
      assert.ok(Math.abs(view.xOf(view.timeOf(x)) - x) < 1e-3);
    }
    view.whole();
    view.zoom(5e5, 0.5);
    assert.ok(Math.abs(view.xOf(5e5) - 600) < 1e-6);
  },
};

for (const [name, test] of Object.entries(tests)) {
  test();
  console.log("ok", name);
}
