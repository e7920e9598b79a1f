"""Exercises of sections 1.1.1 and 1.2.2: machines and years, growth, and what a faster part is worth.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.question import Question

# 1-3 ----------------------------------------------------------------------------------

DAY, YEAR = 86_400, 365 * 86_400


def _draw_training(seed: int) -> dict:
    generator = random.Random(seed)
    return {
        "billions": generator.choice([7, 13, 30, 70, 175]),
        "tokens": generator.choice([300, 600, 1400, 2000]),
        "teraflops": generator.choice([100, 200, 300, 400]),
        "share": generator.choice([30, 40, 50]),
        "days": generator.choice([20, 30, 60]),
    }


def _time(billions, tokens, teraflops, share, days, *, factor=6.0, utilised=None):
    flops = factor * billions * 1e9 * tokens * 1e9
    rate = teraflops * 1e12 * (share / 100 if utilised is None else utilised)
    seconds = flops / rate
    return {"years": seconds / YEAR, "machines": math.ceil(seconds / (days * DAY))}


TIME = Question(
    key="1-3",
    title="How long would it take?",
    difficulty=1,
    minutes=10,
    statement=(
        "A dense model of {billions} billion parameters is to be trained on {tokens} billion tokens. One "
        "accelerator makes at most {teraflops} teraFLOP (10^12) each second, and in training it reaches "
        "{share} % of that. By the rule of six, how many years of 365 days would one of them take "
        "(years)? How "
        "many must work side by side, if nothing is lost between them, to be ready in {days} days (machines, "
        "a whole number)?"
    ),
    takeaway="Years for one, days for many: the bill in machine-years is the same.",
    explanation="6 x parameters x tokens, divided by the rate that is reached, is seconds for one.",
    hints=(
        "First the FLOPs: six for each parameter and token. Mind both billions.",
        "Is the rate that is printed on the box reached? Which share of it is?",
        "The time of one, divided by the days that you have, rounded up: half a machine cannot be had.",
    ),
    asked={
        "years": "six FLOPs a parameter and token, over those that one machine reaches in a year",
        "machines": "the years of one machine, in days, over the days that there are, rounded up",
    },
    answer=_time,
    draw=_draw_training,
    mistakes=(
        Mistake(
            "forward only",
            "Three times too short, which is what two operations for each parameter give: those of the way "
            "forward. The way back costs twice as much again.",
            (lambda **d: _time(**d, factor=2.0),),
        ),
        Mistake(
            "the peak reached",
            "That is the time at what the machine can do at most. In training it reaches only a share of "
            "this rate.",
            (lambda **d: _time(**d, utilised=1.0),),
        ),
        Mistake(
            "the share turned round",
            "That is the time of a machine that is faster than its peak: the share belongs below the "
            "fraction line, with the rate.",
            (lambda **d: _time(**d, utilised=100 / d["share"]),),
        ),
        Mistake(
            "rounded down",
            "With the machines that you hire the training is not quite ready in time. A part of a machine "
            "cannot be had: round up.",
            (lambda **d: {"machines": _time(**d)["machines"] - 1},),
        ),
    ),
    rtol=5e-3,
)


# 1-4 ----------------------------------------------------------------------------------


def doubling_time(years, flops):
    """years [n], flops [n] -> years in which the FLOPs double, by a line through their logarithms."""
    logs = [math.log2(value) for value in flops]
    mean_year, mean_log = sum(years) / len(years), sum(logs) / len(logs)
    rises = sum((year - mean_year) * (log - mean_log) for year, log in zip(years, logs, strict=True))
    return sum((year - mean_year) ** 2 for year in years) / rises


def _slope(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    rises = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return rises / sum((a - mean_x) ** 2 for a in x)


def _logs(flops):
    return [math.log2(value) for value in flops]


def _ends(years, flops):
    logs = _logs(flops)
    first, last = years.index(min(years)), years.index(max(years))
    return (years[last] - years[first]) / (logs[last] - logs[first])


def _mean_of_steps(years, flops):
    logs = _logs(flops)
    steps = [(logs[i + 1] - logs[i]) / (years[i + 1] - years[i]) for i in range(len(years) - 1)]
    return len(steps) / sum(steps)


def _mean_of_times(years, flops):
    logs = _logs(flops)
    steps = range(len(years) - 1)
    return sum((years[i + 1] - years[i]) / (logs[i + 1] - logs[i]) for i in steps) / len(steps)


def _through(years, flops, year, amount):
    """By the best line among those through one point."""
    rises = [math.log2(value / amount) for value in flops]
    runs = [at - year for at in years]
    return sum(run * run for run in runs) / sum(run * rise for run, rise in zip(runs, rises, strict=True))


def _draw_growth(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    years = [2017 + number + generator.random() / 2 for number in range(6)]
    flops = [10 ** (19 + 0.9 * number + generator.random()) for number in range(6)]
    return (Case(f"six models drawn from {seed}", (years, flops)),)


DOUBLING = Exercise(
    key="1-4",
    title="In how many years does it double?",
    difficulty=2,
    minutes=15,
    statement=(
        "The arithmetic of landmark models grows by factors, so its logarithm grows along a line. Fit "
        "the line "
        "log2(flops) = a + b years by least squares, and return the time in which the FLOPs double, 1 / "
        "b, in "
        "years. All points count alike."
    ),
    takeaway="A line through logarithms is a growth by factors; its slope is doublings a year.",
    reference=doubling_time,
    explanation="The slope of log2 is doublings a year; one divided by it is years for a doubling.",
    hints=(
        "Which base of the logarithm makes a slope of one mean one doubling a year?",
        "Least squares: the sum of (x - mean x)(y - mean y), divided by the sum of (x - mean x) squared.",
        "The slope is doublings a year. Asked is years for a doubling.",
    ),
    cases=(
        Case("a doubling each year", ([2018.0, 2019.0, 2020.0, 2021.0], [1.0, 2.0, 4.0, 8.0])),
        Case("ten times in a year", ([2018.0, 2019.0, 2020.0], [1e20, 1e21, 1e22])),
        Case("with scatter", ([2017.0, 2018.0, 2020.0, 2024.0], [2e19, 3e20, 3e23, 4e25])),
        Case("uneven years", ([2017.0, 2017.5, 2018.0, 2024.0], [1e20, 4e19, 5e20, 1e24])),
        Case("five models", ([2018.0, 2019.5, 2020.0, 2022.0, 2023.0], [3e20, 4e22, 3e23, 6e23, 8e23])),
    ),
    draw=_draw_growth,
    mistakes=(
        Mistake(
            "doublings a year",
            "You return the slope, doublings for each year. Asked is the other way round: years for each "
            "doubling.",
            (lambda y, f: 1 / doubling_time(y, f),),
        ),
        Mistake(
            "natural logarithms",
            "You take natural logarithms: a slope of one then means a growth by 2.718, not by two.",
            (lambda y, f: doubling_time(y, f) / math.log(2),),
        ),
        Mistake(
            "logarithms of ten",
            "You take logarithms to the base of ten: that is the time of a growth by ten, not by two.",
            (lambda y, f: doubling_time(y, f) * math.log2(10),),
        ),
        Mistake(
            "the first and the last",
            "It comes out as if two models alone were used, the first and the last (or the smallest and the "
            "largest). Two points always lie on a line; all of them should have a say.",
            (_ends, lambda y, f: (max(y) - min(y)) / math.log2(max(f) / min(f))),
        ),
        Mistake(
            "a line through one point",
            "It comes out as if the line had to go through a point that was chosen before, the first model "
            "or the origin. A line by least squares goes through the means: take these off.",
            (
                lambda y, f: _through(y, f, y[0], f[0]),
                lambda y, f: _through(y, f, 0, 1),
            ),
        ),
        Mistake(
            "n and n - 1 mixed",
            "What comes out is the right time, times n - 1 over n or n over n - 1: two means with different "
            "divisors (as in `np.cov` and `np.var`). Divide two sums, or both means by the same.",
            (
                lambda y, f: doubling_time(y, f) * (1 - 1 / len(y)),
                lambda y, f: doubling_time(y, f) / (1 - 1 / len(y)),
            ),
        ),
        Mistake(
            "in months",
            "You return months, twelve for each year. Asked is the time of a doubling in years.",
            (lambda y, f: 12 * doubling_time(y, f),),
        ),
        Mistake(
            "the mean of the steps",
            "You average over the steps from one model to the next. Those of a few months then count as much "
            "as those of years.",
            (_mean_of_steps, _mean_of_times),
        ),
        Mistake(
            "years explained by FLOPs",
            "You fit the years to the logarithms. Least squares then measures errors along the wrong axis: "
            "where points scatter, growth looks steeper and the time of a doubling shorter than by the line "
            "that is asked for.",
            (lambda y, f: _slope(_logs(f), y),),
        ),
    ),
)


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
            "You make the whole step as many times faster as the optimizer. The other parts take as long as "
            "before.",
            (lambda **d: {"speedup": float(d["times"])},),
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

EXERCISES = (TIME, DOUBLING, SPEEDUP)
