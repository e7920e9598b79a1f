"""Elastic weight consolidation (EWC): keep the old weights, and a spring on each as stiff as it matters.

The stiffness is the diagonal of the Fisher information: how much the model's answers change with the weight.
The article's section 3.3; the other ways to remember are in `incremental.py` and `lora.py`.
"""

import torch
from torch.distributions import Categorical

from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.learning.incremental import checked_strength, num_bytes
from llmasos_edu.training.checkpoint import cuda_devices
from llmasos_edu.training.next_token import next_token_loss

IGNORED = -100  # the target of a position that is not scored, as in torch's cross entropy


def token_distribution(model, inputs):
    """What a language model says of the next token at every position: Categorical, [batch, seq]."""
    return Categorical(logits=model(inputs), validate_args=False)


def fisher_diagonal(model, batch, *, labels="model", distribution=token_distribution, seed=0):
    """How much the model's answers depend on each weight: the diagonal of the Fisher information.

    `F_i = 1/T sum_n (d ln p(y_n | x_n) / d theta_i)^2`, with T scored targets in n examples. The square is
    taken of each example's gradient and then averaged: the gradients themselves cancel out at a minimum.

    With `labels="model"` each y_n is drawn from the model's own answers: that is the Fisher information. With
    `labels="data"`, the *empirical* Fisher, it is the true answer: equal only where the model is right about
    the data.

    Args:
        model: its trainable parameters are looked at, in evaluation mode; nothing is changed.
        batch: integers [n, seq + 1], whose targets are its inputs moved by one, or a pair of inputs
            [n, ...] and targets [n, ...], where -100 is not scored. A row is an example.
        labels: "model" or "data".
        distribution: distribution(model, inputs) -> torch Distribution over the targets.
        seed: of the drawn answers; torch's random stream is left as it was.

    Returns:
        {name of parameter: tensor of its shape}, in nats per target for a unit step squared.

    Raises:
        ValueError: other labels, no examples, or nothing that could be trained.

    Source: Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks";
    Martens 2020, "New Insights and Perspectives on the Natural Gradient Method"; article 3.3.
    """
    if labels not in ("model", "data"):
        raise ValueError(f'labels={labels!r} is neither "model" nor "data"')
    inputs, targets = (batch[:, :-1], batch[:, 1:]) if isinstance(batch, torch.Tensor) else batch
    if len(inputs) == 0 or len(inputs) != len(targets):
        raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets: equally many are wanted, above 0")
    number = int((targets != IGNORED).sum())
    if number == 0:
        raise ValueError(f"all {targets.numel()} targets are {IGNORED}: nothing is scored")
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trainable:
        raise ValueError("the model has no trainable parameter")
    total = {name: torch.zeros_like(p) for name, p in trainable.items()}
    with modes_kept(model), torch.random.fork_rng(devices=cuda_devices(model)):
        model.eval()
        torch.manual_seed(seed)
        for x, y in zip(inputs.split(1), targets.split(1), strict=True):
            scored = y != IGNORED
            if not scored.any():
                continue
            answers = distribution(model, x)
            drawn = answers.sample() if labels == "model" else y.where(scored, 0)
            log_likelihood = answers.log_prob(drawn)[scored].sum()
            slopes = torch.autograd.grad(log_likelihood, list(trainable.values()), materialize_grads=True)
            for square, slope in zip(total.values(), slopes, strict=True):
                square += slope.square()
    return {name: square / number for name, square in total.items()}


class ElasticPenalty:
    """A spring from each weight to where it stood after a task: `1/2 sum_i F_i (theta_i - theta*_i)^2`.

    The anchor theta* is a copy of the weights at the moment when this is made: after the old task, before the
    new one.

    Args:
        model: as the old task left it.
        fisher: {name: tensor} from `fisher_diagonal`, how stiff each spring is.

    Raises:
        ValueError: a name that the model does not have, another shape, a stiffness below zero.

    Source: Kirkpatrick et al. 2017, equation 3; article 3.3.
    """

    def __init__(self, model, fisher):
        parameters = dict(model.named_parameters())
        for name, stiffness in fisher.items():
            if name not in parameters:
                raise ValueError(f"the model has no parameter {name!r}, but the Fisher information does")
            if stiffness.shape != parameters[name].shape:
                shapes = f"{list(stiffness.shape)}, the parameter {list(parameters[name].shape)}"
                raise ValueError(f"the Fisher information of {name} has shape {shapes}")
            if not (stiffness >= 0).all():
                raise ValueError(f"the Fisher information of {name} is not at least 0 everywhere")
        self.fisher = {name: stiffness.detach().clone() for name, stiffness in fisher.items()}
        self.anchor = {name: parameters[name].detach().clone() for name in fisher}

    def __call__(self, model):
        """The penalty of the model's present weights, a scalar tensor in nats per target."""
        parameters = dict(model.named_parameters())
        return 0.5 * sum(
            (stiffness * (parameters[name] - self.anchor[name]).square()).sum()
            for name, stiffness in self.fisher.items()
        )

    @property
    def num_bytes(self):
        """Bytes of anchor and Fisher information, which must be kept from task to task."""
        return num_bytes(self.fisher) + num_bytes(self.anchor)


class ElasticLoss:
    """The loss of elastic weight consolidation: `loss + strength * sum of penalties`, for `train`.

    Args:
        strength: lambda. 1 is what Bayes' rule asks for when old and new task have equally many targets and
            the old loss really is the parabola that the penalties say.
        penalties: an `ElasticPenalty` for each old task.
        loss: of the new task, loss(model, batch) -> scalar.

    Raises:
        ValueError: a strength below zero, no penalty.

    Source: Kirkpatrick et al. 2017, equation 3; article 3.3.
    """

    def __init__(self, strength, penalties, loss=next_token_loss):
        self.strength, self.penalties, self.loss = checked_strength(strength), list(penalties), loss
        if not self.penalties:
            raise ValueError("there is no penalty: make an ElasticPenalty after each old task")

    def __call__(self, model, batch):
        return self.loss(model, batch) + self.strength * sum(one(model) for one in self.penalties)
