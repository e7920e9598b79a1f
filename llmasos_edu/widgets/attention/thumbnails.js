// The grid of all heads' small pictures, to choose one from. `now()` gives { maps, shown (the mask), name }.

const THUMB_GAP = 4;

// All heads, small: their pictures are kept until mask, temperature or input change.
function thumbnails({ view, colours, change }, now, onkeydown) {
  const canvas = make("canvas");
  const box = make("div", { class: "lm-thumbs lm-focus", tabindex: 0, role: "application", "aria-roledescription": "grid of heads",
    onkeydown, onclick: (event) => headAt(event) && change({ ...headAt(event), show: "head" }), onmousemove: hover }, canvas);
  const [x, y] = [22, 16];
  let [size, kept, turn] = [0, { id: "", pictures: [] }, null];

  function draw() {
    const { maps, shown, name } = now();
    box.setAttribute("aria-label", `All heads, ${maps.layers} layers by ${maps.heads} heads; ${name} chosen. Arrow keys choose.`);
    size = clamp(Math.floor(190 / maps.heads) - THUMB_GAP, 14, 56);
    const pitch = size + THUMB_GAP;
    const c = fitCanvas(canvas, x + maps.heads * pitch + 2, y + maps.layers * pitch + 2);
    Object.assign(c, { font: "11px system-ui, sans-serif", fillStyle: colours.ink, textBaseline: "middle", textAlign: "center" });
    for (let head = 0; head < maps.heads; head++) c.fillText(head, x + head * pitch + size / 2, 7);
    for (let layer = 0; layer < maps.layers; layer++) c.fillText(layer, 9, y + layer * pitch + size / 2);
    const id = [view.input, view.text, size, ...Object.values(shown)].join();
    if (id !== kept.id) kept = { id, pictures: [] };
    c.imageSmoothingEnabled = false;
    turn = Symbol("this drawing");
    fill(c, turn, maps, shown);
  }

  // A big model has 144 thumbnails of 262,144 weights each: computed once, a few at a time, between frames.
  function fill(c, mine, maps, shown, index = 0) {
    if (turn !== mine) return; // a newer drawing took over, or the view is closed
    const start = performance.now();
    for (; index < maps.layers * maps.heads && performance.now() - start < 8; index++) {
      const [layer, head] = [Math.floor(index / maps.heads), index % maps.heads];
      if (!kept.pictures[index]) {
        const map = maps.map(layer, head, "head", shown);
        kept.pictures[index] = raster(map, maps.queries, maps.keys, shown.causal, map.top, size * 2, size * 2);
      }
      const [left, top] = [x + head * (size + THUMB_GAP), y + layer * (size + THUMB_GAP)];
      c.drawImage(kept.pictures[index], left, top, size, size);
      const chosen = layer === view.layer && (view.show !== "head" || head === view.head);
      frameThumb(c, left, top, size, chosen, view.knocked_out.includes(index), colours);
    }
    if (index < maps.layers * maps.heads) setTimeout(() => fill(c, mine, maps, shown, index), 0);
  }

  function headAt(event) {
    const { maps } = now();
    const [head, layer] = [event.offsetX - x, event.offsetY - y].map((away) => Math.floor(away / (size + THUMB_GAP)));
    return head >= 0 && layer >= 0 && head < maps.heads && layer < maps.layers ? { layer, head } : null;
  }

  function hover(event) {
    const place = headAt(event);
    box.title = place ? `layer ${place.layer}, head ${place.head}` : "";
  }

  return { box, draw, stop: () => { turn = null; } };
}

// The frame of a head's small picture; a cross over one that is knocked out.
function frameThumb(c, left, top, size, chosen, out, colours) {
  c.lineWidth = chosen ? 2.5 : 1;
  c.strokeStyle = chosen ? colours.mark : colours.line;
  c.strokeRect(left - 0.5, top - 0.5, size + 1, size + 1);
  if (!out) return;
  c.lineWidth = 2;
  c.strokeStyle = colours.mark;
  c.fillStyle = colours.paper;
  c.globalAlpha = 0.65;
  c.fillRect(left, top, size, size);
  c.globalAlpha = 1;
  c.beginPath();
  c.moveTo(left, top);
  c.lineTo(left + size, top + size);
  c.moveTo(left + size, top);
  c.lineTo(left, top + size);
  c.stroke();
}
