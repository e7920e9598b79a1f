"""A question of chapter 4.2 that asks for judgement: a control to design.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 4.2-12 -------------------------------------------------------------------------------


def _draw_widths(seed: int) -> dict:
    """Two layers of one width whose feed-forward networks differ, and what each of them answers."""
    generator = random.Random(seed)
    width = generator.choice([16, 32, 48])
    return {
        "width": width,
        "wide": 4 * width,
        "narrow": generator.choice([2, 3]) * width,
        "right_two": generator.choice([94, 96, 98]),
        "right_one": generator.choice([55, 61, 66]),
    }


def _parameters(width, inner, norms):
    """Four projections and two feed-forward matrices, all with biases, and the norms' gains and biases."""
    return 4 * (width * width + width) + 2 * width * inner + inner + width + norms * 2 * width


def _matched(width, wide, narrow, **_):
    two = _parameters(width, wide, 2)
    return {
        "two": two,
        "one": _parameters(width, narrow, 1),
        "inner": wide + 1,  # one more feature costs 2 width + 1 numbers, the second norm is worth 2 width
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


CONTROL = Question(
    key="4.2-12",
    title="Design the control",
    difficulty=2,
    minutes=20,
    statement=(
        "A report: 'On the mirror task the original layer (two residuals, d_ff = {wide}) answers "
        "{right_two} % right, the article's (one residual, one norm, d_ff = {narrow}) {right_one} %. So it "
        "is the second residual.' d_model is {width} in both; all linear maps have biases, and a norm has a "
        "weight and a bias. How many parameters does the original layer have (two), how many the article's "
        "(one)? With which d_ff does the article's layer come nearest to the original's number of "
        "parameters (inner)? Which run should be made next (next)? And on which task should the gap between "
        "the two layers vanish, if the residual works as this chapter says (positions)?"
    ),
    takeaway="Change one thing, and say beforehand where the effect should not be seen.",
    explanation="4 (d d + d) for the projections, 2 d d_ff + d_ff + d for the feed-forward network, 2 d for "
    "each norm. Matched in size, only the residual is left to explain the gap.",
    hints=(
        "Count one part at a time: a linear map from a to b has a times b weights and b biases.",
        "One more feature inside costs a column, a row and a bias. The original has one norm more: how much "
        "is that?",
        "If size explained the gap, an article's layer of the original's size would close it. If the own "
        "symbol is what matters, a task that does not ask for it shows no gap.",
    ),
    asked={
        "two": "four projections, the feed-forward network at the first d_ff, two norms; weights and biases",
        "one": "four projections, the feed-forward network at the second d_ff, one norm; weights and biases",
        "inner": "2 d_model + 1 more with each feature inside: how many bring it nearest to the original",
    },
    answer=_matched,
    options={
        "next": (
            "the article's layer as wide inside as the original's",
            "the original with another seed",
            "both with ten times the steps",
            "the original with a wider d_ff",
        ),
        "positions": (
            "a task that needs no own symbol",
            "a task with more symbols",
            "the same task with longer rows",
            "the same task without positions",
        ),
    },
    draw=_draw_widths,
    mistakes=(
        Mistake(
            "biases left out",
            "These numbers count the matrices and not their biases. They are few, but they are asked for, "
            "and the library's layer has them.",
            (
                lambda width, wide, narrow, **_: {
                    "two": 4 * width * width + 2 * width * wide + 4 * width,
                    "one": 4 * width * width + 2 * width * narrow + 2 * width,
                },
            ),
        ),
        Mistake(
            "norms left out",
            "These numbers leave the norms out. Each has a gain and a bias for every feature: 2 d_model "
            "numbers.",
            (
                lambda width, wide, narrow, **_: {
                    "two": _parameters(width, wide, 0),
                    "one": _parameters(width, narrow, 0),
                },
            ),
        ),
        Mistake(
            "two norms in both",
            "This number gives the article's layer two norms. Its formula has one, around everything.",
            (lambda width, narrow, **_: {"one": _parameters(width, narrow, 2)},),
        ),
        Mistake(
            "half a norm",
            "These numbers count one number a feature for each norm. It has two: a gain and a bias.",
            (
                lambda width, wide, narrow, **_: {
                    "two": _parameters(width, wide, 1),
                    "one": _parameters(width, narrow, 0.5),
                },
            ),
        ),
        Mistake(
            "one norm in both",
            "This number gives the original one norm, or two that have no bias. It has two, each with a "
            "gain and a bias.",
            (lambda width, wide, **_: {"two": _parameters(width, wide, 1)},),
        ),
        Mistake(
            "the original's width",
            "This number gives the article's layer the d_ff of the original. The report says another one "
            "for it.",
            (lambda width, wide, **_: {"one": _parameters(width, wide, 1)},),
        ),
        Mistake(
            "three projections",
            "These numbers count three projections in attention. There is a fourth, which merges the "
            "heads' outputs.",
            (
                lambda width, wide, narrow, **_: {
                    "two": _parameters(width, wide, 2) - width * width - width,
                    "one": _parameters(width, narrow, 1) - width * width - width,
                },
            ),
        ),
        Mistake(
            "the norm forgotten in the match",
            "With the same d_ff the article's layer is still one norm smaller, 2 d_model numbers. That is "
            "nearly one more feature inside, which costs 2 d_model + 1.",
            (lambda wide, **_: {"inner": wide},),
        ),
        Mistake(
            "another seed",
            "Another seed says how far one figure is due to chance. But the two layers differ in size as "
            "well, and no seed takes that away.",
            ({"next": "the original with another seed"},),
        ),
        Mistake(
            "two things changed again",
            "That changes the steps for both, or makes the original larger still. The layers would differ in "
            "size as before: take away the one difference that is not the residual.",
            ({"next": "both with ten times the steps"}, {"next": "the original with a wider d_ff"}),
        ),
        Mistake(
            "a harder task",
            "That makes the task harder or unsolvable for both. A negative control is a task on which the "
            "residual's help is not wanted, so that no gap is foretold.",
            (
                {"positions": "a task with more symbols"},
                {"positions": "the same task with longer rows"},
                {"positions": "the same task without positions"},
            ),
        ),
    ),
)


EXERCISES = (CONTROL,)
