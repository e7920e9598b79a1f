// An n-gram model's tables in the browser, as Python's `pack_ngram` wrote them.

class NGramTable {
  constructor(value) {
    const bytes = toBytes(value);
    const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const { vocab, levels } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
    let at = bytes.byteOffset + 4 + size;
    const take = (Kind, length) => {
      const numbers = new Kind(bytes.buffer, at, length);
      at += 4 * Math.ceil(numbers.byteLength / 4);
      return numbers;
    };
    this.vocab = vocab;
    this.levels = levels.map(([contexts, ngrams]) => ({
      contexts: take(Uint32Array, contexts), // sorted keys: number of the shorter context * vocab + the oldest token
      starts: take(Uint32Array, contexts + 1), // where each context's n-grams begin
      backoff: take(Float32Array, contexts),
      share: take(Float32Array, ngrams),
      tokens: take(Uint16Array, ngrams), // the last token of each n-gram, sorted within a context
    }));
  }

  get order() {
    return this.levels.length;
  }

  // Probability of every token after these: p_k(w | h) = share_k(h w) + backoff_k(h) * p_{k-1}(w | h less its oldest).
  probabilities(context) {
    const result = new Float64Array(this.vocab).fill(1 / this.vocab);
    let number = 0;
    for (let length = 0; length < this.levels.length && length <= context.length; length++) {
      const { contexts, starts, backoff, share, tokens } = this.levels[length];
      if (length) number = keyPlace(contexts, number * this.vocab + context[context.length - length]);
      if (number < 0) break; // never seen: the shorter context has the last word
      for (let i = 0; i < result.length; i++) result[i] *= backoff[number];
      for (let i = starts[number]; i < starts[number + 1]; i++) result[tokens[i]] += share[i];
    }
    return result;
  }
}

// Where a key stands among sorted ones; -1 for nowhere.
function keyPlace(sorted, key) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < key) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === key ? low : -1;
}
