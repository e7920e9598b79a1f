// Attention maps in the browser: decoded and softmaxed. No page in here.

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
