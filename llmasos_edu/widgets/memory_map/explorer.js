// The memory map over a kernel's steps: a block in words, a process's block table, play.

const TRAITS = ["step", "block", "process"];
const NOBODY = -1;
const PLAY_MS = 12000; // of a whole trace, where a step is neither too short nor too long to be seen

function render(host) {
  const { meta, steps, procs } = host.model.get("trace");
  const { num_blocks: count, block_size: size } = meta;
  const { view, colours, change, show } = explore(host, { traits: TRAITS, light: ["block"], keepInRange, paint, close: () => plays.stop() });
  const users = Object.fromEntries(procs.map(({ pid, user }) => [pid, user]));
  const shelf = Math.max(...steps.map(({ swapped }) => away(swapped))); // the most that are ever swapped out
  const seen = { step: -1, memory: null };
  let [hovered, plan] = [null, null];
  const plays = player(clamp(PLAY_MS / steps.length, 60, 700), { last: () => steps.length - 1, at: () => view.step, go: (step) => change({ step }) });
  const ui = build();
  return show(ui.root);

  // -- state --

  function keepInRange() {
    view.step = clamp(view.step, 0, steps.length - 1);
    view.block = clamp(view.block, 0, count - 1);
    if (!(view.process in users)) view.process = NOBODY;
  }

  function memory() {
    if (seen.step !== view.step) Object.assign(seen, { step: view.step, memory: memoryOf(meta, steps[view.step]) });
    return seen.memory;
  }

  function goTo(step) {
    plays.stop();
    change({ step });
  }

  function away(swapped) {
    return Object.values(swapped).reduce((sum, each) => sum + each, 0);
  }

  // A click on a block chooses its holder, a second one the next holder, at the end nobody.
  function takeBlock(block) {
    const owners = memory().owners[block];
    const next = owners[(view.block === block ? owners.indexOf(view.process) : -1) + 1];
    change({ block, process: next === undefined ? NOBODY : next });
  }

  // The processes that live after this step, the first in pid first.
  function living() {
    const { states, tables, swapped } = steps[view.step];
    return [...new Set([...Object.keys(states), ...Object.keys(tables), ...Object.keys(swapped)].map(Number))].sort((a, b) => a - b);
  }

  // -- the page --

  function build() {
    const ui = {
      step: make("input", { type: "range", min: 0, max: steps.length - 1, step: 1, "aria-label": "Step",
        oninput: (event) => goTo(Number(event.target.value)), onkeydown: (event) => event.key === " " && press(event, plays.toggle) }),
      when: make("output", {}),
      figures: make("dl", { class: "lm-figures" }),
      readout: readout(),
      map: board("map of memory", { onkeydown: mapKey, onclick: mapClick, onmousemove: mapHover, onmouseleave: () => hover(null) }, "lm-blocks"),
      legend: blockLegend([...BLOCK_SIGNS.slice(0, 2), [{ owners: [0], written: true }, "written in this step"], ...BLOCK_SIGNS.slice(2)]),
      events: make("p", { class: "lm-caption" }),
      processes: make("div", { class: "lm-processes", role: "group", "aria-label": "Processes" }),
      title: make("p", { class: "lm-heading" }),
      table: make("table", { class: "lm-table" }),
    };
    ui.tableBox = scroller("Block table", ui.table);
    ui.root = frame("Memory map", { controls: [make("span", { class: "lm-where" }, `${plural(count, "block")} of ${plural(size, "token")}`)], picture, fileName: () => `memory-step-${view.step}`,
      help: "Arrow keys walk over the blocks, Enter chooses the holder, a shared block's holders in turn. Page Up and Page Down go a step back and on, "
        + "Home and End to the first and the last, Space plays; N and P choose the next process and the one before." },
    make("div", { class: "lm-training lm-time" }, plays.button, ui.step, ui.when), ui.figures, ui.readout, ui.map.box, ui.legend.root,
    make("div", { class: "lm-body lm-two" },
      make("div", { class: "lm-main" }, make("p", { class: "lm-heading" }, "Processes"), ui.processes, make("p", { class: "lm-heading" }, "In this step"), ui.events),
      make("div", { class: "lm-main" }, ui.title, ui.tableBox)));
    return ui;
  }

  // -- drawing --

  // Whose blocks stand out; nobody's where the chosen process holds none.
  function chosen() {
    return view.process in steps[view.step].tables ? view.process : null;
  }

  function drawMap(c, plan, tints) {
    drawBlocks(c, plan, memory(), chosen(), tints);
    if (shelf) drawShelf(c, plan, steps[view.step].swapped, tints);
  }

  function paint(ground) {
    const width = ui.map.box.clientWidth;
    if (ground) {
      plan = blocksPlan(width - 2, count, { shelf });
      drawMap(fitCanvas(ui.map.base, width, plan.height), plan, colours);
      Object.assign(ui.map.base.dataset, { cell: plan.cell, columns: plan.columns });
      ui.legend.draw(colours);
      writeFigures(ui.figures, figuresOf());
      writeProcesses();
      writeBlockTable();
      writeEvents();
    }
    const [x, y] = plan.at(view.block);
    ring(fitCanvas(ui.map.over, width, plan.height), x + 0.5, y + 0.5, plan.cell - 3, plan.cell - 3, colours.mark);
    describe();
  }

  function figuresOf() {
    const sums = memorySums(memory(), size);
    const elsewhere = away(steps[view.step].swapped);
    const share = sums.held ? `${((100 * sums.empty) / (sums.held * size)).toFixed(0)} % of the held slots` : "nothing is held";
    return [
      ["Held", `${sums.held} of ${count}`, plural(sums.shared, "block is shared", "blocks are shared")],
      ["Saved by sharing", String(sums.saved), "blocks that copies would take"],
      ["Empty slots", sums.empty.toLocaleString("en"), share],
      ["Free, known", String(sums.cached), `of ${count - sums.held} free blocks`],
      ["Swapped out", String(elsewhere), elsewhere ? "blocks, kept elsewhere" : "nothing"],
    ];
  }

  function stepWords() {
    const { time, end } = steps[view.step];
    return `step ${view.step + 1} of ${steps.length}, time ${clock(time)} to ${clock(end)}`;
  }

  function describe() {
    ui.step.value = view.step;
    ui.step.setAttribute("aria-valuetext", stepWords());
    ui.when.textContent = stepWords();
    ui.readout.setAttribute("aria-live", plays.playing() || hovered !== null ? "off" : "polite");
    const block = hovered === null ? view.block : hovered;
    ui.readout.replaceChildren(make("b", {}, `block ${block}`), span(blockWords(memory(), size, block)), make("span", { class: "lm-where" }, `after step ${view.step + 1}`));
    const sums = memorySums(memory(), size);
    ui.map.box.setAttribute("aria-label", `Map of ${count} blocks after ${stepWords()}: ${sums.held} held, ${sums.shared} of them shared, ${sums.cached} free with known contents. `
      + "Arrow keys walk over the blocks, Enter chooses the holder.");
  }

  function writeEvents() {
    const { batch, events, copied } = steps[view.step];
    const rows = batch.map(({ pid, read, guesses, said }) => `process ${pid} reads ${plural(read, "token")}${guesses ? `, ${guesses} of them guesses,` : ""} and says ${said || "nothing yet"}`);
    ui.events.textContent = [...events.map(eventWords), ...rows, ...(copied ? [`${plural(copied, "block")} copied`] : [])].join("\n");
  }

  // A button a process: colour, number, state, blocks. The nodes stay while the same processes live, so the focus stays.
  function writeProcesses() {
    const pids = living();
    if (ui.processes.dataset.pids !== pids.join()) {
      ui.processes.dataset.pids = pids.join();
      ui.processes.replaceChildren(...pids.map((pid) => button("", () => change({ process: view.process === pid ? NOBODY : pid }), { class: "lm-owner" })));
    }
    [...ui.processes.children].forEach((node, i) => {
      const swatch = make("canvas", { "aria-hidden": "true" });
      drawBlock(fitCanvas(swatch, 20, 20), 0, 0, 20, { owners: [pids[i]] }, colours);
      node.replaceChildren(swatch, processWords(pids[i]));
      node.setAttribute("aria-pressed", String(pids[i] === view.process));
    });
    if (!pids.length) ui.processes.replaceChildren("none lives after this step");
  }

  function processWords(pid) {
    const { tables, swapped, states } = steps[view.step];
    const held = tables[pid] ? plural(tables[pid].table.filter((block) => block >= 0).length, "block") : "no blocks";
    const saved = swapped[pid] ? `, ${swapped[pid]} swapped out` : "";
    return `process ${pid}${users[pid] ? ` of ${users[pid]}` : ""}: ${states[pid] || "lives"}, ${held}${saved}`;
  }

  function writeBlockTable() {
    const { tables, swapped } = steps[view.step];
    const held = tables[view.process];
    ui.title.textContent = view.process === NOBODY ? "Block table: choose a process" : `Block table of process ${view.process}`;
    const rows = held ? held.table.map((block, at) => tableRow(block, at, held.slots)) : [];
    const none = view.process === NOBODY ? "click a process or one of its blocks" : swapped[view.process] ? `all ${swapped[view.process]} blocks are swapped out` : "it holds nothing after this step";
    writeTable(ui.table, ["of the text", "in memory", "tokens", "also held by"], rows.length ? rows : [["–", "–", none, "–"]]);
    ui.tableBox.settle();
  }

  function tableRow(block, at, slots) {
    if (block < 0) return [`block ${at}`, "given back", "behind the window", "–"];
    const [from, to] = [at * size, Math.min(slots, (at + 1) * size)];
    const others = memory().owners[block].filter((pid) => pid !== view.process);
    return [`block ${at}`, `block ${block}`, to > from ? `${from} to ${to - 1}` : "none yet", others.join(", ") || "nobody"];
  }

  // -- mouse and keys --

  function hover(block) {
    if (block === hovered) return;
    hovered = block;
    describe();
  }

  function mapHover(event) {
    hover(plan.find(event.offsetX, event.offsetY));
  }

  function mapClick(event) {
    const block = plan.find(event.offsetX, event.offsetY);
    if (block !== null) takeBlock(block);
  }

  function nextProcess(by) {
    const pids = [NOBODY, ...living()];
    change({ process: pids[(Math.max(0, pids.indexOf(view.process)) + by + pids.length) % pids.length] });
  }

  function mapKey(event) {
    hovered = null;
    const arrow = ARROWS[event.key];
    const actions = {
      Enter: () => takeBlock(view.block),
      " ": plays.toggle,
      Home: () => goTo(0),
      End: () => goTo(steps.length - 1),
      PageUp: () => goTo(view.step - 1),
      PageDown: () => goTo(view.step + 1),
      n: () => nextProcess(1),
      p: () => nextProcess(-1),
    };
    if (arrow) actions[event.key] = () => walk(arrow);
    press(event, actions[event.key]);
  }

  function walk([down, right]) {
    const block = view.block + right + down * plan.columns;
    if (block >= 0 && block < count) change({ block });
  }

  // -- files --

  // Map, signs and numbers by the functions that draw the screen, in the light theme's colours.
  function picture() {
    const [width, margin] = [760, 12];
    const flat = blocksPlan(width - 2 * margin, count, { tallest: 420, shelf });
    const words = [...steps[view.step].events.map(eventWords), ...living().map(processWords)].map((line) => shorten(line, 110)).slice(0, 24);
    const pen = new SvgPen("Memory map", width, 78 + flat.height + 34 + 18 * words.length, `Memory after ${stepWords()}`);
    pen.write(figuresOf().map(([name, value]) => `${name} ${value}`).join("; "), margin, 42);
    pen.at(margin, 60);
    drawMap(pen, flat, PAPER);
    pen.at(margin, 66 + flat.height);
    BLOCK_SIGNS.reduce((x, [box, said]) => {
      drawBlock(pen, x, 0, 20, box, PAPER);
      pen.write(said, x + 26, 10);
      return x + 46 + 6.6 * said.length;
    }, 0);
    words.forEach((line, i) => pen.write(line, 0, 42 + 18 * i));
    return pen.picture();
  }
}

export { memoryOf, memorySums, blockWords, blocksPlan, render };
export default { render };
