// Gradients in a plane as pairs of numbers: cosine, PCGrad, what a step does; and how they are drawn.

const dot = ([a, b], [c, d]) => a * c + b * d;
const length = ([x, y]) => Math.hypot(x, y);
const scaled = ([x, y], by) => [x * by, y * by];
const plus = ([a, b], [c, d]) => [a + c, b + d];
const total = (vectors) => vectors.reduce(plus, [0, 0]);

// null where one of the two has no direction.
function cosine(one, other) {
  const lengths = length(one) * length(other);
  return lengths ? clamp(dot(one, other) / lengths, -1, 1) : null;
}

// Yu et al. 2020, algorithm 1, the others taken in the order of their numbers or against it.
function pcgrad(gradients, reverse) {
  return gradients.map((gradient, i) => {
    const others = gradients.filter((_, j) => j !== i);
    if (reverse) others.reverse();
    return others.reduce((g, other) => (dot(g, other) < 0 ? plus(g, scaled(other, -dot(g, other) / dot(other, other))) : g), gradient);
  });
}

// The change of each task's loss by a step against a direction, to first order.
function firstOrder(gradients, direction, learningRate) {
  return gradients.map((gradient) => {
    const change = -learningRate * dot(gradient, direction);
    return Math.abs(change) < 1e-9 * learningRate * length(gradient) * length(direction) ? 0 : change;
  });
}

// What the controls mean, worked out: the tasks' pulls, their sum, the pulls after PCGrad and their sum.
function surgery({ gradients, weights, reverse }) {
  const pulls = gradients.map((gradient, i) => scaled(gradient, weights[i]));
  const operated = pcgrad(pulls, reverse);
  return { pulls, operated, sum: total(pulls), operatedSum: total(operated) };
}

// The part of a square where a direction agrees with all gradients: half planes cut it, one after the other.
function agreement(gradients, reach) {
  const square = [[-reach, -reach], [reach, -reach], [reach, reach], [-reach, reach]];
  return gradients.filter(length).reduce((corners, gradient) => corners.flatMap((corner, i) => {
    const next = corners[(i + 1) % corners.length];
    const [here, there] = [dot(gradient, corner), dot(gradient, next)];
    const kept = here >= 0 ? [corner] : [];
    if (here * there < 0) kept.push(plus(corner, scaled(plus(next, scaled(corner, -1)), here / (here - there))));
    return kept;
  }), square);
}

// -- drawing --

function planePlan(size, reach) {
  const middle = size / 2;
  const scale = middle / reach;
  return { size, middle, scale, reach, x: ([x]) => middle + x * scale, y: ([, y]) => middle - y * scale,
    point: (left, top) => [(left - middle) / scale, (middle - top) / scale] };
}

function stroke(c, plan, from, to, colour, width, dash = []) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.setLineDash(dash);
  c.beginPath();
  c.moveTo(plan.x(from), plan.y(from));
  c.lineTo(plan.x(to), plan.y(to));
  c.stroke();
  c.setLineDash([]);
}

// Where an arrow ends on the plane: at its tip, or at the edge where it goes on beyond.
function visibleEnd(plan, vector) {
  const over = Math.max(Math.abs(vector[0]), Math.abs(vector[1])) / plan.reach;
  return { beyond: over > 1, end: over > 1 ? scaled(vector, 1 / over) : vector };
}

function arrow(c, plan, vector, colour, width, dash) {
  const { beyond, end } = visibleEnd(plan, vector);
  const size = 4 + 2.6 * width;
  if (length(end) * plan.scale < 1) return;
  const turn = Math.atan2(end[1], end[0]);
  const back = (by, side) => plus(end, scaled([-Math.cos(turn + side), -Math.sin(turn + side)], by / plan.scale));
  stroke(c, plan, [0, 0], beyond ? end : back(size * 0.7, 0), colour, width, dash);
  if (beyond) return;
  c.fillStyle = colour;
  c.beginPath();
  [end, back(size, 0.42), back(size, -0.42)].forEach((corner, i) => (i ? c.lineTo(plan.x(corner), plan.y(corner)) : c.moveTo(plan.x(corner), plan.y(corner))));
  c.fill();
}

