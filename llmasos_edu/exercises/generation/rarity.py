"""A question of chapter 6.2 that is answered with numbers: what a rare word is worth.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 6.2-8 --------------------------------------------------------------------------------


def _draw_words(seed: int) -> dict:
    generator = random.Random(seed)
    return {
        "passages": generator.choice([200, 400, 1000]),
        "common": generator.choice([0.7, 0.6, 0.8]),
        "rare": generator.choice([2, 3, 5]),
        "times": generator.choice([4, 6, 8]),
    }


def _idf(passages, have):
    return math.log(1 + (passages - have + 0.5) / (have + 0.5))


def _words(passages, common, rare, times):
    have = round(passages * common)
    return {
        "common": _idf(passages, have),
        "rare": _idf(passages, rare),
        "gain": (times / (times + 1.5)) / (1 / 2.5),
    }


RARE = Question(
    key="6.2-8",
    title="What a rare word is worth",
    difficulty=2,
    minutes=15,
    statement=(
        "BM25 weighs a word by idf = ln(1 + (N - n + 0.5) / (n + 0.5)): N passages, n of them with the "
        "word. There "
        "are {passages} passages. A word stands in a share of {common} of them: what is its idf (common)? "
        "Another "
        "stands in {rare} passages: its idf (rare)? In a passage of mean length a word that occurs tf "
        "times counts "
        "idf · tf / (tf + 1.5). How many times as much does it count with tf = {times} as with tf = 1 "
        "(gain)? Give three places, or do not round."
    ),
    takeaway="One rare word outweighs many common ones; said eight times it counts less than eightfold.",
    explanation="Put the numbers into the formula; the gain is the quotient of the two fractions.",
    hints=(
        "n is a number of passages, not a share: multiply the share by N first.",
        "ln is the natural logarithm. For the common word the fraction is below or about 1, so the result "
        "is small.",
        "With tf = 1 the fraction is 1 / 2.5. Divide the fraction for the larger tf by it.",
    ),
    asked={
        "common": "ln(1 + (N - n + 0.5) / (n + 0.5)) with n the share times N",
        "rare": "ln(1 + (N - n + 0.5) / (n + 0.5)) with n as given",
        "gain": "tf / (tf + 1.5) at the larger tf, over the same at 1",
    },
    answer=_words,
    rtol=0,
    atol=6e-4,
    mistakes=(
        Mistake(
            "the share for the number",
            "That is the formula with the share put in. n counts passages: multiply by N.",
            (lambda **data: {"common": _idf(data["passages"], data["common"])},),
        ),
        Mistake(
            "the one inside forgotten",
            "That is the logarithm without the 1 +. Then a word that most passages have would count "
            "against them.",
            (
                lambda **data: {
                    "common": math.log(
                        (data["passages"] * (1 - data["common"]) + 0.5)
                        / (data["passages"] * data["common"] + 0.5)
                    )
                },
                lambda **data: {
                    "rare": math.log((data["passages"] - data["rare"] + 0.5) / (data["rare"] + 0.5))
                },
                lambda **data: {
                    name: math.log(math.exp(_words(**data)[name]) - 1) for name in ("common", "rare")
                },
            ),
        ),
        Mistake(
            "without the halves",
            "That is ln(N / n), as without the two 0.5 of the formula. They belong to it.",
            (lambda **data: {"rare": math.log(data["passages"] / data["rare"])},),
        ),
        Mistake(
            "upside down",
            "Your fraction stands upside down. In the formula the passages without the word stand above, "
            "those with it below.",
            (
                lambda **data: {
                    name: math.log(1 + 1 / (math.exp(_words(**data)[name]) - 1))
                    for name in ("common", "rare")
                },
                lambda **data: {"common": math.log(1 + 1 / (math.exp(_words(**data)["common"]) - 1))},
                lambda **data: {"rare": math.log(1 + 1 / (math.exp(_words(**data)["rare"]) - 1))},
            ),
        ),
        Mistake(
            "no logarithm",
            "That is what stands in the brackets. Its natural logarithm is asked for.",
            (
                lambda **data: {name: math.exp(_words(**data)[name]) for name in ("common", "rare")},
                lambda **data: {"common": math.exp(_words(**data)["common"])},
                lambda **data: {"rare": math.exp(_words(**data)["rare"])},
            ),
        ),
        Mistake(
            "a difference for a quotient",
            "That is the one fraction less the other. How many times as much is a quotient.",
            (lambda **data: {"gain": data["times"] / (data["times"] + 1.5) - 0.4},),
        ),
        Mistake(
            "logarithm to base two",
            "That is the logarithm to base 2. The formula has the natural one.",
            (
                lambda **data: {n: _words(**data)[n] / math.log(2) for n in ("common", "rare")},
                lambda **data: {"rare": _words(**data)["rare"] / math.log(2)},
                lambda **data: {"common": _words(**data)["common"] / math.log(2)},
            ),
        ),
        Mistake(
            "counted as often as it occurs",
            "That lets a word that occurs more often count as many times. The fraction tf / (tf + 1.5) "
            "levels off.",
            (lambda **data: {"gain": float(data["times"])},),
        ),
        Mistake(
            "the fraction alone",
            "That is the fraction for the larger tf. The question is how many times that for tf = 1 it is.",
            (lambda **data: {"gain": data["times"] / (data["times"] + 1.5)},),
        ),
    ),
    draw=_draw_words,
)

EXERCISES = (RARE,)
