"""Exercises of section 4.1, the part on tables of weights: induction score, entropy, dropout.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

INF = float("inf")

# 4.1-8 --------------------------------------------------------------------------------


def induction_score(weights, period):
    """weights [heads, seq, seq] on a text that repeats after `period` tokens -> scores [heads]."""
    queries = torch.arange(period, weights.shape[-1])
    return weights[:, queries, queries - period + 1].mean(dim=-1)


def _stripe(weights, period, shift, start=None, stop=None):
    queries = torch.arange(period if start is None else start, weights.shape[-1] if stop is None else stop)
    return weights[:, queries, (queries - period + shift).clamp_min(0)]


def _causal_weights(seed: int, heads: int, seq: int, size: float = 1.5) -> torch.Tensor:
    scores = size * random_tensors(seed, (heads, seq, seq))[0]
    return scores.masked_fill(torch.ones(seq, seq, dtype=torch.bool).triu(1), -torch.inf).softmax(-1)


def _looks_back(seq: int, *distances: int) -> torch.Tensor:
    """One head per distance that puts 0.9 of its weight on the token so far back, where there is one."""
    weights = torch.zeros(len(distances), seq, seq)
    for head, distance in enumerate(distances):
        for token in range(seq):
            weights[head, token, max(0, token - distance)] += 0.9
            weights[head, token, token] += 0.1
    return weights


INDUCTION = Exercise(
    key="4.1-8",
    title="Find an induction head",
    difficulty=2,
    minutes=15,
    statement=(
        "A pattern of `period` tokens is said again and again. A head that copies looks from token t back "
        "to the token that followed the previous occurrence of t: position t - period + 1. Score each head "
        "by its mean weight there, over all t of the second and later copies (t = period, ..., seq - 1)."
    ),
    takeaway=(
        "A perfect copying head scores 1, and a head that looks everywhere equally scores about 1 / seq."
    ),
    reference=induction_score,
    explanation=(
        "The weights that count lie on one diagonal stripe of the map; the score is its mean from the "
        "second copy on."
    ),
    hints=(
        "Draw A B C A B C as both axes of a map. At the second B the head wants to predict C: which cell of "
        "the map shows that it looks where C stood?",
        "Write the list of pairs (t, where to look) for period 3 and 6 tokens. At which t does it begin?",
        "Those cells lie on a diagonal. You may index with two lists of positions, or take the diagonal and "
        "check whether it starts at the right t.",
    ),
    cases=(
        Case("4 heads, period 3, two copies", (_causal_weights(91, 4, 6), 3)),
        Case("2 heads, period 5, three copies", (_causal_weights(92, 2, 15), 5)),
        Case("3 heads that look 4, 3 and 1 tokens back, period 4", (_looks_back(12, 4, 3, 1), 4)),
        Case("one head, period 2, four copies", (_causal_weights(93, 1, 8), 2)),
        Case("5 heads without a causal mask, period 3", (random_tensors(94, (5, 9, 9))[0].softmax(-1), 3)),
        Case("a last copy that breaks off, period 4", (_causal_weights(95, 2, 10), 4)),
    ),
    mistakes=(
        Mistake(
            "looks at the same token",
            "You measure the weight on the previous occurrence of the token itself, t - period. A head that "
            "copies wants to know what came next after it.",
            (lambda w, p: _stripe(w, p, 0).mean(-1),),
        ),
        Mistake(
            "looks one token too early",
            "You measure the weight on the token before the previous occurrence. One step in the other "
            "direction lies what came next.",
            (lambda w, p: _stripe(w, p, -1).mean(-1), lambda w, p: _stripe(w, p, -1, p + 1).mean(-1)),
        ),
        Mistake(
            "starts one token too early",
            "Your mean includes t = period - 1, the last token of the first copy, which has no previous "
            "occurrence. A whole diagonal of the map is one cell longer than the stripe that counts.",
            (lambda w, p: _stripe(w, p, 1, p - 1).mean(-1),),
        ),
        Mistake(
            "first copy counted",
            "You divide by the number of all tokens, so the first copy, which cannot score, makes every "
            "score smaller. How many t are there from the second copy on?",
            (lambda w, p: _stripe(w, p, 1).sum(-1) / w.shape[-1], lambda w, p: _stripe(w, p, 1, 0).mean(-1)),
        ),
        Mistake(
            "query and key exchanged",
            "You read the map with its axes exchanged, so with a causal mask you find nothing but zeros. "
            "Which axis is the token that looks?",
            (lambda w, p: _stripe(w.mT, p, 1).mean(-1),),
        ),
        Mistake(
            "second copy only",
            "With two copies you are right, with more you are not: you stop after the second one. "
            "Every later copy counts as well.",
            (lambda w, p: _stripe(w, p, 1, stop=2 * p).mean(-1),),
        ),
        Mistake(
            "sum instead of mean",
            "Your scores grow with the length of the text: you add up the weights. A score that can be "
            "compared between texts stays between 0 and 1.",
            (lambda w, p: _stripe(w, p, 1).sum(-1),),
        ),
        Mistake(
            "largest instead of mean",
            "You take the largest weight that a query puts there. Asked for is the mean over all of them.",
            (lambda w, p: _stripe(w, p, 1).amax(-1),),
        ),
        Mistake(
            "counts the strongest key",
            "Your scores are shares of the queries that look there most of all. That hides how much weight "
            "they put there: the exercise asks for the mean weight.",
            (
                lambda w, p: (
                    (w.argmax(-1)[:, p:] == torch.arange(p, w.shape[-1]) - p + 1).to(torch.float32).mean(-1)
                ),
            ),
        ),
        Mistake(
            "heads averaged",
            "You return a single number: the mean ran over the heads as well. We want to know which head it "
            "is.",
            (lambda w, p: _stripe(w, p, 1).mean(),),
        ),
    ),
)


# 4.1-9 --------------------------------------------------------------------------------


def attention_entropy(weights):
    """weights [..., q, k], rows summing to one -> entropy of each row in bits, [..., q]."""
    return -(weights * torch.log2(weights.clamp_min(1e-30))).sum(dim=-1)


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
            "8 keys read equally give 2.08 with your function instead of 3: the logarithm has another base. "
            "Which base counts yes-or-no questions?",
            (
                lambda w: torch.special.entr(w).sum(-1),
                lambda w: -(w * w.log()).sum(-1),
                lambda w: torch.special.entr(w).sum(-1) / math.log(10),
            ),
        ),
        Mistake(
            "NaN at a weight of zero",
            "Rows of positive weights are right, but a weight of exactly 0 turns the row into NaN: the "
            "logarithm of 0 is -inf, and 0 times -inf is no number. What should such a key contribute?",
            (lambda w: -(w * w.log2()).sum(-1),),
        ),
        Mistake(
            "sign missing",
            "Your entropies are negative: the logarithm of a number below one is. Surprise is counted "
            "upwards.",
            (lambda w: -torch.special.entr(w).sum(-1) / math.log(2), lambda w: (w * w.log2()).sum(-1)),
        ),
        Mistake(
            "summed over the queries",
            "You add up over the queries, so there is one number per key. Which axis holds the choices of "
            "one query?",
            (lambda w: torch.special.entr(w).sum(-2) / math.log(2), lambda w: -(w * w.log2()).sum(-2)),
        ),
        Mistake(
            "mean instead of sum",
            "Your numbers shrink with the number of keys: you average over the keys. The weights themselves "
            "are already the shares of an average.",
            (lambda w: torch.special.entr(w).mean(-1) / math.log(2), lambda w: -(w * w.log2()).mean(-1)),
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
            (lambda w: -w.clamp_min(1e-9).log2().sum(-1), lambda w: -w.log2().sum(-1)),
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


# 4.1-10 --------------------------------------------------------------------------------


def drop_weights(weights, keep, dropout_p, training):
    """weights [..., q, k], keep [..., q, k] (True = survives), dropout_p, training -> weights [..., q, k]."""
    if not training:
        return weights
    return torch.where(keep, weights / (1 - dropout_p), 0.0)


def _drop(weights, keep, factor):
    return weights * keep * factor


_WEIGHTS = tuple(scores.softmax(-1) for scores in random_tensors(51, (2, 4, 4), (3, 6), (2, 2, 5, 5)))
_KEEP = tuple(noise > 0 for noise in random_tensors(52, (2, 4, 4), (3, 6), (2, 2, 5, 5)))

DROPOUT = Exercise(
    key="4.1-10",
    title="Dropout on the weights",
    difficulty=1,
    minutes=10,
    statement=(
        "Attention dropout zeroes some weights while the model trains and does nothing when it is used. "
        "Which weights survive is drawn for you (keep; each survives with probability 1 - dropout_p). Scale "
        "the survivors so that the expected value of every weight is unchanged."
    ),
    takeaway="Training and evaluation see the same weights on average, so nothing has to be corrected later.",
    reference=drop_weights,
    explanation=(
        "A weight that survives with probability 1 - p must count 1 / (1 - p) to be itself on average."
    ),
    hints=(
        "There are two situations, and one of them is very simple: what should evaluation do?",
        "A weight w survives with probability 1 - p and is 0 otherwise. What is its expected value, as it "
        "stands?",
        "Which factor on the survivors makes that expected value w again?",
    ),
    cases=(
        Case("training with half the weights dropped", (_WEIGHTS[0], _KEEP[0], 0.5, True)),
        Case(
            "training with dropout_p = 0.2", (_WEIGHTS[1], random_tensors(53, (3, 6))[0] > -0.84, 0.2, True)
        ),
        Case(
            "training with dropout_p = 0.75",
            (_WEIGHTS[2], random_tensors(54, (2, 2, 5, 5))[0] > 0.67, 0.75, True),
        ),
        Case("evaluation with dropout_p = 0.2", (_WEIGHTS[1], _KEEP[1], 0.2, False)),
        Case("evaluation with dropout_p = 0.6", (_WEIGHTS[0], _KEEP[0], 0.6, False)),
        Case("training with dropout_p = 0", (_WEIGHTS[0], torch.ones(2, 4, 4, dtype=torch.bool), 0.0, True)),
        Case(
            "a row that loses all its weights",
            (
                torch.tensor([[0.5, 0.5], [0.25, 0.75]]),
                torch.tensor([[False, False], [True, False]]),
                0.5,
                True,
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "dropout at evaluation",
            "Training is right, but at evaluation weights are still dropped: the same text would get "
            "another answer each time. What should `training` decide?",
            (lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)),),
        ),
        Mistake(
            "survivors not scaled",
            "The right weights are gone, but the survivors are as they were, so on average every weight has "
            "become smaller. By how much, and what makes up for it?",
            (
                lambda w, keep, p, training: _drop(w, keep, 1) if training else w,
                lambda w, keep, p, t: _drop(w, keep, 1),
            ),
        ),
        Mistake(
            "scaled by p instead of 1 - p",
            "At dropout_p = 0.5 your result is right, at 0.2 it is not: you use the probability of being "
            "dropped where that of surviving belongs.",
            (
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else 1) if training else w,
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else INF) if training else w,
                lambda w, keep, p, training: _drop(w, keep, 1 + p) if training else w,
            ),
        ),
        Mistake(
            "scaled the wrong way",
            "Your survivors become smaller than they were. They have to stand in for the dropped ones: "
            "should they count more or less?",
            (lambda w, keep, p, training: _drop(w, keep, 1 - p) if training else w,),
        ),
        Mistake(
            "keep read as drop",
            "The weights that should survive are zero, and those that should go are there. What does True "
            "mean in keep?",
            (
                lambda w, keep, p, training: _drop(w, ~keep, 1 / (1 - p)) if training else w,
                lambda w, keep, p, training: _drop(w, ~keep, 1) if training else w,
            ),
        ),
        Mistake(
            "scaled at evaluation",
            "Evaluation does not give the weights back as they came: you scale there as well. If training "
            "already keeps the average, what is left to correct?",
            (
                lambda w, keep, p, training: _drop(w, keep, 1) if training else w * (1 - p),
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w * (1 - p),
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w / (1 - p),
            ),
        ),
        Mistake(
            "rows normalised again",
            "The survivors of each of your rows sum to one. That makes a row with one survivor fully "
            "certain, and a row with none has no sum to be divided by; dropout uses the same factor for "
            "every weight. Which?",
            (
                lambda w, keep, p, training: w * keep / (w * keep).sum(-1, keepdim=True) if training else w,
                lambda w, keep, p, t: w * keep / (w * keep).sum(-1, keepdim=True).clamp_min(1e-9) if t else w,
            ),
        ),
        Mistake(
            "training and evaluation exchanged",
            "You drop weights at evaluation and leave training alone: the condition is the wrong way round.",
            (lambda w, keep, p, training: w if training else _drop(w, keep, 1 / (1 - p)),),
        ),
    ),
)

EXERCISES = (INDUCTION, ENTROPY, DROPOUT)
