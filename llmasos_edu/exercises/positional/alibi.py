"""Exercise of chapter 4.2.3, the part inside attention: ALiBi.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.2.3-9 --------------------------------------------------------------------------------


def alibi_bias(num_heads, query_len, key_len):
    """num_heads (a power of two), query_len <= key_len -> bias [num_heads, query_len, key_len]."""
    slopes = 2 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    query_positions = torch.arange(key_len - query_len, key_len)
    distance = query_positions[:, None] - torch.arange(key_len)
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, -torch.inf)


def _alibi(num_heads, query_len, key_len, *, slopes=None, first=None, later=-torch.inf, step=lambda d: -d):
    heads = torch.arange(1, num_heads + 1)
    slopes = 2 ** (-8 * heads / num_heads) if slopes is None else slopes(heads, num_heads) * 1.0
    first = key_len - query_len if first is None else first
    distance = torch.arange(first, first + query_len)[:, None] - torch.arange(key_len)
    bias = slopes[:, None, None] * step(distance)
    return bias if later is None else bias.masked_fill(distance < 0, later)


def _mask_from_zero(num_heads, query_len, key_len):
    later = torch.arange(key_len) > torch.arange(query_len)[:, None]
    return _alibi(num_heads, query_len, key_len, later=None).masked_fill(later, -torch.inf)


def _alibi_by_place(num_heads, query_len, key_len, sign):
    right, heads = alibi_bias(num_heads, query_len, key_len), torch.arange(1, num_heads + 1)
    by_place = sign * 2 ** (-8 * heads / num_heads)[:, None, None] * torch.arange(key_len).expand_as(right)
    return by_place.masked_fill(right.isinf(), -torch.inf)


ALIBI = Exercise(
    key="4.2.3-9",
    title="ALiBi",
    difficulty=2,
    minutes=15,
    statement=(
        "ALiBi adds no vectors and turns nothing: it lowers each score by slope * distance. Head h (h = 1, "
        "2, ..., num_heads) has the slope 2^(-8h / num_heads). Make the table that is added to the scores, "
        "causal mask included: -slope * (q - k) for a query at position q and a key at position k <= q, and "
        "-inf for later keys. With a cache there are fewer queries than keys: the last query stands at the "
        "last key."
    ),
    takeaway="Heads with steep slopes read the last few tokens, and flat ones the whole text, at any length.",
    reference=alibi_bias,
    explanation="A table of distances, shared by the heads, times a slope for each head, and no future.",
    hints=(
        "Leave the heads out first. For 2 queries and 4 keys, at which positions do the queries stand? "
        "Write the 2 x 4 table of distances.",
        "Positions of queries as a column, of keys as a row: one subtraction gives the table. Which entries "
        "are negative, and what do they stand for?",
        "With 8 heads the slopes are 1/2, 1/4, ..., 1/256. Which new axes let [heads] meet the table "
        "[query, key]?",
    ),
    cases=(
        Case("8 heads, 5 tokens", (8, 5, 5)),
        Case("4 heads, 6 tokens", (4, 6, 6)),
        Case("2 heads, one new token after 4", (2, 1, 5)),
        Case("one head, 3 new tokens after 4", (1, 3, 7)),
        Case("16 heads, 2 new tokens after 1", (16, 2, 3)),
        Case("8 heads, a single token", (8, 1, 1)),
    ),
    mistakes=(
        Mistake(
            "far keys favoured",
            "Your bias grows with the distance, so the farthest key gains most. ALiBi is a penalty: check "
            "the sign.",
            (
                lambda *a: _alibi(*a, step=lambda d: d),
                lambda *a: _alibi(*a, step=lambda d: d, later=None),
                lambda *a: _alibi(*a, step=torch.abs, later=None),
            ),
        ),
        Mistake(
            "future not hidden",
            "Later keys get a finite number in your table (0, a bonus or a penalty), so they can still be "
            "read. The exercise wants the causal mask in it.",
            (
                lambda *a: _alibi(*a, later=None),
                lambda *a: _alibi(*a, later=0.0),
                lambda *a: _alibi(*a, later=None, step=lambda d: -d.abs()),
            ),
        ),
        Mistake(
            "heads counted from 0",
            "Your first head has the slope 1 and each of the others that of its predecessor. In the formula "
            "h begins at 1.",
            (lambda *a: _alibi(*a, slopes=lambda h, n: 2 ** (-8 * (h - 1) / n)),),
        ),
        Mistake(
            "same slopes for any number of heads",
            "With 8 heads you are right. With another number the slopes should be spread differently, from "
            "head to head by a factor that depends on how many there are.",
            (lambda *a: _alibi(*a, slopes=lambda h, n: 2.0**-h),),
        ),
        Mistake(
            "heads in the wrong order",
            "The slopes are the right ones, but the flattest comes first. Head 1 is the steepest.",
            (lambda *a: _alibi(*a).flip(0),),
        ),
        Mistake(
            "one slope for all heads",
            "All your heads have the same slope. Some should look near and others far.",
            (
                lambda *a: _alibi(*a, slopes=lambda h, n: torch.ones(n)),
                lambda *a: _alibi(*a, slopes=lambda h, n: torch.full((n,), 0.5)),
                lambda *a: _alibi(*a, slopes=lambda h, n: torch.full((n,), 2.0 ** (-8 / n))),
            ),
        ),
        Mistake(
            "the 8 left out",
            "Your slopes are too steep: they end at 1/2, whatever the number of heads, instead of 1/256. "
            "Which factor stands in the exponent?",
            (lambda *a: _alibi(*a, slopes=lambda h, n: 2 ** (-h / n)),),
        ),
        Mistake(
            "slopes h / n or 1 / h",
            "Your slopes are h / num_heads or 1 / h. They should form a geometric row: each is the one "
            "before times the same factor.",
            (
                lambda *a: _alibi(*a, slopes=lambda h, n: h / n),
                lambda *a: _alibi(*a, slopes=lambda h, n: 1 / h),
            ),
        ),
        Mistake(
            "another row of slopes",
            "It comes out as if your slopes were another row than 2^(-8h / num_heads): evenly spaced, "
            "powers of e, or with h below the line. Each is the one before times 2^(-8 / num_heads).",
            (
                lambda *a: _alibi(*a, slopes=lambda h, n: torch.linspace(2 ** (-8 / n), 2**-8, n)),
                lambda *a: _alibi(*a, slopes=lambda h, n: (-8 * h / n).exp()),
                lambda *a: _alibi(*a, slopes=lambda h, n: 2 ** (-8 / h)),
            ),
        ),
        Mistake(
            "whole exponents",
            "It comes out as if the exponent 8h / num_heads were rounded to a whole number. With more than "
            "8 heads it is a fraction for some of them.",
            (
                lambda *a: _alibi(*a, slopes=lambda h, n: 2.0 ** (-8 * h // n)),
                lambda *a: _alibi(*a, slopes=lambda h, n: 2.0 ** -(8 * h // n)),
            ),
        ),
        Mistake(
            "own key hidden",
            "A token cannot read itself in your table: where query and key stand at the same place there "
            "is -inf. Only later keys are hidden.",
            (
                lambda *a: alibi_bias(*a).masked_fill(
                    _alibi(*a, slopes=lambda h, n: h, later=None) == 0, -torch.inf
                ),
            ),
        ),
        Mistake(
            "queries counted from 0",
            "Without a cache you are right. With one, your queries stand at the beginning of the text and "
            "each sees too few keys. Where does the last of them stand?",
            (lambda *a: _alibi(*a, first=0),),
        ),
        Mistake(
            "mask counted from 0",
            "Without a cache you are right. With one, the distances are right, but your mask is that of "
            "queries at the beginning of the text: it hides keys that come before them.",
            (_mask_from_zero,),
        ),
        Mistake(
            "queries and keys exchanged",
            "Your table hides the past and lowers the future: query and key have changed places, in the "
            "difference of their positions or as the axes of the table.",
            (
                lambda *a: _alibi(*a).mT,
                lambda h, q, k: _alibi(h, k, k)[:, :, k - q :].mT,
            ),
        ),
        Mistake(
            "another function of the distance",
            "Your penalty is no straight line: it grows with the square, the root or the logarithm of the "
            "distance. One more step always costs the same.",
            (
                lambda *a: _alibi(*a, step=lambda d: -(d**2)),
                lambda *a: _alibi(*a, step=lambda d: -d.abs().sqrt()),
                lambda *a: _alibi(*a, step=lambda d: -d.abs().log1p()),
            ),
        ),
        Mistake(
            "the key's place for the distance",
            "It comes out as if the place of the key alone were lowered or raised, counted from the "
            "beginning of the text. What counts is how far it is from the query.",
            (
                lambda *a: _alibi_by_place(*a, -1),
                lambda *a: _alibi_by_place(*a, 1),
            ),
        ),
        Mistake(
            "distance from 1",
            "A token has the distance 1 to itself in your table. The softmax would not notice, since all of "
            "a row shifts, but the definition begins at 0.",
            (lambda *a: _alibi(*a, step=lambda d: -(d + 1)),),
        ),
    ),
)


EXERCISES = (ALIBI,)
