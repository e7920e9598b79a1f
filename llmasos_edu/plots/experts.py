"""Still pictures of routing: the expert-load explorer's view for print, GitHub and the site (chapter 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from llmasos_edu.foundation.arguments import check_strings
from llmasos_edu.foundation.arrays import visible_token
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.layers.routing import Routing
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.map_words import routing_in_words
from llmasos_edu.plots.style import book_style, headline
from llmasos_edu.widgets.expert_load.data import MAX_TOKENS, check_domains, domain_letters

_COLOURS = [*list(OKABE_ITO.values())[:-1], "#8F8F8F"]  # as in the explorer, where black would not be seen
_HATCHES = ["", "////", "\\\\\\\\", "||||", "----", "xxxx", "||", "++++"]
_DROPPED = "#B34700"
_MARKED_TO = 160  # tokens: beyond, dots would run into one another
_NAMED_TO = 60  # tokens: beyond, words would


def expert_load_figure(
    routing: Routing | Sequence[Routing], tokens: Sequence[str] | None = None, *,
    domains: Sequence[str] | None = None, capacity: int | None = None, names: Sequence[str] | None = None,
    title: str | None = None, width: float = 7.0,
) -> Figure:  # fmt: skip
    """Tokens against experts, with each expert's load beside its row: the explorer where widgets cannot run.

    Args:
        routing: of one batch through one layer; several (before and after, two layers) stand under one
            another, and their bars have one scale.
        tokens: one string per token, written under the map where there is room.
        domains: one string per token, at most 8 different ones: the band above the map and the bars' parts.
        capacity: assignments an expert takes; if not given, found out where something was dropped.
        names: a title for each of several routings.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: no routing, counts that do not fit, a capacity that something kept exceeds, with the
            values.
    """
    routings = [routing] if isinstance(routing, Routing) else list(routing)
    num_tokens, num_experts = _common_shape(routings)
    words = (
        None
        if tokens is None
        else [visible_token(t) for t in check_strings(tokens, "tokens", num_tokens, "tokens")]
    )
    kinds = (["all"], [0] * num_tokens) if domains is None else check_domains(domains, num_tokens)
    if names is not None and len(names) != len(routings):
        raise ValueError(f"names has {len(names)} strings for {len(routings)} routings: give one each")
    limits = [_capacity(each, capacity) for each in routings]
    longest = max(np.bincount(each.expert.cpu().numpy()).max() for each in routings)
    reach = 1.12 * max(longest, *(limit or 0 for limit in limits))
    with book_style(), mpl.rc_context({"axes.grid": False, "hatch.linewidth": 0.5}):
        height = 0.24 * num_experts + 0.75 if num_experts <= 16 else 0.085 * num_experts + 0.9
        figure, axes = plt.subplots(
            len(routings), 2, squeeze=False, sharey="row", gridspec_kw={"width_ratios": [3, 1]},
            figsize=(width, len(routings) * height + 1.2),
        )  # fmt: skip
        for row, (each, limit) in enumerate(zip(routings, limits, strict=True)):
            board, bars = axes[row]
            image = _draw_map(board, each, kinds, with_band=domains is not None)
            _draw_loads(bars, each, kinds, limit, reach)
            if names is not None:
                board.set_title(names[row], pad=20 if domains is not None else 6)
            last = row == len(routings) - 1
            _label(board, words if last else None, num_tokens, "token" if last else "")
            bars.set_xlabel("load (assignments)" if last else "")
        bar = figure.colorbar(image, ax=axes[:, 0], orientation="horizontal", shrink=0.5, aspect=34, pad=0.02)
        bar.set_ticks([0, 0.1, 0.5, 1], labels=["0", "0.1", "0.5", "1"])
        bar.set_label("router's probability", fontsize=9)
        bar.outline.set_visible(False)
        handles = _legend(kinds[0] if domains is not None else [], routings, limits)
        figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.6)
        if title:
            headline(figure, title)
    choices = [tuple(of.cpu().numpy() for of in (each.token, each.expert, each.kept)) for each in routings]
    titles = list(names) if names is not None else [""] * len(routings)
    return say(figure, routing_in_words(titles, choices, num_experts, num_tokens, kinds, title))


def _common_shape(routings: list[Routing]) -> tuple[int, int]:
    if not routings:
        raise ValueError("there is no routing to draw")
    shapes = [list(each.probs.shape) for each in routings]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"the routings differ in [tokens, experts], {shapes}: draw those of one shape")
    if shapes[0][0] > MAX_TOKENS:
        raise ValueError(f"{shapes[0][0]:,} tokens are too many to draw, at most {MAX_TOKENS:,}: draw a part")
    return shapes[0][0], shapes[0][1]


def _capacity(routing: Routing, capacity: int | None) -> int | None:
    """The capacity given, or the one that the drops betray: a full expert has kept just so many."""
    kept = np.bincount(routing.expert[routing.kept].cpu().numpy(), minlength=1).max()
    if capacity is not None and kept > capacity:
        raise ValueError(f"capacity={capacity}, but an expert of the routing kept {kept} assignments")
    if capacity is not None and not bool(routing.kept.all()) and kept < capacity:
        raise ValueError(f"capacity={capacity}, but the routing dropped assignments with {kept} kept at most")
    if capacity is None and not bool(routing.kept.all()):
        return int(kept)
    return capacity


def _draw_map(axes, routing: Routing, kinds: tuple[list[str], list[int]], *, with_band: bool):
    """Probabilities `[experts, tokens]`, the choices as dots, the drops as crosses; returns the image."""
    probs = routing.probs.detach().float().cpu().numpy()
    num_tokens, num_experts = probs.shape
    # The root keeps even shares of many experts apart from nothing.
    image = axes.imshow(
        probs.T, norm=PowerNorm(0.5, 0, 1), aspect="auto",
        interpolation="nearest" if num_tokens < 400 else "auto",
    )  # fmt: skip
    if num_tokens <= _MARKED_TO:
        token, expert, kept = (each.cpu().numpy() for each in (routing.token, routing.expert, routing.kept))
        first = _is_first_choice(routing)
        size = np.clip(1200 / num_tokens, 7, 26)
        for rank, part in ((first, 1.0), (~first, 0.4)):
            axes.scatter(token[kept & rank], expert[kept & rank], s=size * part, c="white",
                         edgecolors="black", linewidths=0.6)  # fmt: skip
        halo = [effects.withStroke(linewidth=2.6, foreground="white")]
        axes.scatter(token[~kept], expert[~kept], s=size * 1.1, c="#B01F00", marker="x", linewidths=1.1,
                     path_effects=halo)  # fmt: skip
    if with_band:
        _draw_band(axes, kinds, num_tokens, num_experts)
    axes.set_ylabel("expert")
    axes.set_yticks(range(0, num_experts, int(np.ceil(num_experts / 16))))
    axes.set(xlim=(-0.5, num_tokens - 0.5), ylim=(num_experts - 0.5, -0.5))
    return image


def _is_first_choice(routing: Routing) -> np.ndarray:
    """Which assignments are a token's first `[assignments]`; all, where experts choose."""
    count = len(routing.probs)
    place = np.arange(len(routing.token))
    tokens_choose = np.array_equal(routing.token.cpu().numpy(), place % count)
    return place < count if tokens_choose else np.full(len(place), True)


