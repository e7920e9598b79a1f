"""Still pictures: the book's look, and the attention explorer's view for print, GitHub and the site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from llmasos_edu.foundation.arguments import check_strings
from llmasos_edu.foundation.arrays import read_array, visible_token
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.map_words import attention_in_words
from llmasos_edu.widgets.attention.data import MAX_TOKENS, check_truth

STYLE = {
    "axes.prop_cycle": cycler(color=list(OKABE_ITO.values())),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.grid": True,
    "grid.color": "#E3E6EA",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "font.size": 10,
    "font.family": "sans-serif",
    # Wherever the book runs the same font, for the stored pictures are compared byte by byte.
    "font.sans-serif": ["DejaVu Sans"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "image.cmap": "cividis",
    "svg.hashsalt": "llmasos",
}


class book_style:
    """The book's look: readable labels, no chart junk, colours that everybody can tell apart.

    `book_style()` sets it for all later pictures; `with book_style():` for the block alone.
    """

    def __init__(self) -> None:
        self._before = {name: mpl.rcParams[name] for name in STYLE}
        mpl.rcParams.update(STYLE)

    def __enter__(self) -> book_style:
        return self

    def __exit__(self, *error: object) -> None:
        mpl.rcParams.update(self._before)

    def __repr__(self) -> str:
        return "book_style()"


def headline(figure: Figure, words: str) -> None:
    """One title over all panels of a figure, bold and at the left, as a single panel has it."""
    figure.suptitle(words, x=0.01, ha="left", fontsize=11, fontweight="bold")


def attention_figure(
    weights: Any, tokens: Sequence[str], *, key_tokens: Sequence[str] | None = None, title: str | None = None,
    vmax: float | None = None, show_values: bool | None = None, width: float = 7.0, truth: Any = None,
) -> Figure:  # fmt: skip
    """Attention maps as a still picture: the explorer's view where widgets cannot run.

    Args:
        weights: `[query, key]`, `[heads, query, key]` or `[layers, heads, query, key]`, torch or numpy.
        tokens: one string per query.
        key_tokens: one string per key, if they are not the queries' own.
        title: the finding that the picture shows.
        vmax: the weight at the ramp's bright end; the largest weight if not given. All maps share it.
        show_values: write each weight into its cell; if not given, where one map has 10 tokens or fewer.
        width: of the figure, inches.
        truth: for each query the index of its true key, or several, or -1: drawn as hollow squares.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: wrong rank, NaN, or a token count that does not fit, with the values.
    """
    maps, queries, keys = _as_grid(weights, tokens, key_tokens)
    top = float(vmax) if vmax is not None else float(maps.max()) or 1.0
    single = maps.shape[:2] == (1, 1)
    true_keys = None if truth is None else check_truth(truth, len(queries), len(keys))
    tiles, names = _tile(maps)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(figsize=(width, _height(width, tiles.shape, single)))
        # Where cells outnumber the picture's pixels, "nearest" would drop whole rows.
        image = axes.imshow(
            tiles, vmin=0, vmax=top, interpolation="nearest" if max(tiles.shape) < 400 else "auto"
        )
        if single:
            _label_tokens(axes, queries, keys, width, crossing=key_tokens is not None)
            if show_values if show_values is not None else max(tiles.shape) <= 10:
                _write_values(axes, tiles, top)
        else:
            _name_tiles(axes, names, maps.shape, width)
        if true_keys is not None:
            _mark_truth(axes, true_keys, maps.shape, len(names[0]))
        bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=28, pad=0.02)
        bar.set_label("attention weight")
        bar.outline.set_visible(False)
        if title:
            headline(figure, title)
    return say(figure, attention_in_words(maps, queries, keys, true_keys, title))


def position_matrix_figure(
    d_model: int = 64, length: int = 128, *, base: float = 10_000.0, title: str | None = None,
    width: float = 7.0,
) -> Figure:  # fmt: skip
    """Sinusoidal positions as a still picture: the matrix, and the dot product against the distance.

    Args:
        d_model: width of the vectors, even.
        length: number of positions, at least 2.
        base: of the frequencies `base**(-2i / d_model)`, above 1.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: an odd `d_model`, fewer than 2 positions, a base of 1 or less.

    Source: Vaswani et al. 2017, section 3.5; article 4.2.3.
    """
    import torch

    from llmasos_edu.layers.positional import SinusoidalPositions

    if length < 2:
        raise ValueError(f"length={length} must be at least 2: a distance needs two positions")
    matrix = SinusoidalPositions(d_model, base=base)(torch.arange(length), torch.float64).numpy()
    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(width, width * 0.46), gridspec_kw={"width_ratios": [1.25, 1]}
        )
        image = left.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        left.grid(False)
        left.set(xlabel="feature (even: sine, odd: cosine)", ylabel="position", title="PE(position)")
        bar = figure.colorbar(image, ax=left, shrink=0.8, aspect=28, pad=0.02, ticks=[-1, 0, 1])
        bar.outline.set_visible(False)
        right.plot(matrix @ matrix[0])  # the distance from position 0, and so from any other
        right.axhline(0, color="#8A9099", linewidth=0.8)
        right.set(xlabel="distance (positions)", ylabel="dot product", title="PE(p) · PE(p + distance)")
        right.set_xlim(0, length - 1)
        if title:
            headline(figure, title)
    return figure


def _as_grid(weights, tokens, key_tokens) -> tuple[np.ndarray, list[str], list[str]]:
    maps, _ = read_array(weights, "weights")
    if maps.ndim not in (2, 3, 4):
        raise ValueError(
            f"weights has {maps.ndim} dimensions {list(maps.shape)}, expected [query, key], "
            "[heads, query, key] or [layers, heads, query, key]"
        )
    if 0 in maps.shape or max(maps.shape[-2:]) > MAX_TOKENS:
        raise ValueError(f"weights has shape {list(maps.shape)}: expected 1 to {MAX_TOKENS} queries and keys")
    if not np.isfinite(maps).all():
        place = [int(i) for i in np.argwhere(~np.isfinite(maps))[0]]
        raise ValueError(f"weights{place} is {maps[tuple(place)]}: attention weights are finite")
    maps = maps.reshape((1,) * (4 - maps.ndim) + maps.shape)
    queries = check_strings(tokens, "tokens", maps.shape[2], "queries")
    if key_tokens is None and maps.shape[2] != maps.shape[3]:
        raise ValueError(f"weights has {maps.shape[2]} queries and {maps.shape[3]} keys: give key_tokens too")
    keys = queries if key_tokens is None else check_strings(key_tokens, "key_tokens", maps.shape[3], "keys")
    return maps, [visible_token(t) for t in queries], [visible_token(t) for t in keys]


def _height(width: float, shape: tuple[int, int], single: bool) -> float:
    """Inches for square cells, with room for labels, title and the bar beside."""
    room, labels = (width - 2.2, 1.3) if single else (width - 1.3, 0.7)
    return min(max(room * shape[0] / shape[1] + labels, 1.8), 11.0)


def _tile(maps: np.ndarray) -> tuple[np.ma.MaskedArray, list[list[str]]]:
    """All maps in one array, blank between them, and each one's name; a causal map's future is blank too.

    Blank, because hidden is not the same as a weight of zero.
    """
    layers, heads, queries, keys = maps.shape
    causal = queries == keys > 1 and not np.triu(maps.max(axis=(0, 1)), 1).any()
    blank = np.triu(np.ones((queries, keys), dtype=bool), 1) & causal
    columns = heads if layers > 1 else min(heads, 4)  # heads of one layer may be broken into lines
    rows = layers * -(-heads // columns)
    tops = 0 if layers == heads == 1 else _name_rows(queries)
    gap = 0 if layers == heads == 1 else max(1, round(keys * 0.08))
    # Zeros below the mask: leftovers from memory would overflow in matplotlib, now and then.
    tiles = np.ma.zeros((rows * (queries + tops), columns * (keys + gap) - gap))
    tiles[:] = np.ma.masked
    names = [["" for _ in range(columns)] for _ in range(rows)]
    for index, one in enumerate(maps.reshape(-1, queries, keys)):
        row, column = divmod(index, columns)
        y, x = row * (queries + tops) + tops, column * (keys + gap)
        tiles[y : y + queries, x : x + keys] = np.ma.masked_array(one, blank)
        layer, head = divmod(index, heads)
        names[row][column] = f"head {head}" if layers == 1 else f"layer {layer}, head {head}"
    return tiles, names


def _name_rows(queries: int) -> int:
    """Rows of cells left above a tile for its name."""
    return max(1, round(queries * 0.16))


def _name_tiles(axes, names: list[list[str]], shape: tuple[int, ...], width: float) -> None:
    """Each tile's name above it; where tiles are too many for that, short names."""
    queries, keys = shape[2:]
    tops, gap = _name_rows(queries), max(1, round(keys * 0.08))
    room = (width - 1.3) * 72 / len(names[0])  # points for one tile
    size = min(8.0, room / 9)
    for row, line in enumerate(names):
        for column, name in enumerate(line):
            if size < 5:  # as in the explorer's knock-out switches: layer.head
                name = name.replace("layer ", "").replace(", head ", ".").replace("head ", "")
            x, y = column * (keys + gap) + (keys - 1) / 2, row * (queries + tops) + tops * 0.82 - 0.5
            axes.text(x, y, name, ha="center", va="baseline", fontsize=max(size, 5))
    axes.set_axis_off()


