// Two models on one text: how much each token surprised them, what they expect at a place, and what is drawn from it.

// At a temperature; at 0 all of it for the likeliest.
const warmed = (shares, temperature) => (temperature === 1 ? shares : softmax(shares.map(Math.log), temperature));

class TwoReaders {
  constructor(packed, counts, room) {
    this.reading = new Reading(packed, room);
    Object.assign(this, { counts, tokens: [], bits: [[null, null]] }); // nothing comes before the first token
  }

  // Reads the text; `bits[i]` is what token i told the model and the n-gram that they did not know.
  read(tokens) {
    let shared = 0;
    while (shared < tokens.length && tokens[shared] === this.tokens[shared]) shared++;
    this.reading.read(tokens);
    this.tokens = tokens.slice();
    this.bits.length = Math.max(1, shared);
    for (let i = this.bits.length; i < tokens.length; i++) {
      this.bits.push(this.expected(i, 1).map((shares) => (shares ? -Math.log2(shares[tokens[i]]) : null)));
    }
  }

  // What the model and the n-gram expect at a place, whatever stands there; null where nothing comes before.
  expected(at, temperature) {
    if (!at) return [null, null];
    const shares = [softmax(this.reading.logitsAt(at - 1), temperature), this.counts.probabilities(this.tokens.slice(0, at))];
    shares[1] = warmed(shares[1], temperature);
    return shares;
  }

  // Mean surprise over all tokens but the first: bits a token, [model, n-gram].
  mean() {
    const scored = this.bits.slice(1);
    return [0, 1].map((which) => scored.reduce((sum, pair) => sum + pair[which], 0) / scored.length);
  }
}

// The likeliest tokens, most likely first; of equals the first in the vocabulary.
function likeliest(shares, count) {
  return [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, count);
}

// A number from 0 to below 1 that seed and place decide alone: who pauses, or goes back, meets the same chance again.
// (Two rounds of multiply, shift and exclusive or, with the factors that Wellons found for his hash "lowbias32".)
function chance(seed, at) {
  let mixed = Math.imul(seed + 1, 0x9e3779b1) + at;
  for (const [shift, factor] of [[16, 0x7feb352d], [15, 0x846ca68b]]) mixed = Math.imul(mixed ^ (mixed >>> shift), factor);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

// The token on which the number falls when all shares lie in a row.
function drawn(shares, number) {
  let [id, sum] = [0, shares[0]];
  while (sum <= number && id < shares.length - 1) sum += shares[++id];
  return id;
}
