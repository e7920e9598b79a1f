"""Questions of chapter 3.2 that are answered with numbers and choices: two reports to judge.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
from statistics import mean, pstdev, stdev

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.2-9 ----------------------------------------------------------------------------------


def _draw_clusterings(seed: int) -> dict:
    """A few good clusters and many poor ones; the poor ones are purer, as they would be by chance."""
    generator = random.Random(seed)
    while True:
        chance_a, chance_b = (round(generator.uniform(*ends), 2) for ends in ((0.25, 0.4), (0.55, 0.7)))
        purity_a = round(chance_a + generator.uniform(0.25, 0.4) * (1 - chance_a), 2)
        purity_b = round(chance_b + generator.uniform(0.04, 0.15) * (1 - chance_b), 2)
        if purity_b > purity_a + 0.04:
            items = generator.choice([120, 160, 200])
            return {
                "items": items, "clusters_a": generator.choice([5, 6, 8]), "clusters_b": items // 2,
                "purity_a": purity_a, "chance_a": chance_a, "purity_b": purity_b, "chance_b": chance_b,
            }  # fmt: skip


def _of_both(of):
    """What a rule makes of the two clusterings, the choices left alone."""
    return lambda purity_a, chance_a, purity_b, chance_b, **_: {
        "A": of(purity_a, chance_a),
        "B": of(purity_b, chance_b),
    }


def _way(purity, chance):
    return (purity - chance) / (1 - chance)


SHUFFLED = "the same clusters, with the classes shuffled"

CLUSTERINGS = Question(
    key="3.2-9",
    title="Which clustering is better?",
    difficulty=2,
    minutes=10,
    statement=(
        "A report on {items} tokens of known classes: 'A makes {clusters_a} clusters and has a purity of "
        "{purity_a}. B makes {clusters_b} clusters and has a purity of {purity_b}. So B is better.' Somebody "
        "has shuffled the classes a hundred times and kept the clusters: the mean purity is then {chance_a} "
        "for A and {chance_b} for B. How far on the way from chance to a purity of 1 is each (A, B), 0 for "
        "chance and 1 for perfect? Which one knows more about the classes (better)? And which control did "
        "the report lack (control)?"
    ),
    takeaway="Small clusters are pure by themselves. Knowledge is what lies above their own chance level.",
    explanation="(purity - chance) / (1 - chance), each with its own chance level; then compare.",
    hints=(
        "How pure would a clustering be that puts every token into a cluster of its own?",
        "For each of the two: how much of the room above its own chance level does it fill?",
        "The room is what lies between the chance level and 1, so its size is 1 less the chance level.",
    ),
    asked={
        "A": "A's purity less its chance, over 1 less its chance",
        "B": "B's purity less its chance, over 1 less its chance",
    },
    answer=lambda **d: _of_both(_way)(**d) | {"better": "A", "control": SHUFFLED},
    options={
        "better": ("A", "B", "neither"),
        "control": (
            SHUFFLED,
            "B with twice as many clusters",
            "another start of k-means",
            "the purity of a single cluster",
        ),
    },
    draw=_draw_clusterings,
    rtol=2e-2,
    mistakes=(
        Mistake(
            "purities compared",
            "B's purity is higher. So it would be without any sense in the clusters: look at what shuffled "
            "classes give.",
            ({"better": "B"},),
        ),
        Mistake(
            "neither of the two",
            "Compare A and B, the parts of the way that you were asked for: one of them is clearly larger. "
            "How pure the clusters are, and how many there are, is in them already.",
            ({"better": "neither"},),
        ),
        Mistake(
            "only what is above chance",
            "You take chance off and stop there. One who starts at 0.6 can rise by 0.4 only: divide by the "
            "room that is left.",
            (_of_both(lambda purity, chance: purity - chance),),
        ),
        Mistake(
            "a multiple of chance",
            "You divide by the chance level. Perfect clusters would then get another figure for each "
            "level; asked for is 1.",
            (
                _of_both(lambda purity, chance: purity / chance),
                _of_both(lambda purity, chance: (purity - chance) / chance),
            ),
        ),
        Mistake(
            "divided by the purity",
            "You divide the gain by the purity itself. The room that could be filled reaches from chance "
            "to 1.",
            (_of_both(lambda purity, chance: (purity - chance) / purity),),
        ),
        Mistake(
            "divided by what is left",
            "You divide the gain by what is still missing to 1. The room reaches from chance to 1, and what "
            "has been filled of it is part of it.",
            (_of_both(lambda purity, chance: (purity - chance) / (1 - purity)),),
        ),
        Mistake(
            "a bracket forgotten",
            "Your number is the purity less chance / (1 - chance), as it comes out without a bracket around "
            "the difference. First purity less chance, then divide that.",
            (_of_both(lambda purity, chance: purity - chance / (1 - chance)),),
        ),
        Mistake(
            "one chance level for both",
            "You measure both from one of the two chance levels. Each clustering has its own: the more "
            "clusters, the higher.",
            (
                lambda purity_b, chance_a, **_: {"B": _way(purity_b, chance_a)},
                lambda purity_a, chance_b, **_: {"A": _way(purity_a, chance_b)},
            ),
        ),
        Mistake(
            "what is left to do",
            "That is the part of the way that is still open. Asked for is the part that has been gone.",
            (_of_both(lambda purity, chance: (1 - purity) / (1 - chance)),),
        ),
        Mistake(
            "the level of a single cluster",
            "One cluster of all tokens has the share of the commonest class. That is the chance level of one "
            "cluster, not of many: it rises with their number.",
            ({"control": "the purity of a single cluster"},),
        ),
        Mistake(
            "a setting for a control",
            "More clusters or another start give another clustering. A control shows what the same figure is "
            "for clusters that know nothing.",
            ({"control": "B with twice as many clusters"}, {"control": "another start of k-means"}),
        ),
    ),
)

# 3.2-10 ---------------------------------------------------------------------------------

SEEDS, ENOUGH, WIDE = 5, 0.02, 2.8  # 2.8 standard errors: what five seeds ask for at 95 %
VERDICTS = ("holds", "does not hold", "not shown")


def _draw_seeds(seed: int) -> dict:
    """Shares right of three ways on five draws of the labels, which are easy or hard for all three alike."""
    generator = random.Random(seed)
    while True:
        wanted, noise = generator.choice([(0.08, 0.01), (0.0, 0.006), (0.03, 0.03), (0.01, 0.02)])
        counts, plain, contrast = [], [], []
        for _ in range(SEEDS):
            easy = generator.gauss(0, 0.06)
            counts.append(round(0.25 + easy / 2 + generator.gauss(0, 0.01), 2))
            plain.append(round(0.45 + easy, 2))
            contrast.append(round(plain[-1] + wanted + generator.gauss(0, noise), 2))
        found = {"counts": counts, "plain": plain, "contrast": contrast}
        if _is_clear(**found):
            return found


def _is_clear(counts, plain, contrast) -> bool:
    """No end of an interval near the threshold, and every usual slip gives another error."""
    gains = _gains(contrast, plain)
    error, gain = _error(gains), mean(gains)
    ends = (gain - WIDE * error, gain + WIDE * error)
    slips = (stdev(gains), pstdev(gains) / math.sqrt(SEEDS), _unpaired(contrast, plain))
    return (
        error > 1e-3
        and abs(gain) > 1e-3
        and all(abs(end - ENOUGH) > 0.004 for end in ends)
        and all(abs(slip / error - 1) > 0.05 for slip in slips)
        and _verdict(_gains(contrast, counts)) == "holds"
    )


def _gains(ones, others):
    return [one - other for one, other in zip(ones, others, strict=True)]


def _error(gains) -> float:
    return stdev(gains) / math.sqrt(len(gains))


def _unpaired(ones, others) -> float:
    return math.sqrt((stdev(ones) ** 2 + stdev(others) ** 2) / len(ones))


def _error_over_counts(counts, plain, contrast):
    """The error of the other gain, where it is another number."""
    other, right = _error(_gains(contrast, counts)), _error(_gains(contrast, plain))
    return {"error": math.nan if math.isclose(other, right, rel_tol=0.05) else other}


def _verdict(gains) -> str:
    gain, room = mean(gains), WIDE * _error(gains)
    return VERDICTS[0] if gain - room > ENOUGH else VERDICTS[1] if gain + room < ENOUGH else VERDICTS[2]


def _judged(counts, plain, contrast):
    gains = _gains(contrast, plain)
    return {
        "over counts": mean(_gains(contrast, counts)),
        "over plain": mean(gains),
        "error": _error(gains),
        "verdict": _verdict(gains),
        "control": SAME_TEXT,
    }


def _other_verdict(at):
    """One of the two wrong verdicts."""
    return lambda **d: {"verdict": [each for each in VERDICTS if each != _judged(**d)["verdict"]][at]}


SAME_TEXT = "plain vectors from the same unlabelled text"

CONTRAST = Question(
    key="3.2-10",
    title="Was it the contrast?",
    difficulty=3,
    minutes=15,
    statement=(
        "A report: 'With one label for each class, contrast needs far fewer labels than counts. So "
        "contrastive training is what makes unlabelled text useful.' Shares right on five draws of "
        "the labels, the same five for all: counts {counts}, plain vectors {plain}, contrast "
        "{contrast}. What is the mean gain of contrast over counts (over counts), and over plain "
        "vectors (over plain)? What is the standard error of the latter, from the five differences "
        "(error)? Say that a claim holds when the mean less 2.8 errors is above 0.02, does not hold "
        "when the mean plus 2.8 errors is below 0.02, and is not shown otherwise: what about "
        "'contrast beats plain vectors' (verdict)? And what must the sentence on contrastive training"
        " be held against (control)?"
    ),
    takeaway="Two things changed at once: the text that was read and the way it was learned from. A control "
    "changes one.",
    explanation="Differences draw by draw; their mean, their standard deviation (n - 1) over the root of 5.",
    hints=(
        "A draw of labels that is easy is easy for all. Subtract within the draws before anything else.",
        "Standard deviation of the five differences, divided by the root of five.",
        "Counts have not read the unlabelled text at all. What has read it, and was not trained by contrast?",
    ),
    asked={
        "over counts": "contrast less counts, draw by draw, averaged",
        "over plain": "contrast less plain vectors, draw by draw, averaged",
        "error": "the deviation of the five differences (n - 1) from plain vectors, over the root of five",
    },
    answer=_judged,
    options={
        "verdict": VERDICTS,
        "control": (
            SAME_TEXT,
            "counts with more labels",
            "contrast with more steps",
            "a coin",
        ),
    },
    draw=_draw_seeds,
    rtol=2e-2,
    mistakes=(
        Mistake(
            "the pairs torn apart",
            "You take the spread of each row by itself. What makes a draw easy is in both rows and cancels: "
            "take the spread of the differences.",
            (lambda counts, plain, contrast: {"error": _unpaired(contrast, plain)},),
        ),
        Mistake(
            "of a single draw, or of the other gain",
            "That is the spread of one difference, or the error of the gain over counts. Asked for is the "
            "error of the mean gain over plain vectors: a mean of five is surer than one difference, by the "
            "root of five.",
            (
                lambda counts, plain, contrast: {"error": stdev(_gains(contrast, plain))},
                _error_over_counts,
            ),
        ),
        Mistake(
            "of a single draw, by n",
            "That is how far one difference lies from the mean, with the squares divided by 5. Divide them "
            "by 4; and a mean of five is surer than one difference, by the root of five.",
            (lambda counts, plain, contrast: {"error": pstdev(_gains(contrast, plain))},),
        ),
        Mistake(
            "over five",
            "You divide the standard deviation of the five differences by 5. The error of a mean of five is "
            "less than that of one by the root of five.",
            (lambda counts, plain, contrast: {"error": stdev(_gains(contrast, plain)) / 5},),
        ),
        Mistake(
            "over the root of four",
            "You divide the standard deviation of the five differences by the root of 4. The 4 has done its "
            "work in the deviation; the mean is of five.",
            (lambda counts, plain, contrast: {"error": stdev(_gains(contrast, plain)) / 2},),
        ),
        Mistake(
            "a variance",
            "That is a variance, a mean of squares. A standard error is a root.",
            (
                lambda counts, plain, contrast: {"error": stdev(_gains(contrast, plain)) ** 2},
                lambda counts, plain, contrast: {"error": stdev(_gains(contrast, plain)) ** 2 / 5},
            ),
        ),
        Mistake(
            "in parts of the other",
            "You divide the gain by the other's share. Asked for is the difference of the shares.",
            (
                lambda counts, plain, contrast: {"over counts": mean(contrast) / mean(counts) - 1},
                lambda counts, plain, contrast: {"over plain": mean(contrast) / mean(plain) - 1},
                lambda counts, plain, contrast: {
                    "over counts": mean(contrast) / mean(counts) - 1,
                    "over plain": mean(contrast) / mean(plain) - 1,
                },
            ),
        ),
        Mistake(
            "divided by five",
            "You divide the squares by 5. The mean was taken from the same five numbers, so 4 is what they "
            "have left to vary.",
            (
                lambda counts, plain, contrast: {
                    "error": pstdev(_gains(contrast, plain)) / math.sqrt(len(plain))
                },
            ),
        ),
        Mistake(
            "the wrong way round",
            "Your gain has the wrong sign: a gain of contrast is its own share less that of the other.",
            (
                lambda **d: {"over plain": -_judged(**d)["over plain"]},
                lambda **d: {"over counts": -_judged(**d)["over counts"]},
                lambda **d: {name: -_judged(**d)[name] for name in ("over counts", "over plain")},
            ),
        ),
        Mistake(
            "not where the interval lies",
            "That is not what the rule says. Write down both ends of the interval, the mean less and plus "
            "2.8 errors: on which side of 0.02 do they lie?",
            (_other_verdict(0), _other_verdict(1)),
        ),
        Mistake(
            "the same arm again",
            "More labels or more steps make an arm stronger. They do not say whether it was the contrast or "
            "the text that helped.",
            ({"control": "counts with more labels"}, {"control": "contrast with more steps"}),
        ),
        Mistake(
            "against a coin",
            "A coin shows that something was learned. Whether contrast was needed for it, a coin cannot say.",
            ({"control": "a coin"},),
        ),
    ),
)

EXERCISES = (CLUSTERINGS, CONTRAST)
