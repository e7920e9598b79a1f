"""Fork, steer, select: try several ways on from one text, and keep the best (chapter 2.3)."""

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import NamedTuple

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import Process


class Selection(NamedTuple):
    """What came of it."""

    winner: Process
    children: list[Process]
    scores: list[float]
    reused_tokens: int  # tokens that the children did not have to compute, all together
    computed_tokens: int  # tokens that they did compute


def fork_steer_select(
    kernel: Kernel,
    process: Process,
    steers: Iterable[Sequence[int]],
    score: Callable[[Process], float],
    *,
    max_new: int | None = None,
) -> Selection:
    """Give the text one child for each steer, let them all end, and keep the one with the highest score.

    The children share the blocks of the text so far. The process itself ends: its children go on for it. What
    else the kernel runs goes on beside them.

    Args:
        steers: tokens to put after each child's text; an empty one steers by chance alone. Child `i` draws
            with the process's seed plus `i`.
        score: judges an ended child; among equals the first wins.
        max_new: tokens that each child may say; what the process has left unless given.

    Raises:
        ValueError: no steer, a process that cannot be forked, a score that is no number.
    """
    steers = list(steers)
    if not steers:
        raise ValueError("there is nothing to select from: no steers")
    children: list[Process] = []
    try:
        for index, steer in enumerate(steers):
            children.append(kernel.fork(process, steer, max_new=max_new, seed=process.seed + index))
    except BaseException:
        for child in children:
            kernel.kill(child, "another child could not be forked")
        raise
    kernel.kill(process, "its children go on")
    while not all(child.ended for child in children):
        kernel.step()
    scores = [score(child) for child in children]
    for child, value in zip(children, scores, strict=True):
        if not isinstance(value, Real) or math.isnan(value):
            raise ValueError(f"score gave {value!r} for process {child.pid}, a number is wanted")
    winner = children[max(range(len(children)), key=scores.__getitem__)]
    reused, computed = (sum(getattr(child, name) for child in children) for name in ("reused", "computed"))
    return Selection(winner, children, scores, reused, computed)
