"""An exercise of chapter 2.1 on tables of counts: a text that must not be counted.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import fmean

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _of_pairs(train, held_out, k, below):
    """Bits with something else below the line."""
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    return fmean(
        math.log2(below(before, token, contexts) / (pairs[before, token] + k))
        for before, token in pairwise(held_out)
    )


def _side_by_side(train, held_out, vocab_size, k, in_train, in_held_out):
    counted, scored = list(pairwise(train)), list(pairwise(held_out))
    counted, scored = counted[:: 1 + in_train], scored[:: 1 + in_held_out]
    pairs, contexts = Counter(counted), Counter(before for before, _ in counted)
    return fmean(math.log2((contexts[a] + k * vocab_size) / (pairs[a, b] + k)) for a, b in scored)


def _growing(train, held_out, vocab_size, k):
    pairs, contexts, bits = Counter(pairwise(train)), Counter(train[:-1]), []
    for before, token in pairwise(held_out):
        bits.append(math.log2((contexts[before] + k * vocab_size) / (pairs[before, token] + k)))
        pairs[before, token] += 1
        contexts[before] += 1
    return fmean(bits)


def _k_for_the_unseen(train, held_out, vocab_size, k):
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    return fmean(
        math.log2((contexts[before] + k * vocab_size) / (pairs[before, token] or k))
        for before, token in pairwise(held_out)
    )


def _of_keys(train, held_out, vocab_size, k, key):
    """As asked, but pairs are counted under what `key` makes of them."""
    pairs = Counter(key(*pair) for pair in pairwise(train))
    return fmean(
        math.log2((train[:-1].count(before) + k * vocab_size) / (pairs[key(before, token)] + k))
        for before, token in pairwise(held_out)
    )


def _product_in_32_bits(train, held_out, vocab_size, k):
    bits = held_out_bits(train, held_out, vocab_size, k)
    # The smallest number of 32 bits is 2 ** -149.
    return bits if bits * (len(held_out) - 1) < 149 else math.inf


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
        Case("tokens of several digits", ([1, 12, 1, 12, 30, 1, 12], [11, 2, 2, 2, 1, 12], 40, 0.5)),
        Case("a held-out text of sixty tokens", ([3, 270, 3, 270], [3, 270, 299, 12, 5] * 12, 300, 0.1)),
    ),
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "a pair run together",
            "It comes out as if the two tokens of a pair were run together into one text: 1, 12 then reads "
            "like 11, 2. A tuple keeps them apart.",
            (lambda t, h, v, k: _of_keys(t, h, v, k, "{}{}".format),),
        ),
        Mistake(
            "a pair as one number",
            "It comes out as if ten times the first token and the second were added, as in a number of two "
            "digits: 1, 12 is then 22, and so is 2, 2. A tuple keeps pairs apart.",
            (lambda t, h, v, k: _of_keys(t, h, v, k, lambda before, token: 10 * before + token),),
        ),
        Mistake(
            "the product rounds to zero",
            "Over a long text the product of the probabilities is too small for a number of 32 bits and "
            "becomes 0, and its logarithm minus infinity. Add logarithms.",
            (_product_in_32_bits,),
        ),
        Mistake(
            "held-out text counted",
            "The held-out text is in your counts. What is measured was known before, so that the figure "
            "says nothing about other texts.",
            (_both_counted, _both_counted_apart, lambda t, h, v, k: _bits(h, h, v, k)),
        ),
        Mistake(
            "vocabulary of the seen",
            "It comes out as if the vocabulary were taken from the tokens of the texts. One that never came "
            "needs its share too, so `vocab_size` decides.",
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
            "What comes out is in nats, as from the natural logarithm. A bit is a choice among two.",
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
        Mistake(
            "one a token, whatever k is",
            "Below the line you add `vocab_size`, or what is the same where k is 1. Each token of the "
            "vocabulary gets k, so it grows by k times as many.",
            (lambda t, h, v, k: _of_pairs(t, h, k, lambda a, b, c: c[a] + v),),
        ),
        Mistake(
            "the count of the scored token below",
            "What stands below the line is the count of the scored token. It has to be that of the token "
            "before it, behind which the pairs were counted.",
            (
                lambda t, h, v, k: _of_pairs(t, h, k, lambda a, b, c: c[b] + k * v),
                lambda t, h, v, k: _of_pairs(t, h, k, lambda a, b, c: Counter(t)[b] + k * v),
            ),
        ),
        Mistake(
            "counted as the second of a pair",
            "What comes out has the count of a token as the second of a pair below the line. The context is "
            "the first one.",
            (lambda t, h, v, k: _bits(t, h, v, k, contexts=Counter(t[1:])),),
        ),
        Mistake(
            "pairs side by side",
            "It comes out as if pairs did not overlap, in one text or in both: after (a, b) comes (b, c), "
            "not (c, d).",
            (
                lambda t, h, v, k: _side_by_side(t, h, v, k, True, False),
                lambda t, h, v, k: _side_by_side(t, h, v, k, False, True),
                lambda t, h, v, k: _side_by_side(t, h, v, k, True, True),
            ),
        ),
        Mistake(
            "each pair once",
            "It comes out as if a pair that comes twice in the held-out text were scored once. Each token "
            "but the first is scored.",
            (lambda t, h, v, k: fmean(_bits(t, pair, v, k) for pair in dict.fromkeys(pairwise(h))),),
        ),
        Mistake(
            "counts that grow",
            "It comes out as if the held-out text were added to the counts as it is read. The table is made "
            "of `train` alone.",
            (_growing,),
        ),
        Mistake(
            "an unseen context for nothing",
            "It comes out as if a pair cost nothing where `train` never had its first token as a context. "
            "There all tokens are equally likely: it costs log2 of the vocabulary.",
            (
                lambda t, h, v, k: (
                    sum(_bits(t, p, v, k) for p in pairwise(h) if p[0] in t[:-1]) / (len(h) - 1)
                ),
                lambda t, h, v, k: (
                    sum(_bits(t, p, v, k) for p in pairwise(h) if p[0] in t[:-1])
                    / (sum(a in t[:-1] for a in h[:-1]) or 1)
                ),
            ),
        ),
        Mistake(
            "only the unseen get k",
            "It comes out as if k were given to pairs that `train` never had, and not to the others. Above "
            "the line each count gets it.",
            (_k_for_the_unseen,),
        ),
    ),
)


EXERCISES = (HELD_OUT_BITS,)
