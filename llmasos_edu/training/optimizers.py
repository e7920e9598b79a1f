"""How fast to follow the gradient, and by which rule: the schedule, Muon, and who is moved by what.

Muon stands here written out; what it makes of a matrix, nearly the polar factor, is in `polar.py`.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_number
from llmasos_edu.training.polar import LONG, newton_schulz, newton_schulz_gram

MATRICES_AT_ONCE = 8  # enough to keep the products busy, few enough to stay in a processor's cache


def cosine_schedule(step, steps, warmup=0, final=0.0):
    """Share of the peak learning rate at a step: up in a straight line, then down along half a cosine.

    `(step + 1) / warmup` during the warm-up, then `final + (1 - final) * (1 + cos(pi * x)) / 2`, where x runs
    from 0 at the end of the warm-up to 1 at `steps`.

    Args:
        step: steps finished so far, from 0.
        steps: length of the run in steps.
        warmup: length of the warm-up in steps.
        final: share that is left at the end.

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts; the article's section 3.1.
    """
    if step < warmup:
        return (step + 1) / warmup
    x = min(1.0, (step - warmup) / max(1, steps - warmup))
    return final + (1 - final) * (1 + math.cos(math.pi * x)) / 2


class Muon(torch.optim.Optimizer):
    """Move each matrix equally far along all directions of its averaged gradient.

        M <- momentum M + (1 - momentum) G
        O  = newton_schulz((1 - momentum) G + momentum M)
        W <- (1 - lr weight_decay) W - lr sqrt(max(1, rows / columns)) O

    A gradient's singular values lie far apart: a few directions, those that many tokens share, are tens to
    hundreds of times as strong as the others, and a step along it moves hardly anything else. `O` has the
    same directions at equal strength. AdamW evens out numbers one by one, Muon the directions of the map.

    Computes as `torch.optim.Muon` does, with three differences: in float32, not in bfloat16 (many processors
    have no units for it), several matrices of one shape at a time, and in three rounds with the best
    constants for each, not in five with one set. It does so on every device: no other path has been measured
    on a GPU or on a processor with bfloat16 units.

    Args:
        params: parameters with two dimensions, or groups of them as torch's optimizers take.
        lr: distance of a step along each direction.
        weight_decay: share of the weights lost per step at learning rate 1.
        momentum: share of the old average that is kept; 0 follows the last gradient alone.

    Raises:
        ValueError: a parameter that is no matrix, or a setting out of range.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Amsel et al. 2025,
    "The Polar Express", for the constants; the article's section 3.1.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 0.02,
        *,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
    ):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    def add_param_group(self, param_group: dict) -> None:
        """As in torch's optimizers; every group is checked, those of the constructor too."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        lr, weight_decay, momentum = (group[name] for name in ("lr", "weight_decay", "momentum"))
        wrong = [p for p in group["params"] if p.ndim != 2 or not p.is_floating_point()]
        if not wrong and 0 <= lr < math.inf and 0 <= weight_decay < math.inf and 0 <= momentum < 1:
            return
        del self.param_groups[-1]
        if wrong:
            shape, kind = list(wrong[0].shape), wrong[0].dtype
            raise ValueError(f"Muon moves matrices, not a parameter of shape {shape} in {kind}")
        raise ValueError(
            f"lr={lr} and weight_decay={weight_decay} must be finite and must not be negative, "
            f"momentum={momentum} must be at least 0 and below 1"
        )

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """Move every parameter that has a gradient; a `closure` computes the loss anew, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            kept = 1 - group["lr"] * group["weight_decay"]
            for parameters in _of_one_shape(group["params"]):
                rows, columns = parameters[0].shape
                long = max(rows, columns) >= LONG * min(rows, columns)
                averages = self._averages(parameters, group["momentum"])
                updates = (newton_schulz_gram if long else newton_schulz)(averages)
                distance = group["lr"] * math.sqrt(max(1, rows / columns))
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.mul_(kept).add_(update, alpha=-distance)
        return loss

    def _averages(self, parameters: list[Tensor], momentum: float) -> Tensor:
        """The gradients averaged over the steps, the newest counted again (Nesterov), in a float32 stack."""
        first = parameters[0].grad
        kind = torch.promote_types(first.dtype, torch.float32)
        stack = first.new_empty(len(parameters), *first.shape, dtype=kind)
        for parameter, place in zip(parameters, stack, strict=True):
            state, gradient = self.state[parameter], parameter.grad
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(gradient)
            average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
            torch.lerp(gradient, average, momentum, out=place)
        return stack


