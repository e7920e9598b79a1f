// Vectors and who is near whom: plain functions of numbers, the same as llmasos_edu.learning.unsupervised.nearest.

const MEASURES = { cosine: "cosine", dot: "dot product", map: "distance on the map" };
const WHOLE = 32767; // a unit vector's number of 1, in 16 bits

// What Python sends, unpacked once: unit vectors, their true lengths, places on the map.
function readEmbedding(model) {
  const [count, dim] = [model.get("words").length, model.get("dim")];
  const numbers = (name, Kind) => {
    const bytes = toBytes(model.get(name));
    return new Kind(bytes.buffer, bytes.byteOffset, bytes.byteLength / Kind.BYTES_PER_ELEMENT);
  };
  const unit = Float64Array.from(numbers("vectors", Int16Array), (value) => value / WHOLE);
  for (let row = 0; row < count; row++) { // rounding made them a little longer or shorter than 1
    const part = unit.subarray(row * dim, (row + 1) * dim);
    const length = Math.hypot(...part);
    if (length) part.forEach((value, i) => { part[i] = value / length; });
  }
  return { count, dim, unit, lengths: numbers("lengths", Float32Array), points: numbers("points", Float32Array) };
}

function mapDistance({ points }, one, other) {
  return Math.hypot(points[2 * one] - points[2 * other], points[2 * one + 1] - points[2 * other + 1]);
}

function likeness(data, one, other, measure) {
  if (measure === "map") return mapDistance(data, one, other);
  let sum = 0;
  for (let i = 0; i < data.dim; i++) sum += data.unit[one * data.dim + i] * data.unit[other * data.dim + i];
  return measure === "dot" ? sum * data.lengths[one] * data.lengths[other] : sum;
}

// The nearest first, [number, value] each; equals by their number; a word is no neighbour of its own.
function neighbours(data, word, count, measure) {
  const sign = measure === "map" ? 1 : -1;
  const all = [];
  for (let other = 0; other < data.count; other++) if (other !== word) all.push([other, likeness(data, word, other, measure)]);
  return all.sort((a, b) => sign * (a[1] - b[1]) || a[0] - b[0]).slice(0, count);
}

// The nearest shown word in a direction on the map, a quarter turn wide; the word itself where there is none.
function wordTowards({ points, count }, word, [down, right], isShown) {
  let [best, found] = [Infinity, word];
  for (let other = 0; other < count; other++) {
    if (other === word || !isShown(other)) continue;
    const [x, y] = [points[2 * other] - points[2 * word], points[2 * other + 1] - points[2 * word + 1]];
    const along = right * x - down * y;
    const aside = Math.abs(right ? y : x);
    if (along > 0 && aside <= along && along + aside < best) [best, found] = [along + aside, other];
  }
  return found;
}

// Words that begin with the text, then words that hold it, letters' case aside.
function search(words, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const at = words.map((word, i) => [i, word.toLowerCase().indexOf(wanted)]).filter(([, place]) => place >= 0);
  return [...at.filter(([, place]) => place === 0), ...at.filter(([, place]) => place > 0)].map(([i]) => i);
}

// -- drawing --

const NO_CLASS = -1;
const LABEL_WIDTH = 6.7; // of a letter of 12 pixels, on average and a little more
const labelBox = (word, x, y, dx = 6, dy = 0) => {
  const width = LABEL_WIDTH * [...word].length + 4;
  return { x: dx < 0 ? x + dx - width : x + dx, y: y + dy - 8, width, height: 16 };
};
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

