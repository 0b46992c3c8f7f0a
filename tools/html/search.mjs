// SPDX-License-Identifier: Apache-2.0
// Which names match, and the bars that have them.

export class Search {
  constructor(trace) {
    this.trace = trace;
    const { names, full_names: full } = trace.about;
    this.texts = names.map((name, i) => (name + "\n" + (full[i] || "")).toLowerCase());
    this.clear();
  }

  clear() {
    this.query = "";
    this.isMatch = new Uint8Array(this.texts.length);
    this.count = 0;
    this.byName = [];
  }

  /** Every word has to be in the name, in any order and case. */
  find(query) {
    const words = query.toLowerCase().split(/\s+/).filter((word) => word), { bars } = this.trace;
    this.clear();
    this.query = query.trim();
    if (!words.length)
      return;
    this.texts.forEach((text, i) => {
      this.isMatch[i] = i && words.every((word) => text.includes(word)) ? 1 : 0;
    });
    const counts = new Uint32Array(this.texts.length);
    for (let i = 0; i < bars.count; i++) {
      if (this.isMatch[bars.name[i]]) {
        counts[bars.name[i]]++;
        this.count++;
      }
    }
    counts.forEach((count, name) => {
      if (count)
        this.byName.push({ name, count });
    });
    this.byName.sort((a, b) => b.count - a.count);
  }

  /** The match that begins next after, or before, bar @from (-1: any); around the end. */
  step(from, forward, name = -1) {
    const { start, count, name: names } = this.trace.bars;
    const at = from < 0 ? (forward ? -Infinity : Infinity) : start[from];
    let best = -1, first = -1;
    const isBefore = (a, b) => forward ? start[a] < start[b] || (start[a] === start[b] && a < b)
      : start[a] > start[b] || (start[a] === start[b] && a > b);
    for (let i = 0; i < count; i++) {
      if (name < 0 ? !this.isMatch[names[i]] : names[i] !== name)
        continue;
      const isBeyond = i !== from && (from < 0 || (start[i] === at ? (forward ? i > from : i < from)
        : forward ? start[i] > at : start[i] < at));
      if (isBeyond && (best < 0 || isBefore(i, best)))
        best = i;
      if (first < 0 || isBefore(i, first))
        first = i;
    }
    return best < 0 ? first : best;
  }
}