def _mark_truth(axes, true_keys: list[list[int]], shape: tuple[int, ...], columns: int) -> None:
    """A hollow square inside each true key's cell, in every tile: white on black, seen on the whole ramp."""
    layers, heads, queries, keys = shape
    single = layers == heads == 1
    tops, gap = (0, 0) if single else (_name_rows(queries), max(1, round(keys * 0.08)))
    thin = 1.4 if single else 0.8
    for index in range(layers * heads):
        row, column = divmod(index, columns)
        y, x = row * (queries + tops) + tops, column * (keys + gap)
        for query, found in enumerate(true_keys):
            for key in found:
                for colour, line in (("black", 2.4 * thin), ("white", thin)):
                    axes.add_patch(
                        Rectangle((x + key - 0.4, y + query - 0.4), 0.8, 0.8,
                                  fill=False, edgecolor=colour, linewidth=line)
                    )  # fmt: skip


def _label_tokens(axes, queries: list[str], keys: list[str], width: float, *, crossing: bool) -> None:
    """Every token where there is room, else every second, third, ...: labels never overlap."""
    room = (width - 2.2) * 72  # points along the map's side
    size = min(9.0, max(7.0, room / max(len(queries), len(keys)) * 0.8))
    for axis, tokens in ((axes.yaxis, queries), (axes.xaxis, keys)):
        step = int(np.ceil(len(tokens) * size * 1.2 / room))
        places = range(0, len(tokens), step)
        axis.set_ticks(list(places), [_shorten(tokens[i]) for i in places])
        axis.set_tick_params(length=2, labelsize=size, labelfontfamily="DejaVu Sans Mono", color="#8A9099")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    cell = room / len(keys)
    upright = max(len(_shorten(token)) for token in keys) * size * 0.62 + 4 > cell
    axes.tick_params(axis="x", labelrotation=90 if upright else 0)
    axes.set_xlabel("source: key (looked at)" if crossing else "key (looked at)", fontsize=9)
    axes.set_ylabel("target: query (looks)" if crossing else "query (looks)", fontsize=9)


def _write_values(axes, tiles: np.ma.MaskedArray, top: float) -> None:
    for (query, key), weight in np.ma.ndenumerate(tiles):
        axes.text(key, query, f"{weight:.2f}", ha="center", va="center", fontsize=8,
                  color="black" if weight / top > 0.5 else "white")  # fmt: skip


def _shorten(token: str, length: int = 12) -> str:
    return token if len(token) <= length else token[: length - 1] + "…"
