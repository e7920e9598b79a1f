// Attention maps in the browser: decoded, softmaxed, made into pixels and into SVG. No page in here.

// Softmax of each row of scores [queries * keys] at a temperature; a causal mask hides keys after the query.
function softmaxMap(scores, queries, keys, causal, temperature) {
  const weights = new Float32Array(queries * keys);
  for (let query = 0; query < queries; query++) {
    const start = query * keys;
    const end = start + (causal ? Math.min(query + 1, keys) : keys);
    let top = -Infinity;
    for (let i = start; i < end; i++) top = Math.max(top, scores[i]);
    if (top === -Infinity) continue; // everything hidden: the row stays zero
    let total = 0;
    for (let i = start; i < end; i++) total += weights[i] = Math.exp((scores[i] - top) / temperature);
    for (let i = start; i < end; i++) weights[i] /= total;
  }
  return weights;
}

// One input's maps, decoded when asked for. A small store keeps the latest, not all of 12 x 12 x 512 x 512.
class AttentionMaps {
  constructor(description, bytes) {
    for (const name of ["name", "tokens", "subsets", "produced", "truth", "step"]) this[name] = description[name];
    [this.layers, this.heads, this.queries, this.keys] = description.shape;
    this.keyTokens = description.key_tokens || description.tokens;
    this.cross = description.key_tokens !== null;
    this.labels = (this.cross && this.produced) || this.tokens; // a translation's rows are what it writes
    this.square = this.queries === this.keys;
    this.givenCausal = description.causal;
    const types = { float16: Uint16Array, uint8: Uint8Array, float32: Float32Array };
    this.arrays = {};
    for (const [name, { offset, type }] of Object.entries(description.arrays)) {
      const start = bytes.byteOffset + offset;
      const length = Math.floor((bytes.buffer.byteLength - start) / types[type].BYTES_PER_ELEMENT);
      this.arrays[name] = new types[type](bytes.buffer, start, length);
    }
    this.hasScores = "scores" in this.arrays;
    this.coarse = !this.hasScores && this.arrays.weights instanceof Uint8Array;
    this.store = new Map();
  }

  decoder(array) {
    if (array instanceof Uint8Array) return (value) => (value / 255) ** 2;
    const table = halfFloats();
    return (value) => table[value];
  }

  // Scores less their row's top: the softmax does not see the shift.
  centredScores(layer, head) {
    const size = this.queries * this.keys;
    const start = (layer * this.heads + head) * size;
    return Float32Array.from(this.arrays.scores.subarray(start, start + size), this.decoder(this.arrays.scores));
  }

  score(layer, head, query, key) {
    const row = (layer * this.heads + head) * this.queries + query;
    return this.decoder(this.arrays.scores)(this.arrays.scores[row * this.keys + key]) + this.arrays.row_top[row];
  }

  decode(layer, head, { causal, temperature }) {
    const { queries, keys } = this;
    if (this.hasScores) return softmaxMap(this.centredScores(layer, head), queries, keys, causal, temperature);
    const source = this.arrays.weights;
    const decode = this.decoder(source);
    const index = layer * this.heads + head;
    if (!this.givenCausal) {
      const size = queries * keys;
      return Float32Array.from(source.subarray(index * size, (index + 1) * size), decode);
    }
    const weights = new Float32Array(queries * keys); // only the triangle was sent
    let at = (index * queries * (queries + 1)) / 2;
    for (let query = 0; query < queries; query++) {
      for (let key = 0; key <= query; key++) weights[query * keys + key] = decode(source[at++]);
    }
    return weights;
  }

  combine(layer, how, mask) {
    const total = new Float32Array(this.queries * this.keys);
    for (let head = 0; head < this.heads; head++) {
      const weights = this.decode(layer, head, mask);
      for (let i = 0; i < total.length; i++) {
        total[i] = how === "max" ? Math.max(total[i], weights[i]) : total[i] + weights[i] / this.heads;
      }
    }
    return total;
  }

  // The map of a head, or of a layer's heads together: { weights, top }.
  map(layer, head, how, mask) {
    const id = [layer, how === "head" ? head : how, mask.causal, mask.temperature].join();
    if (!this.store.has(id)) {
      if (this.store.size * this.queries * this.keys > 4e6) this.store.clear();
      const weights = how === "head" ? this.decode(layer, head, mask) : this.combine(layer, how, mask);
      let top = 0;
      for (const weight of weights) if (weight > top) top = weight;
      this.store.set(id, { weights, top: top || 1 });
    }
    return this.store.get(id);
  }

