"""Exercise of chapter 2.3 on what is said: which guesses are kept.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.3-6 --------------------------------------------------------------------------------


def kept(guesses, likeliest):
    """guesses [k], likeliest [k + 1]: the model's own token at each guess and after all -> said [tokens]."""
    said = []
    for guess, own in zip([*guesses, None], likeliest, strict=True):
        said.append(own)
        if guess != own:
            break
    return said


def _until(own, place, guesses):
    """What the model says up to a place; all of it where all guesses are right."""
    return own if own[:-1] == guesses else own[: place + 1]


def _equal_digits(guesses, own):
    digits = zip("".join(map(str, guesses)), "".join(map(str, own)), strict=False)
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], digits)))


def _draw_guesses(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    likeliest = [generator.randrange(5) for _ in range(5)]
    guesses = [own if generator.random() < 0.7 else (own + 1) % 5 for own in likeliest[:4]]
    return (Case(f"guesses {guesses}, likeliest {likeliest}", (guesses, likeliest)),)


def _right(guesses, likeliest):
    return [guess for guess, own in zip(guesses, likeliest, strict=False) if guess == own]


def _first_place(guesses, likeliest):
    """Each guess is compared where its token stands first among the guesses."""
    at = next(
        (i for i, guess in enumerate(guesses) if guess != likeliest[guesses.index(guess)]), len(guesses)
    )
    return [*guesses[:at], likeliest[at]]


def _missed(guesses, likeliest):
    """The model's tokens in place of all wrong guesses."""
    return [own for guess, own in zip(guesses, likeliest, strict=False) if guess != own]


def _agreed(guesses, likeliest):
    """The guesses before the first wrong one."""
    pairs = zip(guesses, likeliest, strict=False)
    return [guess for guess, own in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)]


