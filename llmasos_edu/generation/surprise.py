"""Surprise, word by word: what a model did not expect in a text (chapter 6.2.2)."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_methods, check_strings
from llmasos_edu.foundation.modes import evaluating
from llmasos_edu.foundation.tensors import check_tokens, token_vector


class WordSurprise(NamedTuple):
    """A word and how much it surprised."""

    word: str  # what stands between blanks
    bits: float  # of its tokens together
    tokens: int

    @property
    def per_token(self) -> float:
        """Mean bits of its tokens: rare words are cut into many, and each costs something."""
        return self.bits / self.tokens


def token_bits(model, tokens) -> Tensor:
    """`-log2 p(token_t | token_<t)` of every token but the first.

    Args:
        model: maps tokens `[1, seq]` to logits `[1, seq, vocab]`; is asked in evaluation mode.
        tokens: a text of two tokens or more.

    Returns:
        `[seq - 1]`, bits.

    Raises:
        TypeError: no model; text, or what else is no row of tokens.
        ValueError: fewer than two tokens, or such that the model does not have.
    """
    check_methods("model", model, ("forward",))
    row = check_tokens("tokens", token_vector(tokens)[None], model.vocab_size)
    if row.shape[1] < 2:
        raise ValueError(f"a text of {row.shape[1]} token surprises nobody: the first is not guessed")
    with torch.no_grad(), evaluating(model):
        log_probs = model(row[:, :-1])[0].double().log_softmax(dim=-1)
    return -log_probs.gather(1, row[0, 1:, None])[:, 0] / math.log(2)


def word_bits(pieces: Sequence[str], bits: Iterable[float]) -> list[WordSurprise]:
    """The surprise of whole words: the sum over their tokens.

    Args:
        pieces: the text of each token; a blank at its beginning begins a word.
        bits: of each token.

    Returns:
        The words of the text in order; the sums of both sides are equal.

    Raises:
        TypeError: pieces that are no texts, bits that are no numbers.
        ValueError: not as many bits as pieces, or NaN among them.
    """
    try:
        bits = [float(each) for each in bits]
    except (TypeError, ValueError) as error:
        raise TypeError(f"bits={str(bits)[:60]} are no list of numbers: {error}") from error
    pieces = check_strings(pieces, "pieces", len(bits), "bits")
    for place, surprise in enumerate(bits):
        if math.isnan(surprise):
            raise ValueError(f"bits[{place}] is NaN: the model's numbers have run away")
    found: list[WordSurprise] = []
    for piece, surprise in zip(pieces, bits, strict=True):
        if not found or piece[:1].isspace():
            found.append(WordSurprise(piece.strip(), surprise, 1))
        else:
            word, so_far, tokens = found[-1]
            found[-1] = WordSurprise(word + piece, so_far + surprise, tokens + 1)
    return found
