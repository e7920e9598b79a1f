"""Exercises of section 4.1, the part on tables of weights: induction score, dropout.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

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


def _wrapped(weights, period, start, shift):
    """Where the place to look at is negative, it is counted from the end, as an index is."""
    queries = torch.arange(start, weights.shape[-1])
    return weights[:, queries, queries - period + shift]


def _mean_of_copies(weights, period):
    seq = weights.shape[-1]
    copies = (_stripe(weights, period, 1, t, min(t + period, seq)) for t in range(period, seq, period))
    return torch.stack([copy.mean(-1) for copy in copies]).mean(0)


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
            "With whole copies you are right. Where the last one breaks off, its tokens are left out of "
            "your mean or count for more than others: every t from period to seq - 1 counts the same.",
            (
                lambda w, p: _stripe(w, p, 1, stop=w.shape[-1] // p * p).mean(-1),
                _mean_of_copies,
            ),
        ),
        Mistake(
            "divided by the period",
            "It comes out as if the sum were divided by the length of the pattern. With two copies that is "
            "right; how many t are there from the second copy on, where there are more?",
            (lambda w, p: _stripe(w, p, 1).sum(-1) / p,),
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
        "Which weights survive is drawn for you (keep; each survives with probability 1 - dropout_p, and "
        "dropout_p is below 1). Scale the survivors so that the expected value of every weight is "
        "unchanged."
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
            "The right weights are gone in training, but the survivors are as they were, so on average "
            "every weight has become smaller. By how much, and what makes up for it?",
            (lambda w, keep, p, training: _drop(w, keep, 1) if training else w,),
        ),
        Mistake(
            "not scaled, and dropped at evaluation too",
            "The survivors are as they were, so on average every weight has become smaller, and at "
            "evaluation weights are dropped as in training. What makes up for the loss, and what should "
            "`training` decide?",
            (lambda w, keep, p, t: _drop(w, keep, 1),),
        ),
        Mistake(
            "scaled by p instead of 1 - p",
            "At dropout_p = 0.5 your result is right, at 0.2 it is not: you use the probability of being "
            "dropped where that of surviving belongs.",
            (
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else 1) if training else w,
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else INF) if training else w,
            ),
        ),
        Mistake(
            "scaled by 1 + p",
            "Your survivors count 1 + p times as much as they did. The smaller p, the nearer that is, but "
            "what is survival times your factor? It should be 1.",
            (lambda w, keep, p, training: _drop(w, keep, 1 + p) if training else w,),
        ),
        Mistake(
            "scaled the wrong way",
            "Your survivors become smaller than they were wherever p is not 0. They have to stand in for "
            "the dropped ones: should they count more or less?",
            (lambda w, keep, p, training: _drop(w, keep, 1 - p) if training else w,),
        ),
        Mistake(
            "keep read as drop",
            "In training the weights that should survive are zero, and those that should go are there. "
            "What does True mean in keep?",
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
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w * (1 - p),
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w / (1 - p),
            ),
        ),
        Mistake(
            "scaled at evaluation instead",
            "Your average is kept by making all weights smaller at evaluation, instead of the survivors "
            "larger in training. It was done so once; here evaluation gives the weights back as they came.",
            (lambda w, keep, p, training: _drop(w, keep, 1) if training else w * (1 - p),),
        ),
        Mistake(
            "scaled by what survived",
            "It comes out as if the factor were one over the share that happened to survive, in the whole "
            "table or in each row. The expected value asks for the probability of surviving, which "
            "dropout_p tells.",
            (
                lambda w, keep, p, t: w * keep / keep.float().mean() if t else w,
                lambda w, keep, p, t: (
                    w * keep / keep.float().mean(-1, keepdim=True).clamp_min(1e-9) if t else w
                ),
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

EXERCISES = (INDUCTION, DROPOUT)
