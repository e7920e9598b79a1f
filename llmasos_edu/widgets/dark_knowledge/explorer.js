// Walk along a text and turn the temperature: what a teacher says besides its favourite, and its students.

const TRAITS = ["position", "step", "log_scale", "gradient"];
const PAPER_COLOURS = ["#0072b2", "#b34700", "#00735a"];

function render(host) {
  const data = readKnowledge((name) => host.model.get(name));
  const names = data.ids.map((id) => data.pieces[id]);
  const { view, change, show } = explore(host, { traits: TRAITS, keepInRange, paint });
  const ui = build();
  return show(ui.root);

  function keepInRange() {
    view.position = clamp(view.position, 0, names.length - 1);
    view.step = clamp(view.step, 0, data.temperatures.length - 1);
  }

  function truth() {
    return view.position + 1 < data.ids.length ? data.ids[view.position + 1] : null;
  }

  // -- the page --

  function build() {
    const ui = {
      step: slider("Temperature", { max: data.temperatures.length - 1 }, (step) => change({ step })),
      log_scale: checkbox("Logarithmic bars", (log_scale) => change({ log_scale })),
      gradient: checkbox("Gradient", (gradient) => change({ gradient })),
      text: tokenRow(names, "The text; what comes after the pressed token is guessed. Arrow keys walk along it.", (position) => change({ position }), textKey),
      readout: readout(),
      summary: scroller("Each model as a whole"),
      tokens: scroller("Token by token"),
      note: make("p", { class: "lm-hint" }),
    };
    ui.root = frame("Dark knowledge",
      { controls: [ui.step.box, ui.log_scale.box, ui.gradient.box], picture, fileName: () => "dark-knowledge", help: ui.note, className: "lm-dk" },
      ui.text.box, ui.readout, ui.summary, ui.tokens);
    return ui;
  }

  // -- drawing --

  function paint() {
    const found = knowledge(data, view.position, view.step);
    ui.step.put(view.step, shownTemperature(found.temperature));
    ui.log_scale.input.checked = view.log_scale;
    ui.gradient.input.checked = view.gradient;
    ui.text.put(view.position, (i) => i === view.position);
    ui.text.buttons.forEach((node, i) => node.classList.toggle("lm-dk-unread", i > view.position));
    ui.readout.replaceChildren(...describe(found));
    ui.summary.replaceChildren(summary(found));
    ui.tokens.replaceChildren(tokenTable(found));
    for (const table of [ui.summary, ui.tokens]) table.settle();
    ui.note.textContent = view.gradient
      ? "Gradient: the derivative of T² KL(teacher ‖ student) by the student's logit, T (q − p), in nats. Above 0, a step of training lowers that logit."
      : "Click a token, or walk with the arrow keys: left and right along the text, up and down to a higher and a lower temperature. Entropy and KL are in bits, over the whole vocabulary.";
  }

  function describe(found) {
    const best = found.favourite[0];
    const share = found.rows[best][0];
    const next = truth();
    const told = next === null ? [] : [span("There stands"), make("b", {}, data.pieces[next])];
    return [span(`After token ${view.position + 1} of ${names.length}, at T = ${shownTemperature(found.temperature)}: the teacher gives`),
      make("b", {}, data.pieces[data.rows[view.position][best]]), span(sharePercent(share)),
      span(`and all other ${(data.vocab - 1).toLocaleString("en")} tokens together ${sharePercent(1 - share)}.`), ...told];
  }

  function summary(found) {
    const head = ["model", "its favourite", "favourite, listed below, others", "the rest", "entropy, bits", "KL(teacher ‖ it)", "KL(it ‖ teacher)"];
    const full = ["", "", "solid: its favourite; hatched: the other tokens listed below; empty: all others", "probability of all tokens but the favourite", "over the whole vocabulary",
      "KL(teacher ‖ student), bits: the forward one", "KL(student ‖ teacher), bits: the reverse one"];
    const body = data.models.map((name, m) => {
      const best = found.favourite[m];
      const top = found.rows[best][m];
      const listed = found.rows.reduce((sum, row, i) => (i === best ? sum : sum + row[m]), 0);
      const bits = m ? [found.forward[m - 1], found.reverse[m - 1]].map((value) => value.toFixed(3)) : ["", ""];
      return make("tr", { class: `lm-dk-model${m}` },
        make("th", { scope: "row" }, make("span", { class: "lm-dk-key", "aria-hidden": "true" }), name),
        make("td", { class: "lm-dk-word" }, make("b", {}, data.pieces[data.rows[view.position][best]]), ` ${sharePercent(top)}`),
        make("td", { class: "lm-dk-wide", "aria-hidden": "true" }, strip([top, listed, found.others[m]])),
        ...[sharePercent(listed + found.others[m]), found.entropy[m].toFixed(2), ...bits].map((words) => make("td", {}, words)));
    });
    return make("table", { class: "lm-table lm-dk-table" },
      make("thead", {}, make("tr", {}, ...head.map((words, i) => make("th", { scope: "col", title: full[i] || null, class: i === 2 ? "lm-dk-wide" : null }, words)))),
      make("tbody", {}, ...body));
  }

  function strip(shares) {
    return make("span", { class: "lm-dk-strip" }, ...shares.map((share) => make("i", { style: `width:${(100 * share).toFixed(2)}%` })));
  }

  function tokenTable(found) {
    const end = view.log_scale ? 1 : axisEnd(Math.max(...found.rows.flat()));
    const pulls = view.gradient ? pull(found) : null;
    const row = (piece, i) => make("tr", piece === truth() ? { class: "lm-dk-true" } : {},
      make("th", { scope: "row", title: data.pieces[piece] }, data.pieces[piece], piece === truth() ? make("span", { class: "lm-plain" }, " ← next") : ""),
      make("td", { class: "lm-dk-wide", "aria-hidden": "true" }, bars(found.rows[i], end)),
      ...found.rows[i].map((share) => make("td", {}, sharePercent(share))),
      ...(pulls ? pulls[i].map((value) => make("td", {}, signed(value))) : []));
    const rest = data.vocab - found.rows.length;
    const others = rest ? [make("tr", { class: "lm-dk-others" },
      make("th", { scope: "row", colspan: 2 }, `all ${rest.toLocaleString("en")} others together`),
      ...found.others.map((share) => make("td", {}, sharePercent(share))),
      ...(pulls ? found.others.slice(1).map((share) => make("td", {}, signed(found.temperature * (share - found.others[0])))) : []))] : [];
    const scale = view.log_scale ? "0.0001 % to 100 %, a line each factor of 10" : `0 to ${Number((100 * end).toPrecision(1))} %`;
    return make("table", { class: "lm-table lm-dk-table" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "token"),
        make("th", { scope: "col", class: "lm-dk-wide" }, make("span", { class: "lm-plain" }, `bars: ${scale}`)),
        ...data.models.map((name) => make("th", { scope: "col" }, name)),
        ...(pulls ? data.models.slice(1).map((name) => make("th", { scope: "col" }, `gradient, ${name}`)) : []))),
      make("tbody", {}, ...data.rows[view.position].map(row), ...others));
  }

  function bars(shares, end) {
    return make("span", { class: `lm-dk-bars${view.log_scale ? " lm-dk-log" : ""}` }, ...shares.map((share, m) =>
      make("i", { class: `lm-dk-model${m}`, style: `width:${(100 * barLength(share, end, view.log_scale)).toFixed(2)}%` })));
  }

  // -- keys --

  function textKey(event) {
    const goals = {
      ArrowLeft: { position: view.position - 1 }, ArrowRight: { position: view.position + 1 },
      ArrowUp: { step: view.step + 1 }, ArrowDown: { step: view.step - 1 },
      Home: { position: 0 }, End: { position: names.length - 1 },
    };
    press(event, goals[event.key] && (() => {
      change(goals[event.key]);
      ui.text.focus(view.position);
    }));
  }

  // -- files --

  function picture() {
    const found = knowledge(data, view.position, view.step);
    const end = view.log_scale ? 1 : axisEnd(Math.max(...found.rows.flat()));
    const count = data.models.length;
    const [width, block, top] = [720, 10 + 9 * count, 74 + 20 * count];
    const height = top + block * found.rows.length + 34;
    const pen = new SvgPen("Dark knowledge", width, height, `What comes after token ${view.position + 1}, at temperature ${shownTemperature(found.temperature)}`);
    pen.write(shorten(names.slice(0, view.position + 1).join(" "), 92), 10, 42, { font: LABEL_FONT });
    data.models.forEach((name, m) => {
      const y = 68 + 20 * m;
      const kl = m ? `, KL(teacher ‖ ${name}) ${found.forward[m - 1].toFixed(3)} bits, KL(${name} ‖ teacher) ${found.reverse[m - 1].toFixed(3)} bits` : "";
      pen.fillStyle = PAPER_COLOURS[m];
      pen.fillRect(10, y - 5, 10, 10);
      pen.write(`${name}: entropy ${found.entropy[m].toFixed(2)} bits${kl}`, 28, y);
    });
    data.rows[view.position].forEach((piece, row) => {
      const y = top + block * row;
      pen.write(shorten(data.pieces[piece], 18) + (piece === truth() ? " ← next" : ""), 10, y + 4.5 * count, { font: LABEL_FONT });
      found.rows[row].forEach((share, m) => {
        pen.fillStyle = PAPER_COLOURS[m];
        pen.fillRect(210, y + 9 * m, 420 * barLength(share, end, view.log_scale), 8);
        pen.write(sharePercent(share), 640, y + 9 * m + 4, { font: "9px sans-serif" });
      });
    });
    const others = found.others.map((share, m) => `${data.models[m]} ${sharePercent(share)}`).join(", ");
    pen.write(`all ${(data.vocab - found.rows.length).toLocaleString("en")} others together: ${others}`, 10, height - 18);
    return pen.picture();
  }
}

export { readKnowledge, knowledge, pull, axisEnd, barLength, sharePercent, render };
export default { render };
