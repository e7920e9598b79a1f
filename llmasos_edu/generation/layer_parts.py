"""The parts of a layer without the modules around them: for steps that are taken thousands of times.

A module checks shapes and is called through several of torch's own functions. Where a layer works for a few
microseconds that takes as long as the work. Each function here looks at a module once, joins what can be
joined, and returns a plain function of tensors. It goes by the weights of that moment, without gradient.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.layers.transformer import FeedForward


def hidden_part(network: FeedForward) -> Callable[[Tensor], Tensor]:
    """What stands between a network's matrices: `f(W_1 x)`, or `f(W_g x) * W_1 x` with a gate."""
    activation = network.activation
    if network.gate_proj is None:
        widen = linear_part(network.in_proj)
        return lambda x: activation(widen(x))
    widen = linear_part(network.gate_proj, network.in_proj)

    def gated(x: Tensor) -> Tensor:
        gate, hidden = widen(x).chunk(2, dim=-1)
        return activation(gate) * hidden

    return gated


def linear_part(*layers: nn.Linear) -> Callable[[Tensor], Tensor]:
    """The layers' answers side by side, from one product."""
    weights = [layer.weight.detach() for layer in layers]
    weight = torch.cat(weights) if len(weights) > 1 else weights[0]
    bias = None if layers[0].bias is None else torch.cat([layer.bias.detach() for layer in layers])
    return lambda x: F.linear(x, weight, bias)


def onto_part(layer: nn.Linear) -> Callable[..., Tensor]:
    """`x + scale * (W branch + b)`: a branch's last matrix and the residual path in one kernel."""
    weight, bias = layer.weight.detach().T, None if layer.bias is None else layer.bias.detach()

    def add(x: Tensor, branch: Tensor, scale: float = 1.0) -> Tensor:
        x = torch.addmm(x, branch, weight, alpha=scale)
        return x if bias is None else x.add_(bias, alpha=scale)

    return add


def norm_part(module: nn.LayerNorm | nn.RMSNorm) -> Callable[[Tensor], Tensor]:
    """The norm without the module around it."""
    shape, weight, eps = module.normalized_shape, module.weight.detach(), module.eps
    if isinstance(module, nn.RMSNorm):
        return lambda x: torch.rms_norm(x, shape, weight, eps)
    bias = None if module.bias is None else module.bias.detach()
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)
