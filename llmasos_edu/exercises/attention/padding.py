"""Exercises of section 4.1, the part on padding: which keys may be read, and what an empty sequence gives.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import functools
import math
from collections.abc import Callable

import torch

from llmasos_edu.exercises.attention.masks import attend, loud_keys, mask_of
from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradients,
)

# 4.1-4 --------------------------------------------------------------------------------


def padded_attention(query, key, value, is_token):
    """query, key, value [batch, seq, head_dim], is_token [batch, seq] (True = a token) -> as query."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    allowed = is_token[:, None, :]
    nothing_to_read = ~allowed.any(dim=-1, keepdim=True)
    # Rows without any key get harmless scores first and zeros afterwards: no NaN is made in either direction.
    scores = scores.masked_fill(~allowed, -torch.inf).masked_fill(nothing_to_read, 0.0)
    return (scores.softmax(dim=-1) @ value).masked_fill(nothing_to_read, 0.0)


def _both(is_token):
    """Where the query and the key are tokens."""
    return is_token[:, :, None] & is_token[:, None, :]


def _cleaned(query, key, value, allowed):
    """NaN in the weights is replaced before they meet the values."""
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return scores.masked_fill(~allowed, -torch.inf).softmax(-1).nan_to_num() @ value


def _padded(query, key, value, is_token, *, blocked=-torch.inf, zero_empty=False, scale=None, axis=-1):
    empty = ~is_token.any(-1, keepdim=True) & torch.tensor(zero_empty)
    allowed = (is_token | empty)[:, None, :]
    output = attend(query, key, value, allowed, blocked=blocked, scale=scale, axis=axis)
    return output.masked_fill(empty[:, :, None], 0.0)


def _slip(**knobs):
    """One slip, with an empty sequence as it comes, with its NaN replaced, and as it should be."""
    return (
        lambda *a: _padded(*a, **knobs),
        lambda *a: _padded(*a, **knobs).nan_to_num(),
        lambda *a: _padded(*a, zero_empty=True, **knobs),
    )


def _open_rows_filled(answer: Callable) -> Callable:
    """The answer, with the right rows in place of padded queries that it left at zero: nobody uses them."""

    @functools.wraps(answer)
    def filled(query, key, value, is_token):
        output = answer(query, key, value, is_token)
        if not isinstance(output, torch.Tensor) or output.shape != query.shape or output[~is_token].any():
            return output
        return torch.where(is_token[..., None], output, padded_attention(query, key, value, is_token))

    return filled


def _look(answer: Callable, inputs: tuple) -> object:
    return value_and_gradients(0, 1, 2)(_open_rows_filled(answer), inputs)


def _added_infinity(query, key, value, is_token, *, late=False):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    bias = torch.zeros(is_token.shape).masked_fill(~is_token, -torch.inf)
    weights = (scores + bias[:, None, :]).softmax(-1)
    return (weights @ value).nan_to_num() if late else weights.nan_to_num() @ value


def _padded_after(query, key, value, is_token, floor=None):
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1) * is_token[:, None, :]
    return (weights if floor is None else weights / (weights.sum(-1, keepdim=True) + floor)) @ value


