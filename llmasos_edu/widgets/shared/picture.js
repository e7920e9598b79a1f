// Pictures to keep: one drawing, by the functions that draw the screen, as SVG and as PNG.

const PAPER = { ink: "#1b1f24", soft: "#57606a", line: "#8a9099", bar: "#0072b2", mark: "#b34700", paper: "#fff" };
const HEADING_FONT = "600 14px sans-serif";

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
// The heading stands at its top.
class SvgPen {
  constructor(title, width, height, heading = title) {
    const size = `width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}"`;
    this.parts = [`<svg xmlns="http://www.w3.org/2000/svg" ${size}>`,
      `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/>`];
    Object.assign(this, { width: Math.ceil(width), height: Math.ceil(height), x: 0, y: 0, path: "", dash: [], lineWidth: 1, globalAlpha: 1, font: WORD_FONT, textAlign: "left" });
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", angle: 0, kept: [] });
    this.write(heading, 10, 18, { font: HEADING_FONT });
  }
  save() {
    this.kept.push([this.x, this.y, this.angle]);
  }
  restore() {
    [this.x, this.y, this.angle] = this.kept.pop();
  }
  translate(x, y) {
    this.at(this.x + x, this.y + y);
  }
  rotate(angle) { // of words alone: nothing else is turned
    this.angle = angle;
  }
  at(x, y) {
    Object.assign(this, { x, y });
  }
  picture() {
    return { svg: [...this.parts, "</svg>"].join("\n"), width: this.width, height: this.height };
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
    const [left, top] = [(this.x + x).toFixed(2), (this.y + y).toFixed(2)];
    const turn = this.angle ? ` transform="rotate(${Math.round((this.angle * 180) / Math.PI)} ${left} ${top})"` : "";
    this.parts.push(`<text x="${left}" y="${top}" fill="${this.fillStyle}" ${style}${turn}>${escapeXml(words)}</text>`);
  }
  write(words, x, y, { font = WORD_FONT, align = "left", colour = PAPER.ink } = {}) {
    Object.assign(this, { font, textAlign: align, fillStyle: colour });
    this.fillText(words, x, y);
  }
}
