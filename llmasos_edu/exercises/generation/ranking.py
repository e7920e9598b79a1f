"""Exercises of chapter 6.2 on measures: how good a ranking of suspects is.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random
import statistics

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.2-7 --------------------------------------------------------------------------------


def average_precision(scores, wrong):
    """scores [n] (no two equal), wrong [n] True or False -> mean of the precision at each wrong word."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    found, precisions = 0, []
    for rank, place in enumerate(order, 1):
        if wrong[place]:
            found += 1
            precisions.append(found / rank)
    return sum(precisions) / len(precisions)


def _ranks(scores, wrong, sign=-1):
    order = sorted(range(len(scores)), key=lambda place: sign * scores[place])
    return [rank for rank, place in enumerate(order, 1) if wrong[place]]


def _precisions(scores, wrong):
    return [at / rank for at, rank in enumerate(_ranks(scores, wrong), 1)]


def _lowest_first(scores, wrong):
    ranks = _ranks(scores, wrong, sign=1)
    return sum(at / rank for at, rank in enumerate(ranks, 1)) / len(ranks)


def _every_rank(scores, wrong):
    ranks = _ranks(scores, wrong)
    return sum(sum(each <= rank for each in ranks) / rank for rank in range(1, len(scores) + 1)) / len(scores)


def _first_alone(scores, wrong):
    return 1 / _ranks(scores, wrong)[0]


def _reciprocal_ranks(scores, wrong):
    ranks = _ranks(scores, wrong)
    return sum(1 / rank for rank in ranks) / len(ranks)


def _divided_by_all(scores, wrong):
    ranks = _ranks(scores, wrong)
    return sum(at / rank for at, rank in enumerate(ranks, 1)) / len(scores)


def _precision_at_count(scores, wrong):
    ranks = _ranks(scores, wrong)
    return sum(rank <= len(ranks) for rank in ranks) / len(ranks)


def _interpolated(scores, wrong):
    precisions = [at / rank for at, rank in enumerate(_ranks(scores, wrong), 1)]
    return sum(max(precisions[place:]) for place in range(len(precisions))) / len(precisions)


