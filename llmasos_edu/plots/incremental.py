"""Accuracy matrices as a still picture: where the explorer cannot run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from llmasos_edu.foundation.arguments import check_names
from llmasos_edu.foundation.arrays import read_array
from llmasos_edu.plots.style import STYLE
from llmasos_edu.widgets.accuracy_matrix.data import MAX_METHODS, check_tasks, score_limits

_MOST_COLUMNS = 4


def accuracy_matrices(
    matrices: Mapping[str, Any], tasks: Sequence[str], *, title: str | None = None, width: float = 7.5
) -> Figure:
    """One accuracy matrix for each method, all on one scale, the numbers in their cells.

    R[i, j] is the score on task j after task i was learnt: below the diagonal stands what was kept of earlier
    tasks, above it what was known of later ones. Each panel's title ends with the mean of its last row, the
    average accuracy, where that row is complete.

    Args:
        matrices: for each of 1 to 8 methods, by its name, R `[tasks, tasks]`, torch or numpy; NaN where it
            was not measured.
        tasks: names of the tasks in the order of training, 2 to 8.
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
    low, high = score_limits(np.array([v for grid in grids for v in grid.flat if np.isfinite(v)]), [])
    rows = -(-len(methods) // _MOST_COLUMNS)
    columns = -(-len(methods) // rows)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        high_each = (width - 2) / max(columns, 2) + 0.5  # square cells, and a title of two lines
        size = (width, rows * high_each + 1.1)
        figure, panels = plt.subplots(
            rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="compressed"
        )
        for axes, method, grid in zip(panels.flat, methods, grids, strict=False):
            image = axes.imshow(np.ma.masked_invalid(grid), vmin=low, vmax=high, interpolation="nearest")
            _write_scores(axes, grid, image, 9 if len(tasks) < 5 else 7)
            average = f"\naverage {grid[-1].mean():.2f}" if np.isfinite(grid[-1]).all() else ""
            axes.set_title(f"{method}{average}", fontsize=9)
            axes.set_xticks(range(len(tasks)), tasks, rotation=30, ha="right")
            axes.set_yticks(range(len(tasks)), tasks)
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
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _check_matrix(values: Any, method: str, tasks: int) -> np.ndarray:
    grid = read_array(values, f"matrices[{method!r}]")[0]
    if grid.shape != (tasks, tasks) or np.isinf(grid).any() or not np.isfinite(grid).any():
        raise ValueError(
            f"matrices[{method!r}] has shape {list(grid.shape)}, expected [{tasks}, {tasks}] finite scores, "
            "NaN where one was not measured"
        )
    return grid


def _write_scores(axes, grid: np.ndarray, image, size: int) -> None:
    """Each score in its cell, black on bright and white on dark."""
    for row, column in np.argwhere(np.isfinite(grid)):
        red, green, blue, _ = image.cmap(image.norm(grid[row, column]))
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.45 else "white"
        axes.text(column, row, f"{grid[row, column]:.2f}", ha="center", va="center", color=ink, fontsize=size)
