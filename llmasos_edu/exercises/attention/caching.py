"""Exercises of section 4.1: one step of decoding with a cache."""

import math

import torch

from llmasos_edu.exercises.attention.masks import attend
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.1-7 --------------------------------------------------------------------------------


def decode_step(x, w_query, w_key, w_value, cached_keys, cached_values):
    """x [batch, 1, d_model], w_* [d_model, dim], cached_* [batch, past, dim] -> output, keys, values."""
    keys = torch.cat([cached_keys, x @ w_key], dim=1)
    values = torch.cat([cached_values, x @ w_value], dim=1)
    scores = (x @ w_query) @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
    return scores.softmax(dim=-1) @ values, keys, values


def _extended(x, w_key, w_value, keys, values):
    return torch.cat([keys, x @ w_key], 1), torch.cat([values, x @ w_value], 1)


def _blind_step(x, wq, wk, wv, keys, values):
    return attend(x @ wq, keys, values), *_extended(x, wk, wv, keys, values)


def _first_key_only(x, wq, wk, wv, keys, values):
    keys, values = _extended(x, wk, wv, keys, values)
    allowed = torch.ones(1, keys.shape[1], dtype=torch.bool).tril()
    return attend(x @ wq, keys, values, allowed), keys, values


def _step(x, wq, wk, wv, keys, values, *, scale=None):
    keys, values = _extended(x, wk, wv, keys, values)
    return attend(x @ wq, keys, values, scale=scale), keys, values


def _sum_of_values(x, wq, wk, wv, keys, values):
    keys, values = _extended(x, wk, wv, keys, values)
    return values.sum(1, keepdim=True), keys, values


def _old_values(x, wq, wk, wv, keys, values):
    more, all_values = _extended(x, wk, wv, keys, values)
    past = values.shape[1] or 1
    return (
        attend(x @ wq, more, all_values * (torch.arange(past + 1) < past)[: len(more[0]), None]),
        more,
        all_values,
    )


def _twice(x, wq, wk, wv, keys, values):
    keys, values = _extended(x, wk, wv, keys, values)
    return attend(x @ wq, *_extended(x, wk, wv, keys, values)), keys, values


def _in_front(x, wq, wk, wv, keys, values):
    keys, values = torch.cat([x @ wk, keys], 1), torch.cat([x @ wv, values], 1)
    return attend(x @ wq, keys, values), keys, values


def _sliding(x, wq, wk, wv, keys, values):
    keys, values = _extended(x, wk, wv, keys[:, 1:], values[:, 1:])
    return attend(x @ wq, keys, values), keys, values


def _step_case(name: str, seed: int, batch: int, past: int, d_model: int, head_dim: int) -> Case:
    shapes = (
        (batch, 1, d_model),
        *[(d_model, head_dim)] * 3,
        (batch, past, head_dim),
        (batch, past, head_dim),
    )
    x, *rest = random_tensors(seed, *shapes)
    return Case(name, (x, *(w * 1.5 / d_model**0.5 for w in rest[:3]), *rest[3:]))


