"""What the next-token explorer is given, and what it shows, computed by torch."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

import numpy as np
import torch

from llmasos_edu.foundation.modes import evaluating
from llmasos_edu.text.ngram import NGram

MAX_TOKENS = 256
TOP = 8
MOST_BYTES = 3_000_000


class Proposals(NamedTuple):
    """What one model expects at a place: the likeliest tokens first, of equals the one with the lower id."""

    ids: list[int]
    shares: list[float]


class Expectations(NamedTuple):
    """A text as two models see it; each pair is of the language model and of the n-gram."""

    bits: list[tuple[float, float]]  # surprise at each token but the first
    proposals: tuple[Proposals, Proposals] | None  # at the place on show; None where nothing comes before


def pack_ngram(ngram: Any) -> bytes:
    """An n-gram model as bytes: four with the length of a JSON head, the head, then the tables of each order.

    Of each order: keys of the contexts (uint32), where each one's n-grams begin (uint32, one more), backoff
    and shares (float32), the n-grams' last tokens (uint16); little-endian, each filled up to four bytes.

    Args:
        ngram: an `NGram` of tokens.

    Returns:
        0.9 MB for a 3-gram that has read Python's manual in 138,000 tokens.

    Raises:
        TypeError: no `NGram`.
        ValueError: a vocabulary of more than 65,536 tokens, or more than 3 MB.
    """
    if not isinstance(ngram, NGram):
        raise TypeError(f"ngram is a {type(ngram).__name__}: give an NGram, NGram.kneser_ney(tokens, ...)")
    vocab = ngram.vocab_size
    if vocab > 65536:
        raise ValueError(f"ngram has a vocabulary of {vocab} tokens: in the browser 65536 at most")
    sizes, parts = [], []
    for level in ngram.levels:
        owner, token = np.divmod(level.ngrams, vocab)
        starts = np.searchsorted(owner, np.arange(len(level.contexts) + 1))
        arrays = [level.contexts.astype("<u4"), starts.astype("<u4"), level.backoff.astype("<f4"),
                  level.share.astype("<f4"), token.astype("<u2")]  # fmt: skip
        sizes.append([len(level.contexts), len(level.ngrams)])
        parts += [data + b"\0" * (-len(data) % 4) for data in (array.tobytes() for array in arrays)]
    head = json.dumps({"vocab": vocab, "levels": sizes}, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 4)
    packed = b"".join([struct.pack("<I", len(head)), head, *parts])
    if len(packed) > MOST_BYTES:
        raise ValueError(
            f"the {ngram.order}-gram takes {len(packed) / 1e6:.1f} MB in a page, "
            f"{MOST_BYTES / 1e6:.0f} at most: let it read less text, or take a lower order"
        )
    return packed


@torch.no_grad()
def expectations(model: Any, ngram: NGram, tokens: list[int], place: int, temperature: float) -> Expectations:
    """What both models expect at a place of a text, and how much each of its tokens surprised them.

    Args:
        model: a `LanguageModel`.
        ngram: over the same tokens.
        tokens: the text, `[seq]`.
        place: 0 to `seq`; `seq` asks for what comes next.
        temperature: of the proposals; the surprise is measured at 1.

    Returns:
        `seq - 1` pairs of bits, and the `TOP` likeliest tokens of each model.
    """
    if not tokens:
        return Expectations([], None)
    with evaluating(model):
        logits = model(torch.tensor([tokens]))[0].double()
    own = logits[:-1].log_softmax(-1)[
        torch.arange(len(tokens) - 1), torch.tensor(tokens[1:], dtype=torch.long)
    ]
    counted = ngram.token_probabilities(tokens)[1:].log()
    bits = (-torch.stack([own, counted]) / np.log(2)).T.tolist()
    if not place:
        return Expectations([tuple(pair) for pair in bits], None)
    both = (logits[place - 1], ngram.logits(tokens[:place]))
    return Expectations([tuple(pair) for pair in bits], tuple(_proposals(each, temperature) for each in both))


def _proposals(logits: torch.Tensor, temperature: float) -> Proposals:
    if temperature == 0:
        shares = torch.zeros_like(logits)
        shares[logits.argmax()] = 1
    else:
        shares = (logits / temperature).softmax(-1)
    order = shares.argsort(descending=True, stable=True)[:TOP]
    return Proposals(order.tolist(), shares[order].tolist())
