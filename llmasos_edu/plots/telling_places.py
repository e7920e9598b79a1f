"""Bars, dots and intervals on places with names, and tables of cells, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmasos_edu.plots.figure_parts import Cells, Panel, Scale, groups
from llmasos_edu.plots.speaking import listed, many, sentence, spoken
from llmasos_edu.plots.telling_axes import FULL, RANGES, step_of


def tell_places(panel: Panel, side: str, detail: int) -> list[str]:
    """Bars, dots and intervals that stand on places with names, series by series."""
    along, measured = (panel.x, panel.y) if side == "x" else (panel.y, panel.x)
    log = ", logarithmic" if measured.log else ""
    what = "Bars" if panel.bars else (panel.dots[0].marker if panel.dots else "intervals").capitalize()
    said = [f"{what} of {measured.name}{log}:" if measured.name else f"{what}{log}:"]
    tables = list(zip(panel.bars, groups(panel.bars, along), strict=True))
    parts = [_tell_bars(each.name, found, measured, along, detail) for each, found in tables]
    strips = _strips(panel, along, side)
    alone = not panel.bars and sum(not each.name for each in strips) == 1
    parts += [_tell_strip(each, measured, detail, alone) for each in strips]
    parts = [part for part in parts if part]
    text = f"{said[0]} {'; '.join(parts)}" if parts else said[0].rstrip(":")
    return [sentence(text)]


def _tell_bars(name: str, found: dict[str, float], scale: Scale, along: Scale, detail: int) -> str:
    head = f"{name}: " if name else ""
    if not along.places and not along.ticks:
        return f"{head}in order {', '.join(spoken(v, step_of(scale)) for v in found.values())}"
    items = [_item(place, spoken(value, step_of(scale))) for place, value in found.items()]
    if len(items) <= (12 if detail == FULL else 5):
        return head + ", ".join(items)
    ranked = sorted(found, key=found.get, reverse=True)
    show = 3 if detail < RANGES else 1
    most = ", ".join(_item(place, spoken(found[place], step_of(scale))) for place in ranked[:show])
    least = ", ".join(_item(place, spoken(found[place], step_of(scale))) for place in ranked[-min(show, 2) :])
    return f"{head}{len(items)}, largest {most}, smallest {least}"


def _item(place: str, value: str) -> str:
    """A place with its value; a place that is itself a number stands behind it."""
    return f"{value} at {place}" if place.replace(".", "").replace("-", "").isdigit() else f"{place} {value}"


@dataclass
class _Strip:
    """A series on places with names: the values at each, or the ends of an interval there."""

    name: str
    kind: str
    places: dict[str, list[float]]
    ends: dict[str, tuple[float, float]]

    @property
    def level(self) -> bool:
        """Whether it only marks places, all at one height."""
        return (
            len(self.places) >= 4 and len({each for values in self.places.values() for each in values}) == 1
        )

    def means(self) -> dict[str, float]:
        middles = {place: sum(ends) / 2 for place, ends in self.ends.items()}
        return middles | {place: float(np.mean(values)) for place, values in self.places.items()}


def _strips(panel: Panel, along: Scale, side: str) -> list[_Strip]:
    """Dots and intervals by series; strokes that only mark the means of other dots are left out."""
    strips = []
    for each in panel.dots:
        at, values = (each.x, each.y) if side == "x" else (each.y, each.x)
        places: dict[str, list[float]] = {}
        for where, value in zip(at, values, strict=True):
            places.setdefault(along.place(where) or spoken(where), []).append(float(value))
        strips.append(_Strip(each.name, each.marker, places, {}))
    strips = [
        one for one in strips if not any(_marks_means(one, other) for other in strips if other is not one)
    ]
    for each in panel.intervals:
        if each.upright != (side == "x"):
            continue
        ends = {}
        for where, low, high in zip(each.x if side == "x" else each.y, each.low, each.high, strict=True):
            place = along.place(where) or spoken(where)
            if each.name or not _joins_dots(place, {float(low), float(high)}, strips):
                ends[place] = (float(low), float(high))
        same = [one for one in strips if one.name == each.name and not one.ends]
        if same:
            same[0].ends = ends
        elif ends:
            strips.append(_Strip(each.name, "intervals", {}, ends))
    return strips


def _joins_dots(place: str, ends: set[float], strips: list[_Strip]) -> bool:
    """Whether a stroke runs from one dot of its place to another: the dots tell it."""
    return ends <= {value for one in strips for value in one.places.get(place, [])}


def _marks_means(one: _Strip, other: _Strip) -> bool:
    """Whether strokes stand at the means of another series' dots."""
    return one.kind == "strokes" and all(
        place in other.places
        and len(values) == 1
        and np.isclose(values[0], np.mean(other.places[place]), rtol=1e-6)
        for place, values in one.places.items()
    )


