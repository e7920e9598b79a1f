"""Questions of chapter 4.2.3 that ask for judgement: a control for stretching, and wavelengths to read.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 4.2.3-11 -----------------------------------------------------------------------------

T = 2.776  # of Student's t, four degrees of freedom, 95 %


def _draw_stretching(seed: int) -> dict:
    """Losses before and after training on, with and without divided positions; some gains are none."""
    generator = random.Random(seed)
    before = generator.choice([0.62, 0.7, 0.78])
    alone = generator.choice([0.2, 0.24, 0.28])
    due, error = generator.choice([(0.012, 0.006), (0.03, 0.008), (0.05, 0.006), (-0.01, 0.004)])
    return {"before": before, "alone": alone, "divided": round(alone - due, 3), "error": error}


def _controlled(before, alone, divided, error):
    due = alone - divided
    low, high = due - T * error, due + T * error
    return {
        "claimed": before - divided,
        "due": due,
        "low": low,
        "verdict": "holds" if low > 0.02 else "does not hold" if high <= 0.02 else "not shown",
        "control": "the same training at the new length, nothing divided",
    }


WORDS = ("holds", "not shown", "does not hold")


def _another_verdict(steps):
    return lambda **data: {"verdict": WORDS[(WORDS.index(_controlled(**data)["verdict"]) + steps) % 3]}


STRETCHING = Question(
    key="4.2.3-11",
    title="Design the control: stretching a model",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'A rotary model trained on 32 positions loses {before} bits a symbol at 128. We divide "
        "its "
        "positions by four, train it on at the new length, and it loses {divided}. So dividing adapts it.' "
        "Another model, trained on in the same way with nothing divided, loses {alone}. How many bits does "
        "the report claim (claimed)? How many are due to dividing (due)? The standard error of that "
        "difference, over five seeds, is {error}: where does its 95 % interval begin, 2.776 errors below "
        "(low)? Say that 0.02 bits would count: *holds* if the whole interval lies above, *does not hold* if "
        "none of it does, else *not shown* (verdict). And what is this other model called for (control)?"
    ),
    takeaway="Training on is a treatment too. What is claimed for the trick has to beat training on alone.",
    explanation="The trick is worth what it adds to the same training without it; the rest is due to "
    "training.",
    hints=(
        "Two things were changed between the report's two figures. Which of them does the other model share?",
        "Due to dividing is what is left when training on at the new length is in both.",
        "Lay the interval beside 0.02: above, below, or with 0.02 inside?",
    ),
    asked={
        "claimed": "what the untouched model loses less what it loses after both, dividing and training on",
        "due": "what the other model, trained on with nothing divided, loses less what the divided one loses",
        "low": "due less 2.776 errors",
    },
    answer=_controlled,
    options={
        "verdict": WORDS,
        "control": (
            "the same training at the new length, nothing divided",
            "a model trained from the start on 128 positions",
            "the same model, not trained on",
            "another divisor",
        ),
    },
    draw=_draw_stretching,
    rtol=5e-3,
    atol=5e-5,
    mistakes=(
        Mistake(
            "training counted in",
            "That starts from what the model lost before. Between the two figures stands the training as "
            "well; compare with the one that was trained on without dividing.",
            (lambda before, divided, **_: {"due": before - divided},),
        ),
        Mistake(
            "the sign",
            "A gain is what is lost without the trick minus what is lost with it: positive where dividing "
            "helps.",
            (
                lambda **d: {"due": -_controlled(**d)["due"]},
                lambda **d: {
                    "claimed": -_controlled(**d)["claimed"],
                    "due": -_controlled(**d)["due"],
                },
            ),
        ),
        Mistake(
            "the claim is the training's",
            "That is what training on alone has gained. The report claims the whole way to its own figure.",
            (lambda before, alone, **_: {"claimed": before - alone},),
        ),
        Mistake(
            "two for t",
            "That goes another number of errors down: 1.96, 2 or 2.571, as for another question or more "
            "seeds. With five the interval reaches 2.776 of them to each side.",
            (
                lambda **d: {"low": _controlled(**d)["due"] - 2 * d["error"]},
                lambda **d: {"low": _controlled(**d)["due"] - 1.96 * d["error"]},
                lambda **d: {"low": _controlled(**d)["due"] - 2.571 * d["error"]},
            ),
        ),
        Mistake(
            "the other end",
            "That is where the interval ends, 2.776 errors above. Asked for is where it begins.",
            (lambda **d: {"low": _controlled(**d)["due"] + T * d["error"]},),
        ),
        Mistake(
            "shared out again",
            "That divides by the root of five once more. The standard error given is that of the mean "
            "difference already.",
            (lambda **d: {"low": _controlled(**d)["due"] - T * d["error"] / math.sqrt(5)},),
        ),
        Mistake(
            "what training alone gains",
            "That is what training on alone has gained, with nothing divided. What dividing adds is the "
            "difference of the two that were trained on.",
            (lambda before, alone, **_: {"due": before - alone},),
        ),
        Mistake(
            "another verdict",
            "Lay the interval beside 0.02: all of it above is *holds*, none of it above *does not hold*, and "
            "with 0.02 inside nothing is shown.",
            (_another_verdict(1), _another_verdict(2)),
        ),
        Mistake(
            "not what was run",
            "That would be worth running, but it is not this one: this one was trained on, at the new "
            "length, with its positions as they were.",
            (
                {"control": "a model trained from the start on 128 positions"},
                {"control": "the same model, not trained on"},
                {"control": "another divisor"},
            ),
        ),
    ),
)

# 4.2.3-12 -----------------------------------------------------------------------------


def _draw_waves(seed: int) -> dict:
    """A head, a base, the trained length and a longer one."""
    generator = random.Random(seed)
    return {
        "dim": generator.choice([16, 32, 64]),
        "base": generator.choice([100, 1000, 10_000]),
        "length": generator.choice([128, 64]),  # of 256 steps, one too few hardly shows
        "times": generator.choice([2, 4, 8]),
    }


def _lengths(dim, base):
    """Positions for a whole turn of each pair, fastest first."""
    return [2 * math.pi * base ** (2 * pair / dim) for pair in range(dim // 2)]


def _waves(dim, base, length, times):
    waves = _lengths(dim, base)
    return {
        "longest": waves[-1],
        "turned": sum(wave <= length for wave in waves),
        "slowest": length / waves[-1],
        "unseen": "the angles of pairs that had not turned once",
    }


WAVES = Question(
    key="4.2.3-12",
    title="Read the figure: which pairs have turned?",
    difficulty=2,
    minutes=15,
    statement=(
        "Rotary positions, heads of {dim} features, base {base}; the model was trained on {length} "
        "positions. A figure shows for each pair of features how many positions a whole turn takes. What is "
        "the longest of them (longest)? How many pairs have made at least one whole turn within the trained "
        "length (turned)? How much of a turn does the slowest pair make in as many steps as it was trained "
        "on positions, as a number of turns (slowest)? At {times} times the length the model meets "
        "something that it has never seen in training. What is it (unseen)?"
    ),
    takeaway="A pair that has gone round has met every angle. The slow ones meet new angles in longer texts.",
    explanation="Pair i takes 2 pi base^(2 i / dim) positions for a turn, i from 0 to dim / 2 - 1.",
    hints=(
        "Pair i turns by 1 / base^(2 i / dim) at each position. How many positions make 2 pi?",
        "There are dim / 2 pairs and they are counted from 0: the last one is not at base itself.",
        "A pair that has gone round comes again to angles that it knows. Which pairs do not?",
    ),
    asked={
        "longest": "2 pi base^(2 i / dim) positions, of the last pair; pairs are counted from 0",
        "turned": "how many pairs take at most the trained length for a turn",
        "slowest": "the trained length over the positions that the slowest pair takes for a turn",
    },
    answer=_waves,
    rtol=5e-3,
    options={
        "unseen": (
            "the angles of pairs that had not turned once",
            "the angles of all pairs",
            "the angles of the fastest pair",
            "nothing: all angles come again",
        )
    },
    draw=_draw_waves,
    mistakes=(
        Mistake(
            "radians for turns",
            "That leaves out that a whole turn is 2 pi: 1 / frequency positions make one radian.",
            (
                lambda dim, base, **_: {"longest": _lengths(dim, base)[-1] / (2 * math.pi)},
                lambda dim, base, length, **_: {
                    "longest": _lengths(dim, base)[-1] / (2 * math.pi),
                    "slowest": length / _lengths(dim, base)[-1] * 2 * math.pi,
                },
            ),
        ),
        Mistake(
            "one pair too far",
            "That takes the exponent 1. The pairs are counted from 0, so the last has 2 i / dim = 1 - 2 / "
            "dim.",
            (
                lambda base, **_: {"longest": 2 * math.pi * base},
                lambda base, length, **_: {
                    "longest": 2 * math.pi * base,
                    "slowest": length / (2 * math.pi * base),
                },
            ),
        ),
        Mistake(
            "all pairs counted",
            "That is how many pairs there are. The slow ones have not gone round once in the trained length.",
            (lambda dim, **_: {"turned": dim // 2},),
        ),
        Mistake(
            "the others counted",
            "That is how many pairs have *not* gone round once in the trained length; asked for are the "
            "others.",
            (
                lambda dim, base, length, times: {
                    "turned": (
                        dim // 2 - _waves(dim, base, length, times)["turned"]
                        if dim // 2 != 2 * _waves(dim, base, length, times)["turned"]
                        else -1
                    )
                },
            ),
        ),
        Mistake(
            "the fastest pair",
            "That is the fastest pair's number. The slowest is the last one.",
            (
                lambda **_: {"longest": 2 * math.pi},
                lambda length, **_: {"slowest": length / (2 * math.pi)},
            ),
        ),
        Mistake(
            "the longer text",
            "That is what the slowest pair makes in the longer text. Asked for are as many steps as it was "
            "trained on.",
            (lambda **d: {"slowest": d["times"] * _waves(**d)["slowest"]},),
        ),
        Mistake(
            "upside down",
            "That is the positions of a turn divided by the length. How many turns fit into the length?",
            (lambda **d: {"slowest": 1 / _waves(**d)["slowest"]},),
        ),
        Mistake(
            "all or the fastest",
            "The fast pairs went round many times in training: they have met every angle, and meet no new "
            "one.",
            ({"unseen": "the angles of all pairs"}, {"unseen": "the angles of the fastest pair"}),
        ),
        Mistake(
            "nothing new",
            "Some pairs had made only part of a turn. In a longer text they go on, to angles not met before.",
            ({"unseen": "nothing: all angles come again"},),
        ),
    ),
)

EXERCISES = (STRETCHING, WAVES)
