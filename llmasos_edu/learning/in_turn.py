"""Domains learned in turn: a course, ways to remember in one mould, and the trials that chose their knobs.

A course is a row of domains. The first is learned by a fresh model; after it each way to remember goes on by
itself, stage after stage, and is scored on all domains after each. What a way may keep, and what it changes,
is all that differs. The article's section 3.3; chapter and evidence share this file.
"""

import copy
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.domains import Domain, DomainSampler, domain_corpus
from llmasos_edu.learning.elastic import ElasticLoss, ElasticPenalty, fisher_diagonal
from llmasos_edu.learning.incremental import (
    ReplayBuffer,
    ReplaySampler,
    ResponseLoss,
    average_accuracy,
    next_token_accuracy,
    num_bytes,
)
from llmasos_edu.learning.lora import LeastSurprised, adapter_state, add_lora, set_adapter_state
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import TextSampler, make_optimizers, next_token_loss, train

WINDOW, ROWS, SCORED = 32, 12, 2000  # bytes a row, rows a batch, held-out bytes a domain
RATES = {"matrix_lr": 0.005, "other_lr": 0.02}  # of AdamW; each way has a factor of its own
EVERYWHERE = (
    "query_proj", "key_proj", "value_proj", "attention.out_proj", "in_proj", "feed_forward.out_proj", "head",
)  # fmt: skip


