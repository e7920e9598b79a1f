"""Accuracy matrices as still pictures, and ways to remember side by side over their seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from llmasos_edu.foundation.arguments import check_names
from llmasos_edu.foundation.arrays import read_array
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.speaking import listed
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.accuracy_matrix.data import MAX_METHODS, check_tasks, score_limits

_MOST_COLUMNS = 4


def accuracy_matrices(
    matrices: Mapping[str, Any],
    tasks: Sequence[str],
    *,
    baselines: Mapping[str, Any] | None = None,
    title: str | None = None,
    width: float = 7.5,
) -> Figure:
    """One accuracy matrix for each method, all on one scale, the numbers in their cells.

    The scale begins at 0 and ends where the scores do, at the next twentieth; scores that are no shares have
    a scale from the smallest to the largest.

    R[i, j] is the score on task j after task i was learnt: below the diagonal stands what was kept of earlier
    tasks, above it what was known of later ones. Each panel's title ends with the mean of its last row, the
    average accuracy, where that row is complete.

    Args:
        matrices: for each of 1 to 8 methods, by its name, R `[tasks, tasks]`, torch or numpy; NaN where it
            was not measured.
        tasks: names of the tasks in the order of training, 2 to 8.
        baselines: by name, scores `[tasks]` of somebody who knows little: rows below a line.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Lopez-Paz and Ranzato 2017, section 2; article 3.3.
    """
    tasks = check_tasks(tasks)
    methods = check_names(list(matrices), "matrices", 1, MAX_METHODS)
    grids = [_check_matrix(matrices[name], name, len(tasks)) for name in methods]
    rows_below = [_check_baseline(values, name, len(tasks)) for name, values in (baselines or {}).items()]
    low, high = _limits([*grids, *rows_below])
    rows = -(-len(methods) // _MOST_COLUMNS)
    columns = -(-len(methods) // rows)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        # Square cells, and a title of two lines.
        high_each = (width - 2) / max(columns, 2) * (1 + len(rows_below) / len(tasks)) + 0.5
        size = (width, rows * high_each + 1.1)
        figure, panels = plt.subplots(
            rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="compressed"
        )
        for axes, method, grid in zip(panels.flat, methods, grids, strict=False):
            whole = np.vstack([grid, *rows_below])
            image = axes.imshow(np.ma.masked_invalid(whole), vmin=low, vmax=high, interpolation="nearest")
            _write_scores(axes, whole, image, 9 if len(tasks) < 5 else 7)
            if rows_below:
                axes.axhline(len(tasks) - 0.5, color="white", linewidth=4)
            average = f"\naverage {grid[-1].mean():.2f}" if np.isfinite(grid[-1]).all() else ""
            axes.set_title(f"{method}{average}", fontsize=9)
            axes.set_xticks(range(len(tasks)), tasks, rotation=30, ha="right")
            axes.set_yticks(range(len(whole)), [*tasks, *(baselines or {})])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        for axes in panels.flat[len(methods) :]:
            axes.set_axis_off()
        figure.supxlabel("score on", fontsize=10)
        figure.supylabel("after learning", fontsize=10)
        bar = figure.colorbar(image, ax=panels, shrink=0.8, aspect=28, pad=0.02)
        bar.set_label("score")
        bar.outline.set_visible(False)
        if title:
            headline(figure, title)
    told = dict(zip(methods, grids, strict=True))
    return say(
        figure, _matrices_in_words(told, tasks, dict(zip(baselines or {}, rows_below, strict=True)), title)
    )


def _matrices_in_words(
    matrices: Mapping[str, np.ndarray], tasks: Sequence[str], baselines: Mapping[str, np.ndarray],
    title: str | None,
) -> str:  # fmt: skip
    """Up to two matrices row by row; of more what each task scores when learned, and in the end."""

    def scores(row):
        return ", ".join("not measured" if math.isnan(value) else f"{value:.2f}" for value in row)

    said = [f"“{title}”."] if title else []
    if len(matrices) <= 2:
        said.append(f"Scores on {listed(tasks)}.")
        for method, grid in matrices.items():
            rows = [f"after {task} {scores(row)}" for task, row in zip(tasks, grid, strict=True)]
            said.append(f"{method[:1].upper()}{method[1:]}: {'; '.join(rows)}.")
    else:
        said.append(f"{len(matrices)} matrices. Last rows, scores on {listed(tasks)} in the end:")
        said.append("; ".join(f"{method} {scores(grid[-1])}" for method, grid in matrices.items()) + ".")
    said += [f"Below the line: {name} {scores(row)}." for name, row in baselines.items()]
    return " ".join(said)


def _check_matrix(values: Any, method: str, tasks: int) -> np.ndarray:
    grid = read_array(values, f"matrices[{method!r}]")[0]
    if grid.shape != (tasks, tasks) or np.isinf(grid).any() or not np.isfinite(grid).any():
        raise ValueError(
            f"matrices[{method!r}] has shape {list(grid.shape)}, expected [{tasks}, {tasks}] finite scores, "
            "NaN where one was not measured"
        )
    return grid


def _check_baseline(values: Any, name: str, tasks: int) -> np.ndarray:
    row = read_array(values, f"baselines[{name!r}]")[0]
    if row.shape != (tasks,) or not np.isfinite(row).all():
        raise ValueError(f"baselines[{name!r}] has shape {list(row.shape)}, expected [{tasks}] finite scores")
    return row


def _limits(grids: Sequence[np.ndarray]) -> tuple[float, float]:
    """The two ends of the colours."""
    low, high = score_limits(np.array([v for grid in grids for v in grid.flat if np.isfinite(v)]), [])
    if (low, high) == (0.0, 1.0):
        largest = max(float(np.nanmax(grid)) for grid in grids)
        high = min(1.0, max(math.ceil(20 * largest - 1e-4), 1) / 20)
    return low, high


def _write_scores(axes, grid: np.ndarray, image, size: int) -> None:
    """Each score in its cell, black on bright and white on dark."""
    for row, column in np.argwhere(np.isfinite(grid)):
        red, green, blue, _ = image.cmap(image.norm(grid[row, column]))
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.45 else "white"
        axes.text(column, row, f"{grid[row, column]:.2f}", ha="center", va="center", color=ink, fontsize=size)


def ways_figure(
    scores: Mapping[str, Sequence[float]],
    *,
    lines: Mapping[str, float] | None = None,
    live: Mapping[str, float] | None = None,
    label: str,
    title: str | None = None,
    width: float = 8.0,
) -> Figure:
    """One figure of several methods over their seeds: a dot a seed, a bar at the mean, a star for this run.

    Args:
        scores: by the method's name, one score a seed.
        lines: by name, what knowing little gives: dotted, from side to side.
        live: by the method's name, the score that the chapter has measured just now.
        label: of the axis.
        title: the finding.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown.

    Raises:
        ValueError: no scores, or a live score of a method that has none.
    """
    if not scores or not all(len(values) for values in scores.values()):
        raise ValueError(f"there are no scores to draw: {dict(scores)}")
    if strange := (live or {}).keys() - scores.keys():
        raise ValueError(f"live scores of {sorted(strange)}, which have no others")
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axis = plt.subplots(figsize=(width, 0.34 * len(scores) + 1.4))
        for line, (name, values) in enumerate(scores.items()):
            axis.plot(values, [line] * len(values), ".", color=OKABE_ITO["blue"], markersize=7, alpha=0.7)
            axis.plot(sum(values) / len(values), line, "|", color=OKABE_ITO["blue"], markersize=16, mew=2.5)
            if live and name in live:
                axis.plot(live[name], line, "*", color="k", markersize=10, zorder=3)
        for (name, value), style in zip((lines or {}).items(), (":", "--", "-."), strict=False):
            axis.axvline(value, color="k", linestyle=style, linewidth=1.2, label=name)
        axis.set_yticks(range(len(scores)), list(scores))
        axis.set(ylim=(len(scores) - 0.5, -0.5), xlabel=label)
        axis.plot([], [], ".", color=OKABE_ITO["blue"], label="a seed")
        axis.plot([], [], "|", color=OKABE_ITO["blue"], markersize=10, mew=2.5, label="their mean")
        if live:
            axis.plot([], [], "*", color="k", linestyle="", label="this notebook's run")
        figure.legend(loc="outside lower left", ncols=6, fontsize=8)
        if title:
            headline(figure, title)
    return figure
