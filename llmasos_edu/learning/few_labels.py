"""A few labels, and five ways to use them: what pretraining is worth once a task is named (3.1.1, 3.1.3).

Every way gets the same labelled texts, a fifth of them to say when to stop, the same optimizer, and a rate of
its own out of the same three. Each trains until its loss on that fifth has not fallen for a while, and keeps
the weights of the best moment: nobody is stopped halfway, and nobody overfits at the end.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.corpus import library_code, manual
from llmasos_edu.corpus.kinds import KINDS, labelled_windows
from llmasos_edu.learning.adaptation import Classifier, accuracy, classification_loss
from llmasos_edu.learning.resident import ResidentModel
from llmasos_edu.training.keeping import BestSoFar
from llmasos_edu.training.loop import make_optimizers, train
from llmasos_edu.training.rows import RowSampler

MOST_STEPS, EVERY, PATIENCE, BATCH, RANK = 400, 20, 3, 8, 4
WINDOW = 7
GRID = (0.001, 0.003, 0.01)
# What `tune` chose with 100 labels, seeds 100 and 101, on texts that no run below is judged by.
RATES = {"fine-tuned": 0.001, "scratch": 0.003, "adapter": 0.001, "head": 0.001}


class LabelledTask(NamedTuple):
    """Texts with labels to learn from, others to be judged by, and where a head should look."""

    tokens: Tensor  # [n, 7]
    labels: Tensor  # [n]
    test_tokens: Tensor  # [tests, 7]
    test_labels: Tensor  # [tests]
    classes: int
    where: int | str

    def some(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """So many texts with their labels, other ones for each seed; a larger count holds the smaller one.

        Raises:
            ValueError: there are not so many.
        """
        if not 10 <= count <= len(self.labels):
            raise ValueError(f"count={count} must be 10 to {len(self.labels)}")
        chosen = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))[:count]
        return self.tokens[chosen], self.labels[chosen]


def kinds_of_tokens(tokenizer, unread: Collection[str], per_kind: int = 400) -> LabelledTask:
    """Six kinds of Python's tokens, from windows that end there: keyword, name, number, string and so on.

    Args:
        tokenizer: the model's.
        unread: topics of the modules that the model has not read; it is judged by these.
        per_kind: labelled texts of each kind to learn from.
    """
    library = library_code(6_000_000)
    new = [document for document in library if document.topic in unread]
    read = [document for document in library if document.topic not in unread][::10]
    shape = {"before": WINDOW - 1, "after": 0}
    learn = labelled_windows(read, tokenizer, per_kind=per_kind, **shape)
    test = labelled_windows(new, tokenizer, per_kind=80, **shape)
    return LabelledTask(*learn, *test, len(KINDS), WINDOW - 1)


def prose_or_code(tokenizer, unread: Collection[str], per_class: int = 600) -> LabelledTask:
    """Whether seven tokens are prose (0) or code (1); the arguments are those of `kinds_of_tokens`."""
    sides = []
    for new, count in ((False, per_class), (True, 240)):
        generator = torch.Generator().manual_seed(int(new))
        both = [
            _passages([d for d in documents if (d.topic in unread) == new], tokenizer, count, generator)
            for documents in (manual(), library_code(1_000_000))
        ]
        sides += [torch.cat(both), torch.arange(2).repeat_interleave(count)]
    return LabelledTask(*sides, 2, "mean")


def _passages(documents, tokenizer, count, generator):
    text = "\n".join(document.text for document in documents)[:400_000]
    ids = torch.tensor(tokenizer.encode(text))
    starts = torch.randint(len(ids) - WINDOW, (count, 1), generator=generator)
    return ids[starts + torch.arange(WINDOW)]


# ---- five ways ----


class Outcome(NamedTuple):
    """A trained model at its best moment."""

    model: nn.Module
    validation: float  # nats on the fifth of the labels that it did not learn from
    steps: int  # how long it trained in all


def early_stopped(model: nn.Module, tokens: Tensor, labels: Tensor, *, rate: float, seed: int) -> Outcome:
    """Train on four fifths of the labels until the loss on the last fifth no longer falls; keep the best.

    AdamW at one rate for all, batches of 8; looked at every 20 steps, stopped after three looks in vain, at
    the latest after 400 steps.

    Args:
        model: maps tokens `[batch, seq]` to logits `[batch, classes]`; changed in place.
        tokens, labels: `[n, seq]` and `[n]`, in random order.
        rate: of AdamW, constant after a warm-up.
        seed: of the batches.
    """
    held = len(labels) // 5
    best = BestSoFar(lambda now: classification_loss(now, (tokens[:held], labels[:held])))
    history = train(
        model, RowSampler(tokens[held:], labels[held:], batch_size=BATCH), steps=MOST_STEPS, seed=seed,
        loss=classification_loss,
        optimizers=make_optimizers(model, name="adamw", matrix_lr=rate, other_lr=rate),
        warmup=10, final_lr_fraction=1.0, evaluate=best, evaluate_every=EVERY, patience=PATIENCE,
    )  # fmt: skip
    best.restore(model)
    return Outcome(model.eval(), best.value, len(history.losses))


def ways(body: nn.Module, blank: Callable[[], nn.Module], task: LabelledTask) -> dict[str, Callable]:
    """Four ways to a classifier, each a function that makes it anew.

    Args:
        body: the pretrained model.
        blank: makes the same network with nothing learned, from torch's random seed.
        task: what it shall learn.
    """
    place = {"where": task.where}
    return {
        "fine-tuned": lambda: Classifier(body, task.classes, **place),
        "adapter": lambda: ResidentModel(body).add("it", task.classes, rank=RANK, **place),
        "head": lambda: ResidentModel(body).add("it", task.classes, **place),
        "scratch": lambda: Classifier(blank(), task.classes, **place),
    }


def learned(
    make: Callable[[], nn.Module], task: LabelledTask, count: int, *, rate: float, seed: int
) -> Outcome:
    """One way with so many labels; the seed chooses labels, first weights and batches."""
    torch.manual_seed(seed)
    return early_stopped(make(), *task.some(count, seed), rate=rate, seed=seed)


def right(outcome: Outcome, task: LabelledTask) -> float:
    """Share of the texts to be judged by that get their class."""
    return accuracy(outcome.model, task.test_tokens, task.test_labels)


def compare_ways(body, blank, task: LabelledTask, *, labels: int, seed: int) -> dict[str, float]:
    """Shares right of all ways with some labels, and from scratch with ten times as many."""
    found = {
        name: learned(make, task, labels, rate=RATES[name], seed=seed)
        for name, make in ways(body, blank, task).items()
    }
    make = ways(body, blank, task)["scratch"]
    found["scratch, ten times"] = learned(make, task, 10 * labels, rate=RATES["scratch"], seed=seed)
    commonest = torch.bincount(task.test_labels).max().item() / len(task.test_labels)
    steps = {f"steps, {name}": each.steps for name, each in found.items()}
    return {name: right(each, task) for name, each in found.items()} | {"commonest": commonest} | steps


def tune(
    body, blank, task: LabelledTask, labels: int = 100, seeds=(100, 101)
) -> dict[str, dict[float, float]]:
    """Trials of each way at each rate, {way: {rate: share right}}, on other texts of the learning side."""
    found = {name: dict.fromkeys(GRID, 0.0) for name in ways(body, blank, task)}
    for seed in seeds:
        chosen = torch.randperm(len(task.labels), generator=torch.Generator().manual_seed(seed))[-600:]
        trial = task._replace(test_tokens=task.tokens[chosen], test_labels=task.labels[chosen])
        for name, make in ways(body, blank, trial).items():
            for rate in GRID:
                outcome = learned(make, trial, labels, rate=rate, seed=seed)
                found[name][rate] += right(outcome, trial) / len(seeds)
    return found
