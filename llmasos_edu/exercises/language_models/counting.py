"""Exercises of chapter 2.1 on tables of counts: smoothing, and a text that must not be counted.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
from collections import Counter, defaultdict
from itertools import pairwise

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
            (_divided_by(lambda counts, k: sum(counts) + k * _seen(counts)),),
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
            "You divide the plain counts. Whatever never followed this context is then impossible, and a "
            "text that has it costs endlessly many bits.",
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
    ),
)


# 2.1-2 --------------------------------------------------------------------------------


def held_out_bits(train, held_out, vocab_size, k):
    """train [n], held_out [m] of tokens below vocab_size, k -> bits per scored token of the held-out text."""
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    return sum(
        math.log2((contexts[before] + k * vocab_size) / (pairs[before, token] + k))
        for before, token in pairwise(held_out)
    ) / (len(held_out) - 1)


def _bits(train, held_out, vocab_size, k, *, contexts=None, per=None, log=math.log2):
    pairs = Counter(pairwise(train))
    contexts = Counter(train[:-1]) if contexts is None else contexts
    total = sum(
        log((contexts[before] + k * vocab_size) / (pairs[before, token] + k))
        for before, token in pairwise(held_out)
    )
    return total / (len(held_out) - 1 if per is None else per)


def _both_counted(train, held_out, vocab_size, k):
    return _bits([*train, *held_out], held_out, vocab_size, k)


def _both_counted_apart(train, held_out, vocab_size, k):
    pairs = Counter(pairwise(train)) + Counter(pairwise(held_out))
    contexts = Counter(train[:-1]) + Counter(held_out[:-1])
    return sum(
        math.log2((contexts[before] + k * vocab_size) / (pairs[before, token] + k))
        for before, token in pairwise(held_out)
    ) / (len(held_out) - 1)


def _without_context(train, held_out, vocab_size, k):
    counts = Counter(train)
    return sum(math.log2((len(train) + k * vocab_size) / (counts[token] + k)) for token in held_out[1:]) / (
        len(held_out) - 1
    )


def _of_the_mean(train, held_out, vocab_size, k):
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    chances = [(pairs[a, b] + k) / (contexts[a] + k * vocab_size) for a, b in pairwise(held_out)]
    return -math.log2(sum(chances) / len(chances))


def _with_first(train, held_out, vocab_size, k, first):
    """With so many bits for the first token, per token of the held-out text."""
    return (_bits(train, held_out, vocab_size, k, per=1) + first) / len(held_out)


def _seen_alone(train, held_out, vocab_size, k):
    """The bits of those pairs that the training text has."""
    known = set(pairwise(train))
    return [_bits(train, pair, vocab_size, k) for pair in pairwise(held_out) if pair in known]


def _all_alike(train):
    """A count of contexts that says the number of all pairs for each token."""
    return defaultdict(lambda: len(train) - 1)


def _looked_up_backwards(train, held_out, vocab_size, k):
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    return sum(
        math.log2((contexts[before] + k * vocab_size) / (pairs[token, before] + k))
        for before, token in pairwise(held_out)
    ) / (len(held_out) - 1)


def _backwards(train, held_out, vocab_size, k):
    return _bits(train[::-1], held_out[::-1], vocab_size, k)


def _draw_texts(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    train = [generator.choice([0, 0, 1, 2, 3]) for _ in range(20)]
    held_out = [generator.choice([0, 1, 2, 3, 4]) for _ in range(7)]
    return (Case(f"train {train}, held out {held_out}", (train, held_out, 6, 0.5)),)


HELD_OUT_BITS = Exercise(
    key="2.1-2",
    title="Bits of a text that was not counted",
    difficulty=2,
    minutes=15,
    statement=(
        "Count pairs of neighbours in `train` alone. Then say how many bits the table needs, per "
        "scored token, "
        "for the text `held_out`: each token but the first is scored, given the one before it, with k added "
        "to each count, as in 2.1-1. The vocabulary has `vocab_size` tokens, seen or not."
    ),
    takeaway="The table was made before the held-out text was looked at: only then does it measure anything.",
    reference=held_out_bits,
    explanation="-log2 of (pairs + k) / (contexts + k vocab), as a mean over the pairs of the held-out text.",
    hints=(
        "Two tables: how often each pair stands in `train`, and how often each token stands there with "
        "another one behind it.",
        "A pair that `train` never had costs log2 of (its context's count + k times the vocabulary) "
        "/ k bits.",
        "A held-out text of m tokens has m - 1 pairs: divide by as many.",
    ),
    cases=(
        Case("letters that alternate", ([0, 1] * 6, [0, 1, 0, 1, 1], 2, 1.0)),
        Case("a pair that never came", ([0, 1, 2, 0, 1, 2, 0], [0, 2, 1], 3, 0.5)),
        Case("a token that never came", ([0, 1, 0, 0, 1], [1, 3, 0], 5, 0.1)),
        Case("a long text, a short one", ([0, 0, 1, 2, 2, 1, 0, 2] * 5, [2, 1], 4, 1.0)),
        Case("the last token of training", ([0, 0, 0, 1], [1, 0, 1, 0], 3, 0.5)),
        Case("one token again and again", ([4] * 9, [4] * 4, 5, 0.2)),
    ),
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "held-out text counted",
            "The held-out text is in your counts. What is measured was known before, so that the figure "
            "says nothing about other texts.",
            (_both_counted, _both_counted_apart, lambda t, h, v, k: _bits(h, h, v, k)),
        ),
        Mistake(
            "vocabulary of the seen",
            "Your vocabulary is taken from the tokens that stand in the text. One that never came needs its "
            "share too, so `vocab_size` decides.",
            (
                lambda t, h, v, k: _bits(t, h, len(set(t)), k),
                lambda t, h, v, k: _bits(t, h, len({*t, *h}), k),
                lambda t, h, v, k: _bits(t, h, max(t) + 1, k),
                lambda t, h, v, k: _bits(t, h, max([*t, *h]) + 1, k),
            ),
        ),
        Mistake(
            "the first token scored",
            "It comes out as if the first token of the held-out text were scored as well. Nothing stands "
            "before it there, so it has no context.",
            (
                lambda t, h, v, k: _bits(t, [t[-1], *h], v, k),
                lambda t, h, v, k: _with_first(t, h, v, k, math.log2(v)),
                lambda t, h, v, k: _with_first(
                    t, h, v, k, math.log2((len(t) + k * v) / (Counter(t)[h[0]] + k))
                ),
            ),
        ),
        Mistake(
            "unseen pairs left out",
            "It comes out as if pairs that `train` never had cost nothing. They cost most: k is what they "
            "get.",
            (
                lambda t, h, v, k: sum(_seen_alone(t, h, v, k)) / max(1, len(_seen_alone(t, h, v, k))),
                lambda t, h, v, k: sum(_seen_alone(t, h, v, k)) / (len(h) - 1),
            ),
        ),
        Mistake(
            "a share of all pairs",
            "It comes out as if a pair were counted among all pairs of `train`. The token before is known, "
            "so its share is that among the pairs that begin with this token.",
            (
                lambda t, h, v, k: _bits(t, h, v, k, contexts=_all_alike(t)),
                lambda t, h, v, k: _bits(t, h, v**2, k, contexts=_all_alike(t)),
            ),
        ),
        Mistake(
            "pairs looked up backwards",
            "It comes out as if the pair were looked up with its tokens exchanged: of (a, b) a comes first, "
            "and a is the context.",
            (_looked_up_backwards,),
        ),
        Mistake(
            "divided by the training text",
            "You divide by the pairs or the tokens of `train`. What is scored is the held-out text.",
            (
                lambda t, h, v, k: _bits(t, h, v, k, per=len(t) - 1),
                lambda t, h, v, k: _bits(t, h, v, k, per=len(t)),
            ),
        ),
        Mistake(
            "the last token counted as a context",
            "You count the last token of the training text as a context, but nothing follows it. Then what "
            "follows that token does not sum to one.",
            (lambda t, h, v, k: _bits(t, h, v, k, contexts=Counter(t)),),
        ),
        Mistake(
            "nats",
            "Your logarithm is the natural one: that is nats. A bit is a choice among two.",
            (lambda t, h, v, k: _bits(t, h, v, k, log=math.log),),
        ),
        Mistake(
            "the total",
            "You give the bits of the whole text. A longer text would look harder than a short one: divide "
            "by what was scored.",
            (lambda t, h, v, k: _bits(t, h, v, k, per=1),),
        ),
        Mistake(
            "divided by all tokens",
            "You divide by all tokens of the held-out text. The first is not scored, so it is none of those "
            "that the bits are shared among.",
            (lambda t, h, v, k: _bits(t, h, v, k, per=len(h)),),
        ),
        Mistake(
            "without the context",
            "You ask how often a token came at all. The token before it is known, and the table of pairs can "
            "say more.",
            (_without_context,),
        ),
        Mistake(
            "the other way round",
            "You guess a token from the one behind it. A text is written from the left: only what "
            "came before "
            "is known.",
            (_backwards,),
        ),
        Mistake(
            "of the mean probability",
            "You average the probabilities and take one logarithm. What a token costs is its own logarithm; "
            "these are averaged.",
            (_of_the_mean,),
        ),
    ),
)


EXERCISES = (SMOOTHED, HELD_OUT_BITS)
