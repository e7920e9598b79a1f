"""What the attention explorer is given: checked at the door, then packed into few bytes.

A map is `[layers, heads, query, key]`. Queries and keys may differ in number (cross-attention).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llmasos_edu.foundation.arrays import read_array, visible_token

MAX_TOKENS = 512
MAX_LAYERS = 24
MAX_HEADS = 16
MAX_VALUES = 40_000_000  # 12 x 12 heads of 512 x 512 weights fit
MAX_SCORES = 8_000_000  # scores cannot go below two bytes, so they stop earlier
HALF_LIMIT = 4_000_000  # above this many weights one byte each has to do
MAX_FREE_HEADS = 8  # up to here every subset of heads can be knocked out: 2 ** 8 columns


@dataclass
class AttentionInput:
    """One input of the explorer, checked: arrays, tokens, and what a knocked-out head does to it."""

    weights: np.ndarray  # [layers, heads, query, key] float32
    tokens: list[str]
    key_tokens: list[str]
    scores: np.ndarray | None = None
    causal: bool = False
    knock_out: np.ndarray | None = None  # [subsets, query] probabilities, NaN where there is no next token
    produced: list[str] | None = None  # what the model writes at each query
    truth: list[list[int]] | None = None  # the true keys of each query, none where there is none
    step: bool = False
    name: str = ""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scores is not None:
            self.arrays["scores"], self.arrays["row_top"] = centre_scores(self.scores, self.causal)
        else:
            self.arrays["weights"] = pack_weights(self.weights, self.causal)
        if self.knock_out is not None:
            self.arrays["knock_out"] = self.knock_out.astype("<f2")

    def describe(self, offset: int) -> tuple[dict[str, Any], bytes]:
        """The JSON that tells the browser where each array lies, and the arrays' bytes from `offset` on."""
        layers, heads, queries, keys = self.weights.shape
        same = self.key_tokens == self.tokens

        def visible(tokens):
            return None if tokens is None else [visible_token(token) for token in tokens]

        parts, places = [], {}
        for name, array in self.arrays.items():
            data = array.tobytes()
            places[name] = {"offset": offset, "type": array.dtype.name}
            parts.append(data + b"\0" * (-len(data) % 4))  # typed arrays need aligned starts
            offset += len(parts[-1])
        description = {
            "name": self.name,
            "shape": [layers, heads, queries, keys],
            "tokens": visible(self.tokens),
            "key_tokens": None if same else visible(self.key_tokens),
            "causal": self.causal,
            "produced": visible(self.produced),
            "truth": self.truth,
            "step": self.step,
            "subsets": None if self.knock_out is None else len(self.knock_out),
            "arrays": places,
        }
        return description, b"".join(parts)


def pack_weights(weights: np.ndarray, causal: bool) -> np.ndarray:
    """Half floats, or bytes where there are too many; of a causal map only the triangle that is not hidden.

    A byte holds `round(255 * sqrt(w))`: most weights of a long row are small, and the root keeps them apart.
    """
    if causal:
        weights = weights[..., *np.tril_indices(weights.shape[-1])]
    if weights.size > HALF_LIMIT:
        return np.round(255 * np.sqrt(weights)).astype(np.uint8)
    return weights.astype("<f2")


