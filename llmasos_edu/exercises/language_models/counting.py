"""An exercise of chapter 2.1 on tables of counts: smoothing.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-1 --------------------------------------------------------------------------------


def smoothed(counts, k):
    """counts [vocab] of what followed a context, k above 0 -> probabilities [vocab]."""
    total = sum(counts) + k * len(counts)
    return [(count + k) / total for count in counts]


def _divided_by(total):
    return lambda counts, k: [(count + k) / (total(counts, k) or 1) for count in counts]


def _only_the_unseen(total):
    return lambda counts, k: [(count or k) / (total(counts, k) or 1) for count in counts]


def _above(change):
    """The right divisor with something else above it."""
    return lambda counts, k: [change(count, k) / (sum(counts) + k * len(counts)) for count in counts]


def _seen(counts):
    return sum(count > 0 for count in counts)


def _maximum_likelihood(counts, k):
    total = sum(counts)
    return [count / total if total else 1 / len(counts) for count in counts]


def _softmax(counts, k):
    powers = [math.exp(count) for count in counts]
    return [power / sum(powers) for power in powers]


def _while_it_grows(counts, k):
    total = sum(counts)
    return [(count + k) / (total + k * number) for number, count in enumerate(counts, start=1)]


def _draw_counts(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    counts = [generator.choice([0, 0, 1, 2, 5, 9]) for _ in range(generator.randint(4, 7))]
    k = generator.choice([0.1, 0.5, 2.0])
    return (Case(f"counts {counts}, k = {k}", (counts, k)),)


SMOOTHED = Exercise(
    key="2.1-1",
    title="Smoothing that sums to one",
    difficulty=1,
    minutes=10,
    statement=(
        "`counts[w]` says how often token w followed a context in the training text. Return the probability "
        "of each token to follow it, with k added to each count, so that nothing is impossible. A context "
        "that was never seen has counts of 0: there all tokens are equally likely."
    ),
    takeaway="What the unseen get is taken from the seen: the sum stays one, in every context.",
    reference=smoothed,
    explanation="k goes to each of the `len(counts)` tokens, so the divisor grows by k as many times.",
    hints=(
        "Add up what you return, for counts [3, 1, 0]. What must come out, whatever k is?",
        "If each of the tokens of the vocabulary gets k more, by how much does the sum of all counts grow?",
        "With counts that are all 0 and k = 0.5, each of four tokens should have the probability 1/4.",
    ),
    cases=(
        Case("three tokens, k = 1", ([3, 1, 0], 1.0)),
        Case("half a count", ([4, 0, 0, 4], 0.5)),
        Case("a context that was never seen", ([0, 0, 0, 0], 0.5)),
        Case("a tenth, one token seen", ([7, 0, 0, 0, 0], 0.1)),
        Case("all seen equally often", ([2, 2], 3.0)),
        Case("a vocabulary of one", ([6], 2.0)),
        Case("more seen than not", ([10, 0, 3, 1, 7, 2], 0.25)),
        Case("all seen, one more often", ([5, 1, 1], 2.0)),
    ),
    draw=_draw_counts,
    mistakes=(
        Mistake(
            "does not sum to one",
            "Your numbers do not sum to one. k is added above the line to every token of the vocabulary, so "
            "the divisor has to grow by all of these.",
            (
                _divided_by(lambda counts, k: sum(counts)),
                _divided_by(lambda counts, k: sum(counts) + k),
            ),
        ),
        Mistake(
            "one a token, whatever k is",
            "You are right where k is 1. Elsewhere the divisor grows by k for each token of the vocabulary, "
            "not by 1.",
            (
                _divided_by(lambda counts, k: sum(counts) + len(counts)),
                lambda counts, k: [(count + 1) / (sum(counts) + len(counts)) for count in counts],
            ),
        ),
        Mistake(
            "only the seen are counted",
            "Your divisor grows by k for each token that was seen. The unseen ones get their k as well, "
            "and they are the reason for all this.",
            (
                _divided_by(lambda counts, k: sum(counts) + k * _seen(counts)),
                _divided_by(lambda counts, k: sum(counts) + k * (_seen(counts) or len(counts))),
            ),
        ),
        Mistake(
            "only the unseen get k",
            "You give k to the tokens with count 0 alone. By this rule each token gets it, also those that "
            "were seen.",
            (
                _only_the_unseen(lambda counts, k: sum(counts) + k * (len(counts) - _seen(counts))),
                _only_the_unseen(lambda counts, k: sum(counts)),
                _only_the_unseen(lambda counts, k: sum(counts) + k * len(counts)),
            ),
        ),
        Mistake(
            "not smoothed",
            "What comes out are the shares of the plain counts. A token that never followed a context where "
            "others did is then impossible, and a text that has it costs endlessly many bits.",
            (_maximum_likelihood,),
        ),
        Mistake(
            "k cut to a whole number",
            "You cut k to a whole number, so that a k below 1 adds nothing. It may be any number above 0.",
            (
                lambda counts, k: _maximum_likelihood([count + int(k) for count in counts], k),
                lambda counts, k: [
                    (count + int(k)) / (sum(counts) + int(k) * len(counts) or 1) for count in counts
                ],
            ),
        ),
        Mistake(
            "counts, not probabilities",
            "You return counts with k added. Probabilities are shares: what is left is a division.",
            (lambda counts, k: [count + k for count in counts],),
        ),
        Mistake(
            "k below the line alone",
            "Above the line your counts stand as they are, and k comes in below it alone. So what never came "
            "is still impossible: each count gets its k.",
            (_above(lambda count, k: count),),
        ),
        Mistake(
            "one k for all together",
            "It comes out as if k were shared among the tokens of the vocabulary. Each count gets all of it.",
            (lambda counts, k: smoothed(counts, k / len(counts)),),
        ),
        Mistake(
            "k added to the shares",
            "It comes out as if k were added to shares. It is added to counts, before anything is divided: a "
            "context that was often seen is then changed less.",
            (
                lambda counts, k: smoothed(_maximum_likelihood(counts, k), k),
                lambda counts, k: [
                    (count / (sum(counts) or 1) + k) / (1 + k * len(counts)) for count in counts
                ],
            ),
        ),
        Mistake(
            "smoothed only where something is missing",
            "Where every token was seen, your counts are not smoothed. k goes to each count, always.",
            (lambda counts, k: (smoothed if 0 in counts else _maximum_likelihood)(counts, k),),
        ),
        Mistake(
            "one k too few below",
            "What comes out has k in the divisor for all tokens of the vocabulary but one. Each of them "
            "gets k above the line, so the divisor grows by all of these.",
            (_divided_by(lambda counts, k: sum(counts) + k * (len(counts) - 1)),),
        ),
        Mistake(
            "divided by the largest",
            "Your numbers are divided by the largest count (with its k, or without). Divided by the sum of "
            "all, they sum to one.",
            (
                _divided_by(lambda counts, k: max(counts) + k),
                _divided_by(lambda counts, k: max(counts)),
            ),
        ),
        Mistake(
            "a softmax",
            "What comes out is a softmax of the counts. Counts with their k, divided by the sum of all, are "
            "probabilities already: no exponential is needed.",
            (_softmax,),
        ),
        Mistake(
            "a mixture",
            "It comes out as if the shares were mixed with equal ones, k being the weight of these. Here k "
            "is added to each count.",
            (
                lambda counts, k: [
                    (1 - k) * share + k / len(counts) for share in _maximum_likelihood(counts, k)
                ],
                lambda counts, k: [
                    (1 - k) * count / (sum(counts) or 1) + k / len(counts) for count in counts
                ],
            ),
        ),
        Mistake(
            "zeros for an unseen context",
            "For a context that was never seen you return zeros. With k added to each count, all tokens are "
            "equally likely there: it needs no rule of its own.",
            (lambda counts, k: smoothed(counts, k) if any(counts) else [0.0] * len(counts),),
        ),
        Mistake(
            "divided while it grows",
            "It comes out as if the sum were taken while k is still being added: earlier tokens are divided "
            "by less than later ones. First add to all, then divide.",
            (_while_it_grows,),
        ),
    ),
)


EXERCISES = (SMOOTHED,)
