"""Landmarks beside this machine, copying, learning by seconds, a step's time, the history (chapter 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.drawing import Drawing
from llmasos_edu.plots.style import STYLE, headline

YEAR = 365.25 * 86_400  # seconds
SPANS = {"hour": 3600, "month": YEAR / 12, "10 y": 10 * YEAR, "1,000 y": 1e3 * YEAR,
         "100,000 y": 1e5 * YEAR, "10 million y": 1e7 * YEAR}  # fmt: skip
_BLUE, _ORANGE, _GREEN, _PURPLE = (OKABE_ITO[name] for name in ("blue", "orange", "green", "purple"))
_GREY = "#6B7280"


class Model(Protocol):
    """What a picture needs to know of a landmark model."""

    name: str
    year: int
    parameters: float
    active: float
    flops: float | None
    training_flops: float | None


class Idea(Protocol):
    """What a picture needs to know of a row of the timeline."""

    year: int
    lane: str
    words: str
    work: str


def landmarks_figure(models: Sequence[Model], rate: float, *, title: str, own: tuple[str, float]) -> Figure:
    """Arithmetic of training, the time that one machine would need for it, and sizes; a row a model.

    Args:
        models: landmark models; those without FLOPs have no point on the left.
        rate: of this machine, FLOP/s.
        title: the finding.
        own: a name and the FLOPs of a model that was trained here.

    Raises:
        ValueError: a rate that is not above zero.
    """
    if rate <= 0:
        raise ValueError(f"rate={rate} must be above 0 FLOP/s")
    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.6, 5.4), width_ratios=(1.5, 1), sharey=True)
        _draw_training(left, models, rate, own)
        _draw_sizes(right, models)
        left.set_yticks(range(len(models)), [f"{model.name}, {model.year}" for model in models])
        left.set_ylim(len(models) - 0.4, -0.6)
        headline(figure, title)
    return figure


def _draw_training(axes, models: Sequence[Model], rate: float, own: tuple[str, float]) -> None:
    for row, model in enumerate(models):
        if model.training_flops is None:
            axes.text(own[1] * 3, row, "tokens not stated", fontsize=8, color=_GREY, va="center")
            continue
        face = _BLUE if model.flops is not None else "white"
        axes.plot(model.training_flops, row, "o", color=_BLUE, markerfacecolor=face, markersize=6.5)
    axes.axvline(own[1], color=_ORANGE)
    axes.text(own[1] * 1.5, len(models) - 0.9, own[0], fontsize=8.5, color="#8A5A00", va="center")
    axes.set_xscale("log")
    axes.set(xlim=(own[1] / 4, 2e26), xlabel="FLOPs of training")
    above = axes.secondary_xaxis("top", functions=(lambda x: x / rate, lambda t: t * rate))
    above.set_xscale("log")
    above.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    above.set_xticks(list(SPANS.values()), list(SPANS))
    above.tick_params(labelsize=8)
    above.set_xlabel("time that this machine would take (y: years)")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=_BLUE, label="stated in a paper"),
        Line2D([], [], marker="o", linestyle="", color=_BLUE, markerfacecolor="white",
               label="6 × active parameters × tokens"),
    ]  # fmt: skip
    axes.legend(handles=marks, loc="center left", bbox_to_anchor=(0.08, 0.5))


def _draw_sizes(axes, models: Sequence[Model]) -> None:
    for row, model in enumerate(models):
        if model.active < model.parameters:
            axes.plot([model.active, model.parameters], [row, row], color=_GREY, linewidth=1)
        axes.plot(model.parameters, row, "s", color=_GREEN, markersize=6)
        axes.plot(model.active, row, "o", color=_PURPLE, markersize=4)
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    axes.tick_params(axis="y", length=0)
    marks = [
        Line2D([], [], marker="s", linestyle="", color=_GREEN, label="held"),
        Line2D([], [], marker="o", linestyle="", color=_PURPLE, markersize=4, label="met by one token"),
    ]
    axes.legend(handles=marks, loc="upper right")


def copying_figure(curves: Mapping[str, Sequence[float]], period: int, *, title: str) -> Figure:
    """Surprise at each token of a passage that stands twice in a text.

    Args:
        curves: name -> bits at the tokens 1 ... of two passages, one behind the other; at most four names.
        period: tokens in a passage.
        title: the finding.
    """
    colours = dict(zip(curves, (_BLUE, _ORANGE, _GREEN, _GREY), strict=False))
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.4, 3.6))
        for name, bits in curves.items():
            axes.plot(range(1, len(bits) + 1), bits, color=colours[name], label=name)
        axes.axvline(period, color="black", linewidth=0.9, linestyle="--")
        axes.text(period + 0.5, axes.get_ylim()[1], "the second passage", va="top", fontsize=8.5)
        axes.set(xlabel="place of the token", ylabel="surprise, bits", title=title)
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def learning_figure(panels: Mapping[str, Mapping[str, Sequence[tuple]]], *, title: str) -> Figure:
    """Bits per byte against seconds of the processor, a line for each run, a panel for each text.

    Args:
        panels: name of a text -> {arm: runs}, a run a pair (seconds, bits per byte) of equal length.
        title: the finding.
    """
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(panels), figsize=(9.6, 3.5), sharey=True, squeeze=False)
        for axis, (name, arms) in zip(axes[0], panels.items(), strict=True):
            for (arm, runs), colour in zip(arms.items(), (_BLUE, _ORANGE), strict=True):
                for number, (seconds, bits) in enumerate(runs):
                    axis.plot(
                        seconds, bits, "o-", color=colour, markersize=3, label=arm if not number else None
                    )
            axis.set_title(name, fontweight="normal", fontsize=10)
            axis.set_xlabel("seconds of the processor")
        axes[0, 0].set_ylabel("validation, bits per byte")
        axes[0, 0].set_ylim(bottom=0)
        headline(figure, title)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def step_figure(shares: Mapping[str, Mapping[str, float]], *, title: str) -> Figure:
    """Where the time of a training step goes: one bar a way of measuring, parts side by side.

    Args:
        shares: way of measuring -> {part: share of the step}.
        title: the finding.
    """
    parts = list(dict.fromkeys(part for bar in shares.values() for part in bar))
    colours = dict(zip(parts, OKABE_ITO.values(), strict=False))
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axes = plt.subplots(figsize=(8, 0.55 * len(shares) + 1.3))
        for row, bar in enumerate(shares.values()):
            start = 0.0
            for part, share in bar.items():
                label = part if row == list(shares).index(_first_with(shares, part)) else None
                axes.barh(row, share, left=start, color=colours[part], label=label, edgecolor="white")
                start += share
        axes.set_yticks(range(len(shares)), list(shares))
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="share of a training step", title=title)
        figure.legend(loc="outside lower center", ncols=len(parts))
    return figure


def _first_with(shares: Mapping[str, Mapping[str, float]], part: str) -> str:
    return next(way for way, bar in shares.items() if part in bar)


LANES = {
    "model": ("predicting text", "#CFE3F5"),
    "machine": ("sharing a computer", "#E4E7EB"),
    "serving": ("sharing a model", "#FCE5B8"),
    "agent": ("acting with a model", "#CDEBDD"),
}


def timeline_drawing(ideas: Sequence[Idea], cited: Mapping[str, str]) -> Figure:
    """The history of the ideas: a line for each year that has one, a column for each lane.

    Args:
        ideas: by year; `lane` is one of `LANES`.
        cited: key of a work -> how the text cites it.

    Raises:
        ValueError: no idea, or a lane without a column.
    """
    unknown = sorted({idea.lane for idea in ideas} - set(LANES))
    if not ideas or unknown:
        raise ValueError(f"{len(ideas)} ideas, of which some are in unknown lanes: {unknown}")
    years = {}
    for idea in ideas:
        years.setdefault(idea.year, {}).setdefault(idea.lane, []).append(idea)
    lines = {year: max(map(len, lanes.values())) for year, lanes in years.items()}
    step, width, column, left = 0.42, 10.2, 2.36, 0.7
    height = step * sum(lines.values()) + 0.06 * len(years) + 0.5
    sheet = Drawing(width, height)
    for number, (words, _) in enumerate(LANES.values()):
        sheet.text(left + column * (number + 0.5), height - 0.2, words, bold=True, size=9.5)
    y = height - 0.42
    for year, lanes in years.items():
        bottom = y - step * lines[year]
        sheet.text(0.1, y - step / 2, str(year), bold=True, align="left")
        sheet.axes.plot([0.1, width - 0.05], [y + 0.03, y + 0.03], color="#C9CED6", linewidth=0.7)
        for lane, found in lanes.items():
            place = left + column * list(LANES).index(lane)
            for number, idea in enumerate(found):
                text = f"{idea.words}\n{cited[idea.work]}"
                top = y - step * number
                sheet.box(place + 0.04, top - step + 0.04, column - 0.08, step - 0.05, text,
                          colour=LANES[lane][1], size=8.5)  # fmt: skip
        y = bottom - 0.06
    return sheet.figure


def idea_drawing() -> Figure:
    """Two ways to put a language model into a system: as its kernel, or as what a kernel shares out."""
    sheet = Drawing(9.6, 3.5)
    for x, heading in ((0.2, "the model is the kernel"), (5.1, "the model is the processor")):
        sheet.text(x + 2.15, 3.3, heading, bold=True, size=10)
    for number, name in enumerate(("agent", "agent", "agent")):
        sheet.box(0.2 + 1.5 * number, 2.45, 1.3, 0.5, name, colour=LANES["agent"][1])
        sheet.arrow((0.85 + 1.5 * number, 2.45), (0.85 + 1.5 * number, 1.95))
        sheet.box(5.1 + 1.5 * number, 2.45, 1.3, 0.5, "conversation", colour=LANES["agent"][1])
        sheet.arrow((5.75 + 1.5 * number, 2.45), (5.75 + 1.5 * number, 1.95))
    sheet.box(0.2, 1.4, 4.3, 0.55, "language model: understands, plans, decides", colour=LANES["model"][1])
    sheet.box(5.1, 1.4, 4.3, 0.55, "kernel: queue, blocks, rights, receipts", colour=LANES["serving"][1])
    sheet.arrow((2.35, 1.4), (2.35, 0.85), "calls", shift=(0.3, 0))
    sheet.arrow((6.1, 1.4), (6.1, 0.85), "rows of tokens", shift=(0.6, 0))
    sheet.arrow((8.5, 1.4), (8.5, 0.85), "calls", shift=(0.3, 0))
    sheet.box(0.2, 0.3, 4.3, 0.55, "tools, files, the ordinary operating system", colour=LANES["machine"][1])
    sheet.box(5.1, 0.3, 2.05, 0.55, "language model", colour=LANES["model"][1])
    sheet.box(7.55, 0.3, 1.85, 0.55, "tools, files", colour=LANES["machine"][1])
    return sheet.figure
