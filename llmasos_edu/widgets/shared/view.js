// The life of a view, alike in every explorer: values, changes, drawings, keys, theme, and its end.

const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;

// Plain keys are the explorer's, those with Ctrl, Alt, Meta or Shift the notebook's. Jupyter listens on the whole
// document, Notebook 7 before any element hears of a key: a key on an element with this mark it leaves alone. The
// mark must be on the focused element itself, which Jupyter's shortcuts name first.
function keepKeys(root) {
  const mark = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !withModifier(event));
  };
  window.addEventListener("keydown", mark, true);
  root.addEventListener("keydown", (event) => withModifier(event) || event.stopPropagation());
  return () => window.removeEventListener("keydown", mark, true);
}

// Runs what a key means, if it means something here.
function press(event, action) {
  if (!action || withModifier(event)) return;
  event.preventDefault();
  action();
}

// Calls back when the element's width changes: our own height must not start another drawing.
function onWidthChange(element, callback) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    callback();
  });
  observer.observe(element);
  return () => observer.disconnect();
}

// Calls back with { name: value } when Python, or another view, changes a trait to what is not in the view.
function onTraitChange(model, view, names, callback) {
  const handlers = names.map((name) => {
    const handler = () => {
      if (String(model.get(name)) !== String(view[name])) callback({ [name]: model.get(name) });
    };
    model.on(`change:${name}`, handler);
    return [`change:${name}`, handler];
  });
  return () => handlers.forEach(([event, handler]) => model.off(event, handler));
}

// Tells Python the changed traits, a little later: a held arrow key must not send thirty messages a second.
function teller(model) {
  let timer = 0;
  const tell = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    clearTimeout(timer);
    timer = setTimeout(() => model.save_changes(), 250);
  };
  tell.stop = () => clearTimeout(timer);
  return tell;
}

// Several changes within one frame are drawn once. Returns the way to ask for a drawing, with a way to stop.
function painter(paint) {
  let [frame, alive] = [0, true];
  const ask = () => {
    if (frame || !alive) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      paint();
    });
  };
  ask.stop = () => {
    alive = false;
    cancelAnimationFrame(frame);
  };
  return ask;
}

// A colour that changes is a transition, however short: its end tells, whoever changed the theme and however
// late its style sheet came. JupyterLab says light or dark in an attribute of the body, at a time of its own, and
// takes the old style sheet away before: so the drawing is made again when all has come to rest.
const AT_REST = 400; // ms
function onColourChange(root, callback) {
  let timer = 0;
  const twice = () => {
    callback();
    clearTimeout(timer);
    timer = setTimeout(callback, AT_REST);
  };
  const heard = (event) => event.target === root && twice();
  const watcher = new MutationObserver(twice);
  root.addEventListener("transitionend", heard);
  watcher.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => {
    root.removeEventListener("transitionend", heard);
    watcher.disconnect();
    clearTimeout(timer);
  };
}

// As colours that a canvas knows: forced ones have names of their own, resolved by an element.
function readColours(root, colours) {
  const probe = root.appendChild(make("span", { class: "lm-probe" }));
  for (const name of ["ink", "soft", "line", "bar", "mark", "paper"]) {
    probe.style.color = `var(--lm-${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
}

// Several explorers of one kind on a page are regions of one name: the second is called so, and so on.
function nameApart(root) {
  const name = root.getAttribute("aria-label");
  const taken = new Set([...document.querySelectorAll(".lm-explorer")].filter((other) => other !== root).map((other) => other.getAttribute("aria-label")));
  const numbered = (number) => (number > 1 ? `${name} ${number}` : name);
  let number = 1;
  while (taken.has(numbered(number))) number++;
  root.setAttribute("aria-label", numbered(number));
}

// One view of a model. What an explorer says of itself:
// `traits`, what Python and the reader may change; `light`, those of them that leave the ground as it is;
// `keepInRange(patch, before)` mends `view`; `changed(names)` hears what is new; `paint(ground)` draws, all or only
// what moves; `close()` stops what else runs.
function explore({ model, el }, { traits, light = [], keepInRange = () => {}, changed = () => {}, paint, close = () => {} }) {
  const view = Object.fromEntries(traits.map((name) => [name, model.get(name)]));
  const colours = {};
  const tellPython = teller(model);
  let [root, stale] = [null, true];
  const ask = painter(() => {
    if (!root.clientWidth) return; // hidden: drawn when it is seen
    const ground = stale;
    stale = false;
    if (ground) readColours(root, colours);
    paint(ground);
  });

  // Everything the reader does comes through here: new values, kept in range, told to Python, drawn.
  function change(patch, report = true) {
    const before = { ...view };
    Object.assign(view, patch);
    keepInRange(patch, before);
    const names = Object.keys(view).filter((name) => String(view[name]) !== String(before[name]));
    const news = traits.filter((name) => String(view[name]) !== String(model.get(name)));
    if (report && news.length) tellPython(Object.fromEntries(news.map((name) => [name, view[name]])));
    changed(names);
    draw(names.some((name) => !light.includes(name)));
  }

  function draw(ground) {
    stale = stale || ground;
    ask();
  }

  // Puts the explorer on the page; returns how it is taken away.
  function show(node) {
    root = node;
    el.append(root);
    nameApart(root);
    const stops = [close, ask.stop, tellPython.stop, keepKeys(root), onColourChange(root, () => draw(true)),
      onTraitChange(model, view, traits, (patch) => change(patch, false)), onWidthChange(root, () => draw(true))];
    keepInRange({}, view);
    draw(true);
    return () => {
      stops.forEach((stop) => stop());
      root.remove();
    };
  }

  return { view, colours, change, draw, show };
}
