"""Flow charts: named boxes, arrows that carry shapes, and the same in words for those who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.patches import FancyArrowPatch, Rectangle

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.drawing import INK, Box, Drawing

# What a box is, by its fill; light, so that black words stand on all of them.
FILLS = {
    "data": "#FFFFFF",
    "learned": "#CFE3F5",
    "computed": "#F1F3F5",
    "loss": "#F9D9C3",
    "frozen": "#DDDDDD",
}
SHAPE_COLOUR = OKABE_ITO["blue"]


class FlowChart:
    """A drawing that is read from top to bottom.

    Boxes have names, so that an arrow is `chart.flow("softmax", "mix", "[query, key]")`; what stands on an
    arrow is the shape of what flows. `describe()` tells the drawing in words, for alt texts.

    Args:
        width, height: inches. A width of 4.6 or less stays readable on a telephone.
        title: stands above it.
    """

    def __init__(self, width: float, height: float, *, title: str):
        self.drawing = Drawing(width, height, title=title)
        self.height, self.title = height, title
        self.boxes: dict[str, Box] = {}
        self.texts: dict[str, str] = {}
        self.sentences: list[str] = []
        say(self.drawing.figure, self.describe)

    @property
    def figure(self):
        return self.drawing.figure

    def node(self, name: str, x: float, y: float, text: str | None = None, *, kind: str = "computed",
             width: float = 1.3, height: float = 0.36, bold: bool = False) -> None:  # fmt: skip
        """A box around (x, y), where y counts from the top.

        Args:
            name: how arrows call it.
            text: what stands in it; the name unless given.
            kind: `data`, `learned`, `computed`, `loss` or `frozen`: its fill.

        Raises:
            ValueError: the name is taken, or no such kind.
        """
        if name in self.boxes:
            raise ValueError(f"there is a box {name!r} already")
        if kind not in FILLS:
            raise ValueError(f"kind={kind!r} is not one of {', '.join(FILLS)}")
        text = name if text is None else text
        self.boxes[name] = self.drawing.box(
            x - width / 2, self.height - y - height / 2, width, height, text, colour=FILLS[kind], bold=bold
        )
        self.texts[name] = " ".join(text.replace("\n", " ").split())

    def flow(self, start: str, end: str, shape: str = "", *, label: str = "right", via: float | None = None,
             at: float = 0.0, dashed: bool = False) -> None:  # fmt: skip
        """An arrow from one box to another.

        Args:
            shape: what flows, written beside the arrow's middle.
            label: on which side of the arrow the shape stands, `left` or `right`.
            via: x of a detour around what stands between, as a residual path takes.
            at: how far to the right of the end box's middle the arrow arrives, inches.
            dashed: for what flows in training alone, as a gradient or a target.

        Raises:
            KeyError: no such box.
        """
        a, b = self.boxes[start], self.boxes[end]
        if via is not None:
            self._detour(a, b, via, dashed)
            place = (via, (a.y + b.y + b.height) / 2)
        else:
            first, last = self._ends(a, b, at)
            self.drawing.arrow(first, last, dashed=dashed)
            place = ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
        if shape:
            off, align = (0.07, "left") if label == "right" else (-0.07, "right")
            level = abs(a.y - b.y) < 0.02 and via is None
            x, y = (place[0], place[1] + 0.12) if level else (place[0] + off, place[1])
            align = "center" if level else align
            self.drawing.text(x, y, shape, size=8, colour=SHAPE_COLOUR, align=align, on_paper=True)
        carried = f" as {' '.join(shape.split())}" if shape else ""
        how = " in training" if dashed else ""
        self.sentences.append(f"{self.texts[start]} goes to {self.texts[end]}{carried}{how}")

    def cells(
        self, name: str, x: float, y: float, filled: Sequence[Sequence[bool]], *, size: float = 0.2
    ) -> None:
        """A table of square cells around (x, y), its name above: rows are queries, columns keys.

        Args:
            filled: `[rows, columns]`, True where a query may look at a key.
            size: of a cell, inches.

        Raises:
            ValueError: no cell, or rows of different length.
        """
        if not filled or not filled[0] or len({len(row) for row in filled}) > 1:
            raise ValueError(f"rows of {[len(row) for row in filled]} cells: give one length above 0 to all")
        left, top = x - len(filled[0]) * size / 2, self.height - y + len(filled) * size / 2
        for i, row in enumerate(filled):
            for j, full in enumerate(row):
                place = left + j * size, top - (i + 1) * size
                self.drawing.box(*place, size, size, colour=SHAPE_COLOUR if full else FILLS["data"])
        self.note(name, x, y - len(filled) * size / 2 - 0.16, size=9)
        told = [f"query {i} sees {_runs(row)}" for i, row in enumerate(filled, 1)]
        self.sentences.append(f"{' '.join(name.split())}: {', '.join(told)}")

    def group(self, name: str, x: float, y: float, width: float, height: float) -> None:
        """A dashed frame around what is done several times, its name in the upper right corner."""
        self.drawing.axes.add_patch(
            Rectangle(
                (x - width / 2, self.height - y - height / 2), width, height, facecolor="none",
                edgecolor="#6B7280", linestyle="--", linewidth=1.0,
            )
        )  # fmt: skip
        self.note(name, x + width / 2 - 0.06, y - height / 2 + 0.12, align="right")
        self.sentences.append(f"a frame says {name}")

    def note(self, text: str, x: float, y: float, *, align: str = "center", size: float = 8) -> None:
        """Words on the paper, y from the top; they are not part of the description."""
        self.drawing.text(x, self.height - y, text, size=size, colour="#4B5563", align=align)

    def describe(self) -> str:
        """The drawing in words: its title, then every arrow in the order in which it was drawn."""
        return f"Drawing: {self.title}. " + "; ".join(self.sentences) + "."

    def _ends(self, a: Box, b: Box, at: float):
        """Where a straight arrow leaves and arrives: by the sides that face each other."""
        if a.y >= b.y + b.height:
            return _towards(a, b.top[0] + at, a.y), (b.top[0] + at, b.top[1])
        if b.y >= a.y + a.height:
            return a.top, (b.bottom[0] + at, b.bottom[1])
        return (a.right, b.left) if a.x < b.x else (a.left, b.right)

    def _detour(self, a: Box, b: Box, via: float, dashed: bool) -> None:
        start, end = (a.left, b.left) if via < min(a.x, b.x) + 0.01 else (a.right, b.right)
        style = {"color": INK, "linewidth": 1.3, "linestyle": "--" if dashed else "-"}
        self.drawing.axes.plot([start[0], via, via], [start[1], start[1], end[1]], **style)
        self.drawing.axes.add_patch(
            FancyArrowPatch(
                (via, end[1]), end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=1, **style
            )
        )


def _towards(box: Box, x: float, y: float) -> tuple[float, float]:
    """The point of a box's lower side nearest to an x: straight down where that is possible."""
    room = 0.12
    return min(max(x, box.x + room), box.x + box.width - room), y


def _runs(row: Sequence[bool]) -> str:
    """Where a row is filled, counted from 1: `key 1`, `keys 1 to 3`, `keys 1 and 4 to 5`, `no key`."""
    places = [at for at, full in enumerate(row, 1) if full]
    first = [at for at in places if at - 1 not in places]
    last = [at for at in places if at + 1 not in places]
    parts = [str(a) if a == b else f"{a} to {b}" for a, b in zip(first, last, strict=True)]
    return f"key{'s' * (len(places) > 1)} {' and '.join(parts)}" if places else "no key"
