"""Lessons on code: one recipe by which chapter 3.4 and its evidence train every model alike.

An encoder over bytes learns some of `CODE_TASKS` from Python's standard library. Each seed holds out other
modules, draws other windows and begins with other weights. All models are stopped early, each by the mean
loss of its own tasks on watched modules, and judged on modules that neither training nor watching has seen.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from llmasos_edu.corpus import library_code, split_documents
from llmasos_edu.corpus.code_tasks import (
    CODE_TASKS,
    UNLABELLED,
    LabelledText,
    LabelledTextSampler,
    labelled_text,
)
from llmasos_edu.learning.multitask import MultiTask, task_scores, weighted_loss
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.training.keeping import BestSoFar
from llmasos_edu.training.loop import History, make_optimizers, train

CONTEXT = 48  # bytes of a window
BATCH = 8  # windows of a training step
WATCHED, JUDGED = 64, 300  # windows that early stopping looks at, and that a model is judged on
LOOKS = 8  # times it looks, in one training
RATES = {"adamw": {"matrix_lr": 0.01, "other_lr": 0.03}, "muon": {}}


class Texts(NamedTuple):
    """Three texts of different modules: to learn from, to stop by, to be judged on."""

    train: LabelledText
    watched: LabelledText
    held_out: LabelledText


class Lesson(NamedTuple):
    """What a training gave: the model as it was at its best, and how it went."""

    model: nn.Module
    history: History


@cache
def texts(seed: int = 0) -> Texts:
    """200 kilobytes of the standard library, a fifth of it held out by module: half to watch, half to judge.

    Args:
        seed: another one holds out other modules.
    """
    split = split_documents(library_code(200_000), held_out=0.2, seed=seed)
    held_out = sorted(split.held_out, key=lambda document: (-len(document.text), document.topic))
    watched, judged = _joined(held_out[1::2]), _joined(held_out[::2])
    return Texts(_joined(split.train), spread(watched, WATCHED), spread(judged, JUDGED))


def _joined(documents) -> LabelledText:
    """As `labelled_text`, but a document that is in several seeds' texts is labelled once."""
    parts = [part for document in documents if (part := _labelled(document)) is not None]
    labels = {task: torch.cat([part.labels[task] for part in parts]) for task in CODE_TASKS}
    return LabelledText(torch.cat([part.tokens for part in parts]), labels)


@cache
def _labelled(document) -> LabelledText | None:
    try:
        return labelled_text([document])
    except ValueError:  # no Python source, or none once passages were cut
        return None


def spread(text: LabelledText, windows: int) -> LabelledText:
    """As many windows of a text, evenly spread over it, one behind the other."""
    starts = torch.linspace(0, len(text.tokens) - CONTEXT, windows).long()
    places = (starts[:, None] + torch.arange(CONTEXT)).flatten()
    return LabelledText(text.tokens[places], {task: labels[places] for task, labels in text.labels.items()})


def base_rates(text: LabelledText) -> dict[str, float]:
    """The loss of one who knows how often each label comes in this text, and reads nothing: nats per label.

    It is the entropy of the labels, the best that a constant answer can do.
    """
    found = {}
    for task, labels in text.labels.items():
        shares = torch.bincount(labels[labels != UNLABELLED]).double()
        found[task] = torch.special.entr(shares / shares.sum()).sum().item()
    return found


def body(d_model: int = 32, num_layers: int = 1) -> MaskedLanguageModel:
    """An encoder over bytes: two heads, rotary positions, the norm first, no biases."""
    sizes = {"d_model": d_model, "num_layers": num_layers, "num_heads": 2}
    options = {"position": "rotary", "norm_first": True, "qk_norm": True, "bias": False}
    return MaskedLanguageModel(256, **sizes, activation="squared_relu", **options)


def windows_of(text: LabelledText, tasks: Iterable[str], *, windows: int | None = None, seed: int = 0):
    """A sampler of BATCH windows with the labels of some tasks; of so many windows and no others if given."""
    options = {"context": CONTEXT, "batch_size": BATCH, "windows": windows, "seed": seed}
    return LabelledTextSampler(text, tasks=list(tasks), **options)


def losses_of(model: nn.Module, text: LabelledText) -> dict[str, float]:
    """Nats per label of each task that model and text have both."""
    return {task: score.loss for task, score in task_scores(model, text, context=CONTEXT).items()}


def mean_loss(losses: Mapping[str, float], tasks: Iterable[str] | None = None) -> float:
    """The mean over all tasks, or over those named."""
    names = list(losses) if tasks is None else list(tasks)
    return sum(losses[name] for name in names) / len(names)


def new_model(tasks: Iterable[str], seed: int, *, d_model: int = 32, num_layers: int = 1) -> MultiTask:
    """An untrained body with a head for each task; its weights are drawn from the seed."""
    torch.manual_seed(seed)
    return MultiTask(body(d_model, num_layers), {task: len(CODE_TASKS[task]) for task in tasks})


def learn(
    model: nn.Module,
    sample: Callable,
    seed: int,
    *,
    steps: int,
    optimizer: str = "adamw",
    loss: Callable = weighted_loss,
    judged: Iterable[str] | None = None,
    slow_weights: float | None = None,
    on_step: Callable | None = None,
) -> Lesson:
    """Train, look eight times at the watched text, go back to the best look.

    Args:
        model: as from `new_model`; trained in place.
        sample: sample(generator) -> (tokens, {task: labels}).
        seed: of the texts and of the order in which windows come.
        steps: at most; the rate falls to zero towards the last one.
        optimizer: `"adamw"` (matrices 0.01, all else 0.03) or `"muon"` (the book's usual rates).
        loss: loss(model, batch) -> scalar.
        judged: the tasks by whose mean watched loss it is stopped; all that the model has unless named.
        slow_weights: learning rate of the tasks' learned weights, a new parameter of the model; none if None.
        on_step: as in `train`.
    """
    text, names = texts(seed), list(model.tasks if judged is None else judged)
    optimizers = make_optimizers(model, name=optimizer, **RATES[optimizer])
    if slow_weights is not None:
        model.log_variances = nn.Parameter(torch.zeros(len(model.tasks)))
        optimizers.append(torch.optim.Adam([model.log_variances], lr=slow_weights))
    best = BestSoFar(lambda model: mean_loss(losses_of(model, text.watched), names))
    options = {"steps": steps, "seed": seed, "final_lr_fraction": 0, "optimizers": optimizers}
    history = train(
        model,
        sample,
        loss=loss,
        evaluate=best,
        evaluate_every=max(1, steps // LOOKS),
        on_step=on_step,
        **options,
    )
    best.restore(model)
    return Lesson(model, history)
