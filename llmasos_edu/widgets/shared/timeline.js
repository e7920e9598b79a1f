// A board of one or two timelines to walk over, alike in the slot timeline and the scheduler playground.
// `panels()` are those on show; of the explorer's values `step` and `lane` are the cursor: a step of the lane's panel,
// and a slot, counted through all panels.

const LANE_KEYS = "Left and Right go a step, Up and Down a slot, Page Up and Page Down to where the slot changes, Home and End to the ends";

function timelineBoard({ panels, view, change, draw }) {
  let [hovered, plan] = [null, null];
  const map = board("timeline of the slots", { onkeydown: key, onclick: click, onmousemove: move, onmouseleave: () => hover(null) });
  const told = readout();
  const measures = make("table", { class: "lm-table" });
  const measuresBox = scroller("Policies compared", measures);
  const title = make("p", { class: "lm-heading" });
  const process = make("table", { class: "lm-table lm-names" });
  const processBox = scroller("The process under the cursor", process);
  const legend = make("p", { class: "lm-legend" });
  const signs = [["reads", "reads a prompt, or again what an eviction took"], ["ends", "comes to its end"], ["evict", "somebody is evicted"]]
    .map(([sign, words]) => [sign, legend.appendChild(make("span", {}, make("canvas", { "aria-hidden": "true" }), words)).firstChild]);
  const parts = [told, map.box, legend, make("div", { class: "lm-body lm-two" },
    make("div", { class: "lm-main" }, make("p", { class: "lm-heading" }, "The whole workload"), measuresBox),
    make("div", { class: "lm-main" }, title, processBox))];
  return { parts, keepInRange, paint, words, map, where };

  // -- the cursor --

  // Panel, slot, step and process of a lane and a step; with a time, the step of the lane's panel at that time.
  function where(lane, step, time = null) {
    let [panel, slot] = [0, lane];
    while (slot >= panels()[panel].meta.slots) slot -= panels()[panel++].meta.slots;
    const at = time === null ? step : stepAt(panels()[panel], time);
    return { panel, slot, step: at, pid: panels()[panel].lanes[at][slot] };
  }

  function lanes() {
    return panels().reduce((sum, { meta }) => sum + meta.slots, 0);
  }

  // `before` tells where the cursor stood: in another panel it stays at its time.
  function keepInRange() {
    view.lane = clamp(view.lane, 0, lanes() - 1);
    const { panel } = where(view.lane, 0);
    view.step = clamp(view.step, 0, panels()[panel].steps.length - 1);
  }

  function cursor() {
    return where(view.lane, view.step);
  }

  function toLane(lane) {
    const here = cursor();
    const { steps } = panels()[here.panel];
    const there = where(clamp(lane, 0, lanes() - 1), 0, steps[here.step].time);
    change({ lane: clamp(lane, 0, lanes() - 1), step: there.step });
  }

  // Where this slot's process comes or goes: the next such step, or the one before.
  function toChange(by) {
    const { panel, slot, step } = cursor();
    const { lanes: all } = panels()[panel];
    const starts = (at) => at === 0 || all[at][slot] !== all[at - 1][slot];
    let at = step + by;
    while (at > 0 && at < all.length - 1 && !starts(at)) at += by;
    change({ step: at });
  }

  // -- drawing --

  function paint(ground, colours) {
    const width = map.box.clientWidth;
    if (ground) {
      plan = timelinePlan(width, panels());
      drawTimeline(fitCanvas(map.base, width, plan.height), plan, panels(), colours);
      Object.assign(map.base.dataset, { left: plan.left, scale: plan.scale, row: plan.row, tops: plan.places.map(({ top }) => top).join() });
      drawSigns(colours);
      writeTable(measures, ["", ...panels().map((panel) => panel.title)], measureRows());
      measuresBox.settle();
    }
    drawTimeCursor(fitCanvas(map.over, width, plan.height), plan, panels(), cursor(), colours);
    tell();
  }

  function drawSigns(colours) {
    for (const [sign, canvas] of signs) {
      const c = fitCanvas(canvas, 24, 14);
      if (sign === "evict") strokeLines(c, [[8, 3, 16, 11], [8, 11, 16, 3]], colours.mark, 1.8);
      else {
        c.fillStyle = ownerColour(0)[0];
        c.fillRect(0, 0, 24, 14);
        if (sign === "reads") strokeLines(c, hatch(0, 0, 24, 14, 5), ownerColour(0)[1], 1);
        c.fillStyle = colours.ink;
        if (sign === "ends") c.fillRect(21, 0, 3, 14);
      }
    }
  }

  // [[name, a value a panel]].
  function measureRows() {
    const sums = panels().map(timelineSums);
    const put = (value, digits = 1) => (value === null ? "–" : figure(value, digits));
    const row = (name, words) => [name, ...sums.map(words)];
    return [row("mean turnaround", (each) => put(each.turnaround)), row("mean response", (each) => put(each.response)),
      row("longest response", (each) => put(each.worst)), row("all done at", (each) => clock(each.end)),
      row("steps", (each) => each.steps.toLocaleString("en")), row("slots in use", (each) => `${(100 * each.busy).toFixed(0)} %`),
      row("evictions", (each) => String(each.evictions))];
  }

  function tell() {
    const here = hovered || cursor();
    const { time } = panels()[here.panel].steps[here.step];
    told.setAttribute("aria-live", hovered ? "off" : "polite");
    told.replaceChildren(...words(here));
    tellProcess(here.pid);
    map.box.setAttribute("aria-label", `Timeline of the slots, ${panels().map((panel) => panel.title).join(" above ")}; at time ${clock(time)}. ${LANE_KEYS}.`);
  }

  // The step of the cursor's panel, and what the other panel does at that time.
  function words({ panel, slot, step, pid }) {
    const { time, end } = panels()[panel].steps[step];
    return [span(`time ${clock(time)} to ${clock(end)}`), ...panels().flatMap((each, number) => {
      const own = number === panel;
      const at = own ? step : stepAt(each, time);
      const running = each.steps[at].end > time && each.steps[at].time <= time;
      return [make("b", {}, each.title), span(own ? `slot ${slot}: ${rowWords(each, at, pid)}` : running ? `runs ${each.steps[at].batch.map((row) => row.pid).join(", ")}` : "nobody runs"),
        make("span", { class: "lm-where" }, `${waiting(each, at, time)} waiting`)];
    })];
  }

  function rowWords({ batches }, step, pid) {
    if (pid === null) return "empty";
    const { read, guesses, said } = batches[step][pid];
    return `process ${pid} reads ${plural(read, "token")}${guesses ? `, ${guesses} guessed,` : ""} and says ${said || "nothing yet"}`;
  }

  // Who has come, is not done and stands in no slot.
  function waiting({ procs, batches }, step, time) {
    return procs.filter(({ pid, arrival, finished }) => arrival <= time && (finished === null || finished > time) && !(pid in batches[step])).length;
  }

  function tellProcess(pid) {
    const known = panels().map(({ byPid }) => byPid[pid]);
    const one = known.find(Boolean);
    title.textContent = one ? `Process ${pid}${one.user ? ` of ${one.user}` : ""}: comes at ${clock(one.arrival)}, prompt of ${one.prompt}, says ${one.said}` : "Nobody stands in this slot";
    const since = (each, time) => (each && each[time] !== null ? clock(each[time] - each.arrival) : "–");
    const rows = panels().map((panel, number) => {
      const each = known[number];
      return [panel.title, since(each, "first_token"), since(each, "finished"), each ? String(each.computed) : "–", each ? String(each.evictions) : "–"];
    });
    writeTable(process, ["", "response", "turnaround", "computed", "evicted"], rows);
    processBox.settle();
  }

  // -- mouse and keys --

  function placeOf(event) {
    const found = plan.find(event.offsetX, event.offsetY);
    return found && { lane: found.lane, ...where(found.lane, 0, found.time) };
  }

  function hover(place) {
    hovered = place;
    if (plan) tell();
  }

  function move(event) {
    hover(placeOf(event));
  }

  function click(event) {
    const place = placeOf(event);
    if (place) change({ lane: place.lane, step: place.step });
  }

  function key(event) {
    hovered = null;
    const last = panels()[cursor().panel].steps.length - 1;
    const actions = {
      ArrowLeft: () => change({ step: view.step - 1 }),
      ArrowRight: () => change({ step: view.step + 1 }),
      ArrowUp: () => toLane(view.lane - 1),
      ArrowDown: () => toLane(view.lane + 1),
      PageUp: () => toChange(-1),
      PageDown: () => toChange(1),
      Home: () => change({ step: 0 }),
      End: () => change({ step: last }),
    };
    press(event, actions[event.key]);
    draw(false);
  }
}

// The timelines and their measures as a picture to keep.
function timelinePicture(panels, heading, note = "") {
  const [width, margin] = [860, 12];
  const plan = timelinePlan(width - 2 * margin, panels);
  const lines = panels.map((panel) => {
    const { turnaround, response, end, evictions } = timelineSums(panel);
    const put = (value) => (value === null ? "none" : figure(value, 1));
    return `${panel.title}: mean turnaround ${put(turnaround)}, mean response ${put(response)}, all done at ${clock(end)}, ${plural(evictions, "eviction")}`;
  });
  if (note) lines.push(note);
  const pen = new SvgPen(heading, width, 46 + plan.height + 18 * lines.length, heading);
  pen.at(margin, 36);
  drawTimeline(pen, plan, panels, PAPER);
  pen.at(margin, 44 + plan.height);
  lines.forEach((line, i) => pen.write(shorten(line, 120), 0, 18 * i));
  return pen.picture();
}
