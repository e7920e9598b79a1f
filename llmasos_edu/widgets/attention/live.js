// The maps of a text of the reader's own, computed here by the model itself whenever the text changes.

const LIVE_TOKENS = 64; // as many rows as can still be read, and silencing a head answers at once

class LiveMaps extends AttentionMaps {
  constructor(packed, text) {
    const { num_layers, num_heads } = packed.settings;
    super({ name: "", tokens: [], subsets: "any", produced: null, truth: null, step: false, causal: true, key_tokens: null,
      shape: [num_layers, num_heads, 0, 0], arrays: {} }, null);
    Object.assign(this, { packed, hasScores: true, text: null, reading: new Reading(packed, LIVE_TOKENS), without: new Map() });
    this.read(text);
  }

  get help() {
    return `Type a text: the model reads its first ${LIVE_TOKENS} tokens. `;
  }

  field(typed) {
    return textField("Your text", 2, typed);
  }

  // Reads another text; where there is nothing to read, the maps of the last one stay.
  read(text) {
    this.text = text;
    const { tokenizer } = this.packed;
    const ids = tokenizer.encode(text).slice(0, LIVE_TOKENS);
    if (!ids.length) return;
    this.ids = ids;
    this.reading.read(ids);
    this.tokens = this.keyTokens = this.labels = ids.map((id) => tokenizer.names[id]);
    this.queries = this.keys = ids.length;
    this.store.clear();
    this.without.clear();
  }

  centredScores(layer, head) { // not centred: the softmax does not see the shift
    const scores = new Float32Array(this.queries * this.keys);
    for (let i = 0; i < scores.length; i++) scores[i] = this.score(layer, head, Math.floor(i / this.keys), i % this.keys);
    return scores;
  }

  score(layer, head, query, key) {
    return this.reading.score(layer, head, query, key);
  }

  // The model reads the text again without these heads; kept until the text changes.
  probabilities(silenced) {
    const name = String(silenced);
    if (!this.without.has(name)) {
      const mask = new Uint8Array(this.layers * this.heads);
      for (const head of silenced) mask[head] = 1;
      const reading = silenced.length ? new Reading(this.packed, this.queries, mask).read(this.ids) : this.reading;
      this.without.set(name, Float32Array.from(this.ids, (_, i) => (i + 1 < this.queries ? softmax(reading.logitsAt(i))[this.ids[i + 1]] : NaN)));
    }
    return this.without.get(name);
  }
}

async function render(host) {
  const { model } = host;
  return showMaps(host, new LiveMaps(await sharedModel(model, "language_model"), model.get("text")));
}

export { LiveMaps, sharedModel, render };
export default { render };
