"""A question of chapter 3.5 that is answered with numbers and choices: when a small model asks a large one.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.5-11 -------------------------------------------------------------------------------

AT_RANDOM = "the same share of the requests, drawn at random"


def _draw_fallback(seed: int) -> dict:
    """A small and a large model and both together; asking by doubt is worth something, or nothing."""
    generator = random.Random(seed)
    small, lead = generator.choice([42, 48, 55, 61]), generator.choice([20, 25, 30])
    share = generator.choice([0.2, 0.3, 0.4])
    extra = generator.choice([-0.06, -0.03, 0.08, 0.15, 0.25])
    return {
        "small": small,
        "large": small + lead,
        "share": share,
        "both": round(small + (share + extra) * lead, 1),
        "ratio": generator.choice([5, 8, 10]),
    }


def _by_chance(small, large, share, **_):
    return small + share * (large - small)


def _kept(small, large, both, **_):
    return (both - small) / (large - small)


def _right_fallback(**d):
    return {
        "random": _by_chance(**d),
        "kept": _kept(**d),
        "work": 1 / d["ratio"] + d["share"],
        "knows": d["both"] > _by_chance(**d),
        "control": AT_RANDOM,
    }


FALLBACK = Question(
    key="3.5-11",
    title="Read a fallback's curve",
    difficulty=2,
    minutes=15,
    statement=(
        "A small model answers every request, and hands those where it is least sure to a large one. Read "
        "off the curve, per cent right: nothing handed over {small}, everything {large}, a share of {share} "
        "handed over {both}. What would the curve show at this share if the requests were drawn at random "
        "(random)? What share of the large model's lead is kept (kept)? The large model does {ratio} times "
        "the small one's arithmetic for a request. What does a request cost on average, as a share of "
        "asking the large model alone (work)? Does the small model's doubt choose better than chance, by "
        "these figures (knows)? And what is the control of 'it knows when to ask' (control)?"
    ),
    takeaway="Between two models a straight line is free: a rule for asking is worth what lies above it.",
    explanation="random: on the straight line from small to large; kept: (both - small) / (large - small); "
    "work: 1 / ratio + share; it knows where the curve lies above the line.",
    hints=(
        "Of requests drawn at random each model gets its own share right, whichever they are.",
        "Every request is read by the small model. Some are read by the large one besides.",
        "Both ends of the curve are there whatever the rule. What is the dullest line that joins them?",
    ),
    asked={
        "random": "the share handed over as good as the large model, the others as the small one",
        "kept": "what both together have over the small one, over what the large one has over it",
        "work": "all requests by the small model and the share by the large one, over all by the large one",
    },
    answer=_right_fallback,
    options={
        "control": (
            AT_RANDOM,
            "the small model alone",
            "the large model alone",
            "a larger share of the requests",
        )
    },
    draw=_draw_fallback,
    mistakes=(
        Mistake(
            "the small model's line",
            "You give the small model alone. Whoever asks at random asks as well: some of the large model's "
            "lead comes to him.",
            (lambda small, **_: {"random": small},),
        ),
        Mistake(
            "the line from the other end",
            "You go from the large model down by the share that is handed over. That is the share the large "
            "one does answer.",
            (lambda small, large, share, **_: {"random": large - share * (large - small)},),
        ),
        Mistake(
            "a share of all that is right",
            "You divide what is right by what the large model gets right. The small model had most of that "
            "without it: count from there.",
            (lambda both, large, **_: {"kept": both / large},),
        ),
        Mistake(
            "points for a share",
            "You give the points gained. As a share of the lead they are divided by the points between the "
            "two models.",
            (
                lambda small, both, **_: {"kept": both - small},
                lambda small, both, **_: {"kept": (both - small) / 100},
            ),
        ),
        Mistake(
            "counted from chance",
            "You count from what chance would give. The lead that is kept counts from the small model: "
            "nothing handed over keeps 0 of it, everything keeps 1.",
            (
                lambda **d: {"kept": (d["both"] - _by_chance(**d)) / (d["large"] - d["small"])},
                lambda **d: {"kept": (d["both"] - _by_chance(**d)) / (d["large"] - _by_chance(**d))},
            ),
        ),
        Mistake(
            "half-way",
            "You give the middle between both models. On the straight line the share of the requests that is "
            "handed over says how far it is.",
            (lambda small, large, **_: {"random": (small + large) / 2},),
        ),
        Mistake(
            "the small model's work for one",
            "You count in the small model's requests. Asked for is a share of asking the large model alone: "
            "divide by its work.",
            (lambda share, ratio, **_: {"work": 1 + share * ratio},),
        ),
        Mistake(
            "the small model for nothing",
            "You count the large model alone. The small one has read every request before it was handed "
            "over or not.",
            (lambda share, **_: {"work": share},),
        ),
        Mistake(
            "the small model spared",
            "You let the small model read only what it keeps. It has to try a request before it can be "
            "unsure about it.",
            (lambda share, ratio, **_: {"work": (1 - share) / ratio + share},),
        ),
        Mistake(
            "above the small model",
            "Compare with the straight line, not with either end. A curve may lie above the small model, "
            "and below what chance would do.",
            (lambda **d: {"knows": d["both"] <= _by_chance(**d)},),
        ),
        Mistake(
            "an end of the curve",
            "That is one end of the curve, where no rule chooses anything. Hand over as many requests, and "
            "take away what is claimed: the choice.",
            ({"control": "the small model alone"}, {"control": "the large model alone"}),
        ),
        Mistake(
            "another price",
            "With a larger share more is right by chance already. Keep the share, and so the price, and "
            "change the choice alone.",
            ({"control": "a larger share of the requests"},),
        ),
    ),
)


EXERCISES = (FALLBACK,)
