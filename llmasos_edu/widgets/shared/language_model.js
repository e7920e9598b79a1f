// The book's own language model in the browser: tokenizer, forward pass, cache, choice. Plain typed arrays.
// What it cannot compute (experts, other norms, other positions) is refused when Python packs it.

const SPACE = "\\p{White_Space}"; // not \s: JavaScript counts U+FEFF as blank and U+0085 as none
// GPT-2's rule for words: English endings; letters, numbers or other signs, each with one blank before; blanks.
const WORDS = new RegExp(
  `'(?:[stmd]|re|ve|ll)| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|${SPACE}+(?=${SPACE}|$)|${SPACE}+`, "gu");
const UTF8 = new TextEncoder();

// Byte-pair encoding as the tokenizers library does it: in each word the pair that was learnt first, leftmost first.
class Tokenizer {
  // `bytes`: what ids 0, 1, ... stand for; `names`: each id for readers; `merges`: [left, right, joined] ids in a row.
  constructor({ bytes, names }, merges) {
    this.names = names;
    this.pieces = bytes.map((byte) => [byte]);
    this.idOfByte = new Uint16Array(256);
    bytes.forEach((byte, id) => { this.idOfByte[byte] = id; });
    this.joined = [];
    this.ranks = new Map();
    for (let at = 0; at < merges.length; at += 3) {
      const [left, right, joined] = merges.subarray(at, at + 3);
      this.ranks.set(left * 65536 + right, this.joined.length);
      this.joined.push(joined);
      this.pieces[joined] = [...this.pieces[left], ...this.pieces[right]];
    }
    this.words = new Map(); // encoded once
  }

  encode(text) {
    const ids = [];
    for (const [word] of text.matchAll(WORDS)) {
      if (!this.words.has(word)) this.words.set(word, this.join([...UTF8.encode(word)]));
      for (const id of this.words.get(word)) ids.push(id);
    }
    return ids;
  }

  join(bytes) {
    const ids = bytes.map((byte) => this.idOfByte[byte]);
    const rank = (i) => this.ranks.get(ids[i] * 65536 + ids[i + 1]) ?? Infinity;
    const ranks = ids.map((_, i) => rank(i)); // of each pair with its right neighbour
    for (;;) {
      let best = 0;
      for (let i = 1; i < ranks.length; i++) if (ranks[i] < ranks[best]) best = i;
      if (ranks[best] === Infinity) return ids;
      ids.splice(best, 2, this.joined[ranks[best]]);
      ranks.splice(best + 1, 1);
      ranks[best] = rank(best);
      if (best) ranks[best - 1] = rank(best - 1);
    }
  }

  // A character that is cut becomes U+FFFD.
  decode(ids) {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids.flatMap((id) => this.pieces[id])));
  }
}

// What Python's `pack_model` wrote: { settings, tokenizer, tensors }, half floats made single ones, once.
function unpackModel(value) {
  const bytes = toBytes(value);
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  let at = bytes.byteOffset + 4 + size;
  const take = (length) => {
    const numbers = new Uint16Array(bytes.buffer, at, length);
    at += 4 * Math.ceil(length / 2);
    return numbers;
  };
  const tokenizer = new Tokenizer(header.tokenizer, take(3 * header.merges));
  const [table, tensors] = [halfFloats(), {}];
  for (const [name, length] of header.tensors) {
    const half = take(length);
    const single = tensors[name] = new Float32Array(length);
    for (let i = 0; i < length; i++) single[i] = table[half[i]];
  }
  return { settings: header.settings, tokenizer, tensors };
}

// The matrix `[rows, columns]` times the vector `x`, into `out` from `start` on, or added to what is there.
// Four sums at once, so that no addition waits for the one before it.
function multiply(matrix, x, out, start, rows, add = false) {
  const columns = matrix.length / rows;
  const whole = columns & ~3;
  for (let row = 0, at = 0; row < rows; row++, at += columns) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0; i < whole; i += 4) {
      const j = at + i;
      a += matrix[j] * x[i];
      b += matrix[j + 1] * x[i + 1];
      c += matrix[j + 2] * x[i + 2];
      d += matrix[j + 3] * x[i + 3];
    }
    for (let i = whole; i < columns; i++) a += matrix[at + i] * x[i];
    const sum = a + b + (c + d);
    if (add) out[start + row] += sum;
    else out[start + row] = sum;
  }
}

