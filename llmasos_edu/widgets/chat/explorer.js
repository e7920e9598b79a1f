// A conversation: recorded ones to step through, and one's own where a kernel answers.

const TRAITS = ["recording", "turn", "said", "sent", "answered"];
const STEP_MS = 900;
const OWN = "your own, live";

function render(host) {
  const { model } = host;
  const [names, recordings] = [model.get("names"), model.get("recordings")];
  const own = () => view.recording >= names.length;
  const conversation = () => (own() ? model.get("own") : recordings[view.recording]);
  const count = () => conversation().turns.length;
  const waiting = () => alive && view.sent > view.answered;
  let alive = false;
  const { view, change, draw, show } = explore(host, { traits: TRAITS, keepInRange, changed, paint, close });
  const plays = player(STEP_MS, { last: () => count() - 1, at: () => view.turn, go: (turn) => change({ turn }) });
  let row = null; // the turns' buttons, made anew when there are others
  const ui = build();
  const heard = () => draw(true);
  model.on("change:own", heard);
  const leave = show(ui.root);
  ask(""); // whoever answers is a kernel
  return leave;

  function close() {
    plays.stop();
    model.off("change:own", heard);
  }

  function keepInRange() {
    view.recording = clamp(view.recording, 0, names.length);
    view.turn = clamp(view.turn, 0, Math.max(0, count() - 1));
  }

  // -- what the reader does --

  // At once, not a little later as other changes: somebody waits for the answer.
  function ask(said) {
    change({ said, sent: view.sent + 1 });
    model.save_changes();
  }

  function send(event) {
    event.preventDefault();
    const text = ui.typed.value.trim();
    if (!text || !alive || waiting()) return;
    ui.typed.value = "";
    change({ recording: names.length });
    ask(text);
  }

  function chosen(value) {
    plays.stop();
    change({ recording: Number(value), turn: 0 });
  }

  // The kernel has answered: the first time that tells that it is there, later the newest turn is shown.
  function changed(news) {
    if (!news.includes("answered")) return;
    if (!alive) ui.which.append(option(names.length, OWN));
    alive = true;
    if (view.said) {
      view.recording = names.length;
      view.turn = Math.max(0, count() - 1);
    }
  }

  // -- the page --

  function build() {
    const typing = (event) => event.ctrlKey || event.metaKey || event.altKey || event.stopPropagation();
    const ui = {
      which: choice("Conversation", names.map((name, i) => [i, name]), chosen),
      mark: make("p", { class: "lm-chat-mark" }),
      row: make("div"),
      readout: readout(),
      talk: make("div", { class: "lm-chat-talk", role: "log", "aria-label": "The conversation", tabindex: 0 }),
      table: make("table", { class: "lm-table lm-names lm-chat-calls" }),
      rights: make("p", { class: "lm-hint" }),
      typed: make("input", { type: "text", maxlength: 400, autocomplete: "off", "aria-label": "Your message", onkeydown: typing }),
      send: make("button", { type: "submit" }, "Send"),
      note: make("p", { class: "lm-hint" }),
    };
    ui.form = make("form", { class: "lm-chat-form", onsubmit: send }, ui.typed, ui.send);
    ui.scroller = scroller("System calls of the turn", ui.table);
    ui.root = frame("Chat", { controls: [field("Conversation", ui.which), plays.button], picture, fileName: () => "chat", help: ui.note },
      ui.mark, ui.row, ui.readout,
      make("div", { class: "lm-body lm-two" }, make("div", { class: "lm-main" }, ui.talk, ui.form),
        make("div", { class: "lm-main" }, make("p", { class: "lm-heading" }, "System calls of this turn"), ui.scroller, ui.rights)));
    return ui;
  }

  // -- drawing --

  function paint() {
    const { user, rights, turns } = conversation();
    ui.which.value = String(view.recording);
    ui.mark.textContent = own() ? "Live: a kernel answers, and its tools are real." : "Recorded: what you see was said once and is not computed now.";
    ui.root.classList.toggle("lm-live", own());
    drawRow(turns);
    drawTalk(user, turns.slice(0, view.turn + 1));
    const turn = turns[view.turn];
    writeTable(ui.table, ["call", "arguments", "right", "answer"], turn ? callRows(turn) : []);
    ui.table.hidden = !turn || !callsOf(turn).length;
    ui.scroller.settle();
    ui.rights.textContent = `${ui.table.hidden ? "No call in this turn. " : ""}Rights of ${user}: ${rights.join(", ") || "none"}.`;
    ui.readout.replaceChildren(...(turn ? turnWords(turn, view.turn, turns.length, user) : ["Nothing was said yet."]).map((words) => span(words)));
    [ui.typed.disabled, ui.send.disabled] = [!alive, !alive || waiting()];
    plays.button.disabled = turns.length < 2; // nothing to walk through
    ui.typed.placeholder = alive ? "Say something, then Enter" : "No kernel here: run the notebook to talk";
    ui.note.textContent = waiting() ? "The kernel is at work …" : "Press a turn, or walk along them with the arrow keys. A call without its right comes back as EPERM, whatever the text says.";
  }

  function drawRow(turns) {
    const told = `${view.recording} ${turns.length}`;
    if (!row || row.told !== told) {
      const had = row && row.box.contains(document.activeElement);
      row = tokenRow(turns.map((_, i) => String(i + 1)), "The turns; the pressed one is on show. Arrow keys walk along them.", (turn) => change({ turn }), walk);
      row.told = told;
      ui.row.replaceChildren(row.box);
      if (had && turns.length) row.focus(view.turn);
    }
    row.put(view.turn, (i) => i === view.turn, undefined, (i) => `turn ${i + 1}: ${turns[i].said}`);
  }

  function drawTalk(user, turns) {
    const bubble = (kind, who, ...words) => make("p", { class: `lm-chat-${kind}` }, make("b", {}, who), ...words);
    const bubbles = turns.flatMap((turn) => [bubble("user", user, turn.said), ...turn.parts.map((part) => (part.call === undefined
      ? bubble("assistant", "assistant", part.text)
      : bubble(part.held ? "call" : "call lm-chat-refused", "system call", make("code", {}, callWords(part)), " → ", make("code", {}, answerWords(part))))),
      ...(turn.refused ? [bubble("call lm-chat-refused", "not sent", turn.refused)] : [])]);
    ui.talk.replaceChildren(...bubbles);
    ui.talk.scrollTop = ui.talk.scrollHeight;
  }

  function walk(event) {
    const last = count() - 1;
    const goals = { ArrowLeft: view.turn - 1, ArrowUp: view.turn - 1, ArrowRight: view.turn + 1, ArrowDown: view.turn + 1, PageUp: 0, PageDown: last, Home: 0, End: last };
    press(event, event.key in goals && (() => {
      change({ turn: goals[event.key] });
      row.focus(view.turn);
    }));
  }

  function picture() {
    const { user, turns } = conversation();
    const lines = pictureLines(turns.slice(0, view.turn + 1), user, 96);
    const pen = new SvgPen("Chat", 760, 50 + 18 * lines.length, `${own() ? OWN : names[view.recording]}: what was said, and what the kernel was asked`);
    lines.forEach(({ words, indent, colour }, i) => pen.write(words, 12 + 7 * indent, 44 + 18 * i, { font: '12px "DejaVu Sans Mono", Menlo, monospace', colour }));
    return pen.picture();
  }
}

export { wrapped, turnWords, callRows, pictureLines, render };
export default { render };