def _tell_strip(one: _Strip, scale: Scale, detail: int, alone: bool) -> str:
    """A series of dots on places: each place's value, or the mean and the range of several."""
    step = step_of(scale)
    head = f"{one.name}: " if one.name else "" if alone else f"{one.kind}: "
    if one.level:
        names = list(one.places)
        return f"{head}{one.kind} from {names[0]} to {names[-1]}, {len(names)} of them"
    means = one.means()
    if len(means) > 12 or detail == RANGES:
        most, least = max(means, key=means.get), min(means, key=means.get)
        return f"{head}largest {_item(most, spoken(means[most], step))}, smallest " + _item(
            least, spoken(means[least], step)
        )
    several = max((len(values) for values in one.places.values()), default=0)
    how = f" (means of {several} {one.kind}{', and their range' * (detail == FULL)})" if several > 1 else ""
    return head + ", ".join(_tell_place(one, place, means[place], step, detail) for place in means) + how


def _tell_place(one: _Strip, place: str, mean: float, step: float, detail: int) -> str:
    """One place of a series: its value, or the mean with the range."""
    values = one.places.get(place, [])
    low, high = one.ends.get(place) or ((min(values), max(values)) if values else (mean, mean))
    low, high = spoken(low, step), spoken(high, step)
    if detail != FULL or low == high:
        return _item(place, spoken(mean, step))
    return _item(place, f"{spoken(mean, step)} ({low} to {high})" if values else f"{low} to {high}")


def tell_cells(cells: Cells, panel: Panel, detail: int) -> str:
    """A table of cells: all of few, of many the largest in each row, or in all."""
    values = cells.values
    step = float(np.ptp(values.compressed())) / 100
    rows, columns = values.shape
    called = [
        f"rows {panel.y.name}" if panel.y.name else "",
        f"columns {panel.x.name}" if panel.x.name else "",
    ]
    names = ", ".join(filter(None, called))
    head = f"A table of {many(rows, 'row')} and {many(columns, 'column')}{f' ({names})' if names else ''}"
    head += f", {cells.unit}" if cells.unit else ""
    if values.count() <= 28 and detail == FULL:
        told = [
            f"{name} " + ", ".join("nothing" if v is np.ma.masked else spoken(v, step) for v in row)
            for name, row in zip(cells.rows, values, strict=True)
        ]
        return sentence(f"{head}; columns {listed(cells.columns)}: {'; '.join(told)}")
    spread = f"from {spoken(values.min(), step)} to {spoken(values.max(), step)}"
    if _symmetric(values):
        off = values[~np.eye(rows, dtype=bool)]
        inside = f"{spoken(off.min(), step)} to {spoken(off.max(), step)}"
        return sentence(f"{head}; on the diagonal {spoken(values[0, 0], step)}, elsewhere {inside}")
    if rows <= 10 and columns <= 64 and detail < RANGES:
        tops = [row.argmax() for row in values]
        told = [
            f"{name} at {cells.columns[at]} ({spoken(row[at], step)})"
            for name, row, at in zip(cells.rows, values, tops, strict=True)
            if row.count()
        ]
        return sentence(f"{head}, {spread}; largest in each row: {', '.join(told)}")
    if (values > values.max() - step).sum() > 1:
        return sentence(f"{head}, {spread}")
    row, column = np.unravel_index(values.argmax(), values.shape)
    return sentence(f"{head}, {spread}, the largest at row {cells.rows[row]}, column {cells.columns[column]}")


def _symmetric(values: np.ma.MaskedArray) -> bool:
    """Whether it compares things with one another: equal on both sides of a diagonal of one value."""
    square = values.shape[0] == values.shape[1] > 2 and values.count() == values.size
    return bool(square and np.allclose(values, values.T) and np.ptp(np.diag(values)) < 1e-4)