function drawGround(c, plan, colours) {
  const { reach, middle, size } = plan;
  c.strokeStyle = colours.line;
  c.lineWidth = 1;
  stroke(c, plan, [-reach, 0], [reach, 0], colours.line, 1);
  stroke(c, plan, [0, -reach], [0, reach], colours.line, 1);
  const step = 10 ** Math.floor(Math.log10(reach));
  const radius = [5, 2, 1, 0.5].map((many) => many * step).find((each) => each <= 0.9 * reach);
  c.beginPath();
  c.arc(middle, middle, radius * plan.scale, 0, 2 * Math.PI);
  c.stroke();
  label(c, plan, `length ${written(radius)}`, middle + 4, middle + radius * plan.scale - 9, colours.soft, colours);
  c.strokeRect(0.5, 0.5, size - 1, size - 1);
}

// Words on the plane, kept within it, on paper of their own.
function label(c, plan, words, x, y, colour, colours) {
  const wide = 6.9 * [...words].length + 6;
  const left = clamp(x, 3, plan.size - wide - 3);
  const top = clamp(y, 11, plan.size - 11);
  c.globalAlpha = 0.8;
  c.fillStyle = colours.paper;
  c.fillRect(left, top - 8, wide, 16);
  c.globalAlpha = 1;
  c.font = WORD_FONT;
  c.textAlign = "left";
  c.textBaseline = "middle";
  c.fillStyle = colour;
  c.fillText(words, left + 3, top);
}

// Beside an arrow's end, on the side to which it points.
function nameEnd(c, plan, vector, words, colour, colours) {
  const { beyond, end } = visibleEnd(plan, vector);
  const text = beyond ? `${words}, goes on` : words;
  const wide = 6.9 * [...text].length + 6;
  label(c, plan, text, plan.x(end) + (end[0] < 0 ? -wide - 8 : 8), plan.y(end) + (end[1] < 0 ? 10 : -10), colour, colours);
}

// A number of three digits that are not zero at their front, with no minus before zero.
function written(value) {
  return value === 0 ? "0" : String(Number(value.toPrecision(3))).replaceAll("-", "−");
}

// Arrows of tasks, of what PCGrad leaves of them, and of the two sums; the part where all losses fall is shaded.
function drawGradients(c, plan, view, { pulls, operated, sum, operatedSum }, names, tints, colours) {
  const shaded = agreement(view.gradients, plan.reach);
  c.globalAlpha = 0.16;
  c.fillStyle = colours.bar;
  c.beginPath();
  shaded.forEach((corner, i) => (i ? c.lineTo(plan.x(corner), plan.y(corner)) : c.moveTo(plan.x(corner), plan.y(corner))));
  c.fill();
  c.globalAlpha = 1;
  view.gradients.forEach((gradient, i) => {
    const moved = length(plus(operated[i], scaled(pulls[i], -1))) * plan.scale > 1;
    if (view.show_pcgrad && moved) {
      stroke(c, plan, visibleEnd(plan, pulls[i]).end, visibleEnd(plan, operated[i]).end, tints[i], 1, [2, 3]);
      arrow(c, plan, operated[i], tints[i], 1.6, [5, 3]);
    }
    arrow(c, plan, gradient, tints[i], i === view.task ? 4 : 3, []);
  });
  if (view.show_sum) arrow(c, plan, sum, colours.ink, 2.2, []);
  if (view.show_pcgrad) arrow(c, plan, operatedSum, colours.ink, 2.2, [7, 4]);
  view.gradients.forEach((gradient, i) => nameEnd(c, plan, gradient, names[i], tints[i], colours));
  if (view.show_sum) nameEnd(c, plan, sum, "sum", colours.ink, colours);
  const apart = length(plus(sum, scaled(operatedSum, -1))) * plan.scale > 12;
  if (view.show_pcgrad && (apart || !view.show_sum)) nameEnd(c, plan, operatedSum, "PCGrad", colours.ink, colours);
  pulls.forEach((pull, i) => { // where a weight puts the tip: last, or a name's paper would cover it
    const { end } = visibleEnd(plan, pull);
    if (view.weights[i] !== 1) drawMarker(c, plan.x(end), plan.y(end), SHAPES[i], tints[i], 5);
  });
}
