"""An exercise of chapter 2.1 on measures: passages that stand on both sides.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random
from collections import Counter
from functools import partial

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-6 --------------------------------------------------------------------------------


def leak(train, held_out, width):
    """train [n], held_out [m] of tokens, m >= width -> share of held-out windows that stand in train too."""
    known = {tuple(train[start : start + width]) for start in range(len(train) - width + 1)}
    windows = [tuple(held_out[start : start + width]) for start in range(len(held_out) - width + 1)]
    return sum(window in known for window in windows) / len(windows)


def _windows(tokens, width, step=1, spare=0):
    return [tuple(tokens[i : i + width]) for i in range(0, len(tokens) - width + 1 - spare, step)]


def _found(windows, known, per=None):
    count = len(windows) if per is None else per
    return sum(window in known for window in windows) / count if count else 0.0


def _as_text(train, held_out, width, between, *, before="", behind=""):
    """Windows looked for in a text of all tokens' digits."""
    text = before + between.join(map(str, train)) + behind
    windows = [before + between.join(map(str, window)) + behind for window in _windows(held_out, width)]
    return sum(window in text for window in windows) / len(windows)


def _strings(windows):
    return ["".join(map(str, window)) for window in windows]


def _so_many_places(train, held_out, width):
    """For each window how often the training text has it."""
    places, windows = Counter(_windows(train, width)), _windows(held_out, width)
    return sum(places[window] for window in windows) / len(windows)


def _with_gaps(train, held_out, width):
    """The share of windows whose tokens stand in the training text in this order, near or far."""

    def stands(window):
        rest = iter(train)
        return all(token in rest for token in window)

    return sum(map(stands, _windows(held_out, width))) / len(_windows(held_out, width))


def _each_place_once(train, held_out, width):
    """A window of the training text is used up by one of the held-out text."""
    windows = Counter(_windows(held_out, width))
    return sum((windows & Counter(_windows(train, width))).values()) / sum(windows.values())


def _distinct(train, held_out, width):
    windows = set(_windows(held_out, width))
    return len(windows & set(_windows(train, width))) / len(windows)


def _covered(train, held_out, width):
    known = set(_windows(train, width))
    starts = [start for start, window in enumerate(_windows(held_out, width)) if window in known]
    return len({place for start in starts for place in range(start, start + width)}) / len(held_out)


def _all_starts(tokens, width):
    return [tuple(tokens[start : start + width]) for start in range(len(tokens))]


def _as_numbers(train, held_out, width, base, step=1):
    """Windows as numbers to a base, written from the front or (step -1) from the back."""
    ours, theirs = (
        [
            sum(token * base**place for place, token in enumerate(window[::step]))
            for window in _windows(text, width)
        ]
        for text in (held_out, train)
    )
    return _found(ours, set(theirs))