STEP = Exercise(
    key="4.1-7",
    title="One step with a KV cache",
    difficulty=2,
    minutes=15,
    statement=(
        "Generating token by token, keys and values of earlier tokens are kept instead of being computed "
        "again. Take the one new token x and the cache, and return the attention output for x, the keys and "
        "the values, both longer by the new token. The first step has an empty cache (past = 0)."
    ),
    takeaway="A step costs one row of scores instead of a whole table, and gives the same numbers.",
    reference=decode_step,
    explanation=(
        "The new token's key and value join the cache first, so that it can read itself; nothing is masked."
    ),
    hints=(
        "Only three small projections are new in this step. Which of them must be remembered for later "
        "steps?",
        "In causal attention token t reads tokens 0 to t. Is the new token itself among what it reads, and "
        "so what has to happen before the scores?",
        "Is there any key in the cache that lies in the new token's future? What does that say about the "
        "mask?",
    ),
    cases=(
        _step_case("2 sequences with 4 tokens in the cache", 81, 2, 4, 8, 8),
        _step_case("an empty cache", 82, 2, 0, 8, 4),
        _step_case("one token in the cache", 83, 1, 1, 6, 16),
        _step_case("3 sequences with 7 tokens in the cache, head size 16", 84, 3, 7, 8, 16),
        _step_case("one sequence with 2 tokens in the cache, head size 2", 85, 1, 2, 4, 2),
    ),
    mistakes=(
        Mistake(
            "cache not extended",
            "You hand back the cache as it came: the next step will know nothing of this token.",
            (lambda x, q, k, v, ck, cv: (_step(x, q, k, v, ck, cv)[0], ck, cv),),
        ),
        Mistake(
            "only the new entries returned",
            "Instead of the whole cache you return the new token's key and value alone. Who would remember "
            "the earlier ones?",
            (lambda x, q, k, v, ck, cv: (_step(x, q, k, v, ck, cv)[0], x @ k, x @ v),),
        ),
        Mistake(
            "new token cannot see itself",
            "The cache grows as it should, but where there are old entries the new token reads these alone, "
            "and not itself. Which comes first, extending the cache or attending?",
            (_blind_step, lambda *a: (_blind_step if a[4].shape[1] else _step)(*a)),
        ),
        Mistake(
            "cache neither extended nor read whole",
            "Your cache comes back as it was, and the new token has read only what was in it: its own key "
            "and value are nowhere. What has to be done before the scores?",
            (lambda *a: (attend(a[0] @ a[1], a[4], a[5]), a[4], a[5]),),
        ),
        Mistake(
            "new entry in front",
            "In your cache the new token comes first. The output of attention does not mind the order, but "
            "positions and masks will.",
            (_in_front,),
        ),
        Mistake(
            "mask of a first token",
            "Your new token reads only the first entry, as under a triangular mask of one row, which "
            "allows one key. The one query stands at the end of the sequence; is there any future to hide "
            "from it?",
            (_first_key_only,),
        ),
        Mistake(
            "scale by d_model",
            "Your scores are divided by the root of the width of x. The dot product runs over the features "
            "of a key, not over those of x: how many terms has it?",
            (lambda *a: _step(*a, scale=a[0].shape[-1] ** -0.5),),
        ),
        Mistake(
            "scale missing",
            "Your weights are too sharp: the scores have lost their scale on the way into this function.",
            (lambda *a: _step(*a, scale=1.0),),
        ),
        Mistake(
            "another scale",
            "Your scores are divided by another number than the root of the size of a key: by that size "
            "itself, or by the root of how many keys there are. How many terms has the dot product?",
            (
                lambda *a: _step(*a, scale=1 / a[1].shape[-1]),
                lambda *a: _step(*a, scale=(a[4].shape[1] + 1) ** -0.5),
            ),
        ),
        Mistake(
            "softmax over the query",
            "Each of your weights is 1: the softmax runs over the axis of the query, which has one entry. "
            "The keys are what one unit is shared out among.",
            (_sum_of_values,),
        ),
        Mistake(
            "the new token's value left out",
            "Where there are old entries, your new token takes its share of the weights, and its value is "
            "not among what is read: the weights that are left sum to less than one.",
            (_old_values,),
        ),
        Mistake(
            "the new token counted twice",
            "The new token's key and value are read twice in your output. Once is enough.",
            (_twice,),
        ),
        Mistake(
            "keys and values returned in exchange",
            "Your keys come back where the values belong. The next step would compare with values and read "
            "out keys.",
            (lambda *a: (_step(*a)[0], _step(*a)[2], _step(*a)[1]),),
        ),
        Mistake(
            "oldest entry thrown away",
            "Once it holds something, your cache keeps its length: for every token that comes, the oldest "
            "goes. Some models do that on purpose, but full attention forgets nothing.",
            (_sliding,),
        ),
    ),
    parts=("output", "returned keys", "returned values"),
)


EXERCISES = (STEP,)
