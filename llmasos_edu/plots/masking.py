"""A gap and its proposals as a still picture: where the explorer cannot run."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.masking.explorer import MaskingExplorer


def masking_figure(explorer: MaskingExplorer, *, title: str | None = None, width: float = 7.5) -> Figure:
    """The explorer's text with its hidden tokens, and what each of the two models proposes for the first.

    Args:
        explorer: shows the gap that is drawn.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    token, wide = explorer.token, explorer.width
    names = [explorer.pieces[i] for i in explorer.ids]
    told = [f"[{name}]" if token <= i < token + wide else name for i, name in enumerate(names)]
    masked = explorer.masked[wide - 1][token][0]
    causal = explorer.causal[token][:1]
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, panels = plt.subplots(1, 2, figsize=(width, 2.6), layout="constrained", sharex=True)
        sides = [
            ("masked model: both sides", [masked], "blue"),
            ("causal model: left side", causal, "vermilion"),
        ]
        for axes, (name, proposals, colour) in zip(panels, sides, strict=True):
            _bars(axes, proposals, explorer.pieces, explorer.ids[token], OKABE_ITO[colour])
            axes.set_title(name, fontsize=10)
        headline(figure, title or "What two models propose for a gap")
        figure.supxlabel(" ".join(told), fontsize=8, family="monospace", wrap=True)
    return figure


def _bars(axes, proposals: list[dict], pieces: list[str], truth: int, colour: str) -> None:
    axes.set(xlim=(0, 1), xlabel="probability")
    if not proposals:
        axes.set_yticks([])
        axes.text(0.05, 0.5, "nothing stands before it", transform=axes.transAxes)
        return
    ids, shares = proposals[0]["ids"], proposals[0]["p"]
    axes.barh(range(len(ids)), shares, color=[colour if i != truth else OKABE_ITO["green"] for i in ids])
    names = [pieces[i] if pieces[i].strip("␣·") else "blank" for i in ids]
    axes.set_yticks(
        range(len(ids)), [f"{name} ✓" if i == truth else name for i, name in zip(ids, names, strict=True)]
    )
    axes.invert_yaxis()
