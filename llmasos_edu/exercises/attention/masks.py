"""Exercises of section 4.1, the part on masks: causal attention.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
)

INF = float("inf")


def loud_keys(*loudness: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Query, key, value of one sequence, where token i has the scaled score `loudness[i]` for every query.

    The numbers are whole and the head size is 4, so every implementation gets these scores exactly.
    """
    seq = len(loudness)
    query, key = torch.zeros(1, seq, 4), torch.zeros(1, seq, 4)
    query[..., 0], key[0, :, 0] = 2.0, torch.tensor(loudness)
    return query, key, random_tensors(99, (1, seq, 4))[0]


def mask_of(*rows: str) -> torch.Tensor:
    """A mask from rows such as '111..': 1 for a token, a dot for padding."""
    return torch.tensor([[sign == "1" for sign in row] for row in rows])


def attend(query, key, value, allowed=None, *, blocked=-INF, scale=None, axis=-1):
    """Attention with knobs, from which the wrong answers are made."""
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, blocked)
    return scores.softmax(axis) @ value


# 4.1-3 --------------------------------------------------------------------------------


def causal_attention(query, key, value):
    """query, key [..., seq, head_dim], value [..., seq, value_dim] -> output [..., seq, value_dim]."""
    seq = query.shape[-2]
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    future = torch.ones(seq, seq, dtype=torch.bool).triu(diagonal=1)
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1) @ value


def _allowed(query, diagonal=0):
    return torch.ones(query.shape[-2], query.shape[-2], dtype=torch.bool).tril(diagonal)


def _masked_after(query, key, value, *, again=False, floor=0.0):
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1) * _allowed(query)
    return (weights / (weights.sum(-1, keepdim=True) + floor) if again else weights) @ value


def _added_number(query, key, value, *, size=1e4):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return (scores - size * ~_allowed(query)).softmax(-1) @ value


def _drawn(seed: int) -> tuple[Case, ...]:
    """A short and a longer text of random shapes, and one whose last token is louder than all before it."""
    generator = torch.Generator().manual_seed(seed)

    def between(low, high):
        return int(torch.randint(low, high + 1, (), generator=generator))

    seq, batch, longer, size = between(2, 4), between(1, 3), between(5, 9), between(2, 6)
    short = [torch.randn(1, seq, 2, generator=generator) for _ in range(3)]
    long = [torch.randn(batch, longer, n, generator=generator) for n in (size, size, between(1, 5))]
    return (
        Case(f"{seq} tokens drawn from seed {seed}", tuple(short)),
        Case(f"{batch} sequences of {longer} tokens drawn from seed {seed}", tuple(long)),
        Case(f"a loud last token drawn from seed {seed}", loud_keys(*[0.0] * seq, 1e4 * between(2, 9))),
    )