def centre_scores(scores: np.ndarray, causal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Half-float scores less their row's largest allowed one, and that one in full precision.

    The softmax does not see the shift, and half floats are finest near zero, where the weight is.
    """
    seen = hide_future(scores) if causal else scores
    top = seen.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(over="ignore"):  # what is too far below for half a float has weight zero
        return (scores - top).astype("<f2"), top[..., 0].astype("<f4")


def hide_future(scores: np.ndarray) -> np.ndarray:
    """Scores `[..., query, key]` with minus infinity where the key comes after the query."""
    future = np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)
    return np.where(future, -np.inf, scores)


def softmax_rows(scores: np.ndarray) -> np.ndarray:
    """Softmax over the last dimension; a row of minus infinities becomes a row of zeros."""
    top = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    total = powers.sum(axis=-1, keepdims=True)
    return np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)


def check_weights(values: Any) -> np.ndarray:
    """Weights `[layers, heads, query, key]` in float32, or an error that says what is wrong, where."""
    weights, coarse = read_array(values, "weights")
    shape = list(weights.shape)
    if weights.ndim != 4:
        hint = {
            2: "one map alone is weights[None, None]",
            3: "add the missing dimension, weights[None] for one layer or weights[:, None] for one head",
            5: "choose a row of the batch, for [layers, batch, heads, query, key] weights[:, 0]",
        }.get(weights.ndim, "these are not attention maps")
        raise ValueError(
            f"weights has {weights.ndim} dimensions {shape}, expected 4: [layers, heads, query, key]; {hint}"
        )
    if 0 in shape:
        raise ValueError(f"weights is empty: [layers, heads, query, key] = {shape}")
    limits = (
        ("layers", MAX_LAYERS),
        ("heads", MAX_HEADS),
        ("query tokens", MAX_TOKENS),
        ("key tokens", MAX_TOKENS),
    )
    for size, (what, limit) in zip(shape, limits, strict=True):
        if size > limit:
            raise ValueError(f"{size} {what} are too many to explore, at most {limit}: show a part")
    if weights.size > MAX_VALUES:
        raise ValueError(
            f"{weights.size:,} weights {shape} are too many to send, at most {MAX_VALUES:,}: "
            "choose some layers"
        )
    _refuse(~np.isfinite(weights), weights, "weights{} is {}: attention weights are finite")
    _refuse(
        weights < 0, weights, "weights{} is {:.4g}: attention weights are not negative (are these scores?)"
    )
    sums = weights.sum(axis=-1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > (2e-2 if coarse else 1e-3)) & (weights.max(axis=-1) > 0)
    _refuse(wrong, sums, "weights{} sum to {:.4g}, not to 1: give the softmax's result over the keys, "
            "from a model in eval mode (dropout changes the sums)")  # fmt: skip
    return weights


def _refuse(bad: np.ndarray, values: np.ndarray, message: str) -> None:
    if not bad.any():
        return
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    names = ("layer", "head", "query", "key")
    where = "[" + ", ".join(f"{name}={i}" for name, i in zip(names, place, strict=False)) + "]"
    raise ValueError(message.format(where, values[place]))


def check_scores(values: Any, weights: np.ndarray, causal: bool) -> np.ndarray:
    """Scores of the weights' shape that give the weights back under the softmax."""
    scores, coarse = read_array(values, "scores")
    if scores.shape != weights.shape:
        raise ValueError(f"scores has shape {list(scores.shape)}, the weights have {list(weights.shape)}")
    if scores.size > MAX_SCORES:
        raise ValueError(
            f"{scores.size:,} scores are too many to send, at most {MAX_SCORES:,}: "
            "choose some layers, or leave scores out"
        )
    _refuse(
        np.isnan(scores) | (scores == np.inf),
        scores,
        "scores{} is {}: scores are numbers, or -inf where hidden",
    )
    found = softmax_rows(hide_future(scores) if causal else scores)
    gap = np.abs(found - weights).max(axis=-1)
    message = (
        "the softmax of scores{} differs from the weights by {:.4g}: give scores after the scale 1/sqrt(d_k) "
        f"and before the softmax; this explorer takes causal={causal}"
    )
    _refuse(gap > (3e-2 if coarse else 2e-3), gap, message)
    return scores


def check_causal(causal: bool | None, weights: np.ndarray) -> bool:
    """Whether no query sees its future; found out from the weights unless said."""
    queries, keys = weights.shape[-2:]
    square = queries == keys
    largest = weights.max(axis=(0, 1))
    found = square and queries > 1 and not np.triu(largest, 1).any()
    if causal is None:
        return bool(found)
    if causal and not square:
        raise ValueError(f"causal=True needs as many keys as queries, got {queries} queries and {keys} keys")
    if causal and not found and queries > 1:
        _refuse(np.triu(np.broadcast_to(weights > 0, weights.shape), 1), weights,
                "causal=True, but weights{} is {:.4g}: that key comes after its query")  # fmt: skip
    return bool(causal)


def check_knock_out(values: Any, weights: np.ndarray) -> np.ndarray:
    """Probabilities of the true next token `[subsets, query]`, one row for each choice of silenced heads."""
    table, _ = read_array(values, "knock_out")
    layers, heads, queries, _ = weights.shape
    count = layers * heads
    every = count <= MAX_FREE_HEADS
    rows = 2**count if every else 1 + count
    meaning = (
        "one row for every subset of heads" if every else "one row for the intact model and one for each head"
    )
    if table.ndim != 2 or len(table) != rows or table.shape[1] not in (queries - 1, queries):
        raise ValueError(f"knock_out has shape {list(table.shape)}, expected [{rows}, {queries}]: {meaning} "
                         f"({count} heads), one column for each of {queries} queries")  # fmt: skip
    if table.shape[1] == queries - 1:  # the last position has no next token
        table = np.concatenate([table, np.full((rows, 1), np.nan, np.float32)], axis=1)
    wrong = ~((table >= 0) & (table <= 1))
    wrong[:, -1] &= ~np.isnan(table[:, -1])
    if wrong.any():
        subset, place = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"knock_out[{subset}, {place}] is {table[subset, place]:.4g}, expected a probability from 0 to 1"
        )
    return table


