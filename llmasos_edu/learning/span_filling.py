"""T5's objective trained: an encoder reads a text with gaps, a decoder writes what stood in them (3.1.2).

What is cut out and how the two texts look is `pretraining.corrupt_spans`. All texts of a batch have as many
hidden tokens and as many gaps, so that neither side needs padding.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import digest, token_vector
from llmasos_edu.learning.pretraining import corrupt_spans
from llmasos_edu.models.encoder_decoder import EncoderDecoder, shift_right
from llmasos_edu.training.loop import make_optimizers, train

SHARE, MEAN_LENGTH, BATCH, WARMUP = 0.25, 3.0, 32, 16
RATES = (0.03, 0.01)  # Muon's for matrices, AdamW's for all else


class Gaps(NamedTuple):
    """Texts with gaps, and what the decoder shall write: a row each."""

    inputs: Tensor  # [batch, shorter]
    targets: Tensor  # [batch, gaps + hidden + 1]


class SpanSampler:
    """Random windows of a text with gaps: `sampler(generator)` gives Gaps.

    Args:
        tokens: the text as token ids, [n], n >= context.
        vocab: how many tokens there are; sentinels are numbered from here on.
        context: tokens in a window.
        batch_size: windows per batch.
        share, mean_length: as in `corrupt_spans`.

    Raises:
        ValueError: a text that is too short.
    """

    def __init__(self, tokens, *, vocab: int, context: int, batch_size: int = BATCH, share: float = SHARE,
                 mean_length: float = MEAN_LENGTH):  # fmt: skip
        self.tokens = token_vector(tokens)
        if len(self.tokens) < context:
            raise ValueError(f"the text is too short: {len(self.tokens)} tokens, context={context}")
        self.context, self.batch_size = context, batch_size
        self.rule = {"share": share, "mean_length": mean_length}
        self.sentinels = list(range(vocab, vocab + context))

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(self.tokens, self.context, self.batch_size, self.rule, self.sentinels)

    def __call__(self, generator) -> Gaps:
        starts = torch.randint(len(self.tokens) - self.context + 1, (self.batch_size, 1), generator=generator)
        return self.cut(self.tokens[starts + torch.arange(self.context)], generator)

    def cut(self, windows: Tensor, generator) -> Gaps:
        """The same rule on given windows `[n, context]`."""
        spans = [corrupt_spans(row, self.sentinels, **self.rule, generator=generator) for row in windows]
        return Gaps(torch.stack([s.inputs for s in spans]), torch.stack([s.targets for s in spans]))


def make_model(vocab: int, gaps: int, *, seed: int, d_model: int = 64, num_layers: int = 1) -> EncoderDecoder:
    """An encoder and a decoder for signs, sentinels and a start token, which has the last number.

    Args:
        vocab: signs.
        gaps: most gaps in a text; there is one sentinel more.
        seed: of the weights.
        d_model, num_layers: as in `EncoderDecoder`; four heads, rotary positions.
    """
    torch.manual_seed(seed)
    return EncoderDecoder(
        vocab + gaps + 1, target_vocab=vocab + gaps + 2, d_model=d_model, num_layers=num_layers, num_heads=4,
        d_ff=4 * d_model, position="rotary", activation="squared_relu", qk_norm=True, bias=False,
    )  # fmt: skip


def start_of(model: EncoderDecoder) -> int:
    """The token with which every target begins on its way into the decoder."""
    return model.target_embedding.num_embeddings - 1


def span_loss(model: EncoderDecoder, batch: Gaps) -> Tensor:
    """Mean surprise at the tokens of the targets, sentinels among them, each given those before it; nats.

    Source: Raffel et al. 2020, sections 2.4 and 3.1.4.
    """
    inputs, targets = batch
    logits = model(inputs, shift_right(targets, start_of(model)))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def trained(sampler: SpanSampler, model: EncoderDecoder, *, steps: int, seed: int) -> EncoderDecoder:
    """Train in place at a constant rate after a warm-up, Muon for matrices and AdamW for all else."""
    train(
        model, sampler, loss=lambda now, batch: span_loss(now, Gaps(*batch)), steps=steps, seed=seed,
        warmup=WARMUP, final_lr_fraction=1.0,
        optimizers=make_optimizers(model, name="muon", matrix_lr=RATES[0], other_lr=RATES[1]),
    )  # fmt: skip
    return model.eval()


# ---- what it knows ----


@torch.no_grad()
def bits_of_hidden(model: EncoderDecoder, batch: Gaps, vocab: int, *, other_text: bool = False) -> float:
    """Mean surprise at the hidden tokens alone, without the sentinels, in bits.

    Args:
        model: a trained one.
        batch: texts with gaps.
        vocab: numbers from here on are sentinels.
        other_text: the encoder reads the text of another row: what the decoder knows without the right one.
    """
    inputs, targets = batch
    with modes_kept(model):
        model.eval()
        logits = model(inputs.roll(1, 0) if other_text else inputs, shift_right(targets, start_of(model)))
    hidden = targets < vocab
    return F.cross_entropy(logits[hidden], targets[hidden]).item() / math.log(2)


def bits_of_shares(tokens: Tensor, batch: Gaps, vocab: int) -> float:
    """The same for somebody who knows how frequent each token of a text is, and reads nothing."""
    shares = torch.bincount(tokens, minlength=vocab).double() + 1
    hidden = batch.targets[batch.targets < vocab]
    return -(shares / shares.sum()).log2()[hidden].mean().item()


@torch.no_grad()
def fill(model: EncoderDecoder, inputs: Tensor, vocab: int, most: int = 24) -> Tensor:
    """What the decoder writes for one text with gaps, always the likeliest token: `[written]`.

    It ends with the sentinel that says that no gap is left, or after `most` tokens.

    Args:
        inputs: `[shorter]`, with sentinels from `vocab` on.
        vocab: numbers from here on are sentinels.
        most: longest answer.
    """
    last = vocab + int((inputs >= vocab).sum())  # one more than there are gaps
    written = inputs.new_full((1, 1), start_of(model))
    with modes_kept(model):
        model.eval()
        memory = model.encode(inputs[None])
        while written.shape[1] <= most and int(written[0, -1]) != last:
            logits = model.decode(written, memory)[0, -1]
            logits[start_of(model)] = -torch.inf  # a start is never written
            written = torch.cat([written, logits.argmax().view(1, 1)], dim=1)
    return written[0, 1:]


def put_back(inputs: Tensor, written: Tensor, vocab: int) -> Tensor:
    """The text with what was written in its gaps; a sentinel that was not answered stays as it is.

    Args:
        inputs: `[shorter]`, written: what a decoder wrote for it, `[n]`.
        vocab: numbers from here on are sentinels.
    """
    answers: dict[int, list[int]] = {}
    for token in written.tolist():
        if token >= vocab:
            now = answers.setdefault(token, [])
        elif answers:
            now.append(token)
    parts: Sequence[int] = [
        each
        for token in inputs.tolist()
        for each in (answers.get(token, [token]) if token >= vocab else [token])
    ]
    return torch.tensor(parts)