PADDING = Exercise(
    key="4.1-4",
    title="Padding, and a row with nothing to read",
    difficulty=3,
    minutes=15,
    statement=(
        "Sequences of different lengths share a batch, filled up with padding. No query may read a padded "
        "key. In an empty sequence there is nothing to read: its outputs must be zeros, with no NaN in them "
        "or in the gradient. What padded queries return is used by nobody: let them read as the others do, "
        "or return zeros. Stay in torch: the gradient is looked at."
    ),
    takeaway="An empty row yields zeros, forward and backward, and the rest of the batch never notices.",
    reference=padded_attention,
    explanation=(
        "An empty row gets finite scores before the softmax and zeros after it, so NaN never comes into "
        "being."
    ),
    hints=(
        "is_token is [batch, seq] and the scores are [batch, query, key]. Which axis of the scores is the "
        "padding about, so where does the mask need an axis of size 1?",
        "Now take a row of scores that are all -inf and work out its softmax by hand: what is the sum below "
        "the fraction bar?",
        "Find the rows without a single token first (`any` over the keys). Give them finite scores before "
        "the softmax, whatever they are, and decide after it what such a row returns.",
    ),
    any_order=False,
    cases=(
        Case(
            "two sequences of 5 and 3 tokens",
            (*random_tensors(31, (2, 5, 4), (2, 5, 4), (2, 5, 4)), mask_of("11111", "111..")),
        ),
        Case(
            "a batch whose second sequence is empty",
            (*random_tensors(32, (2, 4, 8), (2, 4, 8), (2, 4, 8)), mask_of("1111", "....")),
        ),
        Case(
            "padding at the front of the sequence",
            (*random_tensors(33, (2, 5, 16), (2, 5, 16), (2, 5, 16)), mask_of("..111", "....1")),
        ),
        Case(
            "no padding at all",
            (*random_tensors(34, (3, 4, 4), (3, 4, 4), (3, 4, 4)), mask_of("1111", "1111", "1111")),
        ),
        Case(
            "an empty sequence alone",
            (*random_tensors(35, (1, 3, 4), (1, 3, 4), (1, 3, 4)), mask_of("...")),
        ),
        Case("padding with a score of 90000", (*loud_keys(0.0, 3e4, 6e4, 9e4), mask_of("11.."))),
        Case("tokens with scores below -100000", (*loud_keys(-3e5, -2e5, 0.0, 3e4), mask_of("11.."))),
    ),
    mistakes=(
        Mistake(
            "padding ignored",
            "Padded keys still get weight, as they do without a mask. Where does is_token meet the scores?",
            (
                lambda q, k, v, m: attend(q, k, v),
                lambda q, k, v, m: attend(q, k, v).masked_fill(~m.any(-1)[:, None, None], 0.0),
            ),
        ),
        Mistake(
            "mask inverted",
            "Your queries read the padding and leave the tokens out. Say aloud what True means in is_token, "
            "and what it means to the operation that you hand it to.",
            (
                lambda q, k, v, m: _padded(q, k, v, ~m),
                lambda q, k, v, m: _padded(q, k, v, ~m).nan_to_num(),
                lambda q, k, v, m: _padded(q, k, v, ~m, blocked=-1e9),
                lambda q, k, v, m: _cleaned(q, k, v, ~m[:, None, :]),
            ),
        ),
        Mistake(
            "NaN in an empty sequence",
            "In an empty sequence every score is -inf and the softmax divides zero by zero. What should such "
            "a row return, and how do you find it before the damage?",
            (_padded,),
        ),
        Mistake(
            "padding set to zero before the scores",
            "It comes out as if keys and values of the padding were zero. Their scores are then 0, and a "
            "score of 0 has a weight like any other: the mask belongs to the scores.",
            (lambda q, k, v, m: attend(q, k * m[..., None], v * m[..., None]),),
        ),
        Mistake(
            "average of the padding in an empty sequence",
            "In an empty sequence your output is the average of the padding: a row in which all scores are "
            "equal is a row of equal weights. Nothing to read should give nothing.",
            (lambda q, k, v, m: _padded(q, k, v, m, blocked=-1e9),),
        ),
        Mistake(
            "padding read in an empty sequence",
            "In an empty sequence your output is that of plain attention to its padding. It has harmless "
            "scores now, and no NaN; but nothing to read should give zeros.",
            (lambda q, k, v, m: attend(q, k, v, (m | ~m.any(-1, keepdim=True))[:, None, :]),),
        ),
        Mistake(
            "padded queries left without any key",
            "In the rows of padded queries all keys are masked in your result, so that their softmax "
            "divides zero by zero. The mask is about keys: let padded queries read as the others do. And "
            "what should an empty sequence return?",
            (
                lambda q, k, v, m: attend(q, k, v, _both(m)),
                lambda q, k, v, m: attend(q, k, v, _both(m)).masked_fill(~m.any(-1)[:, None, None], 0.0),
            ),
        ),
        Mistake(
            "padded queries average everything",
            "A padded query gets the average of all values in your result, of padding too: with all its "
            "keys masked, all its scores are equal. Let it read as the others do, or return zeros; and an "
            "empty sequence gives zeros.",
            (
                lambda q, k, v, m: attend(q, k, v, _both(m), blocked=-1e9),
                lambda q, k, v, m: attend(q, k, v, _both(m), blocked=-1e9) * m.any(-1)[:, None, None],
            ),
        ),
        Mistake(
            "NaN in the gradient",
            "Your gradient holds NaN: you replaced the NaN after it was made, and the backward pass still "
            "goes through the operation that made it. Keep it from being made in the first place.",
            (
                _added_infinity,
                lambda q, k, v, m: _added_infinity(q, k, v, m, late=True),
                lambda q, k, v, m: _padded(q, k, v, m).nan_to_num(),
                lambda q, k, v, m: attend(q, k, v, _both(m)).nan_to_num(),
            ),
        ),
        Mistake(
            "queries masked instead of keys",
            "Your mask acts on the rows, whose queries are padded, and lets every other query read padded "
            "keys. Which of the last two axes of the scores is the one that is read?",
            (
                lambda q, k, v, m: attend(q, k, v, m[:, :, None]),
                lambda q, k, v, m: attend(q, k, v, m[:, :, None]).nan_to_num(),
                lambda q, k, v, m: attend(q, k, v, m[:, :, None], blocked=-1e9),
                lambda q, k, v, m: attend(q, k, v, m[:, :, None], blocked=-1e9) * m.any(1)[:, None, None],
                lambda q, k, v, m: _cleaned(q, k, v, m[:, :, None]),
            ),
        ),
        Mistake(
            "mask after the softmax",
            "Padding contributes nothing, but the weights of the tokens sum to less than one: the padding "
            "took its share in the softmax before you removed it (or its values). Where must the mask act "
            "instead?",
            (_padded_after,),
        ),
        Mistake(
            "mask after the softmax, then renormalised",
            "This works while scores are small. With loud padding the softmax gives it all the weight, the "
            "tokens underflow to zero, and nothing is left to share out: the mask has to act earlier.",
            (lambda q, k, v, m: _padded_after(q, k, v, m, floor=1e-9),),
        ),
        Mistake(
            "mask after the softmax, then divided by nothing",
            "With loud padding the softmax gives it all the weight, the tokens underflow to zero, and your "
            "new division is 0/0, as it is in an empty sequence: the mask has to act earlier, and nothing to "
            "read should give zeros.",
            (lambda q, k, v, m: _padded_after(q, k, v, m, floor=0.0),),
        ),
        Mistake(
            "masked scores set to zero",
            "Padded keys count with a score of 0 in your result, and that is a score like any other, often "
            "not even a low one. What score takes a key out of the race?",
            _slip(blocked=0.0)[::2],
        ),
        Mistake(
            "a finite number such as -1e4",
            "Padding leaks through where scores are very high or very low: a finite number such as -1e4 is "
            "no wall there. Which one is, and what does it do to an empty row?",
            (
                *_slip(blocked=-1e4)[::2],
                lambda q, k, v, m: (q @ k.mT / q.shape[-1] ** 0.5 - 1e4 * ~m[:, None, :]).softmax(-1) @ v,
                lambda q, k, v, m: (
                    (q @ k.mT / q.shape[-1] ** 0.5 - 1e4 * ~m[:, None, :]).softmax(-1)
                    @ v
                    * m.any(-1)[:, None, None]
                ),
            ),
        ),
        Mistake(
            "scale missing",
            "The weights of the tokens are too sharp, the more so at larger head sizes. Something that "
            "belongs to every score is not there. (See also what an empty sequence gets, forward and "
            "backward.)",
            _slip(scale=1.0),
        ),
        Mistake(
            "scale without the root",
            "The weights of the tokens are too even, the more so at larger head sizes: the scores are "
            "divided by the head size itself. Variance or standard deviation?",
            tuple(
                lambda q, k, v, m, slip=number: _slip(scale=1 / q.shape[-1])[slip](q, k, v, m)
                for number in range(3)
            ),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your weights sum to one over the queries, not the keys: each column is shared out instead of "
            "each row. Which axis of the table holds the choices that one query has?",
            _slip(axis=-2),
        ),
    ),
    observe=_look,
    parts=("output", "gradient of the query", "gradient of the key", "gradient of the value"),
)


EXERCISES = (PADDING,)
