"""Exercises of chapter 3.5: temperature, and the share of a gain.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.5-1 ----------------------------------------------------------------------------------


def soften(logits, temperature):
    """logits [..., vocab] -> probabilities at the temperature [..., vocab], their entropy in bits [...]."""
    probabilities = (logits / temperature).softmax(dim=-1)
    nats = torch.special.entr(probabilities).sum(dim=-1)
    return probabilities, nats / math.log(2)


def _bits(p):
    return torch.special.entr(p).sum(-1) / math.log(2)


def _with_entropy(probabilities, entropy=_bits):
    """An answer from a way to make probabilities and a way to measure their entropy."""

    def answer(logits, temperature):
        p = probabilities(logits, temperature)
        return p, entropy(p)

    return answer


def _right(logits, temperature):
    return (logits / temperature).softmax(-1)


def _bare_exponentials(logits, temperature):
    weights = (logits / temperature).exp()
    return weights / weights.sum(-1, keepdim=True)


def _scores(name, seed, shape, temperature, scale=2.0):
    (logits,) = random_tensors(seed, shape)
    return Case(name, (scale * logits, temperature))


SOFTEN = Exercise(
    key="3.5-1",
    title="Probabilities at a temperature",
    difficulty=1,
    minutes=10,
    statement=(
        "Turn logits into probabilities at a temperature T, the softmax of logits / T, and measure the "
        "entropy of each row in bits, minus the sum of p log2 p. Logits may be as large as 1,000, and a "
        "token that cannot come has the logit -inf: its term is 0."
    ),
    takeaway="Temperature keeps the order of the tokens and changes only how loudly the small ones speak.",
    reference=soften,
    explanation="Division before the softmax; torch's own -p ln p is 0 at 0, and ln 2 turns nats into bits.",
    hints=(
        "A high temperature makes the distribution flat, a low one makes it sharp. What must happen to the "
        "differences between logits?",
        "Entropy belongs to the probabilities that you return, at their temperature. Which axis does its sum "
        "run over, and which logarithm gives bits?",
        "For p = 0 the product of p and its logarithm is NaN on a computer, but the term is 0: replace it, "
        "or look in torch.special.",
    ),
    cases=(
        _scores("3 rows at temperature 2", 1001, (3, 5), 2.0),
        _scores("one row at temperature 1", 1002, (6,), 1.0),
        _scores("a low temperature", 1003, (4, 7), 0.3),
        _scores("temperature 20", 1004, (2, 9), 20.0),
        _scores("batch and positions", 1005, (2, 3, 4), 4.0),
        _scores("logits of hundreds", 1006, (3, 6), 1.5, scale=400.0),
        Case("a token that cannot come", (torch.tensor([[2.0, -torch.inf, 1.0], [0.0, 3.0, -1.0]]), 3.0)),
        Case("-inf beside logits of -900", (torch.tensor([[-900.0, -902.0, -torch.inf]]), 2.0)),
    ),
    mistakes=(
        Mistake(
            "temperature multiplied",
            "You multiply by the temperature, so a high one makes the distribution sharper. It divides.",
            (_with_entropy(lambda z, t: (z * t).softmax(-1)),),
        ),
        Mistake(
            "no temperature",
            "The temperature has no effect in your answer. Logits are divided by it before the softmax.",
            (_with_entropy(lambda z, t: z.softmax(-1)),),
        ),
        Mistake(
            "temperature after the softmax",
            "Your temperature comes after the softmax. A mere division leaves a sum of 1/T, and a power "
            "needs a new division by its sum. Apply it to the logits, before the softmax.",
            (
                _with_entropy(lambda z, t: z.softmax(-1) / t),
                _with_entropy(lambda z, t: z.softmax(-1) ** (1 / t)),
            ),
        ),
        Mistake(
            "entropy at temperature 1",
            "Your entropy is that of temperature 1. It belongs to the probabilities that you return, and "
            "grows with the temperature.",
            (lambda z, t: (_right(z, t), _bits(z.softmax(-1))),),
        ),
        Mistake(
            "nats instead of bits",
            "Your entropy is 0.693 times what it should be: the natural logarithm gives nats, that to base 2 "
            "gives bits.",
            (_with_entropy(_right, lambda p: torch.special.entr(p).sum(-1)),),
        ),
        Mistake(
            "sign of the entropy",
            "Your entropy is negative. The logarithm of a probability is never above 0: turn the sign.",
            (_with_entropy(_right, lambda p: -_bits(p)),),
        ),
        Mistake(
            "probabilities at temperature 1",
            "The probabilities that you return are those of temperature 1. Both results are asked for at "
            "the temperature.",
            (lambda z, t: (z.softmax(-1), _bits(_right(z, t))),),
        ),
        Mistake(
            "zero times minus infinity",
            "Where a probability is 0, your entropy is NaN: 0 times the logarithm of 0. The limit of p log p "
            "is 0, so that term has to be 0.",
            (_with_entropy(_right, lambda p: -(p * p.log2()).sum(-1)),),
        ),
        Mistake(
            "a token that cannot come",
            "For a token that cannot come your entropy is NaN: its probability is 0 and its logarithm -inf, "
            "and the product of both is NaN on a computer. That term has to be 0.",
            (lambda z, t: (_right(z, t), -(_right(z, t) * (z / t).log_softmax(-1)).sum(-1) / math.log(2)),),
        ),
        Mistake(
            "another number for minus infinity",
            "What comes out is as if -inf, or every logit far below 0, became a number such as -100, which "
            "wins where the others lie lower still. -inf may stay: its softmax is 0.",
            (
                _with_entropy(lambda z, t: (z.clamp(min=-100) / t).softmax(-1)),
                _with_entropy(lambda z, t: (z.masked_fill(z == -torch.inf, -100) / t).softmax(-1)),
            ),
        ),
        Mistake(
            "bare exponentials",
            "For large logits the exponential is infinite, and infinity over infinity is NaN. Subtracting "
            "the largest logit of a row changes no probability; torch's softmax does so.",
            (_with_entropy(_bare_exponentials),),
        ),
        Mistake(
            "mean over the vocabulary",
            "Your entropy is the mean over the tokens of a row where the sum is asked for. It would shrink "
            "as the vocabulary grows.",
            (_with_entropy(_right, lambda p: _bits(p) / p.shape[-1]),),
        ),
        Mistake(
            "a share of the largest entropy",
            "Your entropy is divided by that of the even distribution, log2 of the vocabulary: a share "
            "between 0 and 1. Asked for are the bits themselves.",
            (_with_entropy(_right, lambda p: _bits(p) / math.log2(p.shape[-1])),),
        ),
        Mistake(
            "surprise of the likeliest",
            "You measure how surprising the likeliest token is. Entropy is the surprise to expect: that of "
            "every token, weighted by its probability.",
            (_with_entropy(_right, lambda p: -p.amax(-1).log2()),),
        ),
        Mistake(
            "one entropy for all rows",
            "You return one entropy for all rows together. Each row is a distribution and has one of its "
            "own.",
            (
                _with_entropy(_right, lambda p: _bits(p).mean()),
                _with_entropy(_right, lambda p: _bits(p).sum()),
            ),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your softmax runs along the first axis, so that your rows do not sum to 1. The tokens of a "
            "vocabulary compete along the last axis.",
            (_with_entropy(lambda z, t: (z / t).softmax(0)),),
        ),
        Mistake(
            "perplexity",
            "You return 2 to the power of the entropy, a number of equally likely tokens (perplexity). Asked "
            "for is the entropy itself.",
            (_with_entropy(_right, lambda p: 2 ** _bits(p)),),
        ),
    ),
    parts=("probabilities", "entropy"),
)


# 3.5-8 ----------------------------------------------------------------------------------


def share_kept(alone, distilled, teacher):
    """Losses [seeds] of student alone, student distilled, teacher -> share of the teacher's gain kept, []."""
    possible = (alone - teacher).mean()
    kept = (alone - distilled).mean()
    return kept / possible