KEPT = Exercise(
    key="2.3-6",
    title="Which guesses are kept",
    difficulty=2,
    minutes=15,
    statement=(
        "The model has read k guesses in one step. `likeliest[i]` is the token that it would have said "
        "itself "
        "where guess i stands, and `likeliest[k]` what it says after all of them. Return what is said: "
        "guesses as "
        "long as each is the model's own token, and then one token of the model's own."
    ),
    takeaway="Every step says what plain decoding would say, only more of it at once.",
    reference=kept,
    explanation="Up to the first guess that differs, and there the model's token in its place.",
    hints=(
        "If the very first guess is wrong, what is said in this step, and how many tokens?",
        "After a wrong guess, `likeliest` goes on, but it was computed from a text with the wrong token in "
        "it.",
        "If all k guesses are right, k + 1 tokens are said. Which is the last?",
    ),
    cases=(
        Case("all right", ([1, 2, 3], [1, 2, 3, 4])),
        Case("the first wrong", ([9, 2, 3], [1, 2, 3, 4])),
        Case("the second wrong", ([1, 9, 3], [1, 2, 3, 4])),
        Case("the last wrong", ([1, 2, 9], [1, 2, 3, 4])),
        Case("right, wrong, right", ([1, 9, 3, 4], [1, 2, 3, 4, 5])),
        Case("no guess", ([], [7])),
        Case("one guess, right", ([5], [5, 6])),
        Case("tokens in no order, the third wrong", ([7, 2, 9, 4], [7, 2, 5, 4, 1])),
        Case("a token twice, right and wrong", ([5, 5, 3], [5, 6, 3, 4])),
        Case("the first two exchanged", ([2, 1, 3], [1, 2, 3, 4])),
        Case("the model's own token was said before", ([5, 9, 3], [5, 5, 3, 4])),
        Case("two tokens whose digits begin alike", ([25, 4, 7, 7], [23, 4, 7, 7, 9])),
    ),
    draw=_draw_guesses,
    mistakes=(
        Mistake(
            "the model's token looked up",
            "It comes out as if you ended at the first place that has the same token of the model as that "
            "of the first wrong guess. The token may have been said before: go by the place.",
            (lambda g, own: _until(own, own.index(kept(g, own)[-1]), g),),
        ),
        Mistake(
            "digits compared",
            "It comes out as if digits were compared and counted, not tokens: 25 and 23 begin alike, and are "
            "different tokens.",
            (
                lambda g, own: own[: _equal_digits(g, own) + 1],
                lambda g, own: [*g[: _equal_digits(g, own)], *own[_equal_digits(g, own) :][:1]],
            ),
        ),
        Mistake(
            "the right ones picked out",
            "You say every right guess, and at the end the token behind all guesses. Behind the first wrong "
            "guess nothing counts: the model's token in its place comes last.",
            (lambda g, own: [*_right(g, own), own[-1]],),
        ),
        Mistake(
            "the right ones and nothing else",
            "You say every right guess and nothing else. Those behind a wrong one continue a text that is "
            "not said, and a token of the model's own always comes last.",
            (_right,),
        ),
        Mistake(
            "as many as are right",
            "The number of tokens is that of all right guesses and one more. Right guesses behind a wrong "
            "one continue a text that is not said: count up to the first wrong one.",
            (
                lambda g, own: [*_right(g, own), own[len(_right(g, own))]],
                lambda g, own: list(own[: len(_right(g, own)) + 1]),
                lambda g, own: [*g[: len(_right(g, own))], own[len(_right(g, own))]],
            ),
        ),
        Mistake(
            "each wrong guess replaced",
            "Where several guesses are wrong, each of them is replaced by the model's token. The first "
            "wrong one ends what is said.",
            (lambda g, own: own if list(g) == list(own[:-1]) else _agreed(g, own) + _missed(g, own),),
        ),
        Mistake(
            "the place of the first alike",
            "It comes out as if the place of a guess were looked up by its token. One that comes twice is "
            "then compared at its first place both times: count the places.",
            (_first_place,),
        ),
        Mistake(
            "found anywhere",
            "It comes out as if a guess were right wherever the model's token is equal, at another place "
            "too. Compare guess i with `likeliest[i]` alone.",
            (
                lambda g, own: (lambda n: [*g[:n], own[n]])(
                    len(_agreed([x in own for x in g], [True] * len(g)))
                ),
            ),
        ),
        Mistake(
            "nothing in place of the wrong guess",
            "Where a guess is wrong, you say no token of the model's own: what comes out ends with the "
            "guesses before it. The model's token in its place comes last.",
            (lambda g, own: list(own) if list(g) == list(own[:-1]) else _agreed(g, own),),
        ),
        Mistake(
            "the token behind the wrong guess",
            "In place of the wrong guess you say the model's token for the place behind it. `likeliest[i]` "
            "stands where guess i stands.",
            (lambda g, own: [*_agreed(g, own), [*own, own[-1]][len(_agreed(g, own)) + 1]],),
        ),
        Mistake(
            "one token for each guess",
            "You return the model's token at the place of every guess, and none behind them. What is said "
            "ends at the first wrong guess, or behind all right ones.",
            (lambda g, own: list(own[:-1]),),
        ),
        Mistake(
            "every guess is said",
            "You say all guesses, right or wrong, and a token of the model's own. Keep those before the "
            "first wrong one.",
            (lambda g, own: [*g, own[-1]],),
        ),
        Mistake(
            "one token in every case",
            "You say one token in every case. Guesses before the first wrong one are kept as well.",
            (lambda g, own: list(own[:1]),),
        ),
        Mistake(
            "no token of its own",
            "You return the guesses before the first wrong one and nothing else. If the first is wrong, "
            "nothing would be said at all.",
            (lambda g, own: kept(g, own)[:-1],),
        ),
        Mistake(
            "nothing behind right guesses",
            "Where all guesses are right (or there are none), you say no token of the model's own behind "
            "them. `likeliest` has one for that place too.",
            (lambda g, own: kept(g, own)[: len(g)],),
        ),
        Mistake(
            "something behind the wrong guess",
            "You say the wrong guess, and a token of the model's own behind it. The model's token stands in "
            "place of the wrong guess, and is the last.",
            (
                lambda g, own: [*_agreed(g, own), *g[len(_agreed(g, own)) :][:1], own[len(_agreed(g, own))]],
                lambda g, own: [
                    *_agreed(g, own),
                    *g[len(_agreed(g, own)) :][:1],
                    own[: len(_agreed(g, own)) + 2][-1],
                ],
            ),
        ),
        Mistake(
            "one token too many",
            "Behind the model's own token you say another one. It was computed from a text with the wrong "
            "guess in it.",
            (lambda g, own: own[: len(kept(g, own)) + 1],),
        ),
        Mistake(
            "compared one place on",
            "It comes out as if a guess were compared with the model's token for the place behind it. "
            "`likeliest[i]` stands where guess i stands.",
            (lambda g, own: [*_agreed(g, own[1:]), own[len(_agreed(g, own[1:]))]],),
        ),
        Mistake(
            "how many",
            "You return a number of tokens. Asked for is what is said: a list of the tokens themselves.",
            (lambda g, own: len(kept(g, own)), lambda g, own: len(kept(g, own)) - 1),
        ),
        Mistake(
            "the wrong guess is said",
            "You end with the wrong guess itself. In its place stands what the model would have said.",
            (lambda g, own: [*kept(g, own)[:-1], [*g, own[-1]][len(kept(g, own)) - 1]],),
        ),
        Mistake(
            "always the last of the model's",
            "You end with the token after all guesses, wherever the first wrong one stood.",
            (lambda g, own: [*kept(g, own)[:-1], own[-1]],),
        ),
        Mistake(
            "all that the model says",
            "You return all of the model's tokens, always. Behind a wrong guess they answer a text that "
            "does not "
            "exist.",
            (lambda g, own: list(own),),
        ),
        Mistake(
            "all or nothing",
            "You keep all guesses or none. Those before the first wrong one are right as well.",
            (lambda g, own: list(own) if list(g) == list(own[:-1]) else [own[0]],),
        ),
    ),
)


EXERCISES = (KEPT,)
