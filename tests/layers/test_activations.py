"""The squared ReLU's own backward pass: the same bits as the chain rule's, and once more."""

import pytest
import torch
import torch.nn.functional as F

from llmasos_edu.layers.activations import ACTIVATIONS, GATED, SquaredReLU, squared_relu


def test_values_by_hand():
    x = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0])
    assert squared_relu(x).tolist() == [0.0, 0.0, 0.0, 0.25, 9.0]
    assert x.tolist() == [-3.0, -0.5, 0.0, 0.5, 3.0]


def test_gradient_by_hand():
    x = torch.tensor([-3.0, 0.0, 0.5, 3.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(squared_relu(x), x, torch.tensor([1.0, 1.0, 1.0, -2.0]))
    assert gradient.tolist() == [0.0, 0.0, 1.0, -12.0]
    assert squared_relu(x).tolist() == [0.0, 0.0, 0.25, 9.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_value_and_gradient_are_the_chain_rules_to_the_last_bit(dtype):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 50, 7, generator=generator).to(dtype).requires_grad_()
    for grad in (
        torch.randn(7, 50, 3, generator=generator).to(dtype).transpose(0, 2),
        torch.ones((), dtype=dtype),
    ):
        grad = grad.expand(3, 50, 7)
        plain, own = F.relu(x).square(), squared_relu(x)
        assert own.dtype == dtype
        assert torch.equal(own, plain)
        (wanted,), (found,) = (torch.autograd.grad(each, x, grad) for each in (plain, own))
        assert found.dtype == dtype
        assert torch.equal(found, wanted)


def test_first_and_second_derivative_against_differences():
    x = torch.tensor([[-2.0, -0.3, 0.4], [1.5, 0.2, -1.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(squared_relu, x)
    assert torch.autograd.gradgradcheck(squared_relu, x)


def test_where_no_gradient_is_asked_for_nothing_is_kept():
    x = torch.randn(4, generator=torch.Generator().manual_seed(0))
    assert squared_relu(x).grad_fn is None
    with torch.no_grad():
        assert squared_relu(x.requires_grad_()).grad_fn is None
    assert type(squared_relu(x).grad_fn).__name__ == "SquaredReLUBackward"
    with torch.inference_mode():
        assert torch.equal(squared_relu(x), F.relu(x).square())


def test_something_that_is_not_a_number_stays_so():
    x = torch.tensor([float("nan"), float("inf"), -float("inf")], requires_grad=True)
    assert squared_relu(x).isnan().tolist() == [True, False, False]
    assert squared_relu(x)[1:].tolist() == [float("inf"), 0.0]
    assert SquaredReLU.apply(x).isnan().tolist() == [True, False, False]


def test_the_names_and_what_they_stand_for():
    x = torch.linspace(-2, 2, 9)
    known = {
        "relu": x.clamp(min=0),
        "gelu": x * (1 + torch.erf(x / 2**0.5)) / 2,
        "gelu_tanh": x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
        "squared_relu": x.clamp(min=0) ** 2,
        "swiglu": x * x.sigmoid(),
        "geglu": x * (1 + torch.erf(x / 2**0.5)) / 2,
    }
    assert list(ACTIVATIONS) == list(known)
    for name, wanted in known.items():
        torch.testing.assert_close(ACTIVATIONS[name](x), wanted)
    assert GATED == ("swiglu", "geglu")
