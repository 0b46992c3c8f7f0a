// SPDX-License-Identifier: Apache-2.0
// Mouse, touch and keys become calls of the page.

import { GUTTER, OVERVIEW } from "./draw.mjs";

const ZOOM_STEP = 0.8, PAN_STEP = 0.12, DRAG_FROM = 4;

function wheel(app, event) {
  const lines = event.deltaMode === 1 ? 20 : 1, dx = event.deltaX * lines, dy = event.deltaY * lines;
  event.preventDefault();
  if (event.offsetX < GUTTER)
    app.scroll(dy);
  else if (event.shiftKey || Math.abs(dx) > Math.abs(dy))
    app.view.pan((event.shiftKey ? dx || dy : dx) / app.view.scale);
  else
    app.view.zoom(app.view.timeOf(event.offsetX), Math.exp(Math.max(-200, Math.min(dy, 200)) * 0.0022));
  app.refresh();
}

function overviewTo(app, x) {
  const { view } = app, time = view.low + (x - GUTTER) / view.width * (view.high - view.low);
  view.show(time - view.length / 2, time + view.length / 2);
  app.refresh();
}

function dragTo(app, drag, event) {
  if (drag.what === "overview") {
    overviewTo(app, event.offsetX);
  } else if (drag.what === "measure") {
    app.painter.measured = [drag.time, app.view.timeOf(event.offsetX)];
  } else {
    app.view.show(drag.from - (event.offsetX - drag.x) / app.view.scale, drag.to - (event.offsetX - drag.x) / app.view.scale);
    app.scroll(drag.y - event.offsetY);
    drag.y = event.offsetY;
  }
  app.refresh();
}

function watchPointer(app, canvas) {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button)
      return;
    const what = event.offsetY < OVERVIEW ? "overview" : event.shiftKey ? "measure" : "pan";
    drag = { what, x: event.offsetX, y: event.offsetY, from: app.view.from, to: app.view.to, time: app.view.timeOf(event.offsetX), isMoved: what === "overview" };
    app.painter.measured = null;
    canvas.setPointerCapture(event.pointerId);
    if (what === "overview")
      overviewTo(app, event.offsetX);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) {
      app.hover(event.offsetX, event.offsetY);
      return;
    }
    drag.isMoved = drag.isMoved || Math.hypot(event.offsetX - drag.x, event.offsetY - drag.y) > DRAG_FROM;
    if (drag.isMoved)
      dragTo(app, drag, event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.isMoved)
      app.click(event.offsetX, event.offsetY);
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => app.hover(-1, -1));
  canvas.addEventListener("dblclick", (event) => {
    const found = app.painter.at(event.offsetX, event.offsetY);
    if (found && found.bar >= 0)
      app.zoomToBar(found.bar);
  });
  canvas.addEventListener("wheel", (event) => wheel(app, event), { passive: false });
}

const KEYS = {
  w: (app) => app.zoom(ZOOM_STEP), "+": (app) => app.zoom(ZOOM_STEP), "=": (app) => app.zoom(ZOOM_STEP),
  s: (app) => app.zoom(1 / ZOOM_STEP), "-": (app) => app.zoom(1 / ZOOM_STEP),
  a: (app) => app.pan(-PAN_STEP), d: (app) => app.pan(PAN_STEP),
  PageUp: (app) => app.scrollPage(-1), PageDown: (app) => app.scrollPage(1),
  f: (app) => app.selected >= 0 && app.zoomToBar(app.selected), 0: (app) => app.whole(), Home: (app) => app.whole(),
  ArrowLeft: (app) => app.step(-1), ArrowRight: (app) => app.step(1), ArrowUp: (app) => app.stepRow(-1), ArrowDown: (app) => app.stepRow(1),
  "/": (app) => app.focusSearch(), n: (app) => app.nextMatch(true), N: (app) => app.nextMatch(false),
  t: (app) => app.theme.next(), "?": (app) => app.help(), Escape: (app) => app.clear(),
};

/** Keys work wherever the focus is, but in a field, a dialog, or where they have a meaning already. */
function watchKeys(app, canvas) {
  document.addEventListener("keydown", (event) => {
    const target = event.target, isTimeline = target === canvas || target === document.body;
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "INPUT" || target.closest("dialog"))
      return;
    const isLocal = event.key.startsWith("Arrow") || event.key.startsWith("Page") || event.key === "Home";
    const action = event.key === "Enter" && isTimeline ? (it) => it.follow() : KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (!action || (isLocal && !isTimeline))
      return;
    event.preventDefault();
    action(app);
  });
}

function watchTabs(app) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => app.openTab(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined)
        return;
      const next = tabs[(to + tabs.length) % tabs.length];
      event.preventDefault();
      app.openTab(next.id.slice(4));
      next.focus();
    });
  });
}

function watchSearch(app) {
  const field = document.getElementById("query");
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => app.find(field.value), 120);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      clearTimeout(timer);
      app.find(field.value);
      app.nextMatch(!event.shiftKey);
      event.preventDefault();
    } else if (event.key === "Escape") {
      clearTimeout(timer);
      app.clear();
      app.canvas.focus();
    }
  });
  document.getElementById("next").addEventListener("click", () => app.nextMatch(true));
  document.getElementById("previous").addEventListener("click", () => app.nextMatch(false));
}

export function watch(app) {
  watchPointer(app, app.canvas);
  watchKeys(app, app.canvas);
  watchTabs(app);
  watchSearch(app);
  document.getElementById("fit").addEventListener("click", () => app.whole());
  document.getElementById("theme").addEventListener("click", () => app.theme.next());
  document.getElementById("help-open").addEventListener("click", () => app.help());
  new ResizeObserver(() => {
    app.painter.resize();
    app.refresh();
  }).observe(app.canvas);
}
