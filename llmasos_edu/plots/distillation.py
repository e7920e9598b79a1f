"""Dark knowledge as a still picture: where the explorer cannot run."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.dark_knowledge.data import step_of
from llmasos_edu.widgets.dark_knowledge.explorer import DarkKnowledgeExplorer

_COLOURS = [OKABE_ITO[name] for name in ("blue", "vermilion", "green")]


def dark_knowledge(
    explorer: DarkKnowledgeExplorer,
    *,
    temperatures: Sequence[float] = (1.0, 2.0, 4.0),
    title: str | None = None,
    width: float = 7.5,
) -> Figure:
    """What the teacher and its students expect after the explorer's token, a panel for each temperature.

    A high temperature makes all shares small, and what is compared is how the other tokens stand beside the
    favourite. So bars are shares of the teacher's favourite, on one scale in all panels; its own share, and
    that of all tokens without a bar, are told as numbers.

    Args:
        explorer: shows the position that is drawn.
        temperatures: 1 to 4 of them; the nearest that the explorer knows are drawn.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: no temperature, more than four, or one beyond the explorer's slider.
    """
    if not 1 <= len(temperatures) <= 4:
        raise ValueError(f"temperatures holds {len(temperatures)} numbers, expected 1 to 4")
    shares = [explorer.probabilities(temperature=temperature) for temperature in temperatures]
    rows = explorer.rows[explorer.position]
    following = explorer.ids[explorer.position + 1 : explorer.position + 2]
    names = [explorer.pieces[row] + (" ✓" if row in following else "") for row in rows]
    height = 1.5 + 0.11 * len(rows) * (len(explorer.models) + 1)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, panels = plt.subplots(
            1, len(temperatures), figsize=(width, height), layout="constrained", sharex=True, sharey=True,
            squeeze=False,
        )  # fmt: skip
        for axes, temperature, found in zip(panels[0], temperatures, shares, strict=True):
            favourite = found[:-1, 0].max().item()
            _bars(axes, found[:-1] / favourite, explorer.models)
            axes.set_title(f"T = {explorer.temperatures[step_of(temperature)]:.3g}", fontsize=10)
            axes.locator_params(axis="x", nbins=4)
            others = ", ".join(f"{share:.0f}" for share in (100 * found[-1]).tolist())
            words = f"the teacher's favourite = 1: {100 * favourite:.3g} %\nall others together, %: {others}"
            axes.set_xlabel(words, fontsize=8)
        panels[0][0].set_yticks(range(len(rows)), names, family="monospace")
        panels[0][0].invert_yaxis()
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
        headline(figure, title or "The teacher besides its favourite")
        read = " ".join(explorer.pieces[i] for i in explorer.ids[: explorer.position + 1])
        figure.supxlabel(f"{read} [?]", fontsize=8, family="monospace", wrap=True)
    steps = [explorer.temperatures[step_of(temperature)] for temperature in temperatures]
    return say(figure, _in_words(title, explorer.models, names, steps, shares))


def _in_words(title: str | None, models: list[str], names: list[str], steps, shares) -> str:
    """What the picture shows: at each temperature, the favourite, who comes next, and all without a bar."""
    sentences = [f"{title}." if title else "The teacher besides its favourite."]
    for temperature, found in zip(steps, shares, strict=True):
        bars = found[:-1] / found[:-1, 0].max()
        first, second = bars[:, 0].argsort(descending=True)[:2].tolist()
        beside = ", ".join(f"{name} {share:.2f}" for name, share in zip(models, bars[second], strict=True))
        rest = ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip(models, found[-1], strict=True))
        sentences.append(
            f"At T = {temperature:.3g} the teacher gives its favourite, {names[first]}, "
            f"{100 * found[first, 0]:.3g} %; beside that as 1 its next, {names[second]}, has {beside}; "
            f"all tokens without a bar together: {rest}."
        )
    return " ".join(sentences)


def _bars(axes, shares, models: list[str]) -> None:
    """Shares `[rows, models]` as bars, the models of a token below each other."""
    thick = 0.8 / len(models)
    for number, name in enumerate(models):
        offset = (number - (len(models) - 1) / 2) * thick
        places = [row + offset for row in range(len(shares))]
        axes.barh(places, shares[:, number].tolist(), thick, color=_COLOURS[number], label=name)
