// The scheduler playground: knobs, the kernel's rules run anew at every turn of one, timelines and measures.

const SETTINGS = ["policy", "beside", "admission", "evict", "quantum", "ageing", "slots", "load", "num_blocks", "block_size", "count", "chunk",
  "token_cost", "copy_cost", "seed"];
const POLICY_NAMES = { fcfs: "FCFS", sjf: "SJF", round_robin: "round robin", priority: "priority with ageing", mlfq: "MLFQ" };
const ADMISSION_NAMES = { optimistic: "everyone", watermark: "watermark, a tenth free", future_peak: "future peak" };
const EVICT_NAMES = { drop: "drop, compute again", swap: "swap out" };
const POLICY_ROW = 26;

function render(host) {
  const { model } = host;
  const given = model.get("jobs");
  const store = { id: "", jobs: [], traces: {}, panels: [] };
  const { view, colours, change, draw, show } = explore(host, { traits: [...SETTINGS, "step", "lane"], light: ["step", "lane"], keepInRange, paint });
  const start = Object.fromEntries(SETTINGS.map((name) => [name, view[name]]));
  const line = timelineBoard({ panels, view, change, draw });
  const ui = build();
  return show(ui.root);

  // -- state --

  function keepInRange(patch) {
    view.num_blocks = Math.max(view.num_blocks, leastBlocks());
    if (view.beside === view.policy) { // the one that was not touched gives way
      if ("beside" in patch && !("policy" in patch)) view.beside = "";
      else view.beside = store.policy && store.policy !== view.policy ? store.policy : "";
    }
    store.policy = view.policy;
    line.keepInRange();
  }

  function workload() {
    return given.length ? given : drawJobs(view);
  }

  function leastBlocks() {
    return Math.min(...workload().map(({ prompt, max_new: said }) => Math.ceil((prompt + said - 1) / view.block_size)));
  }

  // The trace of a policy under the present settings; kept until one of them moves.
  function traceOf(policy) {
    const id = SETTINGS.filter((name) => name !== "policy" && name !== "beside").map((name) => view[name]).join();
    if (store.id !== id) Object.assign(store, { id, jobs: workload(), traces: {}, panels: {} });
    store.traces[policy] = store.traces[policy] || runTinyKernel({ ...view, policy }, store.jobs);
    return store.traces[policy];
  }

  function panels() {
    return [view.policy, view.beside].filter(Boolean).map((policy) => {
      const trace = traceOf(policy);
      store.panels[policy] = store.panels[policy] || timelinePanel(POLICY_NAMES[policy], trace);
      return store.panels[policy];
    });
  }

  // -- the page --

  function build() {
    const select = (words, name, names, none) => choice(words, [...(none ? [["", "nothing"]] : []), ...Object.entries(names)], (value) => change({ [name]: value }));
    const knob = (words, name, range) => slider(words, range, (value) => change({ [name]: value }));
    const ui = {
      policy: select("Policy", "policy", POLICY_NAMES),
      beside: select("Beside it", "beside", POLICY_NAMES, true),
      admission: select("Admission", "admission", ADMISSION_NAMES),
      evict: select("Eviction", "evict", EVICT_NAMES),
      sliders: {
        quantum: knob("Quantum", "quantum", { min: 1, max: 16 }),
        ageing: knob("Ageing", "ageing", { max: 1, step: 0.01 }),
        slots: knob("Slots", "slots", { min: 1, max: 16 }),
        load: knob("Load", "load", { min: 0.1, max: 3, step: 0.05 }),
        num_blocks: knob("Memory", "num_blocks", { min: 1, max: 256 }),
        count: knob("Jobs", "count", { min: 1, max: 60 }),
        chunk: knob("Chunk", "chunk", { max: 32 }),
        token_cost: knob("Token's cost", "token_cost", { max: 1, step: 0.01 }),
        copy_cost: knob("Copy's cost", "copy_cost", { max: 4, step: 0.1 }),
      },
      again: button("Another workload", () => change({ seed: (view.seed + 1) % 2 ** 31 })),
      reset: button("As given", () => change(start)),
      policies: make("canvas", { role: "img" }),
    };
    ui.again.disabled = given.length > 0;
    ui.root = frame("Scheduler playground", {
      controls: [field("Policy", ui.policy), field("Beside it", ui.beside), field("Admission", ui.admission), field("Eviction", ui.evict), ui.again, ui.reset],
      picture, fileName: () => `scheduler-${view.policy.replace("_", "-")}${view.beside && `-${view.beside.replace("_", "-")}`}`,
      help: `Hover or click. ${LANE_KEYS}. Underlined: the process under the cursor, wherever it stands. `
        + "Load 1 brings as much work as the slots can do; memory is in blocks; a chunk of 0 reads a prompt at once." },
    make("div", { class: "lm-grid" }, ...Object.values(ui.sliders).map((each) => each.box)), ...line.parts,
    make("div", { class: "lm-policies" }, make("p", { class: "lm-heading" }, "All policies on this workload: mean turnaround and mean response"), ui.policies));
    return ui;
  }

  // -- drawing --

  function paint(ground) {
    if (ground) {
      syncControls();
      const width = ui.policies.parentElement.clientWidth;
      const rows = policyRows();
      drawPolicies(fitCanvas(ui.policies, width, rows.length * POLICY_ROW), width, rows, view, colours);
      ui.policies.setAttribute("aria-label", rows.map(({ name, turnaround, response }) => `${name}: mean turnaround ${figure(turnaround, 1)}, mean response ${figure(response, 1)}`).join("; "));
    }
    line.paint(ground, colours);
  }

  function policyRows() {
    return Object.entries(POLICY_NAMES).map(([policy, name]) => {
      const { turnaround, response } = timelineSums(traceOf(policy));
      return { policy, name, turnaround: turnaround || 0, response: response || 0 };
    });
  }

  function syncControls() {
    for (const name of ["policy", "beside", "admission", "evict"]) ui[name].value = view[name];
    for (const each of ui.beside.options) each.disabled = each.value === view.policy;
    const words = { chunk: view.chunk ? String(view.chunk) : "none", ageing: figure(view.ageing, 2), load: figure(view.load, 2),
      token_cost: figure(view.token_cost, 2), copy_cost: figure(view.copy_cost, 1) };
    for (const [name, { put, input }] of Object.entries(ui.sliders)) {
      if (name === "num_blocks") input.min = leastBlocks();
      put(view[name], words[name] || String(view[name]), Number(input.max), given.length > 0 && ["load", "count"].includes(name));
    }
  }

  function picture() {
    const about = `${plural(store.jobs.length, "job")}, ${plural(view.slots, "slot")}, ${plural(view.num_blocks, "block")} of ${view.block_size}, quantum ${view.quantum}`;
    return timelinePicture(panels(), "Policies on one workload", about);
  }
}

