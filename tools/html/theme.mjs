// SPDX-License-Identifier: Apache-2.0
// Colours: those of the page from the style sheet, those of bars from here.

import { COPY, FAILED, GRAPH, KERNEL, LAUNCH, MEMORY, MEMSET, OPEN, RANGE, WAIT } from "./data.mjs";

// By time they took in all: the longest kernels get colours that are easy to tell apart.
const RANKED = {
  light: ["#8db6f7", "#f4b266", "#8bd09b", "#c4a7f2", "#f09ab8", "#e3cc62", "#f2998a", "#9fb0f6", "#b9cb70", "#d9a7a0"],
  dark: ["#7ba8f0", "#e6a152", "#75c088", "#b391ea", "#e586a8", "#d4bb4c", "#e8836f", "#8c9df0", "#a7bb5a", "#c88f87"],
};
const RANGES_SOFT = {
  light: ["#bfe3cf", "#cfe0f7", "#f3e0b8", "#e6d5f5", "#f6d3dc", "#cfe9ea"],
  dark: ["#6fa98a", "#7596c4", "#b8a06a", "#9d84bf", "#bb8393", "#6ea3a6"],
};
const PLAIN = {
  light: { other: "#c3c9d6", htod: "#66cbbb", dtoh: "#56b4d0", dtod: "#9fd8dc", memset: "#b3bdcc", graph: "#dccdf7", launch: "#b4c2dc", wait: "#f0d489", memory: "#d3c3ee" },
  dark: { other: "#8f98a8", htod: "#4fb8a7", dtoh: "#459fbd", dtod: "#79bcc2", memset: "#8592a6", graph: "#9c86c9", launch: "#7d8eb0", wait: "#c9a94f", memory: "#9c88c4" },
};
const PAGE = ["paper", "ground", "lane", "line", "strong-line", "ink", "muted", "accent", "accent-soft", "bar-ink", "danger",
  "danger-ink", "shade", "busy", "copying", "launch", "waiting", "none", "unknown", "memory", "memory-soft", "mark"];
const CHOICES = ["auto", "light", "dark"];
const STORED = "rktrace-theme";

export class Theme {
  constructor(onChange) {
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.choice = "auto";
    try {
      this.choice = CHOICES.find((choice) => choice === localStorage.getItem(STORED)) || "auto";
    } catch { /* a page from a file may have no storage */ }
    this.onChange = onChange;
    this.ranks = new Map();
    this.system.addEventListener("change", () => this.apply());
  }

  get isDark() {
    return this.choice === "dark" || (this.choice === "auto" && this.system.matches);
  }

  next() {
    this.choice = CHOICES[(CHOICES.indexOf(this.choice) + 1) % CHOICES.length];
    try {
      localStorage.setItem(STORED, this.choice);
    } catch { /* then only until the page is closed */ }
    this.apply();
  }

  apply() {
    document.documentElement.dataset.theme = this.isDark ? "dark" : "light";
    const style = getComputedStyle(document.documentElement);
    this.page = Object.fromEntries(PAGE.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    this.onChange();
  }

  /** @work: rows of the table of work, longest first. */
  rank(work) {
    for (const row of work) {
      if (row.kind === KERNEL && this.ranks.size < RANKED.light.length)
        this.ranks.set(row.name, this.ranks.size);
    }
  }

  fill(kind, name, detail) {
    const tone = this.isDark ? "dark" : "light", plain = PLAIN[tone];
    switch (kind) {
    case KERNEL: {
      const rank = this.ranks.get(name);
      return rank === undefined ? plain.other : RANKED[tone][rank];
    }
    case COPY:
      return detail === 1 ? plain.htod : detail === 2 ? plain.dtoh : plain.dtod;
    case MEMSET:
      return plain.memset;
    case GRAPH:
      return plain.graph;
    case LAUNCH:
      return plain.launch;
    case WAIT:
      return plain.wait;
    case MEMORY:
      return plain.memory;
    case FAILED:
    case OPEN:
      return this.page.danger;
    case RANGE:
      return RANGES_SOFT[tone][name % RANGES_SOFT[tone].length];
    default:
      return plain.other;
    }
  }

  ink(kind) {
    return kind === FAILED || kind === OPEN ? this.page["danger-ink"] : this.page["bar-ink"];
  }
}

export const KIND_TEXTS = ["Kernel", "Copy", "Memset", "Graph launch", "Call", "Wait", "Memory call", "Failed call",
  "Call whose work never completed", "Range"];