@cache
def texts(trial: bool) -> Mapping[str, Domain]:
    """Prose, code and sums, 120,000 bytes each; for a trial the end of what is trained on is held out."""
    corpus = domain_corpus(120_000)
    if not trial:
        return corpus
    cut = {name: len(domain.train) * 19 // 20 for name, domain in corpus.items()}
    return {name: Domain(d.train[: cut[name]], d.train[cut[name] :]) for name, d in corpus.items()}


class Course(NamedTuple):
    """What is learned in which order, and by what.

    Fields:
        order: names of domains.
        steps: of training in each stage after the first.
        first_steps: in the first one.
        d_model, num_layers: of the model.
        trial: whether scores are those of text that was kept back from training, to choose knobs by.
    """

    order: Sequence[str] = ("prose", "code", "arithmetic")
    steps: int = 80
    first_steps: int = 160
    d_model: int = 48
    num_layers: int = 1
    trial: bool = False

    def text(self, domain: str, rows: int = ROWS) -> TextSampler:
        """Windows of one domain, so many a batch."""
        return TextSampler(texts(self.trial)[domain].train, context=WINDOW, batch_size=rows)

    def new_model(self, seed: int) -> LanguageModel:
        """An untrained model: bytes in and out."""
        torch.manual_seed(seed)
        return LanguageModel(256, d_model=self.d_model, num_layers=self.num_layers, num_heads=4)

    def first_stage(self, seed: int) -> LanguageModel:
        """The model after the first domain: the start of every way to remember."""
        model = self.new_model(seed)
        fit(model, self.text(self.order[0]), self.first_steps, seed=seed)
        return model

    def scores(self, model, domains: Sequence[str] | None = None) -> Tensor:
        """Next-byte accuracy on 2,000 held-out bytes of each domain, `[domains]`."""
        held_out = [texts(self.trial)[domain].held_out[:SCORED] for domain in domains or self.order]
        return torch.tensor([next_token_accuracy(model, t, context=WINDOW, batch_size=63) for t in held_out])

    def knowing_little(self) -> dict[str, Tensor]:
        """The same accuracy of each domain's commonest byte, and of its table of pairs, `[domains]`."""
        found = {"commonest byte": [], "table of pairs": []}
        for domain in self.order:
            seen, held_out = texts(self.trial)[domain]
            before, after = held_out[: SCORED - 1], held_out[1:SCORED]
            pairs = torch.zeros(256, 256).index_put_(
                (seen[:-1], seen[1:]), torch.tensor(1.0), accumulate=True
            )
            found["commonest byte"].append((after == seen.bincount().argmax()).float().mean())
            found["table of pairs"].append((after == pairs.argmax(1)[before]).float().mean())
        return {name: torch.stack(values) for name, values in found.items()}


def fit(model, sample, steps, *, loss=next_token_loss, seed=0, rate=1.0, on_step=None):
    """One stage of training with AdamW."""
    rates = {name: value * rate for name, value in RATES.items()}
    optimizers = make_optimizers(model, name="adamw", **rates)
    train(model, sample, steps=steps, loss=loss, optimizers=optimizers, seed=seed, on_step=on_step)


# ---- ways to remember ----


class Naive:
    """Plain training: nothing is kept.

    A way to remember has `keep`, called after each stage, `learn`, the next stage, and `scores`. `stored` are
    the bytes that it carries from stage to stage, `spent` its training steps so far.

    Args:
        course: what is learned.
        seed: of all that is drawn.
        rate: times the usual learning rates.
    """

    stored = 0

    def __init__(self, course: Course, seed: int = 0, *, rate: float = 1.0):
        self.course, self.seed, self.rate = course, seed, rate
        self.generator = torch.Generator().manual_seed(seed)
        self.spent, self.on_step = 0, None

    def keep(self, model, domain: str) -> None:
        """After the stage of a domain."""

    def batches(self, domain: str):
        """What the stage of a domain is trained on."""
        return self.course.text(domain)

    def loss(self, model):
        """What its training makes small; `model` as the stage found it."""
        return next_token_loss

    def learn(self, model, domain: str, seed: int):
        """The stage of a domain: the model after it."""
        self._fit(model, self.batches(domain), self.course.steps, seed, self.loss(model))
        return model

    def scores(self, model) -> Tensor:
        """Of a row of the accuracy matrix, `[domains]`."""
        return self.course.scores(model)

    def _fit(self, model, batches, steps, seed, loss=next_token_loss):
        fit(model, batches, steps, loss=loss, seed=seed, rate=self.rate, on_step=self.on_step)
        self.spent += steps


class Replay(Naive):
    """A part of each batch from a fair memory of all old windows.

    Args:
        replayed: old rows in a batch of 12.
        max_bytes: room of the memory.

    Source: Rolnick et al. 2019; article 3.3.
    """

    def __init__(self, course, seed=0, *, rate=1.0, replayed=6, max_bytes=8192):
        super().__init__(course, seed, rate=rate)
        self.replayed, self.buffer = replayed, ReplayBuffer(max_bytes)

    def keep(self, model, domain):
        self.buffer.add(self.course.text(domain, 400)(self.generator), self.generator)
        self.stored = self.buffer.num_bytes

    def batches(self, domain):
        return ReplaySampler(self.course.text(domain, ROWS - self.replayed), self.buffer, self.replayed)


class Elastic(Naive):
    """EWC: springs to the old weights, as stiff as their Fisher information; a set of springs a stage.

    Args:
        strength: lambda.

    Source: Kirkpatrick et al. 2017, equation 3; article 3.3.
    """

    def __init__(self, course, seed=0, *, rate=1.0, strength=10.0):
        super().__init__(course, seed, rate=rate)
        self.strength, self.penalties = strength, []

    def keep(self, model, domain):
        fisher = fisher_diagonal(model, self.course.text(domain, 32)(self.generator), seed=0)
        self.penalties = self._with(ElasticPenalty(model, fisher))
        self.stored = sum(penalty.num_bytes for penalty in self.penalties)

    def loss(self, model):
        return ElasticLoss(self.strength, self.penalties)

    def _with(self, penalty):
        return [*self.penalties, penalty]


class OnlineElastic(Elastic):
    """EWC with one set of springs however many stages: stiffnesses are added up, the anchor moves along.

    Source: Schwarz et al. 2018, "Progress & Compress", with gamma 1; article 3.3.
    """

    def _with(self, penalty):
        for old in self.penalties:
            penalty.fisher = {name: stiff + old.fisher[name] for name, stiff in penalty.fisher.items()}
        return [penalty]


class Responses(Naive):
    """LwF: the old model's answers to the new text.

    Args:
        strength: of the answers, times T^2.
        temperature: T.

    Source: Li & Hoiem 2016, section 3; article 3.3.
    """

    def __init__(self, course, seed=0, *, rate=1.0, strength=1.0, temperature=2.0):
        super().__init__(course, seed, rate=rate)
        self.strength, self.temperature = strength, temperature

    def loss(self, model):
        loss = ResponseLoss(model, self.strength, self.temperature)
        self.stored = loss.num_bytes
        return loss


class Adapters(Naive):
    """LoRA: the first model for good, and an adapter for each later domain.

    Args:
        rank: of the adapters, on every linear layer.
        told: whether somebody says which domain a text is of. If not, each byte is guessed by the adapter
            that was least surprised by the bytes of the window before it.

    Source: Hu et al. 2021, section 4.1; article 3.3.
    """

    def __init__(self, course, seed=0, *, rate=1.0, rank=4, told=False):
        super().__init__(course, seed, rate=rate)
        self.rank, self.told, self.adapters = rank, told, {}

    def keep(self, model, domain):
        if not self.adapters:
            torch.manual_seed(self.seed)
            add_lora(model, rank=self.rank, targets=EVERYWHERE)
            self.adapters[domain] = adapter_state(model)

    def learn(self, model, domain, seed):
        set_adapter_state(model, self.adapters[self.course.order[0]])
        super().learn(model, domain, seed)
        self.adapters[domain] = adapter_state(model)
        self.stored = sum(map(num_bytes, list(self.adapters.values())[1:]))  # the first one does nothing
        return model

    def scores(self, model):
        if not self.adapters:
            return super().scores(model)
        if not self.told:
            return super().scores(LeastSurprised(model, list(self.adapters.values())))
        first, row = self.course.order[0], []
        for domain in self.course.order:  # one still to come is read without an adapter
            set_adapter_state(model, self.adapters.get(domain, self.adapters[first]))
            row.append(self.course.scores(model, [domain]))
        return torch.cat(row)


class Retrained(Naive):
    """Full retraining: all data are kept, and after each domain a new model learns all so far.

    Args:
        dearly: each time for as many steps as the others have had in all; else for those of the stage alone,
            so that a model after every stage costs what it costs the others.
    """

    def __init__(self, course, seed=0, *, rate=1.0, dearly=True):
        super().__init__(course, seed, rate=rate)
        self.dearly, self.known = dearly, []

    def keep(self, model, domain):
        self.known.append(texts(self.course.trial)[domain].train)
        self.stored = sum(map(len, self.known))

    def learn(self, model, domain, seed):
        new, course = self.course.new_model(self.seed), self.course
        known = [*self.known, texts(course.trial)[domain].train]
        before = course.first_steps + (len(known) - 2) * course.steps if self.dearly else 0
        sample = DomainSampler(known, context=WINDOW, batch_size=ROWS)
        self._fit(new, sample, before + course.steps, seed)
        return new


WAYS: dict[str, Callable[..., Naive]] = {
    "naive": Naive, "replay": Replay, "EWC": Elastic, "online EWC": OnlineElastic, "LwF": Responses,
    "LoRA": Adapters, "retrained": Retrained, "retrained cheaply": partial(Retrained, dearly=False),
}  # fmt: skip


class Passed(NamedTuple):
    """What going through a course gave: the accuracy matrix `[domains, domains]`, the model, the seconds."""

    matrix: Tensor
    model: torch.nn.Module
    seconds: float


def go_through(way: Naive, start) -> Passed:
    """Learn the domains after the first; `start` stays as it is."""
    model, order = copy.deepcopy(start), way.course.order
    matrix, seconds = [way.course.scores(model)], 0.0
    for stage, (old, new) in enumerate(itertools.pairwise(order)):
        began = time.process_time()
        way.keep(model, old)
        model = way.learn(model, new, 10 * way.seed + stage)
        seconds += time.process_time() - began
        matrix.append(way.scores(model))
    return Passed(torch.stack(matrix), model, seconds)


# ---- the same number of trials for everybody ----

GRIDS = {
    "naive": [{"rate": rate} for rate in (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1, 4)],
    "replay": [{"rate": rate, "replayed": rows} for rate in (2, 4, 8) for rows in (3, 6)],
    "EWC": [{"rate": rate, "strength": s} for rate in (2, 4) for s in (10, 30, 100)],
    "online EWC": [{"rate": rate, "strength": s} for rate in (2, 4) for s in (10, 30, 100)],
    "LwF": [{"rate": rate, "strength": s} for rate in (1, 2) for s in (1, 2, 4)],
    "LoRA": [{"rate": rate, "rank": rank} for rate in (1, 2) for rank in (4, 8, 16)],
    "retrained": [{"rate": rate} for rate in (0.25, 0.5, 1, 2, 4, 8)],
    "retrained cheaply": [{"rate": rate} for rate in (0.25, 0.5, 1, 2, 4, 8)],
}


TUNED = {  # the best of each, by `tune`; the best rate of plain training is the lowest, which hardly moves
    "naive": {"rate": 1 / 256},
    "replay": {"rate": 4, "replayed": 6},
    "EWC": {"rate": 4, "strength": 30},
    "online EWC": {"rate": 2, "strength": 30},
    "LwF": {"rate": 1, "strength": 2},
    "LoRA": {"rate": 2, "rank": 16},
    "retrained": {"rate": 2},
    "retrained cheaply": {"rate": 4},
}


def tuned(name: str, course: Course, seed: int = 0) -> Naive:
    """A way to remember with the knobs that its trials chose.

    Raises:
        ValueError: no such way.
    """
    if name not in TUNED:
        raise ValueError(f"there is no way to remember called {name!r}, only {', '.join(TUNED)}")
    return WAYS[name](course, seed, **TUNED[name])


def tune(course: Course | None = None, seeds: Sequence[int] = (100,)) -> dict[str, list]:
    """Six trials a way on text kept back from training, the last twentieth.

    Args:
        course: the chapter's own unless given.
        seeds: none of those that figures are reported of.

    Returns:
        {way: [(average accuracy in the end, knobs)]}, best first.
    """
    course = (course or Course())._replace(trial=True)
    starts = {seed: course.first_stage(seed) for seed in seeds}
    found = {}
    for name, grid in GRIDS.items():
        scores = []
        for knobs in grid:
            passed = [go_through(WAYS[name](course, seed, **knobs), starts[seed]) for seed in seeds]
            scores.append((sum(average_accuracy(each.matrix) for each in passed) / len(seeds), knobs))
        found[name] = sorted(scores, key=lambda each: -each[0])
    return found
