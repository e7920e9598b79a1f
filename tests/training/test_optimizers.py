"""Muon: the same as torch's own, near the polar factor within stated bounds, resumed bit for bit."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.layers.moe import MoE
from llmasos_edu.training import optimizers
from llmasos_edu.training.checkpoint import load_checkpoint, save_checkpoint
from llmasos_edu.training.optimizers import (
    ITERATIONS,
    QUINTIC,
    Muon,
    newton_schulz,
    newton_schulz_flops,
    newton_schulz_gram,
)

BOTH = pytest.mark.parametrize("orthogonalize", [newton_schulz, newton_schulz_gram])
SHAPES = [(16, 16), (64, 64), (24, 96), (96, 24), (50, 65), (65, 50), (1, 9), (9, 1)]


def directions(rows, columns, seed=0):
    """Orthonormal U [rows, k] and V [columns, k] in float64, k the shorter side."""
    generator = torch.Generator().manual_seed(seed)
    k = min(rows, columns)
    normal = [torch.randn(side, k, generator=generator, dtype=torch.float64) for side in (rows, columns)]
    return [torch.linalg.qr(each).Q for each in normal]


def rounds(values):
    """What the iteration makes of singular values, number by number."""
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return values


# ---- the iteration ----


@BOTH
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("condition", [1, 10, 100, 1e4])
def test_directions_stay_and_each_singular_value_goes_through_the_quintic(
    orthogonalize, rows, columns, condition
):
    u, v = directions(rows, columns)
    values = torch.logspace(0, -math.log10(condition), min(rows, columns), dtype=torch.float64)
    matrix = 7 * (u * values) @ v.mT
    result = orthogonalize(matrix.float()).double()
    by_hand = (u * rounds(values / values.norm())) @ v.mT
    # the Gram form sees squares of values: float32 keeps those of small ones to three digits
    tolerance = 1e-4 if orthogonalize is newton_schulz else 2e-3
    assert torch.linalg.matrix_norm(result - by_hand, 2) < tolerance


@BOTH
@pytest.mark.parametrize(
    ("condition", "lowest", "highest"),
    [(1, 0.68, 1.14), (10, 0.68, 1.14), (100, 0.68, 1.21), (1e3, 0.15, 1.21), (1e4, 0.017, 1.21)],
)
def test_distance_to_the_exact_polar_factor(orthogonalize, condition, lowest, highest):
    """Measured bounds: values down to 0.0015 of the norm end in [0.68, 1.21], lower ones remain below 1."""
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


def test_the_bounds_of_the_docstring_hold_for_every_value():
    shares = torch.logspace(-8, 0, 100_001, dtype=torch.float64)
    after = rounds(shares)
    assert after[shares >= 0.0015].min() > 0.679
    assert after.max() < 1.21
    assert after[shares >= 0.01].max() < 1.14
    assert (after / shares).max().item() == pytest.approx(QUINTIC[0] ** ITERATIONS, rel=1e-3)
    assert QUINTIC[0] ** ITERATIONS == pytest.approx(485, abs=0.5)


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


@pytest.mark.parametrize(("rows", "columns", "less"), [(8, 32, True), (8, 8, False)])
def test_floating_point_operations_of_the_docstring(rows, columns, less):
    m, n = sorted((rows, columns))
    counted = []
    for orthogonalize in (newton_schulz, newton_schulz_gram):
        with FlopCounterMode(display=False) as counter:
            orthogonalize(torch.randn(3, rows, columns))
        counted.append(counter.get_total_flops())
    assert counted == [3 * (20 * m * m * n + 10 * m**3), 3 * (4 * m * m * n + 34 * m**3)]
    assert (counted[1] < counted[0]) is less
    assert 3 * newton_schulz_flops(rows, columns) == min(counted)


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (8, 11), (8, 12), (12, 8), (8, 13), (40, 8)])
def test_a_step_takes_the_form_with_fewer_operations(rows, columns):
    parameter = nn.Parameter(torch.zeros(rows, columns))
    parameter.grad = torch.ones(rows, columns)
    with FlopCounterMode(display=False) as counter:
        Muon([parameter]).step()
    assert counter.get_total_flops() == newton_schulz_flops(rows, columns)


# ---- the optimizer, beside torch's own ----


def matrices(seed=0):
    """Parameters of several shapes, more of one than are multiplied at once, and a gradient for each step."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(12, 12)] * 10 + [(32, 8), (8, 32), (8, 32), (10, 12), (12, 10)]
    parameters = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    gradients = [[torch.randn(shape, generator=generator) for shape in shapes] for _ in range(6)]
    return parameters, gradients


def after(optimizer_class, **settings):
    """The weights after six steps of changing rate, in which two parameters now and then have no gradient."""
    parameters, gradients = matrices()
    optimizer = optimizer_class(parameters, **settings)
    for step, now in enumerate(gradients):
        for i, (parameter, gradient) in enumerate(zip(parameters, now, strict=True)):
            parameter.grad = None if i in (1, 11) and step % 2 else gradient
        optimizer.param_groups[0]["lr"] = settings["lr"] * (1 - step / 10)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


