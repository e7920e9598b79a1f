"""Exercises of section 1.1.1: machines and years, and growth.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
import statistics

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


def _from_whole_years(**d):
    """Machines by years rounded first; where these are one too many or too few, another slip."""
    right, rounded = _time(**d), math.ceil(round(_time(**d)["years"]) * 365 / d["days"])
    return {"machines": rounded if abs(rounded - right["machines"]) > 1 else math.nan}


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
            (lambda **d: _time(**d, factor=2.0), lambda **d: {"years": _time(**d)["years"] / 3}),
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
            "cannot be had: round up, and only at the end.",
            (lambda **d: {"machines": _time(**d)["machines"] - 1},),
        ),
        Mistake(
            "one machine more",
            "With one machine fewer the training is ready in time. Round up once, and only at the end: no "
            "rounded number on the way.",
            (lambda **d: {"machines": _time(**d)["machines"] + 1},),
        ),
        Mistake(
            "from whole years",
            "That is the number which years rounded to a whole number give. Round up only at the end.",
            (_from_whole_years,),
        ),
        Mistake(
            "backward as dear as forward",
            "Two thirds of the time, which is what four operations for each parameter and token give. The "
            "rule has six: two forward, and twice as much on the way back.",
            (lambda **d: _time(**d, factor=4.0), lambda **d: {"years": _time(**d)["years"] * 2 / 3}),
        ),
        Mistake(
            "months of thirty days",
            "What comes out has twelve months of 30 days in a year. The year of the statement has 365 days.",
            (lambda **d: {"machines": math.ceil(_time(**d)["years"] * 360 / d["days"])},),
        ),
        Mistake(
            "days for years",
            "That is the time of one machine in days. Asked is for years of 365 days.",
            (lambda **d: {"years": 365 * _time(**d)["years"]},),
        ),
        Mistake(
            "years over days",
            "What comes out are the years divided by the days. The time of one machine has to stand in days, "
            "too.",
            (lambda **d: {"machines": math.ceil(_time(**d)["years"] / d["days"])},),
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


def _last_of_each_year(years, flops):
    points = dict(zip(years, flops, strict=True))
    return doubling_time(list(points), list(points.values()))


def _first_of_each_year(years, flops):
    return _last_of_each_year(years[::-1], flops[::-1])


def _mean_of_each_year(years, flops):
    logs = {year: [math.log2(f) for y, f in zip(years, flops, strict=True) if y == year] for year in years}
    return doubling_time(list(logs), [2 ** statistics.fmean(each) for each in logs.values()])


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


def _median_of_steps(years, flops):
    logs = _logs(flops)
    return 1 / statistics.median(
        (logs[i + 1] - logs[i]) / (years[i + 1] - years[i]) for i in range(len(years) - 1)
    )


def _at_right_angles(years, flops):
    """By the line with the smallest squares of the distances at right angles to it."""
    x, y = [year - sum(years) / len(years) for year in years], _logs(flops)
    y = [log - sum(y) / len(y) for log in y]
    wide, high, both = (sum(a * b for a, b in zip(*pair, strict=True)) for pair in ((x, x), (y, y), (x, y)))
    return 2 * both / (high - wide + math.sqrt((high - wide) ** 2 + 4 * both**2))


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
        Case("two models of one year", ([2018.0, 2020.0, 2020.0, 2023.0], [1e20, 4e21, 3e22, 2e24])),
        Case("five models", ([2018.0, 2019.5, 2020.0, 2022.0, 2023.0], [3e20, 4e22, 3e23, 6e23, 8e23])),
    ),
    draw=_draw_growth,
    mistakes=(
        Mistake(
            "one model a year",
            "It comes out as if two models of one year were one point: one of them alone, as a dictionary by "
            "years keeps it, or their mean. All points count alike.",
            (_last_of_each_year, _first_of_each_year, _mean_of_each_year),
        ),
        Mistake(
            "doublings a year",
            "You return the slope, doublings for each year. Asked is the other way round: years for each "
            "doubling.",
            (lambda y, f: 1 / doubling_time(y, f),),
        ),
        Mistake(
            "natural logarithms",
            "That is the time of a growth by 2.718, as natural logarithms give it. Asked is that of a "
            "doubling.",
            (lambda y, f: doubling_time(y, f) / math.log(2),),
        ),
        Mistake(
            "logarithms of ten",
            "That is the time of a growth by ten, as logarithms to the base of ten give it. Asked is that "
            "of a doubling.",
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
            "no logarithms",
            "It comes out as if the line went through the FLOPs themselves. What grows by factors is a line "
            "in its logarithm alone.",
            (lambda y, f: 1 / _slope(y, f),),
        ),
        Mistake(
            "logarithms of the years",
            "It comes out as if the years stood in logarithms as well. The line is one in the years.",
            (
                lambda y, f: 1 / _slope(_logs(y), _logs(f)),
                lambda y, f: 1 / _slope([math.log(v) for v in y], _logs(f)),
            ),
        ),
        Mistake(
            "the scatter alone",
            "What comes out is the scatter of the years over that of the logarithms. The slope by least "
            "squares is that only where all points lie on a rising line.",
            (lambda y, f: math.sqrt(_slope(_logs(f), y) / _slope(y, _logs(f))),),
        ),
        Mistake(
            "distances at right angles",
            "What comes out is the line with the least squares of the distances at right angles to it. Asked "
            "is for the one of the errors in log2(flops).",
            (_at_right_angles,),
        ),
        Mistake(
            "the median of the steps",
            "What comes out is the median of the steps from one model to the next. By least squares all "
            "points have a say, and long steps a larger one.",
            (_median_of_steps,),
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

EXERCISES = (TIME, DOUBLING)