// Two bars a policy, the longer one pale: turnaround, and in it response. Those on show have bold names.
function drawPolicies(c, width, rows, { policy, beside }, colours) {
  const [left, right] = [Math.min(150, width * 0.38), 92];
  const scale = (width - left - right) / Math.max(1, ...rows.map(({ turnaround, response }) => Math.max(turnaround, response)));
  c.textBaseline = "middle";
  rows.forEach(({ policy: each, name, turnaround, response }, i) => {
    const y = i * POLICY_ROW;
    c.font = [policy, beside].includes(each) ? `600 ${WORD_FONT}` : WORD_FONT;
    c.textAlign = "left";
    c.fillStyle = colours.ink;
    c.fillText(shorten(name, width < 500 ? 16 : 24), 0, y + POLICY_ROW / 2);
    c.fillStyle = colours.bar;
    c.globalAlpha = 0.4;
    c.fillRect(left, y + 3, turnaround * scale, POLICY_ROW - 8);
    c.globalAlpha = 1;
    c.fillRect(left, y + 8, response * scale, POLICY_ROW - 18);
    c.font = SLOT_FONT;
    c.fillStyle = colours.ink;
    c.fillText(`${figure(turnaround, 1)} / ${figure(response, 1)}`, left + Math.max(turnaround, response) * scale + 6, y + POLICY_ROW / 2);
  });
}

export { floorDivide, runTinyKernel, drawJobs, render };
export default { render };
