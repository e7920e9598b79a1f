// The words of the tokens on show, in lines, and what became of each.

// The words of the window, in lines: { items, lines, rest }. Where they are too many, those around the cursor.
function stripPlan(width, scene, maxLines) {
  const lay = (from) => {
    const items = [];
    let [x, line, i] = [0, 0, from];
    for (; i < scene.start + scene.count; i++) {
      const token = scene.shown[i];
      const wide = wordWidth(shorten(scene.tokens[token], 16)) + 14; // room for a cross
      if (x + wide > width && x > 0) [x, line] = [0, line + 1];
      if (line >= maxLines) break;
      items.push({ token, x, y: line * STRIP_LINE, wide });
      x += wide + 1;
    }
    return { items, lines: Math.min(maxLines, line + 1), first: from, last: i - 1, rest: scene.start + scene.count - i };
  };
  const plan = lay(scene.start);
  const at = scene.columnOf[scene.token];
  return at > plan.last && at < scene.start + scene.count ? lay(Math.max(scene.start, at - Math.floor((plan.last - plan.first) / 2))) : plan;
}

// How many of a token's assignments were kept, and how it stands to the chosen expert.
function fate({ routing, expert }, token) {
  let [kept, mine] = [0, null];
  for (let rank = 0; rank < routing.topK; rank++) {
    const i = rank * routing.tokens + token;
    kept += routing.kept[i];
    if (routing.chosen[i] === expert) mine = routing.kept[i] ? "kept" : "dropped";
  }
  return { kept, mine };
}

// The token strip: framed where the token goes to the chosen expert, struck through where experts were full.
function drawStrip(c, plan, scene, colours) {
  c.textBaseline = "middle";
  for (const { token, x, y, wide } of plan.items) {
    const { kept, mine } = fate(scene, token);
    if (mine) {
      c.globalAlpha = 0.16;
      c.fillStyle = mine === "kept" ? colours.bar : colours.paper;
      c.fillRect(x + 1, y + 1, wide - 2, STRIP_LINE - 4);
      c.globalAlpha = 1;
      c.lineWidth = 1;
      c.strokeStyle = mine === "kept" ? colours.bar : colours.mark;
      c.strokeRect(x + 1.5, y + 1.5, wide - 3, STRIP_LINE - 5);
    }
    c.font = mine ? `bold ${LABEL_FONT}` : LABEL_FONT;
    c.textAlign = "left";
    c.fillStyle = kept ? colours.ink : colours.soft;
    c.fillText(shorten(scene.tokens[token], 16), x + 4, y + 10.5);
    if (!kept) stroke(c, [[x + 3, y + 10.5, x + wide - 9, y + 10.5]], colours.mark, 2);
    else if (kept < scene.routing.topK) { // a small cross in its corner
      const [left, top] = [x + wide - 9, y + 3];
      stroke(c, [[left, top + 1, left + 5.5, top + 6.5], [left + 5.5, top + 1, left, top + 6.5]], colours.mark, 1.8);
    }
    if (scene.domains.length) {
      const domain = scene.domainOf[token];
      c.setLineDash(DASHES[domain]);
      stroke(c, [[x + 3, y + 18.5, x + wide - 3, y + 18.5]], domainColour(scene, domain), 3);
      c.setLineDash([]);
    }
    if (token === scene.token) ring(c, x + 1, y + 1, wide - 2, STRIP_LINE - 4, "#fff");
  }
}
