// Numbers of the dark-knowledge explorer: from bytes to probabilities, entropies, divergences, gradients.

// What Python sent, ready to be asked: { models, rows, logits, tables, temperatures, vocab, starts, width }.
function readKnowledge(get) {
  const floats = (name) => {
    const bytes = toBytes(get(name));
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  };
  const data = Object.fromEntries(["pieces", "ids", "models", "vocab", "rows", "temperatures"].map((name) => [name, get(name)]));
  let next = 0;
  const starts = data.rows.map((row) => (next += row.length) - row.length);
  return { ...data, starts, logits: floats("logits"), tables: floats("tables"), width: 4 * data.models.length - 2 };
}

function quantity(data, position, step, number) {
  return data.tables[(position * data.temperatures.length + step) * data.width + number];
}

// Everything on show after one token at one temperature: `rows[row][model]` and `others[model]` are shares of 1.
function knowledge(data, position, step) {
  const count = data.models.length;
  const temperature = data.temperatures[step];
  const logit = (row, model) => data.logits[(data.starts[position] + row) * count + model];
  const weights = data.rows[position].map((_, row) => data.models.map((_, model) => Math.exp(logit(row, model) / temperature)));
  const outside = data.models.map((_, model) => Math.exp(quantity(data, position, step, model)));
  const sums = outside.map((other, model) => weights.reduce((sum, row) => sum + row[model], other));
  const rows = weights.map((row) => row.map((weight, model) => weight / sums[model]));
  const table = (first, n) => Array.from({ length: n }, (_, i) => quantity(data, position, step, first + i));
  return {
    temperature, rows, others: outside.map((other, model) => other / sums[model]),
    entropy: table(count, count), forward: table(2 * count, count - 1), reverse: table(3 * count - 1, count - 1),
    favourite: data.models.map((_, model) => favourite(rows, model)),
  };
}

// Row of a model's likeliest token: it is always among the rows shown.
function favourite(rows, model) {
  return rows.reduce((best, row, i) => (row[model] > rows[best][model] ? i : best), 0);
}

// Derivative of T^2 KL(teacher || student) by each of a student's logits, T (q - p): [row][student].
function pull(found) {
  return found.rows.map(([p, ...students]) => students.map((q) => found.temperature * (q - p)));
}

// The smallest of 1, 2 or 5 times a power of ten that is at least the share: where the axis of the bars ends.
function axisEnd(share) {
  const power = 10 ** Math.floor(Math.log10(share));
  return Math.min(1, [1, 2, 5, 10].map((n) => n * power).find((end) => end >= share * 0.999999));
}

const LOG_FLOOR = 1e-6;

// Length of a bar from 0 to 1; the logarithmic axis runs from a millionth to 1.
function barLength(share, end, logarithmic) {
  if (!logarithmic) return clamp(share / end, 0, 1);
  return clamp(1 - Math.log10(share) / Math.log10(LOG_FLOOR), 0, 1);
}

function sharePercent(share) {
  const percent = 100 * share;
  if (share > 0.9905 && share < 0.9995) return `${percent.toFixed(1)} %`;
  if (share >= 0.0995) return `${percent.toFixed(0)} %`;
  if (share >= 0.000995) return `${percent.toFixed(1)} %`;
  return share >= 0.0000095 ? `${percent.toFixed(3)} %` : "< 0.001 %";
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
const shownTemperature = (temperature) => String(Number(temperature.toFixed(temperature < 10 ? 2 : 1)));
