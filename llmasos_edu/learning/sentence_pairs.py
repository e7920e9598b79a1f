"""Sentence pairs: BERT's input of two segments, what is asked about them, and what that is worth (3.1.2).

Three models read the same number of batches and have the same loss at hidden signs. One has no more than
that; one is asked as well whether the second sentence follows the first (BERT); one whether the two stand in
their order (ALBERT). Then all three learn tasks from a few labels.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.corpus.tales import Pairs, Tales
from llmasos_edu.learning.adaptation import accuracy, pool_states
from llmasos_edu.learning.few_labels import early_stopped
from llmasos_edu.learning.pretraining import IGNORED, mask_tokens
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.training.loop import make_optimizers, train

OBJECTIVES = ("masked", "next", "order")
BATCH, SHARE, WARMUP, D_MODEL, LAYERS = 32, 0.15, 16, 32, 2
RATES = (0.03, 0.01)  # Muon's for matrices, AdamW's for all else
TESTS = 1000


class Marks(NamedTuple):
    """Three tokens more than the source has signs."""

    mask: int
    start: int  # [CLS]
    end: int  # [SEP]


def marks_of(vocab: int) -> Marks:
    """The numbers after those of the signs."""
    return Marks(vocab, vocab + 1, vocab + 2)


def join(first: Tensor, second: Tensor | None, marks: Marks) -> Tensor:
    """`[CLS] first [SEP] second [SEP]`, or `[CLS] first [SEP]` where there is no second: `[n, seq]`."""
    start, end = (first.new_full((len(first), 1), mark) for mark in (marks.start, marks.end))
    parts = [start, first, end] + ([] if second is None else [second, end])
    return torch.cat(parts, dim=1)


def segments_of(tokens: Tensor, end: int) -> Tensor:
    """0 up to the first [SEP] and on it, 1 after it: integers of the shape of tokens, `[n, seq]`.

    Source: Devlin et al. 2019, "BERT", section 3 and figure 2.
    """
    ends = (tokens == end).long()
    return (ends.cumsum(dim=1) - ends).clamp(max=1)


class PairModel(nn.Module):
    """A masked model that reads one or two segments, with a head of some classes on [CLS].

    `logits = W h + b`, h the state of [CLS]; W and b start at zero.

    Args:
        vocab: signs of the source; three marks come on top.
        classes: of the head.
        d_model, num_layers: as in `MaskedLanguageModel`; four heads, rotary positions, two kinds of segments.
        where: what the head reads, as in `adaptation.pool_states`: 0 for [CLS], "mean" for all positions.
    """

    def __init__(
        self, vocab: int, *, classes: int = 2, d_model: int = D_MODEL, num_layers: int = LAYERS,
        where: int | str = 0,
    ):  # fmt: skip
        super().__init__()
        self.where = where
        self.marks = marks_of(vocab)
        self.body = MaskedLanguageModel(
            vocab + 3, d_model=d_model, num_layers=num_layers, num_heads=4, num_segments=2,
            position="rotary", norm_first=True, activation="squared_relu", qk_norm=True, bias=False,
            tie_weights=False,
        )  # fmt: skip
        self.head = _new_head(d_model, classes)

    def encode(self, tokens: Tensor) -> Tensor:
        """States `[n, seq, d_model]` of joined texts."""
        return self.body.encode(tokens, segments=segments_of(tokens, self.marks.end))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `[n, classes]` of joined texts `[n, seq]`."""
        return self.head(pool_states(self.encode(tokens), self.where))


