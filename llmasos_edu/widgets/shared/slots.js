// The slots of a batch over time (a Gantt chart): one line a slot, one bar a stay, memory below; panels share an axis.

const SLOT_FONT = "11px system-ui, sans-serif";

// Who stands in which slot, a list a step: who goes on keeps its slot, newcomers take the lowest free one.
// `before` is who stood where when the first step began.
function lanesOf(steps, slots, before = new Array(slots).fill(null)) {
  return steps.map(({ batch }) => {
    const pids = batch.map((row) => row.pid);
    const lane = before.map((pid) => (pids.includes(pid) ? pid : null));
    for (const pid of pids) if (!lane.includes(pid)) lane[lane.indexOf(null)] = pid;
    before = lane;
    return lane;
  });
}

// Stays: { slot, pid, from, to } in steps, where nobody else and no pause came between.
function staysOf(steps, lanes) {
  const stays = [];
  const open = new Array(lanes.length ? lanes[0].length : 0).fill(null);
  lanes.forEach((lane, step) => lane.forEach((pid, slot) => {
    const stay = open[slot];
    const goesOn = stay && stay.pid === pid && stay.to === step - 1 && steps[step].time === steps[step - 1].end;
    if (goesOn) stay.to = step;
    else open[slot] = pid === null ? null : stays[stays.push({ slot, pid, from: step, to: step }) - 1];
  }));
  return stays;
}

// A trace made ready to be drawn under a title.
function timelinePanel(title, { meta, steps, procs }, before = undefined) {
  const lanes = lanesOf(steps, meta.slots, before);
  const batches = steps.map(({ batch }) => Object.fromEntries(batch.map((row) => [row.pid, row])));
  return { title, meta, steps, procs, lanes, batches, stays: staysOf(steps, lanes), byPid: Object.fromEntries(procs.map((each) => [each.pid, each])) };
}

