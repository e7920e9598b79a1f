"""Soft sharing: a model for each task, and a price on how far their weights lie apart (section 3.4.1)."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from llmasos_edu.learning.multitask import MultiTask, weighted_loss


class SoftSharing(nn.Module):
    """Several bodies of one shape, a task each; `distance` is what a training draws together.

    Args:
        models: {task: a `MultiTask` that knows just this task}, all bodies of one shape.

    Raises:
        ValueError: fewer than two models, one that knows another task, bodies of different shapes.

    Source: Ruder 2017, "An Overview of Multi-Task Learning in Deep Neural Networks".
    """

    def __init__(self, models: Mapping[str, MultiTask]):
        super().__init__()
        if len(models) < 2:
            raise ValueError(f"sharing takes two models or more, not {len(models)}")
        for name, model in models.items():
            if list(model.tasks) != [name]:
                raise ValueError(f"the model of {name!r} knows {', '.join(model.tasks)}, not this task alone")
        shapes = {name: [list(p.shape) for p in model.body.parameters()] for name, model in models.items()}
        first = next(iter(shapes.values()))
        if strange := [name for name, found in shapes.items() if found != first]:
            raise ValueError(f"the body of {strange[0]!r} has other shapes than the first one's")
        self.models = nn.ModuleDict(models)
        self.tasks = {name: model.tasks[name] for name, model in models.items()}

    def forward(self, tokens: Tensor, tasks: Iterable[str] | None = None) -> dict[str, Tensor]:
        """{task: logits `[batch, seq, classes]`}; every body that is asked reads the text for itself."""
        names = list(self.tasks) if tasks is None else list(tasks)
        return {name: self.models[name](tokens, [name])[name] for name in names}

    def distance(self) -> Tensor:
        """Sum over all shared weights of the squared distance from their mean over the bodies, scalar."""
        bodies = zip(*(model.body.parameters() for model in self.models.values()), strict=True)
        return sum((torch.stack(same) - torch.stack(same).mean(0)).square().sum() for same in bodies)


def soft_sharing_loss(model: SoftSharing, batch, strength: float) -> Tensor:
    """`sum_i L_i + strength * distance`: at 0 separate models, at infinite strength one body.

    Args:
        model: a `SoftSharing`.
        batch: (tokens [batch, seq], {task: labels [batch, seq]}).
        strength: 0 or more.
    """
    if strength < 0:
        raise ValueError(f"strength={strength} must be 0 or more")
    return weighted_loss(model, batch) + strength * model.distance()
