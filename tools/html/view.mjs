// SPDX-License-Identifier: Apache-2.0
// The piece of time that is shown, and where on the screen.

const SHORTEST_NS = 20;

export class View {
  constructor(first, last) {
    const margin = Math.max((last - first) * 0.01, 10);
    this.low = first - margin;
    this.high = Math.max(last + margin, this.low + SHORTEST_NS);
    this.left = 0;
    this.width = 1;
    this.scroll = 0;
    this.whole();
  }

  whole() {
    this.from = this.low;
    this.to = this.high;
  }

  get length() {
    return this.to - this.from;
  }

  /** Pixels per ns. */
  get scale() {
    return this.width / this.length;
  }

  xOf(time) {
    return this.left + (time - this.from) * this.scale;
  }

  timeOf(x) {
    return this.from + (x - this.left) / this.scale;
  }

  /** Show @from to @to, as far as there is anything. */
  show(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST_NS), this.high - this.low);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - length / 2, this.low), this.high - length);
    this.to = this.from + length;
  }

  /** @factor below 1 zooms in; @time stays where it is. */
  zoom(time, factor) {
    const part = (time - this.from) / this.length;
    const length = Math.min(Math.max(this.length * factor, SHORTEST_NS), this.high - this.low);
    this.show(time - part * length, time + (1 - part) * length);
  }

  pan(time) {
    this.show(this.from + time, this.to + time);
  }

  /** Move no further than needed for a bar to be seen, and zoom where it would be a dot. */
  reveal(start, end) {
    const length = Math.max(end - start, 1);
    if (length * this.scale < 3 || length > this.length)
      this.show(start - length * 20, end + length * 20);
    else if (start < this.from || end > this.to)
      this.show((start + end) / 2 - this.length / 2, (start + end) / 2 + this.length / 2);
  }
}
