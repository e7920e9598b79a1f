"""The embedding map as a still picture: where the explorer cannot run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.learning.unsupervised import nearest
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.embedding_map.explorer import (
    NO_CLASS,
    check_classes,
    check_points,
    check_vectors,
    check_words,
    principal_plane,
    unit_vectors,
)

# Colours and signs in the explorer's order; yellow is too light on paper.
COLOURS = ["blue", "vermilion", "green", "purple", "orange", "sky", "black", "black"]
SIGNS = ["o", "s", "^", "D", "v", "P", "_", "."]


def embedding_figure(
    vectors: Any, words: Sequence[str], classes: Sequence[str | None] | None = None, points: Any = None, *,
    show: Sequence[str] = (), count: int = 5, title: str | None = None, width: float = 7.0,
) -> Figure:  # fmt: skip
    """Words on a map in the plane, and from some of them lines to their true neighbours.

    Args:
        vectors: `[words, dim]`, torch or numpy.
        words: a different string for each.
        classes: for each word the name of its class or None, at most 8 classes; None: all are alike.
        points: `[words, 2]`, places on the map; by default the two principal components.
        show: words whose neighbours are drawn and named.
        count: neighbours of each, by cosine in all dimensions.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError, TypeError: as the explorer does; a word to show that is not there, with its name.
    """
    import torch

    matrix = check_vectors(vectors)
    words = check_words(words, len(matrix))
    names, class_of = check_classes(classes, len(matrix))
    missing = [word for word in show if word not in words]
    if missing:
        raise ValueError(f"show holds {missing[0]!r}, which is not one of the {len(words)} words")
    places = principal_plane(unit_vectors(matrix)[0]) if points is None else check_points(points, len(matrix))
    chosen = [words.index(word) for word in show]
    near = nearest(torch.from_numpy(matrix), torch.tensor(chosen, dtype=torch.long), count)[0].tolist()
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(figsize=(width, width * 0.72))
        for number in [NO_CLASS, *range(len(names))]:
            rows = [i for i, each in enumerate(class_of) if each == number]
            colour = "#B6BCC4" if number == NO_CLASS else OKABE_ITO[COLOURS[number]]
            sign, size = (".", 12) if number == NO_CLASS else (SIGNS[number], 20)
            label = None if number == NO_CLASS else names[number]
            axes.scatter(*places[rows].T, s=size, c=colour, marker=sign, label=label, linewidths=1)
        for centre, others in zip(chosen, near, strict=True):
            for other in others:
                axes.plot(*places[[centre, other]].T, color=OKABE_ITO["vermilion"], linewidth=0.8)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_axis_off()
        if names:
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        if title:
            headline(figure, title)
        _write_words(figure, axes, places, words, chosen, [i for others in near for i in others])
    return figure


def _write_words(figure, axes, places, words: list[str], chosen: list[int], near: list[int]) -> None:
    """The chosen words in bold, then their neighbours, each once and where it has room; else unnamed."""
    figure.draw_without_rendering()  # the layout is settled now: places in pixels are final
    spots = axes.transData.transform(places) * 72 / figure.dpi  # points
    ways = [(side * 5, down * 10) for down in (0, 1, -1, 2, -2, 3, -3) for side in (1, -1)]
    paper = {"facecolor": "white", "alpha": 0.75, "pad": 0.5, "linewidth": 0}
    taken = []
    for i in dict.fromkeys([*chosen, *near]):
        wide = 5.2 * len(words[i]) + 2
        for dx, dy in ways:
            left = spots[i, 0] + dx - (wide if dx < 0 else 0)
            box = (left, spots[i, 1] + dy - 5, left + wide, spots[i, 1] + dy + 5)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axes.annotate(words[i], places[i], (dx, dy), textcoords="offset points", fontsize=8,
                              ha="left" if dx > 0 else "right", va="center", bbox=paper,
                              fontweight="bold" if i in chosen else "normal")  # fmt: skip
                break


def _overlap(one: tuple, other: tuple) -> bool:
    """Whether two boxes (left, bottom, right, top) share a point."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
