"""What a finished picture shows, read from its own artists: the figures behind its alt text.

`read(figure)` looks at every panel for curves, dots, bars, tables of cells, lines that mark a value, and
words. No function here knows what a picture is about; `describing` turns what was read into sentences.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import LogFormatter, NullFormatter, ScalarFormatter

from llmasos_edu.plots.figure_parts import Cells, Mark, Panel, Reading, Scale, Series, merged, set_ranges
from llmasos_edu.plots.looks import look_of, name_of, names_of_looks, own_name
from llmasos_edu.plots.speaking import plain, read_out

LINE_WORDS = {":": "dotted ", "--": "dashed ", "-.": "dash-dotted "}


def read(figure: Figure) -> Reading:
    """Read a finished figure; it is laid out first, so that ticks and limits are those of the picture."""
    with warnings.catch_warnings():  # panels that somebody has placed by hand need no layout
        warnings.filterwarnings("ignore", "There are no gridspecs with layoutgrids")
        figure.draw_without_rendering()
    names = names_of_looks(figure)
    drawn = [(axes, _panel(axes, names)) for axes in figure.axes if axes.get_visible() and not _is_key(axes)]
    _share_names(drawn, figure)
    panels = [panel for _, panel in drawn if not panel.empty or panel.title] or [panel for _, panel in drawn]
    return Reading(plain(figure.get_suptitle()), _in_reading_order(panels))


def _in_reading_order(panels: list[Panel]) -> list[Panel]:
    """Row by row from the top, each from the left; beside each other is what has some height in common."""
    rows: list[list[Panel]] = []
    for panel in sorted(panels, key=lambda panel: -panel.where[3]):
        if rows and panel.where[3] > max(beside.where[1] for beside in rows[-1]):
            rows[-1].append(panel)
        else:
            rows.append([panel])
    return [panel for row in rows for panel in sorted(row, key=lambda panel: panel.where[0])]


def _is_key(axes: Axes) -> bool:
    """Whether these axes are the key to a picture's colours."""
    return axes.get_label() == "<colorbar>"


# -- a panel -----------------------------------------------------------------------


def _panel(axes: Axes, names: list[tuple[str, tuple]]) -> Panel:
    box = axes.get_position()
    title = plain(" ".join(axes.get_title(loc) for loc in ("left", "center", "right")))
    panel = Panel(title, _scale(axes.xaxis), _scale(axes.yaxis), (box.x0, box.y0, box.x1, box.y1))
    _read_lines(panel, axes, names)
    _read_bars(panel, axes, names)
    _read_collections(panel, axes, names)
    _read_strips(panel, axes)
    panel.cells = [cells for image in axes.images if (cells := _cells(image, panel)) is not None]
    _read_words(panel, axes)
    panel.dots = merged(panel.dots)
    panel.bars = merged(panel.bars)
    panel.intervals = merged(panel.intervals)
    set_ranges(panel)
    return panel


def _scale(axis: Axis) -> Scale:
    shown = axis.axes.axison and axis.get_visible()
    name = plain(axis.label.get_text()) if shown else ""
    ticks = bool(len(axis.get_ticklocs()))
    return Scale(name, axis.get_scale() in ("log", "symlog"), _places(axis) if shown else {}, ticks)


def _places(axis: Axis) -> dict[float, str]:
    """{place: its name}, for an axis whose ticks bear words, or numbers that are not their places."""
    formatter = axis.get_major_formatter()
    if isinstance(formatter, ScalarFormatter | LogFormatter | NullFormatter):
        return {}
    at = [float(place) for place in axis.get_ticklocs()]
    texts = [read_out(plain(text)) for text in formatter.format_ticks(at)]
    if all(_is_number(text, place) for place, text in zip(at, texts, strict=False)):
        return {}
    seen: dict[str, int] = {}
    named = {}
    for place, text in zip(at, texts, strict=False):
        if text:
            seen[text] = seen.get(text, 0) + 1
            # Two places of one name, as the same sign with and without a blank, stay two.
            named[place] = text if seen[text] == 1 else f"{text} ({seen[text]})"
    return named


def _is_number(text: str, value: float) -> bool:
    if not text:
        return True
    try:
        said = float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return False
    return bool(np.isclose(said, value, rtol=0.02, atol=1e-9))