SETTINGS = [
    {"lr": 0.02, "weight_decay": 0.01, "momentum": 0.95},
    {"lr": 0.3, "weight_decay": 0.5, "momentum": 0.6},
    {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.0},
]


@pytest.mark.parametrize("own", SETTINGS)
def test_equal_to_torchs_own_once_that_computes_in_float32(own, monkeypatch):
    ours = after(Muon, **own)
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())
    for one, other in zip(ours, after(torch.optim.Muon, **own), strict=True):
        assert torch.allclose(one, other, atol=5e-4 * own["lr"], rtol=1e-5)


@pytest.mark.parametrize("own", SETTINGS)
def test_equal_to_torchs_own_within_bfloat16s_rounding(own):
    start, _ = matrices()
    for begin, one, other in zip(start, after(Muon, **own), after(torch.optim.Muon, **own), strict=True):
        moved = torch.linalg.matrix_norm(one - begin.detach())
        # bfloat16 keeps 8 bits: 0.4 % a rounding, some fifteen roundings a step
        assert 0 < torch.linalg.matrix_norm(one - other) < 0.06 * moved


def test_closures_groups_and_settings():
    parameters, gradients = matrices()
    optimizer = Muon([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.0}], lr=0.5)
    before = [parameter.detach().clone() for parameter in parameters]

    def closure():
        assert torch.is_grad_enabled()
        for parameter, gradient in zip(parameters, gradients[0], strict=True):
            parameter.grad = gradient
        return torch.tensor(3.0)

    assert optimizer.step() is None  # without any gradient nothing moves
    assert all(map(torch.equal, before, parameters))
    assert optimizer.step(closure) == 3
    moved = [not torch.equal(old, new) for old, new in zip(before, parameters, strict=True)]
    assert moved == [True] + [False] * (len(parameters) - 1)


def test_lower_precision_computes_in_float32():
    gradient = torch.randn(8, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    low, high = nn.Parameter(torch.zeros(8, 8).bfloat16()), nn.Parameter(torch.zeros(8, 8))
    low.grad, high.grad = gradient, gradient.float()
    for parameter in (low, high):
        Muon([parameter], lr=1.0, weight_decay=0.0, momentum=0.0).step()
    assert low.dtype is torch.bfloat16
    assert torch.equal(low.detach(), high.detach().bfloat16())


@pytest.mark.parametrize(
    ("parameters", "own", "words"),
    [
        ([nn.Parameter(torch.zeros(3))], {}, r"matrices, not a parameter of shape \[3\]"),
        ([nn.Parameter(torch.zeros(2, 3, 4))], {}, r"shape \[2, 3, 4\]"),
        ([nn.Parameter(torch.zeros(2, 2))], {"lr": -1.0}, "lr=-1.0"),
        ([nn.Parameter(torch.zeros(2, 2))], {"weight_decay": -0.1}, "weight_decay=-0.1"),
        ([nn.Parameter(torch.zeros(2, 2))], {"momentum": 1.0}, "momentum=1.0 must"),
        ([nn.Parameter(torch.zeros(2, 2))], {"momentum": -0.1}, "momentum=-0.1 must"),
    ],
)
def test_bad_parameters_and_settings_are_refused_in_words(parameters, own, words):
    with pytest.raises(ValueError, match=words):
        Muon(parameters, **own)


def test_an_expert_that_no_token_asked_is_left_alone():
    torch.manual_seed(0)
    layer, token = MoE(8, num_experts=4, top_k=1), torch.randn(1, 1, 8)
    before = {name: p.detach().clone() for name, p in layer.experts.named_parameters()}
    asked = layer.route(token[0]).expert.item()
    layer(token).sum().backward()
    Muon(layer.experts.parameters()).step()
    moved = {name for name, p in layer.experts.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if name.startswith(f"{asked}.")}
    assert len(moved) == 2


# ---- stopped and gone on with ----


def test_a_checkpoint_brings_back_the_next_step_bit_for_bit(tmp_path):
    def run(model, optimizer, steps):
        for gradients in steps:
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()

    def fresh():
        model = nn.ParameterList(matrices()[0])
        return model, Muon(model.parameters(), lr=0.1)

    _, gradients = matrices()
    whole, optimizer = fresh()
    run(whole, optimizer, gradients)
    first, optimizer = fresh()
    run(first, optimizer, gradients[:3])
    optimizer.param_groups[0]["lr"] = 0.1
    save_checkpoint(tmp_path / "run.safetensors", first, [optimizer], step=3)
    again, optimizer = fresh()
    assert load_checkpoint(tmp_path / "run.safetensors", again, [optimizer]).step == 3
    run(again, optimizer, gradients[3:])
    assert all(map(torch.equal, whole.parameters(), again.parameters()))


def test_few_matrices_at_a_time_are_as_many(monkeypatch):
    reference = after(Muon, **SETTINGS[0])
    monkeypatch.setattr(optimizers, "MATRICES_AT_ONCE", 1)
    for one, other in zip(reference, after(Muon, **SETTINGS[0]), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
