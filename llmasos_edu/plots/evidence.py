"""A verdict as a picture: the effect in every setting, with its interval, and the chapter's own run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.setting_words import axis_words, measured, setting_names, short
from llmasos_edu.plots.style import STYLE, headline

LOOKS = {
    "for": (OKABE_ITO["blue"], "o", "borne out"),
    "against": (OKABE_ITO["vermilion"], "X", "not borne out"),
    "open": ("#6B7280", "D", "could be either"),
}
# Verdicts have the colours of the sides that they come from; one under a condition a lighter blue.
VERDICT_COLOURS = {
    "holds": OKABE_ITO["blue"],
    "holds when": OKABE_ITO["sky"],
    "does not hold": OKABE_ITO["vermilion"],
    "not shown": "#9CA3AF",
}
ARMS_COLOUR = OKABE_ITO["green"]  # of contenders, on whom no verdict is passed
# Characters that an inch of the picture's width has room for in one line:
TITLE, LABEL, AXIS = 11, 5, 7.5
LINE = 0.175  # inches
NO_BREAK = "\N{NO-BREAK SPACE}"


def sweep_figure(
    rows: Sequence[tuple[Mapping[str, object], object, str]],
    *,
    above: float,
    unit: str,
    title: str | None = None,
    live: float | None = None,
    width: float = 6.4,
) -> Figure:
    """One line a setting: the mean effect over seeds, its interval, and its side of the threshold.

    The first row is the chapter's own setting; below it each line names what is changed.

    Args:
        rows: `(setting, interval, side)`; an interval has `mean`, `low` and `high`, a side is `"for"`,
            `"against"` or `"open"`. `Decision.rows` is such a list.
        above: the threshold that an effect must exceed.
        unit: of the effect, as it follows a number.
        title: what the picture shows, wrapped where it is longer than a line: `Decision.title` is the claim
            with its verdict and the verdict's condition.
        live: the effect that the chapter's cell has measured just now; a star on the first line.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: there are no rows, or a side is unknown.
    """
    if not rows or (strange := {side for *_, side in rows} - LOOKS.keys()):
        raise ValueError(
            f"there is nothing to draw: {len(rows)} rows" if not rows else f"unknown side {strange}"
        )
    names = [_in_lines(name, int(LABEL * width)) for name in setting_names([setting for setting, *_ in rows])]
    said = "" if title is None else f"{title}. "
    title = "" if title is None else _wrapped(title, int(TITLE * width))
    effect = fill(axis_words(unit), int(AXIS * width))
    handles = _sweep_legend([side for *_, side in rows], live)
    # What does not fit into one line stands in two.
    columns = len(handles) if sum(len(each.get_label()) + 8 for each in handles) < 15 * width else 3
    around = [*title.split("\n"), *effect.split("\n"), *handles[::columns]]
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        height = LINE * (sum(_heights(names)) + len(around)) + 0.75
        figure, axis = plt.subplots(figsize=(width, height))
        _draw_rows(axis, rows, names, above, live)
        axis.set(xlabel=effect)
        if title:
            headline(figure, title)
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, fontsize=8)
    star = "" if live is None else f" A star marks this notebook's run: {short(live)}."
    return say(figure, said + sweep_in_words(rows, above=above, unit=unit) + star)


def _in_lines(name, length):
    """A row's name, broken between settings rather than inside one."""
    parts = [part.replace(" ", NO_BREAK) if len(part) < length else part for part in name.split(", ")]
    return fill(", ".join(parts), length, break_on_hyphens=False).replace(NO_BREAK, " ")


def _wrapped(title, length):
    """A title in lines; a verdict that does not fit behind its claim has a line of its own."""
    claim, colon, verdict = title.rpartition(": ")
    if colon and len(claim) < length < len(title):
        return f"{claim}:\n{fill(verdict, length)}"
    return fill(title, length)


