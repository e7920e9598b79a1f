// The attention explorer: which query looks at which key, in every head. All data is here from the start.

const TRAITS = ["input", "layer", "head", "query", "key", "pinned", "show", "decoded", "causal", "temperature", "knocked_out"];
const MAP_HEIGHT = 380; // at most, so that controls, map and bars are on a laptop's screen together
const SHOW_WORDS = { head: "one head", mean: "mean of heads", max: "maximum of heads" };

// `live`: maps that are computed here, from a text that the reader types; null where they were given.
function showMaps(host, live = null) {
  const { model } = host;
  const bytes = toBytes(model.get("data"));
  const { inputs, mean_from: meanFrom } = model.get("description");
  const allMaps = live ? [live] : inputs.map((description) => new AttentionMaps(description, bytes));
  const life = explore(host, { traits: live ? [...TRAITS, "text"] : TRAITS, light: ["query", "key", "pinned"], keepInRange, paint, close });
  const { view, colours, change, show } = life;
  view.scale = "map";
  let maps = allMaps[view.input];
  let plan = null; // where the map lies, from layOut
  const thumbs = thumbnails(life, () => ({ maps, shown: mask(), name: headName() }), thumbKey);
  const steps = stepControls((count) => step(count));
  const ui = build();
  offer(maps);
  return show(ui.root);

  function close() {
    steps.stop();
    thumbs.stop();
  }

  function mask() {
    return {
      causal: maps.hasScores ? maps.square && view.causal : maps.givenCausal,
      temperature: maps.hasScores ? view.temperature : 1,
    };
  }

  function scene() {
    const map = maps.map(view.layer, view.head, view.show, mask());
    return { maps, map, top: view.scale === "one" ? 1 : map.top, causal: mask().causal, rows: rowsShown() };
  }

  function hidden(query, key) {
    return mask().causal && key > query;
  }

  function rowsShown() {
    return maps.step ? view.decoded : maps.queries;
  }

  // One byte a weight is good for three decimals below 0.1, and for two above.
  function number(weight) {
    return weight.toFixed(maps.coarse && weight >= 0.1 ? 2 : 3);
  }

  function headLabel(index) { // layer.head
    return `${Math.floor(index / maps.heads)}.${index % maps.heads}`;
  }

  function headName() {
    return view.show === "head" ? `layer ${view.layer}, head ${view.head}` : `layer ${view.layer}, ${SHOW_WORDS[view.show]}`;
  }

  // -- state --

  // So many rows are written: the cursor goes to the latest, and to the key that it looks at most.
  function step(count) {
    const decoded = clamp(count, 1, maps.queries);
    const query = decoded - 1;
    change({ decoded, query, key: strongest(query, 1)[0] ?? 0, pinned: -1 });
  }

  // The keys that a query looks at most, strongest first.
  function strongest(query, count) {
    const values = scene().map.weights.subarray(query * maps.keys, (query + 1) * maps.keys);
    return [...values.keys()].filter((key) => !hidden(query, key)).sort((a, b) => values[b] - values[a]).slice(0, count);
  }

  // A text of the reader's own: the cursor goes to its last token, and to the key that it looks at most.
  function typed(text) {
    change({ text, query: Infinity, pinned: -1 });
    change({ key: strongest(view.query, 1)[0] });
  }

  // Another input has other sizes, all its rows are written, and its mask is its own.
  function keepInRange(patch, before) {
    if (view.input !== before.input) {
      maps = allMaps[view.input];
      Object.assign(view, { decoded: maps.queries, causal: maps.givenCausal, ...patch });
      offer(maps);
    }
    if (live && live.text !== view.text) live.read(view.text);
    view.layer = clamp(view.layer, 0, maps.layers - 1);
    view.head = clamp(view.head, 0, maps.heads - 1);
    view.decoded = clamp(view.decoded, 1, maps.queries);
    view.query = clamp(view.query, 0, rowsShown() - 1); // no cursor on a row that is yet to come
    view.key = clamp(view.key, 0, maps.keys - 1);
    view.pinned = clamp(view.pinned, -1, rowsShown() - 1);
    view.temperature = clamp(view.temperature, 0.1, 10);
    view.knocked_out = view.knocked_out.filter((head) => head < maps.layers * maps.heads);
  }

  // The controls that an input needs.
  function offer({ layers, heads, hasScores, square, step, truth, cross, subsets }) {
    ui.layer.replaceChildren(...Array.from({ length: layers }, (_, i) => option(i, String(i))));
    ui.head.replaceChildren(...Array.from({ length: heads }, (_, i) => option(i, String(i))));
    ui.causal.box.hidden = !hasScores || !square;
    ui.temperature.box.hidden = !hasScores;
    steps.root.hidden = !step && !truth;
    ui.sides.hidden = !cross;
    ui.knockOut.hidden = subsets === null;
    if (subsets !== null) buildSwitches();
  }

  // -- the page --

  function build() {
    const number = (name, options) => choice(name, options, (value) => change({ [name.toLowerCase()]: Number(value) }));
    const ui = {
      input: number("Input", inputs.map((each, i) => [i, each.name])),
      layer: number("Layer", []),
      head: number("Head", []),
      show: choice("Show", Object.entries(SHOW_WORDS), (show) => change({ show })),
      scale: choice("Colour scale", [["map", "0 to largest"], ["one", "0 to 1"]], (scale) => change({ scale })),
      causal: checkbox("Causal mask", (causal) => change({ causal })),
      temperature: slider("Temperature", { min: -1, step: 0.02 }, (power) => change({ temperature: Number((10 ** power).toFixed(3)) })),
      map: board("attention map", { onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, ondblclick: () => change({ pinned: -1 }) }),
      readout: readout(),
      barsTitle: make("p", { class: "lm-caption lm-one" }),
      bars: make("canvas", { role: "img" }),
      unpin: button("Unpin", () => change({ pinned: -1 })),
      text: live && live.field(typed),
      sides: make("p", { class: "lm-heading" }, "Target looks at source",
        make("span", { class: "lm-where lm-plain" }, " rows: what the decoder writes, columns: what the encoder read")),
      strip: make("canvas", { role: "img" }),
      stripText: make("p", { class: "lm-caption", role: "status", "aria-live": "polite" }),
      switches: make("div", { class: "lm-switches", role: "group", "aria-label": "Heads to knock out" }),
      restore: button("Restore all", () => change({ knocked_out: [] })),
    };
    ui.knockOut = make("div", { class: "lm-knockout" }, make("p", { class: "lm-heading" }, "Knock out heads",
      make("span", { class: "lm-where lm-plain" }, " what the model predicts without them; the maps stay the intact model's")),
    make("div", { class: "lm-line lm-left" }, ui.switches, ui.restore), ui.stripText, ui.strip);
    const inputField = field("Input", ui.input);
    inputField.hidden = inputs.length < 2;
    ui.root = frame("Attention explorer", {
      controls: [inputField, field("Layer", ui.layer), field("Head", ui.head), field("Show", ui.show), ui.causal.box, ui.temperature.box, field("Colours", ui.scale)],
      picture, fileName: () => `attention-layer${view.layer}-${view.show === "head" ? `head${view.head}` : view.show}`,
      help: (live ? live.help : "") + "Rows are queries, columns are keys. Arrow keys move over the weights, Enter or a click pins a row, Escape frees it, Page Up and Page Down change the head."
        + (inputs.some((each) => each.step) ? " N and P write the next token and take it back." : "") },
    ...(live ? [ui.text.box] : []), make("div", { class: "lm-body" },
      make("div", { class: "lm-side" }, make("p", { class: "lm-heading" }, "All heads"), thumbs.box,
        make("p", { class: "lm-hint" }, "Rows are layers, columns are heads, counted from 0 as in the code. Click one, or move with the arrow keys.")),
      make("div", { class: "lm-main" }, ui.sides, ui.readout, ui.map.box, steps.root, make("div", { class: "lm-line" }, ui.barsTitle, ui.unpin), ui.bars, ui.knockOut)));
    return ui;
  }

  // One switch a head where every subset was computed, else one for the head on show.
  function buildSwitches() {
    const count = maps.layers * maps.heads;
    const every = live || count <= 8;
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
    ui.switches.replaceChildren(...buttons);
  }

  function nameSwitch(button, index) {
    button.textContent = button.dataset.head === "" ? `the head on show, ${headLabel(index)}` : headLabel(index);
    button.setAttribute("aria-label", `Knock out layer ${Math.floor(index / maps.heads)} head ${index % maps.heads}`);
  }

  // -- drawing --

  function paint(ground) {
    const now = scene();
    if (ground) {
      syncControls();
      drawGround(now);
      thumbs.draw();
      writeSteps();
    }
    const c = ui.map.over.getContext("2d");
    c.clearRect(0, 0, ui.map.over.width, ui.map.over.height);
    drawCursor(c, plan, maps, view, colours);
    drawBars(now);
    if (maps.subsets !== null) drawStrip();
    writeReadout(now);
  }

  function syncControls() {
    for (const name of ["input", "layer", "head", "show", "scale"]) ui[name].value = view[name];
    ui.head.disabled = view.show !== "head";
    ui.causal.input.checked = view.causal;
    if (live) ui.text.put(view.text);
    ui.temperature.put(Math.log10(view.temperature), view.temperature.toFixed(2));
    ui.map.box.setAttribute("aria-label", `Attention map, ${headName()}: ${maps.queries} queries by ${maps.keys} keys. ` +
      "Arrow keys read the weights, Enter pins a row.");
  }

  function drawGround(now) {
    const width = ui.map.box.clientWidth;
    const context = ui.map.base.getContext("2d");
    context.font = LABEL_FONT;
    plan = layOut(maps, width, MAP_HEIGHT - (live ? 72 : 0), (text) => context.measureText(text).width);
    const height = plan.top + plan.h + 4;
    fitCanvas(ui.map.over, width, height);
    drawMap(fitCanvas(ui.map.base, width, height), plan, now, colours);
    const { left, top, cell } = plan;
    Object.assign(ui.map.base.dataset, { left, top, cell }); // where the cells lie, for whoever drives the page
  }

  // The row on show, and its largest weight.
  function rowOf({ map }, row) {
    const values = map.weights.subarray(row * maps.keys, (row + 1) * maps.keys);
    return [values, values.reduce((most, value) => Math.max(most, value), 0) || 1];
  }

  function columns(canvas, values, top, height, chosen, marks) {
    const c = fitCanvas(canvas, ui.map.base.clientWidth, height);
    drawColumns(c, plan, values, top, height, (i) => (i === chosen ? colours.mark : colours.bar), colours, marks);
  }

  function drawBars(now) {
    const row = view.pinned >= 0 ? view.pinned : view.query;
    const [values, top] = rowOf(now, row);
    const best = strongest(row, 3).map((key) => `${maps.keyTokens[key]} ${number(values[key])}`).join(",  ");
    const words = `query ${row} ${maps.labels[row]}${view.pinned >= 0 ? ", pinned," : ""} looks at: ${best || "nothing"}`;
    ui.barsTitle.textContent = ui.barsTitle.title = words;
    ui.unpin.hidden = view.pinned < 0;
    ui.bars.setAttribute("aria-label", `Weights over the keys. ${words}`);
    columns(ui.bars, values, top, 76, view.key);
  }

  function drawStrip() {
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
    columns(ui.strip, now, 1, 64, view.query, intact);
  }

  function writeSteps() {
    const [rows, all] = [rowsShown(), maps.queries];
    const query = rows - 1;
    const looks = strongest(query, 3).map((key) => `“${maps.keyTokens[key]}” ${number(scene().map.weights[query * maps.keys + key])}`);
    const wrote = maps.produced ? `after “${maps.tokens[query]}” the decoder writes “${maps.produced[query]}”` : `“${maps.tokens[query]}”`;
    steps.update(rows, all, maps.step, `Step ${rows}: ${wrote}, looking most at ${looks.join(", ")}.`, truthWords(rows));
  }

  function truthWords(rows) {
    if (!maps.truth) return "";
    const { hits, counted } = truthShare(scene().map.weights, maps.truth, maps.keys, rows);
    const share = counted ? ` (${((100 * hits) / counted).toFixed(0)} %)` : "";
    const far = rows < maps.queries ? " written so far" : "";
    const best = bestHead(maps, mask());
    return `Hollow squares mark the true keys. The strongest key is a true one in ${hits} of ${counted} rows${far}${share}.` +
      (best ? ` Best head over all rows: layer ${best.layer}, head ${best.head}, ${best.hits} of ${best.counted}.` : "");
  }

  function writeReadout({ map }) {
    const { query, key } = view;
    const weight = map.weights[query * maps.keys + key];
    const score = maps.hasScores && view.show === "head" ? maps.score(view.layer, view.head, query, key) : null;
    const value = hidden(query, key) ? "hidden" : number(weight);
    ui.readout.replaceChildren(
      make("span", { class: "lm-where" }, headName()),
      span(`query ${query} `, make("b", {}, maps.tokens[query])),
      ...(maps.produced ? [span("writes ", make("b", {}, maps.produced[query]))] : []),
      span("→"),
      span(`key ${key} `, make("b", {}, maps.keyTokens[key])),
      make("strong", { class: "lm-weight" }, value),
      ...(score === null ? [] : [make("span", { class: "lm-where" }, `score ${Number.isFinite(score) ? score.toFixed(2) : "−∞"}`)]),
    );
  }

  // -- mouse and keys --

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
    const [now, row] = [scene(), view.pinned];
    const [values, top] = rowOf(now, Math.max(row, 0));
    const bars = row < 0 ? null : { title: `Query ${row}: ${maps.labels[row]}`, values, top };
    return mapPicture(now, `${maps.cross ? "Target looks at source" : "Attention weights"}, ${headName()}`, bars);
  }
}
