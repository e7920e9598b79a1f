"""Exercise of chapter 4.2: the decoder layer and its two masks.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.attention.masks import attend, mask_of
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.transformer.layers import make_network

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


def _read_the_padding(x, memory, keep, cross):
    return cross(x, memory, ~keep[:, None, :])


def _from_first_to_last(keep):
    """All source tokens from the first real one to the last."""
    behind = keep.flip(1).long().cumsum(1).flip(1) > 0
    return behind & (keep.long().cumsum(1) > 0)


def _cut_to_the_longest(memory, keep):
    """As much of the source as its row with the most real tokens has of them."""
    longest = int(keep.sum(1).max())
    return memory[:, :longest], keep[:, :longest]


def _one_sum(x, y, keep, own, cross, network):
    return x + network(cross(own(x, _triangle(x)), y, keep[:, None, :]))


def _cross_replaces(x, y, keep, own, cross, network):
    x = cross(x + own(x, _triangle(x)), y, keep[:, None, :])
    return x + network(x)


def _cross_on_the_old(x, y, keep, own, cross, network):
    x = x + cross(x, y, keep[:, None, :])
    return x + network(x)


def _without_cross(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x))
    return x + network(x)


def _without_network(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x))
    return x + cross(x, y, keep[:, None, :])


def _cross_reads_the_old(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x)) + cross(x, y, keep[:, None, :])
    return x + network(x)


def _network_reads_the_old(x, y, keep, own, cross, network):
    x = x + own(x, _triangle(x))
    return x + cross(x, y, keep[:, None, :]) + network(x)


def _side_by_side(x, y, keep, own, cross, network):
    return x + own(x, _triangle(x)) + cross(x, y, keep[:, None, :]) + network(x)


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
    any_order=False,
    cases=(
        _decoder_case("4 target tokens, sources of 5 and 3 tokens", 720, 4, mask_of("11111", "111.."), 6),
        _decoder_case("one sequence of 5 tokens, a source of 5", 730, 5, mask_of("11111"), 4),
        _decoder_case("a single target token", 740, 1, mask_of("1111", "11..", "..11"), 6),
        _decoder_case("as many sequences as target tokens", 750, 3, mask_of("11..", "1111", "111."), 5),
        _decoder_case("a target longer than its source", 760, 6, mask_of("1.1", ".1."), 8),
    ),
    mistakes=(
        Mistake(
            "decoder without mask",
            "A later target token changes earlier outputs of your layer: self-attention reads the whole "
            "target. In training it would copy the next word instead of learning to guess it.",
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
            ),
        ),
        Mistake(
            "both masks inverted",
            "Both of your masks are turned round: the target reads its future and not its past, and the "
            "padding and not the source. In these functions, and in memory_keep, True means 'may read'.",
            (
                lambda *a: _decoder(*a, mask=lambda x: ~_triangle(x), read=_read_the_padding),
                lambda *a: _decoder(*a, mask=lambda x: _triangle(x).mT, read=_read_the_padding),
            ),
        ),
        Mistake(
            "padding of the source ignored",
            "The padding of a short source changes your result: cross-attention got a mask that lets "
            "everything through. What does memory_keep say?",
            (lambda *a: _decoder(*a, read=lambda x, y, keep, cross: cross(x, y, _everyone(x, y))),),
        ),
        Mistake(
            "all from the first token to the last",
            "Right where no padding stands between the tokens of a source. Where some does, it comes out as "
            "if it were read: all from the first real token to the last. memory_keep says of each whether it "
            "is real.",
            (lambda x, y, keep, *parts: decoder_layer(x, y, _from_first_to_last(keep), *parts),),
        ),
        Mistake(
            "the source cut off",
            "It comes out as if the source ended after as many places as the fullest row has real tokens. "
            "Padding may stand in front of tokens or between them, and then some are cut off.",
            (lambda x, y, keep, *parts: decoder_layer(x, *_cut_to_the_longest(y, keep), *parts),),
        ),
        Mistake(
            "padding mask inverted",
            "Cross-attention reads the padding and leaves the source tokens out. True means the same in "
            "memory_keep and in the masks of these functions.",
            (lambda *a: _decoder(*a, read=_read_the_padding),),
        ),
        Mistake(
            "axis missing in the padding mask",
            "The batch axis of memory_keep falls on the axis of the queries, as it does when memory_keep "
            "is handed on as it is: an error in some cases, and no error but a wrong result where the two "
            "sizes agree or there is one query.",
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
            "a part left out",
            "One of the three has no part in your result: cross-attention (then nothing of the source "
            "reaches it), or the feed-forward network. Which line is not there, or whose value is not used?",
            (
                _without_cross,
                _without_network,
            ),
        ),
        Mistake(
            "an older x read",
            "All three results are added, but at least one sub-layer reads x as it was earlier. Each reads "
            "the sum that the one before it has added to.",
            (
                _cross_reads_the_old,
                _network_reads_the_old,
                _side_by_side,
            ),
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


EXERCISES = (DECODER_LAYER,)
