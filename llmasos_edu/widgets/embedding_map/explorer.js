// The embedding map: words in the plane, the neighbours of one in all dimensions, search, classes to hide.

const TRAITS = ["word", "count", "measure", "zoom", "hidden"];
const MOST_NEIGHBOURS = 20;
const MOST_FOUND = 6;
const MOST_ZOOM = 8;

function render(host) {
  const { model } = host;
  const [words, classes, classOf] = ["words", "classes", "class_of"].map((name) => model.get(name));
  const data = readEmbedding(model);
  const order = words.map((_, i) => i);
  const { view, colours, change, draw, show } = explore(host, { traits: TRAITS, keepInRange, paint });
  let [plan, near, found] = [null, [], []];
  const ui = build();
  return show(ui.root);

  function isShown(i) {
    return !view.hidden.includes(classOf[i]);
  }

  function shape(i) {
    return classOf[i] === NO_CLASS ? "dot" : SHAPES[classOf[i]];
  }

  function className(i) {
    return classOf[i] === NO_CLASS ? "no class" : classes[classOf[i]];
  }

  function keepInRange() {
    view.word = clamp(view.word, 0, words.length - 1);
    view.count = clamp(view.count, 1, Math.min(MOST_NEIGHBOURS, words.length - 1));
    view.zoom = clamp(view.zoom, 1, MOST_ZOOM);
  }

  // -- the page --

  function build() {
    const ui = {
      search: make("input", { type: "search", "aria-label": "Search", autocomplete: "off", spellcheck: "false", size: 14,
        oninput: () => look(ui.search.value), onkeydown: searchKey }),
      matches: make("p", { class: "lm-left lm-line", role: "status", "aria-live": "polite", hidden: "" }),
      measure: choice("Near by", Object.entries(MEASURES), (measure) => change({ measure })),
      count: slider("Neighbours", { min: 1 }, (count) => change({ count })),
      zoom: slider("Zoom", { min: 1, max: MOST_ZOOM, step: 0.25 }, (zoom) => change({ zoom })),
      legend: make("div", { class: "lm-line lm-left", role: "group", "aria-label": "Classes; a pressed button hides its class" }),
      readout: readout(),
      map: board("map of words", { onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, onwheel: mapWheel }),
      tableTitle: make("p", { class: "lm-heading" }),
      table: make("table", { class: "lm-table" }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.root = frame("Embedding map", {
      controls: [field("Search", ui.search), field("Near by", ui.measure), ui.count.box, ui.zoom.box], picture, fileName: () => "embedding-map",
      help: "Click a word, or walk with the arrow keys; Page Up and Page Down go through all words, Home goes back to the first. "
        + "After a click the wheel zooms, with Ctrl at once." },
    ui.matches, ui.legend, ui.readout,
    make("div", { class: "lm-body lm-two" }, make("div", { class: "lm-main lm-wide" }, ui.map.box),
      make("div", { class: "lm-main" }, ui.tableTitle, ui.table, ui.note)));
    return ui;
  }

  // -- drawing --

  function palette() {
    return CLASS_COLOURS[isDark(colours.paper) ? "dark" : "light"];
  }

  function lookOf(tints, paints) {
    const colour = (i) => (classOf[i] === NO_CLASS ? paints.line : tints[classOf[i]]);
    return { words, order, isShown, shape, colour, word: view.word, near: near.map(([i]) => i), found };
  }

  function paint() {
    const wide = ui.map.box.clientWidth;
    const high = clamp(Math.round(wide * 0.8), 260, 560);
    near = neighbours(data, view.word, view.count, view.measure);
    const look = lookOf(palette(), colours);
    plan = embeddingPlan(wide, high, data, view);
    drawWords(fitCanvas(ui.map.base, wide, high), plan, look, colours);
    drawNear(fitCanvas(ui.map.over, wide, high), plan, look, colours);
    ui.map.over.dataset.place = [view.word, plan.x(view.word), plan.y(view.word)].join();
    syncControls();
    writeLegend();
    tellNeighbours();
    describe();
  }

  function syncControls() {
    ui.measure.value = view.measure;
    ui.count.put(view.count, String(view.count), Math.min(MOST_NEIGHBOURS, words.length - 1));
    ui.zoom.put(view.zoom, `${view.zoom}×`);
    ui.map.box.setAttribute("aria-label", `Map of ${words.length} words. Arrow keys go to the next word that way, Page Up and Page Down to the one before and after.`);
  }

  // One button for each class, with its sign; made once, for a button that is made anew loses the focus.
  function writeLegend() {
    const numbers = [...classes.keys(), ...(classOf.includes(NO_CLASS) ? [NO_CLASS] : [])];
    if (!classes.length) numbers.length = 0;
    if (ui.legend.childElementCount !== numbers.length) {
      ui.legend.replaceChildren(...numbers.map((number) => {
        const sign = make("canvas", { "aria-hidden": "true" });
        const many = classOf.filter((each) => each === number).length;
        const flip = () => change({ hidden: view.hidden.includes(number) ? view.hidden.filter((each) => each !== number) : [...view.hidden, number].sort((a, b) => a - b) });
        return make("button", { type: "button", class: "lm-class", onclick: flip }, sign, `${number === NO_CLASS ? "no class" : classes[number]} ${many}`);
      }));
    }
    ui.legend.hidden = !numbers.length;
    numbers.forEach((number, i) => {
      const node = ui.legend.children[i];
      node.setAttribute("aria-pressed", String(view.hidden.includes(number)));
      const colour = number === NO_CLASS ? colours.line : palette()[number];
      drawMarker(fitCanvas(node.firstChild, 14, 14), 7, 7, number === NO_CLASS ? "dot" : SHAPES[number], colour, 4);
    });
  }

  function tellNeighbours() {
    const heads = ["word", ...(classes.length ? ["class"] : []), MEASURES[view.measure]];
    const focused = [...ui.table.querySelectorAll("button")].indexOf(document.activeElement);
    ui.tableTitle.textContent = `Nearest to ${words[view.word]}`;
    writeTable(ui.table, heads, near.map(([other, value]) => [button(words[other], () => change({ word: other }), { class: "lm-one" }),
      ...(classes.length ? [className(other)] : []), figure(value)]));
    if (focused >= 0) ui.table.querySelectorAll("button")[Math.min(focused, near.length - 1)].focus();
  }

  function describe() {
    const span = (text, className = "") => make("span", className ? { class: className } : {}, text);
    const other = view.measure === "map" ? "cosine" : "map";
    const twice = new Set(neighbours(data, view.word, view.count, other).map(([i]) => i));
    const both = near.filter(([i]) => twice.has(i)).length;
    const share = classOf[view.word] === NO_CLASS || !classes.length ? ""
      : `; ${near.filter(([i]) => classOf[i] === classOf[view.word]).length} of ${near.length} are of its class`;
    ui.readout.replaceChildren(make("b", {}, words[view.word]), ...(classes.length ? [span(className(view.word), "lm-where")] : []),
      span("nearest:"), make("b", {}, words[near[0][0]]), make("strong", { class: "lm-weight" }, figure(near[0][1])),
      span(`${both} of ${near.length} are nearest ${other === "map" ? "on the map" : "by cosine"} too${share}`, "lm-where"));
    ui.note.textContent = `The map keeps 2 of ${data.dim} dimensions. A long line goes to a word that is near in all of them and not on the map.`;
  }

  // -- search, mouse and keys --

  function look(text) {
    const all = search(words, text);
    found = all.slice(0, MOST_FOUND);
    const told = !text.trim() ? "" : !all.length ? `no word holds "${text.trim()}"` : `${all.length} found${all.length > found.length ? ", such as" : ":"}`;
    ui.matches.replaceChildren(told, ...found.map((i) => button(words[i], () => change({ word: i }))));
    ui.matches.hidden = !told;
    draw(true);
  }

  function searchKey(event) {
    const actions = {
      Enter: found.length && (() => change({ word: found[0] })),
      Escape: () => { ui.search.value = ""; look(""); },
    };
    press(event, actions[event.key]);
  }

  function wordAt(event) {
    const shown = order.filter((i) => isShown(i) && plan.inside(i));
    const away = (i) => Math.hypot(plan.x(i) - event.offsetX, plan.y(i) - event.offsetY);
    const best = shown.reduce((a, b) => (away(b) < away(a) ? b : a), shown[0]);
    return best !== undefined && away(best) < 24 ? best : null;
  }

  function mapHover(event) {
    const word = wordAt(event);
    ui.map.box.title = word === null ? "" : `${words[word]}${classes.length ? `, ${className(word)}` : ""}: cosine ${figure(likeness(data, view.word, word, "cosine"))} with ${words[view.word]}`;
  }

  function mapClick(event) {
    const word = wordAt(event);
    if (word !== null) change({ word });
  }

  // The page scrolls as ever until the reader clicked the map, and where nothing is left to zoom.
  function mapWheel(event) {
    const zoom = clamp(view.zoom + (event.deltaY < 0 ? 0.25 : -0.25), 1, MOST_ZOOM);
    if (!event.deltaY || zoom === view.zoom || !(event.ctrlKey || document.activeElement === ui.map.box)) return;
    event.preventDefault();
    change({ zoom });
  }

  function mapKey(event) {
    const shown = order.filter(isShown);
    const beside = (by) => {
      const next = by > 0 ? shown.find((i) => i > view.word) : shown.findLast((i) => i < view.word);
      return next === undefined ? view.word : next;
    };
    const goals = { PageUp: () => beside(-1), PageDown: () => beside(1), Home: () => shown[0] ?? 0 };
    if (ARROWS[event.key]) goals[event.key] = () => wordTowards(data, view.word, ARROWS[event.key], isShown);
    const goal = goals[event.key];
    press(event, goal && (() => change({ word: goal() })));
  }

  // -- files --

  // The map by the same functions that draw the screen, in the light theme's colours, its neighbours in words below.
  function picture() {
    const [width, high] = [720, 540];
    const pen = new SvgPen("Embedding map", width, high + 74, `${words.length} words, nearest to ${words[view.word]} by ${MEASURES[view.measure]}`);
    pen.at(0, 46);
    const still = embeddingPlan(width, high, data, view);
    const look = lookOf(CLASS_COLOURS.light, PAPER);
    drawWords(pen, still, look, PAPER);
    drawNear(pen, still, look, PAPER);
    pen.at(0, 0);
    let x = 16;
    classes.forEach((name, number) => {
      drawMarker(pen, x, 36, SHAPES[number], CLASS_COLOURS.light[number], 4);
      pen.write(name, x + 9, 36);
      x += LABEL_WIDTH * name.length + 30;
    });
    pen.write(near.slice(0, 8).map(([i, value]) => `${words[i]} ${figure(value)}`).join("   "), 10, high + 60);
    return pen.picture();
  }
}

export { readEmbedding, neighbours, wordTowards, search, render };
export default { render };
