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

function render({ model, el }) {
  const view = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const data = Object.fromEntries(["pieces", "ids", "masked", "causal"].map((name) => [name, model.get(name)]));
  const names = data.ids.map((id) => data.pieces[id]);
  const surprise = surprises(data);
  const most = Math.max(1, ...surprise.flat());
  const tellPython = teller(model);
  const askPaint = painter(paint);
  const ui = build();
  el.append(ui.root);
  const stops = [askPaint.stop, tellPython.stop, onTraitChange(model, view, TRAITS, (patch) => change(patch, false))];
  keepInRange();
  askPaint();
  return () => {
    stops.forEach((stop) => stop());
    ui.root.remove();
  };

  // -- state --

  function change(patch, report = true) {
    const before = { ...view };
    Object.assign(view, patch);
    keepInRange();
    const changed = TRAITS.filter((name) => view[name] !== before[name]);
    if (report && changed.length) tellPython(Object.fromEntries(changed.map((name) => [name, view[name]])));
    askPaint();
  }

  function keepInRange() {
    view.width = clamp(view.width, 1, data.masked.length);
    view.token = clamp(view.token, 0, names.length - view.width);
  }

  function isHidden(i) {
    return i >= view.token && i < view.token + view.width;
  }

  // -- the page --

  function build() {
    const width = make("input", { type: "range", min: 1, max: data.masked.length, step: 1, "aria-label": "Tokens hidden",
      oninput: (event) => change({ width: Number(event.target.value) }) });
    width.disabled = data.masked.length === 1;
    const ui = {
      width,
      widthShown: make("output", { class: "lm-number" }),
      shown: make("input", { type: "checkbox", onchange: (event) => change({ shown: event.target.checked }) }),
      text: make("div", { class: "lm-text", role: "group", "aria-label": "The text; a pressed token is hidden. Arrow keys hide the next one.", onkeydown: textKey }),
      readout: make("p", { class: "lm-readout", role: "status", "aria-live": "polite" }),
      masked: make("div", { class: "lm-main" }),
      causal: make("div", { class: "lm-main lm-from-left" }),
      note: make("p", { class: "lm-hint" }),
    };
    ui.tokens = names.map((name, i) => button(name, () => change({ token: i }), { class: "lm-token" }));
    ui.text.append(...ui.tokens.map((token, i) => make("span", { class: "lm-unit" }, token, bars(i))));
    ui.root = make("div", { class: "lm-explorer", role: "region", "aria-label": "Masking and prediction", onkeydown: keepKey },
      make("div", { class: "lm-bar" },
        make("label", { class: "lm-field lm-slider" }, make("span", {}, "Tokens hidden"), ui.width, ui.widthShown),
        make("label", { class: "lm-field" }, ui.shown, "Show what stood there"),
        saveButtons(picture, () => "masking")),
      ui.text,
      make("p", { class: "lm-legend" }, ...legend("lm-key", "masked model"), ...legend("lm-key lm-left-side", "causal model"),
        make("span", {}, `surprise at each token when it is hidden alone; the highest bar is ${most.toFixed(1)} bits`)),
      ui.readout,
      make("div", { class: "lm-body lm-two" }, ui.masked, ui.causal), ui.note);
    return ui;
  }

  function legend(className, words) {
    return [make("span", {}, make("span", { class: className, "aria-hidden": "true" }), words)];
  }

  function bars(i) {
    const [masked, causal] = surprise[i];
    const bar = (value) => make("i", { style: `height:${value === null ? 0 : Math.max(1, (value / most) * BITS_HEIGHT).toFixed(1)}px` });
    const told = `${names[i]}: masked model ${masked.toFixed(1)} bits, causal model ${causal === null ? "none" : `${causal.toFixed(1)} bits`}`;
    return make("span", { class: "lm-bits", role: "img", "aria-label": told, title: told }, bar(masked), bar(causal));
  }

  // -- drawing --

  function paint() {
    ui.width.value = view.width;
    ui.width.setAttribute("aria-valuetext", String(view.width));
    ui.widthShown.textContent = String(view.width);
    ui.shown.checked = view.shown;
    ui.tokens.forEach((node, i) => {
      node.setAttribute("aria-pressed", String(isHidden(i)));
      node.textContent = isHidden(i) && !view.shown ? "?" : names[i];
      node.setAttribute("aria-label", isHidden(i) && !view.shown ? `token ${i + 1}, hidden` : `token ${i + 1}: ${names[i]}`);
      node.tabIndex = i === view.token ? 0 : -1;
    });
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
    const span = (words) => make("span", {}, words);
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
      ui.tokens[view.token].tabIndex = 0;
      ui.tokens[view.token].focus();
    }));
  }

  // -- files --

  function picture() {
    const gap = proposals(data, view.token, view.width);
    const rows = gap.masked[0].ids.length;
    const [width, lineHeight, blockHeight] = [720, 22, 26 + 18 * rows];
    const lines = textLines(width - 20);
    const top = 34 + lineHeight * lines.length;
    const height = top + 24 + blockHeight * view.width + 10;
    const pen = new SvgPen("Masking and prediction", width, height);
    pen.font = "600 14px sans-serif";
    pen.fillText("A gap, and what two models propose for it", 10, 16);
    lines.flat().forEach(({ words, x, line, hidden }) => {
      const y = 40 + line * lineHeight;
      pen.font = LABEL_FONT;
      pen.fillStyle = hidden ? "#1b1f24" : "#fff";
      pen.fillRect(x - 2, y - 9, 7.4 * [...words].length + 4, 18);
      pen.fillStyle = hidden ? "#fff" : "#1b1f24";
      pen.fillText(words, x, y);
    });
    [["Masked model: both sides", gap.masked, "#0072b2"], ["Causal model: left side", gap.causal, "#b34700"]].forEach(([title, places, colour], column) => {
      const x = 10 + column * 360;
      pen.fillStyle = "#1b1f24";
      pen.font = "600 13px sans-serif";
      pen.fillText(title, x, top + 10);
      places.forEach((place, offset) => place.ids.forEach((id, n) => {
        const y = top + 34 + offset * blockHeight + 18 * n;
        pen.font = LABEL_FONT;
        pen.fillStyle = "#1b1f24";
        pen.fillText(shorten(data.pieces[id], 14), x, y);
        pen.fillText(percent(place.p[n]), x + 270, y);
        pen.fillStyle = colour;
        pen.fillRect(x + 110, y - 6, 150 * place.p[n], 12);
      }));
    });
    return { svg: pen.text(), width, height };
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
