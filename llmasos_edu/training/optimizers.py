"""How fast to follow the gradient, and by which rule: the schedule, AdamW and Muon."""

import math

import torch
from torch import nn


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


def make_optimizers(model, *, name="muon", matrix_lr=None, other_lr=None, weight_decay=0.01):
    """Optimizers for a language model: Muon for the hidden matrices, AdamW for all else; or AdamW for all.

    Muon replaces each matrix's gradient (averaged over steps) by the nearest matrix with all singular values
    near 1, so every direction moves equally far; `matrix_lr` is that distance: a step changes a matrix
    [rows, columns] by matrix_lr * sqrt(max(1, rows / columns)) along each direction. Embeddings, heads and
    routers are tables of rows of their own rather than maps, hence AdamW for them. Nothing of one dimension
    decays.

    Args:
        model: any nn.Module. Hidden matrices are its trainable 2-D parameters, except those of nn.Embedding
            (and weights tied to them), of a module called `head`, and those whose name has `embedding`,
            `position` or `router` in it. Stacks of matrices (3-D) are left to AdamW: Muon knows matrices
            only.
        name: "muon" or "adamw".
        matrix_lr: peak rate of the hidden matrices; by default 0.02 (muon) or 0.003 (adamw).
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
        optimizers = [torch.optim.Muon(matrices, lr=matrix_lr, weight_decay=weight_decay)]
    elif matrices:
        groups.insert(0, {"params": matrices, "lr": matrix_lr, "weight_decay": weight_decay})
    groups = [group for group in groups if group["params"]]
    return optimizers + ([torch.optim.AdamW(groups, betas=(0.9, 0.95))] if groups else [])


def _names_a_table(name):
    parts = name.split(".")
    words = ("embedding", "position", "router")
    return "head" in parts or any(word in part for part in parts for word in words)
