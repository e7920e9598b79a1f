"""Pictures of chapter 6.2: a copywriter, a tree of beams, rules of choice, a desk for essays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.drawing import Drawing
from llmasos_edu.plots.style import STYLE, headline

BLUE, ORANGE, GREEN = (OKABE_ITO[name] for name in ("sky", "orange", "green"))


def copywriter_drawing() -> Figure:
    """From keywords to drafts: prompt, model, scores, rules, a draw, and the constraint that looks ahead."""
    sheet = Drawing(9.4, 1.9)
    names = [
        "keywords\nas a prompt",
        "model",
        "scores\n[vocab]",
        "constraint:\nwhat still fits",
        "rules\nin order",
        "a draw",
    ]
    colours = ["white", BLUE, "white", ORANGE, ORANGE, "white"]
    boxes = [
        sheet.box(0.1 + 1.57 * at, 0.9, 1.25, 0.7, name, colour=colour)
        for at, (name, colour) in enumerate(zip(names, colours, strict=True))
    ]
    for first, second in itertools.pairwise(boxes):
        sheet.arrow(first.right, second.left)
    sheet.arrow(
        boxes[-1].bottom, boxes[1].bottom, "the new token joins the text", bend=-0.13, shift=(0, -0.3)
    )
    return sheet.figure


def beam_tree(
    steps: Mapping[str, float], follow: Mapping[str, Mapping[str, float]], width: int = 2
) -> Figure:
    """Two steps of a search as a tree; what `width` beams keep is drawn thick.

    Args:
        steps: probability of each first token.
        follow: for each first token the probabilities of the second.
        width: how many beginnings are kept.

    Returns:
        The figure; it is not shown.
    """
    kept = sorted(steps, key=lambda token: -steps[token])[:width]
    paths = {(a, b): steps[a] * p for a in steps for b, p in follow[a].items()}
    best = sorted((path for path in paths if path[0] in kept), key=lambda path: -paths[path])[:width]
    sheet = Drawing(8.4, 0.36 * len(paths) + 0.5)
    leaf = {path: 0.4 + 0.36 * at for at, path in enumerate(reversed(list(paths)))}
    middle = {a: sum(leaf[path] for path in leaf if path[0] == a) / len(follow[a]) for a in steps}
    root = sheet.box(0.1, sum(middle.values()) / len(middle) - 0.15, 0.8, 0.3, "start")
    for a, p in steps.items():
        colour = BLUE if a in kept else "white"
        box = sheet.box(2.2, middle[a] - 0.15, 1.5, 0.3, f"{a}  {p:g}", colour=colour, dashed=a not in kept)
        sheet.arrow(root.right, box.left, dashed=a not in kept)
        for b, q in follow[a].items():
            colour = BLUE if (a, b) in best else "white"
            end = sheet.box(
                5.2, leaf[a, b] - 0.14, 1.5, 0.28, f"{b}  {q:g}", colour=colour, dashed=(a, b) not in best
            )
            sheet.arrow(box.right, end.left, dashed=(a, b) not in best)
            sheet.text(6.9, leaf[a, b], f"{p:g} · {q:g} = {paths[a, b]:.2f}", align="left")
    return sheet.figure


def rules_figure(
    names: Sequence[str], panels: Mapping[str, Sequence[float]], *, title: str | None = None
) -> Figure:
    """What rules leave of the likeliest tokens: a panel of bars for each stage, one below zero is cut.

    Args:
        names: the tokens.
        panels: for each stage the probability of each token, 0 where it is cut.
        title: the finding.

    Returns:
        The figure; it is not shown.
    """
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(8.6, 0.24 * len(names) + 1.0), sharey=True, layout="constrained"
        )
        end = 1.22 * max(max(shares) for shares in panels.values())
        for axis, (name, shares) in zip(axes, panels.items(), strict=True):
            axis.barh(range(len(names)), shares, color=OKABE_ITO["blue"])
            for place, share in enumerate(shares):
                axis.text(
                    share + 0.01 * end,
                    place,
                    f"{100 * share:.0f} %" if share else "cut",
                    va="center",
                    fontsize=7.5,
                )
            axis.set(title=name, xlim=(0, end), xticks=[])
            axis.spines["bottom"].set_visible(False)
            axis.title.set_fontsize(9)
        axes[0].set_yticks(range(len(names)), names, family="monospace")
        axes[0].invert_yaxis()
        if title:
            headline(figure, title)
    return figure


def frontier_figure(
    runs: Sequence[Mapping[str, float]], rules: Mapping[str, str], line: Sequence[str], *,
    live: Mapping[str, tuple[float, float]] | None = None, title: str | None = None,
) -> Figure:  # fmt: skip
    """Likeness of four drafts against surprise under another model: a cloud of seeds a rule, and its mean.

    Args:
        runs: the figures of each seed, with `<rule>_alike` and `<rule>_bits`.
        rules: which rules are drawn, and their names for readers.
        line: those whose means are joined, such as the temperatures.
        live: what was measured just now, `(alike, bits)` by rule; stars.
        title: the finding.

    Returns:
        The figure; it is not shown.
    """
    marks = "osD^vPXp<>"
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.0, 3.7), layout="constrained")
        means = {
            rule: tuple(sum(run[f"{rule}_{what}"] for run in runs) / len(runs) for what in ("alike", "bits"))
            for rule in rules
        }
        axes.plot(
            *zip(*(means[rule] for rule in line), strict=True), color="#8A9099", linewidth=1.2, zorder=1
        )
        for at, (rule, name) in enumerate(rules.items()):
            colour = list(OKABE_ITO.values())[at % len(OKABE_ITO)]
            axes.scatter(
                [run[f"{rule}_alike"] for run in runs],
                [run[f"{rule}_bits"] for run in runs],
                s=14,
                alpha=0.5,
                color=colour,
                marker=marks[at],
            )
            axes.scatter(
                *means[rule],
                s=70,
                color=colour,
                marker=marks[at],
                edgecolor="black",
                linewidth=0.6,
                label=name,
                zorder=3,
            )
        for rule, place in (live or {}).items():
            axes.scatter(
                *place,
                s=130,
                marker="*",
                color="black",
                zorder=4,
                label="this notebook" if rule == next(iter(live)) else None,
            )
        axes.set(xlabel="alike: self-BLEU of four drafts", ylabel="bits a token under another model")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xticks([0.07, 0.1, 0.2, 0.5, 1], minor=False)
        axes.legend(ncols=2, loc="upper right", fontsize=8)
        if title:
            axes.set_title(title)
    return figure


def essay_drawing() -> Figure:
    """A desk for essays: a question, passages found, an outline, a draft by the writer, and marks in it."""
    sheet = Drawing(9.4, 1.75)
    names = [
        "a question",
        "passages of the\nbook and manual",
        "the best of\nthem, far apart",
        "your draft",
        "words that\nsurprise",
    ]
    boxes = [
        sheet.box(0.1 + 1.9 * at, 0.65, 1.45, 0.75, name, colour=GREEN if at in (1, 4) else "white")
        for at, name in enumerate(names)
    ]
    words = ["search", "outline", "you write", "model reads"]
    for first, second, word in zip(boxes, boxes[1:], words, strict=False):
        sheet.arrow(first.right, second.left)
        sheet.text((first.right[0] + second.left[0]) / 2, 0.4, word, size=8.5)
    return sheet.figure
