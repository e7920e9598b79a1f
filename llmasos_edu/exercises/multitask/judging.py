"""Questions of chapter 3.4 that ask for judgement: curves to read, and controls to design.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import math
import random
from statistics import fmean

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

ABSENT = math.nan  # stands for a slip that cannot be made with these data: no answer equals it

# 3.4-9 --------------------------------------------------------------------------------


def _entropy(share):
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


def _draw_curves(seed: int) -> dict:
    """A lone task that overfits and one in company, each watched and judged at six looks."""
    generator = random.Random(seed)
    while True:
        share = generator.choice([0.7, 0.75, 0.8, 0.85])
        nothing = _entropy(share)
        own = round(nothing + generator.choice([-0.05, -0.03, 0.04, 0.06]), 3)
        gain = generator.choice([-0.035, 0.012, 0.05, 0.08, 0.11])
        together = round(min(own, nothing) - gain, 3)
        at, then = generator.choice([1, 2]), generator.choice([3, 4])
        worse = [round(generator.uniform(0.05, 0.12) * (1 + abs(look - at)), 3) for look in range(6)]
        later = [round(generator.uniform(0.05, 0.08) * (1 + abs(look - then)), 3) for look in range(6)]
        alone = [round(own + (0 if look == at else extra), 3) for look, extra in enumerate(worse)]
        company = [round(together + (0 if look == then else extra), 3) for look, extra in enumerate(later)]
        alone[at + 1], company[then - 1] = round(own - 0.02, 3), round(together - 0.017, 3)
        # Read at the last look on both sides, or at the best one: the two must differ.
        if abs(alone[-1] - company[-1] - (own - together)) > 0.01:
            break
    return {
        "share": share,
        "alone_watched": [round(own + 0.033 + 1.5 * (extra if look != at else 0), 3)
                          for look, extra in enumerate(worse)],
        "alone_judged": alone,
        "company_watched": [round(together + 0.027 + 1.5 * (extra if look != then else 0), 3)
                            for look, extra in enumerate(later)],
        "company_judged": company,
    }  # fmt: skip


def _stopped(watched, judged):
    return judged[watched.index(min(watched))]


def _read_curves(share, alone_watched, alone_judged, company_watched, company_judged):
    nothing, own = _entropy(share), _stopped(alone_watched, alone_judged)
    together = _stopped(company_watched, company_judged)
    gain = min(nothing, own) - together
    return {"nothing": nothing, "alone": own, "company": together, "gain": gain, "helps": gain > 0.02}


def _against_the_lone_task(**d):
    found = _read_curves(**d)
    return {"gain": found["alone"] - found["company"] if found["alone"] > found["nothing"] else ABSENT}


def _at_the_look_of_the_other(side, other):
    def value(**d):
        judged = d[f"{side}_judged"]
        found = _stopped(d[f"{other}_watched"], judged)
        return {side: ABSENT if found in (min(judged), judged[-1]) else found}

    return value


def _against_who_knows_nothing(**d):
    found = _read_curves(**d)
    return {"gain": found["nothing"] - found["company"] if found["alone"] < found["nothing"] else ABSENT}


CURVES = Question(
    key="3.4-9",
    title="Does company help?",
    difficulty=3,
    minutes=15,
    statement=(
        "A task with two labels, of which the commoner one has a share of {share}, is learned from a few "
        "windows: alone, and in one body with a second task. Six looks at each model. Alone, loss on the "
        "watched modules {alone_watched}, on the judged ones {alone_judged}. In company, watched "
        "{company_watched}, judged {company_judged}. All in nats a label. What does one pay who knows the "
        "share and reads nothing (nothing)? Each model is stopped where its watched loss is lowest: what is "
        "it judged to be (alone, company)? By how much is company better than the best that can be had "
        "without it (gain)? Say that it helps where that is more than 0.02: does it (helps)?"
    ),
    takeaway="Stop both sides, and let who knows nothing take part: much of what company gives is gone then.",
    explanation="-p ln p - (1 - p) ln (1 - p); the judged loss at the lowest watched one; the control is the "
    "lower of the lone task's and the constant answer's loss.",
    hints=(
        "Somebody answers p and 1 - p each time. What is the mean surprise, with natural logarithms?",
        "The watched text says where to stop, the judged one what that is worth. Each list has its own job.",
        "Without company one can train the lone task, or say the share and train nothing. Which is better?",
    ),
    asked={
        "nothing": "-p ln p - (1 - p) ln (1 - p), with p the commoner label's share",
        "alone": "the lone task's judged loss at the look where its watched loss is lowest",
        "company": "the judged loss in company at the look where its watched loss is lowest",
        "gain": "the lower of what nothing and what the lone task pay, less what company pays",
    },
    answer=_read_curves,
    draw=_draw_curves,
    rtol=5e-3,
    mistakes=(
        Mistake(
            "bits for nats",
            "You take the logarithm to base 2. The losses are in nats, so the constant answer's must be too.",
            (lambda share, **_: {"nothing": _entropy(share) / math.log(2)},),
        ),
        Mistake(
            "the commoner label alone",
            "You give the surprise at the commoner label. The other one comes too, seldom and dear: take the "
            "mean over both.",
            (lambda share, **_: {"nothing": -math.log(share)},),
        ),
        Mistake(
            "the rarer label, or one term",
            "You give the surprise at the rarer label, or one of the two terms of the mean. Both labels "
            "come, each as often as its share says: add both terms.",
            (
                lambda share, **_: {"nothing": -math.log(1 - share)},
                lambda share, **_: {"nothing": -share * math.log(share)},
                lambda share, **_: {"nothing": -(1 - share) * math.log(1 - share)},
            ),
        ),
        Mistake(
            "a coin",
            "That is what a coin costs, ln 2. Who knows that one label is commoner says so, and pays less.",
            ({"nothing": math.log(2)},),
        ),
        Mistake(
            "alone and company exchanged",
            "They stand in each other's place: which of the lists belong to the lone task, which to company?",
            (lambda **d: {"alone": _read_curves(**d)["company"], "company": _read_curves(**d)["alone"]},),
        ),
        Mistake(
            "the mean of the looks",
            "You take the mean of the six looks. A model is stopped at one of them, and that one is judged.",
            (
                lambda alone_judged, **_: {"alone": fmean(alone_judged)},
                lambda company_judged, **_: {"company": fmean(company_judged)},
                lambda alone_judged, company_judged, **_: {
                    "alone": fmean(alone_judged),
                    "company": fmean(company_judged),
                },
            ),
        ),
        Mistake(
            "not stopped",
            "You read the last look. A task with few labels has learned them by heart by then; stop where "
            "the watched loss is lowest.",
            (
                lambda alone_judged, **_: {"alone": alone_judged[-1]},
                lambda company_judged, **_: {"company": company_judged[-1]},
                lambda alone_judged, company_judged, **_: {
                    "alone": alone_judged[-1],
                    "company": company_judged[-1],
                },
            ),
        ),
        Mistake(
            "stopped by the judge",
            "You pick the look where the judged loss is lowest. Then the judge has helped to choose. It is "
            "the watched text that says where to stop.",
            (
                lambda alone_judged, **_: {"alone": min(alone_judged)},
                lambda company_judged, **_: {"company": min(company_judged)},
                lambda alone_judged, company_judged, **_: {
                    "alone": min(alone_judged),
                    "company": min(company_judged),
                },
            ),
        ),
        Mistake(
            "the other side's look",
            "That is the judged loss at the look where the other side is stopped. Each model is stopped by "
            "its own watched loss.",
            (_at_the_look_of_the_other("alone", "company"), _at_the_look_of_the_other("company", "alone")),
        ),
        Mistake(
            "the watched loss given",
            "You stop at the right look, but give the watched loss there. It was chosen for being low: the "
            "judged one is the fair figure.",
            (
                lambda alone_watched, **_: {"alone": min(alone_watched)},
                lambda company_watched, **_: {"company": min(company_watched)},
                lambda alone_watched, company_watched, **_: {
                    "alone": min(alone_watched),
                    "company": min(company_watched),
                },
            ),
        ),
        Mistake(
            "against the last look",
            "You compare company with the lone task as it was at the end. Early stopping costs nothing, so "
            "what it gives is not company's doing.",
            (
                lambda **d: {"gain": d["alone_judged"][-1] - _read_curves(**d)["company"]},
                lambda **d: {"gain": d["alone_judged"][-1] - d["company_judged"][-1]},
            ),
        ),
        Mistake(
            "who knows nothing forgotten",
            "You compare with the lone task, but a constant answer is better than that here. Whoever beats "
            "only a model that is worse than none has shown little.",
            (_against_the_lone_task,),
        ),
        Mistake(
            "the lone task forgotten",
            "You compare with the answer of who knows nothing, but the lone task is better than that here. "
            "Take the better of the two.",
            (_against_who_knows_nothing,),
        ),
        Mistake(
            "the other way round",
            "Your gain has the wrong sign. It is what is paid without company, less what is paid with it.",
            (
                lambda **d: {
                    "gain": -_read_curves(**d)["gain"] if abs(_read_curves(**d)["gain"]) > 1e-3 else ABSENT
                },
            ),
        ),
        Mistake(
            "another line",
            "Compare the gain with 0.02: company helps where it is more, and only there.",
            (lambda **d: {"helps": not _read_curves(**d)["helps"]},),
        ),
    ),
)

# 3.4-10 -------------------------------------------------------------------------------


def _draw_reports(seed: int) -> dict:
    """A score near what two constant answers would have, and two widths of one total size."""
    generator = random.Random(seed)
    while True:
        first, second = generator.choice([0.52, 0.58, 0.64]), generator.choice([0.7, 0.76, 0.82])
        right = round((first + second) / 2 + generator.choice([-0.05, -0.03, 0.02, 0.04, 0.09]), 3)
        beyond = [right - (first + second) / 2, (first + second) / 2 - right]
        beyond += [right - each for each in (0.5, first, second)]
        if all(abs(a - b) > 0.004 for a, b in itertools.combinations(beyond, 2)):
            break
    narrow, wide = generator.choice([(24, 56), (32, 72), (40, 88)])
    return {"right": right, "first": first, "second": second, "narrow": narrow, "wide": wide}


def _controls(right, first, second, **_):
    return {
        "constant": (first + second) / 2,
        "beyond": right - (first + second) / 2,
        "sharing": "separate bodies of the wide width",
        "conflict": "pairs that nobody made, with cosines of both signs",
        "company": "stop both sides where their watched loss is lowest",
    }


DESIGN = Question(
    key="3.4-10",
    title="Design the control",
    difficulty=2,
    minutes=15,
    statement=(
        "Four reports. (text) 'One model answers two tasks as text, right in {right} of the cases.' "
        "Half of the questions are of a task whose commonest answer has a share of {first}, half of one "
        "where it is {second}. What does a constant answer to each score (constant)? By how much is the "
        "model better (beyond)? (sharing) 'A shared body of width {wide} beats four of width {narrow}, as "
        "large together: the company did it.' Which models tell the two apart? (conflict) 'A negative "
        "cosine foretells harm: two tasks made to contradict each other had one, and suffered.' What "
        "shows it? (company) 'After 200 steps over 40 windows a task beside another is 0.5 nats "
        "better than alone.' What comes first?"
    ),
    takeaway="A control is all of the method but the one thing that is said to do it.",
    explanation="A constant scores the mean of the two shares; the other controls change one thing alone.",
    hints=(
        "One who knows the task and reads nothing else: what does he answer, and how often is it right?",
        "Between the two sides of (sharing) two things differ, not one. Which of them is not company?",
        "Over 40 windows a lone model learns by heart. At which step was it best, before that?",
    ),
    asked={
        "constant": "the mean of both tasks' shares of their commonest answer",
        "beyond": "the model's share right less the constant answer's, below 0 where it is worse",
    },
    answer=_controls,
    options={
        "sharing": (
            "separate bodies of the wide width",
            "a shared body that is wider still",
            "more seeds of the same models",
            "separate bodies of half the narrow width",
        ),
        "conflict": (
            "pairs that nobody made, with cosines of both signs",
            "the same pair with more seeds",
            "the cosine over more batches",
            "another pair made to contradict itself",
        ),
        "company": (
            "stop both sides where their watched loss is lowest",
            "train both sides longer",
            "take a larger body for the lone task",
            "take more seeds",
        ),
    },
    draw=_draw_reports,
    rtol=5e-3,
    mistakes=(
        Mistake(
            "a coin for a constant",
            "You take chance for the baseline. Somebody who always names the commonest answer of the task "
            "needs to read nothing, and is right oftener.",
            ({"constant": 0.5}, lambda right, **_: {"beyond": right - 0.5}),
        ),
        Mistake(
            "one task's constant",
            "You take the constant answer of one task for both. The name of the task is in the text, so each "
            "task may have its own; half of the questions are of each.",
            (
                lambda second, **_: {"constant": second},
                lambda first, **_: {"constant": first},
                lambda right, second, **_: {"beyond": right - second},
                lambda right, first, **_: {"beyond": right - first},
            ),
        ),
        Mistake(
            "nothing taken off",
            "You give the share that is right. What a constant answer has for nothing is still in it.",
            (lambda right, **_: {"beyond": right},),
        ),
        Mistake(
            "the wrong way round",
            "Your number is the constant less the model. Asked for is the model less the constant: below 0 "
            "where the model is worse.",
            (lambda right, first, second, **_: {"beyond": (first + second) / 2 - right},),
        ),
        Mistake(
            "a part of what there was",
            "You divide the difference, by the constant's share or by what it leaves to 1. Asked for is the "
            "difference itself.",
            (
                lambda right, first, second, **_: {"beyond": 2 * right / (first + second) - 1},
                lambda right, first, second, **_: {
                    "beyond": (right - (first + second) / 2) / (1 - (first + second) / 2)
                },
            ),
        ),
        Mistake(
            "width once more",
            "With that, width and company still change together. Keep the width and take the company away.",
            (
                {"sharing": "a shared body that is wider still"},
                {"sharing": "separate bodies of half the narrow width"},
            ),
        ),
        Mistake(
            "seeds for a control",
            "More seeds make the figure surer. Which of two differences has made it, they do not say.",
            ({"sharing": "more seeds of the same models"}, {"company": "take more seeds"}),
        ),
        Mistake(
            "made again",
            "That repeats a case which was made to come out so. A forecast is tried where nobody arranged "
            "the outcome, and where it may say yes or no.",
            (
                {"conflict": "the same pair with more seeds"},
                {"conflict": "another pair made to contradict itself"},
            ),
        ),
        Mistake(
            "a surer cosine",
            "The cosine is not in doubt; what it foretells is. For that other outcomes are needed.",
            ({"conflict": "the cosine over more batches"},),
        ),
        Mistake(
            "more of the overfitting",
            "The lone task gets worse with more steps and with more room: it learns its windows by heart. So "
            "the gap grows, and company has nothing to do with it.",
            (
                {"company": "train both sides longer"},
                {"company": "take a larger body for the lone task"},
            ),
        ),
    ),
)

EXERCISES = (CURVES, DESIGN)