  // Next-token probabilities [queries] with these heads silenced.
  probabilities(silenced) {
    const free = this.layers * this.heads <= 8;
    const row = free ? silenced.reduce((bits, head) => bits | (1 << head), 0) : silenced.length ? silenced[0] + 1 : 0;
    const start = row * this.queries;
    return Float32Array.from(this.arrays.knock_out.subarray(start, start + this.queries), (bits) => halfFloats()[bits]);
  }
}

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

// The explorer's view as SVG: real rectangles and text, one path for each colour.
function toSvg(maps, map, mask, top, title, bars, rows) {
  const measure = (text) => [...text].length * 7.3;
  const plan = layOut(maps, 760, 620, measure);
  const { left, cell, w, h } = plan;
  const y0 = plan.top + 24;
  const height = y0 + h + (bars ? 120 : 16);
  const width = left + w + plan.right + 16;
  const paths = new Map();
  for (let query = 0; query < rows; query++) {
    const end = mask.causal ? query + 1 : maps.keys;
    for (let key = 0; key < end; ) {
      const shade = (at) => Math.round(63 * Math.min(1, map.weights[query * maps.keys + at] / top));
      const colour = shade(key);
      let stop = key + 1;
      while (stop < end && shade(stop) === colour) stop++;
      paths.set(colour, (paths.get(colour) || "") + `M${key} ${query}h${stop - key}v1h${key - stop}z`);
      key = stop;
    }
  }
  const text = (x, y, words, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escapeXml(words)}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" ` +
      `viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" font-family="monospace" font-size="12" fill="#1b1f24">`,
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/>`,
    text(10, 20, title, 'font-family="sans-serif" font-size="14" font-weight="600"'),
    `<g transform="translate(${left} ${y0}) scale(${cell})" shape-rendering="crispEdges">`,
    ...[...paths].map(([colour, path]) => `<path fill="${RAMP_CSS[Math.round((colour * 255) / 63)]}" d="${path}"/>`),
    `</g><rect x="${left}" y="${y0}" width="${w}" height="${h}" fill="none" stroke="#8a9099"/>`,
  ];
  for (let i = 0; i < maps.queries; i += plan.step) {
    parts.push(text(left - 6, y0 + (i + 0.5) * cell + 4, shorten(maps.labels[i], 12), 'text-anchor="end"'));
  }
  for (let i = 0; i < maps.keys; i += plan.step) {
    const [x, y] = [left + (i + 0.5) * cell, y0 - 6];
    const turn = plan.turned ? `transform="rotate(-90 ${(x + 4).toFixed(1)} ${y})"` : 'text-anchor="middle"';
    parts.push(text(plan.turned ? x + 4 : x, y, shorten(maps.keyTokens[i], 12), turn));
  }
  const inset = cell * 0.15;
  (maps.truth || []).slice(0, rows).forEach((keys, query) => keys.forEach((key) => {
    const place = `x="${(left + key * cell + inset).toFixed(2)}" y="${(y0 + query * cell + inset).toFixed(2)}" width="${(0.7 * cell).toFixed(2)}" height="${(0.7 * cell).toFixed(2)}"`;
    parts.push(`<rect ${place} fill="none" stroke="#000" stroke-width="3"/><rect ${place} fill="none" stroke="#fff" stroke-width="1.5"/>`);
  }));
  const barHeight = Math.min(h, 160);
  for (let i = 0; i < 32; i++) {
    const y = y0 + barHeight * (1 - (i + 1) / 32);
    parts.push(`<rect x="${left + w + 14}" y="${y.toFixed(2)}" width="10" height="${(barHeight / 32 + 0.5).toFixed(2)}" fill="${RAMP_CSS[i * 8 + 4]}"/>`);
  }
  parts.push(text(left + w + 28, y0 + 9, top.toFixed(2)), text(left + w + 28, y0 + barHeight, "0"));
  if (bars) {
    parts.push(text(left, y0 + h + 22, bars.title, 'font-family="sans-serif"'));
    bars.values.forEach((value, i) => {
      const size = (70 * value) / bars.top;
      parts.push(`<rect x="${(left + (i + 0.1) * cell).toFixed(2)}" y="${(y0 + h + 104 - size).toFixed(2)}" width="${(cell * 0.8).toFixed(2)}" height="${size.toFixed(2)}" fill="#0072b2"/>`);
    });
    parts.push(`<path d="M${left} ${y0 + h + 104}h${w}" stroke="#8a9099"/>`, text(left + w + 6, y0 + h + 42, bars.top.toFixed(2)));
  }
  return { svg: [...parts, "</svg>"].join("\n"), width: Math.ceil(width), height: Math.ceil(height) };
}
