// Choosing tokens out of probabilities: the likeliest, or one by a chance that seed and place decide.

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
