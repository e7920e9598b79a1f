// Routing in the browser, number for number what llmasos_edu.layers.routing computes. No page in here.

// The limit on what an expert takes: ceil(factor * topK * tokens / experts), at least 1.
function expertCapacity(tokens, experts, topK, factor) {
  return Math.max(1, Math.ceil((factor * topK * tokens) / experts - 1e-9)); // 1.1 * 10 is a little more than 11
}

// A seeded source of numbers from 0 to 1 (mulberry32), and from it normal ones (Box and Muller).
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normalNoise(count, seed) {
  const next = uniform(seed);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

// softmax((logits + size * noise) / temperature) over the experts: { scores, probs }, [tokens * experts] each.
function routerProbabilities(logits, experts, { temperature = 1, noise = null, size = 0 } = {}) {
  const scores = Float64Array.from(logits);
  if (noise && size) for (let i = 0; i < scores.length; i++) scores[i] += size * noise[i];
  const probs = new Float64Array(scores.length);
  for (let start = 0; start < scores.length; start += experts) {
    let top = -Infinity;
    for (let i = start; i < start + experts; i++) top = Math.max(top, scores[i]);
    let total = 0;
    for (let i = start; i < start + experts; i++) total += probs[i] = Math.exp((scores[i] - top) / temperature);
    for (let i = start; i < start + experts; i++) probs[i] /= total;
  }
  return { scores, probs };
}

// Each token's topK experts. Assignments stand as experts serve them: all first choices in the order of the tokens,
// then all second choices. `place` is an assignment's place in its expert's queue; from `capacity` on it is dropped.
// Among equal scores the expert with the lower index is taken. A bias is added to probabilities, for the choice alone.
function routeTokens(logits, experts, { topK, renormalize, bias = null, capacity = Infinity, ...softer }) {
  const tokens = logits.length / experts;
  const { scores, probs } = routerProbabilities(logits, experts, softer);
  const chosen = new Int32Array(topK * tokens);
  const gates = new Float64Array(topK * tokens);
  const left = new Float64Array(experts);
  for (let token = 0; token < tokens; token++) {
    const start = token * experts;
    for (let i = 0; i < experts; i++) left[i] = bias ? probs[start + i] + bias[i] : scores[start + i];
    let total = 0;
    for (let rank = 0; rank < topK; rank++) {
      let best = -1;
      for (let i = 0; i < experts; i++) if (!Number.isNaN(left[i]) && (best < 0 || left[i] > left[best])) best = i;
      left[best] = NaN; // taken
      chosen[rank * tokens + token] = best;
      total += gates[rank * tokens + token] = probs[start + best];
    }
    if (renormalize) for (let rank = 0; rank < topK; rank++) gates[rank * tokens + token] /= total;
  }
  const load = new Int32Array(experts);
  const place = Int32Array.from(chosen, (expert) => load[expert]++);
  const kept = Uint8Array.from(place, (at) => (at < capacity ? 1 : 0));
  return { tokens, experts, topK, capacity, probs, chosen, gates, load, place, kept };
}

// How one layer spread one batch: numbers as in llmasos_edu.layers.routing.routing_statistics.
function routingStatistics({ tokens, experts, topK, probs, chosen, load, kept }) {
  const dropped = new Int32Array(experts);
  chosen.forEach((expert, i) => (dropped[expert] += 1 - kept[i]));
  const meanProb = new Float64Array(experts);
  let bits = 0;
  probs.forEach((p, i) => {
    meanProb[i % experts] += p / tokens;
    if (p > 0) bits -= p * Math.log2(p);
  });
  let balanceLoss = 0;
  for (let i = 0; i < experts; i++) balanceLoss += experts * (load[i] / tokens) * meanProb[i];
  const busiest = load.indexOf(Math.max(...load));
  return {
    dropped, meanProb, balanceLoss, busiest, entropy: bits / tokens,
    maxOverMean: load[busiest] / ((topK * tokens) / experts),
    numDropped: dropped.reduce((sum, one) => sum + one, 0),
  };
}

// The recorded logits, decoded one step and layer at a time.
class RouterLogits {
  constructor(description, bytes) {
    [this.steps, this.layers, this.tokens, this.experts] = description.shape;
    this.array = description.type === "float16"
      ? new Uint16Array(bytes.buffer, bytes.byteOffset, this.steps * this.layers * this.tokens * this.experts)
      : new Float32Array(bytes.buffer, bytes.byteOffset, this.steps * this.layers * this.tokens * this.experts);
    this.biases = description.bias === null ? null
      : new Float32Array(bytes.buffer, bytes.byteOffset + description.bias, this.steps * this.layers * this.experts);
  }
  at(step, layer) {
    const size = this.tokens * this.experts;
    const start = (step * this.layers + layer) * size;
    const part = this.array.subarray(start, start + size);
    if (part instanceof Float32Array) return part;
    const table = halfFloats();
    return Float32Array.from(part, (bits) => table[bits]);
  }
  bias(step, layer) {
    const start = (step * this.layers + layer) * this.experts;
    return this.biases && this.biases.subarray(start, start + this.experts);
  }
}