CAUSAL = Exercise(
    key="4.1-3",
    title="Causal attention",
    difficulty=2,
    minutes=10,
    statement=(
        "Write scaled dot-product attention in which token t reads tokens 0 to t and nothing later. It must "
        "hold for scores of any size: a later token must not get through, however well it fits."
    ),
    takeaway="No token sees its future, however loud that future is.",
    reference=causal_attention,
    explanation=(
        "A score of -inf becomes a weight of exactly zero, and the softmax shares the rest among the past."
    ),
    hints=(
        "Write attention without the mask first. Which entries of the table of scores belong to a key that "
        "comes later than its query?",
        "Draw the table for 4 tokens and cross those entries out: which triangle is it, and is the diagonal "
        "in it?",
        "The weights of the remaining keys must sum to one. So act before the softmax: which score becomes "
        "a weight of exactly zero?",
    ),
    cases=(
        Case("2 sequences of 5 tokens, head size 4", random_tensors(21, (2, 5, 4), (2, 5, 4), (2, 5, 4))),
        Case(
            "one sequence of 7 tokens, head size 16", random_tensors(22, (1, 7, 16), (1, 7, 16), (1, 7, 16))
        ),
        Case("a single token", random_tensors(23, (1, 1, 4), (1, 1, 4), (1, 1, 4))),
        Case("values of another size than the keys", random_tensors(24, (2, 6, 8), (2, 6, 8), (2, 6, 3))),
        Case(
            "2 sequences with 3 heads, 4 tokens, head size 8",
            random_tensors(25, (2, 3, 4, 8), (2, 3, 4, 8), (2, 3, 4, 8)),
        ),
        Case("4 tokens with scores that rise from 0 to 90000", loud_keys(0.0, 3e4, 6e4, 9e4)),
        Case("4 tokens with scores that rise from -90000 to 0", loud_keys(-9e4, -6e4, -3e4, 0.0)),
        Case("4 tokens with scores that rise from -3e36 to 0", loud_keys(-3e36, -2e36, -1e36, 0.0)),
    ),
    draw=_drawn,
    mistakes=(
        Mistake(
            "mask missing",
            "What comes later has an effect on your earlier outputs: every token reads the whole sequence. "
            "Which part of the table of scores should be out of reach?",
            (attend,),
        ),
        Mistake(
            "mask inverted",
            "Wherever a token has a future, it reads that and not its past: the mask lets through what it "
            "should block. Does True mean 'may attend' or 'must not' at the place where you use it?",
            (
                lambda q, k, v: attend(q, k, v, ~_allowed(q)),
                lambda q, k, v: attend(q, k, v, _allowed(q).mT),
                lambda q, k, v: attend(q, k, v, ~_allowed(q)).nan_to_num(),
                lambda q, k, v: attend(q, k, v, ~_allowed(q), blocked=-1e9),
            ),
        ),
        Mistake(
            "token cannot see itself",
            "Your mask is one step too strict: token t reads tokens up to t - 1 only, and the first has "
            "nothing left to read. Does the diagonal belong to the past or to the future here?",
            (
                lambda q, k, v: attend(q, k, v, _allowed(q, -1)),
                lambda q, k, v: attend(q, k, v, _allowed(q, -1)).nan_to_num(),
                lambda q, k, v: attend(q, k, v, _allowed(q, -1), blocked=-1e9),
            ),
        ),
        Mistake(
            "one token of the future",
            "Your mask is one step too generous: token t also reads token t + 1, the very one a language "
            "model has to guess. Check which diagonal your triangle starts on.",
            (lambda q, k, v: attend(q, k, v, _allowed(q, 1)),),
        ),
        Mistake(
            "mask after the softmax",
            "The future gets no weight, but what is left of a row sums to less than one wherever there is "
            "a future: the softmax had already given part of it away. At which point must the mask act so "
            "that the past shares out everything?",
            (_masked_after,),
        ),
        Mistake(
            "mask after the softmax, then renormalised",
            "This works while scores are small. With a loud future the softmax gives it all the weight, the "
            "past underflows to zero, and nothing is left to share out: the mask has to act earlier.",
            (
                lambda q, k, v: _masked_after(q, k, v, again=True),
                lambda q, k, v: _masked_after(q, k, v, again=True, floor=1e-9),
            ),
        ),
        Mistake(
            "masked scores set to zero",
            "You set the scores of the future to 0, but a score of 0 is a perfectly good score: its "
            "exponential is 1. Which score has the exponential 0?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), blocked=0.0),),
        ),
        Mistake(
            "a finite number such as -1e4",
            "Ordinary scores come out right, but with some scores of tens of thousands the future leaks "
            "through: a finite number such as -1e4 does not lose against all of them. Which number loses "
            "against every score?",
            (
                _added_number,
                lambda q, k, v: attend(q, k, v, _allowed(q), blocked=-1e4),
                lambda q, k, v: attend(q, k, v, _allowed(q), blocked=-65504.0),
            ),
        ),
        Mistake(
            "a finite number such as -1e9",
            "Right, up to scores of tens of thousands; but with scores of -1e36 the future leaks through: a "
            "finite number such as -1e9, or even -1e30, is no wall there. Which number loses against every "
            "score?",
            (
                lambda q, k, v: attend(q, k, v, _allowed(q), blocked=-1e9),
                lambda q, k, v: _added_number(q, k, v, size=1e9),
            ),
        ),
        Mistake(
            "scale missing",
            "Your weights are too sharp, the more so the larger the head size, as with plain dot products. "
            "What happened to the division from the exercise on scores?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), scale=1.0),),
        ),
        Mistake(
            "scale without the root",
            "Your weights are too even, the more so the larger the head size: the scores have been divided "
            "by more than their spread. Variance or standard deviation?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), scale=1 / q.shape[-1]),),
        ),
        Mistake(
            "no shares",
            "It comes out as if the scores of the past, or their exponentials, were the weights, without a "
            "division by their sum. What makes shares of a row of scores?",
            (
                lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).tril() @ v,
                lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).exp().tril() @ v,
            ),
        ),
        Mistake(
            "output divided",
            "It comes out as if the division stood behind the softmax: the scores keep the spread of their "
            "sum, and the output, a mean of values, is shrunk. What is to be divided?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), scale=1.0) / q.shape[-1] ** 0.5,),
        ),
        Mistake(
            "scaled by the number of tokens",
            "It comes out as if the scores were divided by the root of the number of tokens. The dot "
            "product sums over the features of a key: how many are there?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), scale=q.shape[-2] ** -0.5),),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your weights sum to one over the queries, not the keys: each column is shared out instead of "
            "each row. Which axis of the table holds the choices that one query has?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), axis=-2),),
        ),
        Mistake(
            "softmax over axis 1",
            "Your weights sum to one over axis 1, counted from the front: those are the queries, or the "
            "heads where there are any. Which axis of the table holds the choices that one query has?",
            (lambda q, k, v: attend(q, k, v, _allowed(q), axis=1),),
        ),
    ),
)


EXERCISES = (CAUSAL,)
