"""Exercise of section 4.1: how spread out a row of weights is.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

INF = float("inf")

# 4.1-9 --------------------------------------------------------------------------------


def attention_entropy(weights):
    """weights [..., q, k], rows summing to one -> entropy of each row in bits, [..., q]."""
    return -(weights * torch.log2(weights.clamp_min(1e-30))).sum(dim=-1)


def _logarithms(weights):
    return -torch.where(weights > 0, weights.log2(), 0.0).sum(-1)


ENTROPY = Exercise(
    key="4.1-9",
    title="How spread out is a row of attention?",
    difficulty=2,
    minutes=10,
    statement=(
        "Measure the entropy in bits of each row of weights: 0 for a row that looks at one key, log2(n) for "
        "one that looks at n keys equally. A weight of exactly 0, as under a causal mask, contributes 0."
    ),
    takeaway="Two to the power of this number says among how many keys the row divides itself.",
    reference=attention_entropy,
    explanation=(
        "p log p goes to 0 with p, so any positive floor inside the logarithm is multiplied away by the "
        "weight."
    ),
    hints=(
        "The entropy is the average surprise: each weight times the logarithm of that weight, added up. "
        "What sign makes it positive?",
        "A row that looks at 8 keys equally must give 3. Which base does the logarithm have?",
        "0 * log(0) is NaN in floating point, although its limit is 0. What can you do to the logarithm's "
        "argument that does not matter, because it is multiplied by 0 anyway?",
    ),
    cases=(
        Case("8 keys read equally", (torch.full((1, 1, 8), 1 / 8),)),
        Case("1024 keys read equally", (torch.full((1, 1024), 1 / 1024),)),
        Case("random rows over 5 keys", (random_tensors(41, (2, 5, 5))[0].softmax(-1),)),
        Case("3 queries and 7 keys", (random_tensors(42, (3, 7))[0].mul(2).softmax(-1),)),
        Case("a row that looks at one key only", (torch.eye(4)[None],)),
        Case(
            "a causal table",
            (random_tensors(43, (1, 6, 6))[0].masked_fill(torch.ones(6, 6).triu(1) > 0, -INF).softmax(-1),),
        ),
        Case("2 sequences with 3 heads", (random_tensors(44, (2, 3, 4, 4))[0].mul(3).softmax(-1),)),
    ),
    mistakes=(
        Mistake(
            "nats instead of bits",
            "8 keys read equally give 2.08 with your function instead of 3: the logarithm has another "
            "base. Which base counts yes-or-no questions?",
            (
                lambda w: torch.special.entr(w).sum(-1),
                lambda w: -(w * w.log()).sum(-1),
            ),
        ),
        Mistake(
            "digits instead of bits",
            "8 keys read equally give 0.90 with your function instead of 3: the logarithm has the base 10. "
            "Which base counts yes-or-no questions?",
            (lambda w: torch.special.entr(w).sum(-1) / math.log(10),),
        ),
        Mistake(
            "NaN at a weight of zero",
            "A weight of exactly 0 turns its row into NaN in your result: the logarithm of 0 is -inf, and 0 "
            "times -inf is no number. What should such a key contribute?",
            (lambda w: -(w * w.log2()).sum(-1),),
        ),
        Mistake(
            "too high a floor",
            "It comes out as if weights were lifted before the logarithm, by something or to something that "
            "is not small beside them. Among many keys all weights are small: take a floor far below.",
            (
                *(lambda w, least=least: -(w * (w + least).log2()).sum(-1) for least in (1e-5, 1e-4, 1e-3)),
                *(lambda w, least=least: -(w * w.clamp_min(least).log2()).sum(-1) for least in (1e-3, 1e-2)),
            ),
        ),
        Mistake(
            "a whole row of zero",
            "A row with a weight of exactly 0 has the entropy 0 in your result, whatever its other weights "
            "are. Only that key contributes nothing; the others count as ever.",
            (lambda w: (-(w * w.log2()).sum(-1)).nan_to_num(),),
        ),
        Mistake(
            "a share of the greatest entropy",
            "It comes out as if the entropy were divided by that of equal weights, so that no row has more "
            "than 1. Bits are asked for: 8 keys read equally give 3.",
            (lambda w: torch.special.entr(w).sum(-1) / math.log(max(2, w.shape[-1])),),
        ),
        Mistake(
            "sign missing",
            "No entropy of yours is above zero: the logarithm of a number below one is negative. Surprise "
            "is counted upwards.",
            (
                lambda w: -torch.special.entr(w).sum(-1) / math.log(2),
                lambda w: (w * w.log2()).sum(-1),
            ),
        ),
        Mistake(
            "summed over the queries",
            "You add up over the queries, so there is one number per key. Which axis holds the choices of "
            "one query?",
            (lambda w: torch.special.entr(w).sum(-2) / math.log(2), lambda w: -(w * w.log2()).sum(-2)),
        ),
        Mistake(
            "mean instead of sum",
            "Your numbers are too small by the number of keys: they are means over the keys. The weights "
            "themselves are already the shares of an average.",
            (lambda w: torch.special.entr(w).mean(-1) / math.log(2),),
        ),
        Mistake(
            "mean instead of sum, and NaN",
            "Your entropies are means over the keys, too small by their number, and NaN in a row with a "
            "weight of exactly 0: there 0 is multiplied by -inf. The weights are already the shares of an "
            "average.",
            (lambda w: -(w * w.log2()).mean(-1),),
        ),
        Mistake(
            "surprise of the strongest key",
            "What comes out is how surprising the strongest key of a row is. Entropy is the surprise to "
            "expect: that of every key, weighted by its weight.",
            (lambda w: -w.amax(-1).log2(),),
        ),
        Mistake(
            "keys counted",
            "What comes out is log2 of the number of keys with a weight above 0, however small it is. That "
            "is the entropy only where they are read equally.",
            (lambda w: (w > 0).sum(-1).log2(),),
        ),
        Mistake(
            "squares instead of logarithms",
            "What comes out is made of the sum of the squared weights. Entropy is the mean of the negative "
            "logarithms, each weighted by its weight.",
            (lambda w: 1 - w.square().sum(-1), lambda w: -w.square().sum(-1).log2()),
        ),
        Mistake(
            "what is missing to equal weights",
            "What comes out is how many bits a row lacks to one that looks at all keys equally. Asked for "
            "are the bits that it has.",
            (lambda w: math.log2(w.shape[-1]) - torch.special.entr(w).sum(-1) / math.log(2),),
        ),
        Mistake(
            "one number for everything",
            "You return a single number for the whole table. The exercise asks for one per query: which "
            "axis may disappear, and which have to stay?",
            (
                lambda w: torch.special.entr(w).sum(-1).mean() / math.log(2),
                lambda w: torch.special.entr(w).sum() / math.log(2),
            ),
        ),
        Mistake(
            "weights left out of the average",
            "You add up the logarithms, but do not weigh each by how likely its key is. "
            "A key that gets hardly any weight should hardly count.",
            (lambda w: -w.clamp_min(1e-9).log2().sum(-1), lambda w: -w.log2().sum(-1), _logarithms),
        ),
        Mistake(
            "number of keys instead of bits",
            "8 keys read equally give 8 with your function: that is the effective number of keys. "
            "How many yes-or-no questions single one of them out?",
            (lambda w: 2 ** (torch.special.entr(w).sum(-1) / math.log(2)),),
        ),
    ),
    atol=1e-4,  # a floor such as 1e-6 inside the logarithm is good enough
)


EXERCISES = (ENTROPY,)
