// A kernel's trace in the browser: its processes' colours, who holds which block, what happened in words.

// Okabe and Ito's colours with the ink that reads on them. A process keeps its colour; its number is always there.
const OWNER_COLOURS = [["#0072b2", "#ffffff"], ["#d55e00", "#000000"], ["#009e73", "#000000"], ["#e69f00", "#000000"],
  ["#56b4e9", "#000000"], ["#cc79a7", "#000000"], ["#f0e442", "#000000"], ["#5a6472", "#ffffff"]];
const ownerColour = (pid) => OWNER_COLOURS[pid % OWNER_COLOURS.length];

const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// A time on the kernel's clock: whole ones without decimals.
const clock = (time) => String(Number(time.toFixed(2)));

// Several lines, a stroke each, in one path.
function strokeLines(c, lines, colour, width) {
  if (!lines.length) return;
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    c.moveTo(x1, y1);
    c.lineTo(x2, y2);
  }
  c.stroke();
}

// Slanted lines within a box, rising to the right.
function hatch(x, y, w, h, gap) {
  const lines = [];
  for (let d = gap / 2 - h; d < w; d += gap) {
    const [from, to] = [Math.max(0, d), Math.min(w, d + h)];
    if (to > from) lines.push([x + from, y + h - (from - d), x + to, y + h - (to - d)]);
  }
  return lines;
}

// The memory after a step: for each block its holders, how full it is, whether its contents are known though it is free,
// and whether the step wrote it.
function memoryOf({ num_blocks: count, block_size: size }, { tables, cached = [], batch = [] }) {
  const owners = Array.from({ length: count }, () => []);
  const filled = new Float64Array(count);
  const written = new Set();
  const read = Object.fromEntries(batch.map((row) => [row.pid, row.read]));
  for (const [pid, { table, slots }] of Object.entries(tables)) {
    table.forEach((block, at) => {
      if (block < 0) return; // behind a sliding window
      owners[block].push(Number(pid));
      filled[block] = Math.max(filled[block], clamp(slots - at * size, 0, size) / size);
      if (pid in read && (at + 1) * size > slots - read[pid]) written.add(block);
    });
  }
  return { owners, filled, cached: new Set(cached), written };
}

// What the blocks add up to: { held, shared, saved, cached, empty }; `empty` counts slots of held blocks without a token.
function memorySums({ owners, filled, cached }, size) {
  const held = owners.filter((each) => each.length);
  const holds = held.reduce((sum, each) => sum + each.length, 0);
  const empty = owners.reduce((sum, each, block) => sum + (each.length ? Math.round((1 - filled[block]) * size) : 0), 0);
  return { held: held.length, shared: held.filter((each) => each.length > 1).length, saved: holds - held.length, cached: cached.size, empty };
}

// A block in words.
function blockWords({ owners, filled, cached, written }, size, block) {
  const held = owners[block];
  if (!held.length) return cached.has(block) ? "free, its contents are known and may be used again" : "free";
  const who = held.length === 1 ? `held by process ${held[0]}` : `shared by processes ${held.slice(0, -1).join(", ")} and ${held.at(-1)}`;
  return `${who}, ${Math.round(filled[block] * size)} of ${size} slots filled${written.has(block) ? ", written in this step" : ""}`;
}

// An event of the trace in words.
function eventWords([kind, pid, detail]) {
  const said = { admit: "admitted", evict: `evicted for process ${detail}`, call: `makes a system call: ${detail}` };
  return `process ${pid} ${said[kind] || kind}`;
}
