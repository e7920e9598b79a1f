"""A question of chapter 2.1 about three reports: the base rate, the noise, and the control that is missing.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.1-10 -------------------------------------------------------------------------------


def _draw_report(seed: int) -> dict:
    """A classifier a little above the base rate: within the noise for some seeds, beyond it for others."""
    generator = random.Random(seed)
    while True:
        number, base = generator.choice([100, 400, 900]), generator.choice([0.5, 0.6, 0.7, 0.8])
        right = round((base + generator.choice([0.03, 0.05, 0.07, 0.1])) * number)
        ratio = (right / number - base) / _error(number, right)
        if abs(ratio - 2) > 0.4:
            return {"number": number, "right": right, "base": base}


def _error(number, right):
    share = right / number
    return math.sqrt(share * (1 - share) / number)


def _error_of_the_base(number, right, base):
    """The standard error with the base rate for p; where that is nearly right, what nobody answers."""
    error = math.sqrt(base * (1 - base) / number)
    return error if abs(error / _error(number, right) - 1) > 0.03 else -1.0


def _unless_near(error, number, right):
    """A wrong standard error; where it is nearly right, what nobody answers."""
    return error if abs(error / _error(number, right) - 1) > 0.03 else -1.0


def _judged(number, right, base):
    gain, error = right / number - base, _error(number, right)
    return {
        "gain": gain,
        "error": error,
        "shown": gain > 2 * error,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


REPORTS = Question(
    key="2.1-10",
    title="Which control is missing?",
    difficulty=2,
    minutes=15,
    statement=(
        "Three reports. (1) 'By prompting alone our model classifies {right} of {number} messages right.' A "
        "share of {base} of the messages is of one class. By how much is the model better than always saying "
        "this class, as a share (gain)? What is the standard error of its share right, sqrt(p (1 - p) / n) "
        "(error)? Say that a gain is shown when it is more than two standard errors: is it (shown)? (2) 'Our "
        "12-gram needs 0.4 bits per byte on held-out pages of the manual.' What must stand beside it "
        "(n-gram)? (3) 'Five models of up to a million parameters lie on a line, so one of ten billion will "
        "reach 0.3 bits per byte.' What is missing (law)?"
    ),
    takeaway="Against what, how surely, and was it read before: three questions to every figure.",
    explanation="The gain is over the base rate, the error a binomial one; the controls are named in "
    "the choices.",
    hints=(
        "Somebody who reads no message and always gives the same answer: how many does he get right?",
        "A 12-gram knows what follows twelve bytes that it has read. On which pages is that of use?",
        "From a million to ten billion is a factor of 10,000. How far did the five sizes reach?",
    ),
    asked={
        "gain": "the model's share right less the share of the commonest class",
        "error": "the root of p (1 - p) / n, p the model's share right",
    },
    answer=_judged,
    options={
        "n-gram": (
            "the share of held-out passages that were read in training",
            "a 13-gram",
            "the perplexity",
            "a longer training text",
        ),
        "law": (
            "a model of that size, or near it, measured",
            "a sixth model of half a million",
            "more digits of the exponent",
            "another seed for each of the five",
        ),
    },
    draw=_draw_report,
    mistakes=(
        Mistake(
            "in per cent",
            "You give the gain in per cent. The standard error is a share, and so is what it is "
            "compared with.",
            (lambda number, right, base: {"gain": 100 * (right / number - base)},),
        ),
        Mistake(
            "relative to the base rate",
            "You divide the gain by the base rate. Asked for is the difference of the two shares.",
            (lambda number, right, base: {"gain": (right / number - base) / base},),
        ),
        Mistake(
            "error of the base rate",
            "You put the base rate into the formula. p is the share that the model has right.",
            (lambda number, right, base: {"error": _error_of_the_base(number, right, base)},),
        ),
        Mistake(
            "no base rate",
            "You give the share that is right. Somebody who always names the commonest class has "
            "most of that "
            "too: take it off.",
            (lambda number, right, base: {"gain": right / number},),
        ),
        Mistake(
            "half for a coin",
            "You compare with a coin. The commonest class comes oftener than half of the time, and "
            "to name it "
            "takes no skill either.",
            (lambda number, right, base: {"gain": right / number - 0.5} if base != 0.5 else {"gain": -1.0},),
        ),
        Mistake(
            "the root forgotten",
            "You give the variance. The standard error is its square root, in the unit of the share itself.",
            (lambda number, right, base: {"error": _error(number, right) ** 2},),
        ),
        Mistake(
            "of one message",
            "That is the spread of a single message. The mean of n of them is surer, by the root of n.",
            (lambda number, right, base: {"error": _error(number, right) * math.sqrt(number)},),
        ),
        Mistake(
            "two standard errors",
            "That is twice the standard error, or 1.96 times. Asked for is one of them; the two come in "
            "where the gain is judged.",
            (
                lambda number, right, base: {"error": 2 * _error(number, right)},
                lambda number, right, base: {"error": 1.96 * _error(number, right)},
            ),
        ),
        Mistake(
            "error of a coin",
            "It comes out as if p were a half. p is the share that the model has right.",
            (
                lambda number, right, base: {
                    "error": _unless_near(0.5 / math.sqrt(number), number, right) if base != 0.5 else math.nan
                },
            ),
        ),
        Mistake(
            "n outside of the root",
            "It comes out as if n stood outside of the root. It is divided by inside of it: the error falls "
            "with the root of n.",
            (lambda number, right, base: {"error": _error(number, right) / math.sqrt(number)},),
        ),
        Mistake(
            "the gain's own p",
            "It comes out as if the gain were put into the formula. p is the share that the model has right.",
            (
                lambda number, right, base: {
                    "error": _unless_near(
                        math.sqrt((right / number - base) * (1 - right / number + base) / number),
                        number,
                        right,
                    )
                },
            ),
        ),
        Mistake(
            "no 1 - p",
            "It comes out as if 1 - p were left out under the root. Look at the formula again.",
            (lambda number, right, base: {"error": _unless_near(math.sqrt(right) / number, number, right)},),
        ),
        Mistake(
            "error in messages",
            "That is the standard error of how many messages are right. That of their share is smaller, by "
            "the number of messages.",
            (lambda number, right, base: {"error": _error(number, right) * number},),
        ),
        Mistake(
            "a quotient",
            "You divide the share that is right by the base rate. Asked for is the difference of the two "
            "shares.",
            (lambda number, right, base: {"gain": right / number / base},),
        ),
        Mistake(
            "in messages",
            "You give the gain in messages. Asked for is a share of them all.",
            (lambda number, right, base: {"gain": right - base * number if number != 100 else math.nan},),
        ),
        Mistake(
            "what is wrong",
            "You give the share that is wrong. How much more is right than by always saying one class?",
            (
                lambda number, right, base: {
                    # where the share right is middling, other slips come to the same
                    "gain": 1 - right / number if base > 0.7 and right / number < 0.88 else math.nan
                },
            ),
        ),
        Mistake(
            "of the errors",
            "You divide the gain by what could be gained at most. Asked for is the difference of the shares.",
            (
                lambda number, right, base: {
                    "gain": (right / number - base) / (1 - base) if base != 0.5 else math.nan
                },
            ),
        ),
        Mistake(
            "shown or not",
            "Compare the gain with twice the standard error: above it the gain is shown, below it nothing is "
            "shown either way.",
            (
                lambda **data: {
                    "gain": _judged(**data)["gain"],
                    "error": _judged(**data)["error"],
                    "shown": not _judged(**data)["shown"],
                },
            ),
        ),
        Mistake(
            "not what turns it",
            "That would be worth knowing, but it cannot turn the figure from much to nothing. A "
            "passage that was "
            "read before can.",
            ({"n-gram": "a 13-gram"}, {"n-gram": "the perplexity"}, {"n-gram": "a longer training text"}),
        ),
        Mistake(
            "more of the same range",
            "It sharpens the line where it was measured. What is asked is whether the line goes on, "
            "four powers "
            "of ten beyond.",
            (
                {"law": "a sixth model of half a million"},
                {"law": "more digits of the exponent"},
                {"law": "another seed for each of the five"},
            ),
        ),
    ),
)

EXERCISES = (REPORTS,)
