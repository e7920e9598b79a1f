// The attention explorer: which query looks at which key, in every head. All data is here from the start.

const TRAITS = ["input", "layer", "head", "query", "key", "pinned", "show", "decoded", "causal", "temperature", "knocked_out"];
const THUMB_GAP = 4;
const SHOW_WORDS = { head: "one head", mean: "mean of heads", max: "maximum of heads" };

function render({ model, el }) {
  const bytes = toBytes(model.get("data"));
  const { inputs, mean_from: meanFrom } = model.get("description");
  const allMaps = inputs.map((description) => new AttentionMaps(description, bytes));
  const view = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  view.scale = "map";
  let maps = allMaps[view.input];
  let plan = null; // where the map lies, from layOut
  let thumbPlan = null; // where the thumbnails lie
  let thumbCache = { id: "", pictures: [] }; // their pictures, until mask, temperature or input change
  let thumbTurn = null; // the latest drawing of the thumbnails: older ones stop
  let alive = true;
  let baseStale = true;
  const colours = {};

  const mask = () => ({
    causal: maps.hasScores ? maps.square && view.causal : maps.givenCausal,
    temperature: maps.hasScores ? view.temperature : 1,
  });
  const currentMap = () => maps.map(view.layer, view.head, view.show, mask());
  const scaleTop = (map) => (view.scale === "one" ? 1 : map.top);
  const hidden = (query, key) => mask().causal && key > query;
  const rowsShown = () => (maps.step ? view.decoded : maps.queries);
  const rowShown = () => (view.pinned >= 0 ? view.pinned : view.query);
  // One byte a weight is good for three decimals below 0.1, and for two above.
  const number = (weight) => weight.toFixed(maps.coarse && weight >= 0.1 ? 2 : 3);
  const headLabel = (index) => `${Math.floor(index / maps.heads)}.${index % maps.heads}`; // layer.head
  const headName = () =>
    view.show === "head" ? `layer ${view.layer}, head ${view.head}` : `layer ${view.layer}, ${SHOW_WORDS[view.show]}`;

  const tellPython = teller(model);
  const askPaint = painter(paint);
  const steps = stepControls((count) => step(count));
  const ui = build();
  el.append(ui.root);
  const stops = [askPaint.stop, tellPython.stop, steps.stop, onThemeChange(() => draw(true)),
    onTraitChange(model, view, TRAITS, (patch) => change(patch, false)), onWidthChange(ui.root, () => draw(true))];
  chooseInput(view.input, view.decoded);
  return () => {
    alive = false;
    stops.forEach((stop) => stop());
    ui.root.remove();
  };

  // -- state --

  // Everything the reader does comes through here: new values, kept in range, drawn, and told to Python.
  function change(patch, report = true) {
    if ("input" in patch && patch.input !== view.input) {
      chooseInput(patch.input);
      patch = { decoded: view.decoded, ...patch };
    }
    Object.assign(view, patch);
    keepInRange();
    const redraw = Object.keys(patch).some((name) => !["query", "key", "pinned"].includes(name));
    if (report) tellPython(Object.fromEntries(TRAITS.filter((name) => name in patch).map((name) => [name, view[name]])));
    draw(redraw);
  }

  // So many rows are written: the cursor goes to the latest, and to the key that it looks at most.
  function step(count) {
    const decoded = clamp(count, 1, maps.queries);
    const query = decoded - 1;
    change({ decoded, query, key: strongest(query, 1)[0] ?? 0, pinned: -1 });
  }

  // The keys that a query looks at most, strongest first.
  function strongest(query, count) {
    const values = currentMap().weights.subarray(query * maps.keys, (query + 1) * maps.keys);
    return [...values.keys()].filter((key) => !hidden(query, key)).sort((a, b) => values[b] - values[a]).slice(0, count);
  }

  function keepInRange() {
    view.layer = clamp(view.layer, 0, maps.layers - 1);
    view.head = clamp(view.head, 0, maps.heads - 1);
    view.decoded = clamp(view.decoded, 1, maps.queries);
    view.query = clamp(view.query, 0, rowsShown() - 1); // no cursor on a row that is yet to come
    view.key = clamp(view.key, 0, maps.keys - 1);
    view.pinned = clamp(view.pinned, -1, rowsShown() - 1);
    view.temperature = clamp(view.temperature, 0.1, 10);
    view.knocked_out = view.knocked_out.filter((head) => head < maps.layers * maps.heads);
  }

  function chooseInput(index, decoded = Infinity) {
    const before = maps;
    maps = allMaps[index];
    view.input = index;
    view.decoded = decoded;
    if (maps !== before) view.causal = maps.givenCausal;
    keepInRange();
    ui.layer.replaceChildren(...Array.from({ length: maps.layers }, (_, i) => option(i, String(i))));
    ui.head.replaceChildren(...Array.from({ length: maps.heads }, (_, i) => option(i, String(i))));
    ui.maskBox.hidden = !maps.hasScores || !maps.square;
    ui.temperatureBox.hidden = !maps.hasScores;
    steps.root.hidden = !maps.step && !maps.truth;
    ui.sides.hidden = !maps.cross;
    ui.knockOut.hidden = ui.stripBox.hidden = maps.subsets === null;
    buildSwitches();
    draw(true);
  }

  // -- the page --

  function build() {
    const select = (label, name, options) =>
      make("select", { "aria-label": label, onchange: (event) => change({ [name]: castLike(view[name], event.target.value) }) }, ...options);
    const ui = {
      input: select("Input", "input", inputs.map((each, i) => option(i, each.name))),
      layer: select("Layer", "layer", []),
      head: select("Head", "head", []),
      show: select("Show", "show", Object.entries(SHOW_WORDS).map(([value, words]) => option(value, words))),
      scale: make("select", { "aria-label": "Colour scale", onchange: (event) => change({ scale: event.target.value }, false) },
        option("map", "0 to largest"), option("one", "0 to 1")),
      causal: make("input", { type: "checkbox", onchange: (event) => change({ causal: event.target.checked }) }),
      temperature: make("input", { type: "range", min: -1, max: 1, step: 0.02, "aria-label": "Temperature",
        oninput: (event) => change({ temperature: Number((10 ** event.target.value).toFixed(3)) }) }),
      temperatureText: make("output", { class: "lm-number" }),
      thumbs: make("canvas"),
      thumbBox: make("div", { class: "lm-thumbs lm-focus", tabindex: 0, role: "application", "aria-roledescription": "grid of heads",
        onkeydown: thumbKey, onclick: thumbClick, onmousemove: thumbHover }),
      base: make("canvas"),
      over: make("canvas", { class: "lm-over" }),
      mapBox: make("div", { class: "lm-map lm-focus", tabindex: 0, role: "application", "aria-roledescription": "attention map",
        onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, ondblclick: () => change({ pinned: -1 }) }),
      readout: make("p", { class: "lm-readout", role: "status", "aria-live": "polite" }),
      barsTitle: make("p", { class: "lm-caption lm-one" }),
      bars: make("canvas", { role: "img" }),
      unpin: button("Unpin", () => change({ pinned: -1 })),
      sides: make("p", { class: "lm-heading" }, "Target looks at source",
        make("span", { class: "lm-where lm-plain" }, " rows: what the decoder writes, columns: what the encoder read")),
      strip: make("canvas", { role: "img" }),
      stripText: make("p", { class: "lm-caption", role: "status", "aria-live": "polite" }),
      switches: make("div", { class: "lm-switches", role: "group", "aria-label": "Heads to knock out" }),
      restore: button("Restore all", () => change({ knocked_out: [] })),
    };
    ui.thumbBox.append(ui.thumbs);
    ui.mapBox.append(ui.base, ui.over);
    ui.maskBox = make("label", { class: "lm-field lm-check" }, ui.causal, make("span", {}, "Causal mask"));
    ui.temperatureBox = field("Temperature", ui.temperature, ui.temperatureText);
    ui.knockOut = make("div", { class: "lm-knockout" }, make("p", { class: "lm-heading" }, "Knock out heads"), ui.switches,
      ui.restore, make("p", { class: "lm-hint" }, "What the model predicts without them stands under the map; the maps stay the intact model's."));
    ui.stripBox = make("div", {}, ui.stripText, ui.strip);
    const inputField = field("Input", ui.input);
    inputField.hidden = inputs.length < 2;
    ui.root = make("div", { class: "lm-explorer", role: "region", "aria-label": "Attention explorer", onkeydown: keepKey },
      make("div", { class: "lm-bar" }, inputField, field("Layer", ui.layer), field("Head", ui.head), field("Show", ui.show),
        ui.maskBox, ui.temperatureBox, field("Colours", ui.scale),
        saveButtons(picture, fileName)),
      make("div", { class: "lm-body" },
        make("div", { class: "lm-side" }, make("p", { class: "lm-heading" }, "All heads"), ui.thumbBox,
          make("p", { class: "lm-hint" }, "Rows are layers, columns are heads, counted from 0 as in the code. Click one, or move with the arrow keys."),
          ui.knockOut),
        make("div", { class: "lm-main" }, ui.sides, ui.readout, ui.mapBox, steps.root, make("div", { class: "lm-line" }, ui.barsTitle, ui.unpin), ui.bars,
          ui.stripBox,
          make("p", { class: "lm-hint" }, "Rows are queries, columns are keys. Arrow keys move over the weights, Enter or a click pins a row, Escape frees it, Page Up and Page Down change the head."
            + (inputs.some((each) => each.step) ? " N and P write the next token and take it back." : "")))));
    return ui;
  }

  function castLike(sample, text) {
    return typeof sample === "number" ? Number(text) : text;
  }

  // One switch a head where every subset was computed, else one for the head on show.
  function buildSwitches() {
    if (maps.subsets === null) return;
    const count = maps.layers * maps.heads;
    const every = count <= 8;
    const toggle = (index) => {
      const now = index === null ? view.layer * maps.heads + view.head : index;
      const out = view.knocked_out.includes(now);
      const rest = every ? view.knocked_out.filter((head) => head !== now) : [];
      change({ knocked_out: out ? rest : [...rest, now].sort((a, b) => a - b) });
    };
    const indices = every ? Array.from({ length: count }, (_, i) => i) : [null];
    const buttons = indices.map((index) => {
      const node = button("", () => toggle(index), { "aria-pressed": "false", "data-head": index === null ? "" : index });
      if (index !== null) nameSwitch(node, index);
      return node;
    });
    ui.switches.style.gridTemplateColumns = `repeat(${every ? Math.min(maps.heads, 4) : 1}, 1fr)`;
    ui.switches.replaceChildren(...buttons);
  }

  function nameSwitch(button, index) {
    button.textContent = button.dataset.head === "" ? `the head on show, ${headLabel(index)}` : headLabel(index);
    button.setAttribute("aria-label", `Knock out layer ${Math.floor(index / maps.heads)} head ${index % maps.heads}`);
  }

  // -- drawing --

  // The map itself is drawn again only where more than the cursor moved.
  function draw(base) {
    baseStale = baseStale || base;
    askPaint();
  }

  function paint() {
    if (!ui.root.clientWidth) return;
    if (baseStale) {
      baseStale = false;
      readColours(ui.root, colours);
      syncControls();
      drawBase();
      drawThumbs();
      writeSteps();
    }
    drawOver();
    drawBars();
    drawStrip();
    writeReadout();
  }

  function syncControls() {
    for (const name of ["input", "layer", "head", "show", "scale"]) ui[name].value = view[name];
    ui.head.disabled = view.show !== "head";
    ui.causal.checked = view.causal;
    ui.temperature.value = Math.log10(view.temperature);
    ui.temperatureText.textContent = view.temperature.toFixed(2);
    ui.temperature.setAttribute("aria-valuetext", view.temperature.toFixed(2));
    ui.mapBox.setAttribute("aria-label", `Attention map, ${headName()}: ${maps.queries} queries by ${maps.keys} keys. ` +
      "Arrow keys read the weights, Enter pins a row.");
    ui.thumbBox.setAttribute("aria-label", `All heads, ${maps.layers} layers by ${maps.heads} heads; ${headName()} chosen. Arrow keys choose.`);
  }

  function drawBase() {
    const width = ui.base.closest(".lm-main").clientWidth;
    const context = ui.base.getContext("2d");
    context.font = LABEL_FONT;
    plan = layOut(maps, width, 520, (text) => context.measureText(text).width);
    const { left, top, cell, w, h } = plan;
    const c = fitCanvas(ui.base, width, top + h + 4);
    fitCanvas(ui.over, width, top + h + 4);
    Object.assign(ui.base.dataset, { left, top, cell }); // where the cells lie, for whoever drives the page
    const map = currentMap();
    const ratio = window.devicePixelRatio || 1;
    c.imageSmoothingEnabled = false;
    c.drawImage(raster(map, maps.queries, maps.keys, mask().causal, scaleTop(map), w * ratio, h * ratio), left, top, w, h);
    if (cell >= 36) writeCells(c, map);
    if (rowsShown() < maps.queries) {
      c.globalAlpha = 0.86; // rows to come are there, but cannot be read yet
      c.fillStyle = colours.paper;
      c.fillRect(left, top + rowsShown() * cell, w, (maps.queries - rowsShown()) * cell);
      c.globalAlpha = 1;
    }
    if (maps.truth) drawTruth(c, maps.truth, plan, rowsShown());
    c.strokeStyle = colours.line;
    c.lineWidth = 1;
    c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
    c.font = LABEL_FONT;
    c.fillStyle = colours.ink;
    c.textBaseline = "middle";
    for (let i = 0; i < maps.queries; i += plan.step) {
      c.globalAlpha = i < rowsShown() ? 1 : 0.4;
      queryLabel(c, i);
    }
    c.globalAlpha = 1;
    for (let i = 0; i < maps.keys; i += plan.step) keyLabel(c, i);
    c.fillStyle = colours.soft;
    c.font = WORD_FONT;
    c.textAlign = "left";
    c.fillText(maps.cross ? "source →" : "key →", left, 8);
    c.textAlign = "right";
    c.fillText(maps.cross ? "target ↓" : "query ↓", left - 8, top - 12);
    drawColourBar(c, left + w + 14, top, Math.min(h, 160), scaleTop(map));
  }

  // A small map has room for its numbers.
  function writeCells(c, map) {
    c.font = WORD_FONT;
    c.textAlign = "center";
    c.textBaseline = "middle";
    for (let i = 0; i < map.weights.length; i++) {
      const [query, key] = [Math.floor(i / maps.keys), i % maps.keys];
      if (hidden(query, key)) continue;
      c.fillStyle = map.weights[i] / scaleTop(map) > 0.5 ? "#000" : "#fff";
      c.fillText(map.weights[i].toFixed(2), plan.left + (key + 0.5) * plan.cell, plan.top + (query + 0.5) * plan.cell + 1);
    }
  }

  function queryLabel(c, i) {
    c.textAlign = "right";
    c.fillText(shorten(maps.labels[i], 12), plan.left - 7, plan.top + (i + 0.5) * plan.cell);
  }

  function keyLabel(c, i) {
    c.save();
    c.translate(plan.left + (i + 0.5) * plan.cell, plan.top - 6);
    c.textAlign = plan.turned ? "left" : "center";
    if (plan.turned) c.rotate(-Math.PI / 2);
    else c.translate(0, -6);
    c.fillText(shorten(maps.keyTokens[i], 12), 0, 0);
    c.restore();
  }

  function drawColourBar(c, x, y, height, top) {
    for (let i = 0; i < height; i++) {
      c.fillStyle = RAMP_CSS[Math.round((1 - i / height) * (RAMP_STEPS - 1))];
      c.fillRect(x, y + i, 10, 1.5);
    }
    c.fillStyle = colours.ink;
    c.textAlign = "left";
    c.fillText(top.toFixed(2), x + 14, y + 6);
    c.fillText("0", x + 14, y + height - 5);
  }

  // What moves with the cursor: rings and the labels of its row and column, over an untouched map.
  function drawOver() {
    const c = ui.over.getContext("2d");
    c.clearRect(0, 0, ui.over.width, ui.over.height);
    const { left, top, cell, w } = plan;
    const size = Math.max(cell, 5);
    if (view.pinned >= 0) ring(c, left, top + view.pinned * cell, w, Math.max(cell, 3), colours.mark);
    ring(c, left + (view.key + 0.5) * cell - size / 2, top + (view.query + 0.5) * cell - size / 2, size, size, "#fff");
    c.font = `bold ${LABEL_FONT}`;
    c.textBaseline = "middle";
    const rows = new Set([view.query, ...(view.pinned >= 0 ? [view.pinned] : [])]);
    for (const row of rows) {
      c.fillStyle = colours.paper;
      c.fillRect(0, top + (row + 0.5) * cell - 7.5, left - 3, 15);
      c.fillStyle = row === view.pinned ? colours.mark : colours.ink;
      queryLabel(c, row);
    }
    c.fillStyle = colours.paper;
    if (plan.turned) c.fillRect(left + (view.key + 0.5) * cell - 7.5, 16, 15, top - 20);
    else c.fillRect(left + view.key * cell, top - 20, cell, 17);
    c.fillStyle = colours.ink;
    keyLabel(c, view.key);
  }

  function drawBars() {
    const row = rowShown();
    const map = currentMap();
    const values = map.weights.subarray(row * maps.keys, (row + 1) * maps.keys);
    const order = strongest(row, 3);
    const best = order.map((key) => `${maps.keyTokens[key]} ${number(values[key])}`).join(",  ");
    const words = `query ${row} ${maps.labels[row]}${view.pinned >= 0 ? ", pinned," : ""} looks at: ${best || "nothing"}`;
    ui.barsTitle.textContent = ui.barsTitle.title = words;
    ui.unpin.hidden = view.pinned < 0;
    ui.bars.setAttribute("aria-label", `Weights over the keys. ${words}`);
    columns(ui.bars, values, values[order[0]] || 1, 84, (key) => (key === view.key ? colours.mark : colours.bar));
  }

  // A column a token, under the map's own columns; `marks` are level lines (the intact model).
  function columns(canvas, values, top, height, colour, marks = null) {
    const { left, w, cell } = plan;
    const width = ui.base.clientWidth;
    const step = w / values.length;
    const c = fitCanvas(canvas, width, height);
    const level = (value) => height - 4 - (height - 16) * Math.min(1, value / top);
    values.forEach((value, i) => {
      c.fillStyle = colour(i);
      const thin = Math.max(1, step * 0.8);
      if (value > 0) c.fillRect(left + (i + 0.5) * step - thin / 2, level(value), thin, height - 4 - level(value));
      if (marks && marks[i] >= 0) {
        c.fillStyle = colours.ink;
        c.fillRect(left + (i + 0.5) * step - thin / 2, level(marks[i]) - 1, thin, 2);
      }
    });
    c.fillStyle = colours.line;
    c.fillRect(left, height - 4, w, 1);
    c.fillRect(left, level(top), w, 0.5);
    c.fillStyle = colours.ink;
    c.font = WORD_FONT;
    c.textBaseline = "middle";
    c.textAlign = "right";
    c.fillText(top.toFixed(2), left - 7, level(top) + 3);
    c.fillText("0", left - 7, height - 6);
    return cell;
  }

  function drawStrip() {
    if (maps.subsets === null) return;
    const current = view.layer * maps.heads + view.head;
    for (const node of ui.switches.querySelectorAll("[data-head]")) {
      const index = node.dataset.head === "" ? current : Number(node.dataset.head);
      if (node.dataset.head === "") nameSwitch(node, current);
      node.setAttribute("aria-pressed", String(view.knocked_out.includes(index)));
    }
    const intact = maps.probabilities([]);
    const now = maps.probabilities(view.knocked_out);
    const mean = (values) => {
      const counted = values.filter((value, i) => i >= meanFrom && !Number.isNaN(value));
      return counted.length ? (counted.reduce((sum, value) => sum + value, 0) / counted.length).toFixed(3) : "none";
    };
    ui.restore.disabled = view.knocked_out.length === 0;
    const names = view.knocked_out.map(headLabel).join(", ");
    const at = (values) => (Number.isNaN(values[view.query]) ? "no next token" : values[view.query].toFixed(3));
    ui.stripText.textContent =
      `Probability of the true next token${meanFrom ? `, mean from position ${meanFrom}` : ", mean"}: ${mean(intact)} intact, ` +
      `${mean(now)} ${names ? `without ${names}` : "now"}.\nAt query ${view.query}: ${at(intact)} intact (line), ${at(now)} now (bar).`;
    ui.strip.setAttribute("aria-label", ui.stripText.textContent);
    columns(ui.strip, now, 1, 64, (i) => (i === view.query ? colours.mark : colours.bar), intact);
  }

  function writeSteps() {
    const [rows, all] = [rowsShown(), maps.queries];
    const query = rows - 1;
    const looks = strongest(query, 3).map((key) => `“${maps.keyTokens[key]}” ${number(currentMap().weights[query * maps.keys + key])}`);
    const wrote = maps.produced ? `after “${maps.tokens[query]}” the decoder writes “${maps.produced[query]}”` : `“${maps.tokens[query]}”`;
    steps.update(rows, all, maps.step, `Step ${rows}: ${wrote}, looking most at ${looks.join(", ")}.`, truthWords(rows));
  }

  function truthWords(rows) {
    if (!maps.truth) return "";
    const { hits, counted } = truthShare(currentMap().weights, maps.truth, maps.keys, rows);
    const share = counted ? ` (${((100 * hits) / counted).toFixed(0)} %)` : "";
    const far = rows < maps.queries ? " written so far" : "";
    const best = bestHead(maps, mask());
    return `Hollow squares mark the true keys. The strongest key is a true one in ${hits} of ${counted} rows${far}${share}.` +
      (best ? ` Best head over all rows: layer ${best.layer}, head ${best.head}, ${best.hits} of ${best.counted}.` : "");
  }

  function writeReadout() {
    const { query, key } = view;
    const weight = currentMap().weights[query * maps.keys + key];
    const score = maps.hasScores && view.show === "head" ? maps.score(view.layer, view.head, query, key) : null;
    const value = hidden(query, key) ? "hidden" : number(weight);
    ui.readout.replaceChildren(
      make("span", { class: "lm-where" }, headName()),
      make("span", {}, `query ${query} `, make("b", {}, maps.tokens[query])),
      ...(maps.produced ? [make("span", {}, "writes ", make("b", {}, maps.produced[query]))] : []),
      make("span", {}, "→"),
      make("span", {}, `key ${key} `, make("b", {}, maps.keyTokens[key])),
      make("strong", { class: "lm-weight" }, value),
      ...(score === null ? [] : [make("span", { class: "lm-where" }, `score ${Number.isFinite(score) ? score.toFixed(2) : "−∞"}`)]),
    );
  }

  // -- thumbnails --

  function drawThumbs() {
    const [x, y] = [22, 16];
    const size = clamp(Math.floor(190 / maps.heads) - THUMB_GAP, 14, 56);
    thumbPlan = { x, y, size, pitch: size + THUMB_GAP };
    const { pitch } = thumbPlan;
    const c = fitCanvas(ui.thumbs, x + maps.heads * pitch + 2, y + maps.layers * pitch + 2);
    c.font = "11px system-ui, sans-serif";
    c.fillStyle = colours.ink;
    c.textBaseline = "middle";
    c.textAlign = "center";
    for (let head = 0; head < maps.heads; head++) c.fillText(head, x + head * pitch + size / 2, 7);
    for (let layer = 0; layer < maps.layers; layer++) c.fillText(layer, 9, y + layer * pitch + size / 2);
    const id = [view.input, size, ...Object.values(mask())].join();
    if (id !== thumbCache.id) thumbCache = { id, pictures: [] };
    fillThumbs(c, Symbol("this drawing"));
  }

  // A big model has 144 thumbnails of 262,144 weights each: computed once, a few at a time, between frames.
  function fillThumbs(c, turn) {
    thumbTurn = turn;
    const { x, y, size, pitch } = thumbPlan;
    const { pictures } = thumbCache;
    const shown = mask();
    c.imageSmoothingEnabled = false;
    let index = 0;
    const some = () => {
      if (!alive || thumbTurn !== turn) return; // a newer drawing took over
      const start = performance.now();
      for (; index < maps.layers * maps.heads && performance.now() - start < 8; index++) {
        const [layer, head] = [Math.floor(index / maps.heads), index % maps.heads];
        if (!pictures[index]) {
          const map = maps.map(layer, head, "head", shown);
          pictures[index] = raster(map, maps.queries, maps.keys, shown.causal, map.top, size * 2, size * 2);
        }
        const [left, top] = [x + head * pitch, y + layer * pitch];
        c.drawImage(pictures[index], left, top, size, size);
        frameThumb(c, index, left, top, size);
      }
      if (index < maps.layers * maps.heads) setTimeout(some, 0);
    };
    some();
  }

  function frameThumb(c, index, left, top, size) {
    const [layer, head] = [Math.floor(index / maps.heads), index % maps.heads];
    const chosen = layer === view.layer && (view.show !== "head" || head === view.head);
    c.lineWidth = chosen ? 2.5 : 1;
    c.strokeStyle = chosen ? colours.mark : colours.line;
    c.strokeRect(left - 0.5, top - 0.5, size + 1, size + 1);
    if (!view.knocked_out.includes(index)) return;
    c.lineWidth = 2;
    c.strokeStyle = colours.mark;
    c.fillStyle = colours.paper;
    c.globalAlpha = 0.65;
    c.fillRect(left, top, size, size);
    c.globalAlpha = 1;
    c.beginPath();
    c.moveTo(left, top);
    c.lineTo(left + size, top + size);
    c.moveTo(left + size, top);
    c.lineTo(left, top + size);
    c.stroke();
  }

  // -- mouse and keys --

  function thumbAt(event) {
    const head = Math.floor((event.offsetX - thumbPlan.x) / thumbPlan.pitch);
    const layer = Math.floor((event.offsetY - thumbPlan.y) / thumbPlan.pitch);
    return head >= 0 && layer >= 0 && head < maps.heads && layer < maps.layers ? { layer, head } : null;
  }

  function thumbClick(event) {
    const place = thumbAt(event);
    if (place) change({ ...place, show: "head" });
  }

  function thumbHover(event) {
    const place = thumbAt(event);
    ui.thumbBox.title = place ? `layer ${place.layer}, head ${place.head}` : "";
  }

  function cellAt(event) {
    const key = Math.floor((event.offsetX - plan.left) / plan.cell);
    const query = Math.floor((event.offsetY - plan.top) / plan.cell);
    if (query < 0 || query >= rowsShown() || key >= maps.keys) return null;
    return { query, key }; // a negative key: the query's own label
  }

  function mapHover(event) {
    const place = cellAt(event);
    if (place && place.key >= 0 && (place.query !== view.query || place.key !== view.key)) change(place, false);
  }

  function mapClick(event) {
    const place = cellAt(event);
    if (!place) return;
    const pinned = view.pinned === place.query ? -1 : place.query;
    change(place.key >= 0 ? { ...place, pinned } : { query: place.query, pinned });
  }

  function mapKey(event) {
    const { query, key } = view;
    const nextHead = (by) => {
      const index = clamp(view.layer * maps.heads + view.head + by, 0, maps.layers * maps.heads - 1);
      return { layer: Math.floor(index / maps.heads), head: index % maps.heads };
    };
    const patches = {
      Home: () => ({ key: 0 }),
      End: () => ({ key: maps.keys - 1 }),
      PageUp: () => nextHead(-1),
      PageDown: () => nextHead(1),
      Enter: () => ({ pinned: view.pinned === query ? -1 : query }),
      " ": () => ({ pinned: view.pinned === query ? -1 : query }),
      Escape: () => ({ pinned: -1 }),
    };
    const arrow = ARROWS[event.key];
    if (arrow) patches[event.key] = () => ({ query: query + arrow[0], key: key + arrow[1] });
    const patch = patches[event.key];
    if (maps.step && (event.key === "n" || event.key === "p")) press(event, event.key === "n" ? steps.next : steps.back);
    else press(event, patch && (() => change(patch())));
  }

  function thumbKey(event) {
    const arrow = ARROWS[event.key];
    press(event, arrow && (() => change({ layer: view.layer + arrow[0], head: view.head + arrow[1], show: "head" })));
  }

  // -- files --

  function picture() {
    const map = currentMap();
    const row = view.pinned;
    const bars = row < 0 ? null : {
      title: `Query ${row}: ${maps.labels[row]}`,
      values: Array.from(map.weights.subarray(row * maps.keys, (row + 1) * maps.keys)),
    };
    if (bars) bars.top = Math.max(...bars.values) || 1;
    const title = `${maps.cross ? "Target looks at source" : "Attention weights"}, ${headName()}`;
    return toSvg(maps, map, mask(), scaleTop(map), title, bars, rowsShown());
  }

  function fileName() {
    return `attention-layer${view.layer}-${view.show === "head" ? `head${view.head}` : view.show}`;
  }
}

export { softmaxMap, truthShare, render };
export default { render };
