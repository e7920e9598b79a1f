"""Two task gradients in the plane that they span, as a still picture: where the explorer cannot run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from llmasos_edu.foundation.arguments import check_names
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.learning.multitask import gradient_cosines, pcgrad
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.speaking import spoken
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.gradient_plane.explorer import plane_coordinates

_COLOURS = (OKABE_ITO["blue"], OKABE_ITO["vermilion"])


def gradient_plane(
    g1: Any, g2: Any, names: Sequence[str] = ("task 1", "task 2"), *, title: str | None = None,
    width: float = 5.0,
) -> Figure:  # fmt: skip
    """Two gradients, their sum, what PCGrad leaves of each, and the sum of that.

    The plane is the one that the two span: lengths and angle are as measured. In the shaded part lie all
    directions against which a small step lowers both losses.

    Args:
        g1, g2: gradients of two losses for the same parameters: an array of any shape each, or a list of
            arrays, one for each parameter.
        names: of the two tasks.
        title: the finding that the picture shows; the cosine if not given.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: different sizes, numbers that are not finite, or a gradient of length 0.

    Source: Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", algorithm 1; article 3.4.
    """
    names = check_names(names, "names", 2, 2)
    points = torch.tensor(plane_coordinates(g1, g2), dtype=torch.float64)
    operated = pcgrad(points)
    cosine = gradient_cosines(points)[0, 1].item()
    total, after = points.sum(0), operated.sum(0)
    apart = (total - after).norm() > 0.02 * points.norm(dim=1).max()
    arrows = [*zip(points, names, _COLOURS, ("-", "-"), strict=True), (total, "sum", "black", "-")]
    if cosine < 0:
        arrows += [(tip, None, colour, "--") for tip, colour in zip(operated, _COLOURS, strict=True)]
        arrows += [(after, "sum after PCGrad" if apart else None, "black", "--")]
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(figsize=(width, width * 0.8))
        tips = np.array([[0.0, 0.0], *(tip.tolist() for tip, *_ in arrows)])
        _square_limits(axes, tips)
        _shade_agreement(axes, points.numpy())
        for tip, name, colour, line in arrows:
            _draw_arrow(axes, tip.tolist(), name, colour, line)
        if cosine < 0:
            for i in range(2):
                axes.plot(*torch.stack([points[i], operated[i]]).T, ":", color=_COLOURS[i], linewidth=1)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        headline(figure, title or f"cosine {cosine:.2f}")
    told = {name: tip for tip, name, *_ in arrows if name}
    if cosine < 0:
        told |= {f"what PCGrad leaves of {name}": tip for name, tip in zip(names, operated, strict=True)}
    return say(figure, f"“{title or 'Two gradients'}”. {_in_words(told, cosine)}")


def _in_words(arrows: Mapping[str, torch.Tensor], cosine: float) -> str:
    """The tips of the arrows, from the point that all begin at, and the angle."""
    tips = [f"{name} ({', '.join(spoken(part) for part in tip.tolist())})" for name, tip in arrows.items()]
    return f"Arrows from one point, right and up: {'; '.join(tips)}. Cosine of the two {spoken(cosine)}."


def _square_limits(axes, tips: np.ndarray) -> None:
    """One scale both ways, with room for the names."""
    low, high = tips.min(0), tips.max(0)
    room = 0.22 * (high - low).max()
    axes.set(xlim=(low[0] - room, high[0] + room), ylim=(low[1] - room / 2, high[1] + room / 2))
    axes.set_aspect("equal")


def _shade_agreement(axes, points: np.ndarray) -> None:
    """The wedge of directions that agree with both gradients: between the two right angles to them."""
    angle = np.arctan2(*points[1][::-1])
    first, last = angle - np.pi / 2, np.pi / 2
    if first < last:
        turns = np.linspace(first, last, 50)
        far = 10 * np.abs(points).max()
        rim = far * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        axes.add_patch(plt.Polygon([[0, 0], *rim], color=OKABE_ITO["sky"], alpha=0.25, linewidth=0))


def _draw_arrow(axes, tip: list[float], name: str | None, colour: str, line: str) -> None:
    thick = {"linewidth": 2.2 if line == "-" else 1.4, "linestyle": line, "color": colour}
    axes.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **thick})
    if name:
        side = "right" if tip[0] < 0 else "left"
        away = {"xytext": (-5 if tip[0] < 0 else 5, 6 if tip[1] >= 0 else -8), "textcoords": "offset points"}
        axes.annotate(name, tip, ha=side, va="center", color=colour, fontsize=9, **away)
