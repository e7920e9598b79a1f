"""The orthogonal matrix nearest to a given one, by matrix products alone: what Muon steps along.

`newton_schulz` is the iteration to read, `newton_schulz_gram` the same for long matrices with fewer products,
`best_quintics` finds the constants of both.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count

SMALLEST_NORM = 1e-7  # a matrix below it counts as none
LONG = 1.5  # long side by short side from which `newton_schulz_gram` needs fewer products


def best_quintics(rounds: int, lowest: float) -> list[tuple[float, float, float]]:
    """Constants `(a, b, c)` of each round that together bring all values in `[lowest, 1]` nearest to 1.

    No other polynomials `a s + b s^3 + c s^5`, so many one after the other, have a smaller largest distance
    from 1. The best one for `[low, high]` touches `1 - e` at `low`, then `1 + e`, `1 - e`, and `1 + e` at
    `high`, all with the same `e`. It leaves values in `[1 - e, 1 + e]`, and the next round is the best for
    these. The two touching points inside and `a, b, c, e` are found by turns (the Remez algorithm).

    Args:
        rounds: number of polynomials, at least 1.
        lowest: smallest value that must come near 1, above 0 and below 1. Smaller ones come less near.

    Returns:
        The constants of each round.

    Source: Amsel et al. 2025, "The Polar Express", the section of that name.
    """
    check_count("rounds", rounds)
    if not 0 < lowest < 1:
        raise ValueError(f"lowest={lowest} must lie between 0 and 1")
    found, low, high = [], lowest, 1.0
    for _ in range(rounds):
        if high - low < 1e-3:  # there is nothing to choose any more: the fifth-degree Newton-Schulz step
            found.append((15 / 8, -10 / 8, 3 / 8))
            continue
        first, second = (3 * low + high) / 4, (low + 3 * high) / 4
        for _ in range(10):  # each turn doubles the correct digits; from the fifth on nothing moves
            s = np.array([low, first, second, high])
            a, b, c, e = np.linalg.solve(np.stack([s, s**3, s**5, [1, -1, 1, -1]], axis=1), np.ones(4))
            root = math.sqrt(9 * b * b - 20 * a * c)  # where the slope a + 3 b s^2 + 5 c s^4 is none
            first, second = (math.sqrt((-3 * b + sign * root) / (10 * c)) for sign in (-1, 1))
        found.append((float(a), float(b), float(c)))
        low, high = 1 - float(e), 1 + float(e)
    return found


QUINTICS = best_quintics(3, 0.01)


def newton_schulz(matrices: Tensor, quintics: Sequence[tuple[float, float, float]] = QUINTICS) -> Tensor:
    """Bring all singular values of each matrix near 1 and leave its directions as they are.

    A matrix is `U diag(s) V^T`. Divided by its norm it has no `s` above 1. Then, for each round's `a, b, c`,

        X <- a X + b (X X^T) X + c (X X^T)^2 X,

    which turns every `s` into `a s + b s^3 + c s^5` and touches neither `U` nor `V`. With `QUINTICS`, three
    rounds: what was at least 0.01 ends between 0.73 and 1.27, smaller ones end lower, up to 78 times as large
    as they were. (All at 1 would be the polar factor `U V^T`, the nearest matrix with orthonormal rows or
    columns.)

    Args:
        matrices: `[rows, columns]`, or a stack of them `[..., rows, columns]`.
        quintics: constants of each round. `torch.optim.Muon` takes (3.4445, -4.7750, 2.0315) five times.

    Returns:
        The same shape. A matrix of zeros stays one.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Higham 2008,
    "Functions of Matrices", for the iteration's first form; Amsel et al. 2025, "The Polar
    Express", for constants that change with the round.
    """
    if matrices.shape[-2] > matrices.shape[-1]:
        return newton_schulz(matrices.mT, quintics).mT  # X X^T shall be the small one of the two squares
    norm = torch.linalg.matrix_norm(matrices, keepdim=True)
    if norm.isinf().any():
        return newton_schulz(_at_most_one(matrices), quintics)
    x = matrices / norm.clamp(min=SMALLEST_NORM)
    for constants in quintics:
        x = _factor(x @ x.mT, constants) @ x
    return x


def newton_schulz_gram(matrices: Tensor, quintics: Sequence[tuple[float, float, float]] = QUINTICS) -> Tensor:
    """`newton_schulz` with fewer products where one side is longer than the other.

    All that happens to `X` happens on its short side: `X_k = P_k ... P_2 P_1 X`, where each
    `P = a I + b G + c G^2` follows from `G = X X^T` alone, and the next `G` is `P G P`. So the long side is
    touched twice, at the beginning and at the end.

    Args:
        matrices, quintics: as in `newton_schulz`.

    Returns:
        The same shape, equal to `newton_schulz` but for rounding.

    Source: Amsel et al. 2025, "The Polar Express", appendix on rectangular matrices.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    gram = matrices @ matrices.mT if wide else matrices.mT @ matrices
    norm = gram.diagonal(dim1=-2, dim2=-1).sum(-1).sqrt()[..., None, None]
    if norm.isinf().any():
        return newton_schulz_gram(_at_most_one(matrices), quintics)
    norm = norm.clamp(min=SMALLEST_NORM)
    gram = gram / norm**2
    product = step = _factor(gram, quintics[0])
    for constants in quintics[1:]:
        gram = step @ gram @ step
        step = _factor(gram, constants)
        product = step @ product
    product = product / norm
    return product @ matrices if wide else matrices @ product


def newton_schulz_flops(rows: int, columns: int, rounds: int = len(QUINTICS)) -> int:
    """Multiplications and additions for one matrix, in the form that takes fewer.

    A product of `[m, k]` and `[k, n]` is `2 m k n`. With `m` and `n` the short and the long side a round of
    `newton_schulz` is two products of `[m, m]` and `[m, n]` size and one of `[m, m]` with itself:
    `rounds (4 m m n + 2 m^3)`. `newton_schulz_gram` takes `4 m m n + (8 rounds - 6) m^3`, which is less from
    `n = 1.5 m` on, whatever the number of rounds.
    """
    m, n = sorted((rows, columns))
    return min(rounds * (4 * m * m * n + 2 * m**3), 4 * m * m * n + (8 * rounds - 6) * m**3)


def _at_most_one(matrices: Tensor) -> Tensor:
    """Each divided by its largest entry where that is above 1: the square of 1e20 is no float32 any more."""
    return matrices / matrices.abs().amax(dim=(-2, -1), keepdim=True).clamp(min=1)


def _factor(gram: Tensor, constants: tuple[float, float, float]) -> Tensor:
    """`a I + b G + c G^2`, which one round puts before X."""
    a, b, c = constants
    if gram.ndim > 3:  # a stack of stacks
        return _factor(gram.flatten(0, -3), constants).view_as(gram)
    multiply_add = torch.addmm if gram.ndim == 2 else torch.baddbmm
    factor = multiply_add(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal(dim1=-2, dim2=-1).add_(a)
    return factor
