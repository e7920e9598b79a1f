// What every explorer needs: bytes, half floats, colours, elements, files. Plain functions, no framework.

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

// Calls back when JupyterLab's theme or the system's colour scheme changes; returns the way to stop.
function onThemeChange(callback) {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(callback);
  const options = { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "data-theme"] };
  for (const node of [document.body, document.documentElement]) observer.observe(node, options);
  query.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", callback);
  };
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function escapeXml(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (letter) => names[letter]);
}

// A picture of SVG text, for saving as PNG: one drawing serves both files.
async function rasterise(svg, width, height, scale) {
  const picture = new Image();
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    await new Promise((resolve, reject) => {
      picture.onload = resolve;
      picture.onerror = () => reject(new Error("the browser could not draw the picture"));
      picture.src = url;
    });
    const canvas = make("canvas", { width: width * scale, height: height * scale });
    canvas.getContext("2d").drawImage(picture, 0, 0, width * scale, height * scale);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const shorten = (text, length) => ([...text].length > length ? [...text].slice(0, length - 1).join("") + "…" : text);

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const LABEL_FONT = '12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const WORD_FONT = "12px system-ui, sans-serif";

// A control with its words beside it.
function field(words, ...children) {
  return make("label", { class: "lm-field" }, make("span", {}, words), ...children);
}

function button(words, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, words);
}

const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;

// JupyterLab takes plain keys for itself (arrows leave the output, letters are commands): keep ours here.
function keepKey(event) {
  if (!withModifier(event)) event.stopPropagation();
}

// Runs what a key means, if it means something here.
function press(event, action) {
  if (!action || withModifier(event)) return;
  event.preventDefault();
  action();
}

// A dark and a light line together: seen on any colour.
function ring(c, x, y, width, height, colour) {
  c.lineWidth = 3;
  c.strokeStyle = "#000";
  c.strokeRect(x, y, width, height);
  c.lineWidth = 1.5;
  c.strokeStyle = colour;
  c.strokeRect(x, y, width, height);
}

// Calls back when the element's width changes: our own height must not start another drawing.
function onWidthChange(element, callback) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    callback();
  });
  observer.observe(element);
  return () => observer.disconnect();
}

// Calls back with { name: value } when Python, or another view, changes a trait to what is not in the view.
function onTraitChange(model, view, names, callback) {
  const handlers = names.map((name) => {
    const handler = () => {
      if (String(model.get(name)) !== String(view[name])) callback({ [name]: model.get(name) });
    };
    model.on(`change:${name}`, handler);
    return [`change:${name}`, handler];
  });
  return () => handlers.forEach(([event, handler]) => model.off(event, handler));
}

// Tells Python the changed traits, a little later: a held arrow key must not send thirty messages a second.
function teller(model) {
  let timer = 0;
  const tell = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    clearTimeout(timer);
    timer = setTimeout(() => model.save_changes(), 250);
  };
  tell.stop = () => clearTimeout(timer);
  return tell;
}

// Several changes within one frame are drawn once. Returns the way to ask for a drawing, with a way to stop.
function painter(paint) {
  let [frame, alive] = [0, true];
  const ask = () => {
    if (frame || !alive) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      paint();
    });
  };
  ask.stop = () => {
    alive = false;
    cancelAnimationFrame(frame);
  };
  return ask;
}

function readColours(root, colours) {
  const style = getComputedStyle(root);
  for (const name of ["ink", "soft", "line", "bar", "mark", "paper"]) colours[name] = style.getPropertyValue(`--lm-${name}`).trim();
}

// `picture()` gives { svg, width, height }; `name()` the file's name without its ending.
function saveButtons(picture, name) {
  const saveSvg = () => download(new Blob([picture().svg], { type: "image/svg+xml" }), `${name()}.svg`);
  const savePng = async () => {
    const { svg, width, height } = picture();
    download(await rasterise(svg, width, height, 2), `${name()}.png`);
  };
  return make("span", { class: "lm-save" }, button("PNG", savePng), button("SVG", saveSvg));
}

// The few words of a canvas context that our panels use, written down as SVG: one drawing, screen and file.
class SvgPen {
  constructor(title, width, height) {
    const size = `width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}"`;
    this.parts = [`<svg xmlns="http://www.w3.org/2000/svg" ${size}>`,
      `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/>`];
    Object.assign(this, { x: 0, y: 0, path: "", dash: [], lineWidth: 1, globalAlpha: 1, font: WORD_FONT, textAlign: "left" });
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000" });
  }
  at(x, y) {
    Object.assign(this, { x, y });
  }
  text() {
    return [...this.parts, "</svg>"].join("\n");
  }
  place(x, y) {
    return `${(this.x + x).toFixed(2)} ${(this.y + y).toFixed(2)}`;
  }
  add(path, fill) {
    const line = `fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}" stroke-dasharray="${this.dash}"`;
    this.parts.push(`<path d="${path}" opacity="${this.globalAlpha}" ${fill ? `fill="${this.fillStyle}"` : line}/>`);
  }
  box(x, y, width, height) {
    return `M${this.place(x, y)}h${width.toFixed(2)}v${height.toFixed(2)}h${(-width).toFixed(2)}z`;
  }
  fillRect(...box) {
    this.add(this.box(...box), true);
  }
  strokeRect(...box) {
    this.add(this.box(...box), false);
  }
  setLineDash(dash) {
    this.dash = dash;
  }
  beginPath() {
    this.path = "";
  }
  moveTo(x, y) {
    this.path += `M${this.place(x, y)}`;
  }
  lineTo(x, y) {
    this.path += `L${this.place(x, y)}`;
  }
  arc(x, y, radius, from, to, back = false) {
    const end = (angle) => this.place(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    const [middle, sweep] = [(from + to) / 2, back ? 0 : 1]; // two halves: SVG draws no full circle in one
    const half = `A${radius} ${radius} 0 0 ${sweep}`;
    this.path += `${this.path ? "L" : "M"}${end(from)}${half} ${end(middle)}${half} ${end(to)}`;
  }
  fill() {
    this.add(this.path, true);
  }
  stroke() {
    this.add(this.path, false);
  }
  drawImage(canvas, x, y, width, height) {
    const place = `x="${this.x + x}" y="${this.y + y}" width="${width}" height="${height}"`;
    this.parts.push(`<image ${place} preserveAspectRatio="none" style="image-rendering:pixelated" href="${canvas.toDataURL()}"/>`);
  }
  fillText(words, x, y) {
    const anchor = { center: "middle", right: "end" }[this.textAlign] || "start";
    const style = `style="font:${escapeXml(this.font)}" text-anchor="${anchor}" dominant-baseline="central" opacity="${this.globalAlpha}"`;
    this.parts.push(`<text x="${this.x + x}" y="${this.y + y}" fill="${this.fillStyle}" ${style}>${escapeXml(words)}</text>`);
  }
}
