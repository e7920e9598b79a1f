// What the expert-load explorer says of a scene, in words and numbers.

// The four large numbers: [name, value, note].
function figuresOf({ statistics, routing }) {
  const assigned = routing.topK * routing.tokens;
  const best = Number(Math.log2(routing.experts).toFixed(2));
  const lost = `of ${assigned.toLocaleString("en")} assignments, ${((100 * statistics.numDropped) / assigned).toFixed(1)} %`;
  return [
    ["Maximum over mean", statistics.maxOverMean.toFixed(2), `load; 1 is even, most: expert ${statistics.busiest}`],
    ["Dropped", statistics.numDropped.toLocaleString("en"), Number.isFinite(routing.capacity) ? lost : "no limit, nothing is dropped"],
    ["Balance loss", statistics.balanceLoss.toFixed(3), `${routing.topK} is even, ${routing.experts} all on one`],
    ["Entropy, bits", statistics.entropy.toFixed(2), `0 is sure, ${best} knows nothing`],
  ];
}

function stripNote(scene, strip, marked) {
  const seen = strip.last - strip.first + 1;
  const part = seen < scene.count ? `Words of ${seen} of the ${scene.count} tokens on show. ` : "";
  const map = marked ? "In the map: ○ the expert is chosen (small: second choice and later), × it was full, the assignment is dropped. "
    : "Too many tokens on show to mark the choices: show fewer. ";
  return `${part}${map}In the text: framed words go to expert ${scene.expert}; × at a word: an expert of its choice `
    + "was full, a line through it: all were, and the layer's experts add nothing to it.";
}

function tokenName({ tokens, domains, letters, domainOf }, token) {
  return span(`token ${token} `, make("b", {}, tokens[token]), domains.length ? ` ${letters[domainOf[token]]} ${domains[domainOf[token]]}` : "");
}

// How a token's assignment to an expert went: { rank, gate, kept, place }, or null.
function assignment({ routing }, token, expert) {
  for (let rank = 0; rank < routing.topK; rank++) {
    const i = rank * routing.tokens + token;
    if (routing.chosen[i] === expert) return { rank, gate: routing.gates[i], kept: Boolean(routing.kept[i]), place: routing.place[i] };
  }
  return null;
}

function queue({ routing }, { place }) {
  return `place ${place + 1}${Number.isFinite(routing.capacity) ? ` of ${routing.capacity}` : ""}`;
}

// The cell under the cursor.
function cellWords(scene) {
  const { routing, token, expert } = scene;
  const found = assignment(scene, token, expert);
  const fate = found ? `choice ${found.rank + 1}, gate ${found.gate.toFixed(3)}, ${queue(scene, found)}: ${found.kept ? "kept" : "dropped"}` : "not chosen";
  return [tokenName(scene, token), span("→"), span(`expert ${expert}`), make("span", { class: "lm-where" }, "probability"),
    make("strong", { class: "lm-weight" }, routing.probs[token * routing.experts + expert].toFixed(3)), make("span", { class: "lm-where" }, fate)];
}

// The chosen expert: { title, text, listed } with its tokens, the largest gate first.
function expertWords(scene) {
  const { routing, statistics, expert, domains, letters, domainOf, filter } = scene;
  const mine = [];
  for (let token = 0; token < routing.tokens; token++) {
    const found = assignment(scene, token, expert);
    if (found) mine.push({ token, ...found });
  }
  const lost = statistics.dropped[expert];
  const shares = domains.map((name, i) => `${letters[i]} ${name} ${mine.filter(({ token }) => domainOf[token] === i).length}`).join(", ");
  const which = filter < 0 ? "" : `, ${domains[filter]} alone`;
  return {
    title: `Expert ${expert}: ${mine.length} ${mine.length === 1 ? "token" : "tokens"}${lost ? `, ${lost} dropped` : ""}`,
    text: `${shares ? `${shares}. ` : ""}Mean probability ${statistics.meanProb[expert].toFixed(3)}.` + (mine.length ? ` Largest gates first${which}:` : ""),
    listed: mine.filter(({ token }) => filter < 0 || domainOf[token] === filter).sort((a, b) => b.gate - a.gate || a.place - b.place),
  };
}

// The chosen token's experts: { rows, dropped }. Its own in their order, then the likeliest of the others: with a
// bias a likelier one may be passed over.
function tokenWords(scene, most) {
  const { routing, token } = scene;
  const at = (expert) => routing.probs[token * routing.experts + expert];
  const all = Array.from({ length: routing.experts }, (_, expert) => ({ expert, found: assignment(scene, token, expert) }));
  all.sort((a, b) => (a.found ? a.found.rank : Infinity) - (b.found ? b.found.rank : Infinity) || at(b.expert) - at(a.expert) || a.expert - b.expert);
  const rows = all.slice(0, most).map(({ expert, found }) => [`expert ${expert}`, at(expert).toFixed(3), found ? found.gate.toFixed(3) : "–",
    found ? `${found.kept ? "kept" : "dropped"}, ${queue(scene, found)}` : "not chosen"]);
  return { rows, dropped: all.filter(({ found }) => found && !found.kept).length };
}
