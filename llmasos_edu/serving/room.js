// The control room: one picture of the kernel after another, drawn as it comes. No framework, no other host.

const query = new URLSearchParams(location.search);
const token = query.get("token");
const url = (path) => (token === null ? path : `${path}?token=${encodeURIComponent(token)}`);
const $ = (id) => document.getElementById(id);

// Okabe and Ito's colours with the ink that reads on them; a process keeps its colour, its number is always there.
const COLOURS = [
  ["#0072b2", "#ffffff"], ["#d55e00", "#000000"], ["#009e73", "#000000"], ["#e69f00", "#000000"],
  ["#56b4e9", "#000000"], ["#cc79a7", "#000000"], ["#f0e442", "#000000"], ["#5a6472", "#ffffff"],
];
const colourOf = (pid) => COLOURS[pid % COLOURS.length];

function paint(element, pid) {
  const [paper, ink] = colourOf(pid);
  element.style.background = paper;
  element.style.color = ink;
}

// One element a item, kept between pictures so that focus and scroll stay where they are.
function fit(parent, count, make) {
  while (parent.children.length < count) parent.append(make());
  while (parent.children.length > count) parent.lastChild.remove();
  return [...parent.children];
}

function drawMemory(picture) {
  const cached = new Set(picture.cached);
  const cells = fit($("memory"), picture.owners.length, () => document.createElement("div"));
  let held = 0;
  let shared = 0;
  cells.forEach((cell, block) => {
    const owners = picture.owners[block];
    held += owners.length > 0;
    shared += owners.length > 1;
    cell.removeAttribute("style");
    cell.className = "block" + (owners.length > 1 ? " shared" : cached.has(block) ? " cached" : "");
    cell.textContent = owners.length > 1 ? `${owners.length}x` : owners.length ? owners[0] : "";
    if (owners.length === 1) paint(cell, owners[0]);
    const who = owners.length ? `held by ${owners.join(", ")}` : cached.has(block) ? "free, contents known" : "free";
    cell.title = `block ${block}: ${who}`;
  });
  $("memory").setAttribute(
    "aria-label",
    `${held} of ${cells.length} blocks held, ${shared} of them by several processes, ` +
      `${picture.cached.length} free ones with known contents`,
  );
}

// One column a step, one row a slot: who stood in the batch.
function drawSlots(picture) {
  const { turns, slots } = picture;
  const board = $("slots");
  board.style.gridTemplateRows = `repeat(${slots}, 20px)`;
  fit(board, turns.length * slots, () => document.createElement("div")).forEach((cell, at) => {
    const pid = turns[Math.floor(at / slots)][at % slots];
    cell.className = "turn";
    cell.removeAttribute("style");
    cell.textContent = pid === undefined ? "" : pid;
    if (pid !== undefined) paint(cell, pid);
  });
  const last = turns.at(-1) || [];
  board.setAttribute("aria-label", `in the latest step ${last.length} of ${slots} slots held: ${last.join(", ") || "nobody"}`);
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
  const lines = picture.audit.map((line) => `${line.user || "-"} ${line.pid}: ${line.name} ${line.arguments} -> ${line.errno}`);
  fit($("audit"), Math.max(1, lines.length), () => document.createElement("li")).forEach((item, at) => {
    item.textContent = lines[at] ?? "no system call yet";
  });
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
  drawMemory(picture);
  drawSlots(picture);
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

const events = new EventSource(url("kernel/events"));
events.onmessage = (event) => draw(JSON.parse(event.data));
events.onerror = () => { $("summary").textContent = "the server does not answer; waiting for it ..."; };
