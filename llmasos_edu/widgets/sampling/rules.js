// The rules of choice: each takes scores (-Infinity for what is ruled out) and gives new ones. The same, to the
// rounding, as `llmasos_edu.generation.rules`, which a test holds them to.

const EPSILON = 16 * 2 ** -52; // by so much a sum of probabilities may be off
const COLDEST = 0.01;

// Tokens in falling order of a number, of equals the first in the vocabulary.
const inOrder = (values) => Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);
const onlyThose = (scores, kept) => scores.map((value, i) => (kept[i] ? value : -Infinity));

// The first tokens in an order until their shares reach a sum; one at least.
function untilReached(order, shares, wanted) {
  const kept = new Uint8Array(shares.length);
  let sum = 0;
  for (const i of order) {
    kept[i] = 1;
    sum += shares[i];
    if (sum >= wanted - EPSILON) break;
  }
  return kept;
}

function penalised(scores, penalty, seen) {
  return scores.map((value, i) => (!seen[i] ? value : value > 0 ? value / penalty : value * penalty));
}

function warmer(scores, temperature) {
  const top = largest(scores);
  const back = top / Math.max(temperature, COLDEST);
  if (temperature === 0) {
    const first = scores.indexOf(top);
    return scores.map((value, i) => (i === first ? value + back : -Infinity));
  }
  return scores.map((value) => (value - top) / temperature + back);
}

function topK(scores, count) {
  const kept = new Uint8Array(scores.length);
  for (const i of inOrder(scores).slice(0, count)) kept[i] = 1;
  return onlyThose(scores, kept);
}

function topP(scores, share) {
  return share === 1 ? scores : onlyThose(scores, untilReached(inOrder(scores), softmax(scores), share));
}

function minP(scores, share) {
  const shares = softmax(scores);
  const least = share * (1 - EPSILON) * largest(shares);
  return onlyThose(scores, shares.map((value) => (value >= least ? 1 : 0)));
}

function typical(scores, mass) {
  if (mass === 1) return scores;
  const shares = softmax(scores);
  const surprise = Array.from(shares, (share) => -Math.log(share));
  const entropy = shares.reduce((sum, share, i) => (share > 0 ? sum + share * surprise[i] : sum), 0);
  const nearness = surprise.map((value) => -Math.abs(value - entropy));
  return onlyThose(scores, untilReached(inOrder(nearness), shares, mass));
}

// What readers see of each rule, and the slider that sets it.
const RULES = {
  repetition_penalty: { words: "Repetition penalty", apply: penalised, min: 1, max: 2, step: 0.05, digits: 2 },
  temperature: { words: "Temperature", apply: warmer, min: 0, max: 2, step: 0.05, digits: 2 },
  top_k: { words: "Top-k", apply: topK, min: 1, max: 100, step: 1, digits: 0 },
  top_p: { words: "Top-p", apply: topP, min: 0.05, max: 1, step: 0.01, digits: 2 },
  min_p: { words: "Min-p", apply: minP, min: 0, max: 0.5, step: 0.01, digits: 2 },
  typical: { words: "Typical", apply: typical, min: 0.05, max: 1, step: 0.01, digits: 2 },
};

// The rules that are on, one after the other: of each the tokens that are left, how many, the probability that it cut
// and the shares after it.
function applyRules(logits, rules, seen) {
  let scores = Float64Array.from(logits);
  let shares = softmax(scores);
  return rules.filter(([, , on]) => on).map(([name, value]) => {
    scores = RULES[name].apply(scores, value, seen);
    const kept = Uint8Array.from(scores, (score) => (score > -Infinity ? 1 : 0));
    const lost = shares.reduce((sum, share, i) => (kept[i] ? sum : sum + share), 0);
    shares = softmax(scores);
    return { name, kept, count: kept.reduce((sum, one) => sum + one, 0), lost, shares };
  });
}
