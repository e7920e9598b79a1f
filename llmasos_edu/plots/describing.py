"""What a finished picture shows, in sentences for those who cannot see it: alt texts made of what is drawn.

`describe(figure)` reads the figure's own artists, so that it says what is in the picture and nothing else.
Numbers have two or three significant digits, as many as an eye could read off the axis. What does not fit
into the length is told more shortly, step by step: ends of curves, least and largest of many bars, ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from llmasos_edu.plots.figure_parts import MARKERS, Mark, Panel, Reading
from llmasos_edu.plots.reading import read
from llmasos_edu.plots.speaking import capital, listed, many, sentence, spoken
from llmasos_edu.plots.telling_axes import FULL, RANGES, SHORT, TITLES, place_axis, range_of, reads
from llmasos_edu.plots.telling_curves import tell_plane
from llmasos_edu.plots.telling_places import tell_cells, tell_places

LENGTH = 700
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


# -- a picture ---------------------------------------------------------------------


def _tell(reading: Reading, detail: int) -> str:
    sentences = [sentence(f"“{reading.title}”")] if reading.title else []
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
            sentences += [sentence(title)] * bool(title) + said
        else:
            head = ", ".join(filter(None, [where, title]))
            sentences.append(f"{head}: {_small(said[0])}")
            sentences += said[1:]
        before = panel
    return " ".join(sentences)


def _small(sentence: str) -> str:
    """A sentence as it stands behind a colon: words of ours begin with a small letter, names as they are."""
    first = sentence.split(" ")[0].strip(":,")
    ours = first in ("Across", "Up", "Bars", "Nothing", "Written", "A", "An", *_KINDS)
    return sentence[:1].lower() + sentence[1:] if ours else sentence


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
        said += [tell_cells(cells, panel, detail) for cells in panel.cells]
    on_places = place_axis(panel)
    if on_places and not panel.curves:
        said += tell_places(panel, on_places, detail)
    elif panel.bars and not panel.curves:
        said += tell_places(panel, "x" if panel.bars[0].upright else "y", detail)
    elif not panel.cells and (panel.curves or panel.dots or panel.areas or panel.intervals):
        said += tell_plane(panel, before, detail)
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
    what = listed(many(count, name) for count, name in kinds if count)
    scale = panel.x if (panel.bars and not panel.bars[0].upright) or place_axis(panel) == "y" else panel.y
    if panel.cells or not math.isfinite(scale.low):
        return sentence(what or "Lines only")
    called = f"{scale.name} " if scale.name else ""
    return sentence(f"{what}, {called}{range_of(scale)}")


def _tell_marks(panel: Panel) -> list[str]:
    said = []
    for mark in _together(panel.marks):
        scale = panel.x if mark.upright else panel.y
        if scale.places and not mark.name:
            continue  # it parts the places from one another
        way = "upright" if mark.upright else "level"
        if mark.style == "shaded":
            kind = f"shaded strip from {reads(mark.low, scale)} to {reads(mark.high, scale)}"
        else:
            kind = f"{way} {mark.style}line at {reads(mark.low, scale)}"
        article = "an" if kind.startswith("u") else "a"
        said.append(f"{article} {kind}{f' ({mark.name})' if mark.name else ''}")
    return [capital(sentence("; ".join(said)))] if said else []


def _together(marks: Sequence[Mark]) -> list[Mark]:
    """Each mark once."""
    seen: dict[tuple, Mark] = {}
    for mark in marks:
        seen.setdefault((mark.upright, mark.low, mark.high, mark.name), mark)
    return list(seen.values())


# -- cells and words ---------------------------------------------------------------


def _tell_words(panel: Panel, detail: int) -> str:
    """What is written, row by row."""
    rows = [", ".join(row) if len(row) > 2 else ": ".join(row) for row in panel.words]
    if detail == FULL:
        return sentence(f"Written, from top to bottom: {'; '.join(rows)}")
    keep = 60 if detail == SHORT else 30
    return sentence("Written, from top to bottom: " + "; ".join(_cut(row, keep) for row in rows))


def _cut(text: str, length: int) -> str:
    return (
        text
        if len(text) <= length
        else f"{text[: text.rfind(' ', 0, length) if ' ' in text[:length] else length]} …"
    )
