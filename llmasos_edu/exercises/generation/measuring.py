"""Exercises of chapter 6.2 on measures: variety of texts, and how good a ranking of suspects is.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.2-5 --------------------------------------------------------------------------------


def distinct(texts, size):
    """texts [texts][words], size -> share of different runs of `size` words among all runs of all texts."""
    runs = [tuple(words[at : at + size]) for words in texts for at in range(len(words) - size + 1)]
    return len(set(runs)) / len(runs)


def _runs(words, size):
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _mean_of_texts(texts, size):
    shares = [len(set(_runs(words, size))) / len(_runs(words, size)) for words in texts if _runs(words, size)]
    return sum(shares) / len(shares)


def _joined(texts, size):
    return distinct([[word for words in texts for word in words]], size)


def _words_below(texts, size):
    runs = [run for words in texts for run in _runs(words, size)]
    return len(set(runs)) / sum(len(words) for words in texts)


def _fewer_than_none(texts, size):
    runs = {run for words in texts for run in _runs(words, size)}
    return len(runs) / sum(len(words) - size + 1 for words in texts)


def _run_together(texts, size):
    runs = ["".join(map(str, run)) for words in texts for run in _runs(words, size)]
    return len(set(runs)) / len(runs)


def _once_alone(texts, size):
    runs = [run for words in texts for run in _runs(words, size)]
    return sum(runs.count(run) == 1 for run in runs) / len(runs)


def _as_sets(texts, size):
    runs = [run for words in texts for run in _runs(words, size)]
    return len({frozenset(run) for run in runs}) / len(runs)


def _one_short(texts, size):
    runs = [tuple(words[at : at + size]) for words in texts for at in range(len(words) - size)]
    return len(set(runs)) / len(runs) if runs else 0.0


def _draw_texts(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    texts = [[generator.choice("ab") for _ in range(generator.randint(3, 6))] for _ in range(2)]
    return (Case(f"{[''.join(text) for text in texts]}, runs of 2", (texts, 2)),)


DISTINCT = Exercise(
    key="6.2-5",
    title="How varied are these texts?",
    difficulty=1,
    minutes=10,
    statement=(
        "distinct-n of some texts together: the number of different runs of `size` neighbouring words, "
        "divided by "
        "the number of all runs. Runs do not go from one text into the next. At least one text is long "
        "enough."
    ),
    takeaway="distinct-n counts over all texts at once: four copies of a varied text are not varied.",
    reference=distinct,
    explanation="Collect the runs of all texts in one list; its set divided by its length.",
    hints=(
        "Write down the pairs of neighbours of each text. How many are there in a text of n words?",
        "Put the pairs of all texts into one list: two texts that are the same share all of theirs.",
        "A set keeps each run once, the list keeps them all: what is their quotient?",
    ),
    cases=(
        Case("two different texts", ([["a", "b", "c"], ["d", "e"]], 2)),
        Case("two copies", ([["a", "b", "c"], ["a", "b", "c"]], 2)),
        Case("single words", ([["a", "b", "a"], ["a"]], 1)),
        Case("a text that repeats itself", ([["a", "b", "a", "b", "a"]], 2)),
        Case("one is too short", ([["a"], ["a", "b", "b", "a"]], 2)),
        Case("the same words in another order", ([["a", "b"], ["b", "a"]], 2)),
        Case("one is far too short", ([["a"], ["a", "b", "a", "b"]], 3)),
        Case("words that read alike when joined", ([["new", "ton"], ["newt", "on"]], 2)),
        Case("the end of one and the beginning of the next", ([["a", "b"], ["c", "a"], ["b", "c"]], 2)),
    ),
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "each text for itself",
            "You take the share in each text and average. Two copies of one text then seem as varied as "
            "two texts.",
            (_mean_of_texts,),
        ),
        Mistake(
            "across the border",
            "You join the texts first. The last word of one and the first of the next are no neighbours.",
            (_joined,),
        ),
        Mistake(
            "divided by words",
            "You divide by the number of words. A text of n words has fewer runs than that: n - size + 1.",
            (_words_below,),
        ),
        Mistake(
            "fewer than none",
            "A text that is shorter than a run takes something from your count of all runs: n - size + 1 is "
            "negative there. It has no run.",
            (_fewer_than_none,),
        ),
        Mistake(
            "words run together",
            "It comes out as if the words of a run were joined to one text. Then `new ton` and `newt on` "
            "are the same: keep the words apart.",
            (_run_together,),
        ),
        Mistake(
            "only those that stand once",
            "You count the runs that stand once. A run that stands three times is one different run, not "
            "none.",
            (_once_alone,),
        ),
        Mistake(
            "order ignored",
            "You compare runs as sets. `a b` and `b a` are two different runs: the order belongs to a run.",
            (_as_sets,),
        ),
        Mistake(
            "the last run missing",
            "You miss the last run of each text: there are n - size + 1 of them, the end of the text "
            "included.",
            (_one_short,),
        ),
    ),
)


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

EXERCISES = (DISTINCT, AVERAGE_PRECISION)