def _losses(name, *rows):
    return Case(name, tuple(torch.tensor(row, dtype=torch.float32) for row in rows))


SHARE = Exercise(
    key="3.5-8",
    title="What part of the gain survives",
    difficulty=1,
    minutes=10,
    statement=(
        "A large teacher has a lower loss than a small student that is trained alone: that difference is the "
        "teacher's gain. What share of it does the same small student get when it is distilled? Each entry "
        "is the loss of one seed; return the mean gain of distillation over the mean gain of the teacher. A "
        "share may be below 0 or above 1."
    ),
    takeaway="No share without a baseline: the student alone, trained as long on the same text, is the zero.",
    reference=share_kept,
    explanation="Both gains are measured from the student alone; the means come first, the division last.",
    hints=(
        "Which share has a distilled student with the teacher's loss? And one with the loss of the student "
        "alone? These two ends fix the scale.",
        "Both gains are differences from the same loss. Which of the three is it?",
        "Means over the seeds first, one division at the end: a seed in which the teacher gains next to "
        "nothing would otherwise decide alone.",
    ),
    cases=(
        _losses("one seed, half kept", [3.0], [2.5], [2.0]),
        _losses("three seeds", [2.9, 3.1, 2.8], [2.6, 2.7, 2.6], [2.1, 2.0, 2.2]),
        _losses("distillation does harm", [2.0, 2.2], [2.1, 2.3], [1.5, 1.6]),
        _losses("better than its teacher", [2.8, 2.7, 2.9], [2.3, 2.35, 2.2], [2.4, 2.5, 2.3]),
        _losses("seeds that differ much", [3.0, 2.2, 3.6, 2.6], [2.6, 2.0, 3.2, 2.55], [1.0, 2.0, 3.0, 2.5]),
        _losses("nothing kept", [1.4, 1.5], [1.3, 1.6], [0.8, 0.9]),
        _losses("a seed in which the teacher is worse", [2.6, 2.4, 2.5], [2.5, 2.3, 2.3], [2.0, 2.5, 1.9]),
    ),
    mistakes=(
        Mistake(
            "no baseline",
            "You compare the student's loss with its teacher's and nothing else. A useless distillation "
            "would score well too: measure both gains from the student alone.",
            (lambda a, d, t: t.mean() / d.mean(), lambda a, d, t: d.mean() / t.mean()),
        ),
        Mistake(
            "the share that is lost",
            "Your number is 0 for a student as good as its teacher: it is the share of the gain that is "
            "lost. What is kept is the rest.",
            (lambda a, d, t: (d - t).mean() / (a - t).mean(),),
        ),
        Mistake(
            "upside down",
            "You divide the teacher's gain by the student's. A share has the whole below the line.",
            (lambda a, d, t: (a - t).mean() / (a - d).mean(),),
        ),
        Mistake(
            "gain over the loss",
            "You divide by a loss, that of the student alone or that of the teacher, and get a share of it. "
            "The whole is what the teacher gains.",
            (lambda a, d, t: (a - d).mean() / a.mean(), lambda a, d, t: (a - d).mean() / t.mean()),
        ),
        Mistake(
            "alone and distilled exchanged",
            "You measure from the distilled student. The zero of this scale is the student that learned "
            "alone.",
            (lambda a, d, t: (d - a).mean() / (d - t).mean(),),
        ),
        Mistake(
            "sign turned",
            "A loss is a gain when it falls. Your difference in one of the two gains is the wrong way round.",
            (lambda a, d, t: (d - a).mean() / (a - t).mean(),),
        ),
        Mistake(
            "mean of the shares",
            "You divide seed by seed and take the mean of the shares. A seed whose teacher gains next to "
            "nothing then decides alone. Means first.",
            (lambda a, d, t: ((a - d) / (a - t)).mean(),),
        ),
        Mistake(
            "median of the shares",
            "You divide seed by seed and take the median of the shares. Asked for are two mean gains, and "
            "one division at the end.",
            (lambda a, d, t: ((a - d) / (a - t)).median(),),
        ),
        Mistake(
            "medians for means",
            "You take medians over the seeds. Asked for is the mean gain over the mean gain.",
            (
                lambda a, d, t: (a.median() - d.median()) / (a.median() - t.median()),
                lambda a, d, t: share_kept(*(x.quantile(0.5) for x in (a, d, t))),
            ),
        ),
        Mistake(
            "sizes of the gains",
            "A sign is lost on the way, as with abs(). In a seed in which distillation does harm its gain is "
            "below 0.",
            (
                lambda a, d, t: (a - d).abs().mean() / (a - t).abs().mean(),
                lambda a, d, t: share_kept(a, d, t).abs(),
            ),
        ),
        Mistake(
            "over what is left",
            "You divide by what the distilled student still lacks. The whole is the teacher's gain over the "
            "student alone.",
            (lambda a, d, t: (a - d).mean() / (d - t).mean(),),
        ),
        Mistake(
            "a sum over a mean",
            "One of your two gains is summed over the seeds and the other averaged. Take the mean of both.",
            (
                lambda a, d, t: (a - d).sum() / (a - t).mean(),
                lambda a, d, t: (a - d).mean() / (a - t).sum(),
            ),
        ),
        Mistake(
            "gain less gain",
            "What comes out is one gain less the other. A share is a quotient: the gain of distillation over "
            "that of the teacher.",
            (lambda a, d, t: (t - d).mean(), lambda a, d, t: (d - t).mean()),
        ),
        Mistake(
            "best seed only",
            "You choose the best seed, of the shares or of the losses. To choose it after the fact is to "
            "choose luck: take the means.",
            (
                lambda a, d, t: (a.min() - d.min()) / (a.min() - t.min()),
                lambda a, d, t: ((a - d) / (a - t)).max(),
                lambda a, d, t: (a.mean() - d.min()) / (a.mean() - t.mean()),
            ),
        ),
        Mistake(
            "worst seed only",
            "You take the smallest of the seeds' shares. Asked for is the mean gain over the mean gain.",
            (lambda a, d, t: ((a - d) / (a - t)).min(),),
        ),
        Mistake(
            "seeds without a gain left out",
            "What comes out is as if seeds in which the teacher gains nothing were left out. All seeds "
            "count, whichever way they went.",
            (lambda a, d, t: share_kept(a[a > t], d[a > t], t[a > t]),),
        ),
        Mistake(
            "cut off at 0 and 1",
            "You cut the share off at 0 and at 1. Distillation can do harm, and a student can pass its "
            "teacher: both would be hidden.",
            (lambda a, d, t: share_kept(a, d, t).clamp(0, 1),),
        ),
        Mistake(
            "cut off at 0",
            "You cut the share off at 0. Distillation can do harm: that would be hidden.",
            (lambda a, d, t: share_kept(a, d, t).clamp(min=0),),
        ),
        Mistake(
            "cut off at 1",
            "You cut the share off at 1. A student can pass its teacher: that would be hidden.",
            (lambda a, d, t: share_kept(a, d, t).clamp(max=1),),
        ),
        Mistake(
            "one share for each seed",
            "You return a share for each seed. Asked for is one number: the ratio of the two means.",
            (lambda a, d, t: (a - d) / (a - t),),
        ),
        Mistake(
            "percent",
            "Your number is a hundred times the share. Keep it a share; percent belongs into the sentence.",
            (lambda a, d, t: 100 * share_kept(a, d, t),),
        ),
        Mistake(
            "perplexities",
            "You take the exponential, or the logarithm, of the losses first. The gain is asked for in the "
            "loss itself, in nats; in perplexities the share is another one.",
            (
                lambda a, d, t: share_kept(a.exp(), d.exp(), t.exp()),
                lambda a, d, t: share_kept(a.log(), d.log(), t.log()),
            ),
        ),
    ),
)


EXERCISES = (SOFTEN, SHARE)