def check_truth(truth: Any, queries: int, keys: int) -> list[list[int]]:
    """The true keys of every query: lists of indices, empty where there is none.

    Args:
        truth: one entry per query: an index, several, or -1 or None for no true key. Entries of -1 beyond
            the last query are padding and are cut off.
    """
    entries = truth.tolist() if hasattr(truth, "tolist") else truth
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise TypeError(f"truth must be a list with one entry per query, got {type(truth).__name__}")
    found = []
    for query, entry in enumerate(entries):
        several = entry if isinstance(entry, Sequence) and not isinstance(entry, str) else [entry]
        for key in several:
            if key is not None and (isinstance(key, bool) or not isinstance(key, int | np.integer)):
                raise TypeError(f"truth[{query}] is {key!r}, expected the index of a key, or -1 for none")
            if key is not None and not -1 <= key < keys:
                raise ValueError(
                    f"truth[{query}] is {key}, expected a key from 0 to {keys - 1}, or -1 for none"
                )
        found.append(sorted({int(key) for key in several if key is not None and key >= 0}))
    if len(found) < queries or any(found[queries:]):
        raise ValueError(
            f"truth has {len(found)} entries for {queries} queries: give one each, -1 for no key"
        )
    return found[:queries]


def truth_share(weights: Any, truth: Any) -> np.ndarray | float:
    """The share of queries whose strongest key is a true one, of those that have a true key.

    Args:
        weights: `[..., query, key]`, torch or numpy.
        truth: as in `check_truth`.

    Returns:
        `[...]`, a plain number for one map; NaN where no query has a true key.
    """
    array, _ = read_array(weights, "weights")
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"weights has shape {list(array.shape)}, expected [..., query, key]")
    true_keys = check_truth(truth, *array.shape[-2:])
    rows = [query for query, keys in enumerate(true_keys) if keys]
    if not rows:
        return np.full(array.shape[:-2], np.nan)[()]
    is_true = np.zeros(array.shape[-2:], dtype=bool)
    for query in rows:
        is_true[query, true_keys[query]] = True
    best = array.argmax(axis=-1)  # [..., query]
    return is_true[np.arange(array.shape[-2]), best][..., rows].mean(axis=-1)[()]


def telling_place(weights: np.ndarray) -> tuple[int, int]:
    """The query of a map `[query, key]` that looks least evenly at what it sees, and its strongest key.

    A query that sees one key alone, as the first of a causal map, tells nothing: its weight is 1 whatever the
    model does.
    """
    strongest = weights.max(axis=1) * (weights > 0).sum(axis=1)  # 1 where all seen keys weigh the same
    query = int(strongest.argmax())
    return query, int(weights[query].argmax())


def silenced_heads(layers: int, heads: int) -> list[list[tuple[int, int]]]:
    """The sets of `(layer, head)` that the rows of a knock-out table stand for, in order."""
    every = [(layer, head) for layer in range(layers) for head in range(heads)]
    if len(every) > MAX_FREE_HEADS:
        return [[], *([one] for one in every)]
    return [[one for bit, one in enumerate(every) if subset >> bit & 1] for subset in range(2 ** len(every))]


def same_length(**lists: Sequence | None) -> int:
    """The common length of lists given side by side."""
    lengths = {name: len(values) for name, values in lists.items() if values is not None}
    if len(set(lengths.values())) != 1:
        raise ValueError(
            "several inputs need lists of equal length, got "
            + ", ".join(f"{k}: {v}" for k, v in lengths.items())
        )
    count = next(iter(lengths.values()))
    if count == 0:
        raise ValueError("there is no input: the list of weights is empty")
    return count
