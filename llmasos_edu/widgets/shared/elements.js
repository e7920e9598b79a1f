// What every explorer needs: bytes, half floats, colours, elements. Plain functions, no framework.

// Jupyter hands a binary trait over as a DataView, a hand-written page may hold base64.
function toBytes(value) {
  if (typeof value === "string") return Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  // Typed arrays of two and four bytes need aligned starts; a copy starts at zero.
  return bytes.byteOffset % 4 ? bytes.slice() : bytes;
}

// All 65,536 half floats, once: decoding a map is then one table read per weight (Float16Array is too new).
let halfTable;
function halfFloats() {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) halfTable[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halfTable[bits] = fraction ? NaN : sign * Infinity;
    else halfTable[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halfTable;
}

// matplotlib's cividis at 33 equal steps, straight lines between: even for colour-blind readers, and in grey.
const CIVIDIS =
  "00224e00285b002e6a0433711a386f273e6e32436d3b496c434e6c4b546c52596d5a5f6e61656f686a716f7073757676" +
  "7c7b788481798b8778938d789b9376a39a75aba072b3a670bbad6cc3b469ccba64d4c15fddc958e6d051efd748f8df3cfee838";

// matplotlib's RdBu, turned round: blue below zero, white at zero, red above; told apart by colour-blind readers.
const RED_BLUE = "0530612166ac4393c392c5ded1e5f0f7f7f7fddbc7f4a582d6604db2182b67001f";

const RAMP_STEPS = 256;
function rampColours(hexStops, steps) {
  const stops = hexStops.match(/.{6}/g).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const colours = [];
  for (let step = 0; step < steps; step++) {
    const place = (step / (steps - 1)) * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    colours.push(stops[left].map((from, i) => Math.round(from + (place - left) * (stops[left + 1][i] - from))));
  }
  return colours;
}
const toCss = ([red, green, blue]) => `rgb(${red},${green},${blue})`;
const toPixel = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;
const RAMP = rampColours(CIVIDIS, RAMP_STEPS);
const RAMP_CSS = RAMP.map(toCss);
const RAMP_PIXELS = Uint32Array.from(RAMP, toPixel);

// An element with attributes, listeners (onclick: ...) and children. Strings become text, never HTML.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function option(value, text) {
  return make("option", { value }, text);
}

// Size a canvas in CSS pixels for a sharp picture on this screen; returns its context, scaled.
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const shorten = (text, length) => ([...text].length > length ? [...text].slice(0, length - 1).join("") + "…" : text);

// A number with no minus before zero.
function figure(value, digits = 3) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const LABEL_FONT = '12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const WORD_FONT = "12px system-ui, sans-serif";

// A dark and a light line together: seen on any colour.
function ring(c, x, y, width, height, colour) {
  c.lineWidth = 3;
  c.strokeStyle = "#000";
  c.strokeRect(x, y, width, height);
  c.lineWidth = 1.5;
  c.strokeStyle = colour;
  c.strokeRect(x, y, width, height);
}
