// The expert-load explorer's picture to keep.

// Numbers, map, loads and words by the functions that draw the screen, in the light theme's colours.
function scenePicture(scene, where) {
  const { domains, letters } = scene;
  const [width, margin] = [820, 12];
  const drawn = { ...scene, plain: PAPER.bar };
  const flat = mapPlan(width - 2 * margin, drawn);
  const lines = stripPlan(width - 2 * margin, drawn, 8);
  const keys = domains.length ? 26 : 0;
  const pen = new SvgPen("Tokens against experts", width, 62 + flat.bottom + keys + lines.lines * STRIP_LINE + margin, `Tokens against experts, ${where}`);
  pen.write(`${figuresOf(scene).map(([name, value]) => `${name} ${value}`).join("; ")}; framed words go to expert ${scene.expert}`, margin, 40);
  pen.at(margin, 56);
  drawMap(pen, flat, drawn, probabilityImage(drawn, 4000), PAPER);
  drawNames(pen, flat, drawn, PAPER);
  drawLoads(pen, flat, drawn, PAPER);
  pen.at(margin, 60 + flat.bottom);
  domains.forEach((name, domain) => {
    const x = (domain * (width - 2 * margin)) / domains.length;
    domainBox(pen, drawn, domain, x, 0, 22, 13);
    pen.write(`${letters[domain]} ${name}`, x + 28, 7);
  });
  pen.at(margin, 60 + flat.bottom + keys);
  drawStrip(pen, lines, { ...drawn, token: -1 }, PAPER);
  return pen.picture();
}
