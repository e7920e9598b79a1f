// Signs and colours for a few classes or tasks.

// Any CSS colour: a canvas reads it and says it in hexadecimal.
function isDark(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue < 128;
}

// Okabe and Ito's colours, darker on white and lighter on black; each class or task has a shape of its own as well.
const CLASS_COLOURS = {
  light: ["#0072b2", "#b34700", "#007a59", "#a3457a", "#7a5c00", "#2a7fb0", "#5a4fcf", "#1b1f24"],
  dark: ["#56b4e9", "#ff9d4d", "#2fc79a", "#e59ac4", "#f0e442", "#9fd3f5", "#b3aaff", "#e6e8eb"],
};
const SHAPES = ["disc", "square", "up", "diamond", "down", "cross", "bar", "ring"];

function drawMarker(c, x, y, kind, colour, size) {
  c.fillStyle = c.strokeStyle = colour;
  const outline = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
    up: [[0, -1.2], [1.2, 0.9], [-1.2, 0.9]],
    diamond: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]],
    down: [[0, 1.2], [1.2, -0.9], [-1.2, -0.9]],
    cross: [[-1.2, -0.4], [-0.4, -0.4], [-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
      [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4]],
    bar: [[-1.4, -0.5], [1.4, -0.5], [1.4, 0.5], [-1.4, 0.5]],
  }[kind];
  c.beginPath();
  if (outline) outline.forEach(([dx, dy], i) => (i ? c.lineTo(x + dx * size, y + dy * size) : c.moveTo(x + dx * size, y + dy * size)));
  else c.arc(x, y, kind === "dot" ? size * 0.6 : size, 0, 2 * Math.PI);
  if (kind !== "ring") return c.fill();
  c.lineWidth = 1.5;
  return c.stroke();
}