def _of_one_shape(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Those that have a gradient, a few of equal shape at a time."""
    alike: dict[tuple, list] = {}
    for p in parameters:
        if p.grad is not None and p.numel():
            alike.setdefault((p.shape, p.dtype, p.device), []).append(p)
    for found in alike.values():
        for start in range(0, len(found), MATRICES_AT_ONCE):
            yield found[start : start + MATRICES_AT_ONCE]


def make_optimizers(model, *, name="muon", matrix_lr=None, other_lr=None, weight_decay=0.01):
    """Optimizers for a language model: Muon for the hidden matrices, AdamW for all else; or AdamW for all.

    `matrix_lr` is the distance of a step of Muon: it changes a matrix [rows, columns] by about
    matrix_lr * sqrt(max(1, rows / columns)) along each direction. Embeddings, heads and
    routers are tables of rows of their own rather than maps, hence AdamW for them. Nothing of one dimension
    decays.

    Args:
        model: any nn.Module. Hidden matrices are its trainable 2-D parameters, except those of nn.Embedding
            (and weights tied to them), of a module called `head`, and those whose name has `embedding`,
            `position` or `router` in it. Stacks of matrices (3-D) are left to AdamW: Muon knows matrices
            only.
        name: "muon" or "adamw".
        matrix_lr: peak rate of the hidden matrices; by default 0.02 (muon) or 0.003 (adamw). Runs of
            a hundred steps learn more with twice as much, of both rates.
        other_lr: peak rate of all others; by default 0.01 (muon) or 0.003 (adamw).
        weight_decay: share lost per step at learning rate 1, parameters of two or more dimensions.

    Returns:
        List of torch optimizers that together hold every trainable parameter once.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Loshchilov & Hutter
    2019, "Decoupled Weight Decay Regularization"; the article's section 3.1.
    """
    if name not in ("muon", "adamw"):
        raise ValueError(f'name={name!r} is neither "muon" nor "adamw"')
    trainable = {
        key: p for key, p in model.named_parameters() if p.requires_grad
    }  # tied ones stand here once
    if not trainable:
        raise ValueError("the model has no trainable parameter")
    defaults = (0.02, 0.01) if name == "muon" else (0.003, 0.003)
    matrix_lr, other_lr = (
        d if g is None else g for d, g in zip(defaults, (matrix_lr, other_lr), strict=True)
    )
    rates = {"matrix_lr": matrix_lr, "other_lr": other_lr, "weight_decay": weight_decay}
    for key, value in rates.items():
        check_number(key, value, 0, 1e9)
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    apart = {key for key, p in trainable.items() if p.ndim != 2 or id(p) in tables or _names_a_table(key)}
    matrices = [p for key, p in trainable.items() if key not in apart]
    others = [trainable[key] for key in trainable if key in apart]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "lr": other_lr, "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim < 2], "lr": other_lr, "weight_decay": 0.0},
    ]
    optimizers = []
    if name == "muon" and matrices:
        optimizers = [Muon(matrices, lr=matrix_lr, weight_decay=weight_decay)]
    elif matrices:
        groups.insert(0, {"params": matrices, "lr": matrix_lr, "weight_decay": weight_decay})
    groups = [group for group in groups if group["params"]]
    # fused: one pass over the numbers instead of ten, four times as fast on a CPU
    return optimizers + ([torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)] if groups else [])


def _names_a_table(name):
    parts = name.split(".")
    words = ("embedding", "position", "router")
    return "head" in parts or any(word in part for part in parts for word in words)
