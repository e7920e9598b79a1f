"""Exercises of chapter 6.2 on what may be said: what would repeat itself.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _alike(tokens, size, of):
    """What follows the runs of which something is as in the text's end."""
    last = of(tokens[len(tokens) - size + 1 :])
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[-1] for run in runs if of(run[:-1]) == last})


def _side_by_side(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(0, len(tokens) - size + 1, size)]
    return sorted({run[-1] for run in runs if run[:-1] == last})


def _token_before(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[0] for run in runs if run[1:] == last})


def _first_of_the_run(tokens, size):
    last = tokens[len(tokens) - size + 1 :]
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[0] for run in runs if run[:-1] == last})


def _twice_already(tokens, size):
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[-1] for run in runs if runs.count(run) > 1})


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
        Case("tokens of one and two digits", ([1, 10, 1, 2, 1, 9, 1], 2)),
        Case("pairs that read alike when joined", ([1, 12, 5, 11, 2], 3)),
        Case("runs of four", ([1, 2, 3, 9, 1, 5, 3, 8, 1, 5, 3], 4)),
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
            (
                _first_only,
                lambda tokens, size: _completing(tokens, size)[:1],
                lambda tokens, size: _completing(tokens, size)[-1:],
            ),
        ),
        Mistake(
            "the first run left out",
            "You leave out the run at the very beginning of the text. Runs begin at every place, at 0 too.",
            (lambda tokens, size: repeating(tokens[1:], size) if len(tokens) > size else [],),
        ),
        Mistake(
            "the first token of the run",
            "Where a run begins like the text's end you return its first token. Asked for is its last one: "
            "this would complete it.",
            (_first_of_the_run,),
        ),
        Mistake(
            "those that stand twice already",
            "You return the ends of runs that stand twice already. A run that stands once must not come "
            "again: look for those that begin as the text ends.",
            (_twice_already,),
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
            "the order of a set",
            "The right tokens, in the order in which a set happens to hold them: for small numbers it looks "
            "like rising order. Use `sorted`.",
            (lambda tokens, size: list(set(_completing(tokens, size))),),
        ),
        Mistake(
            "sorted as texts",
            "The right tokens, sorted as texts, where 10 stands before 2. Rising order is that of numbers.",
            (lambda tokens, size: sorted(repeating(tokens, size), key=str),),
        ),
        Mistake(
            "tokens run together",
            "You compare runs as texts without a mark between the tokens: 1, 12 then reads like 11, 2. "
            "Compare lists.",
            (lambda tokens, size: _alike(tokens, size, lambda run: "".join(map(str, run))),),
        ),
        Mistake(
            "the middle not compared",
            "Of a beginning you compare the first and the last token alone. With runs of four there is one "
            "between them.",
            (lambda tokens, size: _alike(tokens, size, lambda run: run[:1] + run[-1:]),),
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

EXERCISES = (REPEATING,)