def _new_head(d_model: int, classes: int) -> nn.Linear:
    head = nn.Linear(d_model, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


# ---- pretraining ----


class PairBatch(NamedTuple):
    """What a model of sentence pairs reads, and what it is asked."""

    tokens: Tensor  # [n, seq], some signs hidden; [CLS] and [SEP] never are
    targets: Tensor  # [n, seq], -100 where nothing is hidden
    labels: Tensor  # [n], of the pairs


def hide_in_pairs(pairs: Pairs, vocab: int, generator, share: float = SHARE) -> PairBatch:
    """BERT's rule on the signs of both sentences, then joined with their marks."""
    length, marks = pairs.first.shape[1], marks_of(vocab)
    both = torch.cat([pairs.first, pairs.second], dim=1)
    seen, asked = mask_tokens(both, vocab, marks.mask, share=share, generator=generator)
    tokens = join(seen[:, :length], seen[:, length:], marks)
    targets = torch.full_like(tokens, IGNORED)
    targets[:, 1 : length + 1], targets[:, length + 2 : -1] = asked[:, :length], asked[:, length:]
    return PairBatch(tokens, targets, pairs.labels)


def pair_loss(model: PairModel, batch: PairBatch, *, ask_pair: bool = True) -> Tensor:
    """Mean surprise at the hidden signs plus, if asked, the mean surprise at the labels of the pairs; nats.

    Source: Devlin et al. 2019, appendix A.2: the loss is the sum of both means.
    """
    states, scored = model.encode(batch.tokens), batch.targets != IGNORED
    loss = F.cross_entropy(model.body.predict(states[scored]), batch.targets[scored])
    return loss + F.cross_entropy(model.head(states[:, 0]), batch.labels) if ask_pair else loss


def pretrained(
    objective: str, tales: Tales, steps: Sequence[int], *, seed: int, d_model: int = D_MODEL,
    whole: bool = False,
) -> list[PairModel]:  # fmt: skip
    """One pretraining, and the model as it was after each of some numbers of steps.

    Args:
        objective: `"masked"` reads the pairs of `"next"` and is not asked about them; `"order"` swapped ones.
        tales: the source.
        steps: numbers of steps, rising; the rates stay constant after a warm-up.
        seed: of weights and batches.
        whole: `"masked"` reads neighbours only, no random pairs.

    Raises:
        ValueError: another objective.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective={objective!r} is none of {', '.join(OBJECTIVES)}")
    draw = tales.in_order_or_swapped if objective == "order" else tales.next_or_random
    draw = tales.neighbours if whole and objective == "masked" else draw
    torch.manual_seed(seed)
    model, kept = PairModel(tales.vocab, d_model=d_model), {}

    def keep(done, now):
        if done in steps:
            kept[done] = copy.deepcopy(now)

    train(
        model, lambda generator: hide_in_pairs(draw(BATCH, generator), tales.vocab, generator),
        loss=lambda now, batch: pair_loss(now, PairBatch(*batch), ask_pair=objective != "masked"),
        steps=max(steps), seed=seed, warmup=WARMUP, final_lr_fraction=1.0, on_step=keep,
        optimizers=make_optimizers(model, name="muon", matrix_lr=RATES[0], other_lr=RATES[1]),
    )  # fmt: skip
    return [kept[each].eval() for each in steps]


def right_on(model: PairModel, pairs: Pairs) -> float:
    """Share of the pairs that the model's own head labels right."""
    return accuracy(model, join(pairs.first, pairs.second, model.marks), pairs.labels)


# ---- a few labels ----

TASKS = ("topic of one", "same topic", "later stage")
# Of AdamW, for each body: what was best on the mean of the tasks with seed 100, of 0.001, 0.003 and 0.01.
TUNING_RATES = {"masked": 0.01, "next": 0.01, "order": 0.003}


def labelled(tales: Tales, task: str, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Joined texts `[n, seq]` and their labels `[n]` for one of `TASKS`.

    Raises:
        ValueError: another task.
    """
    marks, generator = marks_of(tales.vocab), torch.Generator().manual_seed(seed)
    if task == "topic of one":
        first, labels = tales.topic_of_one(count, generator)
        return join(first, None, marks), labels
    if task not in TASKS:
        raise ValueError(f"task={task!r} is none of {', '.join(TASKS)}")
    pairs = (tales.same_topic if task == "same topic" else tales.later_stage)(count, generator)
    return join(pairs.first, pairs.second, marks), pairs.labels


def right_after_tuning(
    body: PairModel, tales: Tales, task: str, labels: int, *, rate: float, seed: int, where: int | str = 0
) -> float:
    """Share of 1,000 new texts right after all of a copy has learned from a few labels, with a new head.

    A fifth of the labels says when to stop (`few_labels.early_stopped`).

    Args:
        body: a pretrained model; it stays as it is.
        tales, task: what it shall learn, one of `TASKS`.
        labels: how many texts have one.
        rate: of AdamW, such as those of `TUNING_RATES`.
        seed: of the labelled texts and of the batches; the texts that judge come from another stream.
        where: what the head reads, as in `PairModel`.
    """
    model = copy.deepcopy(body)
    model.head = _new_head(model.head.in_features, tales.topics if task == "topic of one" else 2)
    model.where = where
    early_stopped(model, *labelled(tales, task, labels, seed=1000 + seed), rate=rate, seed=seed)
    return accuracy(model, *labelled(tales, task, TESTS, seed=2000 + seed))
