// How the expert-load explorer draws: on a canvas or, by the same functions, into SVG (`c` is either).
// A scene holds what is drawn: routing, statistics, split, shown, start, count, token, expert, filter, tokens, domains,
// letters, domainOf, top (the loads' scale), ranges.

// Okabe and Ito's colours in the order of llmasos_edu.plots.style; the last is grey, to be seen on dark paper too.
const DOMAIN_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442", "#8f8f8f"];
const DASHES = [[], [6, 3], [2, 2], [8, 2, 2, 2], [3, 5], [10, 4], [1, 3], [5, 1]]; // under words
const MARKED_FROM = 4; // pixels a token: below, choices are not marked
const NAMED_FROM = 12; // pixels a token: from here on each has its word above the map
const STRIP_LINE = 24;
const SMALL_FONT = "11px system-ui, sans-serif";

const domainColour = (scene, domain) => (scene.domains.length ? DOMAIN_COLOURS[domain] : scene.plain);
const letterWidth = (letter) => (letter.codePointAt(0) > 0x2e80 ? 12 : 7.3); // of LABEL_FONT, alike on screen and in files
const wordWidth = (word) => [...word].reduce((sum, letter) => sum + letterWidth(letter), 0);

function stroke(c, lines, colour, width) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    c.moveTo(x1, y1);
    c.lineTo(x2, y2);
  }
  c.stroke();
}

// Slanted lines within a box, rising to the right, or falling.
function slants(x, y, w, h, gap, rising) {
  const lines = [];
  for (let d = gap / 2 - h; d < w; d += gap) {
    const [from, to] = [Math.max(0, d), Math.min(w, d + h)];
    const level = (at) => (rising ? y + h - (at - d) : y + (at - d));
    if (to > from) lines.push([x + from, level(from), x + to, level(to)]);
  }
  return lines;
}

// A box in its domain's colour and pattern, with its letter where there is room.
function domainBox(c, scene, domain, x, y, w, h) {
  c.fillStyle = domainColour(scene, domain);
  c.fillRect(x, y, w, h);
  if (!scene.domains.length || w < 2) return;
  const every = (size, gap, line) => Array.from({ length: Math.max(0, Math.floor(size / gap)) }, (_, i) => line(gap / 2 + i * gap));
  const upright = (gap) => every(w, gap, (d) => [x + d, y, x + d, y + h]);
  const level = (gap) => every(h, gap, (d) => [x, y + d, x + w, y + d]);
  const patterns = [() => [], () => slants(x, y, w, h, 6, true), () => slants(x, y, w, h, 6, false), () => upright(4),
    () => level(4), () => [...slants(x, y, w, h, 7, true), ...slants(x, y, w, h, 7, false)], () => upright(8), () => [...upright(5), ...level(5)]];
  c.globalAlpha *= 0.45;
  stroke(c, patterns[domain](), "#000", 1);
  c.globalAlpha /= 0.45;
  if (w < 13 || h < 10) return;
  c.fillRect(x + w / 2 - 6, y, 12, h);
  c.font = "bold 10px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = domain === 0 ? "#fff" : "#000";
  c.fillText(scene.letters[domain], x + w / 2, y + h / 2 + 0.5);
}

// Where map and loads lie: rows are experts, columns the tokens on show.
function mapPlan(width, scene) {
  const { experts } = scene.routing;
  const loads = clamp(Math.round(width * 0.27), 130, 230);
  const [left, gap] = [40, 18];
  const w = Math.max(80, width - left - gap - loads);
  const cell = w / scene.count;
  const row = clamp(Math.floor(208 / experts), 7, 30);
  const named = cell >= NAMED_FROM;
  const words = named ? Array.from({ length: scene.count }, (_, i) => wordWidth(shorten(scene.tokens[scene.shown[scene.start + i]], 11))) : [16];
  const top = Math.ceil(Math.max(...words, 22)) + 8 + (scene.domains.length ? 14 : 0);
  const h = row * experts;
  return { left, top, w, h, cell, row, named, loadLeft: left + w + gap, loadWidth: loads - 40, bottom: top + h + 34, width };
}

