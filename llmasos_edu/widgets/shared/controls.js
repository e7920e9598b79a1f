// Controls and panels that several explorers have, each with its name, its value in words, its keys.

// A control with its words beside it.
function field(words, ...children) {
  return make("label", { class: "lm-field" }, make("span", {}, words), ...children);
}

function button(words, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, words);
}

// Name, slider and value. `put` shows a value, in words, and where the slider ends.
function slider(words, { min = 0, max = 1, step = 1, name = words }, oninput) {
  const input = make("input", { type: "range", min, max, step, "aria-label": name, oninput: () => oninput(Number(input.value)) });
  const output = make("output", { class: "lm-number" });
  const put = (value, shown, end = Number(input.max), disabled = Number(input.min) >= end) => {
    Object.assign(input, { max: end, value, disabled });
    input.setAttribute("aria-valuetext", shown);
    output.textContent = shown;
  };
  return { input, output, put, box: make("label", { class: "lm-field lm-slider" }, make("span", {}, words), input, output) };
}

function checkbox(words, onchange) {
  const input = make("input", { type: "checkbox", onchange: () => onchange(input.checked) });
  return { input, box: make("label", { class: "lm-field" }, input, make("span", {}, words)) };
}

// One of several: [[value, words]].
function choice(name, options, onchange) {
  return make("select", { "aria-label": name, onchange: (event) => onchange(event.target.value) }, ...options.map(([value, words]) => option(value, words)));
}

// What is chosen, in words; said aloud when it changes.
function readout() {
  return make("p", { class: "lm-readout", role: "status", "aria-live": "polite" });
}

// A picture to walk over: a ground, and over it what moves with the cursor.
function board(what, listeners, className = "") {
  const [base, over] = [make("canvas"), make("canvas", { class: "lm-over" })];
  const box = make("div", { class: `lm-map lm-focus ${className}`, tabindex: 0, role: "application", "aria-roledescription": what, ...listeners }, base, over);
  return { base, over, box };
}

// Numbers with a name and a note each: [[name, value, note]].
function writeFigures(list, rows) {
  list.replaceChildren(...rows.map(([name, value, note]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, make("strong", {}, value), make("span", {}, note)))));
}

const span = (...words) => make("span", {}, ...words);

// A table's head and body out of words: the first cell of a row is its name. An empty head is no heading.
function writeTable(table, heads, rows) {
  const head = (words) => (words ? make("th", { scope: "col" }, words) : make("td", {}));
  table.replaceChildren(make("thead", {}, make("tr", {}, ...heads.map(head))),
    make("tbody", {}, ...rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell))))));
}

// What may be wider than the page scrolls by itself, also by keys.
function scroller(name, ...children) {
  const box = make("div", { class: "lm-scroller", role: "group", "aria-label": name }, ...children);
  box.settle = () => { box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1; };
  return box;
}

// A text as a row of buttons, one stop for the Tab key. `put(chosen, pressed, words, told)` names and marks them.
function tokenRow(names, label, choose, onkeydown) {
  const buttons = names.map((name, i) => button(name, () => choose(i), { class: "lm-token" }));
  const put = (chosen, pressed, words = (i) => names[i], told = (i) => `token ${i + 1}: ${names[i]}`) => buttons.forEach((node, i) => {
    node.setAttribute("aria-pressed", String(pressed(i)));
    node.setAttribute("aria-label", told(i));
    node.textContent = words(i);
    node.tabIndex = i === chosen ? 0 : -1;
  });
  const focus = (i) => {
    buttons[i].tabIndex = 0;
    buttons[i].focus();
  };
  return { box: make("div", { class: "lm-text", role: "group", "aria-label": label, onkeydown }, ...buttons), buttons, put, focus };
}

// A button that plays from `first` to `last()`; `at()` is where it stands, `go(place)` goes there.
function player(every, { first = 0, last, at, go }) {
  let timer = 0;
  const node = button("Play", () => (timer ? stop() : start()));
  function stop() {
    clearInterval(timer);
    timer = 0;
    node.textContent = "Play";
  }
  function step() {
    go(at() + 1);
    if (at() === last()) stop();
  }
  function start() {
    timer = setInterval(step, every);
    node.textContent = "Pause";
    if (at() === last()) go(first);
    else step();
  }
  return { button: node, toggle: () => node.click(), stop, playing: () => timer !== 0 };
}

// The whole explorer: controls and files in a bar, its parts, a line of help. A part may be null.
function frame(name, { controls, picture, fileName, help, className = "" }, ...parts) {
  return make("div", { class: `lm-explorer ${className}`, role: "region", "aria-label": name },
    make("div", { class: "lm-bar" }, ...controls, saveButtons(picture, fileName)), ...parts,
    typeof help === "string" ? make("p", { class: "lm-hint" }, help) : help);
}
