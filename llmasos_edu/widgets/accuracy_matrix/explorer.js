// The accuracy matrix over a training: a moment, a method, perhaps a second one beside it, and each cell in words.

const TRAITS = ["method", "beside", "moment", "row", "column"];
const CURVE_HEIGHT = 176;
const PLAY_MS = 8000; // of a whole training, where a moment is neither too short nor too long to be seen

function render(host) {
  const data = readHistory(host.model);
  const { methods, tasks, boundaries, steps, baseline, limits, moments } = data;
  const { view, colours, change, draw, show } = explore(host,
    { traits: TRAITS, light: ["moment", "row", "column"], keepInRange, changed, paint, close: () => plays.stop() });
  let hovered = null;
  const plays = player(clamp(PLAY_MS / moments, 60, 700), { last: () => moments - 1, at: () => view.moment, go: (moment) => change({ moment }) });
  const panels = [panel(), panel()];
  const ui = build();
  return show(ui.root);

  function changed(names) {
    if (names.includes("row") || names.includes("column")) hovered = null; // the newest wish counts
  }

  function keepInRange() {
    view.moment = clamp(view.moment, 0, moments - 1);
    view.row = clamp(view.row, 0, tasks.length - 1);
    view.column = clamp(view.column, 0, tasks.length - 1);
    if (view.beside === view.method) view.beside = "";
  }

  function shown() {
    return [view.method, view.beside].filter(Boolean);
  }

  function goTo(moment) {
    plays.stop();
    change({ moment });
  }

  // -- the page --

  function build() {
    const ui = {
      method: choice("Method", methods.map((name) => [name, name]), (method) => change({ method })),
      beside: choice("Beside it", [["", "nothing"], ...methods.map((name) => [name, name])], (beside) => change({ beside })),
      moment: make("input", { type: "range", min: 0, max: moments - 1, step: 1, "aria-label": "Moment of the training",
        oninput: (event) => goTo(Number(event.target.value)), onkeydown: (event) => event.key === " " && press(event, plays.toggle) }),
      when: make("output", {}),
      readout: readout(),
      legend: make("p", { class: "lm-legend" }),
    };
    ui.signs = tasks.map((name) => {
      const sign = make("canvas", { "aria-hidden": "true" });
      ui.legend.append(span(sign, name));
      return sign;
    });
    const ramp = make("span", { class: "lm-ramp", "aria-hidden": "true", style: `background:linear-gradient(to right,${RAMP_CSS.filter((_, i) => i % 15 === 0)})` });
    ui.legend.append(make("span", { class: "lm-ends" }, figure(limits[0], 2), ramp, `${figure(limits[1], 2)} score`));
    const compare = make("span", { class: "lm-buttons" }, field("Method", ui.method), field("Beside it", ui.beside));
    compare.hidden = methods.length < 2;
    ui.root = frame("Accuracy matrix over training", { controls: [compare], picture, fileName: () => `accuracy-matrix-${view.moment}`,
      help: "Row: the task just learnt; column: the task that is scored; a dashed row is still being learnt. Hover over a cell or walk with the arrow keys; "
        + "Page Up and Page Down go through the training, Space plays it; a click on the curves goes to that moment." },
    make("div", { class: "lm-training lm-time" }, plays.button, ui.moment, ui.when), ui.readout,
    make("div", { class: "lm-methods" }, ...panels.map((each) => each.root)), ui.legend);
    return ui;
  }

  // One method: its curves, its matrix, its three summaries. The nodes stay, so the focus stays.
  function panel() {
    const cells = tasks.map((_, row) => tasks.map((_, column) => make("td", { role: "gridcell", onclick: () => { change({ row, column }); focusCell(); },
      onmouseenter: () => hover([row, column]), onmouseleave: () => hover(null) })));
    const heads = tasks.map((name) => make("th", { scope: "row", title: name }, name));
    const each = { cells, heads, title: make("p", { class: "lm-heading" }), base: make("canvas"), over: make("canvas", { class: "lm-over" }),
      figures: make("dl", { class: "lm-figures" }) };
    each.curves = make("div", { class: "lm-map lm-curves", role: "img", onclick: (event) => goTo(each.plan.nearest(event.offsetX)) }, each.base, each.over);
    each.table = make("table", { class: "lm-cells", role: "grid", onkeydown: cellKey },
      make("caption", {}, "Score after learning (row) on (column)"),
      make("thead", {}, make("tr", {}, make("td", { "aria-hidden": "true", class: "lm-corner" }), ...tasks.map((name) => make("th", { scope: "col", title: name }, name)))),
      make("tbody", {}, ...cells.map((row, i) => make("tr", {}, heads[i], ...row))));
    each.root = make("section", { class: "lm-method" }, each.title, each.table, each.curves, each.figures);
    return each;
    function focusCell() { cells[view.row][view.column].focus(); }
  }

  // -- drawing --

  function paint(ground) {
    const tints = CLASS_COLOURS[isDark(colours.paper) ? "dark" : "light"];
    panels.forEach((each, i) => {
      each.root.hidden = i >= shown().length;
      if (!each.root.hidden) paintPanel(each, shown()[i], tints, ground);
    });
    if (ground) ui.signs.forEach((sign, task) => drawMarker(fitCanvas(sign, 14, 14), 7, 7, SHAPES[task], tints[task], 4.5));
    syncControls();
    describe();
  }

  function paintPanel(each, method, tints, ground) {
    const rows = matrixAt(data, method, view.moment);
    const width = each.curves.clientWidth;
    each.plan = curvePlan(width, CURVE_HEIGHT, data);
    if (ground) drawStages(fitCanvas(each.base, width, CURVE_HEIGHT), each.plan, data, method, tints, colours);
    drawSoFar(fitCanvas(each.over, width, CURVE_HEIGHT), each.plan, data, method, view.moment, tints, colours);
    const now = data.scores(method, view.moment);
    each.curves.setAttribute("aria-label", `${method}: scores at ${momentWords()}: ${tasks.map((name, task) => `${name} ${figure(now[task], 2)}`).join(", ")}`);
    each.title.textContent = method;
    each.table.setAttribute("aria-label", `Accuracy matrix of ${method}`);
    rows.forEach((row, i) => {
      each.heads[i].textContent = row.state === "running" ? `${tasks[i]} …` : tasks[i];
      each.cells[i].forEach((cell, j) => paintCell(cell, row, method, i, j));
    });
    writeFigures(each.figures, figuresOf(rows));
  }

  function paintCell(cell, row, method, i, j) {
    const known = row.state !== "empty";
    const { paper, ink } = known ? cellColours(row.values[j], limits) : { paper: "", ink: "" };
    cell.textContent = known ? figure(row.values[j], 2) : "·";
    cell.className = `lm-${row.state}`;
    Object.assign(cell.style, { background: paper, color: ink });
    const chosen = i === view.row && j === view.column;
    cell.tabIndex = chosen ? 0 : -1;
    cell.setAttribute("aria-selected", String(chosen));
    cell.setAttribute("aria-label", `${method}, ${rowWords(row, i)}, on ${tasks[j]}: ${known ? figure(row.values[j], 2) : "not reached yet"}`);
  }

  function rowWords(row, i) {
    return `${row.state === "running" ? "while learning" : "after learning"} ${tasks[i]}`;
  }

  function figuresOf(rows) {
    const { k, average, backward, forward } = summaries(rows, baseline);
    const put = (value) => (value === null ? "–" : `${value > 0 ? "+" : ""}${figure(value, 3)}`);
    const soon = (value, words) => (value === null ? `needs ${k < 2 ? "two tasks learnt" : "a baseline"}` : words);
    return [["Average accuracy", average === null ? "–" : figure(average, 3), k ? `of the ${k} of ${tasks.length} tasks learnt` : "no task is learnt yet"],
      ["Backward transfer", put(backward), soon(backward, backward < 0 ? "below zero: forgotten" : "zero or more: nothing lost on average")],
      ["Forward transfer", put(forward), soon(forward, "before its turn, against the baseline")]];
  }

  function momentWords() {
    const { stage, ended } = stageAt(data, view.moment);
    const at = steps.length ? `step ${steps[view.moment].toLocaleString("en")}` : `moment ${view.moment + 1} of ${moments}`;
    return `${at}, ${ended ? `${tasks[stage]} learnt` : `learning ${tasks[stage]}`}`;
  }

  function syncControls() {
    ui.method.value = view.method;
    ui.beside.value = view.beside;
    for (const each of ui.beside.options) each.disabled = each.value === view.method;
    ui.moment.value = view.moment;
    ui.moment.setAttribute("aria-valuetext", momentWords());
    ui.when.textContent = momentWords();
    ui.readout.setAttribute("aria-live", plays.playing() || hovered ? "off" : "polite");
  }

  function describe() {
    const [i, j] = hovered || [view.row, view.column];
    const all = shown().map((method) => [method, matrixAt(data, method, view.moment)]);
    const { state } = all[0][1][i];
    const where = state === "empty" ? `After learning ${tasks[i]}: not reached yet.` : `${rowWords(all[0][1][i], i).replace(/^./, (letter) => letter.toUpperCase())}, on ${tasks[j]}:`;
    ui.readout.replaceChildren(span(where), ...(state === "empty" ? [] : all.map(([method, rows]) =>
      make("span", {}, make("b", {}, `${method} ${figure(rows[i].values[j], 2)}`), ` ${meaning(rows, i, j)}`))));
  }

  // What the number of a cell says: learnt, forgotten, or known before its turn.
  function meaning(rows, i, j) {
    const value = rows[i].values[j];
    const against = (other, words) => {
      const gap = Number((value - other).toFixed(2));
      return gap ? `${figure(Math.abs(gap), 2)} ${gap < 0 ? "less" : "more"} than ${words}` : `the same as ${words}`;
    };
    if (j < i) return against(rows[j].values[j], `right after learning ${tasks[j]}`);
    if (j === i) return rows[i].state === "running" ? "being learnt now" : "just learnt";
    return baseline.length ? `not yet learnt, ${against(baseline[j], "the baseline")}` : "not yet learnt";
  }

  // -- mouse and keys --

  function hover(cell) {
    hovered = cell;
    draw(false);
  }

  function cellKey(event) {
    const goals = { Home: { column: 0 }, End: { column: tasks.length - 1 } };
    if (ARROWS[event.key]) goals[event.key] = { row: view.row + ARROWS[event.key][0], column: view.column + ARROWS[event.key][1] };
    const times = { PageUp: -1, PageDown: 1 };
    if (event.key === " ") return press(event, plays.toggle);
    if (times[event.key]) return press(event, () => goTo(view.moment + times[event.key]));
    return press(event, goals[event.key] && (() => {
      change(goals[event.key]);
      const { cells } = panels.find((each) => each.table.contains(event.target)) || panels[0];
      cells[view.row][view.column].tabIndex = 0;
      cells[view.row][view.column].focus();
    }));
  }

  // -- files --

  function picture() {
    const [width, rowHeight] = [720, 26];
    const matrixHeight = 46 + rowHeight * tasks.length;
    const block = Math.max(matrixHeight, CURVE_HEIGHT) + 54;
    const height = 34 + block * shown().length + 26;
    const pen = new SvgPen("Accuracy matrix over training", width, height, `Scores at ${momentWords()}`);
    shown().forEach((method, n) => {
      const rows = matrixAt(data, method, view.moment);
      const top = 34 + block * n;
      pen.at(0, top);
      pen.write(method, 10, 12, { font: HEADING_FONT });
      const cell = (350 - 110) / tasks.length;
      tasks.forEach((name, j) => pen.write(shorten(name, Math.floor(cell / 7)), 110 + cell * (j + 0.5), 34, { align: "center", colour: PAPER.soft }));
      rows.forEach((row, i) => {
        const y = 46 + rowHeight * i;
        pen.write(shorten(row.state === "running" ? `${tasks[i]} …` : tasks[i], 15), 10, y + rowHeight / 2);
        tasks.forEach((_, j) => {
          const tints = row.state === "empty" ? { paper: PAPER.paper, ink: PAPER.soft } : cellColours(row.values[j], limits);
          pen.fillStyle = tints.paper;
          pen.fillRect(110 + cell * j, y, cell - 2, rowHeight - 2);
          pen.write(row.state === "empty" ? "·" : figure(row.values[j], 2), 110 + cell * (j + 0.5), y + rowHeight / 2, { align: "center", colour: tints.ink });
        });
      });
      pen.write(figuresOf(rows).map(([name, value]) => `${name} ${value}`).join(", "), 10, block - 26);
      pen.at(370, top + 20);
      const plan = curvePlan(340, CURVE_HEIGHT, data);
      drawStages(pen, plan, data, method, CLASS_COLOURS.light, PAPER);
      drawSoFar(pen, plan, data, method, view.moment, CLASS_COLOURS.light, PAPER);
    });
    pen.at(0, height - 20);
    tasks.reduce((x, name, task) => {
      drawMarker(pen, x, 6, SHAPES[task], CLASS_COLOURS.light[task], 4.5);
      pen.write(name, x + 10, 6);
      return x + 34 + 7 * name.length;
    }, 18);
    return pen.picture();
  }
}

export { readHistory, stageAt, matrixAt, summaries, cellColours, render };
export default { render };
