"""Drawings of things: boxes and arrows, placed in inches."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from llmasos_edu.plots.style import STYLE

INK = "#1B1F24"
PAPER = "white"


class Box(NamedTuple):
    """A box on a drawing: its lower left corner, its size, and the middles of its sides."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width, self.y + self.height / 2

    @property
    def top(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y


class Drawing:
    """A sheet of paper for boxes, arrows and words.

    Args:
        width, height: of the sheet, inches. All places are inches from its lower left corner.
        title: stands above it.
    """

    def __init__(self, width: float, height: float, *, title: str | None = None):
        with mpl.rc_context(STYLE | {"axes.grid": False}):
            self.figure: Figure = plt.figure(figsize=(width, height + (0.35 if title else 0)), layout="none")
            self.axes = self.figure.add_axes((0, 0, 1, height / (height + (0.35 if title else 0))))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.set_axis_off()
        if title:
            self.figure.text(0.08 / width, 0.985, title, ha="left", va="top", fontsize=11, fontweight="bold")

    def box(
        self, x: float, y: float, width: float, height: float, text: str = "", *, colour: str = PAPER,
        dashed: bool = False, size: float = 9, bold: bool = False, hatch: str | None = None,
    ) -> Box:  # fmt: skip
        """A box with words in its middle."""
        self.axes.add_patch(
            Rectangle(
                (x, y), width, height, facecolor=colour, edgecolor=INK, linewidth=1.1, hatch=hatch,
                linestyle="--" if dashed else "-",
            )
        )  # fmt: skip
        if text:
            self.text(x + width / 2, y + height / 2, text, size=size, bold=bold, colour=ink_on(colour))
        return Box(x, y, width, height)

    def arrow(
        self, start: tuple[float, float], end: tuple[float, float], text: str = "", *, both: bool = False,
        dashed: bool = False, bend: float = 0.0, colour: str = INK, shift: tuple[float, float] = (0, 0.1),
        size: float = 8.5,
    ) -> None:  # fmt: skip
        """An arrow from one point to another, with words beside its middle.

        Args:
            both: a head at both ends.
            bend: 0 is straight; 0.3 is a strong bow to the right of the way.
            shift: where the words stand, from the middle of the straight way.
        """
        self.axes.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="<|-|>" if both else "-|>", mutation_scale=11, color=colour,
                linewidth=1.3, linestyle="--" if dashed else "-", shrinkA=1, shrinkB=1,
                connectionstyle=f"arc3,rad={bend}",
            )
        )  # fmt: skip
        if text:
            x, y = (start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1]
            self.text(x, y, text, size=size)

    def text(
        self, x: float, y: float, text: str, *, size: float = 9, bold: bool = False, colour: str = INK,
        align: str = "center", on_paper: bool = False,
    ) -> None:  # fmt: skip
        """Words, their middle at the point (or their left or right end, by `align`).

        Args:
            on_paper: whether what is below is covered, as where the words stand on a line.
        """
        weight = "bold" if bold else "normal"
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0} if on_paper else None
        self.axes.text(
            x, y, text, ha=align, va="center", fontsize=size, color=colour, fontweight=weight, bbox=behind
        )


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    channels = mpl.colors.to_rgb(colour)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) ** 2 > 0.05 * 1.05 else PAPER
