"""Exercises of chapter 4.2, the part on the decoder: cross-attention.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.attention.masks import attend, mask_of
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2-5 --------------------------------------------------------------------------------


def cross_attention(x, memory, memory_keep, w_query, w_key, w_value):
    """x [batch, target, d_model], memory [batch, source, d_model], memory_keep [batch, source],
    w_* [d_model, dim] -> [batch, target, dim]."""
    query, key, value = x @ w_query, memory @ w_key, memory @ w_value
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~memory_keep[:, None, :], -torch.inf).softmax(dim=-1)
    return weights @ value


def _cross(x, memory, keep, wq, wk, wv, **options):
    return attend(x @ wq, memory @ wk, memory @ wv, keep[:, None, :], **options)


def _cross_late(x, memory, keep, wq, wk, wv, floor=None):
    scores = (x @ wq) @ (memory @ wk).mT / wq.shape[-1] ** 0.5
    weights = scores.softmax(-1) * keep[:, None, :]
    return (weights if floor is None else weights / (weights.sum(-1, keepdim=True) + floor)) @ (memory @ wv)


def _cross_log(x, memory, keep, wq, wk, wv, floor):
    """The logarithm of the mask, held above minus infinity, is added to the scores."""
    scores = (x @ wq) @ (memory @ wk).mT / wq.shape[-1] ** 0.5
    return (scores + (keep[:, None, :] + floor).log()).softmax(-1) @ (memory @ wv)


def _cross_clamped(x, memory, keep, wq, wk, wv, most=50.0):
    scores = ((x @ wq) @ (memory @ wk).mT / wq.shape[-1] ** 0.5).clamp(-most, most)
    return scores.masked_fill(~keep[:, None, :], -torch.inf).softmax(-1) @ (memory @ wv)


def _cross_plus_one(x, memory, keep, wq, wk, wv):
    scores = (x @ wq) @ (memory @ wk).mT / wq.shape[-1] ** 0.5
    return (scores + keep[:, None, :].float()).softmax(-1) @ (memory @ wv)


def _cross_causal(x, memory, keep, wq, wk, wv):
    causal = torch.ones(x.shape[1], memory.shape[1], dtype=torch.bool).tril()
    return attend(x @ wq, memory @ wk, memory @ wv, keep[:, None, :] & causal)


def _cross_case(
    name: str, seed: int, target: int, keep: torch.Tensor, d_model: int, dim: int, *, size: float = 1.0
) -> Case:
    batch, source = keep.shape
    shapes = (batch, target, d_model), (batch, source, d_model), *[(d_model, dim)] * 3
    x, memory, *rest = random_tensors(seed, *shapes)
    return Case(name, (size * x, memory, keep, *(1.5 * w / d_model**0.5 for w in rest)))


CROSS = Exercise(
    key="4.2-5",
    title="Cross-attention",
    difficulty=2,
    minutes=15,
    statement=(
        "Every token of the target x reads the encoder's output, memory: x asks, memory answers. Sources of "
        "different lengths share a batch, so memory_keep says which source tokens are real (True); the "
        "padding must get no weight. Scale as in self-attention. Matrices are applied as x @ w."
    ),
    takeaway="Each row of these weights is an alignment: which source tokens one target token was read from.",
    reference=cross_attention,
    explanation="Only the query comes from the target; keys, values and so the mask belong to the source.",
    hints=(
        "Which side asks the question, and which side holds what is looked up and read? That decides what "
        "each of the three matrices is applied to.",
        "The table of scores is [batch, target, source]. Along which of its axes does memory_keep lie, and "
        "where does it need an axis of size 1?",
        "Is there a reason here for a target token not to read the last word of the source? So what about a "
        "causal mask?",
    ),
    cases=(
        _cross_case("3 target tokens, sources of 5 and 3 tokens", 701, 3, mask_of("11111", "111.."), 6, 4),
        _cross_case("a source as long as the target, no padding", 702, 4, mask_of("1111", "1111"), 8, 8),
        _cross_case("a single target token, padding in front", 703, 1, mask_of("..111", "1111."), 4, 16),
        _cross_case("a source of one token", 704, 3, mask_of("1", "1"), 5, 3),
        _cross_case("a target longer than its source", 705, 6, mask_of("11.", "111"), 4, 9),
        _cross_case("as many target as source tokens, with padding", 706, 4, mask_of("11..", "111."), 6, 6),
        _cross_case("scores of tens of thousands", 707, 3, mask_of("1.1.", "..11"), 6, 4, size=3e4),
    ),
    mistakes=(
        Mistake(
            "query and key exchanged",
            "Your memory asks and the target answers: with 3 target and 5 source tokens you return 5 rows, "
            "or the mask does not fit. Whose token should each row of the result belong to?",
            (
                lambda x, y, keep, wq, wk, wv: attend(y @ wq, x @ wk, x @ wv),
                lambda x, y, keep, wq, wk, wv: attend(y @ wq, x @ wk, x @ wv, keep[:, None, :]),
                lambda x, y, keep, wq, wk, wv: attend(y @ wq, x @ wk, x @ wv, keep[:, :, None]),
                lambda x, y, keep, wq, wk, wv: attend(y @ wq, x @ wk, y @ wv, keep[:, None, :]),
            ),
        ),
        Mistake(
            "matrices of query and key exchanged",
            "The right side asks, but with the wrong matrix: w_key is applied to x and w_query to memory. "
            "The name of a matrix says what it makes.",
            (lambda x, y, keep, wq, wk, wv: _cross(x, y, keep, wk, wq, wv),),
        ),
        Mistake(
            "target attends to itself",
            "Keys and values come from x, so memory has no influence at all: this is self-attention. What "
            "is memory for?",
            (
                lambda x, y, keep, wq, wk, wv: attend(x @ wq, x @ wk, x @ wv),
                lambda x, y, keep, wq, wk, wv: attend(x @ wq, x @ wk, x @ wv, keep[:, None, :]),
            ),
        ),
        Mistake(
            "values from the target",
            "Your weights look at the source, but the values that they carry are the target's own. What is "
            "read out belongs to the same tokens as the keys.",
            (lambda x, y, keep, wq, wk, wv: attend(x @ wq, y @ wk, x @ wv, keep[:, None, :]),),
        ),
        Mistake(
            "padding of the source ignored",
            "A source token that is padding changes your result: memory_keep has no influence. The longer "
            "the longest source of the batch, the worse the others would be translated.",
            (lambda x, y, keep, wq, wk, wv: attend(x @ wq, y @ wk, y @ wv),),
        ),
        Mistake(
            "mask inverted",
            "Where there is padding, your queries read it and leave the tokens out. What does True mean in "
            "memory_keep, and what does it mean to the operation that you hand it to?",
            (
                lambda x, y, keep, *w: _cross(x, y, ~keep, *w),
                lambda x, y, keep, *w: _cross(x, y, ~keep, *w, blocked=-1e9),
            ),
        ),
        Mistake(
            "mask after the softmax",
            "The padding is gone, but the weights of the real tokens sum to less than one: the softmax had "
            "already given the padding its share.",
            (_cross_late, lambda x, y, keep, *w: _cross(x, y * keep[..., None], torch.ones_like(keep), *w)),
        ),
        Mistake(
            "mask after the softmax, then renormalised",
            "This works while scores are small. With scores of tens of thousands the softmax gives padding "
            "all the weight, the real tokens underflow to zero, and nothing is left to share out: the mask "
            "has to act earlier.",
            (
                lambda *a: _cross_late(*a, floor=0.0),
                lambda *a: _cross_late(*a, floor=1e-9),
            ),
        ),
        Mistake(
            "mask along the queries",
            "memory_keep lies along the queries in your mask. Where target and source differ in length, "
            "that is an error or a result of another length; where they agree, a wrong mask and no error. "
            "Which axis of the scores counts the source?",
            (lambda x, y, keep, wq, wk, wv: attend(x @ wq, y @ wk, y @ wv, keep[:, :, None]),),
        ),
        Mistake(
            "a finite number such as -1e4",
            "Right, except where scores reach tens of thousands: a finite number such as -1e4 is outvoted "
            "there, and padding is read. Which number loses against every score?",
            (
                lambda *a: _cross(*a, blocked=-1e4),
                lambda *a: _cross_log(*a, 1e-9),
            ),
        ),
        Mistake(
            "the mask added as numbers",
            "It comes out as if memory_keep were added to the scores, 1 for a token and 0 for padding. The "
            "padding keeps a weight: what has to be added for a weight of nothing?",
            (_cross_plus_one,),
        ),
        Mistake(
            "the first ones taken for the real ones",
            "Right where the padding stands behind. You count how many tokens are real and take the first "
            "ones; memory_keep says which they are, and padding may stand in front.",
            (
                lambda x, y, keep, *w: _cross(
                    x, y, torch.arange(keep.shape[1]) < keep.sum(1, keepdim=True), *w
                ),
            ),
        ),
        Mistake(
            "scores held within limits",
            "Right, except where scores reach tens of thousands: it comes out as if they were cut off at a "
            "limit, so that two large ones look alike. The softmax takes the largest away by itself.",
            (_cross_clamped,),
        ),
        Mistake(
            "masked scores set to zero",
            "Padding gets a score of 0 in your result, and that is a score like any other. Which score "
            "becomes a weight of nothing?",
            (lambda *a: _cross(*a, blocked=0.0),),
        ),
        Mistake(
            "causal mask on the source",
            "Your target token t reads source tokens 0 to t only. The whole source is known before the "
            "first word is written: nothing in it lies in the future.",
            (_cross_causal,),
        ),
        Mistake(
            "scale missing",
            "Your weights are too sharp, the more so the wider the heads: the scores keep the spread of "
            "their sum. Which division from chapter 4.1 is not there?",
            (lambda *a: _cross(*a, scale=1.0),),
        ),
        Mistake(
            "scale of another width",
            "You divide, but by the root of another width: what matters is how many products a score adds "
            "up. x may be wider or narrower than a query, and the source longer or shorter.",
            (
                lambda *a: _cross(*a, scale=a[0].shape[-1] ** -0.5),
                lambda *a: _cross(*a, scale=a[1].shape[1] ** -0.5),
            ),
        ),
        Mistake(
            "scale without the root",
            "Your weights are too even, the more so the wider the queries: the scores are divided by the "
            "width itself. Variance or standard deviation?",
            (lambda *a: _cross(*a, scale=1 / a[3].shape[-1]),),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your weights sum to one over the target: each source token is shared out among the words that "
            "are written. Who has one unit of attention to give?",
            (lambda *a: _cross(*a, axis=-2),),
        ),
    ),
)


EXERCISES = (CROSS,)
