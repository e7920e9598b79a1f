"""Decoding: how an encoder-decoder chooses what to write (chapter 4.2.2).

The likeliest token at every step, or the likeliest of several sequences that are followed at once.
Both read the source once, keep the decoder's past keys and values, and work on a whole batch.
"""

from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.models.encoder_decoder import EncoderDecoder


@torch.inference_mode()
def greedy_decode(
    model: EncoderDecoder,
    source: Tensor,
    *,
    start: int,
    end: int,
    max_len: int,
    source_keep: Tensor | None = None,
) -> Tensor:
    """Write the likeliest token at every step until every row has said `end`.

    Args:
        source: `[batch, source]`.
        start, end: the tokens that open and close a target.
        max_len: at most so many tokens are written.
        source_keep: `[batch, source]`, False where a token is padding.

    Returns:
        `[batch, written]` without the start token; a row that is done repeats `end`.

    Raises:
        ValueError: bad tokens, `start` or `end` outside the vocabulary, `max_len` below 1.

    Source: article 4.2.2.
    """
    _check(model, start, end, max_len, num_beams=1)
    with _evaluating(model):
        reads = model.decoder.read(model.encode(source, source_keep))
        cache = model.new_cache(len(source), max_len)
        token = source.new_full((len(source), 1), start)
        done = torch.zeros_like(token, dtype=torch.bool)
        written = []
        while len(written) < max_len and not done.all():
            logits = model.decode(token, reads, source_keep, cache=cache)
            token = logits.argmax(dim=-1).masked_fill(done, end)  # [batch, 1]
            done |= token == end
            written.append(token)
    return torch.cat(written, dim=1)


class Written(NamedTuple):
    """The best sequence of each row that `beam_decode` found, and how good it is."""

    tokens: Tensor  # [batch, written], without the start token; a row that is done repeats `end`
    score: Tensor  # [batch], log-probability / length ** length_penalty, in nats


@torch.inference_mode()
def beam_decode(
    model: EncoderDecoder,
    source: Tensor,
    *,
    start: int,
    end: int,
    max_len: int,
    num_beams: int = 4,
    length_penalty: float = 1.0,
    source_keep: Tensor | None = None,
) -> Written:
    """Follow the `num_beams` best beginnings of each row and return the best sequence.

    A sequence's score is its log-probability divided by its length, `end` included, to the power
    `length_penalty`: 0 favours short ones, 1 compares the mean per token. `num_beams=1` is greedy.

    Args:
        source, start, end, max_len, source_keep: as in `greedy_decode`.
        num_beams: how many beginnings are kept.
        length_penalty: exponent of the length.

    Returns:
        Tokens as from `greedy_decode`, and their scores, in nats to the token where `length_penalty` is 1.

    Raises:
        ValueError: as in `greedy_decode`, and `num_beams` below 1.

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 7, with the plain
    power of the length as its normaliser; article 4.2.2.
    """
    _check(model, start, end, max_len, num_beams)
    batch = len(source)
    with _evaluating(model):
        keep = None if source_keep is None else source_keep.repeat_interleave(num_beams, dim=0)
        memory = model.encode(source, source_keep).repeat_interleave(num_beams, dim=0)
        reads = model.decoder.read(memory)
        cache = model.new_cache(batch * num_beams, max_len)
        beams = _begin(batch, num_beams, start, source)
        for _ in range(max_len):
            logits = model.decode(beams.tokens[..., -1].reshape(-1, 1), reads, keep, cache=cache)
            beams, parent = _extend(beams, logits.view(batch, num_beams, -1), end, length_penalty)
            if beams.done.all():
                break
            rows = (torch.arange(batch, device=source.device)[:, None] * num_beams + parent).flatten()
            for layer in cache:
                layer.reorder(rows)
    return Written(beams.tokens[:, 0, 1:], beams.score[:, 0])


class _Beams(NamedTuple):
    """The beginnings that are followed, best first."""

    tokens: Tensor  # [batch, beams, written + 1], start token included
    log_prob: Tensor  # [batch, beams], sum over the tokens, nats
    score: Tensor  # [batch, beams], the same divided by length ** length_penalty
    lengths: Tensor  # [batch, beams], end token included
    done: Tensor  # [batch, beams], whether the end token was written


def _begin(batch: int, num_beams: int, start: int, source: Tensor) -> _Beams:
    """All beams alike, and all but one impossible: else the first step would choose one token for all."""
    log_prob = torch.full((batch, num_beams), -torch.inf, device=source.device)
    log_prob[:, 0] = 0.0
    lengths = torch.zeros(batch, num_beams, dtype=torch.long, device=source.device)
    tokens = source.new_full((batch, num_beams, 1), start)
    return _Beams(tokens, log_prob, log_prob, lengths, lengths > 0)


def _extend(beams: _Beams, logits: Tensor, end: int, length_penalty: float) -> tuple[_Beams, Tensor]:
    """One token further: the best of all continuations of all beams, and the beam that each came from.

    Args:
        logits: `[batch, beams, vocab]`.
    """
    step = logits.float().log_softmax(dim=-1)
    # A finished sequence has one continuation, another `end`, which costs nothing and adds no length.
    step = step.masked_fill(beams.done[..., None], -torch.inf)
    step[..., end] = step[..., end].masked_fill(beams.done, 0.0)
    total = beams.log_prob[..., None] + step  # [batch, beams, vocab]
    lengths = beams.lengths + (~beams.done).long()
    score, chosen = (total / lengths[..., None] ** length_penalty).flatten(1).topk(beams.done.shape[1])
    parent, token = chosen // logits.shape[-1], chosen % logits.shape[-1]
    history = beams.tokens.gather(1, parent[..., None].expand_as(beams.tokens))
    new = _Beams(
        tokens=torch.cat((history, token[..., None]), dim=-1),
        log_prob=total.flatten(1).gather(1, chosen),
        score=score,
        lengths=lengths.gather(1, parent),
        done=beams.done.gather(1, parent) | (token == end),
    )
    return new, parent


@contextmanager
def _evaluating(model: nn.Module):
    """Without dropout, whatever the mode before and after."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _check(model: EncoderDecoder, start: int, end: int, max_len: int, num_beams: int) -> None:
    vocab = model.head.out_features
    if not (0 <= start < vocab and 0 <= end < vocab):
        raise ValueError(f"start={start} and end={end} must be target tokens: 0 to {vocab - 1}")
    if max_len < 1 or num_beams < 1:
        raise ValueError(f"max_len={max_len} and num_beams={num_beams} must be at least 1")
