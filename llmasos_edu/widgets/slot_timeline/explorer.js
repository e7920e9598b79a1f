// The slot timeline: a trace, or two above one another on one time axis.

function render(host) {
  const { model } = host;
  const titles = model.get("names");
  const panels = [model.get("trace"), model.get("other")].filter((trace) => trace.steps).map((trace, i) => timelinePanel(titles[i], trace));
  const { view, colours, change, draw, show } = explore(host, { traits: ["step", "lane"], light: ["step", "lane"],
    keepInRange: () => line.keepInRange(), paint: (ground) => line.paint(ground, colours) });
  const line = timelineBoard({ panels: () => panels, view, change, draw });
  const sizes = panels.map(({ meta, procs }) => `${plural(procs.length, "process", "processes")}, ${plural(meta.slots, "slot")}, ${plural(meta.num_blocks, "block")}`);
  return show(frame("Slot timeline", { controls: [make("span", { class: "lm-where" }, [...new Set(sizes)].join("; "))],
    picture: () => timelinePicture(panels, "Who stood in the batch"), fileName: () => "slot-timeline",
    help: `Hover or click. ${LANE_KEYS}. Underlined: the process under the cursor, wherever it stands.` }, ...line.parts));
}

export { lanesOf, staysOf, stepAt, timelinePanel, timelineSums, render };
export default { render };