// The step that runs at a time, or the last one before it.
function stepAt({ steps }, time) {
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (steps[middle].time <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

const meanOf = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

// What a policy made of the workload. Turnaround and response are those of the processes that came to their own end.
function timelineSums({ meta, steps, procs }) {
  const done = procs.filter(({ state }) => state === "done");
  const busy = steps.reduce((sum, { time, end, batch }) => sum + (end - time) * batch.length, 0);
  const responses = procs.filter((each) => each.first_token !== null).map((each) => each.first_token - each.arrival);
  return {
    end: steps.at(-1).end, steps: steps.length, done: done.length,
    turnaround: meanOf(done.map((each) => each.finished - each.arrival)), response: meanOf(responses),
    worst: responses.length ? Math.max(...responses) : null,
    busy: busy / (meta.slots * (steps.at(-1).end - steps[0].time)),
    evictions: procs.reduce((sum, each) => sum + each.evictions, 0),
  };
}

// The axis begins at `start` on the clock.
function timelinePlan(width, panels, start = 0) {
  const [left, right, title, memory, gap] = [54, 8, 20, 30, 14];
  const end = Math.max(...panels.map(({ steps }) => steps.at(-1).end));
  const most = Math.max(...panels.map(({ meta }) => meta.slots));
  const row = clamp(Math.floor((panels.length > 1 ? 112 : 190) / most), 8, 24);
  let y = 0;
  const places = panels.map(({ meta }, number) => {
    const top = y + title;
    y = top + row * meta.slots + memory + gap;
    const first = panels.slice(0, number).reduce((sum, each) => sum + each.meta.slots, 0);
    return { top, first, memory: top + row * meta.slots + 6, bottom: top + row * meta.slots + memory };
  });
  const scale = (width - left - right) / (end - start);
  const x = (time) => left + (time - start) * scale;
  // The lane, counted through all panels, and the time under a point; null beside them.
  const find = (px, py) => {
    const number = places.findIndex(({ top, bottom }) => py >= top && py < bottom);
    if (number < 0 || px < left || px > width - right) return null;
    const slot = Math.min(panels[number].meta.slots - 1, Math.floor((py - places[number].top) / row));
    return { lane: places[number].first + slot, time: start + (px - left) / scale };
  };
  return { left, right, row, places, scale, x, find, start, end, width, height: y + 8, memoryHeight: memory - 8 };
}

// A round number of units between two ticks, so that words do not touch.
function tickGap(scale, room = 56) {
  const least = room / scale;
  const ten = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * ten).find((gap) => gap >= least);
}

function drawTimeline(c, plan, panels, colours) {
  panels.forEach((panel, number) => {
    const place = plan.places[number];
    c.textBaseline = "middle";
    c.textAlign = "left";
    c.font = `600 ${WORD_FONT}`;
    c.fillStyle = colours.ink;
    c.fillText(panel.title, 0, place.top - 10);
    drawLanes(c, plan, panel, place, colours);
    drawMemoryUse(c, plan, panel, place, colours);
  });
  drawAxis(c, plan, colours);
}

function drawLanes(c, { left, right, row, x, width }, { meta, steps, stays, batches }, { top }, colours) {
  const frame = Array.from({ length: meta.slots + 1 }, (_, slot) => [left, top + slot * row, width - right, top + slot * row]);
  c.globalAlpha = 0.5;
  strokeLines(c, frame, colours.line, 1);
  c.globalAlpha = 1;
  c.font = SLOT_FONT;
  c.textAlign = "right";
  c.fillStyle = colours.soft;
  for (let slot = 0; slot < meta.slots; slot += Math.ceil(12 / row)) c.fillText(`slot ${slot}`, left - 6, top + (slot + 0.5) * row);
  const ended = new Set(steps.flatMap(({ events }, step) => events.filter(([kind]) => kind === "done").map(([, pid]) => `${step},${pid}`)));
  for (const { slot, pid, from, to } of stays) {
    const [paper, ink] = ownerColour(pid);
    const [start, wide, y] = [x(steps[from].time), x(steps[to].end) - x(steps[from].time), top + slot * row + 1];
    c.fillStyle = paper;
    c.fillRect(start, y, Math.max(wide - 0.6, 0.4), row - 2);
    drawReading(c, x, steps, batches, { pid, from, to }, y, row - 2, ink);
    if (ended.has(`${to},${pid}`) && wide > 3) { // it came to its end
      c.fillStyle = colours.ink;
      c.fillRect(start + wide - 2.6, y, 2, row - 2);
    }
    const words = String(pid);
    if (wide < words.length * 6.6 + 5 || row < 10) continue;
    c.font = row < 13 ? `9px ${SLOT_FONT.slice(5)}` : SLOT_FONT;
    c.fillStyle = paper;
    c.fillRect(start + 2, y + 1, words.length * 6.6 + 1, row - 4);
    c.textAlign = "left";
    c.fillStyle = ink;
    c.fillText(words, start + 3, y + (row - 2) / 2 + 0.5);
  }
}

// Steps in which more than one sure token is read, a prompt or what an eviction took, are hatched.
function drawReading(c, x, steps, batches, { pid, from, to }, y, tall, ink) {
  const lines = [];
  for (let step = from; step <= to; step++) {
    const { read, guesses } = batches[step][pid];
    const [start, end] = [x(steps[step].time), x(steps[step].end)];
    if (read - guesses > 1 && end - start > 1.5) lines.push(...hatch(start, y, end - start, tall, 5));
  }
  c.globalAlpha = 0.7;
  strokeLines(c, lines, ink, 1);
  c.globalAlpha = 1;
}

// How much of the memory is held, and a cross where somebody was evicted.
function drawMemoryUse(c, { left, right, x, width, memoryHeight: tall }, { meta, steps }, { memory: top }, colours) {
  c.font = SLOT_FONT;
  c.textAlign = "right";
  c.fillStyle = colours.soft;
  c.fillText("memory", left - 6, top + tall / 2);
  c.fillStyle = colours.bar;
  c.globalAlpha = 0.45;
  for (const { time, end, free } of steps) {
    const level = tall * (1 - free / meta.num_blocks);
    c.fillRect(x(time), top + tall - level, x(end) - x(time), level);
  }
  c.globalAlpha = 1;
  strokeLines(c, [[left, top, width - right, top], [left, top + tall, width - right, top + tall]], colours.line, 1);
  const crosses = steps.filter(({ events }) => events.some(([kind]) => kind === "evict")).map(({ time }) => x(time));
  strokeLines(c, crosses.flatMap((at) => [[at - 3, top + 2, at + 3, top + 8], [at - 3, top + 8, at + 3, top + 2]]), colours.mark, 1.6);
}

function drawAxis(c, { left, right, x, scale, start, end, width, height }, colours) {
  const y = height - 20;
  strokeLines(c, [[left, y, width - right, y]], colours.line, 1);
  c.font = SLOT_FONT;
  c.fillStyle = colours.soft;
  c.textBaseline = "middle";
  c.textAlign = "left";
  c.fillText("time", 0, y + 9);
  const gap = tickGap(scale);
  for (let time = Math.ceil(start / gap) * gap; time <= end; time += gap) {
    strokeLines(c, [[x(time), y, x(time), y + 3]], colours.line, 1);
    const words = clock(time);
    c.textAlign = x(time) + words.length * 3.4 > width ? "right" : "center";
    c.fillText(words, c.textAlign === "right" ? width : x(time), y + 10);
  }
}

// What moves: a line at the step's time through all panels, the slot, and every stay of its process.
function drawTimeCursor(c, plan, panels, { panel, slot, step, pid }, colours) {
  const { steps } = panels[panel];
  const { x, row, places } = plan;
  panels.forEach((each, number) => {
    const under = each.stays.filter((stay) => stay.pid === pid && pid !== null).map((stay) => {
      const y = places[number].top + (stay.slot + 1) * row - 1.5;
      return [x(each.steps[stay.from].time), y, x(each.steps[stay.to].end) - 0.6, y];
    });
    strokeLines(c, under, colours.ink, 3);
    strokeLines(c, under, colours.mark, 1.5);
  });
  const [start, wide] = [x(steps[step].time), Math.max(3, x(steps[step].end) - x(steps[step].time))];
  strokeLines(c, places.map(({ top, bottom }) => [start, top - 3, start, bottom]), colours.mark, 1);
  ring(c, start, places[panel].top + slot * row + 1, wide, row - 2, colours.mark);
}
