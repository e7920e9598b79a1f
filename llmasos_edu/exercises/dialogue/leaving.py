"""Exercises of chapter 6.1 on the text that a model reads: which turns it keeps.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.1-4 --------------------------------------------------------------------------------


def turns_that_leave(lengths, notes, asked, window, reply):
    """lengths [turns] of past turns, the oldest first, and four numbers of tokens -> how many turns leave."""
    room = window - reply - notes - asked
    leaving = 0
    while sum(lengths[leaving:]) > room:
        leaving += 1
    return leaving


def _leaving(lengths, room):
    leaving = 0
    while leaving < len(lengths) and sum(lengths[leaving:]) > room:
        leaving += 1
    return leaving


def _newest(lengths, room):
    kept = len(lengths)
    while kept and sum(lengths[:kept]) > room:
        kept -= 1
    return len(lengths) - kept


def _any_that_fit(lengths, room):
    kept = 0
    for length in reversed(lengths):
        if length <= room:
            room, kept = room - length, kept + 1
    return len(lengths) - kept


def _longest_leave(lengths, room):
    left = sorted(lengths)
    while left and sum(left) > room:
        left.pop()
    return len(lengths) - len(left)


def _by_the_mean(lengths, notes, asked, window, reply):
    too_much = max(0, sum(lengths) + notes + asked + reply - window)
    return math.ceil(too_much * len(lengths) / sum(lengths)) if lengths else 0


def _draw_lengths(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    lengths = [generator.randint(10, 60) for _ in range(generator.randint(3, 9))]
    notes, asked = generator.randint(2, 20), generator.randint(4, 20)
    return (Case(f"turns of {lengths} tokens", (lengths, notes, asked, 200, 60)),)


WINDOW = Exercise(
    key="6.1-4",
    title="What leaves the window",
    difficulty=2,
    minutes=15,
    statement=(
        "A model reads at most `window` tokens, its answer of up to `reply` tokens included. At the top "
        "stand "
        "the notes (`notes` tokens), at the end what was said now (`asked`). Between them stand past turns, "
        "`lengths` of them, the oldest first. A turn stands there whole or not at all, and none may be "
        "missing in the middle. Return how many of the oldest turns must leave. Notes, question and reply "
        "always find room."
    ),
    takeaway="A window forgets whole turns, the oldest first; the answer's room is taken before any is kept.",
    reference=turns_that_leave,
    explanation="The room for past turns is what the window has left; the oldest go until the others fit.",
    hints=(
        "Four things share the window with the past turns. Take them off first.",
        "Which turns may stay: any that fit, or the last ones without a gap?",
        "Turns that just fill the room still fit. And what if there is no past at all?",
    ),
    cases=(
        Case("all fit", ([20, 30], 5, 10, 200, 60)),
        Case("one leaves", ([50, 60, 60], 5, 10, 200, 60)),
        Case("they just fit", ([65, 60], 5, 10, 200, 60)),
        Case("one token too many", ([66, 60], 5, 10, 200, 60)),
        Case("a long one in the middle", ([10, 120, 40, 30], 5, 10, 200, 60)),
        Case("only the notes are in the way", ([60, 60], 20, 10, 200, 60)),
        Case("only the question is in the way", ([60, 60], 5, 25, 200, 60)),
        Case("only the reply is in the way", ([60, 60], 5, 10, 200, 90)),
        Case("a long one at the end", ([30, 30, 150], 5, 10, 200, 60)),
        Case("no past", ([], 5, 10, 200, 60)),
        Case("many leave", ([20, 30, 40, 50, 60, 50], 5, 10, 200, 60)),
        Case("the oldest is the longest", ([60, 50, 40, 30], 5, 10, 200, 60)),
        Case("short ones first", ([4, 4, 4, 120], 5, 10, 200, 60)),
        Case("a narrow window, 12 turns", ([20] * 12, 5, 10, 120, 40)),
    ),
    draw=_draw_lengths,
    mistakes=(
        Mistake(
            "no room for the reply",
            "The reply is not taken off the room for the past. The answer must fit in as well.",
            (lambda lengths, n, a, w, r: _leaving(lengths, w - n - a),),
        ),
        Mistake(
            "no room for the notes",
            "The notes are not taken off the room for the past. They stand at the top of every prompt.",
            (lambda lengths, n, a, w, r: _leaving(lengths, w - r - a),),
        ),
        Mistake(
            "no room for the question",
            "What was said now is not taken off the room for the past. It must be read too, and it is the "
            "last that may be missing.",
            (lambda lengths, n, a, w, r: _leaving(lengths, w - r - n),),
        ),
        Mistake(
            "the newest leave",
            "It comes out as if the newest left: the beginning stays, and what was said last goes. A "
            "conversation goes on from its end.",
            (lambda lengths, n, a, w, r: _newest(lengths, w - r - n - a),),
        ),
        Mistake(
            "any that fit",
            "It comes out as if a long turn were skipped and older ones before it kept. The text would "
            "have a hole, and an answer to nothing.",
            (lambda lengths, n, a, w, r: _any_that_fit(lengths, w - r - n - a),),
        ),
        Mistake(
            "from the oldest on",
            "It comes out as if you went from the oldest on and kept what fits. The newest turns are kept "
            "first, without a gap, and the oldest leave.",
            (lambda lengths, n, a, w, r: _any_that_fit(lengths[::-1], w - r - n - a),),
        ),
        Mistake(
            "just full is too full",
            "You drop a turn where all just fit. A full window is no fault.",
            (lambda lengths, n, a, w, r: _leaving(lengths, w - r - n - a - 1),),
        ),
        Mistake(
            "how many stay",
            "You return how many turns stay. Asked for are those that leave.",
            (lambda lengths, n, a, w, r: len(lengths) - _leaving(lengths, w - r - n - a),),
        ),
        Mistake(
            "one at most",
            "It comes out as if one turn left at most. A long question may cost several.",
            (lambda lengths, n, a, w, r: min(1, _leaving(lengths, w - r - n - a)),),
        ),
        Mistake(
            "tokens for turns",
            "You return a number of tokens: those that are too many, or those of the turns that leave. Asked "
            "for is how many turns must leave.",
            (
                lambda lengths, n, a, w, r: max(0, sum(lengths) + n + a + r - w),
                lambda lengths, n, a, w, r: sum(lengths[: _leaving(lengths, w - r - n - a)]),
            ),
        ),
        Mistake(
            "each turn by itself",
            "You compare each turn with the room by itself. They stand there together: what counts is the "
            "sum of those that stay.",
            (
                lambda lengths, n, a, w, r: sum(length > w - r - n - a for length in lengths),
                lambda lengths, n, a, w, r: max(
                    (at + 1 for at, length in enumerate(lengths) if length > w - r - n - a), default=0
                ),
            ),
        ),
        Mistake(
            "by the mean length",
            "It comes out as if what is too much were divided by the mean length of a turn. Turns are not "
            "equally long: take the oldest away one by one, until the others fit.",
            (_by_the_mean,),
        ),
        Mistake(
            "the longest leave",
            "It comes out as if the longest turns left first. The oldest leave, or one would be missing in "
            "the middle.",
            (lambda lengths, n, a, w, r: _longest_leave(lengths, w - r - n - a),),
        ),
        Mistake(
            "none leaves where all must",
            "Where all past turns must leave, yours leave none, as when a loop ends without a hit and a 0 "
            "stands behind it. Then as many leave as there are.",
            (lambda lengths, n, a, w, r: _leaving(lengths, w - r - n - a) % len(lengths) if lengths else 0,),
        ),
        Mistake(
            "the last always stays",
            "The last of the past turns stays in your version, even where it alone is more than the room. "
            "Then it must leave as well.",
            (lambda lengths, n, a, w, r: min(max(0, len(lengths) - 1), _leaving(lengths, w - r - n - a)),),
        ),
    ),
)


EXERCISES = (WINDOW,)
