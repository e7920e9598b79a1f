"""Exercises of chapter 5, the part on data: a split without leaks.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import difflib
from functools import partial

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 5-2 --------------------------------------------------------------------------------


def may_train(documents, held_out, width):
    """documents: strings, held_out: indices of them, width: a number of characters -> bools [documents]."""

    def passages(text):
        return {text[start : start + width] for start in range(len(text) - width + 1)}

    measured = set().union(*(passages(documents[index]) for index in held_out))
    return [
        index not in held_out and measured.isdisjoint(passages(text)) for index, text in enumerate(documents)
    ]


def _passages(text, width, *, step=1, missing=0):
    return {text[start : start + width] for start in range(0, len(text) - width + 1 - missing, step)}


def _word_passages(text, width):
    words = text.split()
    return {tuple(words[start : start + width]) for start in range(len(words) - width + 1)}


def _split(documents, held_out, cut, *, train_cut=None, keep_held_out=False):
    """A split by the set that `cut` makes of a text; training texts may be cut in another way."""
    train_cut = train_cut or cut
    measured = set().union(*(cut(documents[index]) for index in held_out))
    return [
        (keep_held_out or index not in held_out) and not measured & train_cut(text)
        for index, text in enumerate(documents)
    ]


def _without_repeats(documents, held_out, width):
    """Every passage is kept once, wherever it stands: training documents are compared with each other too."""
    seen = set().union(*(_passages(documents[index], width) for index in held_out))
    keep = []
    for index, text in enumerate(documents):
        keep.append(index not in held_out and not seen & _passages(text, width))
        seen |= _passages(text, width)
    return keep


def _joined_with(between, documents, held_out, width):
    measured = _passages(between.join(documents[h] for h in held_out), width)
    return [i not in held_out and not measured & _passages(text, width) for i, text in enumerate(documents)]


def _longest_by_difflib(documents, held_out, width):
    def shared(a, b):
        return difflib.SequenceMatcher(None, a, b).find_longest_match().size

    return [
        i not in held_out and all(shared(text, documents[h]) < width for h in held_out)
        for i, text in enumerate(documents)
    ]


def _mostly(documents, held_out, width):
    measured = set().union(*(_passages(documents[index], width) for index in held_out))
    keep = []
    for index, text in enumerate(documents):
        own = _passages(text, width)
        keep.append(index not in held_out and len(measured & own) <= len(own) / 2)
    return keep


def _compared_with_the_others(documents, held_out, width):
    """A document is compared with the held-out ones but itself."""
    return [
        not any(_passages(documents[h], width) & _passages(text, width) for h in held_out if h != index)
        for index, text in enumerate(documents)
    ]


POEM = "the moon is a round lamp over the hill"
RECIPE = "beat two eggs, add flour and a cup of milk"
LETTER = "dear reader, this is the last letter of the year"
LICENCE = "permission is granted to anybody who asks for it"
NEWS = "rain is expected in the north by friday night"
SHORT = "the end"

SPLIT = Exercise(
    key="5-2",
    title="An honest split",
    difficulty=2,
    minutes=15,
    statement=(
        "Some documents are held out to measure on. Which of the others may the model train on? A model "
        "that has read a passage can recite it, and looks as if it understood (Lee et al. 2022). So a "
        "document may be trained on only if it is not held out, and if no passage of width characters "
        "stands both in it and in any held-out document, at whatever place. Documents that repeat each "
        "other may all be trained on, and so may one shorter than width, even if it repeats a held-out one. "
        "Return a True or False for each document."
    ),
    takeaway="What is measured now is what the model understands of a text that it has not read.",
    reference=may_train,
    explanation="All windows of the held-out side in one set; a document that shares any of them must go.",
    hints=(
        "Write down all passages of 3 characters of the word 'letter'. How many are there in a text of n "
        "characters?",
        "Collect the passages of everything that is held out. What must hold between that set and the set "
        "of one training document?",
        "Do not forget the documents that are held out themselves. And a document shorter than a passage: "
        "what can it give away?",
    ),
    cases=(
        Case("a copy among the others", ([POEM, RECIPE, POEM, LETTER, NEWS], [0], 10)),
        Case(
            "a passage in the middle of another text",
            ([RECIPE, f"{NEWS}; {LETTER[8:30]} {POEM}", LETTER, POEM, NEWS], [2], 12),
        ),
        Case(
            "two held out, the second one quoted",
            ([POEM, LICENCE, f"as they say, {LICENCE}!", RECIPE, POEM[4:25], LETTER], [0, 1], 9),
        ),
        Case(
            "training documents that repeat each other",
            ([LETTER, NEWS, f"{LETTER} {LICENCE}", LETTER, POEM], [4], 8),
        ),
        Case(
            "shared words, but no shared passage",
            (["the hill is green", POEM, "a lamp on the table", NEWS, SHORT], [1], 11),
        ),
        Case(
            "a shared passage at the very end",
            ([f"see you by {NEWS[-10:]}", NEWS, f"{NEWS[-9:]} is late", RECIPE, LETTER], [1], 10),
        ),
        Case(
            "quotations hardly longer than a passage",
            ([RECIPE, f"so: {LETTER[14:28]}, he wrote", LETTER, f"{LETTER[15:27]}?", NEWS], [2], 12),
        ),
        Case(
            "passages of 4 characters",
            (["we go up to it now", "so we go up to you", "a cup to me", NEWS, RECIPE], [0], 4),
        ),
        Case(
            "the end of one held-out document and the beginning of another",
            ([POEM, NEWS, f"{POEM[-6:]}{NEWS[:6]}", LETTER, RECIPE], [0, 1], 9),
        ),
        Case(
            "texts that end alike, and a passage in capitals",
            ([NEWS, f"{LICENCE}, {NEWS.upper()}", "what a lamp, what a light", RECIPE, POEM], [0], 8),
        ),
        Case(
            "documents shorter than a passage",
            ([SHORT, SHORT, POEM, f"{POEM[:20]}...", NEWS, "tea"], [0, 2], 16),
        ),
        Case(
            "two held-out documents in a row, with a blank and with a line end between",
            ([POEM, NEWS, f"{POEM[-6:]} {NEWS[:6]}", f"{POEM[-6:]}\n{NEWS[:6]}", LETTER], [0, 1], 10),
        ),
        Case(
            "one sentence again in a long document",
            ([f"{RECIPE}; {LETTER}; {LICENCE}; {NEWS}; {RECIPE}; {LETTER}", POEM, LICENCE], [0], 30),
        ),
        Case(
            "a document with more blanks",
            ([POEM, "the moon  is a round  lamp  over the  hill", LETTER, NEWS], [0], 13),
        ),
    ),
    mistakes=(
        Mistake(
            "only whole copies dropped",
            "It comes out as if only whole copies were dropped: texts that equal a held-out one, hold one "
            "whole, or stand whole in one. A text that quotes one, or differs by a word, still gives its "
            "passages away.",
            (
                lambda docs, held, width: _split(docs, held, lambda text: {text}),
                lambda docs, held, width: [all(text not in docs[h] for h in held) for text in docs],
                lambda docs, held, width: [
                    not any(text in docs[h] or docs[h] in text for h in held) for text in docs
                ],
                lambda docs, held, width: [
                    index not in held and not any(docs[h] in text for h in held)
                    for index, text in enumerate(docs)
                ],
            ),
        ),
        Mistake(
            "held-out documents joined",
            "You join the held-out documents to one text. Where one ends and the next begins there are then "
            "passages that stand in none of them.",
            (
                partial(_joined_with, ""),
                partial(_joined_with, " "),
                partial(_joined_with, "\n"),
            ),
        ),
        Mistake(
            "nothing dropped",
            "You train on everything that is not held out. Look for documents that stand on both sides, "
            "whole or in part.",
            (lambda docs, held, width: [index not in held for index in range(len(docs))],),
        ),
        Mistake(
            "words for characters",
            "It comes out as if width counted words, so that a passage is far too long, and most that is "
            "shared is missed. What does an index into a string count?",
            (lambda docs, held, width: _split(docs, held, lambda text: _word_passages(text, width)),),
        ),
        Mistake(
            "passages side by side",
            "It comes out as if passages were compared at certain places alone: one after the other, or at "
            "the same place of both texts. The same passage may begin anywhere in another text, so many "
            "that are shared are missed.",
            (
                lambda docs, held, width: _split(docs, held, lambda t: _passages(t, width, step=width)),
                lambda docs, held, width: _split(
                    docs,
                    held,
                    lambda t: _passages(t, width, step=width),
                    train_cut=lambda t: _passages(t, width),
                ),
                lambda docs, held, width: _split(
                    docs,
                    held,
                    lambda t: _passages(t, width),
                    train_cut=lambda t: _passages(t, width, step=width),
                ),
                lambda docs, held, width: _split(
                    docs, held, lambda t: {t[start : start + width] for start in range(0, len(t), width)}
                ),
                lambda docs, held, width: _split(
                    docs,
                    held,
                    lambda t: {t[:width]} if len(t) >= width else set(),
                    train_cut=lambda t: _passages(t, width),
                ),
                lambda docs, held, width: _split(
                    docs, held, lambda t: _passages(t, width), train_cut=lambda t: {t[:width], t[-width:]}
                ),
            ),
        ),
        Mistake(
            "last passage missed",
            "It comes out as if the passage at the very end of a text were not looked at. How many "
            "places are there at which a passage of w characters can begin in a text of n?",
            (lambda docs, held, width: _split(docs, held, lambda t: _passages(t, width, missing=1)),),
        ),
        Mistake(
            "first passage missed",
            "It comes out as if the passage at the very beginning of a text were not looked at. The "
            "first place at which one begins is 0.",
            (lambda docs, held, width: _split(docs, held, lambda t: _passages(t[1:], width)),),
        ),
        Mistake(
            "tails counted as passages",
            "It comes out as if passages shorter than width counted, down to a single letter: nearly every "
            "text shares one of these. A passage has exactly width characters.",
            (
                lambda docs, held, width: _split(
                    docs, held, lambda t: {t[start : start + width] for start in range(len(t))}
                ),
            ),
        ),
        Mistake(
            "a short copy dropped",
            "You drop a document shorter than width that repeats what is held out. The exercise keeps it: it "
            "holds no passage of width characters that could leak.",
            (
                lambda docs, held, width: [
                    keep and text not in {docs[h] for h in held}
                    for keep, text in zip(may_train(docs, held, width), docs, strict=True)
                ],
            ),
        ),
        Mistake(
            "all short ones dropped",
            "You drop documents that are shorter than width, whatever stands in them. They hold no passage "
            "at all, so they give none away: the exercise keeps them.",
            (
                lambda docs, held, width: [
                    keep and len(text) >= width
                    for keep, text in zip(may_train(docs, held, width), docs, strict=True)
                ],
            ),
        ),
        Mistake(
            "common characters left out",
            "What is shared with a long document is overlooked: `difflib` leaves out the characters that are "
            "common in a text of 200 or more, unless `autojunk` is False.",
            (_longest_by_difflib,),
        ),
        Mistake(
            "texts changed before they are compared",
            "It comes out as if texts were changed before they are compared: written small, or without their "
            "blanks. A passage is width characters as they stand.",
            (
                lambda docs, held, width: _split(docs, held, lambda t: _passages(t.lower(), width)),
                lambda docs, held, width: _split(
                    docs, held, lambda t: _passages("".join(t.lower().split()), width)
                ),
                lambda docs, held, width: _split(docs, held, lambda t: _passages("".join(t.split()), width)),
                lambda docs, held, width: _split(docs, held, lambda t: _passages(" ".join(t.split()), width)),
            ),
        ),
        Mistake(
            "shared with every held-out document",
            "A document stays in your version unless it shares a passage with every held-out one. A passage "
            "of any of them is enough to leak.",
            (
                lambda docs, held, width: [
                    index not in held
                    and not set.intersection(*(_passages(docs[h], width) for h in held))
                    & _passages(text, width)
                    for index, text in enumerate(docs)
                ],
            ),
        ),
        Mistake(
            "shared words",
            "It comes out as if words were compared. Nearly all texts share some of them; a leak is a "
            "passage of width characters in a row.",
            (lambda docs, held, width: _split(docs, held, lambda t: set(t.split())),),
        ),
        Mistake(
            "only the first held-out document",
            "It comes out as if only one held-out document were compared with, the first or the last. What "
            "the others hold leaks as well.",
            (
                lambda docs, held, width: [
                    keep and index not in held
                    for index, keep in enumerate(_split(docs, held[-1:], lambda t: _passages(t, width)))
                ],
                lambda docs, held, width: [
                    keep and index not in held
                    for index, keep in enumerate(_split(docs, held[:1], lambda t: _passages(t, width)))
                ],
            ),
        ),
        Mistake(
            "training documents compared with each other",
            "You also drop documents that repeat another training document. That may be wise, but nothing "
            "leaks by it, and the exercise keeps them.",
            (_without_repeats,),
        ),
        Mistake(
            "held-out documents kept",
            "Some of your training documents are held out. A text shorter than a passage shares none with "
            "anybody, itself included: what keeps it out?",
            (
                lambda docs, held, width: _split(
                    docs, held, lambda t: _passages(t, width), keep_held_out=True
                ),
            ),
        ),
        Mistake(
            "a held-out document compared with others alone",
            "Some of your training documents are held out: one that shares nothing with the others passes. "
            "It is held out itself; what keeps it out?",
            (_compared_with_the_others,),
        ),
        Mistake(
            "only when most of it is shared",
            "A document stays although it shares a passage, unless much of it stands on the other side. A "
            "single passage is enough to be recited.",
            (_mostly,),
        ),
        Mistake(
            "the wrong way round",
            "Your True marks what must not be trained on. Read the name of the function once more.",
            (lambda *a: [not keep for keep in may_train(*a)],),
        ),
    ),
)


EXERCISES = (SPLIT,)
