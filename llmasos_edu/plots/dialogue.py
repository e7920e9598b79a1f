"""Chapter 6.1 drawn: the program around the model, a turn token by token, recall by distance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from scipy.stats import binomtest

from llmasos_edu.foundation.arguments import check_strings
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.drawing import Drawing

PAPER, MODEL, KERNEL, TOOLS = "#FFFFFF", OKABE_ITO["yellow"], "#E9F5E9", "#EAF2F8"


def program_drawing() -> Figure:
    """Who speaks to whom: user, program, kernel with the model in it, tools; and what each holds."""
    drawing = Drawing(9.4, 3.3)
    user = drawing.box(0.1, 1.55, 1.0, 0.8, "user")
    program = drawing.box(1.9, 1.1, 1.75, 1.7, colour=PAPER)
    drawing.text(2.775, 2.6, "program", bold=True)
    drawing.text(2.775, 1.85, "window and notes,\nwhose turn it is,\nwhich rights,\nwhat is a yes", size=8.2)
    kernel = drawing.box(4.5, 1.1, 2.0, 1.7, colour=KERNEL)
    drawing.text(5.5, 2.6, "kernel", bold=True)
    drawing.text(5.5, 2.36, "rights, receipts, log", size=8.2)
    model = drawing.box(4.8, 1.3, 1.4, 0.75, "model\ntext in, text out", colour=MODEL, size=8.2)
    tools = [
        drawing.box(7.4, 2.45, 1.9, 0.6, "orders (SQLite)", colour=TOOLS, size=8.5),
        drawing.box(7.4, 1.65, 1.9, 0.6, "notes (SQLite)", colour=TOOLS, size=8.5),
        drawing.box(7.4, 0.85, 1.9, 0.6, "calendar (.ics file)", colour=TOOLS, size=8.5),
    ]
    drawing.arrow(user.right, program.left, "says", both=True)
    drawing.arrow(program.right, kernel.left, "spawn", both=True)
    for tool in tools:
        drawing.arrow((6.5, 1.97), tool.left, both=True)
    drawing.text(6.9, 2.85, "calls", size=8.5)
    drawing.text(2.775, 0.5, "trusted: nothing here\nis decided by a text", size=8.5)
    drawing.text(model.bottom[0], 0.5, "untrusted: it may be\ntalked into any call", size=8.5)
    drawing.arrow((2.775, 0.74), program.bottom)
    drawing.arrow((5.5, 0.74), model.bottom, dashed=True)
    drawing.text(8.35, 0.42, "every query has the\nowner in its condition", size=8.2)
    return drawing.figure


def turn_drawing(tokens: Sequence[str], own: Sequence[bool], *, title: str, width: float = 9.4) -> Figure:
    """A turn's tokens in boxes; those that the model must say itself are filled.

    Args:
        tokens: as a reader sees them.
        own: which of them are the model's.
        title: stands above.
        width: of the picture, inches.
    """
    names = check_strings(tokens, "tokens", len(own), "marks")
    rows, x = [[]], 0.1
    for name, mine in zip(names, own, strict=True):
        wide = 0.16 + 0.082 * len(name)
        if x + wide > width - 0.1:
            rows.append([])
            x = 0.1
        rows[-1].append((x, wide, name, mine))
        x += wide + 0.05
    drawing = Drawing(width, 0.42 * len(rows) + 0.15, title=title)
    for number, row in enumerate(rows):
        y = 0.42 * (len(rows) - 1 - number) + 0.1
        for x, wide, name, mine in row:
            drawing.box(x, y, wide, 0.32, name, colour=MODEL if mine else PAPER, size=8, dashed=not mine)
    return drawing.figure


def recall_figure(
    right: Mapping[str, Mapping[int, int]], users: int, *, window: tuple[float, float], title: str
) -> Figure:
    """Right answers by distance, a line for each way to remember, with Wilson intervals.

    Args:
        right: of each way: how many of the users got the right answer at each distance in turns.
        users: asked at each distance.
        window: the fewest and the most turns that stand in the window; shaded.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    axes.axvspan(*window, color="#D9DDE2", zorder=0, label="the window ends here")
    markers = itertools.cycle("os^D")
    for number, (name, counts) in enumerate(right.items()):
        shares = [count / users for count in counts.values()]
        ends = [binomtest(count, users).proportion_ci(method="wilson") for count in counts.values()]
        low = [max(0.0, share - end.low) for share, end in zip(shares, ends, strict=True)]
        high = [max(0.0, end.high - share) for share, end in zip(shares, ends, strict=True)]
        places = [distance + 0.12 * (number - 1) for distance in counts]
        axes.errorbar(places, shares, yerr=[low, high], marker=next(markers), capsize=3, label=name)
    axes.set(
        xlabel="turns from telling to asking",
        ylabel="share of right answers",
        ylim=(-0.04, 1.08),
        title=title,
    )
    axes.legend(loc="center right")
    return figure


def calls_figure(recordings: Mapping[str, Mapping], *, title: str) -> Figure:
    """Every system call of recorded conversations: who, what, by which right, and the kernel's answer.

    Args:
        recordings: as for `ChatExplorer`.
        title: stands above.
    """
    rows = [
        (
            talk["user"],
            f"{part['call']} {part['arguments']}",
            part["held"],
            f"{part['errno']} {part['answer']}",
        )
        for talk in recordings.values()
        for turn in talk["turns"]
        for part in turn["parts"]
        if "call" in part
    ]
    height = 0.24 * (len(rows) + 1) + 0.1
    drawing = Drawing(9.4, height, title=title)
    places = (0.1, 0.75, 5.95, 6.9)
    for x, words in zip(places, ("user", "call", "right", "answer"), strict=True):
        drawing.text(x, height - 0.12, words, size=8.5, bold=True, align="left")
    for number, (user, call, held, said) in enumerate(rows, 1):
        y = height - 0.12 - 0.24 * number
        if not held:
            drawing.axes.axhspan(y - 0.12, y + 0.12, color="#F6E3D4", zorder=0)
        for x, words in zip(places, (user, call, "held" if held else "not held", said), strict=True):
            drawing.text(x, y, words, size=7.6, align="left")
    return say(drawing.figure, _calls_in_words(rows, title))


def _calls_in_words(rows: Sequence[tuple[str, str, bool, str]], title: str) -> str:
    """The calls counted by the kernel's answer, and those that were refused one by one."""
    answers: dict[str, int] = {}
    for *_, said in rows:
        answers[said.split()[0]] = answers.get(said.split()[0], 0) + 1
    counts = ", ".join(f"{many} times {answer}" for answer, many in answers.items())
    refused = [f"{user}'s {call} ({said})" for user, call, held, said in rows if not held]
    words = f"“{title}”. A table of {len(rows)} calls: user, call, right, answer. Answers: {counts}."
    return f"{words} Shaded, as the right was not held: {'; '.join(refused)}." if refused else words
