"""What maps of attention and of routing show, in sentences: where the weight lies, and who gets the work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmasos_edu.plots.speaking import listed, read_out, spoken

STRONG = 0.3  # a mean weight from which a place is named


def attention_in_words(
    maps: np.ndarray, queries: Sequence[str], keys: Sequence[str], true_keys: Sequence[Sequence[int]] | None,
    title: str | None,
) -> str:  # fmt: skip
    """Where each head of `[layers, heads, query, key]` looks.

    A single map is told query by query; many are told by the place that has most of a head's weight, on
    average over the queries: the token itself, one so many places before it, the first, or none of these.
    Marked true keys are told by the weight that lies on them.
    """
    layers, heads, rows, columns = maps.shape
    head = f"“{title}”. " if title else ""
    size = f"{rows} queries by {columns} keys"
    if layers == heads == 1:
        told = _rows(maps[0, 0], queries, keys)
        return f"{head}One attention map, {size}. The key with most weight: {told}."
    names = [
        f"head {h}" if layers == 1 else f"layer {a} head {h}" for a in range(layers) for h in range(heads)
    ]
    grids = maps.reshape(-1, rows, columns)
    many = f"{len(names)} attention maps, {size}"
    if true_keys is not None:
        on_truth = [_on(grid, true_keys) for grid in grids]
        order = np.argsort(on_truth)[::-1]
        told = ", ".join(f"{names[at]} {spoken(on_truth[at], 0.01)}" for at in order)
        return f"{head}{many}. Mean weight on the marked keys: {told}."
    found: dict[str, list[tuple[float, str]]] = {}
    for name, grid in zip(names, grids, strict=True):
        place, weight = _main_place(grid)
        found.setdefault(place, []).append((weight, name))
    parts = []
    for place in sorted(found, key=lambda place: (place == "", -len(found[place]))):
        heads_there = sorted(found[place], reverse=True)
        if place:
            parts.append(
                f"{place}: {listed(f'{name} ({spoken(weight, 0.01)})' for weight, name in heads_there)}"
            )
        else:
            parts.append(f"no such place with {STRONG} or more: {listed(name for _, name in heads_there)}")
    return f"{head}{many}. Where a head has most of its weight, and how much on average: {'; '.join(parts)}."


def _rows(grid: np.ndarray, queries: Sequence[str], keys: Sequence[str]) -> str:
    same = len(keys) == len(queries)
    told = []
    for at, (query, row) in enumerate(zip(queries, grid, strict=True)):
        top = int(row.argmax())
        key = f"{_place(at, top, same)}{read_out(keys[top])} ({spoken(row[top], 0.01)})"
        told.append(f"{read_out(query)} {key}")
    return ", ".join(told)


def _place(row: int, top: int, same: bool) -> str:
    """How far away the key is, where queries and keys are one text."""
    if not same:
        return "at "
    return "itself, " if top == row else f"{row - top} back, " if top < row else f"{top - row} on, "


def _on(grid: np.ndarray, true_keys: Sequence[Sequence[int]]) -> float:
    shares = [grid[query, list(found)].sum() for query, found in enumerate(true_keys) if found]
    return float(np.mean(shares)) if shares else 0.0


def _main_place(grid: np.ndarray) -> tuple[str, float]:
    """The place, seen from a query, that has most of the weight on average: its name and that mean."""
    rows, columns = grid.shape
    if rows != columns or rows < 3:
        return "", 0.0
    found = [
        ("the token itself", float(np.diag(grid)[1:].mean())),
        ("the first token", float(grid[2:, 0].mean())),
    ]
    for back in range(1, rows - max(2, rows // 3)):
        name = "the token before" if back == 1 else f"{back} tokens before"
        found.append((name, float(np.diag(grid, -back)[1 if back == 1 else 0 :].mean())))
    name, weight = max(found, key=lambda each: each[1])
    return (name, weight) if weight >= STRONG else ("", weight)


def routing_in_words(
    names: Sequence[str], choices: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], num_experts: int,
    num_tokens: int, kinds: tuple[Sequence[str], Sequence[int]], title: str | None,
) -> str:  # fmt: skip
    """Each expert's load, and where the kinds of tokens go.

    Args:
        names: of the routings, "" where there is one.
        choices: for each routing (token, expert, kept) of its assignments.
        kinds: the domains' names, and each token's index into them.
    """
    said = [f"“{title}”."] if title else []
    said.append(f"{num_tokens} tokens, experts 0 to {num_experts - 1}.")
    for name, (token, expert, kept) in zip(names, choices, strict=True):
        load = np.bincount(expert[kept], minlength=num_experts)
        head = f"{name[:1].upper()}{name[1:]}: load" if name else "Load"
        loads, even = ", ".join(map(str, load)), spoken(len(token) / num_experts)
        words = [f"{head} {loads}, an even share is {even}"]
        if not kept.all():
            words.append(f"{int((~kept).sum())} choices dropped")
        if len(kinds[0]) > 1:
            domain_of = np.array(kinds[1])
            shares = []
            for domain, kind in enumerate(kinds[0]):
                mine = np.bincount(expert[domain_of[token] == domain], minlength=num_experts)
                top = int(mine.argmax())
                shares.append(
                    f"{kind} expert {top} ({spoken(mine[top] / max(mine.sum(), 1), 0.01)} of its choices)"
                )
            words.append(f"chosen most, by kind: {', '.join(shares)}")
        said.append(f"{'; '.join(words)}.")
    return " ".join(said)