// `width` numbers of `x` from `start` on, at mean 0 and variance 1, into `out`; then times a weight, plus a bias.
function normalise(x, start, width, eps, out, to, weight = null, bias = null) {
  let [mean, variance] = [0, 0];
  for (let i = 0; i < width; i++) mean += x[start + i];
  mean /= width;
  for (let i = 0; i < width; i++) variance += (x[start + i] - mean) ** 2;
  const scale = 1 / Math.sqrt(variance / width + eps);
  for (let i = 0; i < width; i++) {
    const value = (x[start + i] - mean) * scale;
    out[to + i] = weight ? value * weight[i] + bias[i] : value;
  }
}

// A text that the model reads, token by token. Everything is kept, so that a text that is changed at its end, or goes
// on, costs no more than what is new. `silenced` holds a 1 for each head `layer * heads + head` that contributes nothing.
class Reading {
  constructor({ settings, tensors }, room, silenced = []) {
    const { d_model: width, num_layers: layers, num_heads: heads, head_dim, d_ff, vocab_size: vocab } = settings;
    Object.assign(this, { width, heads, head_dim, d_ff, vocab, room, silenced, tokens: [] });
    this.eps = settings.norm_eps;
    this.tensors = tensors;
    const wide = heads * head_dim;
    const numbers = (length) => new Float32Array(length);
    [this.x, this.entered, this.mixed, this.projected] = [width, width, wide, wide].map(numbers);
    [this.hidden, this.shares] = [d_ff, room].map(numbers);
    this.logits = numbers(room * vocab); // [position, vocab]
    this.layers = Array.from({ length: layers }, (_, layer) => {
      const own = (name) => tensors[`body.blocks.${layer}.${name}`];
      const [queries, keys, values] = [0, 0, 0].map(() => numbers(room * wide)); // [position, head, head_dim]
      return {
        queries, keys, values,
        norm: [own("attention_norm.weight"), own("attention_norm.bias")],
        toQuery: own("attention.query_proj.weight"), toKey: own("attention.key_proj.weight"),
        toValue: own("attention.value_proj.weight"), leave: own("attention.out_proj.weight"),
        widenNorm: [own("feed_forward_norm.weight"), own("feed_forward_norm.bias")],
        widen: own("feed_forward.in_proj.weight"), narrow: own("feed_forward.out_proj.weight"),
      };
    });
    // How far the pairs of features turn at every position: rotary positions, features i and i + head_dim / 2.
    const half = head_dim / 2;
    [this.cos, this.sin] = [Math.cos, Math.sin].map((wave) => Float32Array.from({ length: room * half }, (_, i) =>
      wave(Math.floor(i / half) * settings.position_base ** (-2 * (i % half) / head_dim))));
  }

  // Reads these tokens, at most `room`; what they share with those read before is not read again.
  read(tokens) {
    if (tokens.length > this.room) throw new RangeError(`${tokens.length} tokens, but there is room for ${this.room}`);
    let at = 0;
    while (at < tokens.length && at < this.tokens.length && tokens[at] === this.tokens[at]) at++;
    this.tokens = tokens.slice(0, at);
    for (; at < tokens.length; at++) {
      this.step(tokens[at], at);
      this.tokens.push(tokens[at]);
    }
    return this;
  }

  // What may follow position `at`.
  logitsAt(at) {
    return this.logits.subarray(at * this.vocab, (at + 1) * this.vocab);
  }

