"""Exercises of chapter 6.2 on what may come next: keywords, repetition.

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
        Case("one said, the other is due", ([4, 0], [4, 2], 1, 6)),
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
            (_never_too_late,),
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


# 6.2-4 --------------------------------------------------------------------------------


def repeating(tokens, size):
    """tokens [n], size -> tokens that would complete a run of `size` that stands in the text [sorted]."""
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[-1] for run in runs if run[:-1] == last})


def _without_the_last_place(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size)]
    return sorted({run[-1] for run in runs if run[:-1] == last})


def _none_that_overlaps_the_end(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - 2 * size + 2)]
    return sorted({run[-1] for run in runs if run[:-1] == last})


def _longer(tokens, size):
    return repeating(tokens, size + 1)


def _shorter(tokens, size):
    return repeating(tokens, max(1, size - 1))


def _any_said(tokens, size):
    return sorted(set(tokens))


def _in_any_order(tokens, size):
    last = sorted(tokens[len(tokens) - size + 1 :])
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[-1] for run in runs if sorted(run[:-1]) == last})


def _first_only(tokens, size):
    return repeating(tokens, size)[:1]


def _completing(tokens, size):
    """What would complete a run, as often and in the order in which the runs stand."""
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return [run[-1] for run in runs if run[:-1] == last]


def _side_by_side(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(0, len(tokens) - size + 1, size)]
    return sorted({run[-1] for run in runs if run[:-1] == last})


def _token_before(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[0] for run in runs if run[1:] == last})


def _draw_tokens(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    tokens = [generator.randrange(3) for _ in range(generator.randint(4, 9))]
    size = generator.randint(2, 3)
    return (Case(f"{tokens}, runs of {size}", (tokens, size)),)


REPEATING = Exercise(
    key="6.2-4",
    title="What would repeat itself",
    difficulty=2,
    minutes=15,
    statement=(
        "No run of `size` tokens may stand twice in a text (runs may overlap). Return the tokens that may "
        "not come next, because they would complete a run that is there already, each once and in rising "
        "order."
    ),
    takeaway="To forbid a run, look for its beginning: all but its last token must be the text's end.",
    reference=repeating,
    explanation="Compare the last size - 1 tokens with each run's beginning; the run's last token is out.",
    hints=(
        "With runs of two: which tokens have followed the text's last token before?",
        "With runs of three the last two tokens must be found again, in this order, earlier in the text.",
        "Runs of one: every token that was said completes a run of one. What are its first size - 1 tokens?",
    ),
    cases=(
        Case("a pair", ([1, 2, 3, 1], 2)),
        Case("a pair with two followers", ([1, 2, 1, 3, 1], 2)),
        Case("three in a row", ([1, 2, 3, 4, 1, 2], 3)),
        Case("the same two in another order", ([2, 1, 5, 1, 2], 3)),
        Case("nothing comes again", ([1, 2, 3, 4], 2)),
        Case("the same token again and again", ([7, 7], 2)),
        Case("shorter than a run", ([1], 3)),
        Case("runs of one", ([3, 1, 3], 1)),
        Case("a run that overlaps itself", ([5, 5, 5], 3)),
        Case("a run that stands late in a long text", ([1, 2, 3, 4, 5, 6, 7, 5], 2)),
        Case("a run that begins at an odd place", ([2, 0, 1, 0, 1], 3)),
        Case("a token whose digits end another", ([12, 3, 2], 2)),
    ),
    draw=_draw_tokens,
    mistakes=(
        Mistake(
            "the last run forgotten",
            "You leave out the run that ends with the text's last token. It stands there too: after 7 7 "
            "another 7 would be the same pair again.",
            (_without_the_last_place,),
        ),
        Mistake(
            "runs that overlap the end left out",
            "It comes out as if runs that share a token with the text's end were left out. They stand there "
            "too: after 7 7 another 7 would be the same pair again.",
            (_none_that_overlaps_the_end,),
        ),
        Mistake(
            "one too long",
            "It comes out as if one token too many were compared: a run of `size` has `size - 1` tokens "
            "before its last one.",
            (_longer,),
        ),
        Mistake(
            "one too short",
            "It comes out as if one token too few were compared, and forbids more than asked: the whole "
            "beginning of the run must agree.",
            (_shorter,),
        ),
        Mistake(
            "everything that was said",
            "You forbid every token of the text, or every one that ends a run. A token may come again, as "
            "long as no run does.",
            (_any_said, lambda tokens, size: sorted(set(tokens[size - 1 :]))),
        ),
        Mistake(
            "order ignored",
            "You compare the beginning of a run without its order. 2 1 5 does not begin like 1 2: the "
            "order counts.",
            (_in_any_order,),
        ),
        Mistake(
            "one of several",
            "You return one token at most. After the same beginning several have stood, and each of them "
            "would be a repeat.",
            (_first_only, lambda tokens, size: _completing(tokens, size)[-1:]),
        ),
        Mistake(
            "runs of one overlooked",
            "Right, except for runs of one: they have nothing before their last token, so that every token "
            "that was said is out. Does your code take the last 0 tokens, or the whole list?",
            (lambda tokens, size: repeating(tokens, size) if size > 1 else [],),
        ),
        Mistake(
            "runs side by side",
            "It comes out as if runs stood side by side, each behind the end of the one before it. They may "
            "begin at any place.",
            (_side_by_side,),
        ),
        Mistake(
            "what may come",
            "You return the tokens of the text that may come next. Asked for are those that may not.",
            (lambda tokens, size: sorted(set(tokens) - set(repeating(tokens, size))),),
        ),
        Mistake(
            "the token before",
            "You return what stood before the text's end where it stood earlier. Asked for is what stood "
            "behind it: this would complete the run.",
            (_token_before,),
        ),
        Mistake(
            "the last token alone",
            "It comes out as if only the last token were compared, whatever `size` is. All but the last of a "
            "run's tokens must be found again.",
            (lambda tokens, size: repeating(tokens, 2),),
        ),
        Mistake(
            "falling order",
            "You return the right tokens, the highest first. Rising order is asked for.",
            (lambda tokens, size: repeating(tokens, size)[::-1],),
        ),
        Mistake(
            "each as often as it stands",
            "You name a token as often as its run stands in the text. Each is asked for once.",
            (lambda tokens, size: sorted(_completing(tokens, size)),),
        ),
        Mistake(
            "in the order of the text",
            "You return the right tokens in the order in which they stand. Rising order is asked for.",
            (lambda tokens, size: list(dict.fromkeys(_completing(tokens, size))),),
        ),
    ),
)

EXERCISES = (MUST_SAY, REPEATING)
