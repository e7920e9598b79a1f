"""What two models expect next, and how much a text surprised them, as a still picture."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.next_token.explorer import NextTokenExplorer

COLOURS = (OKABE_ITO["blue"], OKABE_ITO["vermilion"])


def next_token_figure(explorer: NextTokenExplorer, *, title: str | None = None, width: float = 7.5) -> Figure:
    """The explorer's view: surprise at each token above, what both models expect at the place below.

    Args:
        explorer: its text, place and temperature are drawn.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    seen = explorer.expectations()
    writers = ("model", f"{explorer.order}-gram")
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = plt.figure(figsize=(width, 4.4), layout="constrained")
        above, *below = figure.subplot_mosaic([["bits", "bits"], ["model", "counts"]]).values()
        _surprise(above, explorer.names(explorer.tokens), seen.bits, writers)
        for which, axes in enumerate(below):
            axes.set_title(f"the {writers[which]} expects", fontsize=10)
            _expected(
                axes, explorer, None if seen.proposals is None else seen.proposals[which], COLOURS[which]
            )
        end = explorer.place == len(explorer.tokens)
        where = "next" if end else f"at token {explorer.place + 1}"
        headline(figure, title or f"Surprise along a text, and what is expected {where}")
    return figure


def _surprise(axes, names: list[str], bits: list[tuple[float, float]], writers: tuple[str, str]) -> None:
    places = np.arange(1, len(names))
    for which, (writer, colour) in enumerate(zip(writers, COLOURS, strict=True)):
        heights = [pair[which] for pair in bits]
        axes.bar(places + 0.4 * which - 0.2, heights, 0.38, label=writer, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=90, family="monospace", fontsize=8)
    highest = max((value for pair in bits for value in pair), default=0)
    axes.set(ylabel="surprise (bits)", xlim=(-0.6, max(len(names), 1) - 0.4))
    axes.set_ylim(0, 1.35 * max(highest, 1))  # room for the legend above the bars
    axes.legend(loc="upper right", ncols=2)


def _expected(axes, explorer: NextTokenExplorer, proposals, colour: str) -> None:
    axes.set(xlim=(0, 1), xlabel="probability")
    if proposals is None:
        axes.set_yticks([])
        axes.text(0.05, 0.5, "nothing stands before it", transform=axes.transAxes)
        return
    axes.barh(range(len(proposals.ids)), proposals.shares, color=colour)
    axes.set_yticks(range(len(proposals.ids)), explorer.names(proposals.ids), family="monospace", fontsize=8)
    axes.invert_yaxis()
