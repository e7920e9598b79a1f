"""Drawings of things: boxes and arrows, placed in inches."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from llmasos_edu.plots.describing import say
from llmasos_edu.plots.speaking import listed, plain
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

    def holds(self, point: tuple[float, float], room: float = 0.0) -> bool:
        """Whether a point lies in the box, or at most `room` beside it."""
        x, y = point
        across = self.x - room <= x <= self.x + self.width + room
        return across and self.y - room <= y <= self.y + self.height + room


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
        self.title = title
        self._boxes: list[Box] = []
        self._arrows: list[tuple[tuple[float, float], tuple[float, float], str, bool, bool]] = []
        self._words: list[tuple[tuple[float, float], str]] = []
        say(self.figure, self.describe)
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
        self._boxes.append(Box(x, y, width, height))
        return self._boxes[-1]

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
        self._arrows.append((start, end, plain(text), both, dashed))
        if text:
            x, y = (start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1]
            self.text(x, y, text, size=size)
            self._words.pop()  # they are the arrow's

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
        self._words.append(((x, y), plain(text)))

    def describe(self) -> str:
        """The drawing in words, as it is drawn: which box leads to which, and what stands beside them."""
        inside, beside = self._words_by_box()
        said = [f"“{plain(self.title)}”."] if self.title else []
        told: set[int] = set()
        ways = [self._way(arrow, inside, told) for arrow in self._arrows]
        if ways := [way for way in dict.fromkeys(ways) if way]:
            said.append(f"Arrows: {'; '.join(ways)}.")
        if others := [at for at in range(len(self._boxes)) if at not in told and inside.get(at)]:
            head = "Other boxes" if told else "Boxes"
            rows = [listed(inside[at] for at in row) for row in self._rows(others)]
            said.append(f"{head}, from top to bottom: {'; '.join(rows)}.")
        if beside:
            said.append(f"Beside them: {'; '.join(beside)}.")
        return " ".join(said)

    def _words_by_box(self) -> tuple[dict[int, str], list[str]]:
        """What stands in each box, and what stands in none; words belong to the smallest box around them."""
        inside: dict[int, list[str]] = {}
        beside = []
        for place, words in self._words:
            around = [at for at, box in enumerate(self._boxes) if box.holds(place)]
            if around:
                smallest = min(around, key=lambda at: self._boxes[at].width * self._boxes[at].height)
                inside.setdefault(smallest, []).append(words)
            elif words:
                beside.append(words)
        return {at: ": ".join(filter(None, words)) for at, words in inside.items()}, beside

    def _way(self, arrow, inside: dict[int, str], told: set[int]) -> str:
        """One arrow: from box to box, and its words."""
        ends = []
        for point in arrow[:2]:
            at = [number for number, box in enumerate(self._boxes) if box.holds(point, 0.06)]
            at = sorted(at, key=lambda number: self._boxes[number].width * self._boxes[number].height)
            if at and inside.get(at[0]):
                name, _, more = inside[at[0]].partition(": ")
                ends.append(f"{name} ({more})" if more and at[0] not in told else name)
                told.add(at[0])
        *_, text, both, dashed = arrow
        if len(ends) < 2:
            return ""
        way = f"{ends[0]} and {ends[1]}, both ways" if both else f"{ends[0]} to {ends[1]}"
        return way + (f" ({text})" if text else "") + (", dashed" if dashed else "")

    def _rows(self, boxes: list[int]) -> list[list[int]]:
        """Boxes on one level, from left to right; levels from top to bottom."""
        rows: list[list[int]] = []
        for at in sorted(boxes, key=lambda at: (-self._boxes[at].y, self._boxes[at].x)):
            if rows and abs(self._boxes[rows[-1][0]].y - self._boxes[at].y) < 0.12:
                rows[-1].append(at)
            else:
                rows.append([at])
        return [sorted(row, key=lambda at: self._boxes[at].x) for row in rows]


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    channels = mpl.colors.to_rgb(colour)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) ** 2 > 0.05 * 1.05 else PAPER
