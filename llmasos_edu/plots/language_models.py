"""Drawings of chapter 2.1: the loop that writes, the coder's interval, measures side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.drawing import Drawing
from llmasos_edu.plots.style import STYLE, headline

CALM = "#EAF2F8"


def writing_drawing() -> Figure:
    """The loop around every language model: text in, probabilities out, one token chosen and put behind."""
    drawing = Drawing(8.6, 1.75)
    text = drawing.box(0.1, 0.75, 1.9, 0.7, "text so far\n[seq]", colour=CALM)
    model = drawing.box(2.9, 0.65, 1.7, 0.9, "the model", colour=OKABE_ITO["yellow"], bold=True)
    shares = drawing.box(5.5, 0.75, 1.5, 0.7, "probabilities\n[vocab]", colour=CALM)
    chosen = drawing.box(7.75, 0.85, 0.75, 0.5, "token", colour=CALM)
    drawing.arrow(text.right, model.left)
    drawing.arrow(model.right, shares.left)
    drawing.arrow(shares.right, chosen.left, "draw", shift=(0, 0.12))
    drawing.arrow(chosen.bottom, text.bottom, bend=-0.12)
    drawing.text(4.6, 0.18, "put behind the text, and again", size=8.5, on_paper=True)
    return drawing.figure


def interval_drawing(
    probabilities: Mapping[str, float], text: str, *, tail: Sequence[str] = (), width: float = 8.6
) -> Figure:
    """A text as an ever narrower interval: one bar a letter, each the chosen part of the one above, widened.

    Args:
        probabilities: of each letter, the same at every place.
        text: the letters.
        tail: the bits that name a number in the last interval, written below it.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: a letter without a probability.
    """
    if strange := sorted(set(text) - probabilities.keys()):
        raise ValueError(f"letters without a probability: {', '.join(strange)}")
    bar, gap, left, room = 0.42, 0.42, 1.3, 1.3
    height = (len(text) + 1) * (bar + gap) + 0.1
    drawing = Drawing(width, height)
    long, low, high = width - left - room, 0.0, 1.0
    for row in range(len(text) + 1):
        y, start = height - 0.25 - (row + 1) * bar - row * gap, 0.0
        drawing.text(left - 0.12, y + bar / 2, f"{low:.4g}", size=8.5, align="right")
        drawing.text(left + long + 0.12, y + bar / 2, f"{high:.4g}", size=8.5, align="left")
        for letter, share in probabilities.items():
            x, chosen = left + start * long, row < len(text) and letter == text[row]
            box = drawing.box(
                x, y, share * long, bar, letter, colour=OKABE_ITO["sky"] if chosen else "#FFFFFF", bold=chosen
            )
            if chosen:
                new = low + (high - low) * start, low + (high - low) * (start + share)
                drawing.axes.plot([box.x, left], [y, y - gap], color="#6B7280", linewidth=0.9)
                drawing.axes.plot([x + box.width, left + long], [y, y - gap], color="#6B7280", linewidth=0.9)
            start += share
        if row < len(text):
            low, high = new
    drawing.text(left + long / 2, 0.14, " ".join(tail), size=9, bold=True)
    return drawing.figure


def ranking_figure(
    values: Mapping[str, float],
    *,
    kinds: Mapping[str, str],
    unit: str,
    title: str | None = None,
    floor: tuple[str, float] | None = None,
    width: float = 7.2,
) -> Figure:
    """Measures as bars from zero, the smallest on top, coloured by kind.

    Args:
        values: by name.
        kinds: of each name, for colour and legend.
        unit: of the values.
        title: what the picture shows.
        floor: a name and a value below which none can go, drawn as a line.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    order = sorted(values, key=values.get, reverse=True)
    colours = dict(zip(dict.fromkeys(kinds.values()), list(OKABE_ITO.values())[1:], strict=False))
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axes = plt.subplots(figsize=(width, 0.27 * len(values) + 1.3))
        for kind, colour in colours.items():
            places = [place for place, name in enumerate(order) if kinds[name] == kind]
            axes.barh(places, [values[order[p]] for p in places], 0.72, color=colour, label=kind)
        for place, name in enumerate(order):
            axes.text(values[name], place, f" {values[name]:.2f}", va="center", fontsize=8.5)
        if floor:
            axes.axvline(floor[1], color="k", linestyle=":", linewidth=1.3, label=floor[0])
        axes.set_yticks(range(len(order)), order)
        axes.set(xlabel=unit, xlim=(0, max(values.values()) * 1.12))
        if title:
            headline(figure, title)
        figure.legend(loc="outside lower left", ncols=4, fontsize=8.5)
    return figure