def _ranks_one_too_high(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    ranks = [rank for rank, i in enumerate(order, 2) if wrong[i]]
    return sum(hits / rank for hits, rank in enumerate(ranks, 1)) / len(ranks)


def _from_zero(scores, wrong):
    ranks = _ranks(scores, wrong)
    return sum((at - 1) / rank for at, rank in enumerate(ranks, 1)) / len(ranks)


def _order_for_ranks(scores, wrong):
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    ranks = sorted(order[place] + 1 for place in range(len(scores)) if wrong[place])
    return sum(at / rank for at, rank in enumerate(ranks, 1)) / len(ranks)


def _counted_in_the_text(scores, wrong):
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    ranks = [order.index(place) + 1 for place in range(len(scores)) if wrong[place]]
    return sum(at / rank for at, rank in enumerate(ranks, 1)) / len(ranks)


def _pairs_in_order(scores, wrong):
    bad = [score for score, is_wrong in zip(scores, wrong, strict=True) if is_wrong]
    good = [score for score, is_wrong in zip(scores, wrong, strict=True) if not is_wrong]
    pairs = [one > other for one in bad for other in good]
    return sum(pairs) / len(pairs) if pairs else 1.0


def _draw_scores(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    scores = [value / 4 for value in generator.sample(range(40), 6)]
    wrong = [False] * 6
    for place in generator.sample(range(6), generator.randint(1, 3)):
        wrong[place] = True
    return (Case(f"scores {scores}, wrong {wrong}", (scores, wrong)),)


AVERAGE_PRECISION = Exercise(
    key="6.2-7",
    title="How good is a list of suspects?",
    difficulty=2,
    minutes=15,
    statement=(
        "A proofreader gives each word a score; the highest are suspected first. `wrong` says which words "
        "are wrong, "
        "one at least. Go down the list: at each wrong word the precision is the share of wrong ones "
        "among all words "
        "up to it. Return the mean of these precisions, the average precision."
    ),
    takeaway="Average precision rewards errors near the top; at random it is about the share of wrong words.",
    reference=average_precision,
    explanation="At the k-th wrong word, on rank r, the precision is k / r; average over the wrong words.",
    hints=(
        "Sort the words by falling score, and write down the ranks of the wrong ones, counted from 1.",
        "At the second wrong word, on rank 5 say, two of five words down to there are wrong.",
        "The mean is taken over the wrong words, not over all: right words add nothing of their own.",
    ),
    cases=(
        Case("the only wrong word is first", ([3.0, 1.0, 2.0], [True, False, False])),
        Case("the only wrong word is last", ([1.0, 2.0, 3.0], [True, False, False])),
        Case("ranks 1 and 3", ([4.0, 3.0, 2.0, 1.0], [True, False, True, False])),
        Case("ranks 2, 3 and 6", ([1.0, 6.0, 5.0, 4.0, 3.0, 2.0], [True, False, True, True, False, False])),
        Case("all are wrong", ([1.0, 2.0], [True, True])),
        Case("ranks 3, 4 and 5", ([5.0, 4.0, 3.0, 2.0, 1.0], [False, False, True, True, True])),
        Case("scores closer than one", ([2.25, 2.75, 2.5], [True, False, False])),
        Case("scores below zero", ([-1.0, -3.0, -2.0, -0.5], [True, False, False, False])),
    ),
    draw=_draw_scores,
    mistakes=(
        Mistake(
            "lowest score first",
            "You begin with the least suspected word. The list begins with the highest score.",
            (_lowest_first,),
        ),
        Mistake(
            "added, not averaged",
            "You add the precisions up. Their mean is asked for, which is never above 1.",
            (lambda scores, wrong: average_precision(scores, wrong) * sum(wrong),),
        ),
        Mistake(
            "the mean of the ranks",
            "You average the ranks themselves. At each wrong word the precision is how many are wrong so "
            "far, divided by its rank.",
            (lambda scores, wrong: sum(_ranks(scores, wrong)) / sum(wrong),),
        ),
        Mistake(
            "the last wrong word alone",
            "Your number is the precision at the last wrong word, or over the whole list. Every wrong word "
            "has a precision of its own, and their mean is asked for.",
            (
                lambda scores, wrong: sum(wrong) / _ranks(scores, wrong)[-1],
                lambda scores, wrong: sum(wrong) / len(wrong),
            ),
        ),
        Mistake(
            "scores cut to whole numbers",
            "It comes out as if scores were cut to whole numbers: 2.25 and 2.75 are then equal, and stand in "
            "the order of the text.",
            (lambda scores, wrong: average_precision([int(score) for score in scores], wrong),),
        ),
        Mistake(
            "order taken for ranks",
            "A sort tells which word is on each place; you use it as if it told on which place each word is.",
            (_order_for_ranks,),
        ),
        Mistake(
            "counted in the order of the text",
            "The ranks are right, and the wrong words are counted as they come in the text. How many are "
            "wrong so far is counted down the list, in the order of the scores.",
            (_counted_in_the_text,),
        ),
        Mistake(
            "ranks from zero",
            "Your ranks begin with 0. The first word of the list has the rank 1: up to it there is one word.",
            (
                lambda scores, wrong: (
                    sum(at / max(1, rank - 1) for at, rank in enumerate(_ranks(scores, wrong), 1))
                    / sum(wrong)
                ),
            ),
        ),
        Mistake(
            "scores without their sign",
            "You sort by the size of the scores, whatever their sign. One below 0 is lower than one above.",
            (lambda scores, wrong: average_precision([abs(score) for score in scores], wrong),),
        ),
        Mistake(
            "pairs in the right order",
            "You count how many pairs of a wrong and a right word stand in the right order. That is another "
            "measure; this one looks at the precision at each wrong word.",
            (_pairs_in_order,),
        ),
        Mistake(
            "another mean",
            "The precisions are right, and you take another mean than their sum over their number: the "
            "median, the geometric one, or that of the inverses.",
            (
                lambda scores, wrong: sorted(_precisions(scores, wrong))[sum(wrong) // 2],
                lambda scores, wrong: statistics.median(_precisions(scores, wrong)),
                lambda scores, wrong: statistics.geometric_mean(_precisions(scores, wrong)),
                lambda scores, wrong: statistics.harmonic_mean(_precisions(scores, wrong)),
            ),
        ),
        Mistake(
            "the best one",
            "You return the best of the precisions. Their mean is asked for.",
            (lambda scores, wrong: max(_precisions(scores, wrong)),),
        ),
        Mistake(
            "recall for precision",
            "At each wrong word you take how many of all wrong ones are found so far. That is recall: the "
            "precision divides by the rank.",
            (lambda scores, wrong: (sum(wrong) + 1) / 2 / sum(wrong),),
        ),
        Mistake(
            "until the first right word",
            "At the first right word you stop, and wrong ones further down count nothing. Each wrong word "
            "has a precision, wherever it stands.",
            (
                lambda scores, wrong: (
                    sum(rank == at for at, rank in enumerate(_ranks(scores, wrong), 1)) / sum(wrong)
                ),
            ),
        ),
        Mistake(
            "every rank counted",
            "You average the precision over all ranks. Only the ranks at which a wrong word stands count.",
            (_every_rank,),
        ),
        Mistake(
            "the first error alone",
            "You look at the first wrong word alone. Every wrong word has a precision of its own.",
            (_first_alone,),
        ),
        Mistake(
            "one over the rank",
            "You take 1 / rank at each wrong word. At the second one two of the words so far are wrong, "
            "not one.",
            (_reciprocal_ranks,),
        ),
        Mistake(
            "divided by all words",
            "You divide by the number of words. The mean is taken over the wrong ones.",
            (_divided_by_all,),
        ),
        Mistake(
            "precision at one place",
            "You look at the precision after as many words as are wrong. That is one place of the list; "
            "the average "
            "goes over the place of each wrong word.",
            (_precision_at_count,),
        ),
        Mistake(
            "itself not counted",
            "At a wrong word you count the wrong ones before it. It belongs to them: on rank 1 the "
            "precision is 1.",
            (_from_zero,),
        ),
        Mistake(
            "ranks one too high",
            "Your ranks are one too high: right ones divided by rank + 1. The first word of the list has "
            "the rank 1, so that a wrong word there has the precision 1.",
            (_ranks_one_too_high,),
        ),
        Mistake(
            "the best from there on",
            "At a wrong word your precision is the best that comes there or farther down, as in interpolated "
            "precision. Asked is the precision at that very word.",
            (_interpolated,),
        ),
        Mistake(
            "the order of the text",
            "You go through the words as they stand in the text. The list begins with the highest score.",
            (lambda scores, wrong: average_precision(range(len(wrong), 0, -1), wrong),),
        ),
    ),
)


EXERCISES = (AVERAGE_PRECISION,)
