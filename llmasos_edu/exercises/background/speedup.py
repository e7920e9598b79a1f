"""An exercise of section 1.2.2: what a faster part of a training step is worth.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 1-9 ----------------------------------------------------------------------------------


def _draw_step(seed: int) -> dict:
    generator = random.Random(seed)
    return {
        "forward": generator.choice([20, 25, 30]),
        "backward": generator.choice([45, 50, 55]),
        "optimizer": generator.choice([10, 15, 20]),
        "data": generator.choice([1, 2, 5]),
        "times": generator.choice([2, 4, 5]),
    }


def _speedup(forward, backward, optimizer, data, times):
    step = forward + backward + optimizer + data
    faster = step - optimizer + optimizer / times
    return {"share": optimizer / step, "speedup": step / faster, "limit": step / (step - optimizer)}


def _of(data):
    """The time of the whole step."""
    return data["forward"] + data["backward"] + data["optimizer"] + data["data"]


SPEEDUP = Question(
    key="1-9",
    title="What a faster part is worth",
    difficulty=2,
    minutes=10,
    statement=(
        "A training step takes {forward} ms forward, {backward} ms back, {optimizer} ms for the optimizer "
        "and {data} ms for the data. Which share of the step is the optimizer's (share)? It is made {times} "
        "times as fast: how many times as fast is the step (speedup)? And how fast could the step become by "
        "work on the optimizer alone, if it cost nothing at all (limit)? Give three places after the point."
    ),
    takeaway="What a part can gain is bounded by its share: profile first, then work on the largest.",
    explanation="Only the optimizer's share shrinks; all else stays (Amdahl's law).",
    hints=(
        "Add the four parts: that is the step. What do they sum to after the change?",
        "Only one of four terms changes. The speedup is the old sum divided by the new one.",
        "For the limit let the optimizer take no time at all. The three others stay.",
    ),
    asked={
        "share": "the optimizer's time over the time of the whole step",
        "speedup": "the whole step as it is over the whole step with the optimizer's new time in it",
        "limit": "the whole step as it is over what is left of it without the optimizer",
    },
    answer=_speedup,
    draw=_draw_step,
    rtol=2e-3,  # one more in the divisor changes the speedup by 4e-3
    atol=6e-4,
    mistakes=(
        Mistake(
            "times as fast for times faster",
            "You divide the optimizer's time by one more than is said. So many times as fast means that its "
            "time is divided by just this number.",
            (lambda **d: {"speedup": _speedup(**d | {"times": d["times"] + 1})["speedup"]},),
        ),
        Mistake(
            "the whole step faster",
            "You give the whole step the factor of the optimizer. The other parts take as long as before.",
            (lambda **d: {"speedup": float(d["times"])},),
        ),
        Mistake(
            "multiplied for divided",
            "It comes out as if the optimizer's time were multiplied. Made faster, it takes less time: "
            "divide.",
            (lambda **d: {"speedup": _of(d) / (_of(d) + (d["times"] - 1) * d["optimizer"])},),
        ),
        Mistake(
            "speeds averaged",
            "What comes out is a mean of the parts' speeds, each with its share of the step. Times add up, "
            "speeds do not: what do the four times sum to after the change?",
            (lambda **d: {"speedup": 1 + (d["times"] - 1) * d["optimizer"] / _of(d)},),
        ),
        Mistake(
            "time saved for speedup",
            "You give the share of the time that is saved. Asked is the ratio of the old time to the new "
            "one, "
            "which is above one.",
            (lambda **d: {"speedup": 1 - 1 / _speedup(**d)["speedup"]},),
        ),
        Mistake(
            "new over old",
            "You divide the new time by the old one. Faster means: how many times does the new one fit into "
            "the old one?",
            (
                lambda **d: {"speedup": 1 / _speedup(**d)["speedup"]},
                lambda **d: {"limit": 1 / _speedup(**d)["limit"]},
            ),
        ),
        Mistake(
            "how much faster",
            "That is by how much faster the step is. Asked is how many times as fast: that is one more, as a "
            "step that gained nothing is 1 times as fast.",
            (
                lambda **d: {name: _speedup(**d)[name] - 1 for name in ("speedup", "limit")},
                lambda **d: {"speedup": _speedup(**d)["speedup"] - 1},
                lambda **d: {"limit": _speedup(**d)["limit"] - 1},
            ),
        ),
        Mistake(
            "the new time taken off",
            "It comes out as if the optimizer's new time were taken off the step. What goes is the "
            "difference of its old and its new time.",
            (
                lambda **d: {
                    # half taken off is half left
                    "speedup": _of(d) / (_of(d) - d["optimizer"] / d["times"]) if d["times"] > 2 else math.nan
                },
            ),
        ),
        Mistake(
            "milliseconds for times",
            "That is a time in milliseconds. How many times does the step fit into the one as it was?",
            (
                lambda **d: {"speedup": _of(d) / _speedup(**d)["speedup"]},
                lambda **d: {"limit": _of(d) - d["optimizer"]},
            ),
        ),
        Mistake(
            "no limit",
            "When the optimizer costs nothing at all, the other three parts are still there. How long is "
            "the step then, and how long was it?",
            (lambda **d: {"limit": float(d["times"])}, lambda **d: {"limit": 1 / _speedup(**d)["share"]}),
        ),
        Mistake(
            "share of forward and back",
            "You divide by forward and back alone. The optimizer and the data are parts of the step as well.",
            (lambda **d: {"share": d["optimizer"] / (d["forward"] + d["backward"])},),
        ),
        Mistake(
            "share of the others",
            "You divide by the other three parts. The optimizer is a part of the step as well.",
            (lambda **d: {"share": d["optimizer"] / (_of(d) - d["optimizer"])},),
        ),
        Mistake(
            "the data left out",
            "You leave the data out of the step. They take their time as well.",
            (lambda **d: {"share": d["optimizer"] / (d["forward"] + d["backward"] + d["optimizer"])},),
        ),
    ),
)

EXERCISES = (SPEEDUP,)
