"""Questions of chapter 5 that ask for judgement: equal work for a comparison, and a verdict from five seeds.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
from statistics import mean, stdev

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 5-9 ----------------------------------------------------------------------------------


def _draw_sizes(seed: int) -> dict:
    """A dense model and one with experts, each as wide inside as the dense network."""
    generator = random.Random(seed)
    width = generator.choice([64, 96, 128])
    return {
        "width": width,
        "inner": generator.choice([2, 3]) * width,
        "experts": generator.choice([6, 8, 12]),
        "chosen": generator.choice([2, 3]),
        "bits_dense": generator.choice([2.31, 2.36]),
        "bits_experts": generator.choice([2.24, 2.27]),
    }


def _equal_work(width, inner, experts, chosen, **_):
    return {
        "dense": 4 * width * inner,
        "experts": chosen * 4 * width * inner + 2 * width * experts,
        "matched": chosen * inner,
        "stored": experts / chosen,
        "control": "a dense model with that d_ff, its rate tuned as well",
    }


def _work(times_dense, times_experts, router):
    """The two numbers of operations with other factors than the right ones."""
    return lambda width, inner, experts, chosen, **_: {
        "dense": times_dense * width * inner,
        "experts": chosen * times_experts * width * inner + router * width * experts,
    }


CONTROL = Question(
    key="5-9",
    title="Design the control: experts at equal work",
    difficulty=2,
    minutes=20,
    statement=(
        "A report: 'Our dense model needs {bits_dense} bits per byte. With {experts} experts, of which each "
        "token takes {chosen}, it needs {bits_experts}. So experts help.' The width is {width}; the dense "
        "feed-forward network and every expert have two matrices, with d_ff = {inner}, and no biases. The "
        "router is one matrix. How many operations does a token cost in the feed-forward part of a layer, "
        "dense (dense) and with experts and router (experts)? A multiplication and its addition are two. "
        "Which d_ff would give a dense network the work of the chosen experts, router left out (matched)? "
        "How many times as many feed-forward weights does the model with experts store as that matched "
        "network, router left out (stored)? And what has to stand beside the report (control)?"
    ),
    takeaway="Equal work for a token first; then say what the rest costs: here weights to store.",
    explanation="Two operations a weight that a token meets. The chosen experts together are one network of "
    "their summed width.",
    hints=(
        "A matrix from a to b has a times b weights; a token that meets a weight costs a multiplication and "
        "an addition.",
        "The router asks every expert: one column for each. It is small, but it is work.",
        "The report's model with experts does more work for each token. Which dense model does as much?",
    ),
    asked={
        "dense": "two operations for each weight of the dense feed-forward network: two matrices",
        "experts": "two operations for each weight of the chosen experts and of the whole router",
        "matched": "the d_ff of all chosen experts together",
        "stored": "the weights of all experts over those of the dense network with the matched d_ff",
    },
    answer=_equal_work,
    options={
        "control": (
            "a dense model with that d_ff, its rate tuned as well",
            "a dense model with as many weights as all the experts",
            "the same dense model, trained for longer",
            "more experts",
        )
    },
    draw=_draw_sizes,
    mistakes=(
        Mistake(
            "one matrix",
            "These numbers are half for every network, as with one matrix, or without the additions. There "
            "are two matrices, up to d_ff and back down, and a weight costs two operations.",
            (_work(2, 2, 2),),
        ),
        Mistake(
            "four operations a weight",
            "These numbers count four operations for each weight. It takes two, a multiplication and an "
            "addition, and the second matrix has weights of its own.",
            (
                _work(8, 8, 4),
                _work(8, 8, 2),
            ),
        ),
        Mistake(
            "one matrix, one operation",
            "This number counts one matrix, and one operation for each of its weights. There are two "
            "matrices, and a weight costs two operations.",
            (lambda width, inner, **_: {"dense": width * inner},),
        ),
        Mistake(
            "one operation a weight",
            "These numbers count one operation for each weight. It takes two: a multiplication and an "
            "addition.",
            (_work(2, 2, 1),),
        ),
        Mistake(
            "part of the router",
            "This number counts a part of the router: one operation a weight, or the columns of the chosen "
            "experts alone. All of its columns are computed, each weight with two operations.",
            (
                lambda **d: {"experts": _equal_work(**d)["experts"] - d["width"] * d["experts"]},
                lambda **d: {
                    "experts": _equal_work(**d)["experts"] - 2 * d["width"] * (d["experts"] - d["chosen"])
                },
            ),
        ),
        Mistake(
            "one expert works",
            "This number lets one expert work. A token takes several, and each of them computes in full.",
            (lambda width, inner, experts, **_: {"experts": 4 * width * inner + 2 * width * experts},),
        ),
        Mistake(
            "router left out",
            "This number leaves the router out of the model's work. It is asked for here, and every expert "
            "adds a column to it.",
            (lambda **d: {"experts": _equal_work(**d)["experts"] - 2 * d["width"] * d["experts"]},),
        ),
        Mistake(
            "every expert works",
            "That lets all experts answer. A token meets the chosen ones alone; the others only stand in "
            "memory.",
            (
                lambda width, inner, experts, **_: {
                    "experts": experts * 4 * width * inner + 2 * width * experts
                },
                lambda inner, experts, **_: {"matched": experts * inner},
            ),
        ),
        Mistake(
            "the same d_ff",
            "With the same d_ff the dense network does the work of one expert, and a token takes several.",
            (lambda inner, **_: {"matched": inner},),
        ),
        Mistake(
            "shared out among the chosen",
            "That shares the d_ff of one expert out among the chosen ones. Each of them is as wide as it "
            "is: the matched network does the work of all of them.",
            (lambda inner, chosen, **_: {"matched": inner // chosen},),
        ),
        Mistake(
            "the chosen for what is stored",
            "That is how many experts a token takes. Stored are all of them: how many times the matched "
            "network is that?",
            (lambda chosen, **_: {"stored": chosen},),
        ),
        Mistake(
            "stored against one",
            "That compares with a network as wide as one expert. The matched one is wider: divide by it.",
            (lambda experts, **_: {"stored": experts},),
        ),
        Mistake(
            "equal weights",
            "A dense model of as many weights does far more work for a token, and would win for that. It "
            "answers another question: what the memory is worth.",
            ({"control": "a dense model with as many weights as all the experts"},),
        ),
        Mistake(
            "the inequality left standing",
            "The dense model of the report still does less work for a token than the one with experts. Give "
            "it as much, and tune both alike.",
            ({"control": "the same dense model, trained for longer"}, {"control": "more experts"}),
        ),
    ),
)

# 5-10 ---------------------------------------------------------------------------------

T = 2.776  # of Student's t, four degrees of freedom, 95 %


def _draw_runs(seed: int) -> dict:
    """Five gains, in thousandths of a bit, some of them on the other side of the mean."""
    generator = random.Random(11 + seed)
    while True:
        centre, spread = generator.choice([(28, 7), (10, 12), (-8, 6), (4, 10)])
        gains = [round(generator.gauss(centre, spread)) for _ in range(5)]
        found = _interval(gains)
        clear = min(abs(found["low"] - 0.01), abs(found["high"] - 0.01)) > 0.0015
        if clear and abs(found["mean"]) > 0.002 and 0 not in gains and len(set(gains)) == 5:
            return dict(zip("abcde", (gain / 1000 for gain in gains), strict=True))


def _interval(gains):
    values = [gain / 1000 for gain in gains]
    error = stdev(values) / math.sqrt(5)
    return {
        "mean": mean(values),
        "error": error,
        "low": mean(values) - T * error,
        "high": mean(values) + T * error,
    }


def _verdict(low, high, **_):
    return "holds" if low > 0.01 else "does not hold" if high <= 0.01 else "not shown"


def _gains(data):
    return [round(1000 * data[name]) for name in "abcde"]


def _judged(**data):
    found = _interval(_gains(data))
    contrary = sum((data[name] > 0) != (found["mean"] > 0) for name in "abcde")
    return {**found, "verdict": _verdict(**found), "contrary": contrary}


def _as_if(change):
    """A wrong error, and with it the wrong interval."""

    def wrong(**data):
        found = _judged(**data)
        error = change(found["error"])
        return {"error": error, "low": found["mean"] - T * error, "high": found["mean"] + T * error}

    return wrong


def _with_errors(times):
    """An interval of another width."""

    def wrong(**data):
        found = _judged(**data)
        room = times * found["error"]
        return {"low": found["mean"] - room, "high": found["mean"] + room}

    return wrong


def _signs_lost(**data):
    """The mean of all gains as if they were positive; no answer at all where they are."""
    size, right = mean(abs(data[name]) for name in "abcde"), _judged(**data)["mean"]
    return {"mean": -1.0 if size == right else size}


WORDS = ("holds", "not shown", "does not hold")


def _another_verdict(steps):
    """One of the two verdicts that do not follow."""
    return lambda **data: {"verdict": WORDS[(WORDS.index(_judged(**data)["verdict"]) + steps) % 3]}


VERDICT = Question(
    key="5-10",
    title="Which verdict follows from five seeds?",
    difficulty=2,
    minutes=20,
    statement=(
        "Experts against a dense model of equal work, five seeds. Gains in bits per byte, positive where the "
        "experts are better: {a}, {b}, {c}, {d}, {e}. What is the mean (mean), and its standard error, from "
        "the deviation with n - 1 (error)? Give the 95 % interval, mean minus and plus 2.776 errors (low, "
        "high). Below 0.01 bits nobody would care: *holds* if the whole interval lies above 0.01, *does not "
        "hold* if none of it does, else *not shown* (verdict). And how many of the five seeds, run alone, "
        "would have said the contrary of the mean (contrary: the sign differs)?"
    ),
    takeaway="One run is a draw. The interval says what five of them can tell, and often it is: not yet.",
    explanation="Mean and deviation over seeds; the error is the deviation over the root of five; compare "
    "the "
    "interval with what would count, not with zero.",
    hints=(
        "The deviation of five numbers, with n - 1 below; the error of their mean is smaller by the root of "
        "five.",
        "2.776 is Student's t for four degrees of freedom: it widens the interval because five are few.",
        "The verdict asks where the interval lies beside 0.01, which is what would count. Zero plays no "
        "part.",
    ),
    asked={
        "mean": "the sum of the gains over their number, signs included",
        "error": "the deviation with n - 1 over the root of five",
        "low": "the mean less 2.776 errors",
        "high": "the mean plus 2.776 errors",
        "contrary": "the gains whose sign is not that of the mean",
    },
    answer=_judged,
    options={"verdict": WORDS},
    draw=_draw_runs,
    rtol=1e-2,
    atol=6e-5,
    mistakes=(
        Mistake(
            "the variance",
            "That is the variance, in squared bits. Its root is the deviation, and the error of the mean "
            "is smaller still.",
            (lambda **data: {"error": 5 * _judged(**data)["error"] ** 2},),
        ),
        Mistake(
            "signs lost",
            "That is the mean of the gains without their signs. A loss counts as a loss.",
            (_signs_lost,),
        ),
        Mistake(
            "the sum",
            "That is the sum of the gains. There are five of them, so their mean is a fifth of it.",
            (lambda **data: {"mean": 5 * _judged(**data)["mean"]},),
        ),
        Mistake(
            "the deviation for the error",
            "That is the spread of single runs. A mean of five is surer than one run, by the root of five.",
            (_as_if(lambda error: error * math.sqrt(5)),),
        ),
        Mistake(
            "over five, not its root",
            "That is the deviation over five. The error of a mean shrinks with the root of the number of "
            "values.",
            (_as_if(lambda error: error / math.sqrt(5)),),
        ),
        Mistake(
            "divided by n",
            "That comes of dividing the squares by n. From five values the deviation is estimated with n - "
            "1, or it comes out too small.",
            (_as_if(lambda error: error * math.sqrt(4 / 5)),),
        ),
        Mistake(
            "two for t",
            "You go another number of errors to each side, such as 1, 1.96, 2 or 2.571. That is right for "
            "other questions or other numbers of values; with five values, 95 % takes 2.776.",
            (
                _with_errors(1.96),
                _with_errors(2.0),
                _with_errors(1.0),
                _with_errors(2.571),
            ),
        ),
        Mistake(
            "around zero",
            "That is an interval around zero. It lies around the mean: as far below it as above.",
            (lambda **data: {"low": -T * _judged(**data)["error"], "high": T * _judged(**data)["error"]},),
        ),
        Mistake(
            "deviations for errors",
            "That goes 2.776 deviations of single runs to each side. The interval of a mean goes as many "
            "of its errors, which are smaller by the root of five.",
            (_with_errors(T * math.sqrt(5)),),
        ),
        Mistake(
            "another verdict",
            "Lay the interval beside 0.01: all of it above is *holds*, none of it above *does not hold*, and "
            "with 0.01 inside nothing is shown. Zero plays no part.",
            (_another_verdict(1), _another_verdict(2)),
        ),
        Mistake(
            "counted the wrong side",
            "That is how many seeds agree with the mean. Asked for are those that say the contrary.",
            (lambda **data: {"contrary": 5 - _judged(**data)["contrary"]},),
        ),
    ),
)

EXERCISES = (CONTROL, VERDICT)
