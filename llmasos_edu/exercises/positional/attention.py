"""Exercises of chapter 4.2.3, the part inside attention: what is rotated.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.attention.masks import attend
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.positional.rotary import rotate as rotate_pairs

# 4.2.3-8 --------------------------------------------------------------------------------


def rotary_attention(query, key, value, rotate):
    """query [batch, heads, new, head_dim], key and value [batch, heads, seq, head_dim], rotate(x, positions)
    -> output [batch, heads, new, head_dim]."""
    new, seq = query.shape[-2], key.shape[-2]
    key_positions = torch.arange(seq)
    query_positions = key_positions[seq - new :]
    scores = rotate(query, query_positions) @ rotate(key, key_positions).transpose(-2, -1)
    future = key_positions > query_positions[:, None]
    scores = scores.masked_fill(future, -torch.inf)
    return (scores / math.sqrt(query.shape[-1])).softmax(dim=-1) @ value


def _rotary(
    query,
    key,
    value,
    rotate,
    *,
    turn_query=True,
    turn_key=True,
    turn_value=False,
    first=None,
    mask=True,
    scale=None,
):
    """Rotary attention with knobs; `first` is the position that the first query is believed to have."""
    new, seq = query.shape[-2], key.shape[-2]
    keys, queries = torch.arange(seq), torch.arange(seq - new, seq)
    allowed = keys <= queries[:, None] if mask else None
    believed = queries if first is None else torch.arange(new) + first
    return attend(
        rotate(query, believed) if turn_query else query,
        rotate(key, keys) if turn_key else key,
        rotate(value, keys) if turn_value else value,
        allowed,
        scale=scale,
    )


def _rows_from_zero(query, key, value, rotate, first=None):
    """A causal mask that believes the first query to stand at position 0."""
    new, seq = query.shape[-2], key.shape[-2]
    allowed = torch.arange(seq) <= torch.arange(new)[:, None]
    queries = torch.arange(seq - new, seq) if first is None else torch.arange(new) + first
    return attend(rotate(query, queries), rotate(key, torch.arange(seq)), value, allowed)


def _causal_for_several(query, key, value, rotate):
    """Right for a single new token; several get the mask that believes the first to stand at position 0."""
    answer = rotary_attention if query.shape[-2] == 1 else _rows_from_zero
    return answer(query, key, value, rotate)


def _mask_shifted(query, key, value, rotate, ahead):
    keys = torch.arange(key.shape[-2])
    queries = keys[len(keys) - query.shape[-2] :]
    allowed = keys <= queries[:, None] + ahead
    return attend(rotate(query, queries), rotate(key, keys), value, allowed)


def _masked(query, key, value, rotate, may_read):
    keys = torch.arange(key.shape[-2])
    queries = keys[len(keys) - query.shape[-2] :]
    return attend(rotate(query, queries), rotate(key, keys), value, may_read(keys, queries[:, None]))


def _scores(query, key, rotate):
    keys = torch.arange(key.shape[-2])
    queries = keys[len(keys) - query.shape[-2] :]
    scores = rotate(query, queries) @ rotate(key, keys).mT / math.sqrt(query.shape[-1])
    return scores, keys <= queries[:, None]


def _hidden_by_zeros(query, key, value, rotate, late=False):
    """Later keys get a score of 0, or a weight of 0 when the softmax has been taken."""
    scores, allowed = _scores(query, key, rotate)
    return (scores.softmax(-1) * allowed if late else (scores * allowed).softmax(-1)) @ value


def _shared_out_again(query, key, value, rotate, floor):
    scores, allowed = _scores(query, key, rotate)
    weights = scores.softmax(-1) * allowed
    return weights / (weights.sum(-1, keepdim=True) + floor) @ value


def _held(query, key, value, rotate, blocked=-torch.inf, most=torch.inf):
    scores, allowed = _scores(query, key, rotate)
    return scores.clamp(-most, most).masked_fill(~allowed, blocked).softmax(-1) @ value


def _powers_of_e(query, key, value, rotate):
    scores, allowed = _scores(query, key, rotate)
    powers = scores.exp() * allowed
    return powers / powers.sum(-1, keepdim=True) @ value


def _softmax_over_queries(query, key, value, rotate):
    scores, allowed = _scores(query, key, rotate)
    return scores.masked_fill(~allowed, -torch.inf).softmax(-2) @ value


def _new_keys_turned(query, key, value, rotate):
    keys = torch.arange(key.shape[-2])
    queries = keys[len(keys) - query.shape[-2] :]
    turned = torch.cat((key[..., : queries[0], :], rotate(key[..., queries[0] :, :], queries)), -2)
    return attend(rotate(query, queries), turned, value, keys <= queries[:, None])


def _output_turned(query, key, value, rotate, back=False):
    output = _rotary(query, key, value, rotate, turn_value=back)
    queries = torch.arange(key.shape[-2] - query.shape[-2], key.shape[-2])
    return rotate(output, -queries if back else queries)


def _keys_backwards(query, key, value, rotate):
    return _rotary(query, rotate(key, -torch.arange(key.shape[-2])), value, rotate, turn_key=False)


def _all_twice(query, key, value, rotate):
    return _rotary(query, key, value, lambda x, positions: rotate(rotate(x, positions), positions))


def _sum_of_scores(query, key, value, rotate):
    """Scores with and without rotation added up."""
    new, seq = query.shape[-2], key.shape[-2]
    queries = torch.arange(seq - new, seq)
    both = (
        torch.cat((query, rotate(query, queries)), -1),
        torch.cat((key, rotate(key, torch.arange(seq))), -1),
    )
    allowed = torch.arange(seq) <= queries[:, None]
    return attend(*both, value, allowed, scale=query.shape[-1] ** -0.5)


def _rotary_case(
    name: str, seed: int, batch: int, heads: int, new: int, seq: int, size: int, *, loud: float = 1.5
) -> Case:
    shapes = ((batch, heads, new, size), (batch, heads, seq, size), (batch, heads, seq, size))
    query, key, value = random_tensors(seed, *shapes)
    return Case(
        name, (loud * query, 1.5 * key, value, lambda x, positions: rotate_pairs(x, positions, 100.0))
    )


ROTARY_ATTENTION = Exercise(
    key="4.2.3-8",
    title="Rotary positions in attention",
    difficulty=3,
    minutes=20,
    statement=(
        "Causal attention with rotary positions and a cache: keys and values are those of all tokens, "
        "queries those of the new ones, which stand at the end. rotate(x, positions) is given and turns "
        "x [..., n, head_dim] by positions [n]. Keys are stored unrotated. Rotate what has to be rotated, "
        "each by its true position, hide what lies in the future, and scale as usual."
    ),
    takeaway="Scores depend on distances alone, so a token added later fits the prompt that came first.",
    reference=rotary_attention,
    explanation="Turned queries and keys meet in a product that knows their distance; values stay put.",
    hints=(
        "A rotation shall change which token is looked at, and nothing about what is fetched from it. Which "
        "of the three does that concern?",
        "There are seq keys, at positions 0 to seq - 1. The new queries are the last of these tokens: at "
        "which position does the first of them stand?",
        "The same positions tell what is future: compare each key's position with each query's.",
    ),
    cases=(
        _rotary_case("5 tokens, nothing cached", 1401, 2, 1, 5, 5, 4),
        _rotary_case("one new token after 6", 1402, 2, 2, 1, 7, 8),
        _rotary_case("3 new tokens after 4", 1403, 1, 2, 3, 7, 6),
        _rotary_case("a single token, nothing cached", 1404, 1, 3, 1, 1, 4),
        _rotary_case("3 heads, 4 new tokens after 1", 1405, 2, 3, 4, 5, 16),
        _rotary_case("2 new tokens after 10", 1406, 1, 1, 2, 12, 2),
        _rotary_case("scores of tens of thousands", 1467, 1, 2, 3, 4, 4, loud=3e4),
    ),
    mistakes=(
        Mistake(
            "values rotated",
            "You rotate the values too, so what is fetched from a token depends on where it stands. "
            "Positions decide where to look, not what is found there.",
            (lambda *a: _rotary(*a, turn_value=True),),
        ),
        Mistake(
            "queries not rotated",
            "Only the keys turn. A score then depends on the absolute position of the key, and not on the "
            "distance. Which vector turns with it?",
            (lambda *a: _rotary(*a, turn_query=False),),
        ),
        Mistake(
            "keys not rotated",
            "Only the queries turn. A score then depends on the absolute position of the query, and not on "
            "the distance. Which vector turns with it?",
            (lambda *a: _rotary(*a, turn_key=False),),
        ),
        Mistake(
            "nothing rotated",
            "This is attention without any positions: among the past tokens, order makes no difference. "
            "Where should rotate come in?",
            (lambda *a: _rotary(*a, turn_key=False, turn_query=False),),
        ),
        Mistake(
            "only the values rotated",
            "The values are turned, and queries and keys are not: where a token looks does not depend on "
            "positions, and what it fetches does. It should be the other way round.",
            (lambda *a: _rotary(*a, turn_key=False, turn_query=False, turn_value=True),),
        ),
        Mistake(
            "queries counted from 0",
            "Without a cache you are right. With one, your new queries believe that they stand at the "
            "beginning: how many tokens come before the first of them?",
            (lambda *a: _rotary(*a, first=0), lambda *a: _rows_from_zero(*a, first=0)),
        ),
        Mistake(
            "mask counted from 0",
            "All is rotated rightly, and without a cache you are right. With one, your mask puts the new "
            "queries at the beginning (as is_causal does), so that each sees too few keys: how many keys "
            "come before the first of them?",
            (_rows_from_zero,),
        ),
        Mistake(
            "is_causal for several",
            "Without a cache you are right, and with a single new token. For several behind a cache your "
            "mask begins at the first key (as is_causal does), so that each sees too few keys: how many "
            "keys come before the first of them?",
            (_causal_for_several,),
        ),
        Mistake(
            "queries one place off",
            "Queries and keys are one place off against each other, so that every distance is off by one: a "
            "token has distance 0 to itself. The first key stands at 0; how many keys come before the first "
            "query?",
            (
                lambda q, k, v, r: _rotary(q, k, v, r, first=k.shape[-2] - q.shape[-2] - 1),
                lambda q, k, v, r: _rotary(q, k, v, r, first=k.shape[-2] - q.shape[-2] + 1),
            ),
        ),
        Mistake(
            "mask missing",
            "A single new token comes out right. Several of them see each other's future: nothing is hidden "
            "in your scores.",
            (lambda *a: _rotary(*a, mask=False),),
        ),
        Mistake(
            "mask one place off",
            "All is rotated rightly, but your mask is one place off: a new token reads the next one too, or "
            "not even itself. Compare each key's position with each query's.",
            (
                lambda *a: _mask_shifted(*a, 1),
                lambda *a: _mask_shifted(*a, -1),
            ),
        ),
        Mistake(
            "keys in the cache not rotated",
            "Only the keys of the new tokens turn. Those in the cache are stored unrotated: all keys are to "
            "be turned, each by its own position.",
            (_new_keys_turned,),
        ),
        Mistake(
            "keys rotated backwards",
            "Queries turn one way and keys the other, so scores depend on the sum of the positions and not "
            "on their difference.",
            (_keys_backwards,),
        ),
        Mistake(
            "all rotated backwards",
            "Queries and keys are both turned backwards, by minus their positions. A key five places back "
            "then scores like one five places ahead: the sign of the distance counts.",
            (lambda q, k, v, r: _rotary(q, k, v, lambda x, p: r(x, -p)),),
        ),
        Mistake(
            "rotated twice",
            "Queries and keys are both turned twice, so distances count double. Keys in this cache are "
            "stored unrotated, and one turn is enough.",
            (_all_twice,),
        ),
        Mistake(
            "keys rotated twice",
            "One of the two sides, keys or queries, is turned twice and the other once, so scores depend "
            "on more than the distance. Keys in this cache are stored unrotated, and one turn by their "
            "positions is enough.",
            (
                lambda q, k, v, r: _rotary(q, r(k, torch.arange(k.shape[-2])), v, r),
                lambda q, k, v, r: _rotary(r(q, torch.arange(k.shape[-2])[-q.shape[-2] :]), k, v, r),
            ),
        ),
        Mistake(
            "output rotated",
            "You rotate what attention returns. The rotation belongs to the scores, before the softmax; the "
            "output is a plain mean of values.",
            (
                _output_turned,
                lambda q, k, v, r: r(
                    _rotary(q, k, v, r, turn_key=False, turn_query=False),
                    torch.arange(k.shape[-2] - q.shape[-2], k.shape[-2]),
                ),
            ),
        ),
        Mistake(
            "scale missing",
            "Rotation and mask are right, but the weights are too sharp, the more so for wide heads. A "
            "rotation changes no length, so the scores need their usual division.",
            (lambda *a: _rotary(*a, scale=1.0),),
        ),
        Mistake(
            "another scale",
            "Rotation and mask are right, but the scores are divided by something else than the root of a "
            "head's width: by the width itself, or by the root of the number of keys.",
            (
                lambda *a: _rotary(*a, scale=1 / a[0].shape[-1]),
                lambda *a: _rotary(*a, scale=a[1].shape[-2] ** -0.5),
            ),
        ),
        Mistake(
            "the past hidden",
            "It comes out as if your mask hid the past and showed the future. A new token reads every key "
            "whose position is not higher than its own.",
            (
                lambda *a: _masked(*a, lambda keys, queries: keys >= queries),
                lambda *a: _masked(*a, lambda keys, queries: keys > queries),
            ),
        ),
        Mistake(
            "mask after the softmax",
            "A single new token comes out right. With several it comes out as if later keys lost their "
            "weight after the softmax only: what is left sums to less than one.",
            (lambda *a: _hidden_by_zeros(*a, late=True),),
        ),
        Mistake(
            "mask after the softmax, then renormalised",
            "Right while scores are small. Where they reach tens of thousands, the softmax gives later keys "
            "all the weight in some rows, and nothing is left to share out: the mask has to act earlier.",
            (
                lambda *a: _shared_out_again(*a, floor=0.0),
                lambda *a: _shared_out_again(*a, floor=1e-9),
            ),
        ),
        Mistake(
            "a finite number such as -1e4",
            "Right, except where scores reach tens of thousands: a finite number such as -1e4 is outvoted "
            "there, and the future is read. Which number loses against every score?",
            (lambda *a: _held(*a, blocked=-1e4),),
        ),
        Mistake(
            "e to the power of the scores",
            "Right, except where scores reach tens of thousands: e to that power is more than a float32 "
            "holds, and no number (NaN) comes of it. Torch's softmax takes the largest score away first.",
            (_powers_of_e,),
        ),
        Mistake(
            "scores held within limits",
            "Right, except where scores reach tens of thousands: it comes out as if they were cut off at a "
            "limit, so that two large ones look alike. The softmax takes the largest away by itself.",
            (lambda *a: _held(*a, most=50.0),),
        ),
        Mistake(
            "hidden scores set to zero",
            "A single new token comes out right. With several it comes out as if later keys got the score "
            "0, which is a score like any other. Which one becomes a weight of nothing?",
            (_hidden_by_zeros,),
        ),
        Mistake(
            "softmax over the queries",
            "It comes out as if the softmax ran over the queries, so that each key is shared out among "
            "them. Each new token has one unit of attention to give.",
            (_softmax_over_queries,),
        ),
        Mistake(
            "scores with and without rotation added",
            "Your scores are the sum of rotated and unrotated products. The rotated vectors take the place "
            "of the others.",
            (_sum_of_scores,),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (ROTARY_ATTENTION,)
