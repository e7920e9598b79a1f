"""Exercises of chapter 6.2 on what may come next: all keywords in time.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.2-3 --------------------------------------------------------------------------------


def must_say(written, keywords, left, vocab):
    """written [tokens], keywords [tokens], left: tokens yet to come, vocab -> what may come next [sorted]."""
    missing = sorted(set(keywords) - set(written))
    if len(missing) > left:
        return []
    return missing if missing and len(missing) == left else list(range(vocab))


def _missing(written, keywords):
    return sorted(set(keywords) - set(written))


def _forced_when(full):
    """Forced where `full(number missing, left)`, else anything; nothing where it is too late."""

    def say(written, keywords, left, vocab):
        missing = _missing(written, keywords)
        if len(missing) > left:
            return []
        return missing if missing and full(len(missing), left) else list(range(vocab))

    return say


def _with(missing, left, vocab):
    if len(missing) > left:
        return []
    return missing if missing and len(missing) == left else list(range(vocab))


def _never_too_late(written, keywords, left, vocab):
    missing = _missing(written, keywords)
    return missing if missing and len(missing) >= left else list(range(vocab))


def _counted(written, keywords, left, vocab):
    count, missing = len(keywords) - sum(token in keywords for token in written), _missing(written, keywords)
    if count > left:
        return []
    return missing if count == left and missing else list(range(vocab))


def _all_keywords(written, keywords, left, vocab):
    right = must_say(written, keywords, left, vocab)
    return sorted(set(keywords)) if right == _missing(written, keywords) and right else right


def _draw_tokens_to_say(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    keywords = generator.sample(range(4), generator.randint(1, 3))
    written = [generator.randrange(6) for _ in range(generator.randint(0, 4))]
    left = generator.randint(1, 4)
    return (Case(f"written {written}, keywords {keywords}, left {left}", (written, keywords, left, 6)),)


MUST_SAY = Exercise(
    key="6.2-3",
    title="All keywords in time",
    difficulty=2,
    minutes=15,
    statement=(
        "Each keyword is one token and must occur in the text, once even if it is named twice. `written` is "
        "what stands there, and `left` "
        "tokens, at least one, are still to come, the next one included. Return what may come next so that "
        "all keywords still fit: all tokens from 0 to vocab - 1 while there is room; the missing keywords "
        "alone if only these may come; an empty list if it is too late whatever comes. In rising order."
    ),
    takeaway="A constraint looks ahead: it is silent while there is room, and strict when there is none.",
    reference=must_say,
    explanation="Count what is missing. More than left: too late. Just as many: only these. Fewer: anything.",
    hints=(
        "Which keywords are missing? One that was written twice is written, and needs no second time.",
        "If two are missing and two tokens are left, what happens when another one comes next?",
        "If one is missing and two tokens are left, any may come next: there is one place more.",
    ),
    cases=(
        Case("nothing written, room for all", ([], [2, 4], 5, 6)),
        Case("just as many as are missing", ([5], [3, 1], 2, 6)),
        Case("too late", ([5, 0], [2, 3, 4], 2, 6)),
        Case("all said", ([2, 5, 4], [4, 2], 1, 6)),
        Case("one was said twice", ([2, 2], [2, 3], 1, 6)),
        Case("one more place than needed", ([5], [2], 2, 6)),
        Case("a keyword named twice counts once", ([], [2, 2], 1, 6)),
        Case("the last place", ([5], [3], 1, 6)),
        Case("said twice, and much is missing", ([1, 1], [1, 2, 3], 2, 6)),
        Case("two are missing, one place is left", ([0], [1, 3], 1, 5)),
        Case("three are missing, four places are left", ([0], [1, 2, 3], 4, 5)),
        Case("one said, the other is due", ([4, 0], [4, 2], 1, 6)),
        Case("a larger vocabulary", ([5], [10, 9, 2], 3, 12)),
    ),
    draw=_draw_tokens_to_say,
    mistakes=(
        Mistake(
            "forced too early",
            "You allow keywords alone although there is room for one token more. While fewer are missing "
            "than tokens are left, any may come.",
            (_forced_when(lambda missing, left: missing >= left - 1),),
        ),
        Mistake(
            "too late too early",
            "Where just as many are missing as tokens are left you give up. It is not too late yet: each of "
            "the last places takes one keyword.",
            (lambda w, k, left, vocab: [] if 0 < left <= len(_missing(w, k)) else list(range(vocab)),),
        ),
        Mistake(
            "the next token not counted",
            "It comes out as if the token that comes next were not among those that are left. `left` "
            "includes it: the last place of all is one more.",
            (lambda w, k, left, vocab: _with(_missing(w, k), left - 1, vocab),),
        ),
        Mistake(
            "left counted from the beginning",
            "You take what is written off from `left`. That number is what is still to come already.",
            (lambda w, k, left, vocab: _with(_missing(w, k), left - len(w), vocab),),
        ),
        Mistake(
            "all keywords counted",
            "You give up where there are more keywords than tokens left, those included that are said. Only "
            "the missing ones need a place.",
            (lambda w, k, left, vocab: [] if len(set(k)) > left else must_say(w, k, left, vocab),),
        ),
        Mistake(
            "named twice, missing twice",
            "A keyword that is named twice counts twice in your version. It must occur in the text, once is "
            "enough.",
            (lambda w, k, left, vocab: _with(sorted(t for t in k if t not in w), left, vocab),),
        ),
        Mistake(
            "not in rising order",
            "You return the right tokens in the order in which the keywords are given. Rising order is asked "
            "for.",
            (lambda w, k, left, vocab: _with([t for t in dict.fromkeys(k) if t not in w], left, vocab),),
        ),
        Mistake(
            "the order of a set",
            "The right tokens, in the order in which a set happens to hold them: for small numbers it looks "
            "like rising order. Use `sorted`.",
            (lambda w, k, left, vocab: _with(list(set(k) - set(w)), left, vocab),),
        ),
        Mistake(
            "sorted as texts",
            "The right tokens, sorted as texts, where 10 stands before 2. Rising order is that of numbers.",
            (lambda w, k, left, vocab: _with(sorted(_missing(w, k), key=str), left, vocab),),
        ),
        Mistake(
            "falling order",
            "You return the right tokens, the highest first. Rising order is asked for.",
            (
                lambda w, k, left, vocab: must_say(w, k, left, vocab)[::-1],
                lambda w, k, left, vocab: _with(_missing(w, k)[::-1], left, vocab),
            ),
        ),
        Mistake(
            "nothing said twice",
            "While there is room you allow no token that is written already. Any may come, those as well.",
            (
                lambda w, k, left, vocab: [
                    token
                    for token in must_say(w, k, left, vocab)
                    if len(_missing(w, k)) == left or token not in w
                ],
            ),
        ),
        Mistake(
            "one of the missing ones",
            "Where only keywords may come you allow one of them. Each of the missing ones may come first.",
            (
                lambda w, k, left, vocab: (
                    right[:1] if (right := must_say(w, k, left, vocab)) == _missing(w, k) else right
                ),
            ),
        ),
        Mistake(
            "nothing when all is said",
            "When all keywords are said nothing may come any more in your version. There is room then: all "
            "tokens may.",
            (lambda w, k, left, vocab: must_say(w, k, left, vocab) if _missing(w, k) else [],),
        ),
        Mistake(
            "keywords held back",
            "While there is room you allow no keyword that is missing. All tokens may come, these as well.",
            (
                lambda w, k, left, vocab: (
                    right
                    if len(right := must_say(w, k, left, vocab)) < vocab
                    else [t for t in right if t not in _missing(w, k)]
                ),
            ),
        ),
        Mistake(
            "always forced",
            "You allow nothing but keywords until all are said. The text would begin with a list of them.",
            (_forced_when(lambda missing, left: True),),
        ),
        Mistake(
            "never forced",
            "You let every token come while it is not too late. After one that is no keyword it is.",
            (_forced_when(lambda missing, left: False),),
        ),
        Mistake(
            "too late is not noticed",
            "More keywords are missing than tokens are left: none saves that text any more, and you "
            "allow some.",
            (
                _never_too_late,
                lambda w, k, left, vocab: must_say(w, k, left, vocab) or list(range(vocab)),
                lambda w, k, left, vocab: must_say(w, k, left, vocab) or _missing(w, k)[:left],
            ),
        ),
        Mistake(
            "counted with repeats",
            "It comes out as if a keyword said or named twice counted twice. What matters is which are "
            "missing.",
            (_counted,),
        ),
        Mistake(
            "all keywords, not the missing ones",
            "You allow keywords that were said already. The last places are for those that are missing.",
            (_all_keywords,),
        ),
    ),
)


EXERCISES = (MUST_SAY,)
