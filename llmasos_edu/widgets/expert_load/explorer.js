// The expert-load explorer: which token goes to which expert, and how even the load is. All data is here from the start.

const TRAITS = ["layer", "step", "token", "expert", "top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed", "domain", "order"];
const ROUTED_BY = ["layer", "step", "top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed"];
const SETTINGS = ["top_k", "renormalize", "capacity_factor", "temperature", "noise", "seed"]; // what "As given" brings back
const ORDERS = { text: "as in the text", domain: "by domain", expert: "by first expert" };
const FRAME_MS = 700; // of a step while playing: long enough to see what moved
const MANY_CHIPS = 24;

function render({ model, el }) {
  const description = model.get("description");
  const { tokens, domains, letters, domain_of: domainOf, steps } = description;
  const logits = new RouterLogits(description, toBytes(model.get("data")));
  const view = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const given = { ...view };
  const colours = {};
  const store = { routed: {}, noise: {}, shown: {}, history: { id: "" } };
  let [window_, plan, strip, scene] = [{ start: 0, count: 0 }, null, null, null];
  let [baseStale, playing, alive] = [true, 0, true];
  let factor = view.capacity_factor || 1.25; // what the slider comes back to when a limit is set again

  const even = () => (view.top_k * logits.tokens) / logits.experts;
  const tellPython = teller(model);
  const askPaint = painter(paint);
  const ui = build();
  el.append(ui.root);
  const stops = [askPaint.stop, tellPython.stop, pause, onThemeChange(() => draw(true)),
    onTraitChange(model, view, TRAITS, (patch) => change(patch, false)), onWidthChange(ui.root, () => draw(true))];
  draw(true);
  return () => {
    alive = false;
    stops.forEach((stop) => stop());
    ui.root.remove();
  };

  // -- state --

  // Everything the reader does comes through here: new values, kept in range, drawn, and told to Python.
  function change(patch, report = true) {
    const before = { ...view };
    Object.assign(view, patch);
    keepInRange();
    const changed = TRAITS.filter((name) => view[name] !== before[name]);
    if (report) tellPython(Object.fromEntries(changed.map((name) => [name, view[name]])));
    const start = window_.start;
    follow(changed.some((name) => ["domain", "order"].includes(name)));
    draw(window_.start !== start || changed.some((name) => !["token", "expert"].includes(name)));
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
      window_.count = Math.min(window_.count || roomy(), shown.length);
    }
    return store.shown;
  }

  // How many tokens are shown at first: all where each can be marked, else as many as can.
  function roomy() {
    const count = tokens.length;
    const room = Math.floor(((ui.mapBox.clientWidth || 800) * 0.65) / MARKED_FROM);
    return count <= room ? count : Math.floor(room * 0.7);
  }

  // The window goes where the cursor is; after another filter or order it starts anew.
  function follow(anew) {
    if (anew) window_.count = 0;
    const { shown, columnOf } = tokensShown();
    const column = columnOf[view.token];
    window_.count = clamp(window_.count, Math.min(8, shown.length), shown.length);
    if (column < window_.start) window_.start = column;
    if (column >= window_.start + window_.count) window_.start = column - window_.count + 1;
    window_.start = clamp(window_.start, 0, shown.length - window_.count);
  }

  function scrollTo(start) {
    const { shown } = tokensShown();
    window_.start = clamp(Math.round(start), 0, shown.length - window_.count);
    draw(true);
  }

  function zoom(count) {
    const column = tokensShown().columnOf[view.token];
    window_.start = Math.round(column - (column - window_.start) * (count / window_.count));
    window_.count = count;
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

  function play() {
    if (playing) return pause();
    if (view.step === logits.steps - 1) change({ step: 0 });
    playing = setInterval(() => {
      if (!ui.root.isConnected) return pause();
      change({ step: view.step + 1 });
      if (view.step === logits.steps - 1) pause();
    }, FRAME_MS);
    draw(false);
  }

  function pause() {
    clearInterval(playing);
    playing = 0;
    if (alive) draw(false);
  }

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
    const set = (name, read) => (event) => change({ [name]: read(event.target) });
    const slider = (words, min, max, step, oninput) => {
      const input = make("input", { type: "range", min, max, step, "aria-label": words, oninput });
      const output = make("output", { class: "lm-number" });
      return { input, output, box: make("label", { class: "lm-field lm-slider" }, make("span", {}, words), input, output) };
    };
    const select = (words, name, options, read = (node) => Number(node.value)) => make("select", { "aria-label": words, onchange: set(name, read) },
      ...options.map(([value, text]) => option(value, text)));
    const check = (words, onchange) => {
      const input = make("input", { type: "checkbox", onchange });
      return { input, box: make("label", { class: "lm-field" }, input, make("span", {}, words)) };
    };
    const number = (node) => Number(node.value);
    const ui = {
      layer: select("Layer", "layer", Array.from({ length: logits.layers }, (_, i) => [i, String(i)])),
      domain: select("Domain", "domain", [[-1, "all"], ...domains.map((name, i) => [i, `${letters[i]} ${name}`])]),
      order: select("Order of tokens", "order", Object.entries(ORDERS).filter(([name]) => name !== "domain" || domains.length), (node) => node.value),
      renormalize: check("Renormalise", set("renormalize", (node) => node.checked)),
      limit: check("Capacity limit", (event) => change({ capacity_factor: event.target.checked ? factor : null })),
      sliders: {
        top_k: slider("Top-k", 1, logits.experts, 1, set("top_k", number)),
        capacity_factor: slider("Capacity factor", 0.1, 4, 0.05, set("capacity_factor", number)),
        temperature: slider("Temperature", -1, 1, 0.02, set("temperature", (node) => Number((10 ** node.value).toFixed(3)))),
        noise: slider("Router noise", 0, 4, 0.05, set("noise", number)),
        zoom: slider("Tokens on show", 0, 1, 0.01, (event) => zoom(zoomed(number(event.target)))),
      },
      redraw: button("Redraw noise", () => change({ seed: view.seed + 1, noise: view.noise || 1 })),
      reset: button("As given", () => change(Object.fromEntries(SETTINGS.map((name) => [name, given[name]])))),
      figures: make("dl", { class: "lm-figures" }),
      play: button("Play", play),
      step: make("input", { type: "range", min: 0, max: logits.steps - 1, step: 1, "aria-label": "Training step",
        oninput: (event) => { pause(); change({ step: number(event.target) }); } }),
      stepText: make("output", {}),
      curveTitle: make("p", { class: "lm-where" }),
      curve: make("canvas", { role: "img" }),
      readout: make("p", { class: "lm-readout", role: "status", "aria-live": "polite" }),
      base: make("canvas"),
      over: make("canvas", { class: "lm-over" }),
      mapBox: make("div", { class: "lm-map lm-focus", tabindex: 0, role: "application", "aria-roledescription": "map of tokens and experts",
        onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, onwheel: mapWheel }),
      scroll: make("input", { type: "range", min: 0, step: 1, class: "lm-scroll", "aria-label": "First token on show",
        oninput: (event) => scrollTo(number(event.target)) }),
      legend: make("p", { class: "lm-legend" }),
      strip: make("canvas", { role: "img", onclick: stripClick }),
      stripNote: make("p", { class: "lm-hint" }),
      expertTitle: make("p", { class: "lm-heading" }),
      expertText: make("p", { class: "lm-caption" }),
      chips: make("ul", { class: "lm-chips" }),
      tokenTitle: make("p", { class: "lm-heading" }),
      table: make("table", { class: "lm-table" }),
    };
    ui.sliders.zoom.box.style.gridTemplateColumns = "106px 1fr max-content";
    ui.mapBox.append(ui.base, ui.over);
    ui.training = make("div", { class: "lm-training" }, ui.play, make("div", {}, ui.curveTitle, ui.curve, ui.step), ui.stepText);
    ui.training.hidden = logits.steps < 2;
    const hide = (node, hidden) => Object.assign(node, { hidden });
    ui.root = make("div", { class: "lm-explorer", role: "region", "aria-label": "Expert-load explorer", onkeydown: keepKey },
      make("div", { class: "lm-bar" }, hide(field("Layer", ui.layer), logits.layers < 2),
        hide(field("Domain", ui.domain), !domains.length), field("Order", ui.order), ui.renormalize.box, ui.limit.box,
        saveButtons(picture, () => `experts-layer${view.layer}-step${steps[view.step]}`)),
      make("div", { class: "lm-grid" }, ...Object.values(ui.sliders).map((each) => each.box), make("div", { class: "lm-buttons" }, ui.redraw, ui.reset)),
      ui.training, ui.figures, ui.readout, ui.mapBox, ui.scroll, ui.legend, ui.strip, ui.stripNote,
      make("div", { class: "lm-body lm-two" },
        make("div", { class: "lm-main" }, ui.expertTitle, ui.expertText, ui.chips),
        make("div", { class: "lm-main" }, ui.tokenTitle, ui.table)),
      make("p", { class: "lm-hint" }, "Click a cell, a word or a bar. Arrow keys move over the map, Home and End to the first and last token, Page Up and Page Down by a window; "
        + "N and P go to the chosen expert's next token and back" + (logits.steps > 1 ? "; Space plays the training." : ".")));
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

  function draw(base) {
    baseStale = baseStale || base;
    askPaint();
  }

  function makeScene() {
    const { routing, statistics, split } = current();
    const capacity = Number.isFinite(routing.capacity) ? routing.capacity : 0;
    const known = store.history.values?.filter((value) => !Number.isNaN(value)).map((value) => value * even()) || [];
    const top = Math.max(statistics.maxOverMean * even(), even() * 1.3, capacity, ...known);
    return { routing, statistics, split, ...tokensShown(), ...window_, token: view.token, expert: view.expert, filter: view.domain,
      tokens, domains, letters, domainOf, top, plain: colours.bar };
  }

  function paint() {
    if (!ui.root.clientWidth) return;
    if (baseStale) readColours(ui.root, colours);
    tokensShown();
    fillHistory();
    scene = makeScene();
    if (baseStale) {
      baseStale = false;
      drawBase();
      writeFigures();
      writeLegend();
    }
    syncControls();
    drawCursor(fitCanvas(ui.over, plan.width, plan.bottom), plan, scene, colours);
    strip = stripPlan(plan.width, scene, 7);
    drawStrip(fitCanvas(ui.strip, plan.width, strip.lines * STRIP_LINE), strip, scene, colours);
    writeNote();
    writeReadout();
    writeExpert();
    writeToken();
  }

  function drawBase() {
    const width = ui.mapBox.clientWidth;
    plan = mapPlan(width, scene);
    const c = fitCanvas(ui.base, width, plan.bottom);
    drawMap(c, plan, scene, probabilityImage(scene, plan.w * (window.devicePixelRatio || 1)), colours);
    drawNames(c, plan, scene, colours);
    drawLoads(c, plan, scene, colours);
    // Where things lie, for whoever drives the page.
    const { left, top, cell, row, loadLeft: bars } = plan;
    Object.assign(ui.base.dataset, { left, top, cell, row, bars, start: scene.start, scale: plan.loadWidth / scene.top });
    if (logits.steps > 1) drawHistory();
  }

  function drawHistory() {
    const { values } = store.history;
    const known = values.filter((value) => !Number.isNaN(value));
    const span = known.length ? `, ${Math.min(...known).toFixed(2)} to ${Math.max(...known).toFixed(2)}` : "";
    ui.curveTitle.textContent = `Maximum over mean load in training${span}; dotted: 1, even`;
    const wide = ui.curve.parentElement.clientWidth;
    drawCurve(fitCanvas(ui.curve, wide, 52), wide, 52, values, view.step, colours);
    const told = values.map((value, i) => `${steps[i]}: ${Number.isNaN(value) ? "not yet computed" : value.toFixed(2)}`);
    ui.curve.setAttribute("aria-label", `Maximum over mean load at ${logits.steps} recorded steps: ${told.join(", ")}`);
  }

  function syncControls() {
    for (const name of ["layer", "domain", "order"]) ui[name].value = view[name];
    ui.renormalize.input.checked = view.renormalize;
    ui.limit.input.checked = view.capacity_factor !== null;
    const put = ({ input, output }, value, words, disabled = false) => {
      input.value = value;
      input.disabled = disabled;
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    };
    const { top_k: topK, capacity_factor: limit, temperature, noise, zoom: zoomer } = ui.sliders;
    put(topK, view.top_k, String(view.top_k), logits.experts < 2);
    limit.input.max = Math.max(4, factor);
    put(limit, factor, view.capacity_factor === null ? "no limit" : factor.toFixed(2), view.capacity_factor === null);
    put(temperature, Math.log10(view.temperature), view.temperature.toFixed(2));
    put(noise, view.noise, view.noise.toFixed(2));
    const all = scene.shown.length;
    const part = all > smallest() ? Math.log(scene.count / smallest()) / Math.log(all / smallest()) : 1;
    put(zoomer, part, `${scene.count} of ${all.toLocaleString("en")}`, all <= smallest());
    ui.scroll.hidden = scene.count >= all;
    ui.scroll.style.marginLeft = `${plan.left - 4}px`;
    ui.scroll.style.width = `${plan.w + 8}px`;
    ui.scroll.max = all - scene.count;
    ui.scroll.value = scene.start;
    ui.scroll.setAttribute("aria-valuetext", `tokens ${scene.start + 1} to ${scene.start + scene.count} of ${all}`);
    ui.play.textContent = playing ? "Pause" : "Play";
    ui.step.value = view.step;
    ui.step.setAttribute("aria-valuetext", `step ${steps[view.step]}`);
    ui.stepText.textContent = `step ${steps[view.step].toLocaleString("en")}`;
    ui.readout.setAttribute("aria-live", playing ? "off" : "polite");
    ui.mapBox.setAttribute("aria-label", `Map of ${all} tokens and ${logits.experts} experts${logits.layers > 1 ? `, layer ${view.layer}` : ""}. `
      + "Left and Right move over the tokens, Up and Down over the experts.");
  }

  function writeFigures() {
    const { statistics, routing } = scene;
    const assigned = routing.topK * routing.tokens;
    const best = Number(Math.log2(routing.experts).toFixed(2));
    const lost = `of ${assigned.toLocaleString("en")} assignments, ${((100 * statistics.numDropped) / assigned).toFixed(1)} %`;
    const rows = [
      ["Maximum over mean", statistics.maxOverMean.toFixed(2), `load; 1 is even, most: expert ${statistics.busiest}`],
      ["Dropped", statistics.numDropped.toLocaleString("en"), Number.isFinite(routing.capacity) ? lost : "no limit, nothing is dropped"],
      ["Balance loss", statistics.balanceLoss.toFixed(3), `${routing.topK} is even, ${routing.experts} all on one`],
      ["Entropy, bits", statistics.entropy.toFixed(2), `0 is sure, ${best} knows nothing`],
    ];
    ui.figures.replaceChildren(...rows.map(([name, value, note]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, make("strong", {}, value), make("span", {}, note)))));
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

  function writeNote() {
    const seen = strip.last - strip.first + 1;
    const part = seen < scene.count ? `Words of ${seen} of the ${scene.count} tokens on show. ` : "";
    const map = plan.cell < MARKED_FROM ? "Too many tokens on show to mark the choices: show fewer. "
      : "In the map: ○ the expert is chosen (small: second choice and later), × it was full, the assignment is dropped. ";
    ui.stripNote.textContent = `${part}${map}In the text: framed words go to expert ${view.expert}; × at a word: an expert of its choice `
      + "was full, a line through it: all were, and the layer's experts add nothing to it.";
  }

  function words(token) {
    return make("span", {}, `token ${token} `, make("b", {}, tokens[token]), domains.length ? ` ${letters[domainOf[token]]} ${domains[domainOf[token]]}` : "");
  }

  function assignment(token, expert) {
    const { routing } = scene;
    for (let rank = 0; rank < routing.topK; rank++) {
      const i = rank * routing.tokens + token;
      if (routing.chosen[i] === expert) return { rank, gate: routing.gates[i], kept: Boolean(routing.kept[i]), place: routing.place[i] };
    }
    return null;
  }

  function queue({ place }) {
    return `place ${place + 1}${Number.isFinite(scene.routing.capacity) ? ` of ${scene.routing.capacity}` : ""}`;
  }

  function writeReadout() {
    const probability = scene.routing.probs[view.token * logits.experts + view.expert];
    const found = assignment(view.token, view.expert);
    const fateWords = found ? `choice ${found.rank + 1}, gate ${found.gate.toFixed(3)}, ${queue(found)}: ${found.kept ? "kept" : "dropped"}` : "not chosen";
    ui.readout.replaceChildren(words(view.token), make("span", {}, "→"), make("span", {}, `expert ${view.expert}`), make("span", { class: "lm-where" }, "probability"),
      make("strong", { class: "lm-weight" }, probability.toFixed(3)), make("span", { class: "lm-where" }, fateWords));
  }

  function writeExpert() {
    const { routing, statistics } = scene;
    const mine = [];
    const byDomain = domains.map(() => 0);
    for (let token = 0; token < routing.tokens; token++) {
      const found = assignment(token, view.expert);
      if (!found) continue;
      mine.push({ token, ...found });
      if (domains.length) byDomain[domainOf[token]]++;
    }
    const lost = statistics.dropped[view.expert];
    ui.expertTitle.textContent = `Expert ${view.expert}: ${mine.length} ${mine.length === 1 ? "token" : "tokens"}${lost ? `, ${lost} dropped` : ""}`;
    const shares = byDomain.map((count, i) => `${letters[i]} ${domains[i]} ${count}`).join(", ");
    const which = view.domain < 0 ? "" : `, ${domains[view.domain]} alone`;
    ui.expertText.textContent = `${shares ? `${shares}. ` : ""}Mean probability ${statistics.meanProb[view.expert].toFixed(3)}.`
      + (mine.length ? ` Largest gates first${which}:` : "");
    const listed = mine.filter(({ token }) => hasToken(token)).sort((a, b) => b.gate - a.gate || a.place - b.place);
    ui.chips.replaceChildren(...listed.slice(0, MANY_CHIPS).map(({ token, gate, kept }) =>
      make("li", { onclick: () => change({ token }), title: `token ${token}${kept ? "" : ", dropped"}` },
        make(kept ? "b" : "s", {}, shorten(tokens[token], 14)), make("span", {}, ` ${gate.toFixed(2)}`))));
    if (listed.length > MANY_CHIPS) ui.chips.append(make("li", { class: "lm-where" }, `and ${(listed.length - MANY_CHIPS).toLocaleString("en")} more`));
  }

  function writeToken() {
    const { routing } = scene;
    const at = (expert) => routing.probs[view.token * logits.experts + expert];
    const all = Array.from({ length: logits.experts }, (_, expert) => ({ expert, found: assignment(view.token, expert) }));
    // The chosen in their order, then the likeliest of the others: with a bias a likelier one may be passed over.
    all.sort((a, b) => (a.found ? a.found.rank : Infinity) - (b.found ? b.found.rank : Infinity) || at(b.expert) - at(a.expert) || a.expert - b.expert);
    const cell = (text) => make("td", {}, text);
    const rows = all.slice(0, clamp(view.top_k + 1, 4, 10)).map(({ expert, found }) =>
      make("tr", {}, make("th", { scope: "row" }, `expert ${expert}`), cell(at(expert).toFixed(3)), cell(found ? found.gate.toFixed(3) : "–"),
        cell(found ? `${found.kept ? "kept" : "dropped"}, ${queue(found)}` : "not chosen")));
    ui.tokenTitle.replaceChildren(words(view.token));
    const heads = ["", "probability", "gate", "result"].map((text) => (text ? make("th", { scope: "col" }, text) : make("td", {})));
    ui.table.replaceChildren(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
    const dropped = all.filter(({ found }) => found && !found.kept).length;
    const told = `Words of the tokens on show. ${ui.expertTitle.textContent}. Token ${view.token} ${tokens[view.token]}: ${dropped} of ${view.top_k} assignments dropped.`;
    ui.strip.setAttribute("aria-label", told);
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
    if (expert === null) ui.mapBox.title = token === null ? "" : `token ${token} ${tokens[token]}`;
    else if (token === null) ui.mapBox.title = `expert ${expert}: ${scene.routing.load[expert]} assignments, ${scene.statistics.dropped[expert]} dropped`;
    else ui.mapBox.title = `token ${token} ${tokens[token]}, expert ${expert}: probability ${scene.routing.probs[token * logits.experts + expert].toFixed(3)}`;
  }

  function mapWheel(event) {
    const by = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (!by || scene.count >= scene.shown.length) return;
    event.preventDefault();
    scrollTo(window_.start + by / plan.cell);
  }

  function stripClick(event) {
    const hit = strip.items.find(({ x, y, wide }) => event.offsetX >= x && event.offsetX < x + wide && event.offsetY >= y && event.offsetY < y + STRIP_LINE);
    if (hit) change({ token: hit.token });
  }

  function mapKey(event) {
    const column = scene.columnOf[view.token];
    const arrow = ARROWS[event.key];
    const patches = {
      Home: () => moveColumn(0),
      End: () => moveColumn(Infinity),
      PageUp: () => moveColumn(column - window_.count),
      PageDown: () => moveColumn(column + window_.count),
      n: () => nextOfExpert(1),
      p: () => nextOfExpert(-1),
    };
    if (arrow) patches[event.key] = () => ({ expert: view.expert + arrow[0], ...moveColumn(column + arrow[1]) });
    const patch = patches[event.key];
    if (event.key === " " && logits.steps > 1) press(event, play);
    else press(event, patch && (() => change(patch())));
  }

  // -- files --

  // Numbers, map, loads and words by the functions that draw the screen, in the light theme's colours.
  function picture() {
    const paper = { ink: "#1b1f24", soft: "#57606a", line: "#b6bcc4", bar: "#0072b2", mark: "#b34700", paper: "#fff" };
    const [width, margin] = [820, 12];
    const drawn = { ...scene, plain: paper.bar };
    const flat = { ...mapPlan(width - 2 * margin, drawn), named: false };
    const lines = stripPlan(width - 2 * margin, drawn, 8);
    const keys = domains.length ? 26 : 0;
    const pen = new SvgPen("Tokens against experts", width, 62 + flat.bottom + keys + lines.lines * STRIP_LINE + margin);
    pen.fillStyle = paper.ink;
    pen.font = "600 14px sans-serif";
    const where = [...(logits.layers > 1 ? [`layer ${view.layer}`] : []), ...(logits.steps > 1 ? [`step ${steps[view.step]}`] : []), `top-${view.top_k}`];
    pen.fillText(`Tokens against experts, ${where.join(", ")}`, margin, 18);
    pen.font = WORD_FONT;
    const said = (each, what) => each.querySelector(what).textContent;
    pen.fillText([...ui.figures.children].map((each) => `${said(each, "dt")} ${said(each, "strong")}`).join("; ") + `; framed words go to expert ${view.expert}`, margin, 40);
    pen.at(margin, 56);
    drawMap(pen, flat, drawn, probabilityImage(drawn, 4000), paper);
    drawLoads(pen, flat, drawn, paper);
    pen.at(margin, 60 + flat.bottom);
    domains.forEach((name, domain) => {
      const x = (domain * (width - 2 * margin)) / domains.length;
      domainBox(pen, drawn, domain, x, 0, 22, 13);
      pen.fillStyle = paper.ink;
      pen.font = WORD_FONT;
      pen.textAlign = "left";
      pen.fillText(`${letters[domain]} ${name}`, x + 28, 7);
    });
    pen.at(margin, 60 + flat.bottom + keys);
    drawStrip(pen, lines, { ...drawn, token: -1 }, paper);
    return { svg: pen.text(), width, height: Math.ceil(62 + flat.bottom + keys + lines.lines * STRIP_LINE + margin) };
  }
}

export { expertCapacity, normalNoise, routeTokens, routingStatistics, render };
export default { render };
