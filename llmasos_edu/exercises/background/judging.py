"""Questions of chapter 1 that ask for a judgement: which control is missing, and what a figure bears out.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
import statistics

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 1-7 ----------------------------------------------------------------------------------

ABILITY = "a text that has nothing to copy, of the same length"
EFFORT = "as many rates tried for both, both trained until they stop improving"
GROWTH = "a list of models drawn by a rule that was fixed before"

CONTROL = Question(
    key="1-7",
    title="Design the control",
    difficulty=2,
    minutes=10,
    statement=(
        "Three sentences from reports. (copy) 'Our model reads the second half of a text better than the "
        "first, so it copies from it', measured on texts that say a passage twice. (adapt) 'Adapting beats "
        "training from nothing tenfold', with the rate of the adapted model chosen among ten, that of the "
        "other left at its default, both stopped after 100 steps. (growth) 'Training doubles every five "
        "months', from a line through models that the author found remarkable. Choose for each the control "
        "that could turn it. And which of them could be true all the same (true: none, some or all)?"
    ),
    takeaway="A control changes what the claim is about and keeps the rest; without one nothing is shown.",
    explanation=(
        "More text helps without any copying; an untuned arm loses to a tuned one; remarkable models "
        "are those "
        "that grew. None of that makes the sentences false: they are not shown."
    ),
    hints=(
        "For each sentence: name another cause that would give the same figure.",
        "The control must take away the cause that is claimed, or give the other arm what the first one got.",
        "A missing control says nothing about what is true. What does it say?",
    ),
    answer={"copy": ABILITY, "adapt": EFFORT, "growth": GROWTH, "true": "all"},
    options={
        "copy": (ABILITY, "a longer passage", "a larger model", "more seeds"),
        "adapt": (EFFORT, "a third model", "more seeds", "a faster machine"),
        "growth": (GROWTH, "a larger figure", "logarithms of another base", "more digits"),
        "true": ("none", "some", "all"),
    },
    mistakes=(
        Mistake(
            "more of the same",
            "A longer passage or a larger model repeats the measurement. Which text would show the gain of "
            "mere length, without anything to copy?",
            ({"copy": "a longer passage"}, {"copy": "a larger model"}),
        ),
        Mistake(
            "seeds for copying",
            "Seeds tell how much the figure scatters. They do not tell whether copying is its cause: the "
            "text "
            "stays one that says everything twice.",
            ({"copy": "more seeds"},),
        ),
        Mistake(
            "seeds for effort",
            "With ten more seeds the tuned arm would still be tuned and the other not. What did only one of "
            "them get?",
            ({"adapt": "more seeds"},),
        ),
        Mistake(
            "another machine",
            "A third model or a faster machine leaves the two arms as unequal as they were.",
            ({"adapt": "a third model"}, {"adapt": "a faster machine"}),
        ),
        Mistake(
            "the base of the logarithm",
            "Another base turns the same line into other units, more digits and a larger figure show it "
            "more finely. The models are still those that somebody found remarkable.",
            (
                {"growth": "logarithms of another base"},
                {"growth": "more digits"},
                {"growth": "a larger figure"},
            ),
        ),
        Mistake(
            "not shown taken for false",
            "A sentence without its control is not shown. That does not make it false: each of the three may "
            "be true.",
            ({"true": "none"}, {"true": "some"}),
        ),
    ),
)


# 1-8 ----------------------------------------------------------------------------------

T_95 = 2.776  # two-sided, four degrees of freedom
VERDICTS = ("holds", "does not hold", "not shown")


def _draw_runs(seed: int) -> dict:
    """Five differences between two arms, rounded; no interval ends near zero."""
    generator = random.Random(seed)
    while True:
        middle, spread = generator.choice([-0.3, -0.1, 0.0, 0.1, 0.3]), generator.choice([0.05, 0.15])
        runs = [round(middle + generator.gauss(0, spread), 2) for _ in range(5)]
        half = T_95 * statistics.stdev(runs) / math.sqrt(5)
        if abs(abs(statistics.mean(runs)) - half) > 0.02 and half > 0.03 and statistics.mean(runs):
            return {"differences": runs}


def _judged(differences):
    mean = statistics.mean(differences)
    half = T_95 * statistics.stdev(differences) / math.sqrt(len(differences))
    verdict = "holds" if mean > half else "does not hold" if mean < -half else "not shown"
    return {"mean": mean, "half": half, "verdict": verdict}


def _others(differences):
    return [verdict for verdict in VERDICTS if verdict != _judged(differences)["verdict"]]


def _apart(differences, half):
    """A wrong half; where another slip comes to nearly the same, what nobody answers."""
    right = _judged(differences)["half"]
    near = (1, 2, math.sqrt(5), math.sqrt(5) / 2, math.sqrt(4 / 5), math.sqrt(5) / T_95)
    return half if all(abs(half / right / factor - 1) > 0.06 for factor in near) else math.nan


READ = Question(
    key="1-8",
    title="Which verdict follows?",
    difficulty=3,
    minutes=15,
    statement=(
        "A report claims that method A needs fewer bits than method B. Both were tuned alike and run "
        "with five "
        "seeds. The differences, B minus A in bits per byte, are {differences}. What is their mean "
        "(mean)? How "
        "far does the interval of 95 % reach to each side of it (half): 2.776 times the standard deviation "
        "(with n - 1), divided by the root of n? Which verdict follows (verdict): *holds* where the interval "
        "lies above zero, *does not hold* where it lies below, *not shown* where zero is in it?"
    ),
    takeaway="Five runs give a mean and an interval; the verdict is read off the interval, not off the mean.",
    explanation="The mean, plus or minus t times the standard error; with zero inside nothing is shown.",
    hints=(
        "Five differences are five numbers like any other: their mean, and how far they scatter.",
        "The scatter of a mean is smaller than that of a single run: by the root of their number.",
        "Lay the interval on the axis. Where is zero: below it, above it or inside?",
    ),
    asked={
        "mean": "the sum of the differences over their number, signs included",
        "half": "2.776 standard errors: the deviation with n - 1 over the root of n",
    },
    answer=_judged,
    options={"verdict": VERDICTS},
    draw=_draw_runs,
    mistakes=(
        Mistake(
            "the scatter of one run",
            "You give the interval of a single run. That of the mean of five is smaller by the root of five.",
            (lambda differences: {"half": T_95 * statistics.stdev(differences)},),
        ),
        Mistake(
            "the deviation itself",
            "That is the standard deviation of the five differences. Divided by the root of five it says how "
            "far their mean strays, and 2.776 times that is the half.",
            (lambda differences: {"half": statistics.stdev(differences)},),
        ),
        Mistake(
            "the factor of many runs",
            "1.96 is the factor where the spread is known, or comes from very many runs. With five it is "
            "larger, as the statement says: 2.776.",
            (
                lambda differences: {
                    "half": 1.96 * statistics.stdev(differences) / math.sqrt(len(differences))
                },
            ),
        ),
        Mistake(
            "the root of n - 1",
            "What comes out has the root of n - 1 below the line. The n - 1 belongs into the standard "
            "deviation; what that is divided by is the root of n.",
            (
                lambda differences: {
                    "half": T_95 * statistics.stdev(differences) / math.sqrt(len(differences) - 1)
                },
            ),
        ),
        Mistake(
            "no factor",
            "You give the standard error itself. An interval of 95 % reaches further: 2.776 times as far "
            "with "
            "five runs.",
            (lambda differences: {"half": statistics.stdev(differences) / math.sqrt(len(differences))},),
        ),
        Mistake(
            "the variance",
            "You put the variance into the formula. The standard deviation is its root, in bits per byte "
            "like the differences.",
            (
                lambda differences: {
                    "half": T_95 * statistics.variance(differences) / math.sqrt(len(differences))
                },
            ),
        ),
        Mistake(
            "divided by n",
            "You divide the squares by n. With the mean taken from the same runs, n - 1 is right; with five "
            "the difference shows.",
            (
                lambda differences: {
                    "half": T_95 * statistics.pstdev(differences) / math.sqrt(len(differences))
                },
            ),
        ),
        Mistake(
            "the whole width",
            "That is twice the half: the width of the whole interval. Asked is how far it reaches to one "
            "side. (With five runs the same number comes from a deviation with n that is not divided by the "
            "root.)",
            (lambda differences: {"half": 2 * _judged(differences)["half"]},),
        ),
        Mistake(
            "divided by n itself",
            "What comes out is divided by five. The deviation of a mean is smaller by the root of five.",
            (lambda differences: {"half": T_95 * statistics.stdev(differences) / len(differences)},),
        ),
        Mistake(
            "the end for the half",
            "That is an end of the interval, mean + half or mean - half. Asked is how far it reaches from "
            "the mean.",
            (
                lambda differences: {
                    "half": _apart(differences, _judged(differences)["mean"] + _judged(differences)["half"])
                },
                lambda differences: {
                    "half": _apart(differences, _judged(differences)["mean"] - _judged(differences)["half"])
                },
            ),
        ),
        Mistake(
            "not from the mean",
            "It comes out as if the mean were taken for zero in the standard deviation. That takes the "
            "squares of how far each one lies from the mean.",
            (
                lambda differences: {
                    "half": _apart(differences, T_95 * math.sqrt(sum(x * x for x in differences) / 20))
                },
            ),
        ),
        Mistake(
            "A minus B",
            "Your mean has the other sign: the differences are B minus A, so that a positive one speaks for "
            "A.",
            (lambda differences: {"mean": -_judged(differences)["mean"]},),
        ),
        Mistake(
            "signs left out",
            "Your mean is that of the differences without their signs. One below zero speaks against A, and "
            "takes from the mean.",
            (
                lambda differences: {
                    "mean": statistics.mean(map(abs, differences)) if max(differences) > 0 else math.nan
                },
            ),
        ),
        Mistake(
            "the sum for the mean",
            "That is the sum of the five differences. Their mean is a fifth of it.",
            (lambda differences: {"mean": sum(differences)},),
        ),
        Mistake(
            "the median for the mean",
            "That is the median, the middle one of the five. The mean is their sum over their number.",
            (lambda differences: {"mean": statistics.median(differences)},),
        ),
        Mistake(
            "not read off the interval",
            "Lay the interval on an axis, from mean - half to mean + half. Where is zero: below it, above "
            "it or inside? This alone gives the verdict; an interval with zero in it shows neither that the "
            "claim holds nor that it does not.",
            (*(lambda differences, at=at: {"verdict": _others(differences)[at]} for at in (0, 1)),),
        ),
    ),
    rtol=2e-2,
    atol=2e-3,
)

EXERCISES = (CONTROL, READ)
