"""A question of chapter 3.3 that asks for a verdict, by the book's own rule, on a sweep drawn from a seed.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.3-11 -------------------------------------------------------------------------------

LAST, LONG, NOT_SHOWN = "holds when sums come last", "holds when a stage is long", "not shown"
ROWS = ("last_short", "last_long", "first_short", "first_long")
PATTERNS = {  # sides in the order of ROWS, one of them open at least
    LAST: ("for for open against", "for for against open", "for for open open"),
    LONG: ("open for against for", "against for open for", "open for open for"),
    NOT_SHOWN: ("for open open against", "open for for against", "open open against open"),
}


def _draw_sweep(seed: int) -> dict:
    """Intervals of four settings, of which one at least lies across the threshold of 0.02."""
    generator = random.Random(seed)
    sides = generator.choice(PATTERNS[generator.choice(list(PATTERNS))]).split()
    rows = {}
    for name, side in zip(ROWS, sides, strict=True):
        lows = {"for": (0.03, 0.08), "open": (0.004, 0.018), "against": (-0.08, -0.05)}
        low = generator.uniform(*lows[side])
        rows[name] = [round(low, 3), round(low + generator.uniform(0.04, 0.06), 3)]
    return rows


def _verdict(**rows):
    sides = ["for" if low > 0.02 else "open" if high > 0.02 else "against" for low, high in rows.values()]
    borne = [side == "for" for side in sides]
    found = {(True, True, False, False): LAST, (False, True, False, True): LONG}.get(tuple(borne), NOT_SHOWN)
    return {"borne out": sum(borne), "open": sides.count("open"), "verdict": found}


def _by_eye(step):
    """One of the three verdicts that are drawn, a wrong one."""
    drawn = list(PATTERNS)
    return lambda **rows: {"verdict": drawn[(drawn.index(_verdict(**rows)["verdict"]) + step) % 3]}


SWEEP = Question(
    key="3.3-11",
    title="Which verdict follows?",
    difficulty=3,
    minutes=15,
    statement=(
        "'Springs keep more than plain training, both at their best rate.' Five seeds a setting; the "
        "interval of the gain in average accuracy is, with sums last: {last_short} at 80 steps a stage, "
        "{last_long} at 240; with sums first: {first_short} at 80, {first_long} at 240. A gain counts above "
        "0.02. In how many settings is the sentence borne out (borne out)? In how many could it be either "
        "(open)? And which verdict follows (verdict) by this book's rule: holds, if borne out in all "
        "settings; holds when, if borne out where a condition is true and nowhere else; does not hold, if "
        "all speak against it; else not shown?"
    ),
    takeaway="A verdict is read off whole intervals and all settings, not off means and the kindest one.",
    explanation=(
        "Borne out: the interval begins above 0.02. Against: it ends at 0.02 or below. Else it is open. Then "
        "the rule is applied to the four sides."
    ),
    hints=(
        "For each interval ask two things: does it begin above 0.02? Does it end above 0.02?",
        "An interval on both sides of the threshold speaks neither for the sentence nor against it.",
        "*Holds when sums come last* needs both settings with sums last, and neither with sums first. What "
        "does *holds when a stage is long* need?",
    ),
    asked={
        "borne out": "the settings whose interval lies above 0.02 from end to end",
        "open": "the settings with 0.02 inside their interval",
    },
    answer=_verdict,
    options={"verdict": ("holds", *PATTERNS, "does not hold")},
    draw=_draw_sweep,
    mistakes=(
        Mistake(
            "by the middle",
            "So many intervals have their middle above 0.02, or lie above 0 with both ends, and none would "
            "be open. What counts is 0.02, and both ends have to be asked: a setting is open where 0.02 lies "
            "between them.",
            (
                lambda **rows: {"borne out": sum(a + b > 0.04 for a, b in rows.values()), "open": 0},
                lambda **rows: {"borne out": sum(min(each) > 0 for each in rows.values()), "open": 0},
            ),
        ),
        Mistake(
            "zero for the threshold",
            "In so many settings the interval lies above 0. The report says what counts: above 0.02. Mind "
            "where each interval begins.",
            (lambda **rows: {"borne out": sum(low > 0 for low, _ in rows.values())},),
        ),
        Mistake(
            "open counted as against",
            "That number of open settings is all that do not bear the sentence out, or none. Open are those "
            "alone whose interval ends above 0.02 and begins below it.",
            (
                lambda **rows: {
                    "open": (4 - _verdict(**rows)["borne out"])
                    if any(high <= 0.02 for _, high in rows.values())
                    else 0
                },
            ),
        ),
        Mistake(
            "the kindest setting",
            "The sentence names no condition, so one setting in which it is not borne out is enough to take "
            "*holds* away. Is there one?",
            ({"verdict": "holds"},),
        ),
        Mistake(
            "one against is enough",
            "A sentence does not hold, by this rule, when every setting speaks against it. One or two that "
            "do leave a condition to look for, or nothing shown.",
            ({"verdict": "does not hold"},),
        ),
        Mistake(
            "a condition by eye",
            "A condition must be true in every setting that bears the sentence out and in no other one; and "
            "where there is such a condition, more is shown than nothing.",
            (_by_eye(1), _by_eye(2)),
        ),
    ),
)

EXERCISES = (SWEEP,)