def _draw_band(axes, kinds: tuple[list[str], list[int]], num_tokens: int, num_experts: int) -> None:
    """Above the map, each run of tokens of one domain as a box with its letter."""
    letters, domain_of = domain_letters(kinds[0]), np.array(kinds[1])
    starts = np.flatnonzero(np.diff(domain_of, prepend=-1))
    high = 0.09 if num_experts > 6 else 0.16
    for start, stop in zip(starts, [*starts[1:], num_tokens], strict=True):
        domain = domain_of[start]
        place = axes.get_xaxis_transform()
        axes.add_patch(
            Rectangle((start - 0.5, 1.02), stop - start, high, transform=place,
                      clip_on=False, facecolor=_COLOURS[domain], hatch=_HATCHES[domain], linewidth=0)
        )  # fmt: skip
        if (stop - start) / num_tokens > 0.05:
            axes.text(
                (start + stop - 1) / 2, 1.02 + high / 2, letters[domain], transform=place, ha="center",
                va="center_baseline", fontsize=7.5, fontweight="bold", color="black" if domain else "white",
                bbox={"facecolor": _COLOURS[domain], "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip


def _draw_loads(axes, routing: Routing, kinds, capacity: int | None, reach: float) -> None:
    """Bars in line with the map's rows: what was kept, by domain, then what was dropped."""
    num_experts = routing.probs.shape[1]
    token, expert, kept = (each.cpu().numpy() for each in (routing.token, routing.expert, routing.kept))
    domain_of, rows = np.array(kinds[1]), np.arange(num_experts)
    edge = np.zeros(num_experts)
    for domain in range(len(kinds[0])):
        mine = kept & (domain_of[token] == domain)
        load = np.bincount(expert[mine], minlength=num_experts)
        hatch = _HATCHES[domain] if len(kinds[0]) > 1 else ""
        axes.barh(rows, load, 0.72, left=edge, color=_COLOURS[domain], hatch=hatch, linewidth=0)
        edge = edge + load
    lost = np.bincount(expert[~kept], minlength=num_experts)
    axes.barh(rows[lost > 0], lost[lost > 0], 0.72, left=edge[lost > 0], facecolor="none", edgecolor=_DROPPED,
              hatch="xxxxx", linewidth=0.8)  # fmt: skip
    axes.axvline(len(token) / num_experts, color="#57606A", linestyle=":", linewidth=1.2)
    if capacity is not None:
        axes.axvline(capacity, color="black", linestyle="--", linewidth=1.4)
        axes.annotate(
            f"capacity {capacity}", (capacity, 1), (0, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
    axes.set_xlim(0, reach)
    axes.tick_params(axis="y", left=False, labelleft=False)


def _label(axes, words: list[str] | None, count: int, name: str) -> None:
    axes.set_xlabel(name)
    if words is None or count > _NAMED_TO:
        return
    short = [word if len(word) <= 10 else word[:9] + "…" for word in words]
    axes.set_xticks(range(count), short, rotation=90)
    size = min(8.0, 300 / count)
    axes.tick_params(axis="x", length=0, labelsize=size, labelfontfamily="DejaVu Sans Mono")
    axes.set_xlabel("")


def _legend(names: list[str], routings: list[Routing], limits: list[int | None]) -> list:
    """What the domains, marks and lines that are drawn mean."""
    handles: list[Patch | Line2D] = [
        Patch(facecolor=_COLOURS[i], hatch=_HATCHES[i], linewidth=0, label=f"{letter} {name}")
        for i, (letter, name) in enumerate(zip(domain_letters(names), names, strict=True))
    ]
    num_tokens = len(routings[0].probs)
    dot = {"linestyle": "", "marker": "o", "markerfacecolor": "white", "markeredgecolor": "black"}
    if num_tokens <= _MARKED_TO:
        later = any(not _is_first_choice(each).all() for each in routings)
        handles.append(Line2D([], [], markersize=5.5, label="first choice" if later else "chosen", **dot))
        if later:
            handles.append(Line2D([], [], markersize=3.5, label="later choice", **dot))
    if not all(bool(each.kept.all()) for each in routings):
        words = "dropped (× in the map)" if num_tokens <= _MARKED_TO else "dropped"
        handles.append(Patch(facecolor="none", edgecolor=_DROPPED, hatch="xxxxx", label=words))
    handles.append(Line2D([], [], color="#57606A", linestyle=":", linewidth=1.2, label="even share"))
    if any(limit is not None for limit in limits):
        handles.append(Line2D([], [], color="black", linestyle="--", linewidth=1.4, label="capacity"))
    return handles
