// The expert-load explorer: which token goes to which expert, and how even the load is. All data is here from the start.

const TRAITS = ["layer", "step", "token", "expert", "top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed", "domain", "order"];
const ROUTED_BY = ["layer", "step", "top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed"];
const SETTINGS = ["top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed"]; // what "As given" brings back
const ORDERS = { text: "as in the text", domain: "by domain", expert: "by first expert" };
const LIGHT = ["token", "expert"]; // they leave the ground as it is
const FRAME_MS = 700; // of a step while playing: long enough to see what moved
const MANY_CHIPS = 24;

function render(host) {
  const { model } = host;
  const description = model.get("description");
  const { tokens, domains, letters, domain_of: domainOf, steps } = description;
  const logits = new RouterLogits(description, toBytes(model.get("data")));
  const { view, colours, change, draw, show } = explore(host, { traits: TRAITS, light: LIGHT, keepInRange, changed, paint, close });
  const given = { ...view };
  const store = { routed: {}, noise: {}, shown: {}, history: { id: "" } };
  let [extent, plan, strip, scene, alive] = [{ start: 0, count: 0 }, null, null, null, true];
  let factor = view.capacity_factor || 1.25; // what the slider comes back to when a limit is set again
  const plays = player(FRAME_MS, { last: () => logits.steps - 1, at: () => view.step, go: (step) => change({ step }) });
  const even = () => (view.top_k * logits.tokens) / logits.experts;
  const ui = build();
  return show(ui.root);

  function close() {
    alive = false;
    plays.stop();
  }

  // -- state --

  function changed(names) {
    const { start } = extent;
    follow(names.includes("domain") || names.includes("order"));
    if (extent.start !== start) draw(true);
  }

  function keepInRange() {
    view.layer = clamp(view.layer, 0, logits.layers - 1);
    view.step = clamp(view.step, 0, logits.steps - 1);
    view.expert = clamp(view.expert, 0, logits.experts - 1);
    view.top_k = clamp(view.top_k, 1, logits.experts);
    view.temperature = clamp(view.temperature, 0.1, 10);
    view.noise = clamp(view.noise, 0, 4);
    view.domain = clamp(view.domain, -1, domains.length - 1);
    view.token = clamp(view.token, 0, tokens.length - 1);
    if (!hasToken(view.token)) view.token = [...tokens.keys()].find(hasToken); // the filter hides it
    if (view.capacity_factor !== null) factor = view.capacity_factor;
  }

  function hasToken(token) {
    return view.domain < 0 || domainOf[token] === view.domain;
  }

  // One step and layer routed as the controls stand; kept until one of them moves.
  function routeOf(step) {
    const noiseId = [view.seed, view.layer].join();
    if (view.noise && store.noise.id !== noiseId) {
      store.noise = { id: noiseId, values: normalNoise(logits.tokens * logits.experts, view.seed * 1009 + view.layer) };
    }
    const { top_k: topK, renormalize, capacity_factor: limit, temperature } = view;
    const capacity = limit === null ? Infinity : expertCapacity(logits.tokens, logits.experts, topK, limit);
    return routeTokens(logits.at(step, view.layer), logits.experts, { topK, renormalize, capacity, temperature,
      bias: logits.bias(step, view.layer), noise: store.noise.values, size: view.noise });
  }

  function current() {
    const id = ROUTED_BY.map((name) => view[name]).join();
    if (store.routed.id !== id) {
      const routing = routeOf(view.step);
      store.routed = { id, routing, statistics: routingStatistics(routing), split: splitByDomain(routing) };
    }
    return store.routed;
  }

  function splitByDomain({ chosen, kept, tokens: count, experts }) {
    const many = Math.max(1, domains.length);
    const split = new Int32Array(experts * many);
    chosen.forEach((expert, i) => (split[expert * many + (domains.length ? domainOf[i % count] : 0)] += kept[i]));
    return split;
  }

  // The tokens that the filter lets through, in the order asked for, and the column of each (-1: hidden).
  function tokensShown() {
    const id = [view.domain, view.order, view.order === "expert" ? ROUTED_BY.map((name) => view[name]).join() : ""].join();
    if (store.shown.id !== id) {
      const key = { text: () => 0, domain: (i) => domainOf[i], expert: (i) => current().routing.chosen[i] }[view.order];
      const shown = Int32Array.from([...tokens.keys()].filter(hasToken).sort((a, b) => key(a) - key(b) || a - b));
      const columnOf = new Int32Array(tokens.length).fill(-1);
      shown.forEach((token, column) => (columnOf[token] = column));
      store.shown = { id, shown, columnOf };
      extent.count = Math.min(extent.count || roomy(), shown.length);
    }
    return store.shown;
  }

  // How many tokens are shown at first: all where each can be marked, else as many as can.
  function roomy() {
    const count = tokens.length;
    const room = Math.floor(((ui.map.box.clientWidth || 800) * 0.65) / MARKED_FROM);
    return count <= room ? count : Math.floor(room * 0.7);
  }

  // The window goes where the cursor is; after another filter or order it starts anew.
  function follow(anew) {
    if (anew) extent.count = 0;
    const { shown, columnOf } = tokensShown();
    const column = columnOf[view.token];
    extent.count = clamp(extent.count, Math.min(8, shown.length), shown.length);
    if (column < extent.start) extent.start = column;
    if (column >= extent.start + extent.count) extent.start = column - extent.count + 1;
    extent.start = clamp(extent.start, 0, shown.length - extent.count);
  }

  function scrollTo(start) {
    extent.start = clamp(Math.round(start), 0, tokensShown().shown.length - extent.count);
    draw(true);
  }

  function zoom(count) {
    const column = tokensShown().columnOf[view.token];
    extent.start = Math.round(column - (column - extent.start) * (count / extent.count));
    extent.count = count;
    follow(false);
    draw(true);
  }

  function moveColumn(column) {
    const { shown } = tokensShown();
    return { token: shown[clamp(column, 0, shown.length - 1)] };
  }

  // The next token, or the one before, that goes to the chosen expert.
  function nextOfExpert(by) {
    const { shown, columnOf } = tokensShown();
    for (let column = columnOf[view.token] + by; column >= 0 && column < shown.length; column += by) {
      if (fate({ routing: current().routing, expert: view.expert }, shown[column]).mine) return { token: shown[column] };
    }
    return {};
  }

  // -- training --

  // Maximum over mean of every recorded step under the present settings, a step at a time, between frames.
  function fillHistory() {
    const id = ROUTED_BY.filter((name) => name !== "step" && name !== "capacity_factor").map((name) => view[name]).join();
    if (store.history.id === id) return;
    const history = { id, values: new Array(logits.steps).fill(NaN) };
    store.history = history;
    let step = 0;
    const some = () => {
      if (!alive || store.history !== history) return; // settings changed: a newer one took over
      const began = performance.now();
      for (; step < logits.steps && performance.now() - began < 8; step++) {
        history.values[step] = Math.max(...routeOf(step).load) / even();
      }
      if (step < logits.steps) setTimeout(some, 0);
      else draw(true);
    };
    setTimeout(some, 0);
  }

  // -- the page --

  function build() {
    const number = (words, name, options) => choice(words, options, (value) => change({ [name]: Number(value) }));
    const made = (words, range, name, read = (value) => value) => slider(words, range, (value) => change({ [name]: read(value) }));
    const ui = {
      layer: number("Layer", "layer", Array.from({ length: logits.layers }, (_, i) => [i, String(i)])),
      domain: number("Domain", "domain", [[-1, "all"], ...domains.map((name, i) => [i, `${letters[i]} ${name}`])]),
      order: choice("Order of tokens", Object.entries(ORDERS).filter(([name]) => name !== "domain" || domains.length), (order) => change({ order })),
      renormalize: checkbox("Renormalise", (renormalize) => change({ renormalize })),
      limit: checkbox("Capacity limit", (limited) => change({ capacity_factor: limited ? factor : null })),
      sliders: {
        top_k: made("Top-k", { min: 1, max: logits.experts }, "top_k"),
        capacity_factor: made("Capacity factor", { min: 0.1, max: 4, step: 0.05 }, "capacity_factor"),
        temperature: made("Temperature", { min: -1, step: 0.02 }, "temperature", (power) => Number((10 ** power).toFixed(3))),
        noise: made("Router noise", { max: 4, step: 0.05 }, "noise"),
        zoom: slider("Tokens on show", { step: 0.01 }, (part) => zoom(zoomed(part))),
      },
      redraw: button("Redraw noise", () => change({ seed: view.seed + 1, noise: view.noise || 1 })),
      reset: button("As given", () => change(Object.fromEntries(SETTINGS.map((name) => [name, given[name]])))),
      figures: make("dl", { class: "lm-figures lm-tight" }),
      step: make("input", { type: "range", min: 0, max: logits.steps - 1, step: 1, "aria-label": "Training step",
        oninput: (event) => { plays.stop(); change({ step: Number(event.target.value) }); } }),
      stepText: make("output", {}),
      curveTitle: make("p", { class: "lm-where" }),
      curve: make("canvas", { role: "img" }),
      readout: readout(),
      map: board("map of tokens and experts", { onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, onwheel: mapWheel }),
      scroll: make("input", { type: "range", min: 0, step: 1, class: "lm-scroll", "aria-label": "First token on show",
        oninput: (event) => scrollTo(Number(event.target.value)) }),
      legend: make("p", { class: "lm-legend" }),
      strip: make("canvas", { role: "img", onclick: stripClick }),
      stripNote: make("p", { class: "lm-hint" }),
      expertTitle: make("p", { class: "lm-heading" }),
      expertText: make("p", { class: "lm-caption" }),
      chips: make("ul", { class: "lm-chips" }),
      tokenTitle: make("p", { class: "lm-heading" }),
      table: make("table", { class: "lm-table" }),
    };
    ui.sliders.zoom.box.classList.add("lm-long-value");
    ui.training = make("div", { class: "lm-training" }, plays.button, make("div", {}, ui.curveTitle, ui.curve, ui.step), ui.stepText);
    ui.training.hidden = logits.steps < 2;
    ui.tableBox = scroller("The token's experts", ui.table);
    ui.root = frame("Expert-load explorer", {
      controls: [...(logits.layers > 1 ? [field("Layer", ui.layer)] : []), ...(domains.length ? [field("Domain", ui.domain)] : []),
        field("Order", ui.order), ui.renormalize.box, ui.limit.box],
      picture, fileName: () => `experts-layer${view.layer}-step${steps[view.step]}`,
      help: "Click a cell, a word or a bar. Arrow keys move over the map, Home and End to the first and last token, Page Up and Page Down by a window; "
        + "N and P go to the chosen expert's next token and back" + (logits.steps > 1 ? "; Space plays the training." : ".") },
    make("div", { class: "lm-grid" }, ...Object.values(ui.sliders).map((each) => each.box), make("div", { class: "lm-buttons" }, ui.redraw, ui.reset)),
    ui.training, ui.figures, ui.readout, ui.map.box, ui.scroll, ui.legend, ui.strip, ui.stripNote,
    make("div", { class: "lm-body lm-two" },
      make("div", { class: "lm-main" }, ui.expertTitle, ui.expertText, ui.chips),
      make("div", { class: "lm-main" }, ui.tokenTitle, ui.tableBox)));
    return ui;
  }

  // So many tokens are on show when the slider is so far: from the fewest to all, by equal factors.
  function zoomed(part) {
    return Math.round(smallest() * (tokensShown().shown.length / smallest()) ** part);
  }

  function smallest() {
    return Math.min(8, tokensShown().shown.length);
  }

  // -- drawing --

  function makeScene() {
    const { routing, statistics, split } = current();
    const capacity = Number.isFinite(routing.capacity) ? routing.capacity : 0;
    const known = store.history.values?.filter((value) => !Number.isNaN(value)).map((value) => value * even()) || [];
    const top = Math.max(statistics.maxOverMean * even(), even() * 1.3, capacity, ...known);
    return { routing, statistics, split, ...tokensShown(), ...extent, token: view.token, expert: view.expert, filter: view.domain,
      tokens, domains, letters, domainOf, top, plain: colours.bar };
  }

  function paint(ground) {
    tokensShown();
    fillHistory();
    scene = makeScene();
    if (ground) {
      drawGround();
      writeFigures(ui.figures, figuresOf(scene));
      writeLegend();
    }
    syncControls();
    drawCursor(fitCanvas(ui.map.over, plan.width, plan.bottom), plan, scene, colours);
    strip = stripPlan(plan.width, scene, 7);
    drawStrip(fitCanvas(ui.strip, plan.width, strip.lines * STRIP_LINE), strip, scene, colours);
    ui.stripNote.textContent = stripNote(scene, strip, plan.cell >= MARKED_FROM);
    ui.readout.replaceChildren(...cellWords(scene));
    writeExpert();
    writeToken();
  }

  function drawGround() {
    const width = ui.map.box.clientWidth;
    plan = mapPlan(width, scene);
    const c = fitCanvas(ui.map.base, width, plan.bottom);
    drawMap(c, plan, scene, probabilityImage(scene, plan.w * (window.devicePixelRatio || 1)), colours);
    drawNames(c, plan, scene, colours);
    drawLoads(c, plan, scene, colours);
    // Where things lie, for whoever drives the page.
    const { left, top, cell, row, loadLeft: bars } = plan;
    Object.assign(ui.map.base.dataset, { left, top, cell, row, bars, start: scene.start, scale: plan.loadWidth / scene.top });
    if (logits.steps > 1) drawHistory();
  }

  function drawHistory() {
    const { values } = store.history;
    const known = values.filter((value) => !Number.isNaN(value));
    const range = known.length ? `, ${Math.min(...known).toFixed(2)} to ${Math.max(...known).toFixed(2)}` : "";
    ui.curveTitle.textContent = `Maximum over mean load in training${range}; dotted: 1, even`;
    const wide = ui.curve.parentElement.clientWidth;
    drawCurve(fitCanvas(ui.curve, wide, 40), wide, 40, values, view.step, colours);
    const told = values.map((value, i) => `${steps[i]}: ${Number.isNaN(value) ? "not yet computed" : value.toFixed(2)}`);
    ui.curve.setAttribute("aria-label", `Maximum over mean load at ${logits.steps} recorded steps: ${told.join(", ")}`);
  }

  function syncControls() {
    for (const name of ["layer", "domain", "order"]) ui[name].value = view[name];
    ui.renormalize.input.checked = view.renormalize;
    ui.limit.input.checked = view.capacity_factor !== null;
    const { top_k: topK, capacity_factor: limit, temperature, noise, zoom: zoomer } = ui.sliders;
    topK.put(view.top_k, String(view.top_k));
    limit.put(factor, view.capacity_factor === null ? "no limit" : factor.toFixed(2), Math.max(4, factor), view.capacity_factor === null);
    temperature.put(Math.log10(view.temperature), view.temperature.toFixed(2));
    noise.put(view.noise, view.noise.toFixed(2));
    const all = scene.shown.length;
    const part = all > smallest() ? Math.log(scene.count / smallest()) / Math.log(all / smallest()) : 1;
    zoomer.put(part, `${scene.count} of ${all.toLocaleString("en")}`, 1, all <= smallest());
    ui.scroll.hidden = scene.count >= all;
    ui.scroll.style.marginLeft = `${plan.left - 4}px`;
    ui.scroll.style.width = `${plan.w + 8}px`;
    ui.scroll.max = all - scene.count;
    ui.scroll.value = scene.start;
    ui.scroll.setAttribute("aria-valuetext", `tokens ${scene.start + 1} to ${scene.start + scene.count} of ${all}`);
    ui.step.value = view.step;
    ui.step.setAttribute("aria-valuetext", `step ${steps[view.step]}`);
    ui.stepText.textContent = `step ${steps[view.step].toLocaleString("en")}`;
    ui.readout.setAttribute("aria-live", plays.playing() ? "off" : "polite");
    ui.map.box.setAttribute("aria-label", `Map of ${all} tokens and ${logits.experts} experts${logits.layers > 1 ? `, layer ${view.layer}` : ""}. `
      + "Left and Right move over the tokens, Up and Down over the experts.");
  }

  function writeLegend() {
    ui.legend.hidden = !domains.length;
    const counts = domains.map(() => 0);
    domainOf.forEach((domain) => counts[domain]++);
    ui.legend.replaceChildren(...domains.map((name, domain) => {
      const swatch = make("canvas", { "aria-hidden": "true" });
      domainBox(fitCanvas(swatch, 22, 13), scene, domain, 0, 0, 22, 13);
      return make("span", {}, swatch, `${letters[domain]} ${name}, ${counts[domain].toLocaleString("en")} tokens`);
    }));
    if (view.domain >= 0) ui.legend.append(make("span", { class: "lm-where" }, "Numbers and bars are of all tokens; the other domains' parts are pale."));
  }

  function writeExpert() {
    const { title, text, listed } = expertWords(scene);
    ui.expertTitle.textContent = title;
    ui.expertText.textContent = text;
    ui.chips.replaceChildren(...listed.slice(0, MANY_CHIPS).map(({ token, gate, kept }) =>
      make("li", { onclick: () => change({ token }), title: `token ${token}${kept ? "" : ", dropped"}` },
        make(kept ? "b" : "s", {}, shorten(tokens[token], 14)), span(` ${gate.toFixed(2)}`))));
    if (listed.length > MANY_CHIPS) ui.chips.append(make("li", { class: "lm-where" }, `and ${(listed.length - MANY_CHIPS).toLocaleString("en")} more`));
  }

  function writeToken() {
    const { rows, dropped } = tokenWords(scene, clamp(view.top_k + 1, 4, 10));
    ui.tokenTitle.replaceChildren(tokenName(scene, view.token));
    writeTable(ui.table, ["", "probability", "gate", "result"], rows);
    ui.tableBox.settle();
    ui.strip.setAttribute("aria-label", `Words of the tokens on show. ${ui.expertTitle.textContent}. Token ${view.token} ${tokens[view.token]}: `
      + `${dropped} of ${view.top_k} assignments dropped.`);
  }

  // -- mouse and keys --

  function placeAt(event) {
    const expert = Math.floor((event.offsetY - plan.top) / plan.row);
    const column = Math.floor((event.offsetX - plan.left) / plan.cell);
    const token = column >= 0 && column < scene.count && event.offsetX < plan.left + plan.w ? scene.shown[scene.start + column] : null;
    return { expert: expert >= 0 && expert < logits.experts ? expert : null, token };
  }

  function mapClick(event) {
    const place = placeAt(event);
    change(Object.fromEntries(Object.entries(place).filter(([, value]) => value !== null)));
  }

  function mapHover(event) {
    const { expert, token } = placeAt(event);
    if (expert === null) ui.map.box.title = token === null ? "" : `token ${token} ${tokens[token]}`;
    else if (token === null) ui.map.box.title = `expert ${expert}: ${scene.routing.load[expert]} assignments, ${scene.statistics.dropped[expert]} dropped`;
    else ui.map.box.title = `token ${token} ${tokens[token]}, expert ${expert}: probability ${scene.routing.probs[token * logits.experts + expert].toFixed(3)}`;
  }

  function mapWheel(event) {
    const by = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (!by || scene.count >= scene.shown.length) return;
    event.preventDefault();
    scrollTo(extent.start + by / plan.cell);
  }

  function stripClick(event) {
    const hit = strip.items.find(({ x, y, wide }) => event.offsetX >= x && event.offsetX < x + wide && event.offsetY >= y && event.offsetY < y + STRIP_LINE);
    if (hit) change({ token: hit.token });
  }

  function mapKey(event) {
    const column = tokensShown().columnOf[view.token]; // as chosen now: the last choice may not be drawn yet
    const arrow = ARROWS[event.key];
    const patches = {
      Home: () => moveColumn(0),
      End: () => moveColumn(Infinity),
      PageUp: () => moveColumn(column - extent.count),
      PageDown: () => moveColumn(column + extent.count),
      n: () => nextOfExpert(1),
      p: () => nextOfExpert(-1),
    };
    if (arrow) patches[event.key] = () => ({ expert: view.expert + arrow[0], ...moveColumn(column + arrow[1]) });
    const patch = patches[event.key];
    if (event.key === " " && logits.steps > 1) press(event, plays.toggle);
    else press(event, patch && (() => change(patch())));
  }

  function picture() {
    const where = [...(logits.layers > 1 ? [`layer ${view.layer}`] : []), ...(logits.steps > 1 ? [`step ${steps[view.step]}`] : []), `top-${view.top_k}`];
    return scenePicture(scene, where.join(", "));
  }
}

export { expertCapacity, normalNoise, routeTokens, routingStatistics, render };
export default { render };
