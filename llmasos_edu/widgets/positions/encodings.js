// Positions in the browser: the formulas, and the panels that show them. No page in here.
// A panel draws into any context with `c`'s few words (a canvas, or SvgPen), at a width, and returns its height.

// base ** (-2i / width) for every pair i: radians a position.
function frequencies(width, base) {
  return Float64Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));
}

// PE(pos, 2i) = sin(pos * w_i), PE(pos, 2i + 1) = cos(pos * w_i).
function positionVector(position, speeds) {
  const vector = new Float64Array(2 * speeds.length);
  speeds.forEach((speed, i) => {
    vector[2 * i] = Math.sin(position * speed);
    vector[2 * i + 1] = Math.cos(position * speed);
  });
  return vector;
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// PE(pos) . PE(pos + distance): the sum of cos(distance * w_i), whatever pos.
const dotAtDistance = (distance, speeds) => speeds.reduce((sum, speed) => sum + Math.cos(distance * speed), 0);

function turn([x, y], angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [x * cos - y * sin, x * sin + y * cos];
}

// Rotary: a query and a key of one pair, each turned by its position, then their dot product.
const pairScore = (query, key, first, second, speed) => dot(turn(query, first * speed), turn(key, second * speed));

// The same where every pair holds this query and this key.
const rotaryScore = (query, key, first, second, speeds) =>
  speeds.reduce((sum, speed) => sum + pairScore(query, key, first, second, speed), 0);

const wholeTurn = 2 * Math.PI;
const degrees = (angle) => (((angle % wholeTurn) + wholeTurn) % wholeTurn) * (180 / Math.PI);

// -- panels --

const SIDE = { left: 58, right: 52 }; // gutters of whatever stands over or under the matrix
const DIVERGING = rampColours(RED_BLUE, 255); // odd: zero has a colour of its own
const DIVERGING_PIXELS = Uint32Array.from(DIVERGING, toPixel);

function matrixImage(length, speeds) {
  const width = 2 * speeds.length;
  const image = new ImageData(width, length);
  const pixels = new Uint32Array(image.data.buffer);
  for (let position = 0; position < length; position++) {
    positionVector(position, speeds).forEach((value, feature) => {
      pixels[position * width + feature] = DIVERGING_PIXELS[Math.round((value + 1) * 127)];
    });
  }
  const canvas = make("canvas", { width, height: length });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function matrixPlan(width, height, state) {
  const [left, top, w] = [SIDE.left, 34, width - SIDE.left - SIDE.right];
  return { left, top, w, h: height, column: w / state.d_model, row: height / state.length, bottom: top + height + 4 };
}

// Round numbers, about `count` of them, from 0 to `last`.
function ticks(last, count) {
  const rough = Math.max(1, last / count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((size) => size >= rough);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
}

function drawMatrix(c, plan, state, picture, colours) {
  const { left, top, w, h, column, row } = plan;
  c.imageSmoothingEnabled = column < 1 || row < 1;
  c.drawImage(picture, left, top, w, h);
  c.lineWidth = 1;
  c.strokeStyle = colours.line;
  c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.fillStyle = colours.soft;
  c.textAlign = "left";
  c.fillText("feature: even sine, odd cosine →", left, 8);
  c.textAlign = "right";
  c.fillText("pos ↓", left - 8, 24);
  c.fillStyle = colours.ink;
  c.textAlign = "center";
  for (const at of ticks(state.d_model - 1, 8)) if (at > 0 || column > 8) c.fillText(at, left + (at + 0.5) * column, 24);
  c.textAlign = "right";
  const taken = [state.first, state.second].map((position) => (position + state.shift + 0.5) * row);
  for (const at of ticks(state.length - 1, 6)) {
    const y = (at + 0.5) * row;
    if (y > 2 && taken.every((other) => Math.abs(other - y) > 15)) c.fillText(at, left - 8, top + y);
  }
  const bar = Math.min(h, 140);
  for (let i = 0; i < 56; i++) {
    c.fillStyle = toCss(DIVERGING[Math.round(254 * (1 - i / 55))]);
    c.fillRect(left + w + 14, top + (i * bar) / 56, 10, bar / 56 + 0.5);
  }
  c.fillStyle = colours.ink;
  c.textAlign = "left";
  for (const [words, place] of [["1", 0], ["0", 0.5], ["−1", 1]]) c.fillText(words, left + w + 28, top + 5 + place * (bar - 10));
}

// The two positions' rows and the chosen pair's columns.
function drawMarks(c, plan, state, colours) {
  const { left, top, w, h, column, row } = plan;
  ring(c, left + 2 * state.pair * column, top, 2 * column, h, "#fff");
  const places = [[state.first + state.shift, colours.bar], [state.second + state.shift, colours.mark]];
  const ys = places.map(([position]) => top + (position + 0.5) * row);
  if (Math.abs(ys[0] - ys[1]) < 14 && ys[0] !== ys[1]) { // labels side by side would overlap
    const [middle, up] = [(ys[0] + ys[1]) / 2, ys[0] < ys[1] ? -7 : 7];
    [ys[0], ys[1]] = [middle + up, middle - up];
  }
  places.forEach(([position, colour], i) => {
    const size = Math.max(row, 3);
    ring(c, left, top + (position + 0.5) * row - size / 2, w, size, colour);
    c.fillStyle = colour;
    c.font = `bold ${LABEL_FONT}`;
    c.textBaseline = "middle";
    c.textAlign = "right";
    c.fillText(position, left - 8, ys[i]);
  });
}

// Three rows of bars under the matrix's own columns: both vectors, and their product whose sum is the dot product.
function drawVectors(c, width, state, speeds, colours) {
  const one = positionVector(state.first + state.shift, speeds);
  const two = positionVector(state.second + state.shift, speeds);
  const total = figure(dot(one, two));
  const strips = [
    [`position ${state.first + state.shift}`, one, colours.bar],
    [`position ${state.second + state.shift}`, two, colours.mark],
    [width < 420 ? `product; its sum, the dot product: ${total}` : `product of the two; its sum is the dot product, ${total}`, one.map((value, i) => value * two[i]), colours.ink],
  ];
  const [height, column] = [74, (width - SIDE.left - SIDE.right) / state.d_model];
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  strips.forEach(([words, values, colour], place) => {
    const zero = place * height + 46;
    c.fillStyle = colour;
    c.textAlign = "left";
    c.fillText(words, SIDE.left, zero - 36);
    values.forEach((value, feature) => {
      c.globalAlpha = feature % 2 ? 0.5 : 1; // sines dark, cosines light
      c.fillRect(SIDE.left + (feature + 0.1) * column, Math.min(zero, zero - 24 * value), 0.8 * column, Math.abs(24 * value));
    });
    c.globalAlpha = 1;
    c.fillStyle = colours.line;
    c.fillRect(SIDE.left, zero - 0.5, width - SIDE.left - SIDE.right, 1);
    c.fillStyle = colours.soft;
    c.textAlign = "right";
    c.fillText("1", SIDE.left - 8, zero - 22);
    c.fillText("−1", SIDE.left - 8, zero + 22);
  });
  return 3 * height + 6;
}

// Values over distances from `from` on; the distance on show is marked.
function drawCurve(c, width, lines, from, now, words, colours) {
  const [left, top, w, h] = [46, 26, width - 62, 150];
  const all = lines.flatMap(({ values }) => [...values]);
  const [high, low] = [Math.max(...all, 0), Math.min(...all, 0)];
  const last = from + lines[0].values.length - 1;
  const x = (distance) => left + (w * (distance - from)) / Math.max(1, last - from);
  const y = (value) => top + (h * (high - value)) / (high - low || 1);
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.fillStyle = colours.line;
  c.fillRect(left, y(0), w, 1);
  c.fillRect(left, top, 1, h);
  c.fillRect(x(now), top, 1, h);
  c.fillStyle = colours.ink;
  c.textAlign = "right";
  const levels = [high, 0, low].filter((value, i, some) => some.indexOf(value) === i && (!value || Math.abs(y(value) - y(0)) > 12));
  for (const value of levels) c.fillText(figure(value, value && Math.abs(value) < 10 ? 1 : 0), left - 6, y(value));
  c.textAlign = "center";
  const places = [from, 0, last].filter((value, i, some) => some.indexOf(value) === i);
  for (const distance of places) if (Math.abs(x(distance) - x(now)) > 26) c.fillText(figure(distance, 0), x(distance), top + h + 14);
  c.font = `bold ${WORD_FONT}`;
  c.fillText(figure(now, 0), x(now), top + h + 14);
  c.font = WORD_FONT;
  c.fillStyle = colours.soft;
  c.fillText(words, left + w / 2, top + h + 32);
  for (const { values, colour, thick, dash } of lines) {
    c.strokeStyle = colour;
    c.lineWidth = thick;
    c.setLineDash(dash);
    c.beginPath();
    values.forEach((value, i) => (i ? c.lineTo(x(from + i), y(value)) : c.moveTo(x(from), y(value))));
    c.stroke();
    c.setLineDash([]);
    c.fillStyle = colour;
    c.beginPath();
    c.arc(x(now), y(values[now - from]), 4.5, 0, wholeTurn);
    c.fill();
  }
  let labelX = left + 8;
  c.textAlign = "left";
  for (const { name, values, colour } of lines) {
    c.fillStyle = colour;
    const label = `${name} ${figure(values[now - from])}`;
    c.fillText(label, labelX, 10);
    labelX += 6.6 * label.length + 16;
  }
  return top + h + 44;
}

// A line from the middle to a point, with a filled or a hollow end: told apart without colour.
function drawHand(c, x, y, [dx, dy], colour, hollow, thick = 2, dash = []) {
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = thick;
  c.setLineDash(dash);
  c.beginPath();
  c.moveTo(x, y);
  c.lineTo(x + dx, y - dy);
  c.stroke();
  c.setLineDash([]);
  c.beginPath();
  c.arc(x + dx, y - dy, thick + 1.5, 0, wholeTurn);
  if (hollow) c.stroke();
  else c.fill();
}

function dialGrid(width, state) {
  const columns = Math.max(1, Math.min(Math.floor(width / 70), state.d_model / 2));
  const count = Math.min(2 * columns, state.d_model / 2);
  const start = clamp(state.pair - Math.floor(count / 2), 0, state.d_model / 2 - count);
  return { columns, count, start, pitch: Math.min(width / columns, 84), height: 112 };
}

// One clock for each pair: both positions' hands, and the angle between them, which is k * w_i.
// Sine and cosine make a hand that starts upwards and turns clockwise; rotary turns from the right, the other way.
function drawDials(c, width, state, speeds, colours) {
  const { columns, count, start, pitch, height } = dialGrid(width, state);
  const rotary = state.kind === "rotary";
  const place = (angle) => (rotary ? [Math.cos(angle), Math.sin(angle)] : [Math.sin(angle), Math.cos(angle)]);
  const distance = state.second - state.first;
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.textAlign = "center";
  for (let i = 0; i < count; i++) {
    const pair = start + i;
    const [x, y, radius] = [(i % columns) * pitch + pitch / 2, Math.floor(i / columns) * height + 48, 27];
    const chosen = pair === state.pair;
    c.strokeStyle = chosen ? colours.ink : colours.line;
    c.lineWidth = chosen ? 2 : 1;
    c.beginPath();
    c.arc(x, y, radius, 0, wholeTurn);
    c.stroke();
    const angles = [state.first, state.second].map((position) => (position + state.shift) * speeds[pair]);
    const screen = angles.map((angle) => (rotary ? -angle : angle - Math.PI / 2));
    const sweep = Math.abs(distance * speeds[pair]) % wholeTurn;
    c.strokeStyle = colours.soft;
    c.lineWidth = 1.5;
    const back = rotary === distance > 0; // which way round the second hand is ahead
    c.beginPath();
    c.arc(x, y, 11, screen[0], screen[0] + (back ? -sweep : sweep), back);
    c.stroke();
    drawHand(c, x, y, place(angles[0]).map((part) => part * (radius - 5)), colours.bar, false);
    drawHand(c, x, y, place(angles[1]).map((part) => part * (radius - 5)), colours.mark, true);
    c.fillStyle = chosen ? colours.ink : colours.soft;
    c.font = chosen ? `bold ${WORD_FONT}` : WORD_FONT;
    c.fillText(`pair ${pair}`, x, y - radius - 11);
    c.fillStyle = colours.ink;
    c.font = WORD_FONT;
    c.fillText(`${figure(distance * speeds[pair], 2)} rad`, x, y + radius + 12);
    c.fillText(`${figure(degrees(distance * speeds[pair]), 0)}°`, x, y + radius + 27);
  }
  return Math.ceil(count / columns) * height + 8;
}

// Rotary in the plane: the pair before (dashed) and after (whole) it is turned by its position.
function drawPlane(c, size, state, speeds, colours) {
  const [middle, unit] = [size / 2, size / 2 - 26];
  c.strokeStyle = colours.line;
  c.lineWidth = 1;
  c.beginPath();
  c.arc(middle, middle, unit, 0, wholeTurn);
  c.stroke();
  c.beginPath();
  c.moveTo(middle - unit, middle);
  c.lineTo(middle + unit, middle);
  c.stroke();
  c.beginPath();
  c.moveTo(middle, middle - unit);
  c.lineTo(middle, middle + unit);
  c.stroke();
  const vectors = [["q", state.query, state.first, colours.bar], ["k", state.key, state.second, colours.mark]];
  vectors.forEach(([name, vector, position, colour], i) => {
    const turned = turn(vector, (position + state.shift) * speeds[state.pair]);
    c.globalAlpha = 0.55;
    drawHand(c, middle, middle, vector.map((part) => part * unit), colour, i === 1, 1.2, [4, 4]);
    c.globalAlpha = 1;
    drawHand(c, middle, middle, turned.map((part) => part * unit), colour, i === 1, 3);
    const long = Math.hypot(...turned) || 1;
    c.font = `bold ${WORD_FONT}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(name, middle + turned[0] * unit + (turned[0] / long) * 15, middle - turned[1] * unit - (turned[1] / long) * 15);
  });
  return size;
}
