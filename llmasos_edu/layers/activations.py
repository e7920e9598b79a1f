"""What stands between the two matrices of a feed-forward network (chapter 4.2.1)."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor


def squared_relu(x: Tensor) -> Tensor:
    """`max(x, 0)^2`, with the derivative `2 max(x, 0)`.

    Written as `relu(x).square()` the backward pass goes over the numbers four times, once for each of the
    chain rule's factors. The derivative is known, so `SquaredReLU` needs two. Value and gradient are the same
    to the last bit.

    Source: So et al. 2021, "Primer".
    """
    if torch.is_grad_enabled() and x.requires_grad:
        return SquaredReLU.apply(x)
    return F.relu(x).square()


class SquaredReLU(torch.autograd.Function):
    """`squared_relu` with a backward pass of its own, which may be differentiated again."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """`max(x, 0)^2`."""
        ctx.save_for_backward(x)
        return F.relu(x).square_()

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        """`2 max(x, 0) grad`: a factor and a product in one kernel."""
        (x,) = ctx.saved_tensors
        return torch.addcmul(grad.new_zeros(()), grad, F.relu(x), value=2)


# GPT-2 has the GELU by way of a tanh. Source: Hendrycks and Gimpel 2016, "GELUs", section 2.
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh"),
               "squared_relu": squared_relu, "swiglu": F.silu, "geglu": F.gelu}  # fmt: skip
GATED = ("swiglu", "geglu")
