"""Pretraining: which part of a text is hidden, and what a model is asked about it (BERT, GPT, T5).

What the pretrained model is good for afterwards (a head, a probe of each layer) is in `adaptation.py`; the
causal objective itself is in `next_token.py`. The article's section 3.1.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import digest, token_vector
from llmasos_edu.training.next_token import TextSampler, bits_per_byte, next_token_loss

__all__ = [
    "IGNORED",
    "MaskedSampler",
    "PowerLaw",
    "TextSampler",
    "bits_per_byte",
    "causal_gap",
    "corrupt_spans",
    "fit_power_law",
    "mask_tokens",
    "masked_gap",
    "masked_token_loss",
    "next_token_loss",
    "word_numbers",
]

IGNORED = -100  # the target of a position that is not scored, as in torch's cross entropy


# ---- what is hidden ----


def mask_tokens(
    tokens, vocab_size, mask_id, *, share=0.15, fates=(0.8, 0.1, 0.1), words=None, generator=None
):
    """Hide some tokens from a masked language model, by BERT's rule.

    Each token is chosen with probability `share`, on its own. A chosen one is replaced by the mask in 80 % of
    the cases, by a random token in 10 %, and left as it is in 10 %; all chosen ones are to be predicted.

    Args:
        tokens: integers [batch, seq].
        vocab_size: a random token is one of 0 to `vocab_size - 1`.
        mask_id: the token that says "something stood here"; the model's vocabulary must have it.
        share: probability that a token is chosen; above 0, at most 1.
        fates: probabilities of mask, random token and no change, with sum 1.
        words: integers [batch, seq], the word that each token is part of (`word_numbers`): all tokens of a
            word are then chosen together. None: each token is a word of its own.
        generator: source of randomness; torch's global one unless given.

    Returns:
        (inputs, targets), both [batch, seq]: what the model sees; the true token where one was chosen, else
        -100.

    Raises:
        ValueError: tokens or words of the wrong shape or kind, a share or fates that are no probabilities.

    Source: Devlin et al. 2019, "BERT", section 3.1, task 1, and appendix A.1; whole words as in the authors'
    release of May 2019; article 3.1.2.
    """
    _check_masking(tokens, vocab_size, mask_id, share, fates)
    tokens = tokens.long()  # a byte has no room for the mask's number
    draws = torch.rand(tokens.shape, generator=generator)
    if words is not None:
        draws = _one_draw_for_each_word(draws, words)
    chosen = (draws < share).to(tokens.device)
    fate = torch.rand(tokens.shape, generator=generator).to(tokens.device)
    other = torch.randint(vocab_size, tokens.shape, generator=generator).to(tokens)
    to_mask, to_other, _ = fates
    inputs = torch.where(chosen & (fate < to_mask), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= to_mask) & (fate < to_mask + to_other), other, inputs)
    return inputs, torch.where(chosen, tokens, IGNORED)


def _one_draw_for_each_word(draws, words):
    """Every token takes the draw of the first token of its word: a run of equal numbers in `words`."""
    if words.shape != draws.shape:
        raise ValueError(f"words {list(words.shape)} must have the shape of tokens, {list(draws.shape)}")
    begins = torch.ones_like(words, dtype=torch.bool)
    begins[:, 1:] = words[:, 1:] != words[:, :-1]
    places = torch.arange(words.shape[1]).expand_as(words)
    first = torch.where(begins, places, 0).cummax(dim=1).values
    return draws.gather(1, first)


def word_numbers(tokenizer, text):
    """For each token of a text the number of the word that it is part of, counted from 0: [n].

    Words are those within which the tokenizer joins bytes, GPT-2's: a word takes the space before it along,
    and punctuation stands alone.

    Args:
        tokenizer: a `BytePairTokenizer`.
        text: the text.

    Raises:
        ValueError: an empty text.
    """
    numbers = tokenizer.library.encode(text).word_ids
    if not numbers:
        raise ValueError("the text is empty: there are no words")
    return torch.tensor(numbers)


class MaskedSampler:
    """Random windows of a text with some tokens hidden: `sampler(generator)` gives (inputs, targets).

    Both are [batch, context]; the targets are -100 where nothing is hidden. A batch in which the draw hid
    nothing is drawn again.

    Args:
        tokens: the text as token ids, LongTensor [n] or a list of ints, n >= context.
        context: tokens in a window.
        batch_size: windows per batch.
        vocab_size, mask_id, share, fates: as in `mask_tokens`.
        words: the word that each token is part of, [n] (`word_numbers`): hides whole words.

    Raises:
        ValueError: a text that is too short, words for another text, and as `mask_tokens` does.
    """

    def __init__(self, tokens, *, context, batch_size, vocab_size, mask_id, share=0.15,
                 fates=(0.8, 0.1, 0.1), words=None):  # fmt: skip
        self.tokens = token_vector(tokens)
        for name, value in {"context": context, "batch_size": batch_size}.items():
            check_count(name, value)
        if len(self.tokens) < context:
            raise ValueError(f"the text is too short: {len(self.tokens)} tokens, context={context}")
        _check_masking(self.tokens[None], vocab_size, mask_id, share, fates)
        self.words = None if words is None else torch.as_tensor(words)
        if self.words is not None and self.words.shape != self.tokens.shape:
            raise ValueError(
                f"words {list(self.words.shape)} belong to another text: tokens {list(self.tokens.shape)}"
            )
        self.context, self.batch_size = context, batch_size
        self.rule = {"vocab_size": vocab_size, "mask_id": mask_id, "share": share, "fates": fates}

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(self.tokens, self.words, self.context, self.batch_size, self.rule)

    def __call__(self, generator):
        starts = torch.randint(len(self.tokens) - self.context + 1, (self.batch_size, 1), generator=generator)
        places = starts + torch.arange(self.context)  # [batch, context]
        words = None if self.words is None else self.words[places]
        while True:
            inputs, targets = mask_tokens(self.tokens[places], **self.rule, words=words, generator=generator)
            if (targets != IGNORED).any():
                return inputs, targets


class Spans(NamedTuple):
    """A text with gaps, and what stood in them."""

    inputs: Tensor  # [shorter]: each gap is one sentinel
    targets: Tensor  # [gaps + hidden + 1]: each sentinel, then what it stands for; one more sentinel ends it


def corrupt_spans(tokens, sentinels, *, share=0.15, mean_length=3.0, generator=None):
    """Replace runs of tokens by one sentinel each; the target names each sentinel and what it stands for.

    T5's objective: `thank you <0> me to <1> week` is to be answered by `<0> for inviting <1> your party last
    <2>`. Encoder reads the one, decoder writes the other.

    Args:
        tokens: integers [n].
        sentinels: ids that mark a gap, one for each and one more for the end.
        share: of the tokens that are hidden; below 1.
        mean_length: of a gap, in tokens.
        generator: source of randomness; torch's global one unless given.

    Returns:
        Spans(inputs, targets). Every token stands in exactly one of them.

    Raises:
        ValueError: a text too short to hide something and show something, or too few sentinels.

    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", sections 3.1.4 and 3.3.4.
    """
    tokens = token_vector(tokens)
    if not 0 < share < 1 or not mean_length >= 1:
        raise ValueError(
            f"share={share} must lie between 0 and 1 and mean_length={mean_length} be at least 1"
        )
    hidden = min(max(round(len(tokens) * share), 1), len(tokens) - 1)
    gaps = min(max(round(hidden / mean_length), 1), len(tokens) - hidden)
    if len(tokens) < 2 or gaps + 1 > len(sentinels):
        raise ValueError(
            f"{len(tokens)} tokens with {gaps} gaps need at least 2 tokens and {gaps + 1} sentinels, "
            f"got {len(sentinels)} sentinels"
        )
    shown = _random_parts(len(tokens) - hidden, gaps, generator)
    lengths = _random_parts(hidden, gaps, generator)
    pieces = tokens.split([length for pair in zip(shown, lengths, strict=True) for length in pair])
    marks = torch.as_tensor(sentinels, dtype=tokens.dtype).split(1)
    inputs = [part for i in range(gaps) for part in (pieces[2 * i], marks[i])]
    targets = [part for i in range(gaps) for part in (marks[i], pieces[2 * i + 1])]
    return Spans(torch.cat(inputs), torch.cat([*targets, marks[gaps]]))


def _random_parts(total, count, generator):
    """`total` as a sum of `count` whole numbers of at least 1, every such sum equally likely."""
    cuts = torch.randperm(total - 1, generator=generator)[: count - 1].sort().values + 1
    ends = [0, *cuts.tolist(), total]
    return [end - start for start, end in zip(ends, ends[1:])]  # noqa: B905, RUF007


# ---- what is asked ----


def masked_token_loss(model, batch):
    """Mean surprise at the hidden tokens, `-1/m sum_(t hidden) ln p(token_t | all that is shown)`.

    The head works on the hidden positions alone: nothing else is scored, so nothing else needs logits.

    Args:
        model: a `MaskedLanguageModel`, or anything with its `encode` and `predict`.
        batch: (inputs, targets), both [batch, seq]; targets of -100 are not scored.

    Returns:
        Scalar tensor, nats per hidden token.

    Raises:
        ValueError: shapes that differ, or a batch in which nothing is hidden.

    Source: Devlin et al. 2019, section 3.1, task 1; article 3.1.2.
    """
    inputs, targets = batch
    if inputs.shape != targets.shape:
        raise ValueError(f"inputs {list(inputs.shape)} and targets {list(targets.shape)} must be alike")
    scored = targets != IGNORED
    if not scored.any():
        raise ValueError(f"none of the {targets.numel()} positions is hidden: all targets are {IGNORED}")
    return F.cross_entropy(model.predict(model.encode(inputs)[scored]), targets[scored])


# ---- filling one gap ----


@torch.no_grad()
def masked_gap(model, tokens, position, mask_id):
    """What a masked model expects at one position of each text, given everything on both of its sides.

    Args:
        model: a `MaskedLanguageModel`.
        tokens: integers [batch, seq]; what stands at the position is not looked at.
        position: 0 to seq - 1.
        mask_id: the mask token.

    Returns:
        ln p [batch, vocab].

    Raises:
        ValueError: no such position.
    """
    _check_position(tokens, position, 0)
    hidden = tokens.clone()
    hidden[:, position] = mask_id
    with modes_kept(model):
        model.eval()
        return model.predict(model.encode(hidden)[:, position]).log_softmax(dim=-1)


@torch.no_grad()
def causal_gap(model, tokens, position, *, both_sides=False, batch_size=512):
    """What a causal model expects at one position of each text: from the left, or from both sides by trying.

    From the left it is the next-token prediction. From both sides every token x of the vocabulary is put into
    the gap and the whole text is scored, `p(x | left, right) ~ p(x | left) p(right | left, x)` (Bayes): one
    forward pass for each token of the vocabulary, where a masked model needs a single one.

    Args:
        model: a `LanguageModel`.
        tokens: integers [batch, seq]; what stands at the position is not looked at.
        position: 1 to seq - 1; before the first there is nothing to go by.
        both_sides: whether the text on the right counts.
        batch_size: texts per forward pass when trying; does not change the result but for rounding.

    Returns:
        ln p [batch, vocab].

    Raises:
        ValueError: no such position.
    """
    _check_position(tokens, position, 1)
    with modes_kept(model):
        model.eval()
        left = model(tokens[:, :position])[:, -1].log_softmax(dim=-1)  # [batch, vocab]
        if not both_sides or position == tokens.shape[1] - 1:
            return left
        vocab = left.shape[1]
        tried = tokens[:, None].repeat(1, vocab, 1)  # [batch, vocab, seq]
        tried[:, :, position] = torch.arange(vocab, device=tokens.device)
        right = [_score_after(model, texts, position) for texts in tried.flatten(0, 1).split(batch_size)]
        return (left + torch.cat(right).view(left.shape)).log_softmax(dim=-1)


def _score_after(model, texts, position):
    """ln p of all that stands after the position, given what stands before: [batch]."""
    logits = model(texts[:, :-1])[:, position:]
    targets = texts[:, position + 1 :]
    return (
        -F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape).sum(1)
    )


# ---- how loss falls with size ----


class PowerLaw(NamedTuple):
    """`loss = scale * size ** -exponent`, fitted to measurements and trusted within their range."""

    scale: float
    exponent: float
    smallest: float  # the range of sizes that it was fitted to
    largest: float

    def predict(self, size: float) -> float:
        """The loss that the law gives for a size, inside its range or far outside it."""
        return self.scale * size**-self.exponent


def fit_power_law(sizes: Sequence[float], losses: Sequence[float]) -> PowerLaw:
    """Fit `loss = scale * size ** -exponent` by least squares on the logarithms.

    Args:
        sizes: such as numbers of parameters, at least two different ones.
        losses: one for each size, positive.

    Returns:
        PowerLaw(scale, exponent, smallest, largest).

    Raises:
        ValueError: lists of different length, fewer than two sizes, numbers that are not positive.

    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equation 1.1; article 3.1.2.
    """
    pairs = list(zip(sizes, losses, strict=False))
    if len(sizes) != len(losses) or len(set(sizes)) < 2 or min(min(pair) for pair in pairs) <= 0:
        raise ValueError(
            f"sizes={list(sizes)} and losses={list(losses)} must be equally many positive numbers, with at "
            "least two different sizes"
        )
    x, y = (
        torch.tensor([math.log(value) for value in values], dtype=torch.float64) for values in (sizes, losses)
    )
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    scale = math.exp((y.mean() - slope * x.mean()).item())
    return PowerLaw(scale, -slope.item() + 0.0, min(sizes), max(sizes))


# ---- at the door ----


def _check_masking(tokens, vocab_size, mask_id, share, fates):
    check_count("vocab_size", vocab_size)
    if tokens.ndim != 2 or tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens must be integers [batch, seq], got {tokens.dtype} {list(tokens.shape)}")
    if isinstance(mask_id, bool) or not isinstance(mask_id, int) or mask_id < 0:
        raise ValueError(f"mask_id={mask_id!r} is not a token: a whole number from 0")
    if not 0 < share <= 1:
        raise ValueError(f"share={share} must be above 0 and at most 1")
    if len(fates) != 3 or min(fates) < 0 or not math.isclose(sum(fates), 1):
        raise ValueError(
            f"fates={fates} must be three probabilities with sum 1: mask, random token, unchanged"
        )


def _check_position(tokens, position, first):
    if tokens.ndim != 2 or not first <= position < tokens.shape[1]:
        raise ValueError(
            f"position={position} must lie from {first} to the end of tokens, [batch, seq], "
            f"got {list(tokens.shape)}"
        )
