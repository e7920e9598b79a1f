"""Exercises of section 4.1, the part on tables of weights: the induction score.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.1-8 --------------------------------------------------------------------------------


def induction_score(weights, period):
    """weights [heads, seq, seq] on a text that repeats after `period` tokens -> scores [heads]."""
    queries = torch.arange(period, weights.shape[-1])
    return weights[:, queries, queries - period + 1].mean(dim=-1)


def _stripe(weights, period, shift, start=None, stop=None):
    queries = torch.arange(period if start is None else start, weights.shape[-1] if stop is None else stop)
    return weights[:, queries, (queries - period + shift).clamp_min(0)]


def _wrapped(weights, period, start, shift):
    """Where the place to look at is negative, it is counted from the end, as an index is."""
    queries = torch.arange(start, weights.shape[-1])
    return weights[:, queries, queries - period + shift]


def _mean_of_copies(weights, period):
    seq = weights.shape[-1]
    copies = (_stripe(weights, period, 1, t, min(t + period, seq)) for t in range(period, seq, period))
    return torch.stack([copy.mean(-1) for copy in copies]).mean(0)


def _first_copy(weights, period):
    queries = torch.arange(period, weights.shape[-1])
    return weights[:, queries, queries % period + 1].mean(-1)


def _all_copies(weights, period):
    total = torch.zeros(len(weights))
    for start in range(period, weights.shape[-1], period):
        total = total + _stripe(weights, start, 1).sum(-1)
    return total / (weights.shape[-1] - period)


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
        Case("2 heads, period 1, three copies", (_causal_weights(96, 2, 3), 1)),
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
            (
                lambda w, p: _stripe(w, p, -1).mean(-1),
                lambda w, p: _stripe(w, p, -1, p + 1).mean(-1),
                lambda w, p: _wrapped(w, p, p, -1).mean(-1),
            ),
        ),
        Mistake(
            "looks one token too late",
            "You measure the weight on t - period + 2, the token after the one that followed the previous "
            "occurrence. One step back lies the token that a copying head wants.",
            (lambda w, p: _stripe(w, p, 2).mean(-1),),
        ),
        Mistake(
            "one token left out",
            "Your mean leaves out one token of the later copies: the first of them (t = period), or the "
            "last of the text (t = seq - 1). Both count.",
            (
                lambda w, p: _stripe(w, p, 1, p + 1).mean(-1),
                lambda w, p: _stripe(w, p, 1, stop=w.shape[-1] - 1).mean(-1),
            ),
        ),
        Mistake(
            "a copy that breaks off",
            "Where the last copy breaks off, its tokens are left out of your mean or count for more than "
            "others: every t from period to seq - 1 counts the same.",
            (
                lambda w, p: _stripe(w, p, 1, stop=w.shape[-1] // p * p).mean(-1),
                _mean_of_copies,
            ),
        ),
        Mistake(
            "divided by one more",
            "It comes out as if the sum were divided by one more than the number of its terms. How many t "
            "are there from period to seq - 1?",
            (lambda w, p: _stripe(w, p, 1).sum(-1) / (w.shape[-1] - p + 1),),
        ),
        Mistake(
            "the second copy left out",
            "Where there are more than two copies, your mean begins at the third. The second has a previous "
            "occurrence as well.",
            (lambda w, p: _stripe(w, p, 1, 2 * p if w.shape[-1] > 2 * p else p).mean(-1),),
        ),
        Mistake(
            "always the first copy",
            "You measure the weight on the first copy, at every t. From the third copy on the previous "
            "occurrence is another: t - period + 1.",
            (_first_copy,),
        ),
        Mistake(
            "all earlier occurrences",
            "From the third copy on you add up the weights behind all earlier occurrences. Asked for is the "
            "place behind the previous one alone.",
            (_all_copies,),
        ),
        Mistake(
            "nothing left at period 1",
            "With a period of 1 nothing is left to take the mean of, and that is NaN: as when a slice ends "
            "at `1 - period`, which is 0 then. The token to look at is t itself.",
            (lambda w, p: w[:, p:, 1 : 1 - p].diagonal(0, 1, 2).mean(-1),),
        ),
        Mistake(
            "median instead of mean",
            "What comes out is a median of the weights. Asked for is their mean.",
            (
                lambda w, p: _stripe(w, p, 1).median(-1).values,
                lambda w, p: _stripe(w, p, 1).quantile(0.5, -1),
            ),
        ),
        Mistake(
            "divided by the period",
            "It comes out as if the sum were divided by the length of the pattern. With two copies that is "
            "right; how many t are there from the second copy on, where there are more?",
            (lambda w, p: _stripe(w, p, 1).sum(-1) / p,),
        ),
        Mistake(
            "one token too early at both ends",
            "Your t run from period - 1 to seq - 2, one too early at both ends: the last token of the text "
            "is missing, and one of the first copy is among them.",
            (lambda w, p: _stripe(w, p, 1, p - 1, w.shape[-1] - 1).mean(-1),),
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
            (lambda w, p: _stripe(w, p, 1).sum(-1) / w.shape[-1],),
        ),
        Mistake(
            "mean from the first token on",
            "Your mean runs over all tokens, those of the first copy too, which have no previous "
            "occurrence to look back to. At which t does the second copy begin?",
            (
                lambda w, p: _stripe(w, p, 1, 0).mean(-1),
                lambda w, p: _wrapped(w, p, 0, 1).mean(-1),
            ),
        ),
        Mistake(
            "query and key exchanged",
            "You read the map with its axes exchanged, so with a causal mask you find nothing but zeros. "
            "Which axis is the token that looks?",
            (lambda w, p: _stripe(w.mT, p, 1).mean(-1),),
        ),
        Mistake(
            "second copy only",
            "Where there are more than two copies, you stop after the second one. Every later copy counts as "
            "well.",
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


EXERCISES = (INDUCTION,)