// Where the words lie on the screen. The scale is the same both ways, or distances would lie.
function embeddingPlan(width, height, data, view) {
  const edge = { left: 16, top: 16, right: 90, bottom: 16 }; // labels stand on the right
  const box = [0, 1].map((axis) => {
    const values = Array.from({ length: data.count }, (_, i) => data.points[2 * i + axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const room = [width - edge.left - edge.right, height - edge.top - edge.bottom];
  const spread = box.map(([low, high]) => high - low || 1);
  const scale = Math.min(room[0] / spread[0], room[1] / spread[1]) * view.zoom;
  const middle = box.map(([low, high], axis) => {
    const seen = room[axis] / scale / 2; // half of what fits: do not look beyond the last word
    const centre = view.zoom > 1 ? data.points[2 * view.word + axis] : (low + high) / 2;
    return low + seen < high - seen ? clamp(centre, low + seen, high - seen) : (low + high) / 2;
  });
  const x = (i) => edge.left + room[0] / 2 + (data.points[2 * i] - middle[0]) * scale;
  const y = (i) => edge.top + room[1] / 2 - (data.points[2 * i + 1] - middle[1]) * scale;
  const inside = (i) => x(i) > 2 && x(i) < width - 2 && y(i) > 2 && y(i) < height - 2;
  return { width, height, x, y, inside };
}

// Where the names of the chosen word, its neighbours and what was found have room: { number: box }, the chosen one first.
function placeNames(plan, look) {
  const places = new Map();
  const ways = [[6, 0], [-6, 0], [4, -14], [4, 14], [-4, -14], [-4, 14]];
  for (const i of new Set([look.word, ...look.near, ...look.found])) {
    if (!plan.inside(i)) continue;
    const wide = i === look.word ? 2 : 1; // beside its frame
    const boxes = ways.map(([dx, dy]) => labelBox(look.words[i], plan.x(i), plan.y(i), wide * dx, dy));
    const fits = (box) => box.x >= 0 && box.x + box.width <= plan.width && [...places.values()].every((other) => !overlap(box, other));
    const box = boxes.find(fits) || (i === look.word ? boxes[0] : null);
    if (box) places.set(i, box);
  }
  return places;
}

// All words that are shown, and the names of as many as have room: frequent ones come first.
function drawWords(c, plan, look, colours) {
  const shown = look.order.filter((i) => look.isShown(i) && plan.inside(i));
  for (const i of [...shown].reverse()) drawMarker(c, plan.x(i), plan.y(i), look.shape(i), look.colour(i), 3.4);
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.textAlign = "left";
  c.fillStyle = colours.soft;
  const named = placeNames(plan, look);
  const taken = [...named.values()];
  for (const i of shown) {
    const box = labelBox(look.words[i], plan.x(i), plan.y(i));
    if (named.has(i) || box.x + box.width > plan.width || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    c.fillText(look.words[i], box.x + 2, plan.y(i));
  }
}

// The chosen word, lines to its neighbours, and their names on paper of their own.
function drawNear(c, plan, look, colours) {
  const at = (i) => [plan.x(i), plan.y(i)];
  c.strokeStyle = colours.mark;
  c.lineWidth = 1.2;
  for (const i of look.near) {
    c.beginPath();
    c.moveTo(...at(look.word));
    c.lineTo(...at(i));
    c.stroke();
  }
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  c.textAlign = "left";
  for (const i of look.found) {
    c.beginPath();
    c.strokeStyle = colours.bar;
    c.lineWidth = 2;
    c.arc(...at(i), 7, 0, 2 * Math.PI);
    c.stroke();
  }
  const named = placeNames(plan, look);
  for (const box of named.values()) {
    c.globalAlpha = 0.85;
    c.fillStyle = colours.paper;
    c.fillRect(box.x, box.y, box.width, box.height);
    c.globalAlpha = 1;
  }
  for (const i of new Set([look.word, ...look.near, ...look.found])) {
    if (plan.inside(i)) drawMarker(c, ...at(i), look.shape(i), look.colour(i), i === look.word ? 5 : 4.2);
  }
  for (const [i, box] of named) {
    c.font = i === look.word ? `bold ${WORD_FONT}` : WORD_FONT;
    c.fillStyle = i === look.word ? colours.mark : colours.ink;
    c.fillText(look.words[i], box.x + 2, box.y + 8);
  }
  const size = 9;
  ring(c, plan.x(look.word) - size, plan.y(look.word) - size, 2 * size, 2 * size, colours.mark);
}
