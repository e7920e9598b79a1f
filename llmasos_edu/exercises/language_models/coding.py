"""An exercise of chapter 2.1 on whole numbers: a step of the arithmetic coder.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-5 --------------------------------------------------------------------------------


def narrow(low, high, parts, token):
    """low, high whole, parts [vocab + 1] cumulative from 0 to their total, token -> [new low, new high]."""
    width, total = high - low, parts[-1]
    return [low + width * parts[token] // total, low + width * parts[token + 1] // total]


def _low_moved_first(low, high, parts, token):
    low = low + (high - low) * parts[token] // parts[-1]
    return [low, low + (high - low) * parts[token + 1] // parts[-1]]


def _high_moved_first(low, high, parts, token):
    high = low + (high - low) * parts[token + 1] // parts[-1]
    return [low + (high - low) * parts[token] // parts[-1], high]


def _up(low, high, parts):
    """All ends of parts, rounded up."""
    return [low - (high - low) * -part // parts[-1] for part in parts]


def _width_rounded(low, high, parts, token):
    start = narrow(low, high, parts, token)[0]
    return [start, start + (high - low) * (parts[token + 1] - parts[token]) // parts[-1]]


def _one_early(low, high, parts, token):
    shifted = [0, *parts]
    return narrow(low, high, [*shifted[:-1], parts[-1]], token)


def _to_the_nearest(low, high, parts, token):
    width = high - low
    return [low + round(width * part / parts[-1]) for part in parts[token : token + 2]]


def _end_included(low, high, parts, token):
    start, end = narrow(low, high, parts, token)
    return [start, end - 1]


def _end_as_width(low, high, parts, token):
    start, end = narrow(low, high, parts, token)
    return [start, end - start]


def _divided_first(low, high, parts, token):
    unit = (high - low) // parts[-1]
    return [low + unit * part for part in parts[token : token + 2]]


def _both(change):
    return lambda low, high, parts, token: [change(end, low) for end in narrow(low, high, parts, token)]


def _out_of(total, low, high, parts, token):
    return [low + (high - low) * part // total for part in parts[token : token + 2]]


def _at_least_one(low, high, parts, token):
    new_low, new_high = narrow(low, high, parts, token)
    return [new_low, max(new_high, new_low + 1)]


def _in_64_bits(low, high, parts, token):
    """A product above 63 bits comes back from below, as in a tensor of whole numbers."""
    products = [(high - low) * part for part in parts[token : token + 2]]
    return [low + ((product + 2**63) % 2**64 - 2**63) // parts[-1] for product in products]


def _draw_step(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    low = generator.randrange(1, 2**40)
    parts = sorted(generator.sample(range(1, 1000), 4))
    return (Case(f"parts {[0, *parts]} in a wide interval", (low, low + 2**40 + 12345, [0, *parts], 2)),)


NARROW = Exercise(
    key="2.1-5",
    title="One step of the arithmetic coder",
    difficulty=2,
    minutes=15,
    statement=(
        "The interval from `low` to `high` (not included) stands for the text so far. Token t owns the part "
        "from `parts[t]` to `parts[t + 1]` of it, out of `parts[-1]`. Return the interval of the text with "
        "`token` behind it. All numbers are whole: multiply first, then divide and round down."
        " The end of one token's part is the beginning of the next one's."
    ),
    takeaway="Writer and reader round in the same way, so nothing is lost: exactness is all the coder needs.",
    reference=narrow,
    explanation="Both ends are measured from the old `low`, in the old width, by whole-number division.",
    hints=(
        "The new interval lies inside the old one. With low = 0, high = 100 and parts [0, 1, 4], "
        "where do the "
        "two tokens lie?",
        "Both new ends are counted from the old low end. Which of your variables has already changed when "
        "the second one is computed?",
        "A third of 100 is no whole number. Which one does Python's `//` take, and would a reader "
        "take the same?",
    ),
    cases=(
        Case("two halves", (0, 100, [0, 1, 2], 1)),
        Case("a quarter and three", (0, 100, [0, 1, 4], 1)),
        Case("not from zero", (40, 90, [0, 2, 3, 10], 1)),
        Case("the last of four", (1000, 1777, [0, 5, 6, 11, 13], 3)),
        Case("a width that does not divide", (7, 107, [0, 1, 2, 3], 1)),
        Case("forty bits", (2**39 + 1, 2**40 + 2**38 + 7, [0, 12345, 54321, 99991], 1)),
        Case("the first of three", (500, 900, [0, 3, 5, 8], 0)),
        Case("as wide as the total", (10, 59, [0, 1, 49], 1)),
        Case("a little over", (20, 120, [0, 1, 4, 7], 1)),
        Case("fifty-three bits", (5, 2**53 - 5, [0, 1, 5, 7], 1)),
        Case("a part for which there is no room", (10, 12, [0, 1, 8], 0)),
        Case("sixty-two bits", (3, 2**62 + 1, [0, 1, 5, 7], 1)),
    ),
    draw=_draw_step,
    rtol=0.0,
    atol=0.0,
    mistakes=(
        Mistake(
            "at least one wide",
            "It comes out as if a part that comes out empty were made one wide. In a narrow interval a "
            "part may be empty: both ends are rounded down, and nothing is added.",
            (_at_least_one,),
        ),
        Mistake(
            "products of 64 bits",
            "It comes out as if a product had to fit into 64 bits, as in a tensor or an array. Python's "
            "own whole numbers have no limit.",
            (_in_64_bits,),
        ),
        Mistake(
            "low moved first",
            "You change one end and then compute the other from it. Both are measured in the old interval.",
            (_low_moved_first, _high_moved_first),
        ),
        Mistake(
            "rounded up",
            "An end of yours is rounded up. Both are rounded down: so the end of one part is the beginning "
            "of the next.",
            (
                lambda low, high, parts, token: [
                    narrow(low, high, parts, token)[0],
                    _up(low, high, parts)[token + 1],
                ],
                lambda low, high, parts, token: _up(low, high, parts)[token : token + 2],
                lambda low, high, parts, token: [
                    _up(low, high, parts)[token],
                    narrow(low, high, parts, token)[1],
                ],
            ),
        ),
        Mistake(
            "the width of a part rounded",
            "Your end is the new low end and a part's width that was rounded by itself. So it need not be "
            "where the next part begins: measure both ends from the old `low`.",
            (_width_rounded,),
        ),
        Mistake(
            "divided as fractions",
            "It comes out as if `/` had divided: that gives a fraction of 53 bits, and of wider numbers the "
            "last ones are lost. `//` divides whole numbers and loses nothing.",
            (
                lambda low, high, parts, token: [
                    low + int((high - low) * p / parts[-1]) for p in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "all tokens alike",
            "It comes out as if all tokens had parts of equal size. The sizes are in `parts`, out of "
            "`parts[-1]`.",
            (lambda low, high, parts, token: narrow(low, high, list(range(len(parts))), token),),
        ),
        Mistake(
            "one token too early",
            "You take the part of the token before. `parts[t]` is where token t begins, so that the first "
            "one begins at 0.",
            (_one_early,),
        ),
        Mistake(
            "rounded to the nearest",
            "You round to the nearest whole number. The parts then need not end where the next one begins as "
            "the reader sees it: both sides must round down.",
            (_to_the_nearest,),
        ),
        Mistake(
            "divided before multiplied",
            "You divide the width first and lose what is left over. In a narrow interval whole tokens would "
            "disappear; multiply first.",
            (_divided_first,),
        ),
        Mistake(
            "counted from zero",
            "Your ends are counted from 0, and the old interval begins at `low`. It is right for the very "
            "first token of a text.",
            (_both(lambda end, low: end - low),),
        ),
        Mistake(
            "the end included",
            "Your upper end is one too small. It does not belong to the interval itself, so nothing has to "
            "be taken off.",
            (_end_included,),
        ),
        Mistake(
            "low and width",
            "Your second number is how wide the new interval is. Asked for is where it ends.",
            (_end_as_width,),
        ),
        Mistake(
            "a fraction first",
            "You divide a part by the total first and get a rounded fraction: 49 times 1/49 is a little "
            "below 1. Multiply whole numbers, then use `//`.",
            (
                lambda low, high, parts, token: [
                    low + math.floor((high - low) * (p / parts[-1])) for p in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "a closed interval",
            "You count `high` into the interval, as papers on closed intervals do. Here it is not included: "
            "the width is high - low, and nothing is taken off the new end.",
            (lambda low, high, parts, token: _end_included(low, high + 1, parts, token),),
        ),
        Mistake(
            "one end counted from zero",
            "One of your ends is right, the other is counted from 0. Both are counted from `low`.",
            (
                lambda low, high, parts, token: [
                    narrow(low, high, parts, token)[0],
                    narrow(0, high - low, parts, token)[1],
                ],
                lambda low, high, parts, token: [
                    narrow(0, high - low, parts, token)[0],
                    narrow(low, high, parts, token)[1],
                ],
            ),
        ),
        Mistake(
            "one end kept",
            "One of your ends is that of the old interval. The part of a token has a beginning and an end "
            "of its own.",
            (
                lambda low, high, parts, token: [narrow(low, high, parts, token)[0], high],
                lambda low, high, parts, token: [low, narrow(low, high, parts, token)[1]],
            ),
        ),
        Mistake(
            "out of the number of tokens",
            "It comes out as if `parts` counted out of the number of tokens, or of its entries. They count "
            "out of `parts[-1]`.",
            (
                lambda low, high, parts, token: _out_of(len(parts) - 1, low, high, parts, token),
                lambda low, high, parts, token: _out_of(len(parts), low, high, parts, token),
            ),
        ),
        Mistake(
            "out of their sum",
            "It comes out as if `parts` counted out of its sum. They are cumulative already: the last one "
            "is the total.",
            (lambda low, high, parts, token: _out_of(sum(parts), low, high, parts, token),),
        ),
        Mistake(
            "low divided as well",
            "It comes out as if `low` were divided by the total as well. It is added behind the division.",
            (
                lambda low, high, parts, token: [
                    (low + (high - low) * part) // parts[-1] for part in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "from the upper end",
            "It comes out as if parts were laid down from `high` towards `low`. The first token has the "
            "lowest part.",
            (
                lambda low, high, parts, token: [
                    high - (high - low) * part // parts[-1] for part in (parts[token + 1], parts[token])
                ],
            ),
        ),
        Mistake(
            "not rounded",
            "Your ends may have fractions. All numbers are whole: multiply first, then divide with `//`.",
            (
                lambda low, high, parts, token: [
                    low + (high - low) * part / parts[-1] for part in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "one token too late",
            "You take the part of the token behind, which the last one has not: there it stops. Token t "
            "owns what lies from `parts[t]` to `parts[t + 1]`.",
            (
                lambda low, high, parts, token: [
                    low + (high - low) * parts[at] // parts[-1] for at in (token + 1, token + 2)
                ],
            ),
        ),
        Mistake(
            "added up once more",
            "It comes out as if `parts` held the size of each part, and these were added up. They are added "
            "up already: each says where a part begins.",
            (
                lambda low, high, parts, token: [
                    low + (high - low) * sum(parts[:at]) // parts[-1] for at in (token, token + 1)
                ],
            ),
        ),
    ),
)


EXERCISES = (NARROW,)
