"""An exercise of section 1.1.2: what was copied.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 1-5 ----------------------------------------------------------------------------------


def copied_share(tokens, guesses, period):
    """tokens [n], guesses [n]: the token expected after each place; period -> share copied right []."""
    places = range(period, len(tokens))
    return sum(guesses[place - 1] == tokens[place] for place in places) / len(places)


def _copied(tokens, guesses, period, *, start=None, shift=1, count=None):
    """The share with one thing amiss: where counting begins, which guess is meant, what it is divided by."""
    start = period if start is None else start
    places = [place for place in range(start, len(tokens)) if 0 <= place - shift < len(guesses)]
    hits = sum(guesses[place - shift] == tokens[place] for place in places)
    return hits / (len(places) if count is None else count)


def _whole_times(tokens, guesses, period):
    """The share of the later times in which each token was guessed right."""
    begins = range(period, len(tokens), period)
    hits = [g == t for g, t in zip([None, *guesses], tokens, strict=False)]
    return sum(all(hits[begin : begin + period]) for begin in begins) / len(begins)


def _until_a_miss(tokens, guesses, period):
    places = range(period, len(tokens))
    hits = itertools.takewhile(lambda place: guesses[place - 1] == tokens[place], places)
    return len(list(hits)) / len(places)


def _draw_copies(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    period = generator.randint(3, 5)
    tokens = [generator.randrange(4) for _ in range(period)] * 3
    guesses = [*tokens[1:], 0]
    for place in generator.sample(range(len(guesses)), 5):
        guesses[place] = (guesses[place] + 1) % 4
    return (Case(f"three times a pattern drawn from {seed}", (tokens, guesses, period)),)


COPIED = Exercise(
    key="1-5",
    title="How much was copied?",
    difficulty=2,
    minutes=15,
    statement=(
        "A text says a pattern of `period` tokens again and again. `guesses[t]` is the token that a model "
        "expects after it has read `tokens[t]`, that is at place t + 1. The first time nothing can be "
        "copied. "
        "Return the share of the tokens of all later times that were guessed right, the first token of the "
        "second time included."
    ),
    takeaway="A guess belongs to the next place, and only what was seen before can be copied.",
    reference=copied_share,
    explanation="Each place from `period` on is compared with the guess that was made one place before.",
    hints=(
        "Write the text down and under each token the guess that was made for it. Where was it made?",
        "Which places can be copied at all? The first of them is the first of the second time.",
        "The last guess is made after the last token: nothing is there to compare it with.",
    ),
    cases=(
        Case("all copied", ([1, 2, 3, 1, 2, 3], [9, 9, 1, 2, 3, 9], 3)),
        Case("nothing copied", ([1, 2, 3, 1, 2, 3], [9, 9, 9, 9, 9, 9], 3)),
        Case("not the first of them", ([1, 2, 3, 1, 2, 3], [2, 3, 9, 2, 3, 9], 3)),
        Case("three times", ([1, 2, 1, 2, 1, 2], [2, 9, 2, 1, 9, 1], 2)),
        Case("better the third time", ([1, 2, 3, 1, 2, 3, 1, 2, 3], [9, 9, 9, 2, 9, 1, 2, 3, 9], 3)),
        Case("the same token said again", ([4, 4, 5, 4, 4, 5], [4, 4, 4, 4, 5, 4], 3)),
        Case("a model that repeats what it reads", ([1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3], 3)),
        Case("the right ones a place too early", ([1, 2, 3, 1, 2, 3], [9, 9, 3, 1, 2, 9], 3)),
        Case("lucky in the first time", ([1, 2, 3, 4, 1, 2, 3, 4], [2, 3, 4, 9, 9, 3, 9, 9], 4)),
    ),
    draw=_draw_copies,
    mistakes=(
        Mistake(
            "the guess of the same place",
            "You compare a token with the guess that was made after reading it. That guess is about the next "
            "place.",
            (
                lambda t, g, p: _copied(t, g, p, shift=0),
                lambda t, g, p: _copied(t[:-1], g, p, start=p - 1, shift=0),
            ),
        ),
        Mistake(
            "the first time counted",
            "You count the first time as well. What the model guesses there it cannot have copied.",
            (
                lambda t, g, p: _copied(t, g, p, start=1),
                lambda t, g, p: _copied(t, g, p, start=1, count=len(t) - p),
            ),
        ),
        Mistake(
            "the seam left out",
            "You begin one place too late: the first token of the second time can be copied too.",
            (
                lambda t, g, p: _copied(t, g, p, start=p + 1),
                lambda t, g, p: _copied(t, g, p, start=p + 1, count=len(t) - p),
            ),
        ),
        Mistake(
            "divided by all",
            "What comes out are the hits divided by the length of the whole text (or by one less), also by "
            "the part where nothing could be copied.",
            (
                lambda t, g, p: _copied(t, g, p, count=len(t)),
                lambda t, g, p: _copied(t, g, p, count=len(t) - 1),
            ),
        ),
        Mistake(
            "divided by one too few",
            "What comes out are the hits divided by one less than the places that can be copied: it would be "
            "more than 1 where all are right. Each place from `period` on has its guess.",
            (lambda t, g, p: _copied(t, g, p, count=len(t) - p - 1),),
        ),
        Mistake(
            "divided by one time",
            "What comes out are the hits of all later times divided by `period`, the length of one of them.",
            (lambda t, g, p: _copied(t, g, p, count=p),),
        ),
        Mistake(
            "a guess for two places on",
            "It comes out as if a guess were compared with the token behind the one that it is about: "
            "`guesses[t]` is about place t + 1.",
            (lambda t, g, p: _copied(t, g, p, shift=2),),
        ),
        Mistake(
            "the wrong way round",
            "It comes out as if a guess were compared with the token before the one that the model had just "
            "read: `guesses[t]` is about place t + 1, not t - 1.",
            (
                lambda t, g, p: _copied(t, g, p, shift=-1),
                lambda t, g, p: _copied(t, g, p, shift=-1, count=len(t) - p),
            ),
        ),
        Mistake(
            "the last token left out",
            "The last token of the text is not among those that you count. The guess for it was made one "
            "place before.",
            (
                lambda t, g, p: _copied(t[:-1], g, p),
                lambda t, g, p: _copied(t[:-1], g, p, count=len(t) - p),
            ),
        ),
        Mistake(
            "whole times alone",
            "What comes out is the share of the later times that were guessed right as a whole. Each of "
            "their tokens counts by itself.",
            (_whole_times,),
        ),
        Mistake(
            "the second time alone",
            "Your share is that of one of the later times alone, the second or the last. All of them count.",
            (
                lambda t, g, p: _copied(t[: 2 * p], g[: 2 * p], p),
                lambda t, g, p: _copied(t, g, p, start=len(t) - p),
            ),
        ),
        Mistake(
            "the last guess counted",
            "It comes out as if the guess after the last token were compared as well, with the first token "
            "of the text. That guess is about a place that the text does not have.",
            (lambda t, g, p: _copied([*t, t[0]], g, p),),
        ),
        Mistake(
            "a number of hits",
            "You return how many were right. Asked is their share of all that could be copied.",
            (lambda t, g, p: _copied(t, g, p, count=1),),
        ),
        Mistake(
            "until the first miss",
            "It comes out as if counting ended with the first guess that is wrong. Each place counts by "
            "itself, also behind a miss.",
            (_until_a_miss,),
        ),
        Mistake(
            "divided by one too many",
            "What comes out are the hits divided by one more than the places that can be copied: even where "
            "all are right it is below 1.",
            (lambda t, g, p: _copied(t, g, p, count=len(t) - p + 1),),
        ),
    ),
)

EXERCISES = (COPIED,)
