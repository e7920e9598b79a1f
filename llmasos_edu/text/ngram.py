"""Language models from counts: the baseline that needs no gradient, from plain division to Kneser-Ney.

An n-gram is a run of n tokens. An n-gram model of order n guesses the next token from the n - 1 tokens before
it, its context, by counting what followed that context in a text. Most contexts of a new text were never seen
before: what the model does then, its smoothing, decides how good it is.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.tensors import token_vector

_NO_KEYS, _NO_SHARES = np.zeros(0, np.int64), np.zeros(0)


@dataclass(frozen=True)
class Level:
    """What one order k has counted: p_k(w | h) = share(h w) + backoff(h) * p_{k-1}(w | h without its oldest).

    Contexts are numbered, and the number of a longer one is found through the shorter one inside it: no table
    grows with vocab_size ** k, only with the text.

    Args:
        contexts: keys of the seen contexts h of k - 1 tokens, int64 [num_contexts], sorted: number of h
            without its oldest token * vocab_size + that oldest token. A context's place is its number.
        ngrams: keys of the seen n-grams h w, int64 [num_ngrams], sorted: number of h * vocab_size + w.
        share: the probability that each n-gram has from its own count, float64 [num_ngrams].
        backoff: the probability that each context leaves to the shorter context, float64 [num_contexts].
    """

    contexts: np.ndarray
    ngrams: np.ndarray
    share: np.ndarray
    backoff: np.ndarray


class NGram:
    """An n-gram language model: one table of counts per order, each handing on what it is not sure of.

        p_k(w | h) = share_k(h w) + backoff_k(h) * p_{k-1}(w | h'),    p_0(w) = 1 / vocab_size

    h' is h without its oldest token. For a context h that the text never showed, p_k = p_{k-1}. So the
    probabilities of every context sum to one. Make a model with `NGram.kneser_ney` or `NGram.add_k`.

    Args:
        levels: the tables of orders 1, 2, ..., order.
        vocab_size: number of different tokens.
        discounts: for Kneser-Ney, what is taken off counts of 1, of 2, and of 3 or more, [order, 3].

    Attributes:
        order: tokens of context plus one.
        vocab_size, discounts: as given.

    Source: Jelinek and Mercer 1980 for the recursion; Chen and Goodman 1998; article 2.1.1.
    """

    def __init__(self, levels: Sequence[Level], vocab_size: int, discounts: torch.Tensor | None = None):
        self._levels = list(levels)
        self.vocab_size = vocab_size
        self.discounts = discounts

    @classmethod
    def add_k(cls, tokens, vocab_size: int, order: int, k: float = 1.0) -> "NGram":
        """Count, add k to every count, divide: the simplest model from counts.

            p(w | h) = (c(h w) + k) / (sum_v c(h v) + k * vocab_size)

        c(h w) says how often the text has token w after context h. k = 0 is the maximum likelihood estimate:
        what never followed h gets probability zero. Contexts that never occurred get 1 / vocab_size each.

        Args:
            tokens: the training text as token ids, LongTensor [n], array or list of ints, n >= order.
            vocab_size: number of different tokens.
            order: length of the counted n-grams, at least 1.
            k: what is added to each count, finite, at least 0.

        Returns:
            the model.

        Raises:
            ValueError: an argument is out of range, or a token is outside the vocabulary.
            TypeError: tokens are no token ids.

        Source: Chen and Goodman 1998 (additive smoothing: Lidstone, Johnson, Jeffreys).
        """
        if not (math.isfinite(k) and k >= 0):
            raise ValueError(f"k={k} must be at least 0 and finite")
        tokens = _checked_text(tokens, vocab_size, order)
        *lower, (contexts, keys) = _ngram_keys(tokens, vocab_size, order)
        ngrams, counts = np.unique(keys, return_counts=True)
        # k / total of the formula is what the level below gives: backoff / vocab_size
        total = np.bincount(ngrams // vocab_size, counts) + k * vocab_size  # [num_contexts]
        share = counts / total[ngrams // vocab_size]
        levels = [Level(seen, _NO_KEYS, _NO_SHARES, np.ones(len(seen))) for seen, _ in lower]  # give all on
        return cls([*levels, Level(contexts, ngrams, share, k * vocab_size / total)], vocab_size)

    @classmethod
    def kneser_ney(cls, tokens, vocab_size: int, order: int = 5) -> "NGram":
        """Interpolated modified Kneser-Ney smoothing, the best of the models from counts.

            share_k(h w) = (a(h w) - D_k(a(h w))) / sum_v a(h v)
            backoff_k(h) = sum_v D_k(a(h v)) / sum_v a(h v)

        Every count gives up a discount D_k, and the shorter context shares out what was given up. At the
        highest order a(h w) is the count c(h w). Below it, a(h w) is the number of different tokens that
        stand before h w: "Francisco" is frequent, but comes after "San" only, and is a poor guess elsewhere.
        D_k(1), D_k(2) and D_k(3 or more) come from the counts of counts, see `kneser_ney_discounts`.
        The first order - 1 tokens of the text serve as context only.

        Args:
            tokens: the training text as token ids, LongTensor [n], array or list of ints, n >= order.
            vocab_size: number of different tokens.
            order: length of the longest n-grams, at least 1. Time and memory grow linearly with it.

        Returns:
            the model; its `discounts` are [order, 3].

        Raises:
            ValueError: an argument is out of range, or a token is outside the vocabulary.
            TypeError: tokens are no token ids.

        Source: Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; Chen and Goodman
        1998, "An Empirical Study of Smoothing Techniques for Language Modeling"; article 2.1.1.
        """
        tokens = _checked_text(tokens, vocab_size, order)
        levels, discounts = [], []
        for k, (contexts, keys) in enumerate(_ngram_keys(tokens, vocab_size, order), start=1):
            if k < order:  # each different token before the n-gram counts once
                before = tokens[order - 1 - k : len(tokens) - k]
                keys = np.unique(keys * vocab_size + before) // vocab_size
            ngrams, counts = np.unique(keys, return_counts=True)
            discounts.append(kneser_ney_discounts(counts))
            discount = discounts[-1].numpy()[counts.clip(max=3) - 1]  # [num_ngrams]
            context = ngrams // vocab_size  # [num_ngrams], the number of each n-gram's context
            total = np.bincount(context, counts)  # [num_contexts]
            share = (counts - discount) / total[context]
            levels.append(Level(contexts, ngrams, share, np.bincount(context, discount) / total))
        return cls(levels, vocab_size, torch.stack(discounts))

    @property
    def levels(self) -> list[Level]:
        """The tables of orders 1, 2, ..., order."""
        return list(self._levels)

    @property
    def order(self) -> int:
        """Length of the longest n-grams: tokens of context plus one."""
        return len(self._levels)

    @property
    def num_ngrams(self) -> list[int]:
        """How many different n-grams each order has stored, from order 1 up: the model's size."""
        return [len(level.ngrams) for level in self._levels]

    def probabilities(self, context) -> torch.Tensor:
        """Probability of every token of the vocabulary to come next.

        Args:
            context: the tokens so far, LongTensor [n], array or list of ints; only the last order - 1 matter,
                and fewer are enough: an empty context asks for the first token of a text.

        Returns:
            probabilities, float64 [vocab_size]; they sum to one.

        Raises:
            ValueError: a token is outside the vocabulary.
            TypeError: the context holds no token ids.
        """
        empty = not isinstance(context, str | bytes) and torch.as_tensor(context).numel() == 0
        context = np.zeros(0, np.int64) if empty else _checked_tokens(context, self.vocab_size)
        result = np.full(self.vocab_size, 1 / self.vocab_size)
        number = np.zeros(1, np.int64)
        for length, level in enumerate(self._levels[: len(context) + 1]):
            if length:
                number, seen = _find(level.contexts, number * self.vocab_size + context[-length])
                if not seen[0]:
                    break
            start, end = np.searchsorted(level.ngrams, (number[0] + np.arange(2)) * self.vocab_size)
            result *= level.backoff[number[0]]
            result[level.ngrams[start:end] - number[0] * self.vocab_size] += level.share[start:end]
        return torch.from_numpy(result)

    def logits(self, context) -> torch.Tensor:
        """Natural logarithms of `probabilities(context)`: what the head of a neural model gives, normalised.

        Args:
            context: as for `probabilities`.

        Returns:
            logits, float64 [vocab_size]; -inf where the probability is zero. softmax(logits) is
            `probabilities(context)`.
        """
        return self.probabilities(context).log()

    def token_probabilities(self, tokens) -> torch.Tensor:
        """Probability of each token of a text, given the tokens before it: p(token_t | token_<t).

        Args:
            tokens: the text as token ids, LongTensor [n], array or list of ints.

        Returns:
            probabilities, float64 [n]. The first has an empty context.

        Raises:
            ValueError: the text is empty, or a token is outside the vocabulary.
            TypeError: tokens are no token ids.
        """
        tokens = _checked_tokens(tokens, self.vocab_size)
        result = np.full(len(tokens), 1 / self.vocab_size)
        place, number = np.arange(len(tokens)), np.zeros(len(tokens), np.int64)
        for length, level in enumerate(self._levels):
            if length:  # go on with the places whose context is long enough, and seen
                place, number = place[place >= length], number[place >= length]
                keys = number * self.vocab_size + tokens[place - length]
                number, seen = _find(level.contexts, keys)
                place, number = place[seen], number[seen]
            ngram, counted = _find(level.ngrams, number * self.vocab_size + tokens[place])
            result[place] *= level.backoff[number]
            result[place[counted]] += level.share[ngram[counted]]
        return torch.from_numpy(result)

    def bits_per_byte(self, tokens, num_bytes: int) -> float:
        """Bits that the model needs per byte of a text, `-sum_t log2 p(token_t | token_<t) / num_bytes`.

        As in `next_token.bits_per_byte`, every token except the first is scored exactly once.

        Args:
            tokens: the held-out text as token ids, LongTensor [n], array or list of ints, n >= 2.
            num_bytes: length in UTF-8 bytes of the text that stands behind the scored tokens.

        Returns:
            bits per byte; inf where a token had probability zero.

        Raises:
            ValueError: fewer than two tokens, a token outside the vocabulary, `num_bytes` below 1.
            TypeError: tokens are no token ids.
        """
        check_count("num_bytes", num_bytes)
        probabilities = self.token_probabilities(tokens)
        if len(probabilities) < 2:
            raise ValueError("the text has 1 token, at least 2 are needed: the first is not scored")
        return -float(probabilities[1:].log2().sum()) / num_bytes


def kneser_ney_discounts(counts: np.ndarray) -> torch.Tensor:
    """What to take off counts of 1, of 2, and of 3 or more, for unseen n-grams to get what they deserve.

        Y = n_1 / (n_1 + 2 n_2),    D(i) = i - (i + 1) Y n_{i+1} / n_i    for i = 1, 2, 3

    n_i is the number of n-grams with count i. Where counts so small are missing, as among the single letters
    of a long text, the formula has no value or one outside 0 < D(i) < i: then i / 2 is taken.

    Args:
        counts: counts of the n-grams of one order, whole numbers, [num_ngrams].

    Returns:
        D(1), D(2), D(3 or more), float64 [3].

    Source: Chen and Goodman 1998; Heafield et al. 2013, "Scalable Modified Kneser-Ney Language
    Model Estimation", whose program KenLM offers the same 0.5, 1, 1.5 where the formula fails.
    """
    n = [int((counts == i).sum()) for i in range(5)]
    discounts = []
    for i in (1, 2, 3):
        estimate = i - (i + 1) * n[1] / (n[1] + 2 * n[2]) * n[i + 1] / n[i] if n[1] and n[i] else math.nan
        discounts.append(estimate if 0 < estimate < i else i / 2)
    return torch.tensor(discounts, dtype=torch.float64)


def _ngram_keys(tokens: np.ndarray, vocab_size: int, order: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For k = 1 ... order: keys of the contexts of k - 1 tokens, and of the n-grams that end at each place.

    The places are order - 1 ... n - 1, the same for every k. Yields [num_contexts] and [n - order + 1].
    """
    places = len(tokens) - order + 1
    contexts, number = np.zeros(1, np.int64), np.zeros(places, np.int64)
    for k in range(1, order + 1):
        if k > 1:
            oldest = tokens[order - k : order - k + places]
            contexts, number = np.unique(number * vocab_size + oldest, return_inverse=True)
        yield contexts, number * vocab_size + tokens[order - 1 :]


def _find(sorted_keys: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of each key among the sorted ones, and whether it is there at all. Returns [n], booleans [n]."""
    if not len(sorted_keys):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    place = np.searchsorted(sorted_keys, keys).clip(max=len(sorted_keys) - 1)
    return place, sorted_keys[place] == keys


def _checked_text(tokens, vocab_size: int, order: int) -> np.ndarray:
    """The training text as int64 [n], or an error in words."""
    check_count("vocab_size", vocab_size)
    check_count("order", order)
    tokens = _checked_tokens(tokens, vocab_size)
    if len(tokens) < order:
        raise ValueError(f"the text has {len(tokens)} tokens, order={order} needs at least {order}")
    if len(tokens) * vocab_size**2 >= 2**63:
        raise ValueError(
            f"{len(tokens)} tokens of vocab_size={vocab_size} do not fit 64-bit keys:"
            " the product tokens * vocab_size ** 2 must stay below 2 ** 63"
        )
    return tokens


def _checked_tokens(tokens, vocab_size: int) -> np.ndarray:
    """Token ids as int64 [n], or an error in words."""
    tokens = token_vector(tokens).cpu().numpy()
    if tokens.min() < 0 or tokens.max() >= vocab_size:
        place = int(((tokens < 0) | (tokens >= vocab_size)).argmax())
        raise ValueError(f"token {tokens[place]} at place {place} is outside the vocabulary of {vocab_size}")
    return tokens
