"""Axes in words: their names, their ranges, and values with as many digits as an eye could read."""

from __future__ import annotations

import math

import numpy as np

from llmasos_edu.plots.figure_parts import Panel, Scale
from llmasos_edu.plots.speaking import spoken

FULL, SHORT, RANGES, TITLES = range(4)  # how much is told


def step_of(scale: Scale) -> float:
    """What an eye can tell apart on an axis: a hundredth of what is drawn."""
    span = scale.high - scale.low
    return 0.0 if scale.log or not math.isfinite(span) or span <= 0 else span / 100


def reads(value: float, scale: Scale) -> str:
    return scale.place(value) or spoken(value, step_of(scale))


def range_of(scale: Scale) -> str:
    low, high = reads(scale.low, scale), reads(scale.high, scale)
    return low if low == high else f"{low} to {high}"


def _axis(word: str, scale: Scale) -> str:
    log = ", logarithmic" if scale.log else ""
    return f"{word}: {f'{scale.name}, ' if scale.name else ''}{range_of(scale)}{log}"


def tell_axes(panel: Panel, before: Panel | None) -> str:
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


def place_axis(panel: Panel) -> str:
    """The axis whose ticks bear names, on which all dots, bars and intervals stand; or nothing."""
    for side in ("x", "y"):
        scale = getattr(panel, side)
        series = [*panel.dots, *panel.bars, *panel.intervals]
        if scale.places and series and not panel.cells:
            at = [value for each in series for value in getattr(each, side)]
            if all(scale.place(value) is not None for value in at) or panel.bars:
                return side
    return ""


def spread(values: np.ndarray, scale: Scale) -> str:
    low, high = reads(values.min(), scale), reads(values.max(), scale)
    return low if low == high else f"{low} to {high}"