def _draw_rows(axis, rows, names, above, live):
    """Rows as high as their names, from top to bottom."""
    heights = _heights(names)
    places = [sum(heights[:row]) + heights[row] / 2 for row in range(len(rows))]
    axis.axvline(above, color="k", linestyle=":", linewidth=1.2)
    for place, (_, found, side) in zip(places, rows, strict=True):
        colour, marker, _ = LOOKS[side]
        axis.plot([found.low, found.high], [place, place], color=colour, linewidth=2.4)
        axis.plot(found.mean, place, marker=marker, color=colour, markersize=7)
    if live is not None:
        axis.plot(live, places[0], marker="*", color="k", markersize=11, zorder=3)
    axis.set_yticks(places, names, linespacing=1.15)
    axis.set_ylim(sum(heights), 0)


def _heights(names):
    return [max(1.6, 1.2 + name.count("\n")) for name in names]


def _sweep_legend(sides, live):
    handles = [
        Line2D([], [], color=colour, marker=marker, label=label)
        for side, (colour, marker, label) in LOOKS.items()
        if side in sides
    ]
    handles.append(Line2D([], [], color="k", linestyle=":", label="what would count"))
    if live is not None:
        handles.append(Line2D([], [], color="k", marker="*", linestyle="", label="this notebook's run"))
    return handles


def sweep_in_words(
    rows: Sequence[tuple[Mapping[str, object], object, str]], *, above: float, unit: str
) -> str:
    """What `sweep_figure` shows, for an alt text: every setting with its interval and side, in sentences."""
    names = setting_names([setting for setting, *_ in rows])
    said = []
    for number, (name, (_, found, side)) in enumerate(zip(names, rows, strict=True)):
        where = f"With {name} it is" if number else f"In the chapter's own setting ({name}) it is"
        mean = measured(found.mean, "" if number else unit)
        said.append(f"{where} {mean}, from {short(found.low)} to {short(found.high)}: {LOOKS[side][2]}.")
    head = f"The effect in {len(rows)} settings, each with its interval over seeds"
    return f"{head}; more than {measured(above, unit)} counts. {' '.join(said)}"


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
            axis.plot(values, [line] * len(values), "o", color=ARMS_COLOUR, alpha=0.45, markersize=6)
            axis.plot([mean, mean], [line - 0.3, line + 0.3], color=ARMS_COLOUR, linewidth=2.4)
            if live is not None:
                axis.plot(live[name], line, marker="*", color="k", markersize=11, zorder=3)
        axis.set_yticks(range(len(arms)), arms.values())
        axis.set_ylim(len(arms) - 0.5, -0.5)
        axis.set(xlabel=f"{unit}: a dot a seed, the bar their mean" + (", a star this run" if live else ""))
        if title is not None:
            headline(figure, title)
    return say(figure, arms_in_words(runs, arms, unit=unit, title=title, live=live))


def arms_in_words(
    runs: Sequence[Mapping[str, float]],
    arms: Mapping[str, str],
    *,
    unit: str,
    title: str | None = None,
    live: Mapping[str, float] | None = None,
) -> str:
    """What `arms_figure` shows: mean, least and largest of every contender, and this notebook's run.

    Two significant digits; three, where two contenders' means would read the same.
    """
    _check_arms(runs, arms)
    means = [sum(run[name] for run in runs) / len(runs) for name in arms]
    digits = 2 if len({f"{mean:.2g}" for mean in means}) == len(means) else 3
    lines = []
    for (name, words), mean in zip(arms.items(), means, strict=True):
        values = [run[name] for run in runs]
        spread = f"from {min(values):.{digits}g} to {max(values):.{digits}g}"
        star = f", this run {live[name]:.{digits}g}" if live is not None else ""
        lines.append(f"{' '.join(words.split())}: {mean:.{digits}g}, {spread}{star}")
    head = f"“{title}”. " if title else ""
    unit = f"{unit[:1].upper()}{unit[1:]}"
    return f"{head}{unit}, the mean of {len(runs)} seeds and their range. {'; '.join(lines)}."


def _check_arms(runs, arms):
    if not runs or not arms:
        raise ValueError(f"there is nothing to draw: {len(runs)} runs, {len(arms)} arms")
    if missing := [name for name in arms if any(name not in run for run in runs)]:
        raise ValueError(f"the runs have no figure {missing[0]!r}, only {', '.join(runs[0])}")