def _read_lines(panel: Panel, axes: Axes, names: list[tuple[str, tuple]]) -> None:
    barred, caps = _error_bars(axes)
    for line in axes.lines:
        if not line.get_visible() or line.get_alpha() == 0 or id(line) in caps:
            continue
        name, look = barred.get(id(line)) or name_of(line, names), look_of(line)
        if isinstance(line, AxLine):
            slope = line.get_slope()
            panel.diagonals.append((name, float("nan") if slope is None else float(slope)))
            continue
        x, y = (np.asarray(each, dtype=float) for each in line.get_data(orig=False))
        if line.get_transform() != axes.transData:
            if mark := _mark(line, axes, x, y, name):
                panel.marks.append(mark)
            continue
        x, y, outside = _in_view(axes, x, y)
        if not len(x):
            continue
        series = Series(name, x, y, look, outside=outside)
        if look[2] == "" or (len(x) == 1 and not outside):
            if look[1]:
                series.words = [_word_at(axes, *point) for point in zip(x, y, strict=True)]
                panel.dots.append(series)
        elif interval := _as_interval(series, panel):
            panel.intervals.append(interval)
        elif not _within_a_place(series, panel):
            panel.curves.append(series)


def _error_bars(axes: Axes) -> tuple[dict[int, str], set[int]]:
    """Of curves with error bars the names, by their lines' ids; and the ids of the bars' caps and stems."""
    found = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    names = {id(each.lines[0]): own_name(each) for each in found if each.lines[0] is not None}
    return names, {id(part) for each in found for part in (*each.lines[1], *each.lines[2])}


