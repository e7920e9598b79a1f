"""What the artists of a picture look like, and the names that its legends give to looks."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmasos_edu.plots.speaking import plain

NO_LINE = ("None", "none", " ", "")


def look_of(artist: Any) -> tuple:
    """(colour, marker, line): two artists that look alike are told apart by nobody."""
    if isinstance(artist, Line2D):
        line = str(artist.get_linestyle())
        marker = str(artist.get_marker())
        marker = "" if marker in NO_LINE else marker
        face = artist.get_markerfacecolor()
        hollow = bool(marker) and isinstance(face, str) and face == "none"
        return (mpl.colors.to_hex(artist.get_color()), marker + ("hollow" if hollow else ""),
                "" if line in NO_LINE else line)  # fmt: skip
    if isinstance(artist, LineCollection):
        colours, marker = artist.get_color(), ""
    elif isinstance(artist, PathCollection):
        colours, marker = artist.get_facecolor(), "o"
        colours = colours if len(colours) else artist.get_edgecolor()
    else:
        colours, marker = artist.get_facecolor(), ""
    colours = np.atleast_2d(mpl.colors.to_rgba_array(colours))
    return (mpl.colors.to_hex(colours[0]) if len(colours) else "", marker, "")


def own_name(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else plain(label)


def names_of_looks(figure: Figure) -> list[tuple[str, tuple]]:
    """What the picture's legends say: (name, look)."""
    legends = [axes.get_legend() for axes in figure.axes] + list(figure.legends)
    return [
        (plain(text.get_text()), look_of(handle))
        for legend in legends
        if legend is not None
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False)
        if isinstance(handle, Line2D | LineCollection | PathCollection) or hasattr(handle, "get_facecolor")
    ]


def name_of(artist: Any, names: list[tuple[str, tuple]]) -> str:
    """An artist's own name, or that of the legend's entry that looks like it."""
    if own := own_name(artist):
        return own
    look = look_of(artist)
    alike = {name for name, other in names if other == look}
    if len(alike) == 1:
        return alike.pop()
    coloured = {name for name, other in names if other[0] == look[0]}
    red, green, blue = mpl.colors.to_rgb(look[0]) if look[0] else (0, 0, 0)
    grey = max(red, green, blue) - min(red, green, blue) < 0.1  # black and grey mean many things
    return coloured.pop() if len(coloured) == 1 and not grey else ""