  step(token, at) {
    const { x, entered, hidden, width, tensors } = this;
    const embedding = tensors["embedding.weight"];
    for (let i = 0; i < width; i++) x[i] = embedding[token * width + i];
    for (let layer = 0; layer < this.layers.length; layer++) {
      this.attend(layer, at);
      const { widenNorm, widen, narrow } = this.layers[layer];
      normalise(x, 0, width, this.eps, entered, 0, ...widenNorm);
      multiply(widen, entered, hidden, 0, this.d_ff);
      for (let i = 0; i < this.d_ff; i++) hidden[i] = hidden[i] > 0 ? hidden[i] * hidden[i] : 0; // squared ReLU
      multiply(narrow, hidden, x, 0, width, true);
    }
    normalise(x, 0, width, this.eps, entered, 0, tensors["body.norm.weight"], tensors["body.norm.bias"]);
    multiply(tensors["head.weight"], entered, this.logits, at * this.vocab, this.vocab);
  }

  // One layer's attention at one position: `x = x + Attention(norm(x))`.
  attend(layer, at) {
    const { x, entered, mixed, shares, width, heads, head_dim: size } = this;
    const { queries, keys, values, norm, toQuery, toKey, toValue, leave } = this.layers[layer];
    const [wide, here] = [heads * size, at * heads * size];
    normalise(x, 0, width, this.eps, entered, 0, ...norm);
    this.place(toQuery, queries, at);
    this.place(toKey, keys, at);
    multiply(toValue, entered, values, here, wide);
    for (let head = 0; head < heads; head++) {
      const offset = head * size;
      for (let i = 0; i < size; i++) mixed[offset + i] = 0;
      if (this.silenced[layer * heads + head]) continue;
      let [top, total] = [-Infinity, 0];
      for (let key = 0; key <= at; key++) top = Math.max(top, shares[key] = this.score(layer, head, at, key));
      for (let key = 0; key <= at; key++) total += shares[key] = Math.exp(shares[key] - top);
      for (let key = 0; key <= at; key++) {
        const [share, from] = [shares[key] / total, key * wide + offset];
        for (let i = 0; i < size; i++) mixed[offset + i] += share * values[from + i];
      }
    }
    multiply(leave, mixed, x, 0, width, true);
  }

  // Queries or keys of one position: projected, each head normed, turned by the position's angles.
  place(matrix, out, at) {
    const { entered, projected, heads, head_dim: size, cos, sin } = this;
    const half = size / 2;
    multiply(matrix, entered, projected, 0, heads * size);
    for (let head = 0, from = 0, to = at * heads * size; head < heads; head++, from += size, to += size) {
      normalise(projected, from, size, 1e-5, out, to);
      for (let i = 0; i < half; i++) {
        const [first, second, c, s] = [out[to + i], out[to + i + half], cos[at * half + i], sin[at * half + i]];
        out[to + i] = first * c - second * s;
        out[to + i + half] = second * c + first * s;
      }
    }
  }

  // How well a query matches a key, before mask and softmax.
  score(layer, head, query, key) {
    const { queries, keys } = this.layers[layer];
    const size = this.head_dim;
    let [from, to, sum] = [(query * this.heads + head) * size, (key * this.heads + head) * size, 0];
    for (let i = 0; i < size; i++) sum += queries[from++] * keys[to++];
    return sum / Math.sqrt(size);
  }
}

// Probabilities out of logits; at temperature 0 the likeliest token alone, the first of equals.
function softmax(logits, temperature = 1) {
  const top = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const shares = new Float64Array(logits.length);
  if (temperature === 0) {
    shares[logits.indexOf(top)] = 1;
    return shares;
  }
  let total = 0;
  for (let i = 0; i < shares.length; i++) total += shares[i] = Math.exp((logits[i] - top) / temperature);
  for (let i = 0; i < shares.length; i++) shares[i] /= total;
  return shares;
}

// The packed model that the trait `name` refers to: one in a page or notebook, however many explorers ask it.
async function sharedModel(model, name) {
  const holder = await model.widget_manager.get_model(model.get(name).replace("IPY_MODEL_", ""));
  return unpackModel(holder.get("packed"));
}