def _draw_leak(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    train = [generator.randrange(3) for _ in range(14)]
    held_out = [generator.randrange(3) for _ in range(9)]
    return (Case(f"train {train}, held out {held_out}", (train, held_out, 3)),)


LEAK = Exercise(
    key="2.1-6",
    title="How much of it was read before?",
    difficulty=2,
    minutes=15,
    statement=(
        "A model that has memorised a passage needs no skill to predict it. Return the share of the "
        "windows of "
        "`width` neighbouring tokens in `held_out` that stand in `train` as well, word for word. A window "
        "begins at every token, as long as it fits; one that comes twice counts twice."
    ),
    takeaway="A figure on held-out text is worth little without this share beside it.",
    reference=leak,
    explanation="A set of all windows of the training text; then ask for each window of the held-out one.",
    hints=(
        "How many windows of 3 tokens has a text of 5? Write down where they begin.",
        "To find a window quickly, make a set of those of the training text; lists cannot be in a set, "
        "tuples can.",
        "The share is asked of the held-out text: how many windows has it, and how many of them are known?",
    ),
    cases=(
        Case("half of it", ([1, 2, 3, 4, 5], [1, 2, 3, 9, 8, 1, 2], 2)),
        Case("nothing", ([1, 2, 3, 4], [4, 3, 2, 1], 2)),
        Case("all of it", ([7, 1, 2, 1, 2, 7], [1, 2, 1, 2], 3)),
        Case("the last window alone", ([5, 6, 7], [1, 2, 5, 6, 7], 3)),
        Case("one passage twice", ([1, 2, 3, 0, 0], [1, 2, 3, 1, 2, 3, 4, 4], 3)),
        Case("a training text that is too short", ([1], [1, 1, 2], 2)),
        Case("single tokens", ([1, 2, 3, 1], [3, 3, 4, 1, 5], 1)),
        Case("the training text's last window", ([9, 9, 4, 5], [4, 5, 1, 0], 2)),
        Case("tokens of several digits", ([1, 23, 4], [12, 3, 23, 4], 2)),
        Case("digits of other tokens", ([11, 25, 3], [1, 2, 25, 3], 2)),
        Case("a token that begins like another", ([1, 25, 3], [1, 2, 25, 3], 2)),
        Case("a token that ends like another", ([41, 7, 3], [1, 7, 3, 0], 2)),
        Case("two tokens like one number", ([1, 25, 3], [2, 15, 25, 3], 2)),
        Case("something in between", ([1, 9, 2, 3], [1, 2, 3], 2)),
        Case("the ends alone", ([1, 2, 3, 0, 1], [1, 5, 3, 1, 2], 3)),
        Case("one passage twice in both", ([1, 2, 0, 1, 2], [1, 2, 1, 2, 5], 2)),
        Case("large tokens behind small ones", ([1, 2, 7], [0, 12, 0, 102, 0, 258, 0, 1002, 257, 258], 2)),
        Case("large tokens before small ones", ([1, 2, 7], [11, 1, 101, 1, 257, 1, 1001, 1, 257, 258], 2)),
    ),
    draw=_draw_leak,
    mistakes=(
        Mistake(
            "a window as one number",
            "It comes out as if a window were made into one number, with a fixed base for its places. A "
            "token as large as the base runs over into its neighbour's place, and windows of other tokens "
            "get the same number. A tuple keeps them apart.",
            # Any base below a thousand gives the same here.
            (partial(_as_numbers, base=10), partial(_as_numbers, base=10, step=-1)),
        ),
        Mistake(
            "tokens kept in bytes",
            "It comes out as if tokens were kept in bytes, in which 257 is the same as 1. There are tokens "
            "above 255.",
            (lambda t, h, w: leak([token % 256 for token in t], [token % 256 for token in h], w),),
        ),
        Mistake(
            "each passage once",
            "You count each different window once. A passage that comes back in the held-out text helps the "
            "model each time.",
            (
                _distinct,
                lambda t, h, w: len(set(_windows(h, w)) & set(_windows(t, w))) / len(_windows(h, w)),
            ),
        ),
        Mistake(
            "tokens for windows",
            "You ask which single tokens are known. These may stand in any text; it is the passage that "
            "must not have been read.",
            (
                lambda t, h, w: sum(token in t for token in h) / len(h),
                lambda t, h, w: sum(set(x) <= set(t) for x in _windows(h, w)) / len(_windows(h, w)),
            ),
        ),
        Mistake(
            "in any order",
            "You compare windows without regard to order. 'dog bites man' has not read 'man bites dog'.",
            (
                lambda t, h, w: _found(
                    [tuple(sorted(x)) for x in _windows(h, w)], {tuple(sorted(x)) for x in _windows(t, w)}
                ),
                lambda t, h, w: _found(list(map(sum, _windows(h, w))), set(map(sum, _windows(t, w)))),
            ),
        ),
        Mistake(
            "the last window left out",
            "You leave the last window out, of one text or of both. A text of 5 tokens has 3 windows of 3.",
            (
                lambda t, h, w: _found(_windows(h, w, spare=1), set(_windows(t, w, spare=1))),
                lambda t, h, w: _found(_windows(h, w, spare=1), set(_windows(t, w))),
                lambda t, h, w: _found(_windows(h, w), set(_windows(t, w, spare=1))),
            ),
        ),
        Mistake(
            "side by side",
            "Windows do not overlap in one text or in both. A passage that was read before seldom begins "
            "where such a window does: let one begin at every token.",
            (
                lambda t, h, w: _found(_windows(h, w, step=w), set(_windows(t, w, step=w))),
                lambda t, h, w: _found(_windows(h, w, step=w), set(_windows(t, w))),
                lambda t, h, w: _found(_windows(h, w), set(_windows(t, w, step=w))),
            ),
        ),
        Mistake(
            "a share of the tokens",
            "What comes out is divided by the number of tokens of the held-out text. It has fewer windows "
            "than tokens where they are wider than one (what is shorter is none), so that even a copy would "
            "not come out as 1.",
            (lambda t, h, w: _found(_windows(h, w), set(_windows(t, w)), per=len(h)),),
        ),
        Mistake(
            "a share of the training text",
            "You ask how much of the training text stands in the held-out one. It is the held-out text that "
            "is measured on.",
            (lambda t, h, w: _found(_windows(t, w), set(_windows(h, w))),),
        ),
        Mistake(
            "divided by the training text's windows",
            "What comes out are the known windows divided by those of the training text. The share is asked "
            "of the held-out text.",
            (
                lambda t, h, w: _found(_windows(h, w), set(_windows(t, w)), per=max(1, len(_windows(t, w)))),
                lambda t, h, w: _found(_windows(h, w), set(_windows(t, w)), per=len(t)),
            ),
        ),
        Mistake(
            "the training text counted once or often",
            "It comes out as if it mattered how often a window stands in the training text. Once is enough, "
            "for each time that it comes in the held-out one.",
            (_so_many_places, _each_place_once),
        ),
        Mistake(
            "gaps between",
            "It comes out as if other tokens might stand in between. A window is known only where its tokens "
            "are neighbours in `train` as well.",
            (_with_gaps,),
        ),
        Mistake(
            "at the same place only",
            "You find a window only where it stands at the same place in both texts. It may have been read "
            "anywhere.",
            (
                lambda t, h, w: (
                    sum(a == b for a, b in zip(_windows(h, w), _windows(t, w), strict=False))
                    / len(_windows(h, w))
                ),
            ),
        ),
        Mistake(
            "how many",
            "You return how many windows are known. Whether that is much depends on how many there are: a "
            "share is asked for.",
            (lambda t, h, w: _found(_windows(h, w), set(_windows(t, w)), per=1),),
        ),
        Mistake(
            "a text in a text",
            "You look for a text in a text, where 1 2 is found in 11 25: what is found at its beginning or "
            "its end may be a piece of another token. Compare whole tokens.",
            (
                lambda t, h, w: _as_text(t, h, w, " "),
                lambda t, h, w: _as_text(t, h, w, " ", before=" "),
                lambda t, h, w: _as_text(t, h, w, " ", behind=" "),
            ),
        ),
        Mistake(
            "digits run together",
            "You write the tokens into one string without anything between them. Then 12, 3 reads like 1, "
            "23: keep each token apart.",
            (
                lambda t, h, w: _as_text(t, h, w, ""),
                lambda t, h, w: _found(_strings(_windows(h, w)), set(_strings(_windows(t, w)))),
            ),
        ),
        Mistake(
            "the ends alone",
            "It comes out as if the first and the last token of a window were compared alone. All its "
            "tokens have to stand in `train`, word for word.",
            (
                lambda t, h, w: _found(
                    [(x[0], x[-1]) for x in _windows(h, w)], {(x[0], x[-1]) for x in _windows(t, w)}
                ),
            ),
        ),
        Mistake(
            "tokens in known windows",
            "What comes out is the share of the tokens that stand in a known window. It is windows that are "
            "asked for.",
            (_covered,),
        ),
        Mistake(
            "shorter ones at the end",
            "Yours has windows at the end of a text that are shorter than `width`. A window begins at every "
            "token as long as it fits.",
            (lambda t, h, w: _found(_all_starts(h, w), set(_all_starts(t, w))),),
        ),
        Mistake(
            "a share of both",
            "What comes out are the different windows that both texts have, divided by those that either "
            "has. It is the held-out text that is asked about, each of its windows.",
            (
                lambda t, h, w: (
                    len(set(_windows(h, w)) & set(_windows(t, w)))
                    / len(set(_windows(h, w)) | set(_windows(t, w)))
                ),
            ),
        ),
    ),
)


EXERCISES = (LEAK,)
