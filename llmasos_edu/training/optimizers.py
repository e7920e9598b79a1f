"""How fast to follow the gradient, and by which rule: the schedule, Muon, and who is moved by what.

Muon stands here written out: `newton_schulz` is the iteration to read, `newton_schulz_gram` the same for long
matrices with fewer products, `Muon` the optimizer around them.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_number

QUINTIC = (3.4445, -4.7750, 2.0315)  # a, b, c of a s + b s^3 + c s^5
ITERATIONS = 5
SMALLEST_NORM = 1e-7  # a gradient below it counts as none
LONG = 1.5  # long side by short side from which `newton_schulz_gram` needs fewer products
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


def newton_schulz(matrices: Tensor) -> Tensor:
    """Bring all singular values of each matrix near 1 and leave its directions as they are.

    A matrix is `U diag(s) V^T`. Divided by its norm it has no `s` above 1. Then, five times,

        X <- a X + b (X X^T) X + c (X X^T)^2 X,

    which turns every `s` into `a s + b s^3 + c s^5` and touches neither `U` nor `V`. The constants make small
    values grow 3.4 times a round, at the price of exactness: what was at least 0.0015 ends between 0.68 and
    1.21, smaller ones end lower, up to 485 times as large as they were. (All at 1 would be `U V^T`, the
    nearest matrix with orthonormal rows or columns.)

    Args:
        matrices: `[rows, columns]`, or a stack of them `[..., rows, columns]`.

    Returns:
        The same shape. A matrix of zeros stays one.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Higham 2008,
    "Functions of Matrices", section 8.3, for the iteration's first form.
    """
    if matrices.shape[-2] > matrices.shape[-1]:
        return newton_schulz(matrices.mT).mT  # X X^T shall be the small one of the two squares
    x = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp(min=SMALLEST_NORM)
    for _ in range(ITERATIONS):
        x = _quintic(x @ x.mT) @ x
    return x


def newton_schulz_gram(matrices: Tensor) -> Tensor:
    """`newton_schulz` with fewer products where one side is longer than the other.

    All that happens to `X` happens on its short side: `X_k = P_k ... P_2 P_1 X`, where each
    `P = a I + b G + c G^2` follows from `G = X X^T` alone, and the next `G` is `P G P`. So the long side is
    touched twice, at the beginning and at the end. With `m` and `n` the short and the long side it takes
    `4 m m n + 34 m^3` FLOPs instead of `20 m m n + 10 m^3`: half of it at `n = 4 m`, more if `n < 1.5 m`.

    Args:
        matrices: `[rows, columns]`, or a stack of them `[..., rows, columns]`.

    Returns:
        The same shape, equal to `newton_schulz` but for rounding.

    Source: Amsel et al. 2025, "The Polar Express", appendix F.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    gram = matrices @ matrices.mT if wide else matrices.mT @ matrices
    norm = gram.diagonal(dim1=-2, dim2=-1).sum(-1).sqrt().clamp(min=SMALLEST_NORM)[..., None, None]
    gram = gram / norm**2
    product = step = _quintic(gram)
    for _ in range(ITERATIONS - 1):
        gram = step @ gram @ step
        step = _quintic(gram)
        product = step @ product
    product = product / norm
    return product @ matrices if wide else matrices @ product


def newton_schulz_flops(rows: int, columns: int) -> int:
    """Multiplications and additions of Muon's five rounds for one matrix, in the form that takes fewer.

    With `m` and `n` the short and the long side: `20 m m n + 10 m^3` as in `newton_schulz`, where a round is
    two products of `[m, m]` and `[m, n]` size and one of `[m, m]` with itself, or `4 m m n + 34 m^3` as in
    `newton_schulz_gram`. A product of `[m, k]` and `[k, n]` is `2 m k n`.
    """
    m, n = sorted((rows, columns))
    return min(20 * m * m * n + 10 * m**3, 4 * m * m * n + 34 * m**3)


def _quintic(gram: Tensor) -> Tensor:
    """`a I + b G + c G^2`, the factor that one round puts before X."""
    a, b, c = QUINTIC
    if gram.ndim > 3:  # a stack of stacks
        return _quintic(gram.flatten(0, -3)).view_as(gram)
    factor = torch.addmm if gram.ndim == 2 else torch.baddbmm
    factor = factor(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal(dim1=-2, dim2=-1).add_(a)
    return factor


class Muon(torch.optim.Optimizer):
    """Move each matrix equally far along all directions of its averaged gradient.

        M <- momentum M + (1 - momentum) G
        O  = newton_schulz((1 - momentum) G + momentum M)
        W <- (1 - lr weight_decay) W - lr sqrt(max(1, rows / columns)) O

    A gradient's singular values lie far apart: a few directions, those that many tokens share, are tens to
    hundreds of times as strong as the others, and a step along it moves hardly anything else. `O` has the
    same directions at equal strength. AdamW evens out numbers one by one, Muon the directions of the map.

    Computes as `torch.optim.Muon` does, with two differences: in float32, not in bfloat16 (many processors
    have no units for it), and several matrices of one shape at a time. It does so on every device: no other
    path has been measured on a GPU or on a processor with bfloat16 units.

    Args:
        params: parameters with two dimensions, or groups of them as torch's optimizers take.
        lr: distance of a step along each direction.
        weight_decay: share of the weights lost per step at learning rate 1.
        momentum: share of the old average that is kept; 0 follows the last gradient alone.

    Raises:
        ValueError: a parameter that is no matrix, or a setting out of range.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the article's
    section 3.1.
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
                averages = torch.stack([self._average(p, group["momentum"]) for p in parameters])
                long = max(rows, columns) >= LONG * min(rows, columns)
                updates = (newton_schulz_gram if long else newton_schulz)(averages)
                distance = group["lr"] * math.sqrt(max(1, rows / columns))
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.mul_(kept).add_(update, alpha=-distance)
        return loss

    def _average(self, parameter: Tensor, momentum: float) -> Tensor:
        """The gradient averaged over the steps, with the newest one counted again (Nesterov), in float32."""
        state, gradient = self.state[parameter], parameter.grad
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        newest = gradient.lerp(average, momentum)
        return newest.to(torch.promote_types(newest.dtype, torch.float32))


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
