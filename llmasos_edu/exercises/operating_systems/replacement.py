"""A question of section 2.2.1: which page must go, on twelve references.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question
from llmasos_edu.exercises.operating_systems.policies import (
    count_faults,
    farthest,
    first_in,
    least_frequent,
    least_recent,
    most_recent,
    never_is_now,
    soonest,
)

# 2.2-3 --------------------------------------------------------------------------------


def _counts(references, *, cold=True, **rules):
    rules = {"fifo": first_in, "lru": least_recent, "optimal": farthest} | rules
    return {name: count_faults(references, 3, rule, cold=cold) for name, rule in rules.items()}


def _half_way(references):
    """After how many references which pages are in the frames, and how many faults there have been."""
    said, half = {}, len(references) // 2 + 1
    for name, rule in {"fifo": first_in, "lru": least_recent, "optimal": farthest}.items():
        resident, faults = [], 0
        for now, page in enumerate(references[:half]):
            if page not in resident:
                faults += 1
                if len(resident) == 3:
                    resident.remove(rule(resident, references[:now], references[now:]))
                resident.append(page)
        said[name] = f"after {half} references there are {faults} faults"
        if name != "optimal":  # of two pages that never come again either may have gone
            said[name] += f", and the frames hold {', '.join(map(str, sorted(resident)))}"
    return said


def _draw_references(seed: int) -> dict:
    """Twelve references to five pages on which the three policies, and the usual slips, differ."""
    generator = random.Random(seed)
    while True:
        references = [generator.randrange(1, 6) for _ in range(12)]
        right = _counts(references)
        slips = [
            _counts(references, lru=most_recent)["lru"],
            _counts(references, lru=least_frequent)["lru"],
        ]
        repeats = all(a != b for a, b in itertools.pairwise(references))
        apart = len({*right.values(), *slips, _counts(references, optimal=soonest)["optimal"]}) == 6
        if repeats and apart and len(set(references)) == 5:
            return {"references": references}


FAULTS = Question(
    key="2.2-3",
    title="Count the faults",
    difficulty=2,
    minutes=15,
    statement=(
        "A program uses the pages {references}, in this order. There are 3 frames, all empty at first. How "
        "many page faults are there when the page that goes is the one that came first (fifo), the one whose "
        "last use is longest ago (lru), the one whose next use is farthest away (optimal)?"
    ),
    takeaway="On the very same references the three differ, and nobody can be better than the last one.",
    explanation="Write the three frames as three lines, a column for each reference, and mark the columns in "
    "which a page comes in.",
    hints=(
        "Draw three lines for the frames and a column for each reference. A fault is a column in which a "
        "page comes in, and that includes the first ones, into empty frames.",
        "For fifo a hit changes nothing, neither the frames nor the order in which they will be emptied.",
        "For lru look left along the references to find whose last use lies farthest back, for optimal look "
        "right to find whose next use lies farthest ahead; a page that never comes again is farthest.",
    ),
    asked={
        "fifo": "how many references do not find their page, when the one goes that came first, used or not",
        "lru": "how many references do not find their page, when the one goes that was not used for longest",
        "optimal": "how many references do not find their page, when the one goes that is wanted last",
    },
    on_the_way=_half_way,
    answer=_counts,
    mistakes=(
        Mistake(
            "empty frames not counted",
            "Each of your counts is three too low: the first three pages come into empty frames. Nobody "
            "has to leave for them, but they had to be fetched all the same.",
            (lambda references: _counts(references, cold=False),),
        ),
        Mistake(
            "hits counted",
            "Your numbers are the references that found their page. A fault is one that did not; together "
            "they make up all references.",
            (lambda references: {name: 12 - count for name, count in _counts(references).items()},),
        ),
        Mistake(
            "fifo and lru exchanged",
            "Your first two numbers are right, but for each other's policy. Which of the two cares when a "
            "page was used, and which only when it came?",
            (
                lambda references: {
                    "fifo": _counts(references)["lru"],
                    "lru": _counts(references)["fifo"],
                },
            ),
        ),
        Mistake(
            "hits leave the order of lru",
            "For lru your count is that of fifo. A hit makes a page young again under lru: it goes behind "
            "all others in the order in which they leave.",
            (lambda references: {"lru": _counts(references)["fifo"]},),
        ),
        Mistake(
            "most recent for least recent",
            "For lru your count is the one that comes when the page goes that was used last. Least recently "
            "used is the page whose last use lies farthest back.",
            (lambda references: {"lru": _counts(references, lru=most_recent)["lru"]},),
        ),
        Mistake(
            "least often for least recent",
            "For lru your count is the one that comes when the page goes that was used least often, which "
            "is another policy, called LFU. Here the time of the last use decides.",
            (lambda references: {"lru": _counts(references, lru=least_frequent)["lru"]},),
        ),
        Mistake(
            "kept though never wanted again",
            "For optimal your count is the one that comes when a page that never comes again is kept as if "
            "it were needed next. It is farthest of all: it goes before any page that is still wanted.",
            (lambda references: {"optimal": _counts(references, optimal=never_is_now)["optimal"]},),
        ),
        Mistake(
            "soonest for farthest",
            "For optimal your count is the one that comes when the page goes that is needed next. The page "
            "that can best be spared is the one that comes last.",
            (lambda references: {"optimal": _counts(references, optimal=soonest)["optimal"]},),
        ),
    ),
    draw=_draw_references,
)

EXERCISES = (FAULTS,)
