"""A figure of chapter 2.2 to read: which gap between two allocators do paired differences bear out?

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

DRAWS = 10
T = 2.262  # 9 degrees of freedom, 95 %

# 2.2-15 -------------------------------------------------------------------------------


def _draw_gaps(seed: int) -> dict:
    """Two allocators on the same ten draws of requests: the gap, its spread, and the spread of each alone."""
    generator = random.Random(seed)
    return {
        "gap": generator.choice([0.011, 0.012, 0.013]),
        "spread": generator.choice([0.0060, 0.0065, 0.0070]),
        "alone": generator.choice([0.018, 0.020, 0.024]),
    }


def _half(spread):
    return T * spread / math.sqrt(DRAWS)


def _read(gap, spread, alone):
    return {
        "paired": _half(spread),
        "unpaired": _half(math.sqrt(2) * alone),
        "any": "holds",  # even the longest of these intervals ends above nothing
        "least": "not shown",  # and across 0.01
        "separate": "not shown",
    }


GAPS = Question(
    key="2.2-15",
    title="Read the figure: which gap is borne out?",
    difficulty=2,
    minutes=15,
    statement=(
        "A figure like that of section 2.2.1, ten draws of requests, each allocator on the same ten. "
        "Best fit has {gap} more of the memory in use than first fit: the mean of the ten paired "
        "differences, whose standard deviation is {spread}. The ten dots of either allocator have a "
        "standard deviation of {alone} around their own mean, so the two clouds of dots overlap. With t "
        "= 2.262, what is half the width of the 95 % interval of the mean difference (paired)? What "
        "would it be, with the same t, if each allocator had been given ten draws of its own, so that "
        "the spreads of both come in (unpaired)? Which verdict follows for 'on such requests best fit "
        "has more in use' (any), which for 'at least 0.01 more' (least), and which for the first "
        "sentence if the draws had been separate (separate)?"
    ),
    takeaway="Read the interval of the difference, against what is claimed; the clouds of dots say little.",
    explanation=(
        "t s / sqrt(n), with the spread of the differences. Of separate draws the variances add: sqrt(2) "
        "times the spread of one. A claim is borne out if the whole interval lies beyond what it promises."
    ),
    hints=(
        "The mean of n values strays by their standard deviation over the square root of n; t makes of that "
        "half an interval.",
        "If two means stray independently, the variances of both add up in their difference, not the "
        "deviations.",
        "Write down both ends of the interval. Where do 0 and 0.01 lie: below it, inside, or above?",
    ),
    asked={
        "paired": "t times the standard deviation of the differences over the square root of their number",
        "unpaired": "the same with the standard deviation of a difference of two independent draws",
    },
    answer=_read,
    options=dict.fromkeys(("any", "least", "separate"), ("holds", "not shown", "does not hold")),
    draw=_draw_gaps,
    mistakes=(
        Mistake(
            "the spread of one draw",
            "You multiply t with the spread of single differences. Asked for is how far their mean may "
            "stray, and a mean of ten strays less.",
            (
                lambda spread, **_: {"paired": T * spread},
                lambda alone, **_: {"unpaired": T * math.sqrt(2) * alone},
            ),
        ),
        Mistake(
            "one standard error",
            "That is one standard error. An interval that holds the truth in 95 of 100 cases reaches t of "
            "them to either side.",
            (
                lambda spread, **_: {"paired": spread / math.sqrt(DRAWS)},
                lambda alone, **_: {"unpaired": math.sqrt(2) * alone / math.sqrt(DRAWS)},
            ),
        ),
        Mistake(
            "one spread for two",
            "That is the number for one of the two allocators, with its ten draws (or for both with twenty "
            "draws each). With separate draws both stray, and their difference strays further than either.",
            (lambda alone, **_: {"unpaired": _half(alone)},),
        ),
        Mistake(
            "the whole width",
            "That is the whole width of the interval. Asked for is half of it, how far it reaches to either "
            "side of the mean.",
            (
                lambda spread, **_: {"paired": 2 * _half(spread)},
                lambda alone, **_: {"unpaired": 2 * _half(math.sqrt(2) * alone)},
            ),
        ),
        Mistake(
            "the other spread",
            "That comes from the other standard deviation. The paired differences have one of their own; of "
            "separate draws the spreads of both allocators come in.",
            (
                lambda alone, **_: {"paired": _half(alone)},
                lambda alone, **_: {"paired": _half(math.sqrt(2) * alone)},
                lambda spread, **_: {"unpaired": _half(math.sqrt(2) * spread)},
                lambda spread, **_: {"unpaired": _half(spread)},
            ),
        ),
        Mistake(
            "deviations added",
            "What comes out is that of the two standard deviations added. Independent chances partly "
            "cancel: it is the variances that add up.",
            (lambda alone, **_: {"unpaired": _half(2 * alone)},),
        ),
        Mistake(
            "twenty below the root",
            "That is one spread over the root of twenty. The spreads of both come in, and each mean is one "
            "of ten.",
            (lambda alone, **_: {"unpaired": T * alone / math.sqrt(2 * DRAWS)},),
        ),
        Mistake(
            "another factor",
            "What comes out has the factor 1.96, for very many draws. With ten it is larger, as the "
            "statement says: 2.262.",
            (
                lambda spread, **_: {"paired": 1.96 * spread / math.sqrt(DRAWS)},
                lambda alone, **_: {"unpaired": 1.96 * math.sqrt(2 / DRAWS) * alone},
            ),
        ),
        Mistake(
            "no root",
            "What comes out is divided by the number of draws itself. A mean strays less by its square root.",
            (
                lambda spread, **_: {"paired": T * spread / DRAWS},
                lambda alone, **_: {"unpaired": T * math.sqrt(2) * alone / DRAWS},
            ),
        ),
        Mistake(
            "the root of n - 1",
            "What comes out has the root of 9 below the line. The n - 1 is in the standard deviation "
            "already; what that is divided by is the root of n.",
            (
                lambda spread, **_: {"paired": T * spread / math.sqrt(DRAWS - 1)},
                lambda alone, **_: {"unpaired": T * math.sqrt(2) * alone / math.sqrt(DRAWS - 1)},
            ),
        ),
        Mistake(
            "the variance",
            "What comes out has the variance for the standard deviation. That is its root.",
            (
                lambda spread, **_: {"paired": _half(spread**2)},
                lambda alone, **_: {"unpaired": _half(2 * alone**2)},
            ),
        ),
        Mistake(
            "an end of the interval",
            "That is an end of the interval of the mean difference. Asked is how far it reaches from the "
            "mean.",
            (
                lambda gap, spread, **_: {"paired": gap + _half(spread)},
                lambda gap, spread, **_: {"paired": gap - _half(spread)},
            ),
        ),
        Mistake(
            "the gap for its spread",
            "What comes out has the gap itself where the standard deviation of the differences belongs.",
            (lambda gap, spread, **_: {"paired": math.nan if gap == 2 * spread else _half(gap)},),
        ),
        Mistake(
            "both spreads, of both kinds",
            "What comes out adds the variance of the differences to that of one allocator. With separate "
            "draws the variances of the two allocators add up, each with the spread of its own dots.",
            (lambda spread, alone, **_: {"unpaired": _half(math.hypot(spread, alone))},),
        ),
        Mistake(
            "clouds that overlap",
            "The clouds overlap because some draws are harder for both. The same draw stands in both clouds, "
            "and draw by draw the difference is what counts.",
            ({"any": "not shown"}, {"any": "does not hold"}),
        ),
        Mistake(
            "the mean for the interval",
            "The mean lies above 0.01, but part of its interval does not. What could as well be less is not "
            "borne out yet.",
            ({"least": "holds"},),
        ),
        Mistake(
            "open for refuted",
            "The interval reaches beyond 0.01 as well as below it. A claim is refuted only where all of the "
            "interval lies short of it.",
            ({"least": "does not hold"},),
        ),
        Mistake(
            "open for refuted without pairs",
            "Of separate draws the interval reaches below 0, but above it as well. That best fit has more is "
            "refuted only where all of the interval lies below 0.",
            ({"separate": "does not hold"},),
        ),
        Mistake(
            "as sure without pairs",
            "Without pairs half the interval is longer than the gap, so that it reaches below nothing. "
            "Compare your second number with the gap.",
            ({"separate": "holds"},),
        ),
    ),
)


EXERCISES = (GAPS,)
