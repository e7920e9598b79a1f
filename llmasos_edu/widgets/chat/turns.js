// Conversations in words: who says what, which calls stand in a turn, lines that fit a picture.

const wide = (sign) => (sign.codePointAt(0) > 0x2e7f ? 2 : 1);

// A text in lines of at most so many columns; Chinese signs are two columns wide. Cut at blanks where there are any.
function wrapped(text, columns) {
  const lines = [];
  let [line, width] = ["", 0];
  for (const word of text.split(/(?<= )|(?=[\u2e80-\uffff])/u)) {
    for (const piece of [...word].length > columns ? [...word] : [word]) {
      const more = [...piece].reduce((sum, sign) => sum + wide(sign), 0);
      if (width + more > columns && line) {
        lines.push(line);
        [line, width] = ["", 0];
      }
      line += piece;
      width += more;
    }
  }
  return [...lines, line];
}

const callsOf = (turn) => turn.parts.filter((part) => part.call !== undefined);
const textOf = (turn) => turn.parts.map((part) => part.text || "").join("");
const callWords = (call) => `${call.call} ${call.arguments}`.trim();
const answerWords = (call) => `${call.errno} ${call.answer}`.trim();

// What a turn comes to, in one sentence.
function turnWords(turn, number, count, user) {
  const calls = callsOf(turn);
  const told = calls.length ? calls.map((call) => `${call.call}: ${call.errno}`).join(", ") : "no call";
  return [`Turn ${number + 1} of ${count}.`, `${user}: ${shorten(turn.said, 40)}`, turn.refused ? `refused: ${turn.refused}` : told];
}

// The rows of the table of calls: what was asked, the right, whether it was held, what came back.
function callRows(turn) {
  return callsOf(turn).map((call) => [call.call, call.arguments, `${call.right} ${call.held ? "✓ held" : "✗ not held"}`, answerWords(call)]);
}

// A conversation's lines in a picture: [{ words, indent, colour }].
function pictureLines(turns, user, columns) {
  const lines = [];
  const add = (speaker, text, indent, colour) => wrapped(`${speaker}: ${text}`, columns - indent).forEach((words) => lines.push({ words, indent, colour }));
  for (const turn of turns) {
    add(user, turn.said, 0, PAPER.ink);
    for (const part of turn.parts) {
      if (part.call === undefined) add("assistant", part.text, 4, PAPER.bar);
      else add("kernel", `${callWords(part)} → ${answerWords(part)}`, 8, PAPER.mark);
    }
    if (turn.refused) add("refused", turn.refused, 4, PAPER.mark);
  }
  return lines;
}
