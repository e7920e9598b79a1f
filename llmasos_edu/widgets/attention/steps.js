// Stepping through decoding, and how well the strongest keys agree with a known truth. Shared by all maps.

const STEP_MS = 900; // long enough to read one row

// The share of rows, of the first `rows`, whose strongest key is a true one: { hits, counted }.
function truthShare(weights, truth, keys, rows) {
  let [hits, counted] = [0, 0];
  for (let query = 0; query < rows; query++) {
    if (!truth[query].length) continue;
    counted++;
    let best = 0;
    for (let key = 1; key < keys; key++) if (weights[query * keys + key] > weights[query * keys + best]) best = key;
    if (truth[query].includes(best)) hits++;
  }
  return { hits, counted };
}

const MANY = 4e6; // beyond so many weights the best head is not looked for

// Over all rows, the head that has most true keys as its strongest: { layer, head, hits, counted }, the first of equals.
function bestHead(maps, mask) {
  if (maps.layers * maps.heads * maps.queries * maps.keys > MANY) return null;
  let best = null;
  for (let layer = 0; layer < maps.layers; layer++) {
    for (let head = 0; head < maps.heads; head++) {
      const found = truthShare(maps.map(layer, head, "head", mask).weights, maps.truth, maps.keys, maps.queries);
      if (!best || found.hits > best.hits) best = { layer, head, ...found };
    }
  }
  return best;
}

// A square inside each true key's cell: white with a dark line around, to be seen on the whole ramp.
function drawTruth(c, truth, { left, top, cell }, rows) {
  const inset = cell >= 36 ? 4 : Math.max(0, cell * 0.22);
  const size = cell - 2 * inset;
  for (let query = 0; query < rows; query++) {
    for (const key of truth[query]) {
      const [x, y] = [left + key * cell + inset, top + query * cell + inset];
      if (size >= 6) ring(c, x, y, size, size, "#fff");
      else {
        c.fillStyle = "#fff";
        c.fillRect(x, y, Math.max(size, 2), Math.max(size, 2));
      }
    }
  }
}

// Buttons and slider over the rows written so far. `go(count)` shows that many.
function stepControls(go) {
  let [now, last, timer] = [1, 1, 0];
  const slider = make("input", { type: "range", min: 1, step: 1, "aria-label": "Decoded tokens",
    oninput: (event) => user(Number(event.target.value)) });
  const count = make("output", { class: "lm-number lm-nowrap" });
  const back = button("Previous", () => user(now - 1));
  const next = button("Next", () => user(now + 1));
  const play = button("Play", () => (timer ? pause() : start()));
  const words = make("p", { class: "lm-step" });
  const truth = make("p", { class: "lm-step lm-hint" });
  const bar = make("div", { class: "lm-line lm-left", role: "group", "aria-label": "Decoding, step by step" },
    field("Decoded tokens", slider, count), back, next, play);
  const root = make("div", { class: "lm-steps" }, bar, words, truth);

  // Counted here at once, not when it is drawn: two quick presses are two steps.
  function show(count) {
    now = clamp(count, 1, last);
    go(now);
  }

  function user(count) {
    pause();
    show(count);
  }

  function start() {
    show(now === last ? 1 : now + 1);
    timer = setInterval(() => (now === last ? pause() : show(now + 1)), STEP_MS);
    play.textContent = "Pause";
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }

  // What stands in the controls: rows so far, of how many, and the two lines of text ("" for none).
  function update(rows, of, stepping, stepText, truthText) {
    [now, last] = [rows, of];
    slider.max = of;
    slider.value = rows;
    slider.setAttribute("aria-valuetext", `${rows} of ${of}`);
    count.textContent = `${rows} of ${of}`;
    back.disabled = rows <= 1;
    next.disabled = rows >= of;
    bar.hidden = words.hidden = !stepping;
    words.textContent = stepText;
    truth.hidden = !truthText;
    truth.textContent = truthText;
  }

  return { root, update, stop: pause, next: () => user(now + 1), back: () => user(now - 1) };
}
