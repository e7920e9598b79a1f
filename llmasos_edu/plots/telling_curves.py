"""Curves and clouds of dots in words: where they begin and end, turn, and how far they spread."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from llmasos_edu.plots.figure_parts import Panel, Series
from llmasos_edu.plots.speaking import capital, listed, many, sentence, spoken
from llmasos_edu.plots.telling_axes import FULL, RANGES, SHORT, reads, spread, tell_axes


def tell_plane(panel: Panel, before: Panel | None, detail: int) -> list[str]:
    """Curves and dots between two axes of numbers."""
    axes = tell_axes(panel, before)
    said = [axes] if axes else []
    named = [curve for curve in panel.curves if curve.name]
    nameless = [curve for curve in panel.curves if not curve.name]
    told = named or nameless
    if detail == RANGES:
        dots = _dots_shortly(panel) if 0 < len(panel.dots) <= 8 else []
        return [*said, *_curves_shortly(named), *dots]
    common = _common_places(told, panel)
    listing = common is not None and bool(told) and detail == FULL
    if listing:
        said.append(f"At {listed(reads(at, panel.x) for at in common)}:")
    parts = [_tell_curves(curves, panel, detail, listing) for curves in _of_one_name(told)]
    if parts:
        said.append(sentence("; ".join(parts)) if listing else capital(sentence("; ".join(parts))))
    if listing:
        said[-2:] = [" ".join(said[-2:])]
    if named and nameless:
        said.append(f"{many(len(nameless), 'line')} without a name.")
    if detail == SHORT and len(panel.dots) > 2:
        said += _dots_shortly(panel)
    else:
        said += [capital(_tell_dots(dots, panel, detail)) for dots in panel.dots]
    curves = names_of(panel.curves)
    said += [_tell_area(area, panel) for area in panel.areas if area.name and area.name not in curves]
    return said


def _of_one_name(curves: Sequence[Series]) -> list[list[Series]]:
    """Curves that share a name together, as the runs of one contender do."""
    found: dict[str, list[Series]] = {}
    for number, curve in enumerate(curves):
        found.setdefault(curve.name or f"nameless {number}", []).append(curve)
    return list(found.values())


def _tell_curves(curves: Sequence[Series], panel: Panel, detail: int, listing: bool) -> str:
    """One curve, or several of one name by where they begin and end."""
    if len(curves) == 1:
        return _tell_curve(curves[0], panel, detail, listing)
    first, last = (np.array([curve.y[end] for curve in curves]) for end in (0, -1))
    name = f"{curves[0].name}, {len(curves)} curves,"
    return f"{name} begin at {spread(first, panel.y)}, end at {spread(last, panel.y)}"


def _curves_shortly(curves: Sequence[Series]) -> list[str]:
    if not curves:
        return []
    last = sorted(((each.y[-1], each.name) for each in curves), reverse=True)
    if len(last) == 1:
        return []
    return [f"{len(last)} curves; highest at the end {last[0][1]}, lowest {last[-1][1]}."]


def _common_places(curves: Sequence[Series], panel: Panel) -> np.ndarray | None:
    """The few places that all curves have in common, or None."""
    if not curves or len(curves[0].x) > 6 or any(each.outside for each in curves):
        return None
    x = curves[0].x
    if len(names_of(curves)) < len([curve for curve in curves if curve.name]):
        return None  # several of one name are told together
    same = all(len(each.x) == len(x) and np.array_equal(each.x, x) for each in curves)
    return x if same and len(set(x)) == len(x) else None


def _tell_curve(curve: Series, panel: Panel, detail: int, listing: bool) -> str:
    """One curve: its few values, or where it begins and ends, its least and its most."""
    name = curve.name or "a line"
    x, y = curve.x, curve.y
    if listing and detail == FULL:
        values = ", ".join(reads(value, panel.y) for value in y)
        return f"{name} {values}{_band(curve, panel)}"
    order = np.argsort(x, kind="stable") if not np.array_equal(x, np.sort(x)) else np.arange(len(x))
    if (np.diff(x) < 0).any() and (np.diff(x) > 0).any():
        order = np.arange(len(x))  # it turns back: told in the order in which it is drawn
    x, y = x[order], y[order]
    whole = x[0] == panel.x.low and x[-1] == panel.x.high
    begin = "" if whole else f" at {reads(x[0], panel.x)}"
    end = "" if whole else f" at {reads(x[-1], panel.x)}"
    span = panel.y.high - panel.y.low
    heights = np.log10(y) if panel.y.log and (y > 0).all() else y
    room = 0.03 * (np.log10(panel.y.high / panel.y.low) if panel.y.log and panel.y.low > 0 else span)
    outside = ", partly outside the picture" if curve.outside else ""
    if np.ptp(heights) <= room:
        least, most = reads(y.min(), panel.y), reads(y.max(), panel.y)
        level = f"level at {least}" if least == most else f"level, {least} to {most}"
        reach = "" if whole else f", from {reads(x[0], panel.x)} to {reads(x[-1], panel.x)}"
        return f"{name} {level}{reach}{outside}"
    first, last = reads(y[0], panel.y), reads(y[-1], panel.y)
    bends = _bends(heights, room)
    if len(bends) > 2 or (len(bends) == 2 and not {int(y.argmin()), int(y.argmax())} & set(bends)):
        low, high = (reads(y[bends].min(), panel.y), reads(y[bends].max(), panel.y))
        way = f"from {first}{begin} to {last}{end}, on the way up and down between {low} and {high}"
        return f"{name} {way}{outside}{_band(curve, panel)}"
    turns = []
    for word, at in (("lowest", int(y.argmin())), ("highest", int(y.argmax()))):
        if abs(heights[at] - heights[0]) > room and abs(heights[at] - heights[-1]) > room:
            turns.append((at, f"{word} {reads(y[at], panel.y)} at {reads(x[at], panel.x)}"))
    if turns:
        middle = ", ".join(words for _, words in sorted(turns))
        return f"{name} from {first}{begin}, {middle}, to {last}{end}{outside}{_band(curve, panel)}"
    verb = "rises" if heights[-1] > heights[0] else "falls"
    half = _half(x, heights, panel)
    return f"{name} {verb} from {first}{begin} to {last}{end}{outside}{_band(curve, panel)}{half}"


def _bends(heights: np.ndarray, room: float) -> list[int]:
    """Where a curve turns round, by more than `room` before and behind."""
    bends, way, best = [], 0, 0
    for at, height in enumerate(heights):
        ahead = np.sign(height - heights[best])
        if way == 0:
            way = int(ahead) if abs(height - heights[best]) > room else 0
            best = at if way else best
        elif ahead == way:
            best = at
        elif abs(height - heights[best]) > room:
            bends.append(best)
            way, best = -way, at
    return bends


def _half(x: np.ndarray, heights: np.ndarray, panel: Panel) -> str:
    """Where a curve has gone half of its way, if that is far from the middle of the axis."""
    gone = (heights - heights[0]) / (heights[-1] - heights[0])
    at = int((gone >= 0.5).argmax())
    along = np.log(x) if panel.x.log and (x > 0).all() else x
    share = (along[at] - along[0]) / (along[-1] - along[0])
    if len(x) < 7 or 0.3 <= share <= 0.7:
        return ""
    return f", half of the way by {reads(x[at], panel.x)}"


def _band(curve: Series, panel: Panel) -> str:
    """The range around a curve that a band or error bars show, at its end."""
    for area in panel.areas:
        same = len(area.look) and area.look[0] == curve.look[0]
        if same and area.x[-1] == curve.x[-1] and area.low[-1] <= curve.y[-1] <= area.high[-1]:
            low, high = reads(area.low[-1], panel.y), reads(area.high[-1], panel.y)
            return f" (range at the end {low} to {high})" if low != high else ""
    return ""


def _tell_area(area: Series, panel: Panel) -> str:
    top = int(np.argmax(area.high))
    return f"Shaded: {area.name}, highest {reads(area.high[top], panel.y)} at {reads(area.x[top], panel.x)}."


def _tell_dots(dots: Series, panel: Panel, detail: int) -> str:
    """Dots between two axes of numbers: few one by one, many by their ranges."""
    kind = dots.marker or "dots"
    name = f"{dots.name}" if dots.name else ""
    count = len(dots.x)
    if any(dots.words) and count <= 8:
        points = [
            f"{word or 'one'} ({reads(x, panel.x)}, {reads(y, panel.y)})"
            for word, x, y in zip(dots.words, dots.x, dots.y, strict=True)
        ]
        return sentence(f"{name or kind.capitalize()}: {', '.join(points)}")
    if count <= 4 and detail == FULL:
        points = [f"({reads(x, panel.x)}, {reads(y, panel.y)})" for x, y in zip(dots.x, dots.y, strict=True)]
        return sentence(f"{name or kind.capitalize()}: {listed(points)}")
    head = f"{name}, {count} {kind}" if name else f"{count} {kind}"
    head += " (more lie outside the picture)" if dots.outside else ""
    places = np.unique(dots.x)
    if len(places) <= 8 and count > len(places) and len(places) > 1:
        ends = [(at, dots.y[dots.x == at]) for at in (places[0], places[-1])]
        words = [f"{spread(values, panel.y)} at {reads(at, panel.x)}" for at, values in ends]
        return sentence(f"{head} at {len(places)} places, {words[0]}, {words[1]}")
    if count > len(places) == 1:
        return sentence(f"{head} at {reads(places[0], panel.x)}, {spread(dots.y, panel.y)}")
    steady = len(places) == count and np.array_equal(dots.x, np.sort(dots.x)) and count > 4
    if steady and (abs(_correlation(dots, panel)) > 0.5 or count <= 40) and not dots.outside:
        as_curve = Series(name or f"{count} {kind}", dots.x, dots.y, dots.look)
        told = _tell_curve(as_curve, panel, SHORT if detail == FULL else detail, False)
        return sentence(told if name else told.replace(" rises ", " rise ").replace(" falls ", " fall "))
    r = _correlation(dots, panel)
    words = f"{head}, across {spread(dots.x, panel.x)}, up {spread(dots.y, panel.y)}"
    if count >= 20 and detail == FULL:
        words += _by_thirds(dots, panel)
    return sentence(f"{words}, correlation {spoken(r, 0.01)}" if count >= 8 and math.isfinite(r) else words)


def _dots_shortly(panel: Panel) -> list[str]:
    """Many series of dots by their middles."""
    shown = [dots for dots in panel.dots if dots.name] or panel.dots
    middles = [
        f"{dots.name or dots.marker} ({reads(dots.x.mean(), panel.x)}, {reads(dots.y.mean(), panel.y)})"
        for dots in shown
    ]
    return [f"Middles, across and up: {', '.join(middles)}."]


def _by_thirds(dots: Series, panel: Panel) -> str:
    """How high dots lie at the left and at the right of the picture."""
    x = np.log(dots.x) if panel.x.log and (dots.x > 0).all() else dots.x
    share = (x - x.min()) / (np.ptp(x) or 1)
    left, right = dots.y[share < 1 / 3], dots.y[share > 2 / 3]
    if not len(left) or not len(right):
        return ""
    return f" (left third {spread(left, panel.y)}, right third {spread(right, panel.y)})"


def _correlation(dots: Series, panel: Panel) -> float:
    x, y = dots.x, dots.y
    x = np.log(x) if panel.x.log and (x > 0).all() else x
    y = np.log(y) if panel.y.log and (y > 0).all() else y
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def names_of(series: Sequence[Series]) -> set[str]:
    return {each.name for each in series}
