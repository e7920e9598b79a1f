// The control room: one picture of the kernel after another, drawn as it comes. No framework, no other host.
// Memory and slots are drawn by what draws the explorers of chapter 2.3: the server puts it in front of this file.

const query = new URLSearchParams(location.search);
const token = query.get("token");
const url = (path) => (token === null ? path : `${path}?token=${encodeURIComponent(token)}`);
const $ = (id) => document.getElementById(id);

// One element a item, kept between pictures so that focus and scroll stay where they are.
function fit(parent, count, make) {
  while (parent.children.length < count) parent.append(make());
  while (parent.children.length > count) parent.lastChild.remove();
  return [...parent.children];
}

const legend = blockLegend();
$("memory-key").append(legend.root);
const colours = {};
const shown = { picture: null, memory: null, plan: null, lanes: new Map() };

// The page's colours as a canvas knows them, forced ones too.
function readColours() {
  const probe = document.body.appendChild(document.createElement("span"));
  for (const name of ["ink", "soft", "line", "bar", "mark", "paper"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
}

// The picture's memory as a step of a kernel's trace tells it.
function memoryStep({ processes, cached, latest }) {
  const held = processes.filter((process) => process.table.length);
  return {
    tables: Object.fromEntries(held.map(({ pid, table, slots }) => [pid, { table, slots }])),
    swapped: Object.fromEntries(processes.filter((process) => process.swapped).map(({ pid, swapped }) => [pid, swapped])),
    cached,
    batch: latest.length ? latest.at(-1).batch : [],
  };
}

function drawMemory(picture, meta) {
  const step = memoryStep(picture);
  const shelf = Object.values(step.swapped).reduce((sum, each) => sum + each, 0);
  const width = $("memory").parentElement.clientWidth;
  shown.memory = memoryOf(meta, step);
  shown.plan = blocksPlan(width - 2, meta.num_blocks, { largest: 28, shelf });
  const c = fitCanvas($("memory"), width, shown.plan.height);
  drawBlocks(c, shown.plan, shown.memory, null, colours);
  if (shelf) drawShelf(c, shown.plan, step.swapped, colours);
  legend.draw(colours);
  const { held, shared, cached } = memorySums(shown.memory, meta.block_size);
  $("memory").setAttribute(
    "aria-label",
    `${held} of ${meta.num_blocks} blocks held, ${shared} of them by several processes, ` +
      `${cached} free ones with known contents` + (shelf ? `, ${shelf} swapped out` : ""),
  );
}

// The latest steps; a process stays in its slot from picture to picture.
function drawSlots({ latest, slots, policy }, meta) {
  const board = $("slots");
  const last = latest.length ? latest.at(-1).batch.map((row) => row.pid) : [];
  board.setAttribute("aria-label", `in the latest step ${last.length} of ${slots} slots held: ${last.join(", ") || "nobody"}`);
  board.hidden = !latest.length;
  if (!latest.length) return;
  const panel = timelinePanel(policy, { meta, steps: latest, procs: [] }, shown.lanes.get(latest[0].time));
  shown.lanes = new Map(panel.lanes.map((lane, at) => [latest[at].time, lane]));
  const width = Math.max(600, board.parentElement.clientWidth);
  const plan = timelinePlan(width, [panel], latest[0].time);
  drawTimeline(fitCanvas(board, width, plan.height), plan, [panel], colours);
}

function button(name, pid, path) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = name;
  made.setAttribute("aria-label", `${name} process ${pid}`);
  made.addEventListener("click", () => post(path, { pid }, name));
  return made;
}

function drawRow(row, process, ended) {
  const values = [
    process.pid, process.user || "-", process.reason ? `${process.state}: ${process.reason}` : process.state,
    ended ? process.tokens : `${process.tokens} of ${process.limit}`, ended ? 0 : process.table.length,
    process.reused, process.evictions, ended ? "" : process.rate.toFixed(1), process.tail,
  ];
  row.className = ended ? "ended" : "";
  fit(row, 10, () => document.createElement("td"));
  values.forEach((value, at) => {
    if (row.children[at].textContent !== String(value)) row.children[at].textContent = value;
  });
  row.children[8].className = "text";
  if (row.dataset.pid !== `${process.pid}${ended}`) {
    row.dataset.pid = `${process.pid}${ended}`;
    const buttons = [button("fork", process.pid, "kernel/fork"), button("kill", process.pid, "kernel/kill")];
    row.children[9].replaceChildren(...(ended ? [] : buttons));
  }
}

function drawProcesses(picture) {
  const rows = [...picture.processes.map((each) => [each, false]), ...picture.ended.toReversed().map((each) => [each, true])];
  const body = $("processes").tBodies[0];
  fit(body, rows.length, () => document.createElement("tr")).forEach((row, at) => drawRow(row, ...rows[at]));
}

function drawAudit(picture) {
  const rows = picture.audit.toReversed().map((line) => [
    line.pid, line.user || "-", line.name, line.arguments, line.rights?.join(", ") || "-",
    line.handed ? "handed to the client" : line.replayed ? `${line.errno}, from a receipt` : line.errno,
  ]);
  if (!rows.length) rows.push(["no system call yet"]);
  fit($("audit").tBodies[0], rows.length, () => document.createElement("tr")).forEach((row, at) => {
    fit(row, rows[at].length, () => document.createElement("td"));
    rows[at].forEach((value, column) => { row.children[column].textContent = value; });
    row.className = picture.audit.length && picture.audit.at(-1 - at).errno !== "OK" ? "refused" : "";
    row.firstChild.colSpan = rows[at].length > 1 ? 1 : 6;
  });
  const { audit = 0, receipts = 0 } = picture.dropped;
  $("forgotten").textContent = audit + receipts ? `too old to be kept: ${audit} lines, ${receipts} receipts` : "";
}

function draw(picture) {
  $("model").textContent = picture.model;
  const choices = fit($("policy"), picture.policies.length, () => document.createElement("option"));
  choices.forEach((option, at) => { option.value = option.textContent = picture.policies[at]; });
  if (document.activeElement !== $("policy")) $("policy").value = picture.policy;
  const speed = picture.processes.reduce((sum, process) => sum + process.rate, 0);
  $("summary").textContent =
    `${picture.processes.length} processes, ${picture.slots} slots, blocks of ${picture.block_size} tokens, ` +
    `${picture.steps} steps, ${speed.toFixed(0)} tokens a second`;
  const meta = { num_blocks: picture.owners.length, block_size: picture.block_size, slots: picture.slots };
  shown.picture = picture;
  readColours();
  drawMemory(picture, meta);
  drawSlots(picture, meta);
  drawProcesses(picture);
  drawAudit(picture);
  document.body.dataset.state = "ready";
}

async function post(path, content, name) {
  const answer = await fetch(url(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(content),
  });
  const said = await answer.json();
  $("said").textContent = answer.ok ? `${name}: ${JSON.stringify(said)}` : said.error.message;
}

$("spawn").addEventListener("submit", (event) => {
  event.preventDefault();
  const content = { prompt: $("prompt").value, max_tokens: Number($("tokens").value) };
  if ($("user").value) content.user = $("user").value;
  post("kernel/spawn", content, "spawn");
});
$("policy").addEventListener("change", () => post("kernel/policy", { policy: $("policy").value }, "policy"));

$("memory").addEventListener("mousemove", (event) => {
  const block = shown.plan && shown.plan.find(event.offsetX, event.offsetY);
  $("memory").title = block === null ? "" : `block ${block}: ${blockWords(shown.memory, shown.picture.block_size, block)}`;
});

// Another theme or another width: the latest picture once more.
const redraw = () => shown.picture && draw(shown.picture);
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", redraw);
addEventListener("resize", redraw);

const events = new EventSource(url("kernel/events"));
events.onmessage = (event) => draw(JSON.parse(event.data));
events.onerror = () => { $("summary").textContent = "the server does not answer; waiting for it ..."; };
