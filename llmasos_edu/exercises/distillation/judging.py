"""Questions of chapter 3.5 that are answered with numbers and choices: two reports to judge.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.5-9 --------------------------------------------------------------------------------

AT_EQUAL_WORK = "the student alone with as much arithmetic, on all the text"


def _draw_most(seed: int) -> dict:
    """Bits of four models, and what a step costs; of the lead sometimes more, sometimes less than half."""
    generator = random.Random(seed)
    while True:
        unigram, teacher = round(generator.uniform(2.9, 3.3), 2), round(generator.uniform(1.5, 1.8), 2)
        alone = round(generator.uniform(2.3, 2.6), 2)
        share = generator.choice([0.25, 0.3, 0.4, 0.6, 0.7, 0.75])
        bits = {
            "unigram": unigram,
            "teacher": teacher,
            "alone": alone,
            "distilled": round(alone - share * (alone - teacher), 2),
        }
        if _all_differ(**bits):
            break
    return bits | {
        "steps": generator.choice([90, 120, 200, 400]),
        "forward": generator.choice([60, 90, 150]),
        "training": generator.choice([20, 25, 50]),
    }


def _all_differ(unigram, teacher, alone, distilled):
    """Whether no two of the right and the usual wrong answers look alike."""
    bits = {"unigram": unigram, "teacher": teacher, "alone": alone, "distilled": distilled}
    skill, lead = _skill(**bits), _lead(**bits)
    others = [alone - distilled, unigram - distilled, teacher / alone]
    others += [saved / (unigram - teacher) for saved in (alone - distilled, unigram - alone)]
    if any(abs(right - other) <= 0.01 * right for right in (skill, lead) for other in others):
        return False
    by_division = [bits["teacher"] / bits["distilled"], bits["distilled"] / bits["alone"]]
    values = sorted([skill, lead, 1 - skill, 1 - lead, *by_division])
    return all(after - before > 0.02 for before, after in itertools.pairwise(values))


def _skill(unigram, teacher, distilled, **_):
    return (unigram - distilled) / (unigram - teacher)


def _lead(alone, teacher, distilled, **_):
    return (alone - distilled) / (alone - teacher)


def _right_most(**d):
    return {
        "skill": _skill(**d),
        "lead": _lead(**d),
        "most of the lead": _lead(**d) > 0.5,
        "steps": d["steps"] * (1 + d["forward"] / d["training"]),
        "control": AT_EQUAL_WORK,
    }


def _part(**parts):
    """A wrong value in some parts alone."""
    return lambda **data: {name.replace("_", " "): part(**data) for name, part in parts.items()}


MOST = Question(
    key="3.5-9",
    title="Most of the skill, and at what price?",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Our distilled student keeps most of its teacher's skill, and its training was cheap.' "
        "Held-out bits per byte: who knows only how frequent each token is {unigram}, the student alone "
        "{alone}, the student distilled {distilled}, the teacher {teacher}; both students took {steps} "
        "steps. Of the bits that the teacher saves over the frequencies, what share does the distilled "
        "student save (skill)? What share of the teacher's lead over the student alone has it taken over "
        "(lead)? Is that most of the lead, more than half (most of the lead)? A step of the student costs "
        "{training} GFLOP, forward, backward and optimizer; the teacher's reading of the same batch "
        "{forward}, at every step. How many steps would the student alone have had for the same arithmetic "
        "(steps)? And against what must the distilled student be held, where text is plenty, to say that "
        "its training was cheap (control)?"
    ),
    takeaway="A share needs a zero that is named, and a price needs somebody who could have spent it "
    "otherwise.",
    explanation="skill: (unigram - distilled) / (unigram - teacher); lead: (alone - distilled) / (alone - "
    "teacher); steps (1 + forward / training).",
    hints=(
        "Both shares have the same form: a gain over somebody, divided by the teacher's gain over the same.",
        "One step with the teacher costs training and forward together. How many steps alone is that?",
        "While the teacher reads, the student alone could have done something. What would be most useful?",
    ),
    asked={
        "skill": "what the distilled student saves over the frequencies, by what the teacher does",
        "lead": "what the distilled student saves over the student alone, by what the teacher does",
        "steps": "all the distilled student's arithmetic, teacher's reading included, by a lone step's",
    },
    answer=_right_most,
    options={
        "control": (
            AT_EQUAL_WORK,
            "the student alone after as many steps",
            "a student of a larger teacher",
            "the teacher",
        )
    },
    draw=_draw_most,
    mistakes=(
        Mistake(
            "the wrong zero for skill",
            "You count skill from the student alone. That is the lead. No skill, here, is to know how "
            "frequent tokens are and nothing else.",
            (_part(skill=_lead),),
        ),
        Mistake(
            "the wrong zero for the lead",
            "You count the lead from the frequencies. Much of that the student learns without any teacher: "
            "count from the student alone.",
            (_part(lead=_skill),),
        ),
        Mistake(
            "bits divided by bits",
            "You divide one model's bits by another's. Fewer bits are better, and zero bits are no point "
            "that any model could reach: divide differences.",
            (
                _part(skill=lambda teacher, distilled, **_: teacher / distilled),
                _part(lead=lambda teacher, distilled, **_: teacher / distilled),
                _part(lead=lambda alone, distilled, **_: distilled / alone),
            ),
        ),
        Mistake(
            "what is missing",
            "That is the share that is still missing. Asked for is what was taken over: one minus it.",
            (
                _part(skill=lambda **d: 1 - _skill(**d)),
                _part(lead=lambda **d: 1 - _lead(**d)),
            ),
        ),
        Mistake(
            "points for shares",
            "That is a difference in bits. As a share it is divided by what the teacher saves, counted from "
            "the same zero.",
            (
                _part(
                    skill=lambda unigram, distilled, **_: unigram - distilled,
                    lead=lambda alone, distilled, **_: alone - distilled,
                ),
                _part(skill=lambda unigram, distilled, **_: unigram - distilled),
                _part(lead=lambda alone, distilled, **_: alone - distilled),
            ),
        ),
        Mistake(
            "two zeros in one share",
            "Above and below the line you count from two zeros: one difference from the student alone, the "
            "other from the frequencies. A share has the same zero in both.",
            (
                _part(
                    lead=lambda unigram, alone, teacher, distilled, **_: (
                        (alone - distilled) / (unigram - teacher)
                    )
                ),
                _part(
                    skill=lambda unigram, alone, teacher, distilled, **_: (
                        (unigram - distilled) / (alone - teacher)
                    )
                ),
            ),
        ),
        Mistake(
            "the student alone's skill",
            "That is what the student alone saves. Asked for is the distilled one.",
            (_part(skill=lambda unigram, alone, teacher, **_: (unigram - alone) / (unigram - teacher)),),
        ),
        Mistake(
            "most or not",
            "Compare the lead that was taken over with one half. Most of the skill may be there, and less "
            "than half of the lead.",
            (lambda **d: {"most of the lead": _lead(**d) <= 0.5},),
        ),
        Mistake(
            "the teacher alone paid for",
            "You count the teacher's reading alone. A step with the teacher has the student's own work in "
            "it as well.",
            (_part(steps=lambda steps, forward, training, **_: steps * forward / training),),
        ),
        Mistake(
            "the student's own work taken off",
            "You take the student's own work off the teacher's. A step with the teacher costs both together: "
            "the two are added.",
            (_part(steps=lambda steps, forward, training, **_: steps * (forward - training) / training),),
        ),
        Mistake(
            "the wrong way round",
            "You give the student alone fewer steps. It is spared the teacher's reading: for the same "
            "arithmetic it takes more.",
            (_part(steps=lambda steps, forward, training, **_: steps / (1 + forward / training)),),
        ),
        Mistake(
            "steps are not work",
            "At equal steps one of them has had a large model read every batch for it. That tells what soft "
            "labels teach, not what they cost.",
            ({"control": "the student alone after as many steps"},),
        ),
        Mistake(
            "no use of the price",
            "It says how good one could be at some other price. Cheap is what gives more than anything else "
            "that the same arithmetic could buy.",
            ({"control": "a student of a larger teacher"}, {"control": "the teacher"}),
        ),
    ),
)


# 3.5-10 -------------------------------------------------------------------------------

WHAT_STAYS = "the favourite's place, and the other numbers dealt to other classes"


def _draw_likeness(seed: int) -> dict:
    """Accuracies of five students: for some seeds likeness pays, for others any softness does as well."""
    generator = random.Random(seed)
    hard = round(generator.uniform(70, 78), 1)
    softness = round(generator.uniform(3.0, 7.0), 1)
    likeness = generator.choice([0.3, 0.6, 0.9, 4.5, 6.5, 9.0])
    permuted = round(hard + softness - generator.choice([0.6, 0.8, 1.1]), 1)
    return {
        "hard": hard,
        "levelled": round(hard + softness, 1),
        "permuted": permuted,
        "soft": round(hard + softness + likeness, 1),
        "error": generator.choice([0.8, 1.0, 1.2]),
    }


def _gain(hard, soft, **_):
    return soft - hard


def _of_likeness(soft, permuted, levelled, **_):
    return soft - max(permuted, levelled)


def _right_likeness(**d):
    return {
        "gain": _gain(**d),
        "likeness": _of_likeness(**d),
        "verdict": "holds" if _of_likeness(**d) > 2 * d["error"] else "not shown",
        "permuted": WHAT_STAYS,
    }


LIKENESS = Question(
    key="3.5-10",
    title="Soft, or like something?",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Soft labels raise the accuracy of our student, since they tell it which classes are "
        "alike.' Per cent right on unseen examples, means of five seeds: true labels {hard}, soft labels "
        "{soft}, soft labels whose other classes are permuted {permuted}, soft labels whose other classes "
        "are levelled, all alike {levelled}. By how many points do soft labels beat the true ones (gain)? "
        "By how many do they beat the better of the two controls (likeness)? The standard error of each "
        "of these differences is {error} points; call a difference shown where it is more than two of them. "
        "Which verdict follows on the second half of the report, that likeness is what helps: holds, does "
        "not hold, or not shown (verdict)? And what must the permuted labels of one example keep, so that "
        "they differ from the soft ones in the likeness alone (permuted)?"
    ),
    takeaway="A control takes away the cause that is claimed, and nothing else.",
    explanation="gain: soft - hard; likeness: soft - the larger of permuted and levelled; it holds above two "
    "standard errors, else it is not shown.",
    hints=(
        "Soft labels are two things at once: they are less sure, and they say what is like what.",
        "Permuted and levelled labels are as unsure as the soft ones. Whatever they reach has another cause.",
        "A difference that is smaller than its noise is no proof that there is none.",
    ),
    asked={
        "gain": "per cent right with soft labels less per cent right with true ones",
        "likeness": "per cent right with soft labels less that with the better of the two controls",
    },
    answer=_right_likeness,
    options={
        "verdict": ("holds", "does not hold", "not shown"),
        "permuted": (
            WHAT_STAYS,
            "nothing: every number goes to any class",
            "the true class alone, at 1",
            "the order of the classes, all numbers alike",
        ),
    },
    draw=_draw_likeness,
    atol=0.05,
    mistakes=(
        Mistake(
            "the whole gain for likeness",
            "You give the gain over true labels. Part of it comes to labels that know no likeness at all: "
            "take off what the better control reaches.",
            (_part(likeness=_gain),),
        ),
        Mistake(
            "the weaker control",
            "You compare with the weaker control. A claim has to stand against the stronger one.",
            (_part(likeness=lambda soft, permuted, levelled, **_: soft - min(permuted, levelled)),),
        ),
        Mistake(
            "the controls' mean",
            "You compare with the mean of the controls. Each takes the likeness away in its own manner; what "
            "the better of them reaches needs no likeness.",
            (_part(likeness=lambda soft, permuted, levelled, **_: soft - (permuted + levelled) / 2),),
        ),
        Mistake(
            "what needs no likeness",
            "That is what a control gains over the true labels: it comes without any likeness. Asked for is "
            "what soft labels have beyond the better control.",
            (
                _part(likeness=lambda hard, levelled, **_: levelled - hard),
                _part(likeness=lambda hard, permuted, **_: permuted - hard),
            ),
        ),
        Mistake(
            "the gain of a control",
            "That is what a control gains over the true labels. Asked for is what soft labels gain.",
            (
                _part(gain=lambda hard, levelled, **_: levelled - hard),
                _part(gain=lambda hard, permuted, **_: permuted - hard),
            ),
        ),
        Mistake(
            "no disproof",
            "Nowhere do the soft labels fall clearly behind their controls, so nothing is refuted. Is the "
            "difference from the better control above two standard errors, or within them?",
            ({"verdict": "does not hold"},),
        ),
        Mistake(
            "shown or not",
            "Hold the difference from the better control, not the gain over the true labels, against two "
            "standard errors: above them it is shown, within them it is not.",
            (
                lambda **d: {
                    "verdict": "not shown" if _right_likeness(**d)["verdict"] == "holds" else "holds"
                },
            ),
        ),
        Mistake(
            "more than the likeness taken",
            "Then most labels also name another favourite. The student learns wrong answers, and loses by "
            "that, likeness or not.",
            ({"permuted": "nothing: every number goes to any class"},),
        ),
        Mistake(
            "the softness taken too",
            "That is another control: it takes the softness, or the differences among the others, away as "
            "well. A permutation keeps the numbers and moves them.",
            (
                {"permuted": "the true class alone, at 1"},
                {"permuted": "the order of the classes, all numbers alike"},
            ),
        ),
    ),
)


EXERCISES = (MOST, LIKENESS)
