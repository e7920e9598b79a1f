"""What Muon and the optimizers of a model refuse, before a weight is lost."""

import math

import pytest
import torch
from torch import nn

from llmasos_edu.training.optimizers import Muon, make_optimizers
from llmasos_edu.training.polar import newton_schulz, newton_schulz_gram


def matrix(*shape, dtype=torch.float32):
    return nn.Parameter(torch.ones(*shape, dtype=dtype))


@pytest.mark.parametrize(
    "setting", [{"lr": math.nan}, {"lr": math.inf}, {"weight_decay": math.nan}, {"momentum": math.nan}]
)
def test_a_setting_that_is_no_number_is_refused_in_the_constructor_and_in_a_group(setting):
    ((name, value),) = setting.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Muon([matrix(3, 3)], **setting)
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Muon([{"params": [matrix(3, 3)], **setting}])


def test_a_group_that_comes_later_is_checked_and_not_kept():
    muon = Muon([matrix(3, 3)])
    for wrong in (matrix(3), matrix(3, 3, dtype=torch.complex64)):
        with pytest.raises(ValueError, match="Muon moves matrices, not a parameter of shape"):
            muon.add_param_group({"params": [wrong]})
    assert len(muon.param_groups) == 1


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_empty_matrix_is_left_alone(shape):
    empty, other = matrix(*shape), matrix(2, 2)
    muon = Muon([empty, other], weight_decay=0)
    empty.grad, other.grad = torch.zeros(*shape), torch.eye(2)
    muon.step()
    assert not torch.equal(other, torch.ones(2, 2))


@pytest.mark.parametrize("shape", [(6, 6), (6, 20), (20, 6)])
def test_a_gradient_whose_squares_are_no_float32_moves_like_any_other(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    moved = []
    for size in (1, 1e25):
        parameter = nn.Parameter(torch.zeros(shape))
        parameter.grad = size * gradient
        Muon([parameter], lr=1.0).step()
        moved.append(parameter.detach())
    torch.testing.assert_close(*moved, atol=1e-4, rtol=1e-4)
    assert moved[0].abs().max() > 0.1


def test_stacks_of_stacks_are_orthogonalized_one_by_one():
    torch.manual_seed(0)
    stacks = torch.randn(2, 3, 4, 9)
    for form in (newton_schulz, newton_schulz_gram):
        one_by_one = torch.stack([torch.stack([form(one) for one in stack]) for stack in stacks])
        torch.testing.assert_close(form(stacks), one_by_one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["muon", "adamw"])
@pytest.mark.parametrize("rate", ["matrix_lr", "other_lr", "weight_decay"])
def test_a_rate_that_is_no_number_is_refused(name, rate):
    with pytest.raises(ValueError, match=f"{rate}=nan"):
        make_optimizers(nn.Linear(3, 3), name=name, **{rate: math.nan})
