"""Near the polar factor within stated bounds, in both forms; the constants are the best that there are."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.training.polar import (
    QUINTICS,
    best_quintics,
    newton_schulz,
    newton_schulz_flops,
    newton_schulz_gram,
)

JORDAN = [(3.4445, -4.7750, 2.0315)] * 5  # what torch's own Muon does
BOTH = pytest.mark.parametrize("orthogonalize", [newton_schulz, newton_schulz_gram])
SHAPES = [(16, 16), (64, 64), (24, 96), (96, 24), (50, 65), (65, 50), (1, 9), (9, 1)]


def directions(rows, columns, seed=0):
    """Orthonormal U [rows, k] and V [columns, k] in float64, k the shorter side."""
    generator = torch.Generator().manual_seed(seed)
    k = min(rows, columns)
    normal = [torch.randn(side, k, generator=generator, dtype=torch.float64) for side in (rows, columns)]
    return [torch.linalg.qr(each).Q for each in normal]


def by_number(values, quintics=QUINTICS):
    """What the rounds make of singular values, number by number."""
    for a, b, c in quintics:
        values = a * values + b * values**3 + c * values**5
    return values


# ---- the constants ----


@pytest.mark.parametrize(("count", "lowest"), [(1, 0.3), (2, 0.05), (3, 0.01), (5, 0.001)])
def test_each_round_touches_its_two_bounds_by_turns_four_times(count, lowest):
    """By Chebyshev's theorem this and nothing else is the best: three constants, four touching points."""
    low, high = lowest, 1.0
    for constants in best_quintics(count, lowest):
        s = torch.linspace(low, high, 200_001, dtype=torch.float64)
        error = by_number(s, [constants]) - 1
        worst = error.abs().max()
        turns = [above for above, _ in itertools.groupby((error[error.abs() > worst - 1e-5] > 0).tolist())]
        assert turns == [False, True, False, True]
        low, high = 1 - worst.item(), 1 + worst.item()


def test_no_other_three_rounds_leave_a_smaller_error():
    """Hundreds of changed constants, drawn near and far: none is better on all of [0.01, 1]."""
    s = torch.logspace(-2, 0, 4001, dtype=torch.float64)
    best = (by_number(s) - 1).abs().max()
    assert best == pytest.approx(0.27, abs=1e-3)
    generator = torch.Generator().manual_seed(0)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(200):
            factors = 1 + size * torch.randn(3, 3, generator=generator)
            other = (torch.tensor(QUINTICS) * factors).double()
            assert (by_number(s, other) - 1).abs().max() > best - 1e-4
    assert (by_number(s, JORDAN[:3]) - 1).abs().max() > 2 * best


def test_rounds_without_end_go_on_towards_one():
    s = torch.linspace(0.01, 1, 1001, dtype=torch.float64)
    worst = [(by_number(s, best_quintics(count, 0.01)) - 1).abs().max() for count in range(1, 9)]
    assert all(later < earlier for earlier, later in itertools.pairwise(worst[:6]))
    assert worst[6] < 1e-9
    assert worst[7] < 1e-14
    assert best_quintics(3, 0.9999) == [(1.875, -1.25, 0.375)] * 3


@pytest.mark.parametrize("lowest", [0, 1, -0.1, math.nan])
def test_a_bound_out_of_range_is_refused(lowest):
    with pytest.raises(ValueError, match=f"lowest={lowest} must lie between 0 and 1"):
        best_quintics(3, lowest)


@pytest.mark.parametrize("rounds", [0, 2.0, True])
def test_no_rounds_are_refused(rounds):
    with pytest.raises(ValueError, match=f"rounds={rounds} is not a whole number"):
        best_quintics(rounds, 0.1)


# ---- the iteration ----


@BOTH
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("condition", [1, 10, 100, 1e4])
@pytest.mark.parametrize("quintics", [QUINTICS, JORDAN], ids=["three rounds", "torch's"])
def test_directions_stay_and_each_singular_value_goes_through_the_quintics(
    orthogonalize, rows, columns, condition, quintics
):
    u, v = directions(rows, columns)
    values = torch.logspace(0, -math.log10(condition), min(rows, columns), dtype=torch.float64)
    matrix = 7 * (u * values) @ v.mT
    result = orthogonalize(matrix.float(), quintics).double()
    by_hand = (u * by_number(values / values.norm(), quintics)) @ v.mT
    # Where three rounds are steepest, at a value of 1, they carry a rounding of it a thousand times as far.
    scaled = values / values.norm()
    rounding = 4 * torch.finfo(torch.float32).eps
    carried = (by_number(scaled * (1 + rounding), quintics) - by_number(scaled, quintics)).abs().max()
    # The Gram form sees squares of values: float32 keeps those of small ones to three digits.
    tolerance = carried + (1e-4 if orthogonalize is newton_schulz else 2e-3)
    assert torch.linalg.matrix_norm(result - by_hand, 2) < tolerance


