"""The parts of a picture that can be told: panels with curves, dots, bars, intervals, cells and marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

MARKERS = {"o": "dots", ".": "dots", ",": "dots", "s": "squares", "D": "diamonds", "*": "stars"}
MARKERS |= (
    dict.fromkeys("^v<>", "triangles") | dict.fromkeys("xX+", "crosses") | dict.fromkeys("|_", "strokes")
)
WIDE_GAP = 0.15  # of a bar's width: bars nearer to each other than that stand in one group


@dataclass
class Scale:
    """One axis: its name, the names of its places where it has such, and the range of what is drawn."""

    name: str
    log: bool
    places: dict[float, str]
    ticks: bool = True
    low: float = np.nan
    high: float = np.nan

    def place(self, value: float) -> str | None:
        """The name of the place that a value stands at, or None."""
        if not self.places:
            return None
        at = np.array(sorted(self.places))
        room = np.diff(at).min() / 2 if len(at) > 1 else 0.5
        nearest = at[np.abs(at - value).argmin()]
        return self.places[float(nearest)] if abs(nearest - value) <= room * 1.001 else None


@dataclass
class Series:
    """Values with a name: a curve, dots, bars or intervals. `name` is "" where the picture gives none."""

    name: str
    x: np.ndarray
    y: np.ndarray
    look: tuple = ()
    low: np.ndarray | None = None  # of intervals: their ends; of bars: where they begin
    high: np.ndarray | None = None
    upright: bool = True
    words: list[str | None] = field(default_factory=list)  # beside single dots
    outside: bool = False  # a part lies outside the picture

    @property
    def marker(self) -> str:
        return MARKERS.get(self.look[1], "marks") if len(self.look) > 1 else ""


@dataclass
class Mark:
    """A line from side to side, or a shaded strip: `low` equals `high` for a line."""

    name: str
    upright: bool
    low: float
    high: float
    style: str = ""


@dataclass
class Cells:
    """A table of coloured cells, `[rows, columns]`, masked where nothing is."""

    values: np.ma.MaskedArray
    rows: list[str]
    columns: list[str]
    unit: str


@dataclass
class Panel:
    """One pair of axes."""

    title: str
    x: Scale
    y: Scale
    where: tuple[float, float, float, float]
    curves: list[Series] = field(default_factory=list)
    dots: list[Series] = field(default_factory=list)
    bars: list[Series] = field(default_factory=list)
    intervals: list[Series] = field(default_factory=list)
    areas: list[Series] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    cells: list[Cells] = field(default_factory=list)
    diagonals: list[tuple[str, float]] = field(default_factory=list)  # name, slope
    words: list[list[str]] = field(default_factory=list)  # rows of what is written, from top to bottom

    @property
    def empty(self) -> bool:
        drawn = (self.curves, self.dots, self.bars, self.intervals, self.areas, self.cells, self.marks)
        return not any(drawn) and not self.words


@dataclass
class Reading:
    """A whole picture: its title and its panels, from the upper left to the lower right."""

    title: str
    panels: list[Panel]


def merged(many: list[Series]) -> list[Series]:
    """Series of one name and look as one; bars of many colours without a name as one too."""
    kept: dict[tuple, Series] = {}
    for each in many:
        key = (each.name, each.look[1] if each.look else "", each.upright)
        if key not in kept:
            kept[key] = each
            continue
        first = kept[key]
        words = first.words or [None] * len(first.x)
        first.words = [*words, *(each.words or [None] * len(each.x))]
        first.x, first.y = np.append(first.x, each.x), np.append(first.y, each.y)
        first.outside |= each.outside
        if first.low is not None:
            first.low, first.high = np.append(first.low, each.low), np.append(first.high, each.high)
    return list(kept.values())


def set_ranges(panel: Panel) -> None:
    """From where to where anything is drawn, on both axes."""
    for scale, side in ((panel.x, 0), (panel.y, 1)):
        values = [(each.x, each.y)[side] for each in _all(panel)]
        for each in panel.intervals:
            if each.upright == (side == 1):
                values += [each.low, each.high]
        if values := [v[np.isfinite(v)] for v in values if len(v)]:
            together = np.concatenate(values)
            if len(together):
                scale.low, scale.high = float(together.min()), float(together.max())


def _all(panel: Panel) -> Iterator[Series]:
    yield from panel.curves
    yield from panel.dots
    yield from panel.bars
    yield from panel.intervals
    yield from panel.areas


def groups(bars: list[Series], scale: Scale) -> list[dict[str, float]]:
    """Bars by what stands below them: for each series {name of the place: the bar's length}.

    Bars that nearly touch form a group, and a group belongs to the tick nearest to its middle. Where ticks
    have no words, the place is the number there.
    """
    pieces = sorted(
        (at, wide, which, number)
        for which, series in enumerate(bars)
        for number, (at, wide) in enumerate(
            zip(series.x if series.upright else series.y, series.high, strict=True)
        )
    )
    clusters: list[list[tuple]] = []
    for at, wide, which, number in pieces:
        last = clusters[-1] if clusters else []
        gap = at - wide / 2 - (last[-1][0] + last[-1][1] / 2) if last else np.inf
        if (gap < WIDE_GAP * wide and which not in {each[2] for each in last}) or (
            last and abs(last[-1][0] - at) < 1e-9
        ):
            last.append((at, wide, which, number))
        else:
            clusters.append([(at, wide, which, number)])
    found: list[dict[str, float]] = [{} for _ in bars]
    for cluster in clusters:
        middle = float(
            np.mean([(min(at - w / 2 for at, w, *_ in cluster), max(at + w / 2 for at, w, *_ in cluster))])
        )
        name = scale.place(middle)
        if name is None:
            name = f"{round(middle):g}" if abs(middle - round(middle)) < 0.5 else f"{middle:g}"
        for _, _, which, number in cluster:
            series = bars[which]
            found[which][name] = float((series.y if series.upright else series.x)[number])
    return found
