"""Muon: the same as torch's own, with the constants of Polar Express, resumed bit for bit."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.layers.moe import MoE
from llmasos_edu.training import optimizers
from llmasos_edu.training.checkpoint import load_checkpoint, save_checkpoint
from llmasos_edu.training.optimizers import Muon
from llmasos_edu.training.polar import newton_schulz_flops


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


JORDAN = [(3.4445, -4.7750, 2.0315)] * 5


def with_torchs_constants(monkeypatch):
    for form in ("newton_schulz", "newton_schulz_gram"):
        monkeypatch.setattr(optimizers, form, partial(getattr(optimizers, form), quintics=JORDAN))


SETTINGS = [
    {"lr": 0.02, "weight_decay": 0.01, "momentum": 0.95},
    {"lr": 0.3, "weight_decay": 0.5, "momentum": 0.6},
    {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.0},
]


@pytest.mark.parametrize("own", SETTINGS)
def test_equal_to_torchs_own_once_that_computes_in_float32(own, monkeypatch):
    with_torchs_constants(monkeypatch)
    ours = after(Muon, **own)
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())
    for one, other in zip(ours, after(torch.optim.Muon, **own), strict=True):
        assert torch.allclose(one, other, atol=5e-4 * own["lr"], rtol=1e-5)


@pytest.mark.parametrize("own", SETTINGS)
def test_equal_to_torchs_own_within_bfloat16s_rounding(own, monkeypatch):
    with_torchs_constants(monkeypatch)
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
