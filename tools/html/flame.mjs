// SPDX-License-Identifier: Apache-2.0
// Zoom and search in a flame graph. Without this the picture is all there, at one scale.

const WIDTH = 1200, LETTER = 7.3, FROM = 4 * LETTER;
const frames = [...document.querySelectorAll(".frame")].map((element) => ({
  element, x: Number(element.dataset.x), width: Number(element.dataset.w),
  rect: element.querySelector("rect"), text: element.querySelector("text"),
  name: element.querySelector("title").textContent.split("\n")[0],
}));

function place(frame, from, length) {
  const left = Math.max((frame.x - from) / length, 0), right = Math.min((frame.x + frame.width - from) / length, 1);
  const width = (right - left) * WIDTH, isSeen = width > 0.05;
  frame.element.style.display = isSeen ? "" : "none";
  if (!isSeen)
    return;
  frame.rect.setAttribute("x", left * WIDTH);
  frame.rect.setAttribute("width", width);
  frame.text.setAttribute("x", left * WIDTH + 4);
  const count = Math.floor((width - 8) / LETTER);
  frame.text.textContent = width < FROM ? "" : frame.name.length > count ? frame.name.slice(0, count - 1) + "…" : frame.name;
}

function zoomTo(chosen) {
  for (const frame of frames) {
    place(frame, chosen.x, chosen.width);
    frame.element.classList.toggle("around", frame.width > chosen.width * (1 + 1e-9));
  }
}

function find(query) {
  const wanted = query.trim().toLowerCase();
  let last = -1, share = 0, count = 0;
  for (const frame of [...frames].sort((a, b) => a.x - b.x || b.width - a.width)) {
    const isFound = wanted !== "" && frame.name.toLowerCase().includes(wanted);
    frame.element.classList.toggle("found", isFound);
    count += isFound;
    // What lies over a frame that was found is part of it.
    if (isFound && frame.x >= last - 1e-12) {
      share += frame.width;
      last = frame.x + frame.width;
    }
  }
  told.textContent = wanted ? `“${query}”: ${count} frames, ${(100 * share).toFixed(2)} % in all` : toldAtFirst;
}

function control(x, label, action) {
  const namespace = "http://www.w3.org/2000/svg", group = document.createElementNS(namespace, "g");
  const rect = document.createElementNS(namespace, "rect"), text = document.createElementNS(namespace, "text");
  for (const [name, value] of Object.entries({ x, y: 8, width: 84, height: 24, rx: 5 }))
    rect.setAttribute(name, value);
  text.setAttribute("x", x + 42);
  text.setAttribute("y", 24);
  text.setAttribute("text-anchor", "middle");
  text.textContent = label;
  group.setAttribute("class", "control");
  group.setAttribute("role", "button");
  group.setAttribute("aria-label", label);
  group.append(rect, text);
  document.documentElement.append(group);
  act(group, action);
}

function act(element, action) {
  element.setAttribute("tabindex", "0");
  element.addEventListener("click", action);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      action();
    }
  });
}

function ask() {
  const query = prompt("Names that hold:", "");
  if (query !== null)
    find(query);
}

const told = document.getElementById("told"), toldAtFirst = told.textContent;
for (const frame of frames) {
  frame.element.setAttribute("role", "button");
  frame.element.setAttribute("aria-label", frame.element.querySelector("title").textContent.replace("\n", ", "));
  act(frame.element, () => zoomTo(frame));
}
control(WIDTH - 188, "Search (/)", ask);
control(WIDTH - 96, "Whole (0)", () => zoomTo({ x: 0, width: 1 }));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey)
    return;
  if (event.key === "/") {
    event.preventDefault();
    ask();
  } else if (event.key === "0" || event.key === "Escape") {
    find("");
    zoomTo({ x: 0, width: 1 });
  }
});
// For those who look into it with a script of their own: the tests do.
window.rktrace = { frames, zoomTo, find };
