"""Exercise of chapter 3.4, the part on weights: how often each task is drawn.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-5 ----------------------------------------------------------------------------------


def task_shares(sizes, temperature, steps):
    """sizes [tasks], batches in each task's data -> shares of the draws [tasks], passes [tasks]."""
    powers = sizes ** (1 / temperature)
    shares = powers / powers.sum()
    return shares, steps * shares / sizes


def _shares(rule, passes=lambda shares, sizes, steps: steps * shares / sizes):
    """Shares by another rule, and the passes that follow from them."""

    def answer(sizes, temperature, steps):
        shares = rule(sizes, temperature)
        return shares, passes(shares, sizes, steps)

    return answer


def _right_shares(sizes, temperature):
    return task_shares(sizes, temperature, 1)[0]


def _normal(values):
    return values / values.sum()


def _equal_ones_once(sizes, temperature):
    return sizes ** (1 / temperature) / (sizes.unique() ** (1 / temperature)).sum()


def _sizes(name, sizes, temperature, steps):
    return Case(name, (torch.tensor(sizes), temperature, steps))


SHARES = Exercise(
    key="3.4-5",
    title="How often each task is drawn",
    difficulty=1,
    minutes=10,
    statement=(
        "Each training step draws one task and takes a batch of it. With temperature T, task i is drawn with "
        "probability n_i^(1/T) / sum_j n_j^(1/T), where n_i is the number of batches that its data holds "
        "(Raffel et al. 2020, section 3.5.2). Return these shares, and how many times each task's data is "
        "seen, on average, in this number of steps."
    ),
    takeaway="A high temperature lifts small tasks, at a price: their few examples come again and again.",
    reference=task_shares,
    explanation="Powers first, then the sum over the tasks; passes are draws divided by batches.",
    hints=(
        "At T = 1 the shares go with the sizes, and at a very large T all are alike. Does your exponent do "
        "that?",
        "Whatever the exponent made of the sizes, probabilities add up to 1.",
        "In `steps` steps a task is drawn steps times its share, on average. How many draws are one pass "
        "over its data?",
    ),
    cases=(
        _sizes("three tasks, T = 3", [1000.0, 10.0, 100.0], 3.0, 500),
        _sizes("two tasks, T = 2", [100.0, 900.0], 2.0, 300),
        _sizes("T = 1", [10.0, 50.0, 40.0], 1.0, 100),
        _sizes("a high temperature", [5.0, 500.0, 50.0, 20.0], 50.0, 1000),
        _sizes("below 1", [8.0, 2.0, 5.0], 0.5, 60),
        _sizes("one task", [30.0], 4.0, 90),
        _sizes("two tasks of the same size", [20.0, 5.0, 20.0], 2.0, 80),
    ),
    mistakes=(
        Mistake(
            "exponent upside down",
            "Your exponent is T and should be 1/T: a higher temperature makes your large tasks still larger.",
            (
                _shares(lambda sizes, t: _normal(sizes**t)),
                _shares(lambda sizes, t: _normal(sizes.double() ** t)),
            ),
        ),
        Mistake(
            "powers of the sizes",
            "You return powers of the sizes, which do not add up to 1. A share is such a power divided by "
            "the sum of all of them.",
            (_shares(lambda sizes, t: sizes ** (1 / t)),),
        ),
        Mistake(
            "not renormalised",
            "Your shares do not add up to 1 (unless T is 1, or there is one task). After the power they must "
            "be divided by their sum, even if they were shares before.",
            (_shares(lambda sizes, t: _normal(sizes) ** (1 / t)),),
        ),
        Mistake(
            "divided by the sum of the sizes",
            "You divide the powers by the sum of the sizes (at T = 1 you are right). They add up to 1 when "
            "divided by the sum of the powers.",
            (_shares(lambda sizes, t: sizes ** (1 / t) / sizes.sum()),),
        ),
        Mistake(
            "equal sizes added once",
            "What comes out is as if the sum below the line held equal sizes only once. Each task has a term "
            "of its own in it, and then the shares add up to 1.",
            (_shares(_equal_ones_once),),
        ),
        Mistake(
            "exponent from 1",
            "What comes out is as if the exponent were 1 - 1/T. It is 1/T: at T = 1 the shares go with the "
            "sizes.",
            (_shares(lambda sizes, t: _normal(sizes ** (1 - 1 / t))),),
        ),
        Mistake(
            "exponent without a rest",
            "What comes out is as if the exponent were 1 // T, a whole number: 0 as soon as T is above 1, "
            "and then all tasks are alike. It is a fraction, 1 / T.",
            (_shares(lambda sizes, t: _normal(sizes ** (1 // t))),),
        ),
        Mistake(
            "exponent below zero",
            "What comes out is as if the exponent were -1/T: your smallest task is drawn most often. It is "
            "1/T.",
            (_shares(lambda sizes, t: _normal(sizes ** (-1 / t))),),
        ),
        Mistake(
            "temperature ignored",
            "Your shares go with the sizes, whatever the temperature (at T = 1 you are right).",
            (_shares(lambda sizes, t: _normal(sizes)),),
        ),
        Mistake(
            "all alike",
            "All your tasks are drawn equally often. That is the limit of a very high temperature only.",
            (_shares(lambda sizes, t: torch.ones_like(sizes) / len(sizes)),),
        ),
        Mistake(
            "softmax of sizes",
            "You take a softmax of the sizes (or of their shares) divided by T. The formula is a power of "
            "the size, that is a softmax of its logarithm.",
            (
                _shares(lambda sizes, t: (sizes / t).softmax(0)),
                _shares(lambda sizes, t: (_normal(sizes) / t).softmax(0)),
            ),
        ),
        Mistake(
            "divided by the temperature",
            "You divide by the temperature, which cancels out when all is divided by the sum (or the shares "
            "no longer add up to 1). It belongs into the exponent.",
            (_shares(lambda sizes, t: _normal(sizes) / t),),
        ),
        Mistake(
            "draws and not passes",
            "Your second number says how often a task is drawn. A pass takes as many draws as its data has "
            "batches: divide by that.",
            (_shares(_right_shares, lambda shares, sizes, steps: steps * shares),),
        ),
        Mistake(
            "whole draws",
            "What comes out is as if the draws of a task were cut or rounded to a whole number. They are "
            "meant on average: keep the fractions.",
            (
                _shares(_right_shares, lambda shares, sizes, steps: (steps * shares).floor() / sizes),
                _shares(_right_shares, lambda shares, sizes, steps: (steps * shares).round() / sizes),
            ),
        ),
        Mistake(
            "passes upside down",
            "Your second number is one over what it should be: draws are divided by the batches of the "
            "task's data, not the other way round.",
            (_shares(_right_shares, lambda shares, sizes, steps: sizes / (steps * shares)),),
        ),
        Mistake(
            "passes of other draws",
            "Your passes do not follow from the shares: the draws of a task are `steps` times its share, and "
            "they are divided by the task's size n_i itself.",
            (
                _shares(_right_shares, lambda shares, sizes, steps: steps / len(sizes) / sizes),
                lambda sizes, t, steps: (
                    task_shares(sizes, t, 1)[0],
                    steps * task_shares(sizes, t, 1)[0] / sizes ** (1 / t),
                ),
                _shares(_right_shares, lambda shares, sizes, steps: steps * sizes / sizes.sum() / sizes),
            ),
        ),
        Mistake(
            "passes over all data",
            "You divide by the data of all tasks together. Each task goes through its own.",
            (_shares(_right_shares, lambda shares, sizes, steps: steps * shares / sizes.sum()),),
        ),
    ),
    parts=("list of shares", "list of passes"),
)

EXERCISES = (SHARES,)
