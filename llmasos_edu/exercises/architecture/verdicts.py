"""A verdict of chapter 2.3 to draw: what follows from intervals in six settings?

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.3-12 -------------------------------------------------------------------------------


def _draw_intervals(seed: int) -> dict:
    """Intervals of the steps saved, [low, high], in three settings of short memory and three of ample one."""
    generator = random.Random(seed)
    above, undecided = generator.choice([2, 3, 4]), generator.choice([1, 2])
    lows = [above + generator.randint(1, 6) for _ in range(3)]
    opened = [[above - generator.randint(5, 6), above + generator.randint(7, 9)] for _ in range(undecided)]
    beaten = [[-generator.randint(1, 5), above - 1] for _ in range(3 - undecided)]
    return {
        "above": above,
        "short": [[low, low + generator.randint(4, 9)] for low in lows],
        "ample": generator.sample(opened + beaten, 3),
    }


def _judged(above, short, ample):
    return {
        "borne": sum(low > above for low, _ in short + ample),
        "refuted": sum(high <= above for _, high in short + ample),
        "verdict": "holds when memory is short",
        "ample": "it is against the claim or could be either",
        "next": "more draws where it could be either",
    }


VERDICT = Question(
    key="2.3-12",
    title="Which verdict follows?",
    difficulty=2,
    minutes=10,
    statement=(
        "A claim: 'Admission by the future peak saves steps, against admission by what is free now.' A "
        "saving of more than {above} steps counts. Measured in six settings, five draws of requests in each; "
        "the 95 % intervals of the steps saved are, with short memory, {short}, and with ample memory, "
        "{ample}. In how many of the six settings is the claim borne out (borne)? In how many does all of "
        "the interval lie at or below what counts (refuted)? Which verdict follows "
        "(verdict)? What may be said of ample memory (ample)? And which runs would tell more (next)?"
    ),
    takeaway="A condition says where a claim was borne out; elsewhere it may be refuted or merely open.",
    explanation=(
        "An interval above what counts is for the claim, one below it against, one across it could be "
        "either. For in all settings with short memory and in no other: it holds when memory is short."
    ),
    hints=(
        "Sort the six intervals first: all above what counts, all at or below it, or on both sides of it.",
        "A saving that is larger than nothing is not yet one that counts: compare with the number of steps "
        "that was named beforehand.",
        "Is there a property of the settings that tells those in which it was borne out from all others?",
    ),
    asked={
        "borne": "the settings in which the lower end of the interval is above what counts",
        "refuted": "the settings in which the upper end of the interval is not above what counts",
    },
    answer=_judged,
    options={
        "verdict": ("holds", "holds when memory is short", "not shown", "does not hold"),
        "ample": (
            "it is against the claim or could be either",
            "it is against the claim",
            "the other admission is better",
        ),
        "next": (
            "more draws where it could be either",
            "a lower number of steps that counts",
            "more draws where it was borne out",
            "a larger model",
        ),
    },
    draw=_draw_intervals,
    mistakes=(
        Mistake(
            "the middle for the interval",
            "In so many settings the middle of the interval lies above what counts. Where the interval "
            "reaches below it too, the draws could not tell.",
            (
                lambda above, short, ample: {
                    "borne": sum(low + high > 2 * above for low, high in short + ample)
                },
            ),
        ),
        Mistake(
            "open for refuted",
            "In so many settings the claim was not borne out. But an interval on both sides of what counts "
            "is against nothing.",
            ({"refuted": 3},),
        ),
        Mistake(
            "nothing for what counts",
            "No interval lies below 0, but that is not the mark. A saving that is too small to count is "
            "against a claim that it counts.",
            ({"refuted": 0},),
        ),
        Mistake(
            "the condition left out",
            "It was not borne out in every setting. What do those have in common in which it was?",
            ({"verdict": "holds"},),
        ),
        Mistake(
            "no condition seen",
            "The settings disagree, but not without order: sort them by their memory, and look at each half "
            "alone.",
            ({"verdict": "not shown"}, {"verdict": "does not hold"}),
        ),
        Mistake(
            "more than was found",
            "Among the settings with ample memory one at least reaches above what counts, so no such "
            "sentence is true of all of them.",
            ({"ample": "it is against the claim"}, {"ample": "the other admission is better"}),
        ),
        Mistake(
            "the mark moved",
            "Whoever lowers the mark after having seen the figures judges another claim, and one that these "
            "figures have chosen.",
            ({"next": "a lower number of steps that counts"},),
        ),
        Mistake(
            "runs that decide nothing",
            "That leaves the undecided intervals as wide as they are. Which runs make just these narrower?",
            ({"next": "more draws where it was borne out"}, {"next": "a larger model"}),
        ),
    ),
)


EXERCISES = (VERDICT,)
