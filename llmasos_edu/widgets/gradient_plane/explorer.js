// Gradients as arrows that can be dragged: cosine, sum, PCGrad, and what a step does to each loss.

const TRAITS = ["gradients", "weights", "task", "reverse", "show_sum", "show_pcgrad"];
const TURN = Math.PI / 36; // of Page Up and Page Down
const STEPS = 40; // of an arrow key, from the origin to the edge
const GRAB = 28; // pixels from a tip within which it is taken

function render(host) {
  const [names, given, reach, learningRate] = ["names", "given", "reach", "learning_rate"].map((name) => host.model.get(name));
  const { view, colours, change, show } = explore(host, { traits: TRAITS, keepInRange, paint });
  let [plan, dragged] = [null, false];
  const ui = build();
  return show(ui.root);

  function keepInRange() {
    view.task = clamp(view.task, 0, names.length - 1);
  }

  function moveTip(task, tip) {
    const inside = tip.map((number) => clamp(number, -reach, reach));
    change({ task, gradients: view.gradients.map((gradient, i) => (i === task ? inside : gradient)) });
  }

  // -- the page --

  function build() {
    const check = (words, name) => ({ name, ...checkbox(words, (value) => change({ [name]: value })) });
    const weight = (name, i) => {
      const sign = make("canvas", { "aria-hidden": "true" });
      const made = slider(name, { max: 3, step: 0.05, name: `Weight of ${name}` }, (value) => change({ weights: view.weights.map((each, j) => (j === i ? value : each)) }));
      made.box.firstChild.prepend(sign);
      return { ...made, sign };
    };
    const ui = {
      task: choice("Keys move", names.map((name, i) => [i, name]), (task) => change({ task: Number(task) })),
      checks: [check("Sum", "show_sum"), check("PCGrad", "show_pcgrad"), check("Others last to first", "reverse")],
      readout: readout(),
      plane: board("plane of gradients", { onkeydown: planeKey, onpointerdown: grab, onpointermove: drag, onpointerup: release, onpointercancel: release }, "lm-arrows"),
      weights: names.map(weight),
      figures: make("dl", { class: "lm-figures" }),
      effects: make("table", { class: "lm-table lm-effects" }),
    };
    ui.plot = make("div", { class: "lm-plot" }, ui.plane.box);
    ui.checks[2].box.hidden = names.length < 3;
    ui.root = frame("Gradients in a plane", {
      controls: [field("Keys move", ui.task), ...ui.checks.map((each) => each.box), button("As given", () => change({ gradients: given, weights: names.map(() => 1) }))],
      picture, fileName: () => "gradient-plane",
      help: "Drag the tip of an arrow. Arrow keys move the chosen tip, Page Up and Page Down turn it, 1, 2 and 3 choose a task, Home brings everything back. "
        + "A step goes against a sum; where the sum lies in the shaded part, every loss falls. Dashed: after PCGrad." },
    ui.readout, make("div", { class: "lm-gradients" }, ui.plot,
      make("div", { class: "lm-told" }, make("div", { class: "lm-weights" }, make("p", { class: "lm-where" }, "Weights of the tasks"), ...ui.weights.map((each) => each.box)), ui.figures, ui.effects)));
    return ui;
  }

  // -- drawing --

  function tints() {
    return CLASS_COLOURS[isDark(colours.paper) ? "dark" : "light"];
  }

  function paint() {
    const size = Math.floor(clamp(ui.plot.clientWidth, 240, 460));
    plan = planePlan(size, reach);
    const found = surgery(view);
    drawGround(fitCanvas(ui.plane.base, size, size), plan, colours);
    drawGradients(fitCanvas(ui.plane.over, size, size), plan, view, found, names, tints(), colours);
    syncControls();
    tellCosines(found);
    writeEffects(found);
    describe(found);
  }

  function syncControls() {
    ui.task.value = view.task;
    for (const { name, input } of ui.checks) input.checked = view[name];
    ui.weights.forEach(({ put, sign }, i) => {
      put(view.weights[i], view.weights[i].toFixed(2));
      drawMarker(fitCanvas(sign, 14, 14), 7, 7, SHAPES[i], tints()[i], 4.5);
    });
    const told = view.gradients.map((gradient, i) => `${names[i]}: length ${written(length(gradient))}, ${degrees(gradient)} degrees`);
    ui.plane.box.setAttribute("aria-label", `Gradients. ${told.join("; ")}. Arrow keys move the tip of ${names[view.task]}.`);
  }

  function degrees([x, y]) {
    return Math.round((Math.atan2(y, x) * 180) / Math.PI) + 0;
  }

  // [task, task, cosine] of every pair.
  function pairs() {
    return names.flatMap((_, i) => names.slice(i + 1).map((_, k) => [i, i + 1 + k, cosine(view.gradients[i], view.gradients[i + 1 + k])]));
  }

  function tellCosines({ sum, operatedSum }) {
    const angle = (value) => `${Math.round((Math.acos(value) * 180) / Math.PI)}°, ${value < 0 ? "conflict" : "no conflict"}`;
    const rows = pairs().map(([i, j, value]) => [names.length < 3 ? "Cosine" : `Cosine ${i + 1}, ${j + 1}`, value === null ? "–" : figure(value, 3),
      value === null ? "zero has no direction" : angle(value)]);
    rows.push(["Length of sum", written(length(sum)), "plain"], ["After PCGrad", written(length(operatedSum)), "length of sum"]);
    writeFigures(ui.figures, rows);
  }

  // For each task the change of its loss by a step against the sum and by one against PCGrad's sum.
  function effectsOf({ sum, operatedSum }) {
    const [plain, operated] = [sum, operatedSum].map((direction) => firstOrder(view.gradients, direction, learningRate));
    return names.map((name, i) => [name, plain[i], operated[i]]);
  }

  function goes(change) {
    return change < 0 ? "goes down" : change > 0 ? "goes up" : "stays";
  }

  function writeEffects(found) {
    const cell = (change) => make("td", change > 0 ? { class: "lm-up" } : {}, make("b", {}, goes(change)), ` ${change > 0 ? "+" : ""}${written(change)}`);
    ui.effects.replaceChildren(
      make("caption", { class: "lm-where" }, `Loss after a step at learning rate ${written(learningRate)}, to first order`),
      make("thead", {}, make("tr", {}, ...["loss of", "sum", "PCGrad"].map((words) => make("th", { scope: "col" }, words)))),
      make("tbody", {}, ...effectsOf(found).map(([name, plain, operated]) => make("tr", {}, make("th", { scope: "row" }, name), cell(plain), cell(operated)))));
  }

  function describe(found) {
    const effects = effectsOf(found);
    const conflict = pairs().filter(([, , value]) => value !== null && value < 0).map(([i, j]) => `${names[i]} and ${names[j]}`);
    const outcome = (at) => {
      const up = effects.filter((row) => row[at] > 0).map(([name]) => name);
      return up.length ? `raises the loss of ${up.join(" and ")}` : effects.every((row) => row[at] === 0) ? "moves nothing" : "raises no loss";
    };
    ui.readout.replaceChildren(
      span(conflict.length ? "In conflict: " : "No conflict: no two gradients are more than a right angle apart.", make("b", {}, conflict.join(", ")), conflict.length ? "." : ""),
      span("A step against the sum ", make("b", {}, outcome(1)), ","), span("after PCGrad it ", make("b", {}, outcome(2)), "."));
  }

  // -- mouse and keys --

  function grab(event) {
    const at = (tip) => Math.hypot(plan.x(tip) - event.offsetX, plan.y(tip) - event.offsetY);
    const order = [view.task, ...names.keys()]; // the chosen one first, where two tips meet
    const best = order.reduce((a, b) => (at(view.gradients[b]) < at(view.gradients[a]) ? b : a));
    if (at(view.gradients[best]) > GRAB) return;
    dragged = true;
    ui.plane.box.setPointerCapture(event.pointerId);
    change({ task: best });
  }

  function drag(event) {
    if (dragged) moveTip(view.task, plan.point(event.offsetX, event.offsetY));
  }

  function release() {
    dragged = false;
  }

  function planeKey(event) {
    const tip = view.gradients[view.task];
    const turned = (by) => () => {
      const [angle, far] = [Math.atan2(tip[1], tip[0]) + by, length(tip)];
      moveTip(view.task, [far * Math.cos(angle), far * Math.sin(angle)]);
    };
    const actions = { PageUp: turned(TURN), PageDown: turned(-TURN), Home: () => change({ gradients: given }) };
    names.forEach((_, i) => { actions[i + 1] = () => change({ task: i }); });
    if (ARROWS[event.key]) {
      const [down, right] = ARROWS[event.key];
      actions[event.key] = () => moveTip(view.task, plus(tip, scaled([right, -down], reach / STEPS)));
    }
    press(event, actions[event.key]);
  }

  // -- files --

  function picture() {
    const found = surgery(view);
    const pen = new SvgPen("Gradients in a plane", 720, 460);
    pen.at(10, 34);
    const still = planePlan(420, reach);
    drawGround(pen, still, PAPER);
    drawGradients(pen, still, view, found, names, CLASS_COLOURS.light, PAPER);
    const lines = pairs().map(([i, j, value]) => `cosine of ${names[i]} and ${names[j]}: ${value === null ? "–" : figure(value, 3)}`);
    lines.push("", ...names.map((name, i) => `weight of ${name}: ${view.weights[i].toFixed(2)}`), "", `step at learning rate ${written(learningRate)}, to first order:`);
    for (const [name, plain, operated] of effectsOf(found)) {
      lines.push(`loss of ${name}`, `   sum: ${goes(plain)} ${written(plain)}`, `   PCGrad: ${goes(operated)} ${written(operated)}`);
    }
    lines.forEach((words, n) => pen.write(words, 440, 10 + 20 * n));
    return pen.picture();
  }
}

export { cosine, pcgrad, surgery, firstOrder, agreement, render };
export default { render };