def _in_view(axes: Axes, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """The finite points that lie inside the picture's frame, and whether others do not."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    inside = np.full(len(x), True)
    for values, (low, high) in ((x, sorted(axes.get_xlim())), (y, sorted(axes.get_ylim()))):
        room = 1e-6 * (high - low)
        inside &= (values >= low - room) & (values <= high + room)
    return x[inside], y[inside], not inside.all()


def _mark(line: Line2D, axes: Axes, x: np.ndarray, y: np.ndarray, name: str) -> Mark | None:
    """A line over the whole height or width, at one value."""
    style = LINE_WORDS.get(str(line.get_linestyle()), "")
    if line.get_transform() == axes.get_xaxis_transform() and len(set(x)) == 1:
        return Mark(name or _beside(axes, x[0], 0), True, x[0], x[0], style)
    if line.get_transform() == axes.get_yaxis_transform() and len(set(y)) == 1:
        return Mark(name or _beside(axes, y[0], 1), False, y[0], y[0], style)
    return None


def _beside(axes: Axes, value: float, side: int) -> str:
    """Words that stand at a line without a name: of several the nearest."""
    transform = axes.transData.transform
    at = {0: transform((value, axes.get_ylim()[0])), 1: transform((axes.get_xlim()[0], value))}[side]
    near = {}
    for text in axes.texts:
        if text.get_transform() == axes.transData and text.get_text().strip():
            place = transform((text.get_position()[0], text.get_position()[1]))
            near.setdefault(abs(place[side] - at[side]), plain(text.get_text()))
    nearest = min(near, default=math.inf)
    return near[nearest] if nearest < 0.05 * axes.bbox.size[side] else ""


def _word_at(axes: Axes, x: float, y: float) -> str | None:
    """The words of an annotation that points to exactly this point."""
    for text in axes.texts:
        if isinstance(text, Annotation) and np.allclose(np.asarray(text.xy, dtype=float), (x, y)):
            return plain(text.get_text())
    return None


def _as_interval(series: Series, panel: Panel) -> Series | None:
    """Two points on a named place: the ends of an interval."""
    if len(series.x) != 2 or series.look[1]:
        return None
    for at, ends, scale, upright in (
        (series.y, series.x, panel.y, False),
        (series.x, series.y, panel.x, True),
    ):
        if scale.places and at[0] == at[1] and ends[0] != ends[1] and scale.place(at[0]):
            low, high = np.array([min(ends)]), np.array([max(ends)])
            middle = (low + high) / 2
            x, y = (at[:1], middle) if upright else (middle, at[:1])
            return Series(series.name, x, y, series.look, low, high, upright)
    return None


def _within_a_place(series: Series, panel: Panel) -> bool:
    """A short line across the middle of a named place, as one that marks a mean: the dots tell it."""
    if len(series.x) != 2 or series.look[1] or series.name:
        return False
    for at, values, scale in ((series.y, series.x, panel.y), (series.x, series.y, panel.x)):
        if scale.places and values[0] == values[1] and scale.place(at[0]) == scale.place(at[1]) is not None:
            return True
    return False


def _read_bars(panel: Panel, axes: Axes, names: list[tuple[str, tuple]]) -> None:
    for bars in axes.containers:
        if not isinstance(bars, BarContainer) or not bars.patches:
            continue
        upright = bars.orientation != "horizontal"
        patches = [patch for patch in bars.patches if patch.get_visible()]
        at = [p.get_x() + p.get_width() / 2 if upright else p.get_y() + p.get_height() / 2 for p in patches]
        wide = [p.get_width() if upright else p.get_height() for p in patches]
        base = [p.get_y() if upright else p.get_x() for p in patches]
        size = [p.get_height() if upright else p.get_width() for p in patches]
        at, size, base, wide = (np.array(each, dtype=float) for each in (at, size, base, wide))
        # One colour for all: the series' name is that of the legend's entry; many colours: they have no name.
        looks = {look_of(patch) for patch in patches}
        name = plain(bars.get_label()) if not str(bars.get_label()).startswith("_") else ""
        name = name or (name_of(patches[0], names) if len(looks) == 1 else "")
        x, y = (at, size) if upright else (size, at)
        series = Series(name, x, y, looks.pop() if len(looks) == 1 else (), base, wide, upright)
        panel.bars.append(series)


def _read_collections(panel: Panel, axes: Axes, names: list[tuple[str, tuple]]) -> None:
    _, stems = _error_bars(axes)
    for each in axes.collections:
        if not each.get_visible():
            continue
        if id(each) in stems:
            _read_error_bars(panel, each)
            continue
        if isinstance(each, PathCollection):
            points = np.ma.filled(np.ma.asarray(each.get_offsets(), dtype=float), np.nan)
            if each.get_offset_transform() != axes.transData:
                continue
            x, y, outside = _in_view(axes, points[:, 0], points[:, 1])
            if len(x):
                words = [_word_at(axes, *point) for point in zip(x, y, strict=True)] if len(x) < 30 else []
                panel.dots.append(
                    Series(name_of(each, names), x, y, look_of(each), outside=outside, words=words)
                )
        elif isinstance(each, QuadMesh):
            values = np.ma.masked_invalid(np.ma.asarray(each.get_array(), dtype=float))
            if values.ndim == 2:
                panel.cells.append(_named_cells(values, each, panel, None))
        elif isinstance(each, PolyCollection):
            if (area := _area(each, axes, names)) is not None:
                panel.areas.append(area)
        elif isinstance(each, LineCollection):
            _read_segments(panel, each, names)


def _area(each: PolyCollection, axes: Axes, names: list[tuple[str, tuple]]) -> Series | None:
    """What is filled between two curves: lower and upper end at each x."""
    paths = each.get_paths()
    if len(paths) != 1 or each.get_transform() != axes.transData:
        return None
    points = paths[0].vertices
    low, high = sorted(axes.get_xlim())
    points = points[np.isfinite(points).all(1) & (points[:, 0] >= low) & (points[:, 0] <= high)]
    x = np.unique(points[:, 0])
    if len(x) < 2:
        return None
    low = np.array([points[points[:, 0] == at, 1].min() for at in x])
    high = np.array([points[points[:, 0] == at, 1].max() for at in x])
    return Series(name_of(each, names), x, high, look_of(each), low, high)


def _read_segments(panel: Panel, each: LineCollection, names: list[tuple[str, tuple]]) -> None:
    """Lines of `hlines` and `vlines`, and error bars: intervals, where they lie on places."""
    name, look = name_of(each, names), look_of(each)
    for segment in each.get_segments():
        segment = np.asarray(segment, dtype=float)
        if len(segment) != 2 or not np.isfinite(segment).all():
            continue
        upright = segment[0, 0] == segment[1, 0]
        ends = segment[:, 1] if upright else segment[:, 0]
        middle = segment.mean(0)
        panel.intervals.append(
            Series(
                name, middle[:1], middle[1:], look, ends.min(keepdims=True), ends.max(keepdims=True), upright
            )
        )


def _read_error_bars(panel: Panel, each: LineCollection) -> None:
    """Upright error bars as the range around their curve."""
    ends = np.array([segment for segment in each.get_segments() if len(segment) == 2], dtype=float)
    if len(ends) and (ends[:, 0, 0] == ends[:, 1, 0]).all():
        low, high = ends[:, :, 1].min(1), ends[:, :, 1].max(1)
        panel.areas.append(Series("", ends[:, 0, 0], high, look_of(each), low, high))


def _read_strips(panel: Panel, axes: Axes) -> None:
    """Shaded strips from side to side."""
    for patch in axes.patches:
        if not isinstance(patch, Rectangle) or not patch.get_visible():
            continue
        x, y, wide, high = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
        parts = patch.get_transform()
        for upright, transform, low, size in (
            (True, axes.get_xaxis_transform(), x, wide),
            (False, axes.get_yaxis_transform(), y, high),
        ):
            across = (y, high) if upright else (x, wide)
            whole = across[0] >= 0 and across[0] + across[1] <= 1 and across[1] > 0.3
            if parts == patch.get_patch_transform() + transform and whole:
                panel.marks.append(Mark(own_name(patch), upright, low, low + size, "shaded"))


def _cells(image: Any, panel: Panel) -> Cells | None:
    values = np.ma.masked_invalid(np.ma.asarray(image.get_array(), dtype=float))
    if values.ndim != 2 or not values.count():
        return None
    return _named_cells(values, image, panel, image.get_extent())


def _named_cells(values: np.ma.MaskedArray, image: Any, panel: Panel, extent: Any) -> Cells:
    """The cells with the names of their rows and columns."""
    rows, columns = values.shape
    if extent is None:
        left, right, bottom, top = 0, columns, rows, 0
    else:
        left, right, bottom, top = extent
    if getattr(image, "origin", "upper") == "lower":
        bottom, top = top, bottom
    across = left + (np.arange(columns) + 0.5) * (right - left) / columns
    down = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    unit = plain(image.colorbar.ax.get_ylabel() or image.colorbar.ax.get_xlabel()) if image.colorbar else ""
    return Cells(
        values,
        [panel.y.place(at) or f"{at:g}" for at in down],
        [panel.x.place(at) or f"{at:g}" for at in across],
        unit,
    )


def _read_words(panel: Panel, axes: Axes) -> None:
    """Where a panel has no axes, what is written in it, row by row as it is read."""
    if axes.axison:
        return
    written = [
        (*text.get_transform().transform(text.get_position()), text)
        for text in axes.texts
        if text.get_text().strip() and text.get_visible()
    ]
    rows: list[tuple[float, list]] = []
    for x, y, text in sorted(written, key=lambda each: (-each[1], each[0])):
        if rows and abs(rows[-1][0] - y) < 0.6 * text.get_fontsize():
            rows[-1][1].append((x, text))
        else:
            rows.append((y, [(x, text)]))
    panel.words = [_joined(sorted(row, key=lambda each: each[0])) for _, row in rows]


def _joined(row: list[tuple[float, Any]]) -> list[str]:
    """The words of a row from left to right; what touches, as the tokens of a text do, is one."""
    parts: list[str] = []
    end = -np.inf
    for _, text in row:
        box = text.get_window_extent()
        if parts and text.get_fontfamily() == ["monospace"] and box.x0 - end < 0.25 * text.get_fontsize():
            parts[-1] += text.get_text()
        else:
            parts.append(text.get_text())
        end = box.x1
    return [plain(part.replace("\N{MIDDLE DOT}", " ").replace("⏎", " ")) for part in parts]


def _share_names(drawn: list[tuple[Axes, Panel]], figure: Figure) -> None:
    """Names that stand once for several panels: beside one of those that share an axis, or on the figure."""
    for side, whole in (("x", figure.get_supxlabel()), ("y", figure.get_supylabel())):
        for axes, panel in drawn:
            scale, shared = getattr(panel, side), getattr(axes, f"get_shared_{side}_axes")()
            if scale.name or not axes.axison:
                continue
            lent = [getattr(other, side).name for one, other in drawn if shared.joined(axes, one)]
            scale.name = next(filter(None, lent), plain(whole))
