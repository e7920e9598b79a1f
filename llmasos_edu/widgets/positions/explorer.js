// The position explorer: sinusoidal positions as vectors and as clock hands, rotary positions in the plane.

const TRAITS = ["kind", "d_model", "length", "base", "first", "second", "shift", "pair", "query", "key"];
const KINDS = { sinusoidal: "sinusoidal, added", rotary: "rotary, in attention" };
const LONGEST_BASE = 8; // the slider's end, as a power of ten

function render(host) {
  const { model } = host;
  const { view, colours, change, show } = explore(host,
    { traits: TRAITS, light: ["first", "second", "pair", "query", "key"], keepInRange, changed, paint });
  const matrix = { id: "", picture: null };
  const overAll = { id: "", values: null }; // the curve of all pairs: not for every key press anew
  let [plan, speeds] = [null, frequencies(view.d_model, view.base)];
  const ui = build();
  return show(ui.root);

  function rotary() {
    return view.kind === "rotary";
  }

  function distance() {
    return view.second - view.first;
  }

  function changed(names) {
    if (names.includes("d_model") || names.includes("base")) speeds = frequencies(view.d_model, view.base);
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
    const made = (words, name, { read = (value) => value, ...range } = {}) => slider(words, range, (value) => change({ [name]: read(value) }));
    const direction = (words, name) => made(words, name, { min: -180, max: 180, read: (angle) => aim(view[name], angle, null) });
    const size = (words, name) => made(words, name, { min: 0.1, max: 1, step: 0.05, read: (long) => aim(view[name], null, long) });
    const ui = {
      kind: choice("Kind", Object.entries(KINDS), (kind) => change({ kind })),
      sliders: {
        d_model: made("Dimension", "d_model", { min: 2, step: 2 }),
        base: made("Base", "base", { min: 0.05, step: 0.01, read: (power) => Number((10 ** power).toPrecision(3)) }),
        length: made("Length", "length", { min: 2 }),
        first: made("First position", "first"),
        second: made("Second position", "second"),
        shift: made("Shift both", "shift"),
        pair: made("Pair", "pair"),
      },
      aims: { query: [direction("Query direction", "query"), size("Query length", "query")],
        key: [direction("Key direction", "key"), size("Key length", "key")] },
      readout: readout(),
      map: board("matrix of positions", { onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover }),
      vectors: make("canvas", { role: "img" }),
      plane: make("canvas", { role: "img" }),
      table: make("table", { class: "lm-table" }),
      curveTitle: make("p", { class: "lm-heading" }),
      curve: make("canvas", { role: "img" }),
      dialsTitle: make("p", { class: "lm-heading" }),
      dials: make("canvas", { role: "img", onclick: dialClick }),
      note: make("p", { class: "lm-hint" }),
    };
    const { pair, ...others } = ui.sliders;
    ui.tableBox = scroller("The chosen pair in numbers", ui.table);
    ui.planeBox = make("div", { class: "lm-plane" }, ui.plane,
      make("div", { class: "lm-aims" }, ...[...ui.aims.query, ...ui.aims.key].map((each) => each.box)));
    ui.root = frame("Position explorer", { controls: [field("Kind", ui.kind), pair.box], picture, fileName: () => `positions-${view.kind}`, help:
      "Up and Down move the first position, Page Up and Page Down the second, Left and Right the pair; a click sets the first, with Shift the second." },
    make("div", { class: "lm-grid" }, ...Object.values(others).map((each) => each.box)), ui.readout,
    make("div", { class: "lm-body lm-two" },
      make("div", { class: "lm-main lm-wide" }, ui.map.box, ui.vectors, ui.planeBox, ui.tableBox),
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

  function paint(ground) {
    const wide = ui.map.box.clientWidth;
    if (ground) drawGround(wide);
    syncControls();
    drawMarks(fitCanvas(ui.map.over, wide, plan.bottom), plan, view, colours);
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
    tellPair();
    describe();
  }

  function matrixPicture() {
    const id = [view.d_model, view.base, view.length].join();
    if (id !== matrix.id) Object.assign(matrix, { id, picture: matrixImage(view.length, speeds) });
    return matrix.picture;
  }

  function drawGround(width) {
    plan = matrixPlan(width, rotary() ? 150 : 230, view);
    drawMatrix(fitCanvas(ui.map.base, width, plan.bottom), plan, view, matrixPicture(), colours);
    Object.assign(ui.map.base.dataset, { left: plan.left, top: plan.top, column: plan.column, row: plan.row });
  }

  function syncControls() {
    ui.kind.value = view.kind;
    const room = view.length - 1;
    const ends = { d_model: Math.max(256, model.get("d_model")), base: LONGEST_BASE, length: Math.max(512, model.get("length")),
      first: room, second: room, shift: room - Math.max(view.first, view.second), pair: view.d_model / 2 - 1 };
    for (const [name, { put }] of Object.entries(ui.sliders)) {
      const value = view[name];
      if (name === "base") put(Math.log10(value), value < 10 ? String(value) : Math.round(value).toLocaleString("en"), ends.base);
      else put(value, String(value), ends[name]);
    }
    for (const [name, [direction, length]] of Object.entries(ui.aims)) {
      const angle = (Math.atan2(view[name][1], view[name][0]) * 180) / Math.PI;
      direction.put(angle, `${figure(angle, 0)}°`);
      length.put(Math.hypot(...view[name]), figure(Math.hypot(...view[name]), 2));
    }
    ui.map.box.setAttribute("aria-label", `Matrix of positions, ${view.length} positions by ${view.d_model} features. ` +
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
  function tellPair() {
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
    writeTable(ui.table, heads, [...rows, [name, words]]);
    ui.table.rows[3].cells[1].colSpan = 3;
    ui.tableBox.settle();
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
    ui.map.box.title = `position ${position}, feature ${feature}: ${feature % 2 ? "cosine" : "sine"} ${figure(value)}`;
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
    const [width, gap] = [720, 14];
    const flat = matrixPlan(width, 230, view);
    const grid = dialGrid(width, view);
    const lower = rotary() ? 260 : 228;
    const dials = Math.ceil(grid.count / grid.columns) * grid.height;
    const places = [74, 74 + flat.bottom + gap];
    places.push(places[1] + lower + gap, places[1] + lower + 220 + 2 * gap);
    const pen = new SvgPen("Positions", width, places[3] + dials, `${rotary() ? "Rotary" : "Sinusoidal"} positions, dimension ${view.d_model}, base ${view.base}`);
    const told = [...ui.readout.children].map((part) => part.textContent);
    pen.write(told.slice(0, -1).join(" "), 10, 38);
    pen.write(told.at(-1), 10, 55);
    pen.at(0, places[0]);
    drawMatrix(pen, flat, view, matrixPicture(), PAPER);
    drawMarks(pen, flat, view, PAPER);
    pen.at(rotary() ? SIDE.left : 0, places[1]);
    if (rotary()) drawPlane(pen, 250, view, speeds, PAPER);
    else drawVectors(pen, width, view, speeds, PAPER);
    pen.at(0, places[2]);
    const [lines, ...rest] = curve();
    drawCurve(pen, width, lines.map((line, i) => ({ ...line, colour: i === lines.length - 1 ? PAPER.bar : PAPER.soft })), ...rest, PAPER);
    pen.at(0, places[3]);
    drawDials(pen, width, view, speeds, PAPER);
    return pen.picture();
  }
}

export { frequencies, positionVector, dotAtDistance, pairScore, rotaryScore, render };
export default { render };
