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
