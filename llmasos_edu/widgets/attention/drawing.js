// How the attention explorer draws: on a canvas or, by the same functions, into SVG (`c` is either).
// A scene holds what is drawn: maps, map (weights and their top), top (the colours' end), causal, rows (written so far).

// A picture of weights, at most one pixel each; where weights outnumber pixels the largest is kept, so that
// a single strong weight among 512 tokens never disappears.
function raster({ weights }, queries, keys, causal, top, maxWidth, maxHeight) {
  const width = Math.max(1, Math.min(keys, Math.floor(maxWidth)));
  const height = Math.max(1, Math.min(queries, Math.floor(maxHeight)));
  const pooled = new Float32Array(width * height).fill(-1);
  for (let query = 0; query < queries; query++) {
    const row = Math.floor((query * height) / queries) * width;
    const end = causal ? query + 1 : keys;
    for (let key = 0; key < end; key++) {
      const at = row + (width === keys ? key : Math.floor((key * width) / keys));
      const weight = weights[query * keys + key];
      if (weight > pooled[at]) pooled[at] = weight;
    }
  }
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pooled.length; i++) {
    if (pooled[i] >= 0) pixels[i] = RAMP_PIXELS[Math.round((RAMP_STEPS - 1) * Math.min(1, pooled[i] / top))];
  }
  const canvas = make("canvas", { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Where the map lies in its picture: gutters for labels, square cells, every how many tokens a label.
function layOut(maps, width, maxHeight, measure) {
  const longest = (tokens) => tokens.reduce((most, token) => Math.max(most, measure(shorten(token, 12))), 0);
  const left = Math.max(58, Math.ceil(longest(maps.labels)) + 14); // at least the word "query"
  const right = 54; // the colour bar
  const room = Math.max(60, width - left - right);
  const cell = Math.min(room / maps.keys, maxHeight / maps.queries, 46);
  const keyWidth = longest(maps.keyTokens);
  const turned = keyWidth + 6 > cell; // upright labels where they fit
  const top = (turned ? Math.ceil(keyWidth) : 12) + 26;
  const step = Math.ceil(11.5 / cell);
  return { left, right, top, cell, turned, step, w: cell * maps.keys, h: cell * maps.queries };
}

// A square inside each true key's cell: white with a dark line around, to be seen on the whole ramp.
function drawTruth(c, truth, { left, top, cell }, rows) {
  const inset = cell >= 36 ? 4 : Math.max(0, cell * 0.22);
  const size = cell - 2 * inset;
  for (let query = 0; query < rows; query++) {
    for (const key of truth[query]) {
      const [x, y] = [left + key * cell + inset, top + query * cell + inset];
      if (size >= 6) ring(c, x, y, size, size, "#fff");
      else {
        c.fillStyle = "#fff";
        c.fillRect(x, y, Math.max(size, 2), Math.max(size, 2));
      }
    }
  }
}

// Words at the two sides, a label a row and a column, the frame, the true keys, the scale of colours.
function drawAround(c, plan, { maps, top: end, rows }, colours) {
  const { left, top, w, h } = plan;
  if (maps.truth) drawTruth(c, maps.truth, plan, rows);
  c.strokeStyle = colours.line;
  c.lineWidth = 1;
  c.strokeRect(left - 0.5, top - 0.5, w + 1, h + 1);
  c.font = LABEL_FONT;
  c.fillStyle = colours.ink;
  c.textBaseline = "middle";
  for (let i = 0; i < maps.queries; i += plan.step) {
    c.globalAlpha = i < rows ? 1 : 0.4;
    queryLabel(c, plan, maps, i);
  }
  c.globalAlpha = 1;
  for (let i = 0; i < maps.keys; i += plan.step) keyLabel(c, plan, maps, i);
  c.fillStyle = colours.soft;
  c.font = WORD_FONT;
  c.textAlign = "left";
  c.fillText(maps.cross ? "source →" : "key →", left, 8);
  c.textAlign = "right";
  c.fillText(maps.cross ? "target ↓" : "query ↓", left - 8, top - 12);
  drawColourBar(c, left + w + 14, top, Math.min(h, 160), end, colours);
}

function queryLabel(c, plan, maps, i) {
  c.textAlign = "right";
  c.fillText(shorten(maps.labels[i], 12), plan.left - 7, plan.top + (i + 0.5) * plan.cell);
}

function keyLabel(c, plan, maps, i) {
  c.save();
  c.translate(plan.left + (i + 0.5) * plan.cell, plan.top - 6);
  c.textAlign = plan.turned ? "left" : "center";
  if (plan.turned) c.rotate(-Math.PI / 2);
  else c.translate(0, -6);
  c.fillText(shorten(maps.keyTokens[i], 12), 0, 0);
  c.restore();
}

function drawColourBar(c, x, y, height, top, colours) {
  const bands = Math.min(64, Math.floor(height));
  for (let i = 0; i < bands; i++) {
    c.fillStyle = RAMP_CSS[Math.round((1 - (i + 0.5) / bands) * (RAMP_STEPS - 1))];
    c.fillRect(x, y + (i * height) / bands, 10, height / bands + 0.5);
  }
  c.fillStyle = colours.ink;
  c.font = WORD_FONT;
  c.textAlign = "left";
  c.fillText(top.toFixed(2), x + 14, y + 6);
  c.fillText("0", x + 14, y + height - 5);
}

// The map on the screen. Rows to come are there, but cannot be read yet.
function drawMap(c, plan, scene, colours) {
  const { left, top, cell, w, h } = plan;
  const { maps, map, rows, causal } = scene;
  const ratio = window.devicePixelRatio || 1;
  c.imageSmoothingEnabled = false;
  c.drawImage(raster(map, maps.queries, maps.keys, causal, scene.top, w * ratio, h * ratio), left, top, w, h);
  if (cell >= 36) writeCells(c, plan, scene);
  if (rows < maps.queries) {
    c.globalAlpha = 0.86;
    c.fillStyle = colours.paper;
    c.fillRect(left, top + rows * cell, w, (maps.queries - rows) * cell);
    c.globalAlpha = 1;
  }
  drawAround(c, plan, scene, colours);
}

// A small map has room for its numbers.
function writeCells(c, plan, { maps, map, top, causal }) {
  c.font = WORD_FONT;
  c.textAlign = "center";
  c.textBaseline = "middle";
  for (let i = 0; i < map.weights.length; i++) {
    const [query, key] = [Math.floor(i / maps.keys), i % maps.keys];
    if (causal && key > query) continue;
    c.fillStyle = map.weights[i] / top > 0.5 ? "#000" : "#fff";
    c.fillText(map.weights[i].toFixed(2), plan.left + (key + 0.5) * plan.cell, plan.top + (query + 0.5) * plan.cell + 1);
  }
}

// What moves with the cursor: rings and the labels of its row and column, over an untouched map.
function drawCursor(c, plan, maps, { query, key, pinned }, colours) {
  const { left, top, cell, w } = plan;
  const size = Math.max(cell, 5);
  if (pinned >= 0) ring(c, left, top + pinned * cell, w, Math.max(cell, 3), colours.mark);
  ring(c, left + (key + 0.5) * cell - size / 2, top + (query + 0.5) * cell - size / 2, size, size, "#fff");
  c.font = `bold ${LABEL_FONT}`;
  c.textBaseline = "middle";
  for (const row of new Set([query, ...(pinned >= 0 ? [pinned] : [])])) {
    c.fillStyle = colours.paper;
    c.fillRect(0, top + (row + 0.5) * cell - 7.5, left - 3, 15);
    c.fillStyle = row === pinned ? colours.mark : colours.ink;
    queryLabel(c, plan, maps, row);
  }
  c.fillStyle = colours.paper;
  if (plan.turned) c.fillRect(left + (key + 0.5) * cell - 7.5, 16, 15, top - 20);
  else c.fillRect(left + key * cell, top - 20, cell, 17);
  c.fillStyle = colours.ink;
  keyLabel(c, plan, maps, key);
}

// A column a token, under the map's own columns; `marks` are level lines (the intact model).
function drawColumns(c, { left, w }, values, top, height, colour, colours, marks = null) {
  const step = w / values.length;
  const level = (value) => height - 4 - (height - 16) * Math.min(1, value / top);
  values.forEach((value, i) => {
    c.fillStyle = colour(i);
    const thin = Math.max(1, step * 0.8);
    if (value > 0) c.fillRect(left + (i + 0.5) * step - thin / 2, level(value), thin, height - 4 - level(value));
    if (marks && marks[i] >= 0) {
      c.fillStyle = colours.ink;
      c.fillRect(left + (i + 0.5) * step - thin / 2, level(marks[i]) - 1, thin, 2);
    }
  });
  c.fillStyle = colours.line;
  c.fillRect(left, height - 4, w, 1);
  c.fillRect(left, level(top), w, 0.5);
  c.fillStyle = colours.ink;
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.fillText(top.toFixed(2), left - 7, level(top) + 3);
  c.fillText("0", left - 7, height - 6);
}

// The map as SVG: real rectangles, one path for each of 64 colours; the pinned row's bars below it.
function mapPicture(scene, title, bars) {
  const { maps, map, rows, causal } = scene;
  const plan = layOut(maps, 760, 620, (text) => [...text].length * 7.3);
  const { left, top, cell, w, h } = plan;
  const margin = 8;
  const width = Math.max(left + w + plan.right + 2 * margin, 20 + 8 * title.length);
  const pen = new SvgPen(title, width, 34 + top + h + (bars ? 126 : 16));
  pen.at(margin, 34);
  const paths = new Map();
  const shade = (at) => Math.round(63 * Math.min(1, map.weights[at] / scene.top));
  for (let query = 0; query < rows; query++) {
    const end = causal ? Math.min(query + 1, maps.keys) : maps.keys;
    for (let key = 0; key < end; ) {
      const [colour, start] = [shade(query * maps.keys + key), key];
      while (key < end && shade(query * maps.keys + key) === colour) key++;
      paths.set(colour, (paths.get(colour) || "") + pen.box(left + start * cell, top + query * cell, (key - start) * cell, cell));
    }
  }
  for (const [colour, path] of paths) {
    pen.fillStyle = RAMP_CSS[Math.round((colour * 255) / 63)];
    pen.add(path, true);
  }
  drawAround(pen, plan, scene, PAPER);
  if (bars) {
    pen.at(margin, 34 + top + h + 8);
    pen.write(bars.title, left, 10);
    pen.at(margin, 34 + top + h + 22);
    drawColumns(pen, plan, bars.values, bars.top, 90, () => PAPER.bar, PAPER);
  }
  return pen.picture();
}
