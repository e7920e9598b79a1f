"""Exercises of chapter 4.2, the part on the decoder: cross-attention, and the whole decoder layer.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
from collections.abc import Callable

import torch

from llmasos_edu.exercises.attention.masks import attend, mask_of
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.transformer.layers import make_network

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


def _cross_late(x, memory, keep, wq, wk, wv):
    scores = (x @ wq) @ (memory @ wk).mT / wq.shape[-1] ** 0.5
    return (scores.softmax(-1) * keep[:, None, :]) @ (memory @ wv)


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
        _cross_case("scores of tens of thousands", 707, 3, mask_of("1...", "..1."), 6, 4, size=3e4),
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
            "a finite number such as -1e4",
            "Right, except where scores reach tens of thousands: a finite number such as -1e4 is outvoted "
            "there, and padding is read. Which number loses against every score?",
            (lambda *a: _cross(*a, blocked=-1e4),),
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
            "up, and x may be wider or narrower than a query.",
            (lambda *a: _cross(*a, scale=a[0].shape[-1] ** -0.5),),
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


# 4.2-6 --------------------------------------------------------------------------------


def decoder_layer(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    """x [batch, target, d_model], memory [batch, source, d_model], memory_keep [batch, source] -> as x."""
    target = x.shape[1]
    causal = torch.ones(target, target, dtype=torch.bool).tril()
    x = x + self_attention(x, causal)
    x = x + cross_attention(x, memory, memory_keep[:, None, :])
    return x + feed_forward(x)


def _make_attention(seed: int, d_model: int) -> Callable:
    """attention(x, memory, mask) with weights of its own; refuses a mask that is not boolean."""
    matrices = [1.5 * w / d_model**0.5 for w in random_tensors(seed, *[(d_model, d_model)] * 3)]

    def attention(x, memory, mask):
        if mask.dtype != torch.bool:
            raise TypeError(f"the mask must be boolean, True where a query may read a key; got {mask.dtype}")
        query, key, value = (side @ w for side, w in zip((x, memory, memory), matrices, strict=True))
        return attend(query, key, value, mask)

    return attention


def _triangle(x, diagonal=0):
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(diagonal)


def _everyone(x, memory):
    return torch.ones(x.shape[1], memory.shape[1], dtype=torch.bool)


def _decoder(x, memory, keep, own, cross, network, *, mask=_triangle, read=None):
    x = x + own(x, mask(x))
    x = x + (cross(x, memory, keep[:, None, :]) if read is None else read(x, memory, keep, cross))
    return x + network(x)


def _one_sum(x, y, keep, own, cross, network):
    return x + network(cross(own(x, _triangle(x)), y, keep[:, None, :]))


def _cross_replaces(x, y, keep, own, cross, network):
    x = cross(x + own(x, _triangle(x)), y, keep[:, None, :])
    return x + network(x)


def _cross_on_the_old(x, y, keep, own, cross, network):
    x = x + cross(x, y, keep[:, None, :])
    return x + network(x)


def _self_replaces(x, y, keep, own, cross, network):
    x = own(x, _triangle(x))
    x = x + cross(x, y, keep[:, None, :])
    return x + network(x)


def _network_replaces(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x))
    return network(x + cross(x, y, keep[:, None, :]))


def _cross_first(x, y, keep, own, cross, network):
    x = x + cross(x, y, keep[:, None, :])
    x = x + own(x, _triangle(x))
    return x + network(x)


def _network_in_the_middle(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x))
    x = x + network(x)
    return x + cross(x, y, keep[:, None, :])


def _decoder_case(name: str, seed: int, target: int, keep: torch.Tensor, d_model: int) -> Case:
    batch, source = keep.shape
    x, memory = random_tensors(seed, (batch, target, d_model), (batch, source, d_model))
    own = _make_attention(seed + 1, d_model)
    cross, network = _make_attention(seed + 2, d_model), make_network(seed + 3, d_model)
    return Case(name, (x, memory, keep, lambda x, mask: own(x, x, mask), cross, network))


DECODER_LAYER = Exercise(
    key="4.2-6",
    title="The decoder layer and its two masks",
    difficulty=3,
    minutes=20,
    statement=(
        "Put a decoder layer together (its norms left out): self-attention, then cross-attention, then the "
        "feed-forward network, each with a residual of its own. Given are self_attention(x, mask), "
        "cross_attention(x, memory, mask) and feed_forward(x). You make the masks: boolean, broadcastable to "
        "[batch, query, key], True where a query may read a key. Target token t reads target tokens 0 to t "
        "and every source token that memory_keep [batch, source] calls real."
    ),
    takeaway="The future of the target is hidden, the source is read whole, and its padding by nobody.",
    reference=decoder_layer,
    explanation="Each mask is that of what is read: a triangle over the target, padding over the source.",
    hints=(
        "Three sub-layers, three residuals. Write those three lines first, with masks that you have not made "
        "yet.",
        "The first mask is [target, target]. Draw it for three tokens: which triangle holds True, and does "
        "the diagonal belong to it?",
        "The second must fit [batch, target, source], and memory_keep is [batch, source]. All target tokens "
        "share it: where does the axis of size 1 go?",
    ),
    cases=(
        _decoder_case("4 target tokens, sources of 5 and 3 tokens", 720, 4, mask_of("11111", "111.."), 6),
        _decoder_case("one sequence of 5 tokens, a source of 5", 730, 5, mask_of("11111"), 4),
        _decoder_case("a single target token", 740, 1, mask_of("1111", "11..", "..11"), 6),
        _decoder_case("as many sequences as target tokens", 750, 3, mask_of("11..", "1111", "111."), 5),
        _decoder_case("a target longer than its source", 760, 6, mask_of("1.", "11"), 8),
    ),
    mistakes=(
        Mistake(
            "decoder without mask",
            "I changed a later target token, and earlier outputs changed with it: self-attention reads the "
            "whole target. In training it would copy the next word instead of learning to guess it.",
            (lambda *a: _decoder(*a, mask=lambda x: _triangle(x, x.shape[1])),),
        ),
        Mistake(
            "one token of the future",
            "Your triangle is one step too generous: token t also reads token t + 1, the very word that it "
            "has to guess. Check which diagonal it ends on.",
            (lambda *a: _decoder(*a, mask=lambda x: _triangle(x, 1)),),
        ),
        Mistake(
            "token cannot see itself",
            "Your triangle is one step too strict: token t reads tokens up to t - 1 only, and the first has "
            "nothing left to read. Its own word has been written already.",
            (
                lambda *a: _decoder(*a, mask=lambda x: _triangle(x, -1)),
                lambda *a: _decoder(*a, mask=lambda x: _triangle(x, -1)).nan_to_num(),
            ),
        ),
        Mistake(
            "causal mask inverted",
            "Your target tokens read their future and not their past. In these functions True means 'may "
            "read': which triangle is that?",
            (
                lambda *a: _decoder(*a, mask=lambda x: _triangle(x).mT),
                lambda *a: _decoder(*a, mask=lambda x: ~_triangle(x)),
                lambda *a: _decoder(
                    *a,
                    mask=lambda x: ~_triangle(x),
                    read=lambda x, y, keep, cross: cross(x, y, ~keep[:, None, :]),
                ),
            ),
        ),
        Mistake(
            "padding of the source ignored",
            "The padding of a short source changes your result: cross-attention got a mask that lets "
            "everything through. What does memory_keep say?",
            (lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, y, _everyone(x, y))),),
        ),
        Mistake(
            "padding mask inverted",
            "Cross-attention reads the padding and leaves the source tokens out. True means the same in "
            "memory_keep and in the masks of these functions.",
            (lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, y, ~keep[:, None, :])),),
        ),
        Mistake(
            "axis missing in the padding mask",
            "The batch axis of memory_keep falls on the axis of the queries, as it does when memory_keep "
            "is handed on as it is: an error in most cases, and a wrong mask without any error where the "
            "two sizes agree.",
            (lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, y, keep)),),
        ),
        Mistake(
            "causal mask on the source",
            "Target token t reads source tokens 0 to t only. The whole source is there before the first "
            "word is written, so no part of it is future.",
            (
                lambda *a: _decoder(
                    *a, read=lambda x, y, keep, cross: cross(x, y, keep[:, None, :] & _everyone(x, y).tril())
                ),
                lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, y, _everyone(x, y).tril())),
            ),
        ),
        Mistake(
            "query and key exchanged",
            "In your cross-attention the source asks and the target answers. The first argument is the "
            "side that reads; the result has its length.",
            (
                lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(y, x, keep[:, None, :])),
                lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(y, x, keep[:, :, None])),
            ),
        ),
        Mistake(
            "cross-attention reads the target",
            "Nothing of the source reaches your result: cross-attention was given x on both sides. Which "
            "argument is what is read?",
            (lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, x, _triangle(x))),),
        ),
        Mistake(
            "a residual missing",
            "The masks are right, but one of the sub-layers replaces x instead of adding to it (or all "
            "three share one sum). How many sums should there be?",
            (_one_sum, _cross_replaces, _self_replaces, _network_replaces),
        ),
        Mistake(
            "self-attention thrown away",
            "Nothing of self-attention reaches your result: cross-attention reads the layer's x, and is "
            "added to it. Each sub-layer goes on from the sum before it.",
            (_cross_on_the_old,),
        ),
        Mistake(
            "another order",
            "All parts are there, in another order. First the target looks at itself, then at the source, "
            "and the feed-forward network works on what both have gathered.",
            (_cross_first, _network_in_the_middle),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (CROSS, DECODER_LAYER)
