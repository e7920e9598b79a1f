// A text and each token's probability; rules of choice in any order, what each keeps and cuts, and drawing again.

const TRAITS = ["tokens", "place", "seed", "rules"];
const ROOM = 96;
const TOP = 10;
const WRITING_MS = 120;

const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : p > 0 ? "< 0.1 %" : "0");

async function render(host) {
  const { model } = host;
  const packed = await sharedModel(model, "language_model");
  const { tokenizer } = packed;
  const vocab = tokenizer.names.length;
  const reading = new Reading(packed, ROOM);
  const { view, change, show } = explore(host, { traits: TRAITS, keepInRange, paint, close: () => plays.stop() });
  const plays = player(WRITING_MS, { last: () => ROOM, at: () => view.tokens.length, go: writeUpTo });
  let begun = view.tokens.length; // what the reader gave; the rest was drawn
  let row = null; // the tokens' buttons, made anew when the text changes
  const ui = build();
  return show(ui.root);

  function keepInRange() {
    view.tokens = view.tokens.slice(0, ROOM);
    view.place = clamp(view.place, 0, view.tokens.length);
    view.seed = clamp(view.seed, 0, 99);
    reading.read(view.tokens);
  }

  // -- what the rules make of a place --

  function seenBefore(place) {
    const seen = new Uint8Array(vocab);
    for (const id of view.tokens.slice(0, place)) seen[id] = 1;
    return seen;
  }

  // The model's own shares at a place, what each rule did, and the shares in the end; null where nothing is before.
  function choice(place) {
    if (!place) return null;
    const own = softmax(reading.logitsAt(place - 1));
    const steps = applyRules(reading.logitsAt(place - 1), view.rules, seenBefore(place));
    return { own, steps, shares: steps.length ? steps.at(-1).shares : own };
  }

  // The rule that cut a token: words, or null where it is left.
  function cutBy(found, id) {
    const step = found.steps.find(({ kept }) => !kept[id]);
    return step ? RULES[step.name].words : null;
  }

  // -- what the reader does --

  function typed(text) {
    plays.stop();
    const tokens = tokenizer.encode(text).slice(0, ROOM);
    begun = tokens.length;
    change({ tokens, place: begun });
  }

  function take(id) {
    const tokens = [...view.tokens.slice(0, Math.min(view.place, ROOM - 1)), id];
    change({ tokens, place: tokens.length });
  }

  function pressed(id) {
    plays.stop();
    take(id);
    begun = view.tokens.length;
  }

  function drawOne() {
    const found = choice(view.place);
    if (found) take(drawn(found.shares, chance(view.seed, view.place)));
  }

  // The player's step: one token more, or, from a full text, back to what it began with.
  function writeUpTo(length) {
    if (length < view.tokens.length) return back();
    view.place = view.tokens.length;
    return view.place ? drawOne() : plays.stop();
  }

  function back() {
    change({ tokens: view.tokens.slice(0, begun), place: begun });
  }

  // The same beginning, another chance.
  function again() {
    plays.stop();
    begun = Math.min(begun, view.tokens.length);
    change({ tokens: view.tokens.slice(0, begun), place: begun, seed: (view.seed + 1) % 100 });
    plays.toggle();
  }

  function setRule(name, patch) {
    const values = { value: 1, on: 2 };
    const rules = view.rules.map((rule) => {
      if (rule[0] !== name) return rule;
      const changed = [...rule];
      for (const [part, value] of Object.entries(patch)) changed[values[part]] = value;
      return changed;
    });
    change({ rules });
  }

  // A rule one place up or down; its button keeps the focus, or hands it to the other one at the end.
  function moveRule(name, by) {
    const rules = view.rules.slice();
    const from = rules.findIndex(([other]) => other === name);
    const to = clamp(from + by, 0, rules.length - 1);
    rules.splice(to, 0, ...rules.splice(from, 1));
    change({ rules });
    orderRows();
    const { up, down } = ui.rows[name];
    (by < 0 ? (to ? up : down) : to < rules.length - 1 ? down : up).focus();
  }

  // -- the page --

  function build() {
    const ui = {
      seed: slider("Seed", { max: 99 }, (seed) => change({ seed })),
      one: button("Draw one", () => { plays.stop(); drawOne(); }),
      again: button("Draw again", again),
      back: button("Take back", () => { plays.stop(); back(); }),
      text: textField("Your text", 2, typed),
      readout: readout(),
      rows: Object.fromEntries(Object.keys(RULES).map((name) => [name, ruleRow(name)])),
      rules: make("div", { class: "lm-rules", role: "group", "aria-label": "Rules of choice, the first at the top" }),
      list: candidates(),
      row: make("div", { class: "lm-tall" }),
      total: make("p", { class: "lm-caption", role: "status" }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.root = frame("Sampling", {
      controls: [ui.seed.box, ui.one, make("span", { class: "lm-field" }, make("span", {}, "Write on"), plays.button), ui.again, ui.back],
      picture, fileName: () => "sampling", help: ui.note }, ui.text.box, ui.readout,
    make("div", { class: "lm-body lm-two" }, make("div", { class: "lm-main" }, make("p", { class: "lm-heading" }, "Rules, from the top down"), ui.rules), ui.list.box),
    make("p", { class: "lm-legend" }, legend("lm-key", "probability under the model"), legend("lm-key lm-other", "after the rules")),
    ui.row, ui.total);
    return ui;
  }

  function legend(className, words) {
    return span(make("span", { class: className, "aria-hidden": "true" }), words);
  }

  function ruleRow(name) {
    const { words, min, max, step } = RULES[name];
    const on = checkbox(words, (on) => setRule(name, { on }));
    const value = slider("", { min, max, step, name: `${words}, value` }, (value) => setRule(name, { value }));
    const up = button("↑", () => moveRule(name, -1), { "aria-label": `${words} earlier` });
    const down = button("↓", () => moveRule(name, 1), { "aria-label": `${words} later` });
    const said = make("span", { class: "lm-rule-said" });
    return { on, value, up, down, said, box: make("div", { class: "lm-rule" }, up, down, on.box, value.box, said) };
  }

  function orderRows() {
    const boxes = view.rules.map(([name]) => ui.rows[name].box);
    if (boxes.some((box, i) => ui.rules.children[i] !== box)) ui.rules.replaceChildren(...boxes);
    view.rules.forEach(([name], i) => {
      ui.rows[name].up.disabled = i === 0;
      ui.rows[name].down.disabled = i === view.rules.length - 1;
    });
  }

  // The likeliest tokens, a button each, one stop for the Tab key.
  function candidates() {
    const nothing = make("p", {}, "Nothing stands before: there is nothing to choose by.");
    const buttons = Array.from({ length: Math.min(TOP, vocab) }, (_, rank) => make("button", { type: "button", tabindex: rank ? -1 : 0, onclick: () => pressed(ids[rank]) },
      make("span"), make("span", { class: "lm-both", "aria-hidden": "true" }, make("span", { class: "lm-share" }), make("span", { class: "lm-share" })), make("span"), make("span")));
    const list = make("div", { class: "lm-candidates lm-chosen", role: "group", "aria-label": "The likeliest tokens; press one to go on with it", onkeydown: walk }, ...buttons);
    let ids = [];
    function walk(event) {
      const now = buttons.indexOf(event.target);
      const goals = { ArrowUp: now - 1, ArrowDown: now + 1, Home: 0, End: buttons.length - 1 };
      press(event, event.key in goals && (() => {
        const goal = clamp(goals[event.key], 0, buttons.length - 1);
        buttons.forEach((node, i) => { node.tabIndex = i === goal ? 0 : -1; });
        buttons[goal].focus();
      }));
    }
    function put(found) {
      [nothing.hidden, list.hidden] = [found !== null, found === null];
      if (!found) return;
      ids = likeliest(found.own, buttons.length);
      buttons.forEach((node, rank) => {
        const id = ids[rank];
        const [before, after, cut] = [found.own[id], found.shares[id], cutBy(found, id)];
        node.className = [cut ? "lm-cut" : "", id === view.tokens[view.place] ? "lm-came" : ""].join(" ").trim();
        node.children[0].textContent = node.title = tokenizer.names[id];
        [before, after].forEach((share, i) => { node.children[1].children[i].style.width = `${(100 * share).toFixed(1)}%`; });
        node.children[2].textContent = percent(before);
        node.children[3].textContent = cut ? `cut: ${cut}` : percent(after);
        node.setAttribute("aria-label", `${tokenizer.names[id]}, ${percent(before)}, ${cut ? `cut by ${cut}` : `after the rules ${percent(after)}`}${id === view.tokens[view.place] ? ", stands there" : ""}`);
      });
    }
    return { put, box: make("div", { class: "lm-main" }, make("p", { class: "lm-heading" }, "What may come here"), nothing, list) };
  }

  // -- drawing --

  function paint() {
    const found = choice(view.place);
    ui.seed.put(view.seed, String(view.seed));
    ui.one.disabled = ui.again.disabled = !view.place;
    ui.back.disabled = view.tokens.length <= begun;
    ui.text.put(tokenizer.decode(view.tokens));
    orderRows();
    for (const [name, value, on] of view.rules) {
      const row = ui.rows[name];
      row.on.input.checked = on;
      row.value.put(value, value.toFixed(RULES[name].digits), RULES[name].max, !on);
      const step = found && found.steps.find((each) => each.name === name);
      row.said.textContent = !on ? "off" : step ? `${step.count.toLocaleString("en")} left, cuts ${percent(step.lost)}` : "";
      row.box.classList.toggle("lm-off", !on);
    }
    ui.list.put(found);
    const places = view.tokens.map((_, i) => choice(i));
    drawText(places);
    ui.readout.replaceChildren(...describe(found));
    ui.total.textContent = totalWords(places);
    ui.note.textContent = view.tokens.length < ROOM
      ? "Type, or press a token of the text to see what could have stood there. The arrows beside a rule change the order: each rule works on what those above it have left."
      : `The text is full: ${ROOM} tokens are read here.`;
  }

  function drawText(places) {
    const told = String(view.tokens);
    if (!row || row.told !== told) {
      const had = row && row.box.contains(document.activeElement);
      const names = [...view.tokens.map((id) => tokenizer.names[id]), "next"];
      row = tokenRow(names, "The text, token by token; the pressed one is on show. Arrow keys walk along it.", (place) => change({ place }), textKey);
      row.told = told;
      row.marks = view.tokens.map(() => make("span", { class: "lm-bits lm-shares", role: "img" }, make("i"), make("i")));
      row.box.replaceChildren(...row.buttons.map((node, i) => make("span", { class: "lm-unit" }, node, ...(row.marks[i] ? [row.marks[i]] : []))));
      ui.row.replaceChildren(row.box);
      ui.row.scrollTop = ui.row.scrollHeight;
      if (had) row.focus(view.place);
    }
    row.marks.forEach((mark, i) => {
      const found = places[i];
      const shares = found ? [found.own, found.shares].map((each) => each[view.tokens[i]]) : [0, 0];
      shares.forEach((share, which) => { mark.children[which].style.height = `${found ? Math.max(1, 32 * share).toFixed(1) : 0}px`; });
      const cut = found && cutBy(found, view.tokens[i]);
      mark.title = !found ? "nothing before it" : `${percent(shares[0])} under the model, ${cut ? `cut by ${cut}` : `${percent(shares[1])} after the rules`}`;
      mark.setAttribute("aria-label", `${tokenizer.names[view.tokens[i]]}: ${mark.title}`);
      row.buttons[i].classList.toggle("lm-cut", Boolean(cut));
    });
    const names = (i) => (i < view.tokens.length ? `token ${i + 1}: ${tokenizer.names[view.tokens[i]]}` : "what comes next");
    row.put(view.place, (i) => i === view.place, undefined, names);
  }

  function describe(found) {
    if (!found) return [span(view.tokens.length ? "The first token: nothing stands before it." : "Type a text: nothing stands here yet.")];
    const left = found.steps.length ? found.steps.at(-1).count : vocab;
    const name = (id) => make("b", {}, tokenizer.names[id]);
    const draw = drawn(found.shares, chance(view.seed, view.place));
    const after = span("After ", name(view.tokens[view.place - 1]));
    return [after, span(`${left.toLocaleString("en")} of ${vocab.toLocaleString("en")} tokens are left; with seed ${view.seed} comes`), name(draw), span(percent(found.shares[draw])), ...stands(found, name)];
  }

  // What stands at the place on show, if it is not the end: its probability before and after the rules.
  function stands(found, name) {
    const id = view.tokens[view.place];
    if (id === undefined) return [];
    const cut = cutBy(found, id);
    return [span("There stands"), name(id), span(`${percent(found.own[id])}, ${cut ? `cut by ${cut}` : `after the rules ${percent(found.shares[id])}`}`)];
  }

  function totalWords(places) {
    const scored = places.map((found, i) => found && !cutBy(found, view.tokens[i])).slice(1);
    if (!scored.length) return `${view.tokens.length} of ${ROOM} tokens.`;
    return `${view.tokens.length} of ${ROOM} tokens. Of all but the first these rules could have written ${scored.filter(Boolean).length} of ${scored.length}; the others are struck through.`;
  }

  // -- keys --

  function textKey(event) {
    const goals = { ArrowLeft: view.place - 1, ArrowRight: view.place + 1, Home: 0, End: view.tokens.length };
    press(event, event.key in goals && (() => {
      change({ place: goals[event.key] });
      row.focus(view.place);
    }));
  }

  // -- files --

  function picture() {
    const found = choice(view.place);
    const on = view.rules.filter(([, , on]) => on);
    const lines = found ? likeliest(found.own, TOP) : [];
    const top = 60 + 18 * Math.max(1, on.length);
    const pen = new SvgPen("Sampling", 720, top + 40 + 18 * TOP, "What the rules of choice leave, from the top down");
    pen.write(shorten(view.tokens.slice(0, view.place).map((id) => tokenizer.names[id]).join(" "), 92), 10, 42, { font: LABEL_FONT });
    on.forEach(([name, value], i) => {
      const step = found && found.steps[i];
      const said = step ? `: ${step.count.toLocaleString("en")} left, cuts ${percent(step.lost)}` : "";
      pen.write(`${RULES[name].words} ${value.toFixed(RULES[name].digits)}${said}`, 10, 62 + 18 * i);
    });
    pen.write("under the model", 130, top + 14, { font: HEADING_FONT });
    pen.write("after the rules", 430, top + 14, { font: HEADING_FONT });
    lines.forEach((id, n) => {
      const y = top + 38 + 18 * n;
      const cut = cutBy(found, id);
      pen.write(shorten(tokenizer.names[id], 14), 10, y, { font: LABEL_FONT });
      [[130, found.own[id], PAPER.bar], [430, found.shares[id], PAPER.mark]].forEach(([x, share, colour], which) => {
        pen.fillStyle = colour;
        pen.fillRect(x, y - 6, 170 * share, 12);
        pen.write(which && cut ? `cut: ${cut}` : percent(share), x + 176, y, { font: LABEL_FONT });
      });
    });
    return pen.picture();
  }
}

export { RULES, Reading, applyRules, chance, drawn, sharedModel, softmax, render };
export default { render };
