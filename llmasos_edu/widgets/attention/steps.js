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

// Buttons and slider over the rows written so far. `go(count)` shows that many.
function stepControls(go) {
  let [now, last] = [1, 1];
  // Counted here at once, not when it is drawn: two quick presses are two steps.
  const show = (count) => {
    now = clamp(count, 1, last);
    go(now);
  };
  const plays = player(STEP_MS, { first: 1, last: () => last, at: () => now, go: show });
  const user = (count) => {
    plays.stop();
    show(count);
  };
  const rows = slider("Decoded tokens", { min: 1 }, user);
  const back = button("Previous", () => user(now - 1));
  const next = button("Next", () => user(now + 1));
  const words = make("p", { class: "lm-step" });
  const truth = make("p", { class: "lm-step lm-hint" });
  rows.output.classList.add("lm-nowrap");
  const bar = make("div", { class: "lm-line lm-left", role: "group", "aria-label": "Decoding, step by step" },
    field("Decoded tokens", rows.input, rows.output), back, next, plays.button);
  const root = make("div", { class: "lm-steps" }, bar, words, truth);

  // What stands in the controls: rows so far, of how many, and the two lines of text ("" for none).
  function update(count, of, stepping, stepText, truthText) {
    [now, last] = [count, of];
    rows.put(count, `${count} of ${of}`, of, false);
    back.disabled = count <= 1;
    next.disabled = count >= of;
    bar.hidden = words.hidden = !stepping;
    words.textContent = stepText;
    truth.hidden = !truthText;
    truth.textContent = truthText;
  }

  return { root, update, stop: plays.stop, next: () => user(now + 1), back: () => user(now - 1) };
}
