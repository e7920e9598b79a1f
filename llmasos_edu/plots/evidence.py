"""A verdict as a picture: the effect in every setting, with its interval, and the chapter's own run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.style import STYLE

_LOOK = {
    "for": (OKABE_ITO["blue"], "o", "the claim is borne out"),
    "against": (OKABE_ITO["vermilion"], "X", "it is not"),
    "open": ("#6B7280", "D", "it could be either"),
}


def sweep_figure(
    rows: Sequence[tuple[Mapping[str, object], object, str]],
    *,
    above: float,
    unit: str,
    title: str | None = None,
    live: float | None = None,
    width: float = 8.0,
) -> Figure:
    """One line a setting: the mean effect over seeds, its interval, and its side of the threshold.

    The first row is the chapter's own setting; below it each line names what is changed.

    Args:
        rows: `(setting, interval, side)`; an interval has `mean`, `low` and `high`, a side is `"for"`,
            `"against"` or `"open"`. `Decision.rows` is such a list.
        above: the threshold that an effect must exceed.
        unit: of the effect.
        title: the verdict.
        live: the effect that the chapter's cell has measured just now; a star on the first line.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: there are no rows, or a side is unknown.
    """
    if not rows or (strange := {side for *_, side in rows} - _LOOK.keys()):
        raise ValueError(
            f"there is nothing to draw: {len(rows)} rows" if not rows else f"unknown side {strange}"
        )
    names = setting_names([setting for setting, *_ in rows])
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axis = plt.subplots(figsize=(width, 0.27 * len(rows) + 1.3))
        axis.axvline(above, color="k", linestyle=":", linewidth=1.2)
        for line, (_, found, side) in enumerate(rows):
            colour, marker, _ = _LOOK[side]
            axis.plot([found.low, found.high], [line, line], color=colour, linewidth=2.4)
            axis.plot(found.mean, line, marker=marker, color=colour, markersize=7)
        if live is not None:
            axis.plot(live, 0, marker="*", color="k", markersize=11, zorder=3)
        axis.set_yticks(range(len(rows)), names)
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set(xlabel=f"effect, {unit}")
        if title is not None:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        shown = [each for each in _LOOK if any(side == each for *_, side in rows)]
        handles = [
            Line2D([], [], color=_LOOK[side][0], marker=_LOOK[side][1], label=_LOOK[side][2])
            for side in shown
        ]
        handles.append(Line2D([], [], color="k", linestyle=":", label="what would count"))
        if live is not None:
            handles.append(Line2D([], [], color="k", marker="*", linestyle="", label="this notebook's run"))
        figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), fontsize=8)
    return figure


def setting_names(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """For each setting what differs from the first, `steps 600, layers 2`; the first is written out whole."""
    first = settings[0]
    whole = ", ".join(f"{name} {value}" for name, value in first.items())
    changed = [
        ", ".join(f"{name} {value}" for name, value in setting.items() if value != first[name])
        for setting in settings[1:]
    ]
    return [whole, *changed]


def sweep_in_words(
    rows: Sequence[tuple[Mapping[str, object], object, str]], *, above: float, unit: str
) -> str:
    """What `sweep_figure` shows, for an alt text: the interval of every setting and its side."""
    lines = [
        f"{name}: {found.mean:.2g}, from {found.low:.2g} to {found.high:.2g}, {_LOOK[side][2]}"
        for name, (_, found, side) in zip(setting_names([setting for setting, *_ in rows]), rows, strict=True)
    ]
    head = f"Effect in {unit} with its interval, setting by setting; above {above:g} counts. "
    return head + "; ".join(lines) + "."


def arms_figure(
    runs: Sequence[Mapping[str, float]],
    arms: Mapping[str, str],
    *,
    unit: str,
    title: str | None = None,
    live: Mapping[str, float] | None = None,
    width: float = 8.0,
) -> Figure:
    """What each contender of an experiment measured: a dot a seed, a bar at the mean, a star for this run.

    Args:
        runs: the figures of each seed.
        arms: {name of a figure: words for the reader}, from top to bottom.
        unit: of all of them.
        title: over the picture.
        live: the figures of the chapter's own run.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: no runs, or a figure that they do not have.
    """
    _check_arms(runs, arms)
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axis = plt.subplots(figsize=(width, 0.34 * len(arms) + 1.1))
        for line, name in enumerate(arms):
            values = [run[name] for run in runs]
            mean = sum(values) / len(values)
            axis.plot(values, [line] * len(values), "o", color=OKABE_ITO["blue"], alpha=0.45, markersize=6)
            axis.plot([mean, mean], [line - 0.3, line + 0.3], color=OKABE_ITO["vermilion"], linewidth=2.4)
            if live is not None:
                axis.plot(live[name], line, marker="*", color="k", markersize=11, zorder=3)
        axis.set_yticks(range(len(arms)), arms.values())
        axis.set_ylim(len(arms) - 0.5, -0.5)
        axis.set(xlabel=f"{unit}: a dot a seed, red their mean" + (", a star this run" if live else ""))
        if title is not None:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def arms_in_words(runs: Sequence[Mapping[str, float]], arms: Mapping[str, str], *, unit: str) -> str:
    """What `arms_figure` shows, for an alt text: mean, least and largest of every contender."""
    _check_arms(runs, arms)
    lines = []
    for name, words in arms.items():
        values = [run[name] for run in runs]
        spread = f"from {min(values):.2g} to {max(values):.2g}"
        lines.append(f"{' '.join(words.split())}: {sum(values) / len(values):.2g}, {spread}")
    return f"{unit}, the mean of {len(runs)} seeds and their range. " + "; ".join(lines) + "."


def _check_arms(runs, arms):
    if not runs or not arms:
        raise ValueError(f"there is nothing to draw: {len(runs)} runs, {len(arms)} arms")
    if missing := [name for name in arms if any(name not in run for run in runs)]:
        raise ValueError(f"the runs have no figure {missing[0]!r}, only {', '.join(runs[0])}")
