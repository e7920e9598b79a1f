// The memory map: a box a block, with its holder's colour and number; shared, swapped and known ones have signs.

const BLOCK_FONT = "11px system-ui, sans-serif";
const BLOCK_BOLD = `bold ${BLOCK_FONT}`;

// Boxes in lines, as large as the width and `tallest` allow; below them a shelf for `shelf` boxes that are swapped out.
function blocksPlan(width, count, { tallest = 260, largest = 40, smallest = 9, shelf = 0 } = {}) {
  let cell = largest;
  while (cell > smallest && Math.ceil(count / Math.max(1, Math.floor(width / cell))) * cell > tallest) cell--;
  const columns = Math.max(1, Math.min(count, Math.floor(width / cell)));
  const lines = Math.ceil(count / columns);
  const at = (block) => [(block % columns) * cell, Math.floor(block / columns) * cell];
  const find = (x, y) => {
    const [column, line] = [Math.floor(x / cell), Math.floor(y / cell)];
    const block = line * columns + column;
    return column >= 0 && column < columns && line >= 0 && block < count ? block : null;
  };
  const shelfTop = lines * cell + 20;
  const onShelf = (i) => [(i % columns) * cell, shelfTop + Math.floor(i / columns) * cell];
  return { cell, columns, lines, at, find, onShelf, width, height: shelf ? shelfTop + Math.ceil(shelf / columns) * cell + 2 : lines * cell + 2 };
}

// One box. Other processes' boxes are pale while one is chosen; `filled` is drawn as a level.
function drawBlock(c, x, y, side, { owners, filled = 1, known = false, written = false, pale = false }, colours) {
  c.lineWidth = 1;
  c.fillStyle = colours.paper;
  c.fillRect(x, y, side, side);
  c.globalAlpha = pale ? 0.3 : 1;
  const wide = side / Math.max(1, owners.length);
  owners.forEach((pid, i) => { // a shared block has a stripe of each holder
    c.fillStyle = ownerColour(pid)[0];
    c.globalAlpha = (pale ? 0.3 : 1) * 0.3;
    c.fillRect(x + i * wide, y, wide, side);
    c.globalAlpha = pale ? 0.3 : 1;
    c.fillRect(x + i * wide, y + side * (1 - filled), wide, side * filled);
  });
  c.globalAlpha = 1;
  if (known) strokeLines(c, hatch(x, y, side, side, Math.max(4, side / 4)), colours.soft, 1);
  c.strokeStyle = owners.length ? colours.ink : colours.line;
  c.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  if (side < 12) return;
  if (owners.length > 1) { // its frame is double
    c.strokeStyle = colours.ink;
    c.lineWidth = 3;
    c.strokeRect(x + 1.5, y + 1.5, side - 3, side - 3);
  }
  if (owners.length) blockLabel(c, x, y, side, owners.length > 1 ? `${owners.length}×` : String(owners[0]), colours);
  if (written && side >= 16) { // its corner is folded
    c.fillStyle = colours.ink;
    c.fillRect(x + side - 6, y + 2, 4, 4);
  }
}

// The number stands on a plate of its own, so it reads on every level and colour.
function blockLabel(c, x, y, side, words, colours) {
  c.font = side < 18 ? `9px ${BLOCK_FONT.slice(5)}` : BLOCK_BOLD;
  const wide = words.length * (side < 18 ? 5.2 : 6.8) + 3;
  if (wide > side) return;
  const tall = side < 18 ? 9 : 13;
  c.fillStyle = colours.paper;
  c.fillRect(x + (side - wide) / 2, y + (side - tall) / 2, wide, tall);
  c.fillStyle = colours.ink;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(words, x + side / 2, y + side / 2 + 0.5);
}

// All blocks; `chosen` is a process whose blocks stand out, or null.
function drawBlocks(c, plan, memory, chosen, colours) {
  memory.owners.forEach((owners, block) => {
    const [x, y] = plan.at(block);
    const pale = chosen !== null && owners.length > 0 && !owners.includes(chosen);
    drawBlock(c, x, y, plan.cell - 2, { owners, filled: memory.filled[block], known: memory.cached.has(block), written: memory.written.has(block), pale }, colours);
  });
}

// The shelf: contents that are kept elsewhere, each a dashed box. `swapped` counts them by pid.
function drawShelf(c, plan, swapped, colours) {
  const boxes = Object.entries(swapped).flatMap(([pid, many]) => new Array(many).fill(Number(pid)));
  c.font = BLOCK_FONT;
  c.textAlign = "left";
  c.textBaseline = "middle";
  c.fillStyle = colours.soft;
  c.fillText(`swapped out: ${boxes.length || "none"}`, 0, plan.lines * plan.cell + 10);
  boxes.forEach((pid, i) => drawAway(c, ...plan.onShelf(i), plan.cell - 2, pid, colours));
}

function drawAway(c, x, y, side, pid, colours) {
  c.globalAlpha = 0.3;
  c.fillStyle = ownerColour(pid)[0];
  c.fillRect(x, y, side, side);
  c.globalAlpha = 1;
  c.lineWidth = 1;
  c.strokeStyle = colours.ink;
  c.setLineDash([3, 3]);
  c.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  c.setLineDash([]);
  if (side >= 12) blockLabel(c, x, y, side, String(pid), colours);
}

// Each sign once, with its words: [[box, words]].
const BLOCK_SIGNS = [
  [{ owners: [0] }, "held by process 0"],
  [{ owners: [2], filled: 0.4 }, "partly filled"],
  [{ owners: [0, 1] }, "shared by two"],
  [{ owners: [], known: true }, "free, contents known"],
  [{ owners: [] }, "free"],
];

// The signs as a legend of small canvases; `draw(colours)` draws them.
function blockLegend(signs = BLOCK_SIGNS) {
  const made = signs.map(([box, words]) => [box, words, make("canvas", { "aria-hidden": "true" })]);
  const root = make("p", { class: "lm-legend" }, ...made.map(([, words, canvas]) => make("span", {}, canvas, words)));
  const draw = (colours) => made.forEach(([box, , canvas]) => drawBlock(fitCanvas(canvas, 22, 22), 0, 0, 22, box, colours));
  return { root, draw };
}
