"""A question of chapter 3.4 that asks for a verdict, by the book's own rule, on a sweep drawn from a seed.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

ABSENT = math.nan  # stands for a slip that cannot be made with these data: no answer equals it

# 3.4-11 -------------------------------------------------------------------------------

LINE = 0.02
FEW = "holds when labels are few"
_PATTERNS = {
    "does not hold": (("against",) * 4,),
    FEW: (("against", "open", "for", "against"), ("open", "open", "for", "against"),
          ("open", "against", "for", "open")),
    "not shown": (("for", "open", "for", "against"), ("for", "open", "open", "for"),
                  ("open", "against", "open", "against"), ("for", "for", "open", "open")),
}  # fmt: skip


def _interval(side, generator):
    """Mean, low and high: above the line, below it, or across it."""
    if side == "for":
        low = generator.choice([0.024, 0.03, 0.045])
        return [round(low + 0.03, 3), low, round(low + 0.055, 3)]
    if side == "against":
        high = generator.choice([-0.01, 0.006, 0.015])
        return [round(high - 0.02, 3), round(high - 0.045, 3), high]
    low = generator.choice([-0.02, 0.004, 0.012])
    return [0.034, low, round(0.068 - low, 3)]


def _draw_sweep(seed: int) -> dict:
    generator = random.Random(seed)
    verdict = generator.choice(list(_PATTERNS))
    sides = generator.choice(_PATTERNS[verdict])
    names = ("own", "longer", "few", "wide")
    return {name: _interval(side, generator) for name, side in zip(names, sides, strict=True)}


def _sides(rows):
    return ["for" if low > LINE else "against" if high <= LINE else "open" for _, low, high in rows.values()]


def _drawn_verdict(**rows):
    sides = _sides(rows)
    if set(sides) == {"for"}:
        verdict = "holds"
    elif set(sides) == {"against"}:
        verdict = "does not hold"
    else:
        verdict = FEW if [side == "for" for side in sides] == [False, False, True, False] else "not shown"
    return {"for": sides.count("for"), "against": sides.count("against"), "verdict": verdict}


def _unless_right(part, value, **rows):
    return {part: value if value != _drawn_verdict(**rows)[part] else ABSENT}


VERDICT = Question(
    key="3.4-11",
    title="Which verdict follows?",
    difficulty=2,
    minutes=10,
    statement=(
        "The claim: 'a shared body makes several tasks better'. Its effect in nats, as mean, lower and upper "
        "end of an interval of 95 % over five seeds. As in the chapter {own}; with longer training {longer}; "
        "with few labels {few}; with a wide body {wide}. An effect counts above 0.02. In how many settings "
        "is the claim borne out (for)? In how many is none of the interval above that (against)? And which "
        "verdict follows by the book's rule (verdict)? Holds: borne out in all. Does not hold: in none, and "
        "no interval reaches across the line. Holds when ...: borne out in just the settings in which the "
        "condition is true. Not shown: anything else."
    ),
    takeaway="An interval across the line decides nothing, and a mean above it decides no more.",
    explanation="For: the lower end is above 0.02. Against: the upper end is not. Else the setting is open.",
    hints=(
        "Look at the ends, not at the mean: is all of the interval above 0.02, none of it, or some?",
        "Some intervals may be on neither side. They count for nothing, but they are there.",
        "Say which settings are borne out, then ask whether one condition is true in these and in no other.",
    ),
    asked={
        "for": "the settings whose interval lies above 0.02 from end to end",
        "against": "the settings whose interval lies nowhere above 0.02 (across it is neither)",
    },
    answer=_drawn_verdict,
    options={"verdict": ("holds", FEW, "does not hold", "not shown")},
    draw=_draw_sweep,
    mistakes=(
        Mistake(
            "by the mean",
            "In so many settings the mean is above the line. Where the interval reaches below it, five "
            "other seeds could have said the contrary.",
            (lambda **rows: _unless_right("for", sum(mean > LINE for mean, _, _ in rows.values()), **rows),),
        ),
        Mistake(
            "above nothing",
            "In so many settings the interval lies above zero. What counts was said beforehand: 0.02.",
            (
                lambda **rows: (
                    _unless_right("for", sum(low > 0 for _, low, _ in rows.values()), **rows)
                    if sum(low > 0 for _, low, _ in rows.values())
                    != sum(mean > LINE for mean, _, _ in rows.values())
                    else {"for": -2}
                ),
            ),
        ),
        Mistake(
            "open for against",
            "So many settings are not borne out. But an interval across the line is against nothing.",
            (lambda **rows: _unless_right("against", 4 - _sides(rows).count("for"), **rows),),
        ),
        Mistake(
            "one setting for all",
            "The claim has no condition in it, so it must be borne out wherever it was tried. Is it, in all "
            "four settings?",
            ({"verdict": "holds"},),
        ),
        Mistake(
            "not in every setting against",
            "'Does not hold' needs all four intervals to end at 0.02 or below. One setting in which the "
            "claim is borne out, or that stays open, is enough to take it away: is there one?",
            (lambda **rows: _unless_right("verdict", "does not hold", **rows),),
        ),
        Mistake(
            "a condition by eye",
            "'Holds when labels are few' needs the claim to be borne out with few labels, and in none of the "
            "other settings. Go through the four one by one.",
            (lambda **rows: _unless_right("verdict", FEW, **rows),),
        ),
        Mistake(
            "more is shown",
            "'Not shown' is what is left when no other verdict fits. First try the others: do all four "
            "intervals end at 0.02 or below? Or is the claim borne out in just the settings in which labels "
            "are few?",
            (lambda **rows: _unless_right("verdict", "not shown", **rows),),
        ),
    ),
)

EXERCISES = (VERDICT,)
