"""What came and what should have come, case by case, and how a suspicion is tried on all cases."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

CLOSE = 2e-3


@dataclass(frozen=True)
class Pair:
    """One part of one case: what came and what should have come, as float64, and what the case counts."""

    got: torch.Tensor
    want: torch.Tensor
    sizes: dict[str, float]
    axes: tuple[str, ...] | None
    right: bool
    whole: bool = False  # whether the right numbers are whole ones: ids, counts, truth values


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors agree, measured by their own size, so that small numbers are not all alike.

    Whole numbers must agree to the last unit: 50,001 is another token than 50,000.
    """
    if a.shape != b.shape:
        return False
    if torch.equal(a.nan_to_num(), a.nan_to_num().round()) and torch.equal(
        b.nan_to_num(), b.nan_to_num().round()
    ):
        return bool(((a == b) | (a.isnan() & b.isnan())).all())
    finite = b[b.isfinite()].abs()
    atol = 1e-4 * float(finite.max()) if finite.numel() else 0.0
    return torch.allclose(a, b, rtol=CLOSE, atol=max(atol, 1e-9), equal_nan=True)


def all_cases(pairs: list[Pair], change: Callable[[Pair], torch.Tensor | None]) -> bool:
    """Whether the change turns the right result into what came, in every case."""
    for pair in pairs:
        try:
            made = change(pair)
        except (IndexError, RuntimeError):
            return False
        if made is None or not same(pair.got, made):
            return False
    return True


def changes_anything(failing: list[Pair], change: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """Whether a change of the right result is one at all here: without negative numbers no sign is lost."""
    return not all(same(change(pair.want), pair.want) for pair in failing)


def wrong_numbers(failing: list[Pair]) -> int:
    """How many single numbers are wrong in these cases."""
    return sum(
        int((pair.got - pair.want).ne(0).sum()) for pair in failing if pair.got.shape == pair.want.shape
    )


def holds(test: Callable[[Pair], bool], pair: Pair) -> bool:
    """Whether a suspicion holds in one case; where it cannot even be tried, it does not."""
    try:
        return test(pair)
    except (IndexError, RuntimeError):
        return False
