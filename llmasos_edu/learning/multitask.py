"""Several tasks, one model: hard sharing, weights of tasks, conflicts of gradients, which task comes next.

The article's section 3.4. A batch is (tokens, {task: labels}), and every loss here has the form that `train`
wants, loss(model, batch) -> scalar.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.corpus.code_tasks import UNLABELLED
from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import digest, identity_of
from llmasos_edu.learning.adaptation import states


class Score(NamedTuple):
    """How well a model does a task on a held-out text."""

    loss: float  # nats per label
    accuracy: float  # share of the labels that are guessed right, 0 to 1


# ---- hard sharing ----


class MultiTask(nn.Module):
    """Hard sharing: one body reads the text, and each task has a small head of its own on top.

    `h = body(tokens)`, `logits_task = W_task h + b_task` at every position. Heads start at zero, so the first
    loss of a task is the logarithm of its number of classes. The model is copied, its own head is dropped.

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`, pretrained or new.
        tasks: {name: number of classes}.
        head_only: only the heads learn, the body stays as it is.
        learn_weights: give each task a learned weight, for `uncertainty_loss`.

    Raises:
        ValueError: no task, or one with fewer than two classes.

    Source: Caruana 1997, "Multitask Learning"; article 3.4.
    """

    def __init__(
        self, model, tasks: Mapping[str, int], *, head_only: bool = False, learn_weights: bool = False
    ):
        super().__init__()
        if not tasks:
            raise ValueError("tasks is empty: there is nothing to learn")
        for name, num_classes in tasks.items():
            check_count(f"tasks[{name!r}]", num_classes)
            if num_classes < 2:
                raise ValueError(f"tasks[{name!r}]={num_classes}: there is nothing to tell apart")
        self.tasks = dict(tasks)
        self.body = copy.deepcopy(model).requires_grad_(not head_only)
        for unused in ("head", "transform", "transform_norm"):  # the last two are a masked model's
            if hasattr(self.body, unused):
                setattr(self.body, unused, nn.Identity())
        width = model.embedding.embedding_dim
        self.head = nn.ModuleList(nn.Linear(width, classes) for classes in self.tasks.values())
        for head in self.head:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        # ln of each task's variance; 0 is a weight of 1
        self.log_variances = nn.Parameter(torch.zeros(len(tasks))) if learn_weights else None

    def forward(self, tokens: Tensor, tasks: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Read the text once and answer every task, or those named: {task: logits `[batch, seq, classes]`}.

        Raises:
            ValueError: a task that this model does not have.
        """
        names = list(self.tasks) if tasks is None else list(tasks)
        heads = dict(zip(self.tasks, self.head, strict=True))
        unknown = [name for name in names if name not in heads]
        if unknown:
            raise ValueError(f"this model has no task {unknown[0]!r}, only {', '.join(self.tasks)}")
        x = states(self.body, tokens)
        return {name: heads[name](x) for name in names}

    def shared_parameters(self) -> list[nn.Parameter]:
        """The body's parameters that learn: those on which tasks can agree or be in conflict."""
        return [parameter for parameter in self.body.parameters() if parameter.requires_grad]


def task_losses(model: MultiTask, batch) -> dict[str, Tensor]:
    """The loss of each task in the batch: mean surprise at its true labels, nats per labelled token.

    Args:
        model: a `MultiTask`.
        batch: (tokens [batch, seq], {task: labels [batch, seq]}); -100 is a place without a label. A task
            without any label in the batch has loss 0.

    Returns:
        {task: scalar tensor}.

    Raises:
        ValueError: no task in the batch, labels of another shape than the tokens.
    """
    tokens, labels = batch
    if not labels:
        raise ValueError("the batch has no labels of any task")
    for name, values in labels.items():
        if values.shape != tokens.shape:
            raise ValueError(
                f"labels of {name!r} {list(values.shape)} must have the shape of tokens {list(tokens.shape)}"
            )
    logits = model(tokens, labels)
    return {name: _mean_surprise(logits[name], values) for name, values in labels.items()}


def _mean_surprise(logits, labels):
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNLABELLED, reduction="sum")
    return total / (labels != UNLABELLED).sum().clamp(min=1)


@torch.no_grad()
def task_scores(model: MultiTask, text, *, context: int, batch_size: int = 64) -> dict[str, Score]:
    """Loss and accuracy on a held-out text, for each task that the model and the text have both.

    The text is cut into windows of `context` tokens, the rest at its end is left out.

    Args:
        model: a `MultiTask`.
        text: a `LabelledText` with at least `context` tokens.
        context: tokens of a window.
        batch_size: windows per forward pass; does not change the result but for rounding.

    Raises:
        ValueError: a text that is too short, a task without a single label in it.
    """
    check_count("context", context)
    count = len(text.tokens) // context
    if count == 0:
        raise ValueError(f"the text has {len(text.tokens)} tokens, context={context} needs as many")
    names = [name for name in model.tasks if name in text.labels]
    windows = text.tokens[: count * context].view(count, context)
    with modes_kept(model):
        model.eval()
        parts = [model(part, names) for part in windows.split(batch_size)]
    return {
        name: _score(name, torch.cat([part[name] for part in parts]), text.labels[name][: count * context])
        for name in names
    }


def _score(name, logits, labels):
    asked = labels != UNLABELLED
    if not asked.any():
        raise ValueError(f"the text has no label of the task {name!r}")
    logits, labels = logits.flatten(0, 1)[asked].double(), labels[asked]
    right = (logits.argmax(-1) == labels).double().mean()
    return Score(F.cross_entropy(logits, labels).item(), right.item())


# ---- weights of tasks ----


def weighted_loss(model: MultiTask, batch, weights: Mapping[str, float] | None = None) -> Tensor:
    """The sum of the tasks' losses, each times its weight: `sum_i w_i L_i`.

    Args:
        model, batch: as in `task_losses`.
        weights: {task: weight}; 1 for a task that is not named.
    """
    weights = weights or {}
    return sum(weights.get(name, 1.0) * loss for name, loss in task_losses(model, batch).items())


def uncertainty_weighted(losses: Tensor, log_variances: Tensor) -> Tensor:
    """Losses whose weights are learned with them: `sum_i exp(-s_i) L_i + s_i / 2`, `s_i = ln sigma_i^2`.

    A task that stays uncertain (large L) gets a small weight; the second term keeps all weights from going to
    zero. At the best `s_i`, `exp(-s_i) = 1 / (2 L_i)`: what is minimised is `1/2 sum_i ln L_i` up to a
    constant, which does not care about the scale of a loss.

    Args:
        losses: `[tasks]`, cross-entropies.
        log_variances: `[tasks]`, learned.

    Returns:
        Scalar tensor.

    Source: Kendall, Gal & Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", equation 10
    (classification), and section 3.2 for the logarithm of the variance.
    """
    if losses.shape != log_variances.shape or losses.ndim != 1:
        raise ValueError(
            f"losses {list(losses.shape)} and log_variances {list(log_variances.shape)} must both be [tasks]"
        )
    return (torch.exp(-log_variances) * losses + log_variances / 2).sum()


def uncertainty_loss(model: MultiTask, batch, weights: Mapping[str, float] | None = None) -> Tensor:
    """`uncertainty_weighted` with the model's own log-variances, for `train`.

    Args:
        model: a `MultiTask` with `learn_weights=True`.
        batch: as in `task_losses`; tasks that are not in it are left out.
        weights: {task: factor on its loss}, as if it were given in another unit; 1 unless named.

    Raises:
        ValueError: a model without learned weights.
    """
    if model.log_variances is None:
        raise ValueError("uncertainty_loss needs a model made with learn_weights=True")
    weights, losses = weights or {}, task_losses(model, batch)
    places = [list(model.tasks).index(name) for name in losses]
    scaled = torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()])
    return uncertainty_weighted(scaled, model.log_variances[places])


# ---- conflicts ----


def task_gradients(losses: Iterable[Tensor], parameters: Iterable[Tensor]) -> Tensor:
    """The gradient of each loss for the same parameters, laid out in rows: `[tasks, n]`.

    Args:
        losses: scalars, one a task; their graph is kept.
        parameters: n numbers in all; where a loss does not depend on one, its gradient is 0.

    Raises:
        ValueError: no parameter, as in a frozen body.
    """
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no shared parameters that learn: is the body frozen?")
    return torch.stack([_flat_gradient(loss, parameters) for loss in losses])


def _flat_gradient(loss, parameters):
    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    found = torch.autograd.grad(loss, parameters, **options)
    return torch.cat([gradient.flatten() for gradient in found])


def gradient_cosines(gradients: Tensor) -> Tensor:
    """The cosine of the angle between each pair of gradients: `[tasks, tasks]`.

    `cos_ij = g_i . g_j / (|g_i| |g_j|)`: 1 where a step for one task helps the other as much as it can, 0
    where it does not matter to first order, below 0 where it harms: a *conflict*. A gradient of zeros has 0
    with all.

    Args:
        gradients: `[tasks, n]`.

    Source: Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", definition 1.
    """
    directions = F.normalize(gradients, dim=1, eps=torch.finfo(gradients.dtype).tiny)
    return directions @ directions.T


def pcgrad(gradients: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Gradient surgery: from each task's gradient, take away what conflicts with the others'.

    For each task i, `g = g_i`; then for all other tasks j in random order, where `g . g_j < 0`:
    `g = g - (g . g_j) / |g_j|^2 g_j`, the projection onto the plane at a right angle to `g_j`. The others are
    always taken as they were, before any surgery.

    Args:
        gradients: `[tasks, n]`.
        generator: of the orders; torch's own random numbers unless given.

    Returns:
        `[tasks, n]`, the gradients after surgery; the step goes along their sum.

    Raises:
        ValueError: another shape.

    Source: Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", algorithm 1.
    """
    if gradients.ndim != 2:
        raise ValueError(f"gradients must be [tasks, n], got {list(gradients.shape)}")
    operated = gradients.clone()
    for i, gradient in enumerate(operated):
        for j in torch.randperm(len(gradients), generator=generator).tolist():
            dot = gradient @ gradients[j]
            if j != i and dot < 0:  # never true where gradients[j] is zero
                gradient -= dot / (gradients[j] @ gradients[j]) * gradients[j]
    return operated


def pcgrad_loss(
    model: MultiTask,
    batch,
    weights: Mapping[str, float] | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of `weighted_loss`, but its gradient for the shared parameters has been through `pcgrad`.

    So `train`, which only calls `backward`, needs to know nothing of it. Heads belong to one task and get its
    gradient as it is.

    Args:
        model, batch, weights: as in `weighted_loss`.
        generator: as in `pcgrad`.

    Returns:
        Scalar tensor with the value of `weighted_loss`.
    """
    weights = weights or {}
    losses = [weights.get(name, 1.0) * loss for name, loss in task_losses(model, batch).items()]
    shared = model.shared_parameters()
    gradients = task_gradients(losses, shared)
    change = pcgrad(gradients, generator).sum(0) - gradients.sum(0)
    # a term of value 0 whose gradient is the change
    flat = torch.cat([parameter.flatten() for parameter in shared])
    return sum(losses) + ((flat - flat.detach()) * change).sum()


# ---- which task comes next ----


def task_shares(sizes: Iterable[float], temperature: float = 1.0) -> Tensor:
    """How often each task is drawn: `p_i = n_i^(1/T) / sum_j n_j^(1/T)`.

    At T = 1 in proportion to the amount of data, at infinite T all alike.

    Args:
        sizes: amount of data of each task, all above 0.
        temperature: T, above 0; `math.inf` for equal shares.

    Returns:
        `[tasks]`, float64, sum 1.

    Raises:
        ValueError: sizes or a temperature that are not above 0.

    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning" (T5), section 3.5.2; Devlin 2018,
    multilingual BERT, with 1/T = 0.7.
    """
    sizes = torch.tensor(list(sizes), dtype=torch.float64)
    if len(sizes) == 0 or not (sizes > 0).all():
        raise ValueError(f"sizes={sizes.tolist()} must all be above 0, at least one")
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    return torch.softmax(sizes.log() / temperature, dim=0)


class TaskSampler:
    """Each batch from one task, drawn with given shares: `sampler(generator)` gives that task's batch.

    Args:
        samplers: one sampler a task, sampler(generator) -> (tokens, {task: labels}).
        shares: probability of each, as from `task_shares`.

    Raises:
        ValueError: another number of shares than of samplers, or none.
    """

    def __init__(self, samplers: Iterable[Callable], shares: Tensor):
        self.samplers, self.shares = list(samplers), torch.as_tensor(shares)
        if not self.samplers or self.shares.shape != (len(self.samplers),):
            raise ValueError(f"{len(self.samplers)} samplers, but shares {list(self.shares.shape)}")

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(*map(identity_of, self.samplers), self.shares)

    def __call__(self, generator: torch.Generator):
        task = torch.multinomial(self.shares, 1, generator=generator).item()
        return self.samplers[task](generator)


class JointSampler:
    """All tasks in each batch, every task with texts of its own: the samplers' rows, one below the other.

    A row has no labels of the tasks that its sampler does not know.

    Args:
        samplers: each sampler(generator) -> (tokens [batch, seq], {task: labels}), of one common length.

    Raises:
        ValueError: no sampler.
    """

    def __init__(self, samplers: Iterable[Callable]):
        self.samplers = list(samplers)
        if not self.samplers:
            raise ValueError("samplers is empty: there is nothing to draw")

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(*map(identity_of, self.samplers))

    def __call__(self, generator: torch.Generator):
        batches = [sampler(generator) for sampler in self.samplers]
        names = dict.fromkeys(name for _, labels in batches for name in labels)
        tokens = torch.cat([tokens for tokens, _ in batches])
        return tokens, {
            name: torch.cat([labels.get(name, torch.full_like(rows, UNLABELLED)) for rows, labels in batches])
            for name in names
        }
