// A text of one's own: what a model and an n-gram expect at each place of it, how much it surprised them, and going on.

const TRAITS = ["tokens", "place", "temperature", "seed", "writer"];
const ROOM = 256; // the texts from which the shipped model has learnt were as long
const TOP = 8;
const WRITING_MS = 150;
const BITS_HEIGHT = 32;

const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %");

async function render(host) {
  const { model } = host;
  const packed = await sharedModel(model, "language_model");
  const { tokenizer } = packed;
  const counts = new NGramTable(model.get("ngram"));
  const writers = { model: "model", ngram: `${counts.order}-gram` };
  const readers = new TwoReaders(packed, counts, ROOM);
  const { view, change, show } = explore(host, { traits: TRAITS, keepInRange, paint, close: () => plays.stop() });
  const plays = player(WRITING_MS, { last: () => ROOM, at: () => view.tokens.length, go: writeUpTo });
  let begun = view.tokens.length; // what the reader gave; the rest was written
  let row = null; // the tokens' buttons, made anew when the text changes
  const ui = build();
  return show(ui.root);

  function keepInRange() {
    view.tokens = view.tokens.slice(0, ROOM);
    view.place = clamp(view.place, 0, view.tokens.length);
    view.temperature = clamp(view.temperature, 0, 2);
    readers.read(view.tokens);
  }

  // -- what the reader does --

  function typed(text) {
    plays.stop();
    const tokens = tokenizer.encode(text).slice(0, ROOM);
    begun = tokens.length;
    change({ tokens, place: begun });
  }

  function pressed(id) {
    plays.stop();
    take(id);
    begun = view.tokens.length;
  }

  // Goes on with a token, from the place on show: what stood behind it is gone.
  function take(id) {
    const tokens = [...view.tokens.slice(0, Math.min(view.place, ROOM - 1)), id];
    change({ tokens, place: tokens.length });
  }

  function takeBack() {
    plays.stop();
    begun = view.tokens.length - 1;
    change({ tokens: view.tokens.slice(0, begun), place: begun });
  }

  // The player's step: one token more, or, from a full text, back to what it began with.
  function writeUpTo(length) {
    if (length < view.tokens.length) return change({ tokens: view.tokens.slice(0, begun), place: begun });
    view.place = view.tokens.length;
    if (!view.place) return plays.stop();
    return take(drawn(readers.expected(view.place, view.temperature)[view.writer === "model" ? 0 : 1], chance(view.seed, view.place)));
  }

  // -- the page --

  function build() {
    const ui = {
      writer: choice("Who writes", Object.entries(writers), (writer) => change({ writer })),
      temperature: slider("Temperature", { max: 2, step: 0.1 }, (temperature) => change({ temperature })),
      seed: slider("Seed", { max: 99 }, (seed) => change({ seed })),
      back: button("Take back", takeBack),
      text: textField("Your text", 3, typed),
      readout: readout(),
      lists: [0, 1].map(candidates),
      row: make("div", { class: "lm-tall" }),
      total: make("p", { class: "lm-caption", role: "status" }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.root = frame("Next token", {
      controls: [field("Who writes", ui.writer), ui.temperature.box, ui.seed.box, make("span", { class: "lm-field" }, make("span", {}, "Write on"), plays.button), ui.back],
      picture, fileName: () => "next-token", help: ui.note }, ui.text.box, ui.readout,
    make("div", { class: "lm-body lm-two" }, ...ui.lists.map(({ box }) => box)),
    make("p", { class: "lm-legend" }, legend("lm-key", "model"), legend("lm-key lm-other", writers.ngram), span("bars: surprise at each token, in bits")),
    ui.row, ui.total);
    return ui;
  }

  function legend(className, words) {
    return span(make("span", { class: className, "aria-hidden": "true" }), words);
  }

  // One model's candidates: a button each, one stop for the Tab key. The buttons stay, so that the focus does.
  function candidates(which) {
    const name = Object.values(writers)[which];
    const nothing = make("p", {}, "Nothing stands before: there is nothing to go by.");
    const buttons = Array.from({ length: TOP }, (_, rank) => make("button", { type: "button", tabindex: rank ? -1 : 0, onclick: () => pressed(ids[rank]) },
      make("span"), make("span", { "aria-hidden": "true" }, make("span", { class: "lm-share" })), make("span")));
    const list = make("div", { class: "lm-candidates", role: "group", "aria-label": `What the ${name} expects; press one to go on with it`, onkeydown: walk }, ...buttons);
    let ids = [];
    function walk(event) {
      const now = buttons.indexOf(event.target);
      const goals = { ArrowUp: now - 1, ArrowDown: now + 1, Home: 0, End: TOP - 1 };
      press(event, event.key in goals && (() => {
        const goal = clamp(goals[event.key], 0, ids.length - 1);
        buttons.forEach((node, i) => { node.tabIndex = i === goal ? 0 : -1; });
        buttons[goal].focus();
      }));
    }
    function put(shares) {
      ids = shares ? likeliest(shares, TOP) : [];
      [nothing.hidden, list.hidden] = [ids.length > 0, !ids.length];
      buttons.forEach((node, rank) => {
        node.hidden = rank >= ids.length;
        if (node.hidden) return;
        const [id, share] = [ids[rank], shares[ids[rank]]];
        const came = id === view.tokens[view.place];
        node.className = came ? "lm-came" : "";
        node.children[0].textContent = node.title = tokenizer.names[id];
        node.children[1].firstChild.style.width = `${(100 * share).toFixed(1)}%`;
        node.children[2].textContent = percent(share);
        node.setAttribute("aria-label", `${tokenizer.names[id]}, ${percent(share)}${came ? ", stands there" : ""}`);
      });
    }
    const box = make("div", { class: `lm-main${which ? " lm-other" : ""}` }, make("p", { class: "lm-heading" }, `The ${name} expects`), nothing, list);
    return { box, put };
  }

  // -- drawing --

  function paint() {
    ui.writer.value = view.writer;
    ui.temperature.put(view.temperature, view.temperature.toFixed(1));
    ui.seed.put(view.seed, String(view.seed));
    ui.back.disabled = !view.tokens.length;
    ui.text.put(tokenizer.decode(view.tokens));
    const shares = readers.expected(view.place, view.temperature);
    ui.lists.forEach((list, which) => list.put(shares[which]));
    drawText();
    ui.readout.replaceChildren(...describe(shares));
    ui.total.textContent = totalWords();
    ui.note.textContent = view.tokens.length < ROOM
      ? "Type; press a candidate to go on with it, or a token of the text to see what was expected there. Arrow keys walk along both. The temperature warms what is expected and what is written; the surprise is measured at 1."
      : `The text is full: the model has learnt on texts of ${ROOM} tokens.`;
  }

  // The row of tokens is made anew where the text is another one; the place in it moves the mark alone.
  function drawText() {
    const told = String(view.tokens);
    if (!row || row.told !== told) {
      const names = [...view.tokens.map((id) => tokenizer.names[id]), "next"];
      const had = row && row.box.contains(document.activeElement);
      row = tokenRow(names, "The text, token by token; the pressed one is on show. Arrow keys walk along it.", (place) => change({ place }), textKey);
      row.told = told;
      const most = mostBits();
      row.box.replaceChildren(...row.buttons.map((node, i) => make("span", { class: "lm-unit" }, node, ...(i < view.tokens.length ? [bars(i, most)] : []))));
      ui.row.replaceChildren(row.box);
      ui.row.scrollTop = ui.row.scrollHeight;
      if (had) row.focus(view.place);
    }
    const names = (i) => (i < view.tokens.length ? `token ${i + 1}: ${tokenizer.names[view.tokens[i]]}` : "what comes next");
    row.put(view.place, (i) => i === view.place, undefined, names);
  }

  function mostBits() {
    return Math.max(1, ...readers.bits.flat().map((value) => (Number.isFinite(value) ? value : 0)));
  }

  function bars(i, most) {
    const bits = readers.bits[i];
    const bar = (value) => make("i", { style: `height:${value === null ? 0 : Math.max(1, (Math.min(value, most) / most) * BITS_HEIGHT).toFixed(1)}px` });
    const words = bits[0] === null ? "nothing before it" : `model ${figure(bits[0], 1)} bits, ${writers.ngram} ${figure(bits[1], 1)} bits`;
    return make("span", { class: "lm-bits", role: "img", "aria-label": `${tokenizer.names[view.tokens[i]]}: ${words}`, title: words }, ...bits.map(bar));
  }

  function describe(shares) {
    const name = (id) => make("b", {}, tokenizer.names[id]);
    const { place, tokens } = view;
    if (!place) return [span(tokens.length ? "The first token: nothing stands before it." : "Type a text: nothing stands here yet.")];
    const after = span("after ", name(tokens[place - 1]));
    if (place === tokens.length) {
      const guess = shares.map((each) => likeliest(each, 1)[0]);
      return [span(`Next, token ${place + 1}, `), after, ...guess.flatMap((id, which) => [span(`${Object.values(writers)[which]}:`), name(id), span(percent(shares[which][id]))])];
    }
    const bits = readers.bits[place];
    return [span(`Token ${place + 1} of ${tokens.length}, `), name(tokens[place]), after,
      ...bits.map((value, which) => span(`${Object.values(writers)[which]}: ${percent(2 ** -value)}, ${figure(value, 1)} bits`))];
  }

  function totalWords() {
    const scored = view.tokens.slice(1);
    if (!scored.length) return `${view.tokens.length} of ${ROOM} tokens.`;
    const bytes = scored.reduce((sum, id) => sum + tokenizer.pieces[id].length, 0);
    const told = readers.mean().map((bits, which) => `${Object.values(writers)[which]} ${figure(bits, 2)} bits a token, ${figure((bits * scored.length) / bytes, 2)} a byte`);
    return `${view.tokens.length} of ${ROOM} tokens. Mean surprise at all but the first: ${told.join("; ")}.`;
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
    const shares = readers.expected(view.place, view.temperature);
    const [width, lineHeight, most] = [720, 54, mostBits()];
    const lines = textLines(width - 20);
    const top = 40 + lineHeight * lines.length;
    const pen = new SvgPen("Next token", width, top + 50 + 18 * TOP, `What a model and a ${writers.ngram} expect, and how much each token surprised them`);
    lines.flat().forEach(({ words, x, line, i }) => {
      const y = 40 + line * lineHeight;
      const chosen = i === view.place;
      pen.fillStyle = chosen ? PAPER.ink : PAPER.paper;
      pen.fillRect(x - 2, y - 9, 7.4 * [...words].length + 4, 18);
      pen.write(words, x, y, { font: LABEL_FONT, colour: chosen ? PAPER.paper : PAPER.ink });
      (readers.bits[i] || []).forEach((value, which) => {
        if (i >= view.tokens.length || value === null) return;
        const height = (Math.min(value, most) / most) * 26;
        pen.fillStyle = which ? PAPER.mark : PAPER.bar;
        pen.fillRect(x + 8 * which, y + 38 - height, 7, height);
      });
    });
    shares.forEach((each, which) => {
      const x = 10 + 360 * which;
      pen.write(`The ${Object.values(writers)[which]} expects`, x, top + 14, { font: HEADING_FONT });
      likeliest(each || [], TOP).forEach((id, n) => {
        const y = top + 38 + 18 * n;
        pen.write(shorten(tokenizer.names[id], 14), x, y, { font: LABEL_FONT });
        pen.write(percent(each[id]), x + 270, y, { font: LABEL_FONT });
        pen.fillStyle = which ? PAPER.mark : PAPER.bar;
        pen.fillRect(x + 110, y - 6, 150 * each[id], 12);
      });
    });
    return pen.picture();
  }

  // The text in lines that fit, each token with its place.
  function textLines(width) {
    const lines = [[]];
    let x = 12;
    [...view.tokens.map((id) => tokenizer.names[id]), "next"].forEach((words, i) => {
      const wide = Math.max(22, 7.4 * [...words].length + 8);
      if (x + wide > width && lines.at(-1).length) {
        lines.push([]);
        x = 12;
      }
      lines.at(-1).push({ words, x, line: lines.length - 1, i });
      x += wide;
    });
    return lines;
  }
}

export { NGramTable, TwoReaders, chance, drawn, likeliest, sharedModel, warmed, render };
export default { render };
