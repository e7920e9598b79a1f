// The position explorer: sinusoidal positions as vectors and as clock hands, rotary positions in the plane.

const TRAITS = ["kind", "d_model", "length", "base", "first", "second", "shift", "pair", "query", "key"];
const KINDS = { sinusoidal: "sinusoidal, added", rotary: "rotary, in attention" };
const LONGEST_BASE = 8; // the slider's end, as a power of ten

function render({ model, el }) {
  const view = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const colours = {};
  const matrix = { id: "", picture: null };
  const overAll = { id: "", values: null }; // the curve of all pairs: not for every key press anew
  let [plan, speeds, baseStale] = [null, frequencies(view.d_model, view.base), true];

  const rotary = () => view.kind === "rotary";
  const distance = () => view.second - view.first;
  const tellPython = teller(model);
  const askPaint = painter(paint);
  const ui = build();
  el.append(ui.root);
  const stops = [askPaint.stop, tellPython.stop, onThemeChange(() => draw(true)),
    onTraitChange(model, view, TRAITS, (patch) => change(patch, false)), onWidthChange(ui.root, () => draw(true))];
  keepInRange();
  draw(true);
  return () => {
    stops.forEach((stop) => stop());
    ui.root.remove();
  };

  // -- state --

  // Everything the reader does comes through here: new values, kept in range, drawn, and told to Python.
  function change(patch, report = true) {
    const before = { ...view };
    Object.assign(view, patch);
    keepInRange();
    const changed = TRAITS.filter((name) => String(view[name]) !== String(before[name]));
    if (changed.includes("d_model") || changed.includes("base")) speeds = frequencies(view.d_model, view.base);
    if (report) tellPython(Object.fromEntries(changed.map((name) => [name, view[name]])));
    draw(changed.some((name) => !["first", "second", "pair", "query", "key"].includes(name)));
  }

  function keepInRange() {
    view.d_model = 2 * Math.max(1, Math.round(view.d_model / 2));
    view.first = clamp(view.first, 0, view.length - 1);
    view.second = clamp(view.second, 0, view.length - 1);
    view.shift = clamp(view.shift, 0, view.length - 1 - Math.max(view.first, view.second));
    view.pair = clamp(view.pair, 0, view.d_model / 2 - 1);
  }

  // -- the page --

  function build() {
    const slider = (words, name, { min = 0, step = 1, read = Number } = {}) => {
      const input = make("input", { type: "range", min, step, "aria-label": words, oninput: (event) => change({ [name]: read(event.target.value) }) });
      const output = make("output", { class: "lm-number" });
      return { input, output, box: make("label", { class: "lm-field lm-slider" }, make("span", {}, words), input, output) };
    };
    const direction = (words, name) => slider(words, name, { min: -180, read: (text) => aim(view[name], text, null) });
    const size = (words, name) => slider(words, name, { min: 0.1, step: 0.05, read: (text) => aim(view[name], null, text) });
    const ui = {
      kind: make("select", { "aria-label": "Kind", onchange: (event) => change({ kind: event.target.value }) },
        ...Object.entries(KINDS).map(([value, words]) => option(value, words))),
      sliders: {
        d_model: slider("Dimension", "d_model", { min: 2, step: 2 }),
        base: slider("Base", "base", { min: 0.05, step: 0.01, read: (text) => Number((10 ** text).toPrecision(3)) }),
        length: slider("Length", "length", { min: 2 }),
        first: slider("First position", "first"),
        second: slider("Second position", "second"),
        shift: slider("Shift both", "shift"),
        pair: slider("Pair", "pair"),
      },
      aims: { query: [direction("Query direction", "query"), size("Query length", "query")],
        key: [direction("Key direction", "key"), size("Key length", "key")] },
      readout: make("p", { class: "lm-readout", role: "status", "aria-live": "polite" }),
      base: make("canvas"),
      over: make("canvas", { class: "lm-over" }),
      mapBox: make("div", { class: "lm-map lm-focus", tabindex: 0, role: "application", "aria-roledescription": "matrix of positions",
        onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover }),
      vectors: make("canvas", { role: "img" }),
      plane: make("canvas", { role: "img" }),
      table: make("table", { class: "lm-table" }),
      curveTitle: make("p", { class: "lm-heading" }),
      curve: make("canvas", { role: "img" }),
      dialsTitle: make("p", { class: "lm-heading" }),
      dials: make("canvas", { role: "img", onclick: dialClick }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.mapBox.append(ui.base, ui.over);
    const { pair, ...others } = ui.sliders;
    ui.planeBox = make("div", { class: "lm-plane" }, ui.plane,
      make("div", { class: "lm-aims" }, ...[...ui.aims.query, ...ui.aims.key].map((each) => each.box)));
    ui.root = make("div", { class: "lm-explorer", role: "region", "aria-label": "Position explorer", onkeydown: keepKey },
      make("div", { class: "lm-bar" }, field("Kind", ui.kind), pair.box, saveButtons(picture, () => `positions-${view.kind}`)),
      make("div", { class: "lm-grid" }, ...Object.values(others).map((each) => each.box)),
      ui.readout,
      make("div", { class: "lm-body lm-two" },
        make("div", { class: "lm-main lm-wide" }, ui.mapBox, ui.vectors, ui.planeBox, ui.table,
          make("p", { class: "lm-hint" }, "Up and Down move the first position, Page Up and Page Down the second, Left and Right the pair; "
            + "a click sets the first, with Shift the second.")),
        make("div", { class: "lm-main" }, ui.curveTitle, ui.curve, ui.dialsTitle, ui.dials, ui.note)));
    return ui;
  }

  // A vector turned to so many degrees, or stretched to a length; the other stays.
  function aim([x, y], angle, long) {
    const direction = angle === null ? Math.atan2(y, x) : (Number(angle) * Math.PI) / 180;
    const length = long === null ? Math.hypot(x, y) : Number(long);
    return [length * Math.cos(direction), length * Math.sin(direction)];
  }

  // -- drawing --

  function draw(base) {
    baseStale = baseStale || base;
    askPaint();
  }

  function paint() {
    if (!ui.root.clientWidth) return;
    const wide = ui.mapBox.clientWidth;
    if (baseStale) {
      baseStale = false;
      readColours(ui.root, colours);
      drawBase(wide);
    }
    syncControls();
    drawMarks(fitCanvas(ui.over, wide, plan.bottom), plan, view, colours);
    ui.vectors.hidden = rotary();
    ui.planeBox.hidden = !rotary();
    if (rotary()) {
      const side = Math.min(240, wide);
      drawPlane(fitCanvas(ui.plane, side, side), side, view, speeds, colours);
    } else drawVectors(fitCanvas(ui.vectors, wide, 228), wide, view, speeds, colours);
    const narrow = ui.curve.parentElement.clientWidth;
    drawCurve(fitCanvas(ui.curve, narrow, 220), narrow, ...curve(), colours);
    const grid = dialGrid(narrow, view);
    drawDials(fitCanvas(ui.dials, narrow, Math.ceil(grid.count / grid.columns) * grid.height + 4), narrow, view, speeds, colours);
    writeTable();
    describe();
  }

  function matrixPicture() {
    const id = [view.d_model, view.base, view.length].join();
    if (id !== matrix.id) Object.assign(matrix, { id, picture: matrixImage(view.length, speeds) });
    return matrix.picture;
  }

  function drawBase(width) {
    plan = matrixPlan(width, rotary() ? 150 : 230, view);
    drawMatrix(fitCanvas(ui.base, width, plan.bottom), plan, view, matrixPicture(), colours);
    Object.assign(ui.base.dataset, { left: plan.left, top: plan.top, column: plan.column, row: plan.row });
  }

  function syncControls() {
    ui.kind.value = view.kind;
    const room = view.length - 1;
    const ends = { d_model: Math.max(256, model.get("d_model")), base: LONGEST_BASE, length: Math.max(512, model.get("length")),
      first: room, second: room, shift: room - Math.max(view.first, view.second), pair: view.d_model / 2 - 1 };
    const set = ({ input, output }, max, value, words) => {
      input.max = max;
      input.value = value;
      input.disabled = Number(input.min) >= max;
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    };
    for (const [name, slider] of Object.entries(ui.sliders)) {
      const value = view[name];
      if (name === "base") set(slider, ends.base, Math.log10(value), value < 10 ? String(value) : Math.round(value).toLocaleString("en"));
      else set(slider, ends[name], value, String(value));
    }
    for (const [name, [direction, length]] of Object.entries(ui.aims)) {
      const angle = (Math.atan2(view[name][1], view[name][0]) * 180) / Math.PI;
      set(direction, 180, angle, `${figure(angle, 0)}°`);
      set(length, 1, Math.hypot(...view[name]), figure(Math.hypot(...view[name]), 2));
    }
    ui.mapBox.setAttribute("aria-label", `Matrix of positions, ${view.length} positions by ${view.d_model} features. ` +
      "Up and Down move the first position, Page Up and Page Down the second, Left and Right the pair.");
  }

  // The lines of the curve, where they start, the distance on show, and the words under the axis.
  function curve() {
    const many = view.length;
    if (!rotary()) {
      const values = sumOverPairs(0, many, (k) => dotAtDistance(k, speeds));
      const line = { name: "dot product", values, colour: colours.bar, thick: 2, dash: [] };
      return [[line], 0, Math.abs(distance()), "distance k between the two positions"];
    }
    const ofPair = (k) => pairScore(view.query, view.key, 0, k, speeds[view.pair]);
    const mean = (k) => rotaryScore(view.query, view.key, 0, k, speeds) / speeds.length;
    const values = Float64Array.from({ length: 2 * many - 1 }, (_, i) => ofPair(i - many + 1));
    return [[
      { name: `pair ${view.pair}`, values, colour: colours.soft, thick: 1.2, dash: [] },
      { name: "mean of pairs", values: sumOverPairs(1 - many, 2 * many - 1, mean), colour: colours.bar, thick: 2.2, dash: [] },
    ], 1 - many, distance(), "distance k, key's position less query's"];
  }

  function sumOverPairs(from, count, value) {
    const id = ["kind", "d_model", "base", "length", "query", "key"].map((name) => view[name]).join();
    if (id !== overAll.id) Object.assign(overAll, { id, values: Float64Array.from({ length: count }, (_, i) => value(from + i)) });
    return overAll.values;
  }

  function describe() {
    const angle = distance() * speeds[view.pair];
    const span = (words, className = "") => make("span", className ? { class: className } : {}, words);
    const strong = (value) => make("strong", { class: "lm-weight" }, figure(value));
    const [one, two] = [view.first + view.shift, view.second + view.shift];
    const turned = span(`pair ${view.pair} turns by ${figure(distance(), 0)} × ${Number(speeds[view.pair].toPrecision(4))} = `
      + `${figure(angle)} rad, ${figure(degrees(angle), 1)}°`, "lm-where");
    const words = rotary()
      ? [span(`query at ${one}, key at ${two}, distance ${figure(distance(), 0)}: score of pair ${view.pair}`),
        strong(pairScore(view.query, view.key, one, two, speeds[view.pair])),
        span(`all ${speeds.length} pairs ${figure(rotaryScore(view.query, view.key, one, two, speeds))}`), turned]
      : [span(`positions ${one} and ${two}, distance ${figure(distance(), 0)}: dot product`),
        strong(dot(positionVector(one, speeds), positionVector(two, speeds))), span(`of ${speeds.length} at most`), turned];
    ui.readout.replaceChildren(...words);
    const told = ui.readout.textContent;
    ui.curveTitle.textContent = rotary() ? "Score against distance" : "Dot product against distance";
    ui.dialsTitle.textContent = "Each pair is a hand, turned by k · w";
    ui.note.textContent = (rotary() ? "Filled end: the query's rotation, hollow: the key's. "
      : "Filled end: first position, hollow: second. Sine is the hand's way to the right, cosine its way up. ")
      + "Only the angle between them enters the dot product: shift both, and it stays.";
    ui.vectors.setAttribute("aria-label", `Vectors of both positions and their product. ${told}`);
    ui.plane.setAttribute("aria-label", `Query and key of pair ${view.pair} in the plane, before and after their rotation. ${told}`);
    ui.curve.setAttribute("aria-label", `${ui.curveTitle.textContent}, this distance marked. ${told}`);
    ui.dials.setAttribute("aria-label", `Hands of the pairs. ${told}`);
  }

  // The chosen pair in numbers: heads, a row for each position, and what comes of both.
  function writeTable() {
    const speed = speeds[view.pair];
    const [one, two] = [view.first + view.shift, view.second + view.shift];
    const angle = (position) => `${figure(position * speed, 2)} rad`;
    const vector = (pair) => `(${figure(pair[0], 2)}, ${figure(pair[1], 2)})`;
    const turned = (name, given, position) => [`${name} at ${position}`, vector(given), angle(position), vector(turn(given, position * speed))];
    const waves = (position) => [`position ${position}`, angle(position), figure(Math.sin(position * speed)), figure(Math.cos(position * speed))];
    const score = (first, second) => figure(pairScore(view.query, view.key, first, second, speed));
    const [heads, rows, [name, words]] = rotary()
      ? [[`pair ${view.pair}`, "before", "turned by", "after"],
        [turned("query", view.query, one), turned("key", view.key, two)],
        ["score", `${score(one, two)}; not shifted ${score(view.first, view.second)}`]]
      : [[`pair ${view.pair}`, "angle", `sine (feature ${2 * view.pair})`, `cosine (feature ${2 * view.pair + 1})`],
        [waves(one), waves(two)],
        ["product", `sine · sine + cosine · cosine = cos(k · w) = ${figure(Math.cos(distance() * speed))}`]];
    const head = (words, scope) => make("th", { scope }, words);
    const line = ([name, ...cells]) => make("tr", {}, head(name, "row"), ...cells.map((each) => make("td", {}, each)));
    ui.table.replaceChildren(make("thead", {}, make("tr", {}, ...heads.map((each) => head(each, "col")))),
      make("tbody", {}, ...rows.map(line), make("tr", {}, head(name, "row"), make("td", { colspan: 3 }, words))));
  }

  // -- mouse and keys --

  function cellAt(event) {
    const feature = Math.floor((event.offsetX - plan.left) / plan.column);
    const position = Math.floor((event.offsetY - plan.top) / plan.row);
    return feature >= 0 && feature < view.d_model && position >= 0 && position < view.length ? { feature, position } : null;
  }

  function mapHover(event) {
    const place = cellAt(event);
    if (!place) return;
    const { feature, position } = place;
    const value = positionVector(position, speeds)[feature];
    ui.mapBox.title = `position ${position}, feature ${feature}: ${feature % 2 ? "cosine" : "sine"} ${figure(value)}`;
  }

  function mapClick(event) {
    const place = cellAt(event);
    if (!place) return;
    const position = Math.max(0, place.position - view.shift);
    change({ [event.shiftKey ? "second" : "first"]: position, pair: Math.floor(place.feature / 2) });
  }

  function dialClick(event) {
    const grid = dialGrid(ui.dials.clientWidth, view);
    const [column, row] = [Math.floor(event.offsetX / grid.pitch), Math.floor(event.offsetY / grid.height)];
    const index = row * grid.columns + column;
    if (column < grid.columns && index < grid.count) change({ pair: grid.start + index });
  }

  function mapKey(event) {
    const arrow = ARROWS[event.key];
    const patches = {
      PageUp: () => ({ second: view.second - 1 }),
      PageDown: () => ({ second: view.second + 1 }),
      Home: () => ({ pair: 0 }),
      End: () => ({ pair: view.d_model / 2 - 1 }),
    };
    if (arrow) patches[event.key] = () => ({ first: view.first + arrow[0], pair: view.pair + arrow[1] });
    const patch = patches[event.key];
    press(event, patch && (() => change(patch())));
  }

  // -- files --

  // All panels under one another, by the same functions that draw the screen, in the light theme's colours.
  function picture() {
    const paper = { ink: "#1b1f24", soft: "#57606a", line: "#b6bcc4", bar: "#0072b2", mark: "#b34700", paper: "#fff" };
    const [width, gap] = [720, 14];
    const flat = matrixPlan(width, 230, view);
    const grid = dialGrid(width, view);
    const lower = rotary() ? 260 : 228;
    const dials = Math.ceil(grid.count / grid.columns) * grid.height;
    const places = [56, 56 + flat.bottom + gap];
    places.push(places[1] + lower + gap, places[1] + lower + 220 + 2 * gap);
    const pen = new SvgPen("Positions", width, places[3] + dials);
    pen.fillStyle = paper.ink;
    pen.font = "600 14px sans-serif";
    pen.fillText(`${rotary() ? "Rotary" : "Sinusoidal"} positions, dimension ${view.d_model}, base ${view.base}`, 10, 18);
    pen.font = WORD_FONT;
    const told = [...ui.readout.children].map((part) => part.textContent);
    pen.fillText(`${told.slice(0, -1).join(" ")}; ${told.at(-1)}`, 10, 38);
    pen.at(0, places[0]);
    drawMatrix(pen, flat, view, matrixPicture(), paper);
    drawMarks(pen, flat, view, paper);
    pen.at(rotary() ? SIDE.left : 0, places[1]);
    if (rotary()) drawPlane(pen, 250, view, speeds, paper);
    else drawVectors(pen, width, view, speeds, paper);
    pen.at(0, places[2]);
    const [lines, ...rest] = curve();
    drawCurve(pen, width, lines.map((line, i) => ({ ...line, colour: i === lines.length - 1 ? paper.bar : paper.soft })), ...rest, paper);
    pen.at(0, places[3]);
    drawDials(pen, width, view, speeds, paper);
    return { svg: pen.text(), width, height: Math.ceil(places[3] + dials) };
  }
}

export { frequencies, positionVector, dotAtDistance, pairScore, rotaryScore, render };
export default { render };
