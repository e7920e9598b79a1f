// Hide one token or a few neighbours; the proposals of a masked and of a causal model stand below.

const TRAITS = ["token", "width", "shown"];
const BITS_HEIGHT = 32;

const bits = (probability) => -Math.log2(Math.max(probability, 1e-7));
const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %");

// The two models on one gap: a proposal for each of its places, none where nothing stands before it.
function proposals(data, token, width) {
  return { masked: data.masked[width - 1][token], causal: data.causal[token].slice(0, width) };
}

// Surprise in bits at each token, hidden alone: [masked, causal], null before the first token.
function surprises(data) {
  return data.ids.map((_, i) => [bits(data.masked[0][i][0].truth), i ? bits(data.causal[i][0].truth) : null]);
}

function render(host) {
  const { model } = host;
  const data = Object.fromEntries(["pieces", "ids", "masked", "causal"].map((name) => [name, model.get(name)]));
  const names = data.ids.map((id) => data.pieces[id]);
  const surprise = surprises(data);
  const most = Math.max(1, ...surprise.flat());
  const { view, change, show } = explore(host, { traits: TRAITS, keepInRange, paint });
  const ui = build();
  return show(ui.root);

  function keepInRange() {
    view.width = clamp(view.width, 1, data.masked.length);
    view.token = clamp(view.token, 0, names.length - view.width);
  }

  function isHidden(i) {
    return i >= view.token && i < view.token + view.width;
  }

  // -- the page --

  function build() {
    const ui = {
      width: slider("Tokens hidden", { min: 1, max: data.masked.length }, (width) => change({ width })),
      shown: checkbox("Show what stood there", (shown) => change({ shown })),
      text: tokenRow(names, "The text; a pressed token is hidden. Arrow keys hide the next one.", (token) => change({ token }), textKey),
      readout: readout(),
      masked: make("div", { class: "lm-main" }),
      causal: make("div", { class: "lm-main lm-other" }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.text.box.replaceChildren(...ui.text.buttons.map((token, i) => make("span", { class: "lm-unit" }, token, bars(i))));
    ui.root = frame("Masking and prediction",
      { controls: [ui.width.box, ui.shown.box], picture, fileName: () => "masking", help: ui.note }, ui.text.box,
      make("p", { class: "lm-legend" }, legend("lm-key", "masked model"), legend("lm-key lm-other", "causal model"),
        span(`surprise at each token when it is hidden alone; the highest bar is ${most.toFixed(1)} bits`)),
      ui.readout, make("div", { class: "lm-body lm-two" }, ui.masked, ui.causal));
    return ui;
  }

  function legend(className, words) {
    return span(make("span", { class: className, "aria-hidden": "true" }), words);
  }

  function bars(i) {
    const [masked, causal] = surprise[i];
    const bar = (value) => make("i", { style: `height:${value === null ? 0 : Math.max(1, (value / most) * BITS_HEIGHT).toFixed(1)}px` });
    const told = `${names[i]}: masked model ${masked.toFixed(1)} bits, causal model ${causal === null ? "none" : `${causal.toFixed(1)} bits`}`;
    return make("span", { class: "lm-bits", role: "img", "aria-label": told, title: told }, bar(masked), bar(causal));
  }

  // -- drawing --

  function paint() {
    ui.width.put(view.width, String(view.width));
    ui.shown.input.checked = view.shown;
    const blank = (i) => isHidden(i) && !view.shown;
    ui.text.put(view.token, isHidden, (i) => (blank(i) ? "?" : names[i]), (i) => (blank(i) ? `token ${i + 1}, hidden` : `token ${i + 1}: ${names[i]}`));
    const gap = proposals(data, view.token, view.width);
    ui.masked.replaceChildren(make("p", { class: "lm-heading" }, "Masked model: reads both sides"), ...gap.masked.map(table));
    ui.causal.replaceChildren(make("p", { class: "lm-heading" }, "Causal model: reads the left side"),
      ...(gap.causal.length ? gap.causal.map(table) : [make("p", {}, "Nothing stands before the first token: it has nothing to go by.")]));
    ui.readout.replaceChildren(...describe(gap));
    ui.note.textContent = view.width === 1
      ? "Click a token to hide it, or walk with the arrow keys: left and right along the text, up and down for more and fewer hidden tokens."
      : "The masked model guesses all places at once, none knowing the others' guess. The causal model reads its own likeliest guess and goes on.";
  }

  function table(proposal, offset) {
    const truth = data.ids[view.token + offset];
    const row = (id, n) => make("tr", view.shown && id === truth ? { class: "lm-true" } : {},
      make("th", { scope: "row", title: data.pieces[id] }, data.pieces[id]),
      make("td", { "aria-hidden": "true" }, make("span", { class: "lm-share", style: `width:${(100 * proposal.p[n]).toFixed(1)}%` })),
      make("td", {}, percent(proposal.p[n])));
    const told = view.shown ? `; there stood ${data.pieces[truth]}, place ${proposal.rank}, ${percent(proposal.truth)}` : "";
    return make("table", { class: "lm-table lm-guess" }, make("caption", {}, `Token ${view.token + offset + 1}${told}`),
      make("tbody", {}, ...proposal.ids.map(row)));
  }

  function describe(gap) {
    const strong = (words) => make("b", {}, words);
    const guess = (places) => places.map((place) => data.pieces[place.ids[0]]).join(" ");
    const where = view.width === 1 ? `Token ${view.token + 1}` : `Tokens ${view.token + 1} to ${view.token + view.width}`;
    const causal = gap.causal.length ? [span("causal:"), strong(guess(gap.causal)), span(percent(gap.causal[0].p[0]))] : [span("causal: nothing to go by")];
    const truth = view.shown ? [span("truth:"), strong(names.slice(view.token, view.token + view.width).join(" "))] : [];
    return [span(`${where} of ${names.length}.`), span("Masked:"), strong(guess(gap.masked)), span(percent(gap.masked[0].p[0])), ...causal, ...truth];
  }

  // -- keys --

  function textKey(event) {
    const goals = {
      ArrowLeft: { token: view.token - 1 }, ArrowRight: { token: view.token + 1 },
      ArrowUp: { width: view.width + 1 }, ArrowDown: { width: view.width - 1 },
      Home: { token: 0 }, End: { token: names.length - 1 },
    };
    press(event, goals[event.key] && (() => {
      change(goals[event.key]);
      ui.text.focus(view.token);
    }));
  }

  // -- files --

  function picture() {
    const gap = proposals(data, view.token, view.width);
    const rows = gap.masked[0].ids.length;
    const [width, lineHeight, blockHeight] = [720, 22, 26 + 18 * rows];
    const lines = textLines(width - 20);
    const top = 34 + lineHeight * lines.length;
    const pen = new SvgPen("Masking and prediction", width, top + 44 + blockHeight * view.width, "A gap, and what two models propose for it");
    lines.flat().forEach(({ words, x, line, hidden }) => {
      const y = 40 + line * lineHeight;
      pen.fillStyle = hidden ? PAPER.ink : PAPER.paper;
      pen.fillRect(x - 2, y - 9, 7.4 * [...words].length + 4, 18);
      pen.write(words, x, y, { font: LABEL_FONT, colour: hidden ? PAPER.paper : PAPER.ink });
    });
    [["Masked model: both sides", gap.masked, PAPER.bar], ["Causal model: left side", gap.causal, PAPER.mark]].forEach(([title, places, colour], column) => {
      const x = 10 + column * 360;
      pen.write(title, x, top + 10, { font: HEADING_FONT });
      places.forEach((place, offset) => {
        const first = top + 48 + offset * blockHeight;
        pen.write(`Token ${view.token + offset + 1}`, x, first - 18, { colour: PAPER.soft });
        place.ids.forEach((id, n) => {
          const y = first + 18 * n;
          pen.write(shorten(data.pieces[id], 14), x, y, { font: LABEL_FONT });
          pen.write(percent(place.p[n]), x + 270, y, { font: LABEL_FONT });
          pen.fillStyle = colour;
          pen.fillRect(x + 110, y - 6, 150 * place.p[n], 12);
        });
      });
    });
    return pen.picture();
  }

  // The text in lines that fit, each token with its place: the hidden ones as question marks.
  function textLines(width) {
    const lines = [[]];
    let x = 12;
    names.forEach((name, i) => {
      const words = isHidden(i) && !view.shown ? "?" : name;
      const wide = 7.4 * [...words].length + 8;
      if (x + wide > width && lines.at(-1).length) {
        lines.push([]);
        x = 12;
      }
      lines.at(-1).push({ words, x, line: lines.length - 1, hidden: isHidden(i) });
      x += wide;
    });
    return lines;
  }
}

export { proposals, surprises, render };
export default { render };
