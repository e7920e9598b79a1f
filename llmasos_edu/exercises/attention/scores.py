"""Exercises of section 4.1: scores and weights.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
from functools import partial

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

INF = float("inf")


# 4.1-1 --------------------------------------------------------------------------------


def attention_scores(query, key):
    """query [..., q, head_dim], key [..., k, head_dim] -> scaled scores [..., q, k]."""
    return query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])


def _dot(query, key):
    return query @ key.transpose(-2, -1)


def _divided(query, key, by):
    return _dot(query, key) / by


SCORES = Exercise(
    key="4.1-1",
    title="Scaled scores",
    difficulty=1,
    minutes=5,
    statement=(
        "Write the scores of attention: entry (i, j) says how well query i fits key j. It is their dot "
        "product, divided by the fixed number, the same for all inputs of a head size, that brings its "
        "variance to 1 when the entries of query and key have variance 1. Any number of leading axes "
        "(batch, heads) must work."
    ),
    takeaway="With entries of variance 1 these scores have variance 1 at any head size.",
    reference=attention_scores,
    explanation=(
        "A sum of head_dim products has a standard deviation of sqrt(head_dim), which the division takes out."
    ),
    hints=(
        "Start with two vectors: how do you write their dot product, and which axis disappears in it?",
        "A matrix product pairs rows with columns. Queries are rows already; what has to happen to the last "
        "two axes of key so that its tokens become columns?",
        "The variances of independent terms add. So how does the standard deviation of a sum of head_dim "
        "terms grow, and where in the shape of query do you find head_dim?",
    ),
    cases=(
        Case("2 sequences of 5 tokens, head size 4", random_tensors(1, (2, 5, 4), (2, 5, 4))),
        Case("one sequence of 6 tokens, head size 16", random_tensors(2, (6, 16), (6, 16))),
        Case("3 queries and 7 keys, head size 8", random_tensors(3, (1, 3, 8), (1, 7, 8))),
        Case(
            "2 sequences with 3 heads, 4 tokens, head size 12",
            random_tensors(4, (2, 3, 4, 12), (2, 3, 4, 12)),
        ),
        Case("a single token, head size 32", random_tensors(5, (1, 1, 32), (1, 1, 32))),
    ),
    mistakes=(
        Mistake(
            "scale missing",
            "These are plain dot products: the larger the head size, the further your scores lie from 0. How "
            "does the spread of a sum grow with its number of terms, and what would undo that?",
            (_dot,),
        ),
        Mistake(
            "scale without the root",
            "You divide by the head size itself, or twice by what should divide once: at head size 16 your "
            "scores come out four times too small. Is it the variance or the standard deviation that should "
            "come out as 1?",
            (lambda q, k: _dot(q, k) / q.shape[-1],),
        ),
        Mistake(
            "one divisor for all head sizes",
            "Your divisor is the same whatever the head size. The longer the vectors, the more products are "
            "added: how does their number come into it?",
            tuple(partial(_divided, by=by) for by in (8, 2, 4, 2**0.5, 10)),
        ),
        Mistake(
            "multiplied by the scale",
            "Your scores grow with the head size faster than bare dot products do, so the scale works in "
            "the wrong direction. Should it shrink or stretch the scores?",
            (lambda q, k: _dot(q, k) * q.shape[-1] ** 0.5, lambda q, k: _dot(q, k) * q.shape[-1]),
        ),
        Mistake(
            "scaled by the number of tokens",
            "Your scale changes with the number of tokens while the head size stays. Which of the axes is "
            "the one that the dot product sums over?",
            (
                lambda q, k: _dot(q, k) / k.shape[-2] ** 0.5,
                lambda q, k: _dot(q, k) / q.shape[-2] ** 0.5,
                lambda q, k: _dot(q, k) / k.shape[-2],
            ),
        ),
        Mistake(
            "scaled by axis 1",
            "It comes out as if the root of axis 1, counted from the front, were the divisor: with a batch "
            "that is the number of tokens, or of heads. Which axis does the dot product sum over, and which "
            "number has it counted from the end?",
            (
                lambda q, k: _dot(q, k) / q.shape[1] ** 0.5,
                lambda q, k: _dot(q, k) / k.shape[1] ** 0.5,
            ),
        ),
        Mistake(
            "scaled by what was measured",
            "Your scores are divided by the spread that they happen to have, so that each score depends on "
            "others (and a single one has no spread). The divisor is a fixed number: how far does a sum "
            "of head_dim products spread?",
            (
                lambda q, k: _dot(q, k) / _dot(q, k).std(),
                lambda q, k: _dot(q, k) / _dot(q, k).std(correction=0),
                lambda q, k: _dot(q, k) / _dot(q, k).std(-1, keepdim=True),
                lambda q, k: _dot(q, k) / _dot(q, k).std(-1, correction=0, keepdim=True),
                lambda q, k: (_dot(q, k) - _dot(q, k).mean()) / _dot(q, k).std(correction=0),
                lambda q, k: _dot(q, k) / _dot(q, k).std((-2, -1), keepdim=True),
                lambda q, k: (_dot(q, k) - _dot(q, k).mean()) / _dot(q, k).std(),
            ),
        ),
        Mistake(
            "cosines for scores",
            "You divide by the lengths of query and key: that is their cosine. A long key may shout; the "
            "divisor depends on the head size alone.",
            (
                lambda q, k: _dot(
                    torch.nn.functional.normalize(q, dim=-1), torch.nn.functional.normalize(k, dim=-1)
                ),
            ),
        ),
        Mistake(
            "softmax already taken",
            "Your numbers are positive and each row sums to one: these are weights already. The exercise "
            "asks for what stands inside the softmax.",
            (lambda q, k: (_dot(q, k) / q.shape[-1] ** 0.5).softmax(-1), lambda q, k: _dot(q, k).softmax(-1)),
        ),
        Mistake(
            "query and key exchanged",
            "Rows and columns are exchanged: with 3 queries and 7 keys you return 7 rows. Whose token should "
            "a row belong to?",
            (lambda q, k: _dot(k, q) / q.shape[-1] ** 0.5,),
        ),
        Mistake(
            "absolute values",
            "None of your scores is negative, although some query and key point away from each other. "
            "A score may say 'not this one': let its sign live.",
            (
                lambda q, k: _dot(q, k).abs() / q.shape[-1] ** 0.5,
                lambda q, k: _dot(q, k).relu() / q.shape[-1] ** 0.5,
            ),
        ),
    ),
)


# 4.1-2 --------------------------------------------------------------------------------


def attention_weights(scores):
    """scores [..., q, k] -> weights [..., q, k], positive, each row summing to one."""
    powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return powers / powers.sum(dim=-1, keepdim=True)


def _exp_share(scores, shift):
    powers = torch.exp(scores - shift)
    return powers / powers.sum(-1, keepdim=True)


WEIGHTS = Exercise(
    key="4.1-2",
    title="A softmax that does not overflow",
    difficulty=1,
    minutes=10,
    statement=(
        "Turn scores into weights with torch.exp, a sum and a division, without torch.softmax. It must also "
        "work for scores of 1000 and of -1000 (exp(1000) is infinite in float32), and give weight 0 to a "
        "score of -inf."
    ),
    takeaway=(
        "Adding a constant to a row changes none of its weights, and that freedom is what saves the "
        "exponential."
    ),
    reference=attention_weights,
    explanation=(
        "Subtracting a row's own maximum changes no weight and makes the largest exponential exactly 1."
    ),
    hints=(
        "Write the formula down first for one row: each weight is an exponential divided by what?",
        "If you add 5 to every score of a row, what happens to numerator and denominator of each weight?",
        "So you may subtract anything from a row. Which number makes the largest exponent zero, and which "
        "axis and which keepdim do you need so that each row gets its own?",
    ),
    cases=(
        Case("a small 3 x 3 table", random_tensors(11, (3, 3))),
        Case("2 sequences of 4 queries and 6 keys", (3 * random_tensors(12, (2, 4, 6))[0],)),
        Case("scores around 1000", (1000 + random_tensors(13, (2, 4))[0],)),
        Case("scores around -1000", (-1000 + random_tensors(14, (2, 4))[0],)),
        Case(
            "one row near 1000 above a row near -1000",
            (torch.tensor([[999.0, 1000, 998], [-999, -1000, -998]]),),
        ),
        Case(
            "a causal table with -inf",
            (torch.tensor([[0.5, -INF, -INF], [1.0, 2.0, -INF], [0.0, 0.3, -0.4]]),),
        ),
        Case("one key only", (torch.tensor([[[3.0], [-2.0]]]),)),
        Case(
            "scores from -1000 to 1000 in one row",
            (torch.tensor([[0.0, 1000, -1000, 999], [-1000.0, -999, 1000, 0]]),),
        ),
        Case("-inf beside scores of -1000", (torch.tensor([[-1000.0, -INF, -1001], [-INF, -999, -1000]]),)),
    ),
    mistakes=(
        Mistake(
            "softmax over the wrong axis",
            "Your columns sum to one, not your rows: the queries compete for each key. Who should share "
            "out one unit of attention, and over which axis?",
            (lambda s: s.softmax(-2),),
        ),
        Mistake(
            "softmax over the first axis",
            "What sums to one in your result runs over the first axis. With sequences in front that axis "
            "counts sequences, which have nothing to share out. Who should share out one unit of "
            "attention, and over which axis, counted from the end?",
            (lambda s: s.softmax(0),),
        ),
        Mistake(
            "softmax over the whole table",
            "One unit is shared out over a whole table of yours, or over all of them, so each row gets "
            "only a part. Each query has a unit of attention of its own.",
            (
                lambda s: s.flatten(-2).softmax(-1).reshape(s.shape),
                lambda s: s.flatten().softmax(-1).reshape(s.shape),
                lambda s: (p := torch.exp(s - s.amax(-1, keepdim=True))) / p.sum(),
            ),
        ),
        Mistake(
            "overflow",
            "Scores near 1000 give NaN in your result: the exponential became infinite, "
            "and infinity over infinity is no number. What may you subtract from a row without changing its "
            "weights?",
            (lambda s: _exp_share(s, 0),),
        ),
        Mistake(
            "NaN replaced by zero",
            "Rows near 1000 or -1000 get no weight at all in your result, only zeros, as where NaN is "
            "replaced after it was made. What may you subtract from a row without changing its weights?",
            (lambda s: _exp_share(s, 0).nan_to_num(),),
        ),
        Mistake(
            "one maximum for all rows",
            "Where one row lies near 1000 and another near -1000, the low row comes out as 0/0: you "
            "subtract the largest score of the whole table. Whose largest score would keep every row alive?",
            (lambda s: _exp_share(s, s.max()),),
        ),
        Mistake(
            "another number than the row's largest",
            "What you subtract is not the largest score of each row (but a mean, the smallest, the first or "
            "the last, the largest size, a fixed number, or the largest along another axis): an exponential "
            "may still overflow, all of a row may come to 0, or a -inf spreads.",
            (
                lambda s: _exp_share(s, s[..., :1]),
                lambda s: _exp_share(s, s[..., -1:]),
                lambda s: _exp_share(s, 1000),
                lambda s: _exp_share(s, s.amin(-1, keepdim=True)),
                lambda s: _exp_share(s, s.abs().amax(-1, keepdim=True)),
                lambda s: _exp_share(s, s.mean(-1, keepdim=True)),
                lambda s: _exp_share(s, s.amax(0, keepdim=True)),
                lambda s: _exp_share(s, s.amax(-2, keepdim=True)),
            ),
        ),
        Mistake(
            "a number for minus infinity",
            "A score of -inf comes out as if it were a number, such as 0 or -1000: beside scores that are "
            "not far above that number it gets weight. As it is, its exponential is 0.",
            (
                lambda s: s.masked_fill(s == -INF, -1000).softmax(-1),
                lambda s: s.masked_fill(s == -INF, 0).softmax(-1),
            ),
        ),
        Mistake(
            "not divided by the sum",
            "The largest number in each of your rows is 1, so a row in which a second key counts sums to "
            "more than that. The exponentials are there; what makes shares of them?",
            (lambda s: torch.exp(s - s.amax(-1, keepdim=True)),),
        ),
        Mistake(
            "bare exponentials",
            "Your numbers are the exponentials of the scores as they came: infinite near 1000, and shares "
            "of nothing yet. What has to happen to a row before the exponential, and what after it?",
            (torch.exp,),
        ),
        Mistake(
            "no exponential",
            "The scores themselves are divided by their sum: of finite ones the rows sum to one, but some of "
            "your weights are below zero. Which function makes any number positive and keeps their order?",
            (lambda s: s / s.sum(-1, keepdim=True),),
        ),
        Mistake(
            "logarithms of the weights",
            "Your numbers are the logarithms of the weights: none is above zero, and it is their "
            "exponentials that sum to one in each row. One step is missing.",
            (lambda s: s - s.logsumexp(-1, keepdim=True),),
        ),
        Mistake(
            "scores cut off",
            "Scores near 1000 all get the same weight in your result, so you seem to clip large scores. "
            "That avoids the overflow, but forgets which was larger; shift the row instead.",
            (
                lambda s: s.clamp(max=50).softmax(-1),
                lambda s: s.clamp(-50, 50).softmax(-1),
            ),
        ),
    ),
)


EXERCISES = (SCORES, WEIGHTS)
