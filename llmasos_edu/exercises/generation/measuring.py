"""Exercises of chapter 6.2 on measures: variety of texts.

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


def _all(texts, size):
    return [run for words in texts for run in _runs(words, size)]


def _share(runs):
    return len(set(runs)) / len(runs)


def _mean_of_texts(texts, size):
    shares = [len(set(_runs(words, size))) / len(_runs(words, size)) for words in texts if _runs(words, size)]
    return sum(shares) / len(shares)


def _own_share(words, size):
    return len(set(_runs(words, size))) / max(1, len(_runs(words, size)))


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


def _by_their_ends(texts, size):
    return _share([(run[0], run[-1]) for run in _all(texts, size)])


def _more_than_once(texts, size):
    runs = _all(texts, size)
    return sum(runs.count(run) > 1 for run in runs) / len(runs)


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
        Case("a word twice at the beginning", ([["a", "a", "b"]], 1)),
        Case("words that read alike when joined", ([["new", "ton"], ["newt", "on"]], 2)),
        Case("a short one beside a repetition", ([["a"], ["a", "b", "a", "b"]], 2)),
        Case("a word in capitals", ([["The", "end"], ["the", "end"]], 2)),
        Case("the end of one and the beginning of the next", ([["a", "b"], ["c", "a"], ["b", "c"]], 2)),
        Case("runs of four", ([["a", "b", "c", "d", "a", "x", "c", "d"]], 4)),
    ),
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "each text for itself",
            "You take the share in each text and average. Two copies of one text then seem as varied as "
            "two texts.",
            (
                _mean_of_texts,
                lambda texts, size: sum(map(_own_share, texts, [size] * len(texts))) / len(texts),
            ),
        ),
        Mistake(
            "one text's share",
            "Your result is the share in one of the texts. All count together: a run may stand in two of "
            "them.",
            (
                lambda texts, size: max(_own_share(w, size) for w in texts if _runs(w, size)),
                lambda texts, size: min(_own_share(w, size) for w in texts if _runs(w, size)),
            ),
        ),
        Mistake(
            "texts for runs",
            "You compare whole texts: how many are different, or a text that stands twice counts once. What "
            "is compared are runs, and each counts as often as it stands below the line.",
            (
                lambda texts, size: len(set(map(tuple, texts))) / len(texts),
                lambda texts, size: _share(_all(set(map(tuple, texts)), size)),
            ),
        ),
        Mistake(
            "smaller sizes too",
            "Runs of all sizes up to `size` count in your version. Only those of just this size do.",
            (lambda texts, size: _share([run for n in range(1, size + 1) for run in _all(texts, n)]),),
        ),
        Mistake(
            "those that stand more than once",
            "You return the share of runs that stand more than once. Asked for is how many different ones "
            "there are, as a share of all.",
            (_more_than_once,),
        ),
        Mistake(
            "across the border",
            "You join the texts first. The last word of one and the first of the next are no neighbours.",
            (_joined,),
        ),
        Mistake(
            "different in each text",
            "You count the different runs in each text and add them up. A run that stands in two texts is "
            "one different run: the texts count together.",
            (lambda texts, size: sum(len(set(_runs(w, size))) for w in texts) / len(_all(texts, size)),),
        ),
        Mistake(
            "a number for a share",
            "You return the number of different runs. Asked for is their share of all runs, at most 1.",
            (lambda texts, size: len(set(_all(texts, size))),),
        ),
        Mistake(
            "upside down",
            "You divide all runs by the different ones: how often each stands. The share is the other way "
            "round, at most 1.",
            (lambda texts, size: 1 / distinct(texts, size),),
        ),
        Mistake(
            "the share of repeats",
            "You return what is left to one: the share of runs that have stood before. Asked for is that of "
            "the different ones.",
            (lambda texts, size: 1 - distinct(texts, size),),
        ),
        Mistake(
            "divided by another number",
            "You divide by another number than that of all runs: by the number of texts, of different words, "
            "of the different runs of each text, or as if the texts were one long one, or had n - size runs.",
            (
                lambda texts, size: len(set(_all(texts, size))) / len(texts),
                lambda texts, size: len(set(_all(texts, size))) / len({x for w in texts for x in w}),
                lambda texts, size: len(set(_all(texts, size))) / (sum(map(len, texts)) - size + 1),
                lambda texts, size: (
                    len(set(_all(texts, size))) / sum(len(set(_runs(words, size))) for words in texts)
                ),
                lambda texts, size: len(set(_all(texts, size))) / max(1, sum(len(w) - size for w in texts)),
            ),
        ),
        Mistake(
            "runs side by side",
            "It comes out as if runs stood side by side, each behind the end of the one before it. They "
            "overlap: one begins at every word.",
            (
                lambda texts, size: _share(
                    [tuple(w[at : at + size]) for w in texts for at in range(0, len(w) - size + 1, size)]
                ),
            ),
        ),
        Mistake(
            "shorter runs counted",
            "Runs shorter than `size` count in your version: at the ends of texts, or a whole text that is "
            "too short. Those have no run.",
            (
                lambda texts, size: _share([tuple(w[at : at + size]) for w in texts for at in range(len(w))]),
                lambda texts, size: _share(
                    [tuple(w[at : at + size]) for w in texts for at in range(max(1, len(w) - size + 1))]
                ),
            ),
        ),
        Mistake(
            "one size for all",
            "It comes out as if runs had two words always, or one, whatever `size` is.",
            (
                lambda texts, size: _share(_all(texts, 2)) if _all(texts, 2) else 0.0,
                lambda texts, size: _share(_all(texts, 1)),
            ),
        ),
        Mistake(
            "one text alone",
            "Only the first of the texts counts in your version. All of them count together.",
            (lambda texts, size: _share(_all(texts[:1], size)) if _all(texts[:1], size) else 0.0,),
        ),
        Mistake(
            "small letters",
            "Capitals and small letters are one to you. Words are the same where all their signs are.",
            (lambda texts, size: distinct([[word.lower() for word in words] for words in texts], size),),
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
            "the middle not compared",
            "Two runs count as the same where their first and their last word are. In runs of three or more "
            "there are others between them.",
            (_by_their_ends,),
        ),
        Mistake(
            "order ignored",
            "You compare runs without their order. `a b` and `b a` are two different runs: the order belongs "
            "to a run.",
            (
                _as_sets,
                lambda texts, size: _share([tuple(sorted(run)) for run in _all(texts, size)]),
            ),
        ),
        Mistake(
            "the last run missing",
            "You miss a run of each text, the last or the first: there are n - size + 1 of them, the end and "
            "the beginning of the text included.",
            (
                _one_short,
                lambda texts, size: _share(runs) if (runs := _all([w[1:] for w in texts], size)) else 0.0,
            ),
        ),
    ),
)


EXERCISES = (DISTINCT,)
