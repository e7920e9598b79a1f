"""Slips of a question that come to the same number for some data: there only the first of them is told."""

import math
from collections.abc import Callable


def told_apart(right: Callable, *groups: tuple[Callable, ...], near: float = 0.03) -> list[tuple]:
    """The same slips, each NaN where what it gives is right or that of a group before its own.

    Args:
        right: the right parts for the data of a question, {name: number or choice}.
        groups: for each mistake its rules, each from the data to {name of a part: wrong number}.
        near: two numbers are the same up to this share.
    """
    before: list[Callable] = [right]
    guarded = []
    for group in groups:
        guarded.append(tuple(_guard(rule, tuple(before), near) for rule in group))
        before += group
    return guarded


def _guard(rule: Callable, others: tuple[Callable, ...], near: float) -> Callable:
    def value(**data):
        mine, theirs = rule(**data), [other(**data) for other in others]
        pairs = [(wrong, each[name]) for name, wrong in mine.items() for each in theirs if name in each]
        return dict.fromkeys(mine, math.nan) if any(_same(*pair, near) for pair in pairs) else mine

    return value


def _same(a: object, b: object, near: float) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return math.isclose(a, b, rel_tol=near, abs_tol=1e-9)