@BOTH
@pytest.mark.parametrize(
    ("condition", "lowest", "highest"),
    [(1, 0.72, 1.28), (10, 0.72, 1.28), (100, 0.2, 1.28), (1e3, 0.025, 1.28), (1e4, 0.0025, 1.28)],
)
def test_distance_to_the_exact_polar_factor(orthogonalize, condition, lowest, highest):
    """Values down to 0.01 of the norm end in [0.73, 1.27], lower ones lower, 78 times what they were."""
    for seed, (rows, columns) in enumerate([(64, 64), (128, 512), (512, 128), (100, 130)]):
        u, v = directions(rows, columns, seed)
        values = torch.logspace(0, -math.log10(condition), min(rows, columns), dtype=torch.float64)
        matrix = ((u * values) @ v.mT).float()
        left, _, right = torch.linalg.svd(matrix.double(), full_matrices=False)
        result = orthogonalize(matrix).double()
        found = torch.linalg.svdvals(result)
        assert lowest < found.min()
        assert found.max() < highest
        # U V^T is the polar factor: the error is that of the worst singular value, no direction has turned
        distance = torch.linalg.matrix_norm(result - left @ right, 2)
        assert distance == pytest.approx((found - 1).abs().max().item(), abs=5e-3)


def test_the_bounds_of_the_docstrings_hold_for_every_value():
    shares = torch.logspace(-8, 0, 100_001, dtype=torch.float64)
    after = by_number(shares)
    assert 0.729 < after[shares >= 0.01].min() < 0.731
    assert 1.269 < after.max() < 1.271
    assert (after / shares).max().item() == pytest.approx(math.prod(a for a, _, _ in QUINTICS), rel=1e-3)
    assert (after / shares).max().item() == pytest.approx(78, abs=0.5)
    torchs = by_number(shares, JORDAN)
    assert 0.679 < torchs[shares >= 0.0015].min() < 0.7
    assert torchs.max() < 1.21
    assert (torchs / shares).max().item() == pytest.approx(485, abs=0.5)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_both_forms_agree_in_every_shape_one_by_one_or_stacked(rows, columns, count, seed):
    stack = torch.randn(count, rows, columns, generator=torch.Generator().manual_seed(seed))
    plain, gram = newton_schulz(stack), newton_schulz_gram(stack)
    assert plain.shape == gram.shape == stack.shape
    assert torch.allclose(plain, gram, atol=5e-3)
    for one, plain_one, gram_one in zip(stack, plain, gram, strict=True):
        assert torch.allclose(newton_schulz(one), plain_one, atol=1e-4)
        assert torch.allclose(newton_schulz_gram(one), gram_one, atol=5e-3)
        assert torch.allclose(newton_schulz(one.mT).mT, plain_one, atol=1e-4)


@BOTH
def test_size_does_not_matter_and_nothing_stays_nothing(orthogonalize):
    matrix = torch.randn(6, 20, generator=torch.Generator().manual_seed(1))
    reference = orthogonalize(matrix)
    for scale in (1e-5, 1e5):
        assert torch.allclose(orthogonalize(scale * matrix), reference, atol=1e-4)
    assert torch.equal(orthogonalize(torch.zeros(6, 20)), torch.zeros(6, 20))
    nearly = orthogonalize(1e-12 * matrix)  # below the smallest norm: not blown up to full size
    assert 0 < torch.linalg.svdvals(nearly).max() < 0.1


@BOTH
@pytest.mark.parametrize("rows", [6, 20])
def test_sizes_whose_squares_are_no_float32_come_out_the_same(orthogonalize, rows):
    matrix = torch.randn(rows, 20, generator=torch.Generator().manual_seed(1))
    stack = torch.stack([1e30 * matrix, matrix, 1e37 * matrix])
    for one in orthogonalize(stack):
        assert torch.allclose(one, orthogonalize(matrix), atol=1e-4)


@pytest.mark.parametrize(("rows", "columns", "less"), [(8, 32, True), (8, 8, False)])
@pytest.mark.parametrize("quintics", [QUINTICS, JORDAN], ids=["three rounds", "torch's"])
def test_floating_point_operations_of_the_docstring(rows, columns, less, quintics):
    m, n = sorted((rows, columns))
    counted, r = [], len(quintics)
    for orthogonalize in (newton_schulz, newton_schulz_gram):
        with FlopCounterMode(display=False) as counter:
            orthogonalize(torch.randn(3, rows, columns), quintics)
        counted.append(counter.get_total_flops())
    assert counted == [3 * r * (4 * m * m * n + 2 * m**3), 3 * (4 * m * m * n + (8 * r - 6) * m**3)]
    assert (counted[1] < counted[0]) is less
    assert 3 * newton_schulz_flops(rows, columns, r) == min(counted)
