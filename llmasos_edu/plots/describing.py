"""What a finished picture shows, in sentences for those who cannot see it: alt texts made of what is drawn.

`describe(figure)` reads the figure's own artists, so that it says what is in the picture and nothing else.
Numbers have two or three significant digits, as many as an eye could read off the axis. What does not fit
into the length is told more shortly, step by step: ends of curves, least and largest of many bars, ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from llmasos_edu.plots.reading import MARKERS, Cells, Mark, Panel, Reading, Scale, Series, groups, read

LENGTH = 700
FULL, SHORT, RANGES, TITLES = range(4)  # how much is told
_KINDS = {kind.capitalize() for kind in (*MARKERS.values(), "intervals")}
_OWN_WORDS = "_words_of_the_book"


def say(figure: Figure, words: str | Callable[[], str]) -> Figure:
    """Give a figure the words that its drawing function knows better than its artists do; returns it."""
    setattr(figure, _OWN_WORDS, words)
    return figure


def describe(figure: Figure, *, length: int = LENGTH) -> str:
    """The picture in words: its title, and what is drawn in every panel, with figures.

    Args:
        figure: finished, as it is shown.
        length: characters at most; words given by `say` are as long as they are.

    Returns:
        Sentences on one line.
    """
    own = getattr(figure, _OWN_WORDS, None)
    if own is not None:
        return own() if callable(own) else own
    reading = read(figure)
    told = ""
    for detail in (FULL, SHORT, RANGES, TITLES):
        told = _tell(reading, detail)
        if len(told) <= length:
            return told
    return told[: told.rfind(" ", 0, length - 2)].rstrip(",;:. ") + " …"


def spoken(value: float, step: float = 0.0) -> str:
    """A number as it is spoken: at most three significant digits, none finer than `step`; never `1e-05`.

    Whole numbers below 10,000 keep all their digits.
    """
    value = float(value)
    if not math.isfinite(value):
        return "no number" if math.isnan(value) else ("infinity" if value > 0 else "minus infinity")
    if value and (abs(value) >= 1e15 or abs(value) < 1e-4):
        power = math.floor(math.log10(abs(value)))
        factor = f"{float(f'{value / 10**power:.2g}'):g}"
        return f"10 to the {power}" if factor == "1" else f"{factor} times 10 to the {power}"
    for size, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= size:
            return f"{float(f'{value / size:.3g}'):g}{name}"
    if abs(value) < 10_000 and value == round(value):
        return f"{value + 0.0:,.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))  # of three significant ones, behind the point
    if step > 0:
        digits = min(digits, max(0, math.ceil(-math.log10(step))))
        if abs(value) > step / 20:  # or a small value beside large ones would be nothing
            digits = max(digits, (0 if abs(value) < step else 1) - math.floor(math.log10(abs(value))))
    rounded = round(value, digits) + 0.0
    return f"{rounded:,.{max(digits, 0)}f}".rstrip("0").rstrip(".") if digits > 0 else f"{rounded:,.0f}"


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    parts = list(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


# -- a picture ---------------------------------------------------------------------


def _tell(reading: Reading, detail: int) -> str:
    sentences = [_sentence(f"“{reading.title}”")] if reading.title else []
    alone = len(reading.panels) == 1
    before: Panel | None = None
    if not reading.panels or all(panel.empty for panel in reading.panels):
        return " ".join([*sentences, "Nothing is drawn."])
    if len(reading.panels) > 3:
        sentences.append(f"{len(reading.panels)} panels.")
    for panel, where in zip(reading.panels, _places(reading.panels), strict=True):
        said = _tell_panel(panel, before, detail)
        title = f"“{panel.title}”" if panel.title else ""
        if alone:
            sentences += [_sentence(title)] * bool(title) + said
        else:
            head = ", ".join(filter(None, [where, title]))
            sentences.append(f"{head}: {_small(said[0])}")
            sentences += said[1:]
        before = panel
    return " ".join(sentences)


def _capital(sentence: str) -> str:
    """A sentence that begins with a capital, unless its first word is a name written otherwise."""
    first = sentence.split(" ")[0]
    return sentence[:1].upper() + sentence[1:] if first.isalpha() and first.islower() else sentence


def _small(sentence: str) -> str:
    """A sentence as it stands behind a colon: words of ours begin with a small letter, names as they are."""
    first = sentence.split(" ")[0].strip(":,")
    ours = first in ("Across", "Up", "Bars", "Nothing", "Written", "A", "An", *_KINDS)
    return sentence[:1].lower() + sentence[1:] if ours else sentence


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?", ".”", "?”", "!”")) else f"{words}."


def _places(panels: Sequence[Panel]) -> list[str]:
    """Where each panel stands: Left and Right, Above and Below, or its number."""
    if len(panels) == 1:
        return [""]
    level = max(p.where[1] for p in panels) < min(p.where[3] for p in panels)
    if level and len(panels) < 4:
        return [["Left", "Right"], ["Left", "Middle", "Right"]][len(panels) - 2]
    if not level and len(panels) == 2:
        return ["Above", "Below"]
    return [f"Panel {at}" for at in range(1, len(panels) + 1)]


def _tell_panel(panel: Panel, before: Panel | None, detail: int) -> list[str]:
    """A panel in sentences, at least one."""
    if panel.empty:
        return ["Nothing is drawn."]
    if panel.words:
        return [_tell_words(panel, detail)]
    if detail == TITLES:
        return [_inventory(panel)]
    said = []
    if panel.cells:
        said += [_tell_cells(cells, panel, detail) for cells in panel.cells]
    on_places = _place_axis(panel)
    if on_places and not panel.curves:
        said += _tell_places(panel, on_places, detail)
    elif panel.bars and not panel.curves:
        said += _tell_places(panel, "x" if panel.bars[0].upright else "y", detail)
    elif not panel.cells and (panel.curves or panel.dots or panel.areas or panel.intervals):
        said += _tell_plane(panel, before, detail)
    if panel.marks and detail < RANGES:
        said += _tell_marks(panel)
    for name, slope in panel.diagonals:
        where = f" of slope {spoken(slope)}" if math.isfinite(slope) else ""
        said.append(f"A slanting line{where}{f': {name}' if name else ''}.")
    return said or ["Lines only."]


def _inventory(panel: Panel) -> str:
    """What kinds of things are drawn, and from where to where."""
    kinds = [
        (len(panel.curves), "curve"),
        (sum(len(each.x) for each in panel.dots), "dot"),
        (sum(len(each.x) for each in panel.bars), "bar"),
        (len(panel.cells), "table of cells"),
        (len(panel.areas), "area"),
    ]
    what = listed(_many(count, name) for count, name in kinds if count)
    scale = panel.x if (panel.bars and not panel.bars[0].upright) or _place_axis(panel) == "y" else panel.y
    if panel.cells or not math.isfinite(scale.low):
        return _sentence(what or "Lines only")
    called = f"{scale.name} " if scale.name else ""
    return _sentence(f"{what}, {called}{_range(scale)}")


def _many(count: int, name: str) -> str:
    noun, of, rest = name.partition(" of ")
    return f"{count} {noun}{'s' * (count != 1)}{of}{rest}"


# -- axes --------------------------------------------------------------------------


def _step(scale: Scale) -> float:
    """What an eye can tell apart on an axis: a hundredth of what is drawn."""
    span = scale.high - scale.low
    return 0.0 if scale.log or not math.isfinite(span) or span <= 0 else span / 100


def _say(value: float, scale: Scale) -> str:
    return scale.place(value) or spoken(value, _step(scale))


def _range(scale: Scale) -> str:
    low, high = _say(scale.low, scale), _say(scale.high, scale)
    return low if low == high else f"{low} to {high}"


def _axis(word: str, scale: Scale) -> str:
    log = ", logarithmic" if scale.log else ""
    return f"{word}: {f'{scale.name}, ' if scale.name else ''}{_range(scale)}{log}"


def _tell_axes(panel: Panel, before: Panel | None) -> str:
    """The two axes with their ranges; what is as in the panel before is not said again."""
    parts = []
    for word, side in (("across", "x"), ("up", "y")):
        scale = getattr(panel, side)
        if before is not None and side == "x" and _same(scale, before.x):
            continue
        if math.isfinite(scale.low):
            parts.append(_axis(word, scale))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _same(one: Scale, other: Scale) -> bool:
    return (one.name, one.log, one.low, one.high) == (other.name, other.log, other.low, other.high)


def _place_axis(panel: Panel) -> str:
    """The axis whose ticks bear names, on which all dots, bars and intervals stand; or nothing."""
    for side in ("x", "y"):
        scale = getattr(panel, side)
        series = [*panel.dots, *panel.bars, *panel.intervals]
        if scale.places and series and not panel.cells:
            at = [value for each in series for value in getattr(each, side)]
            if all(scale.place(value) is not None for value in at) or panel.bars:
                return side
    return ""


# -- curves and clouds -------------------------------------------------------------


def _tell_plane(panel: Panel, before: Panel | None, detail: int) -> list[str]:
    """Curves and dots between two axes of numbers."""
    axes = _tell_axes(panel, before)
    said = [axes] if axes else []
    named = [curve for curve in panel.curves if curve.name]
    nameless = [curve for curve in panel.curves if not curve.name]
    told = named or nameless
    if detail == RANGES:
        return [*said, *_curves_shortly(told)]
    common = _common_places(told, panel)
    if common is not None and told:
        said.append(f"At {listed(_say(at, panel.x) for at in common)}:")
    parts = [_tell_curves(curves, panel, detail, common is not None) for curves in _of_one_name(told)]
    if parts:
        said.append(_capital(_sentence("; ".join(parts))))
    if common is not None and told:
        said[-2:] = [" ".join(said[-2:])]
    if named and nameless:
        said.append(f"{_many(len(nameless), 'line')} without a name.")
    said += [_tell_dots(dots, panel, detail) for dots in panel.dots]
    said += [
        _tell_area(area, panel) for area in panel.areas if area.name and area.name not in _names(panel.curves)
    ]
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
    return f"{name} begin at {_spread(first, panel.y)}, end at {_spread(last, panel.y)}"


def _names(series: Sequence[Series]) -> set[str]:
    return {each.name for each in series}


def _curves_shortly(curves: Sequence[Series]) -> list[str]:
    if not curves:
        return []
    last = sorted(((each.y[-1], each.name or "one without a name") for each in curves), reverse=True)
    if len(last) == 1:
        return []
    return [f"{len(last)} curves; highest at the end {last[0][1]}, lowest {last[-1][1]}."]


def _common_places(curves: Sequence[Series], panel: Panel) -> np.ndarray | None:
    """The few places that all curves have in common, or None."""
    if not curves or len(curves[0].x) > 6 or any(each.outside for each in curves):
        return None
    x = curves[0].x
    if len(_names(curves)) < len([curve for curve in curves if curve.name]):
        return None  # several of one name are told together
    same = all(len(each.x) == len(x) and np.array_equal(each.x, x) for each in curves)
    return x if same and len(set(x)) == len(x) else None


def _tell_curve(curve: Series, panel: Panel, detail: int, listing: bool) -> str:
    """One curve: its few values, or where it begins and ends, its least and its most."""
    name = curve.name or "a line"
    x, y = curve.x, curve.y
    if listing and detail == FULL:
        values = ", ".join(_say(value, panel.y) for value in y)
        return f"{name} {values}{_band(curve, panel)}"
    order = np.argsort(x, kind="stable") if not np.array_equal(x, np.sort(x)) else np.arange(len(x))
    if (np.diff(x) < 0).any() and (np.diff(x) > 0).any():
        order = np.arange(len(x))  # it turns back: told in the order in which it is drawn
    x, y = x[order], y[order]
    whole = x[0] == panel.x.low and x[-1] == panel.x.high
    begin, end = (
        ("", "") if whole and detail else (f" at {_say(x[0], panel.x)}", f" at {_say(x[-1], panel.x)}")
    )
    span = panel.y.high - panel.y.low
    heights = np.log10(y) if panel.y.log and (y > 0).all() else y
    room = 0.03 * (np.log10(panel.y.high / panel.y.low) if panel.y.log and panel.y.low > 0 else span)
    outside = ", partly outside the picture" if curve.outside else ""
    if np.ptp(heights) <= room:
        least, most = _say(y.min(), panel.y), _say(y.max(), panel.y)
        level = f"level at {least}" if least == most else f"level, {least} to {most}"
        reach = "" if whole else f", from {_say(x[0], panel.x)} to {_say(x[-1], panel.x)}"
        return f"{name} {level}{reach}{outside}"
    first, last = _say(y[0], panel.y), _say(y[-1], panel.y)
    turns = []
    for word, at in (("lowest", int(y.argmin())), ("highest", int(y.argmax()))):
        if abs(heights[at] - heights[0]) > room and abs(heights[at] - heights[-1]) > room:
            turns.append((at, f"{word} {_say(y[at], panel.y)} at {_say(x[at], panel.x)}"))
    if turns:
        middle = ", ".join(words for _, words in sorted(turns))
        return f"{name} from {first}{begin}, {middle}, to {last}{end}{outside}{_band(curve, panel)}"
    verb = "rises" if heights[-1] > heights[0] else "falls"
    return f"{name} {verb} from {first}{begin} to {last}{end}{outside}{_band(curve, panel)}"


def _band(curve: Series, panel: Panel) -> str:
    """The range around a curve that a band or error bars show, at its end."""
    for area in panel.areas:
        same = len(area.look) and area.look[0] == curve.look[0]
        if same and area.x[-1] == curve.x[-1] and area.low[-1] <= curve.y[-1] <= area.high[-1]:
            low, high = _say(area.low[-1], panel.y), _say(area.high[-1], panel.y)
            return f" (range there {low} to {high})" if low != high else ""
    return ""


def _tell_area(area: Series, panel: Panel) -> str:
    top = int(np.argmax(area.high))
    return f"Shaded: {area.name}, highest {_say(area.high[top], panel.y)} at {_say(area.x[top], panel.x)}."


def _tell_dots(dots: Series, panel: Panel, detail: int) -> str:
    """Dots between two axes of numbers: few one by one, many by their ranges."""
    kind = dots.marker or "dots"
    name = f"{dots.name}" if dots.name else ""
    count = len(dots.x)
    if any(dots.words) and count <= 8:
        points = [
            f"{word or 'one'} ({_say(x, panel.x)}, {_say(y, panel.y)})"
            for word, x, y in zip(dots.words, dots.x, dots.y, strict=True)
        ]
        return _sentence(f"{name or kind.capitalize()}: {', '.join(points)}")
    if count <= 4 and detail == FULL:
        points = [f"({_say(x, panel.x)}, {_say(y, panel.y)})" for x, y in zip(dots.x, dots.y, strict=True)]
        return _sentence(f"{name or kind.capitalize()}: {listed(points)}")
    head = f"{name}, {count} {kind}" if name else f"{count} {kind}"
    places = np.unique(dots.x)
    if len(places) <= 8 and count > len(places) and len(places) > 1:
        ends = [(at, dots.y[dots.x == at]) for at in (places[0], places[-1])]
        words = [f"{_spread(values, panel.y)} at {_say(at, panel.x)}" for at, values in ends]
        return _sentence(f"{head} at {len(places)} places, {words[0]}, {words[1]}")
    if count > len(places) == 1:
        return _sentence(f"{head} at {_say(places[0], panel.x)}, {_spread(dots.y, panel.y)}")
    steady = len(places) == count and np.array_equal(dots.x, np.sort(dots.x)) and count > 4
    if steady and (abs(_correlation(dots, panel)) > 0.5 or count <= 40) and not dots.outside:
        as_curve = Series(name or f"{count} {kind}", dots.x, dots.y, dots.look)
        told = _tell_curve(as_curve, panel, SHORT if detail == FULL else detail, False)
        return _sentence(told if name else told.replace(" rises ", " rise ").replace(" falls ", " fall "))
    r = _correlation(dots, panel)
    words = f"{head}, across {_spread(dots.x, panel.x)}, up {_spread(dots.y, panel.y)}"
    return _sentence(f"{words}, correlation {spoken(r, 0.01)}" if count >= 8 and math.isfinite(r) else words)


def _spread(values: np.ndarray, scale: Scale) -> str:
    low, high = _say(values.min(), scale), _say(values.max(), scale)
    return low if low == high else f"{low} to {high}"


def _correlation(dots: Series, panel: Panel) -> float:
    x, y = dots.x, dots.y
    x = np.log(x) if panel.x.log and (x > 0).all() else x
    y = np.log(y) if panel.y.log and (y > 0).all() else y
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


# -- places with names -------------------------------------------------------------


def _tell_places(panel: Panel, side: str, detail: int) -> list[str]:
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
    return [_sentence(text)]


def _tell_bars(name: str, found: dict[str, float], scale: Scale, along: Scale, detail: int) -> str:
    head = f"{name}: " if name else ""
    if not along.places and not along.ticks:
        return f"{head}in order {', '.join(spoken(v, _step(scale)) for v in found.values())}"
    items = [_item(place, spoken(value, _step(scale))) for place, value in found.items()]
    if len(items) <= (12 if detail == FULL else 5):
        return head + ", ".join(items)
    ranked = sorted(found, key=found.get, reverse=True)
    show = 3 if detail < RANGES else 1
    most = ", ".join(_item(place, spoken(found[place], _step(scale))) for place in ranked[:show])
    least = ", ".join(_item(place, spoken(found[place], _step(scale))) for place in ranked[-min(show, 2) :])
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
            ends[along.place(where) or spoken(where)] = (float(low), float(high))
        same = [one for one in strips if one.name == each.name and not one.ends]
        if same:
            same[0].ends = ends
        else:
            strips.append(_Strip(each.name, "intervals", {}, ends))
    return strips


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
    step = _step(scale)
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


def _tell_marks(panel: Panel) -> list[str]:
    said = []
    for mark in _together(panel.marks):
        scale = panel.x if mark.upright else panel.y
        if scale.places and not mark.name:
            continue  # it parts the places from one another
        way = "upright" if mark.upright else "level"
        if mark.style == "shaded":
            kind = f"shaded strip from {_say(mark.low, scale)} to {_say(mark.high, scale)}"
        else:
            kind = f"{way} {mark.style}line at {_say(mark.low, scale)}"
        article = "an" if kind.startswith("u") else "a"
        said.append(f"{article} {kind}{f' ({mark.name})' if mark.name else ''}")
    return [_capital(_sentence("; ".join(said)))] if said else []


def _together(marks: Sequence[Mark]) -> list[Mark]:
    """Each mark once."""
    seen: dict[tuple, Mark] = {}
    for mark in marks:
        seen.setdefault((mark.upright, mark.low, mark.high, mark.name), mark)
    return list(seen.values())


# -- cells and words ---------------------------------------------------------------


def _tell_cells(cells: Cells, panel: Panel, detail: int) -> str:
    """A table of cells: all of few, of many the largest in each row, or in all."""
    values = cells.values
    step = float(np.ptp(values.compressed())) / 100
    rows, columns = values.shape
    called = [
        f"rows {panel.y.name}" if panel.y.name else "",
        f"columns {panel.x.name}" if panel.x.name else "",
    ]
    names = ", ".join(filter(None, called))
    head = f"A table of {_many(rows, 'row')} and {_many(columns, 'column')}{f' ({names})' if names else ''}"
    head += f", {cells.unit}" if cells.unit else ""
    if values.count() <= 28 and detail == FULL:
        told = [
            f"{name} " + ", ".join("nothing" if v is np.ma.masked else spoken(v, step) for v in row)
            for name, row in zip(cells.rows, values, strict=True)
        ]
        return _sentence(f"{head}; columns {listed(cells.columns)}: {'; '.join(told)}")
    spread = f"from {spoken(values.min(), step)} to {spoken(values.max(), step)}"
    if _symmetric(values):
        off = values[~np.eye(rows, dtype=bool)]
        inside = f"{spoken(off.min(), step)} to {spoken(off.max(), step)}"
        return _sentence(f"{head}; on the diagonal {spoken(values[0, 0], step)}, elsewhere {inside}")
    if rows <= 10 and columns <= 64 and detail < RANGES:
        tops = [row.argmax() for row in values]
        told = [
            f"{name} at {cells.columns[at]} ({spoken(row[at], step)})"
            for name, row, at in zip(cells.rows, values, tops, strict=True)
            if row.count()
        ]
        return _sentence(f"{head}, {spread}; largest in each row: {', '.join(told)}")
    row, column = np.unravel_index(values.argmax(), values.shape)
    return _sentence(
        f"{head}, {spread}, the largest at row {cells.rows[row]}, column {cells.columns[column]}"
    )


def _symmetric(values: np.ma.MaskedArray) -> bool:
    """Whether it compares things with one another: equal on both sides of a diagonal of one value."""
    square = values.shape[0] == values.shape[1] > 2 and values.count() == values.size
    return bool(square and np.allclose(values, values.T) and np.ptp(np.diag(values)) < 1e-4)


def _tell_words(panel: Panel, detail: int) -> str:
    """What is written, row by row."""
    rows = [", ".join(row) if len(row) > 2 else ": ".join(row) for row in panel.words]
    if detail == FULL:
        return _sentence(f"Written, from top to bottom: {'; '.join(rows)}")
    keep = 60 if detail == SHORT else 30
    return _sentence("Written, from top to bottom: " + "; ".join(_cut(row, keep) for row in rows))


def _cut(text: str, length: int) -> str:
    return (
        text
        if len(text) <= length
        else f"{text[: text.rfind(' ', 0, length) if ' ' in text[:length] else length]} …"
    )