// One pixel a probability, or fewer where tokens outnumber pixels: then the largest is kept.
// The colour grows with the root of the probability, so that even shares of 64 experts are seen.
const shade = (probability) => Math.round((RAMP_STEPS - 1) * Math.sqrt(probability));
function probabilityImage({ routing, shown, start, count }, maxWidth) {
  const { experts, probs } = routing;
  const width = Math.max(1, Math.min(count, Math.floor(maxWidth)));
  const pooled = new Float64Array(width * experts);
  for (let column = 0; column < count; column++) {
    const at = Math.floor((column * width) / count);
    const from = shown[start + column] * experts;
    for (let expert = 0; expert < experts; expert++) {
      const probability = probs[from + expert];
      if (probability > pooled[expert * width + at]) pooled[expert * width + at] = probability;
    }
  }
  const image = new ImageData(width, experts);
  const pixels = new Uint32Array(image.data.buffer);
  pooled.forEach((probability, i) => (pixels[i] = RAMP_PIXELS[shade(Math.min(1, probability))]));
  const canvas = make("canvas", { width, height: experts });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function drawMap(c, plan, scene, image, colours) {
  const { left, top, w, h, cell, row } = plan;
  c.imageSmoothingEnabled = false;
  c.drawImage(image, left, top, w, h);
  c.globalAlpha = 0.25;
  if (row >= 10) stroke(c, Array.from({ length: scene.routing.experts - 1 }, (_, i) => [left, top + (i + 1) * row, left + w, top + (i + 1) * row]), "#fff", 1);
  c.globalAlpha = 1;
  if (cell >= MARKED_FROM) drawChoices(c, plan, scene);
  c.strokeStyle = colours.line;
  c.lineWidth = 1;
  c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
  drawBand(c, plan, scene);
  c.font = LABEL_FONT;
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.fillStyle = colours.ink;
  const every = Math.ceil(12 / row);
  for (let expert = 0; expert < scene.routing.experts; expert += every) c.fillText(String(expert), left - 7, top + (expert + 0.5) * row);
  c.fillStyle = colours.soft;
  c.font = WORD_FONT;
  c.textAlign = "left";
  c.fillText("expert", 0, top - 9);
  drawScale(c, plan, colours);
}

// A dot where a token goes, the first choice larger; a cross where its expert was full.
function drawChoices(c, { left, top, cell, row }, { routing, shown, start, count }) {
  const { tokens, topK, chosen, kept } = routing;
  const crosses = [];
  c.lineWidth = 1;
  for (let column = 0; column < count; column++) {
    for (let rank = 0; rank < topK; rank++) {
      const i = rank * tokens + shown[start + column];
      const [x, y] = [left + (column + 0.5) * cell, top + (chosen[i] + 0.5) * row];
      const radius = clamp(Math.min(cell, row) * (rank ? 0.2 : 0.32), 1.4, rank ? 3 : 5);
      if (!kept[i]) {
        const arm = clamp(Math.min(cell, row) * 0.36, 2, 5);
        crosses.push([x - arm, y - arm, x + arm, y + arm], [x + arm, y - arm, x - arm, y + arm]);
        continue;
      }
      c.beginPath();
      c.arc(x, y, radius, 0, 2 * Math.PI);
      c.fillStyle = "#fff";
      c.fill();
      c.strokeStyle = "#000";
      c.stroke();
    }
  }
  stroke(c, crosses, "#fff", 3.6);
  stroke(c, crosses, "#b01f00", 1.8);
}

// Each token's domain, above its column: runs of one domain are one box.
function drawBand(c, { left, top, cell }, scene) {
  if (!scene.domains.length) return;
  for (let from = 0; from < scene.count; ) {
    const domain = scene.domainOf[scene.shown[scene.start + from]];
    let to = from + 1;
    while (to < scene.count && scene.domainOf[scene.shown[scene.start + to]] === domain) to++;
    domainBox(c, scene, domain, left + from * cell, top - 15, (to - from) * cell, 12);
    from = to;
  }
}

function drawScale(c, { left, top, h, loadLeft }, colours) {
  const y = top + h + 12;
  const end = loadLeft - 12; // there the loads' own words may begin
  const x = Math.min(left + 78, Math.max(72, end - 130));
  const length = clamp(end - x, 60, 130);
  for (let i = 0; i < 65; i++) {
    c.fillStyle = RAMP_CSS[Math.round((i / 64) * (RAMP_STEPS - 1))];
    c.fillRect(x + (i * length) / 65, y, length / 65 + 0.6, 8);
  }
  c.fillStyle = colours.soft;
  c.font = SMALL_FONT;
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.fillText("probability", x - 6, y + 4);
  c.textAlign = "center";
  for (const mark of [0, 0.1, 0.5, 1]) c.fillText(String(mark), x + Math.sqrt(mark) * length, y + 17);
}

// Bars in line with the map's rows: kept assignments by domain, then the dropped ones, against capacity and even share.
function drawLoads(c, plan, scene, colours) {
  const { top, h, row, loadLeft: x, loadWidth } = plan;
  const { routing, statistics, split, filter } = scene;
  const many = Math.max(1, scene.domains.length);
  const scale = loadWidth / scene.top;
  const thick = Math.min(row * 0.72, 18);
  for (let expert = 0; expert < routing.experts; expert++) {
    const y = top + (expert + 0.5) * row - thick / 2;
    let at = x;
    for (let domain = 0; domain < many; domain++) {
      const wide = split[expert * many + domain] * scale;
      c.globalAlpha = filter < 0 || filter === domain ? 1 : 0.22;
      if (wide > 0) domainBox(c, scene, domain, at, y, wide, thick);
      at += wide;
    }
    c.globalAlpha = 1;
    const lost = statistics.dropped[expert];
    if (lost) {
      c.lineWidth = 1.2;
      c.strokeStyle = colours.mark;
      c.strokeRect(at + 0.6, y + 0.6, Math.max(0.5, lost * scale - 1.2), thick - 1.2);
      stroke(c, [...slants(at, y, lost * scale, thick, 5, true), ...slants(at, y, lost * scale, thick, 5, false)], colours.mark, 0.9);
    }
    c.font = SMALL_FONT;
    c.textBaseline = "middle";
    c.textAlign = "center";
    c.fillStyle = colours.paper;
    const words = [`${lost} dropped`, `${lost} ×`].find((each) => each.length * 6.2 + 8 < lost * scale);
    if (lost && words && thick > 11) {
      c.fillRect(at + (lost * scale) / 2 - words.length * 3.1 - 3, y + 2, words.length * 6.2 + 6, thick - 4);
      c.fillStyle = colours.mark;
      c.fillText(words, at + (lost * scale) / 2, y + thick / 2 + 0.5);
    }
    if (row < 11 && expert % 2) continue;
    c.textAlign = "right";
    c.fillStyle = colours.ink;
    c.fillText(routing.load[expert].toLocaleString("en"), plan.width, y + thick / 2 + 0.5);
  }
  const even = (routing.topK * routing.tokens) / routing.experts;
  c.setLineDash([2, 3]);
  stroke(c, [[x + even * scale, top - 2, x + even * scale, top + h + 4]], colours.soft, 1.2);
  c.setLineDash([7, 4]);
  const limited = Number.isFinite(routing.capacity);
  if (limited) stroke(c, [[x + routing.capacity * scale, top - 5, x + routing.capacity * scale, top + h + 2]], colours.ink, 1.8);
  c.setLineDash([]);
  stroke(c, [[x, top, x, top + h]], colours.line, 1);
  c.font = SMALL_FONT;
  c.textAlign = "right";
  c.fillStyle = colours.soft;
  c.fillText("load", plan.width, top - 9);
  const centred = (words, place, y, colour) => {
    const half = (words.length * 5.7) / 2;
    c.textAlign = "center";
    c.fillStyle = colour;
    c.fillText(words, clamp(place, x + half, Math.max(x + half, plan.width - 30 - half)), y);
  };
  centred(`even share ${Number(even.toFixed(1))}`, x + even * scale, top + h + 14, colours.soft);
  centred(limited ? `capacity ${routing.capacity}` : "no limit", limited ? x + routing.capacity * scale : x, top - 13, colours.ink);
}

// What moves with the cursor, over an untouched map: its row, its column, its cell, the token's word.
function drawCursor(c, plan, scene, colours) {
  const { left, top, w, h, cell, row } = plan;
  const column = scene.columnOf[scene.token] - scene.start;
  const y = top + scene.expert * row;
  const [x, wide] = [left + column * cell, Math.max(cell, 3)];
  c.fillStyle = colours.paper;
  c.fillRect(0, y + row / 2 - 7.5, left - 3, 15);
  c.fillStyle = colours.mark;
  c.font = `bold ${LABEL_FONT}`;
  c.textAlign = "right";
  c.textBaseline = "middle";
  c.fillText(`▸${scene.expert}`, left - 7, y + row / 2);
  c.globalAlpha = 0.9;
  ring(c, left, y, w, row, colours.mark);
  c.globalAlpha = 1;
  if (column < 0 || column >= scene.count) return;
  c.globalAlpha = 0.75;
  ring(c, x, top, wide, h, "#fff");
  c.globalAlpha = 1;
  ring(c, x - Math.max(0, (6 - cell) / 2), y - Math.max(0, (6 - row) / 2), Math.max(cell, 6), Math.max(row, 6), "#fff");
  const word = shorten(scene.tokens[scene.token], 11);
  c.fillStyle = colours.ink;
  if (plan.named) {
    c.fillStyle = colours.paper;
    c.fillRect(x + cell / 2 - 7.5, 0, 15, plan.top - (scene.domains.length ? 17 : 4));
    c.fillStyle = colours.mark;
    upright(c, plan, scene, column);
    return;
  }
  const half = wordWidth(word) / 2 + 3;
  c.textAlign = "center";
  c.fillStyle = colours.mark;
  c.fillText(word, clamp(x + cell / 2, left + half, left + w - half), top - (scene.domains.length ? 25 : 10));
}

function upright(c, plan, scene, column) {
  c.save();
  c.translate(plan.left + (column + 0.5) * plan.cell, plan.top - (scene.domains.length ? 19 : 6));
  c.rotate(-Math.PI / 2);
  c.textAlign = "left";
  c.textBaseline = "middle";
  c.fillText(shorten(scene.tokens[scene.shown[scene.start + column]], 11), 0, 0);
  c.restore();
}

function drawNames(c, plan, scene, colours) {
  if (!plan.named) return;
  c.font = LABEL_FONT;
  c.fillStyle = colours.ink;
  for (let column = 0; column < scene.count; column++) upright(c, plan, scene, column);
}

// Maximum over mean at every recorded step, in line with the slider under it; NaN where not yet computed.
function drawCurve(c, width, height, values, step, colours) {
  const inset = 8; // the slider's thumb does not reach its ends
  const known = values.filter((value) => !Number.isNaN(value));
  const top = Math.max(1.5, ...known);
  const x = (i) => inset + (i * (width - 2 * inset)) / Math.max(1, values.length - 1);
  const y = (value) => height - 5 - ((value - 1) / (top - 1)) * (height - 14);
  c.setLineDash([2, 3]);
  stroke(c, [[inset, y(1), width - inset, y(1)]], colours.soft, 1);
  c.setLineDash([]);
  const lines = [];
  for (let i = 1; i < values.length; i++) {
    if (!Number.isNaN(values[i]) && !Number.isNaN(values[i - 1])) lines.push([x(i - 1), y(values[i - 1]), x(i), y(values[i])]);
  }
  stroke(c, lines, colours.bar, 2);
  c.fillStyle = colours.bar;
  values.forEach((value, i) => {
    if (!Number.isNaN(value)) c.fillRect(x(i) - 1.5, y(value) - 1.5, 3, 3);
  });
  if (!Number.isNaN(values[step])) {
    c.beginPath();
    c.arc(x(step), y(values[step]), 5, 0, 2 * Math.PI);
    c.fillStyle = colours.mark;
    c.fill();
  }
}
