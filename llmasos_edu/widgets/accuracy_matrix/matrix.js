// The accuracy matrix at a moment of the training, its three summaries, and each task's score as a curve.

// What Python sends, unpacked once.
function readHistory(model) {
  const data = Object.fromEntries(["methods", "tasks", "boundaries", "steps", "baseline", "limits"].map((name) => [name, model.get(name)]));
  const bytes = toBytes(model.get("scores"));
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const many = data.tasks.length;
  data.moments = data.boundaries.at(-1) + 1;
  data.scores = (method, moment) => {
    const from = (data.methods.indexOf(method) * data.moments + moment) * many;
    return numbers.subarray(from, from + many);
  };
  return data;
}

// The stage to which a moment belongs, and whether it ends it.
function stageAt({ boundaries }, moment) {
  const stage = boundaries.findIndex((end) => end >= moment);
  return { stage, ended: boundaries[stage] === moment };
}

// Rows of scores: of finished stages those at their end, of the stage that is running those of this moment, then none.
function matrixAt(data, method, moment) {
  const { stage, ended } = stageAt(data, moment);
  return data.boundaries.map((end, row) => {
    if (row > stage) return { state: "empty", values: [] };
    const running = row === stage && !ended;
    return { state: running ? "running" : "finished", values: [...data.scores(method, running ? moment : end)] };
  });
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// Of the finished rows, k of them, and their tasks alone (Lopez-Paz and Ranzato 2017, section 2); null: not defined.
function summaries(rows, baseline) {
  const finished = rows.filter((row) => row.state === "finished").map((row) => row.values);
  const k = finished.length;
  if (!k) return { k, average: null, backward: null, forward: null };
  const last = finished[k - 1].slice(0, k);
  const earlier = last.slice(0, k - 1).map((value, task) => value - finished[task][task]);
  const ahead = finished.slice(0, k - 1).map((values, row) => values[row + 1] - baseline[row + 1]);
  return { k, average: mean(last), backward: k > 1 ? mean(earlier) : null, forward: k > 1 && baseline.length ? mean(ahead) : null };
}

// -- colours of cells --

const brightness = (colour) => {
  const [red, green, blue] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

// The cell's colour, and of black and white the one that is read on it.
function cellColours(value, [low, high]) {
  const step = Math.round(clamp((value - low) / (high - low), 0, 1) * (RAMP_STEPS - 1));
  return { paper: RAMP_CSS[step], ink: brightness(RAMP[step]) > 0.179 ? "#000" : "#fff" };
}

// -- curves --

function curvePlan(width, height, { moments, steps, limits: [low, high] }) {
  const edge = { left: 36, right: 10, top: 20, bottom: 8 };
  const places = steps.length ? steps : Array.from({ length: moments }, (_, i) => i);
  const [first, last] = [places[0], places.at(-1)];
  const [wide, tall] = [width - edge.left - edge.right, height - edge.top - edge.bottom];
  const x = (moment) => edge.left + ((places[moment] - first) / (last - first || 1)) * wide;
  const y = (score) => edge.top + tall - ((score - low) / (high - low)) * tall;
  const nearest = (at) => places.reduce((best, _, i) => (Math.abs(x(i) - at) < Math.abs(x(best) - at) ? i : best), 0);
  return { width, height, x, y, nearest, left: edge.left, right: width - edge.right, top: edge.top, bottom: height - edge.bottom };
}

function line(c, points) {
  c.beginPath();
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.stroke();
}

// The stages with their tasks' names, the scale, and all curves, pale: what is to come.
function drawStages(c, plan, data, method, tints, colours) {
  const { tasks, boundaries, limits } = data;
  c.font = WORD_FONT;
  c.textBaseline = "middle";
  boundaries.forEach((end, stage) => {
    const [from, to] = [stage ? plan.x(boundaries[stage - 1]) : plan.left, plan.x(end)];
    c.globalAlpha = 0.22;
    c.fillStyle = colours.line;
    if (stage % 2 === 0) c.fillRect(from, plan.top, to - from, plan.bottom - plan.top);
    c.globalAlpha = 1;
    c.fillStyle = colours.soft;
    c.textAlign = "center";
    c.fillText(shorten(tasks[stage], Math.max(1, Math.floor((to - from) / 7))), (from + to) / 2, 9);
  });
  c.textAlign = "right";
  for (const score of [limits[0], (limits[0] + limits[1]) / 2, limits[1]]) {
    c.fillStyle = colours.soft;
    c.fillText(figure(score, 2), plan.left - 5, clamp(plan.y(score), 8, plan.height - 8));
    c.strokeStyle = colours.line;
    c.lineWidth = 1;
    line(c, [[plan.left, plan.y(score)], [plan.right, plan.y(score)]]);
  }
  c.globalAlpha = 0.35;
  c.lineWidth = 1.2;
  tasks.forEach((_, task) => {
    c.strokeStyle = tints[task];
    line(c, Array.from({ length: data.moments }, (_, moment) => [plan.x(moment), plan.y(data.scores(method, moment)[task])]));
  });
  c.globalAlpha = 1;
}

// The curves so far, the moment as a line, and on it each task's sign.
function drawSoFar(c, plan, data, method, moment, tints, colours) {
  c.strokeStyle = colours.ink;
  c.lineWidth = 1;
  line(c, [[plan.x(moment), plan.top - 4], [plan.x(moment), plan.bottom]]);
  data.tasks.forEach((_, task) => {
    c.strokeStyle = tints[task];
    c.lineWidth = 2.2;
    const past = Array.from({ length: moment + 1 }, (_, each) => [plan.x(each), plan.y(data.scores(method, each)[task])]);
    if (moment) line(c, past);
    drawMarker(c, ...past[moment], SHAPES[task], tints[task], 4.5);
  });
}
