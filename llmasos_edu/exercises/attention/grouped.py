"""Exercise of section 4.1: heads that share keys and values.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.attention.masks import attend
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.1-11 --------------------------------------------------------------------------------


def grouped_attention(query, key, value):
    """query [batch, heads, seq, head_dim], key and value [batch, kv_heads, seq, head_dim] -> as query."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return weights @ value


def _blocks(query, kv):
    return kv.repeat_interleave(query.shape[1] // kv.shape[1], 1)


def _tiles(query, kv):
    return kv.repeat(1, query.shape[1] // kv.shape[1], 1, 1)


def _merged_queries(query, key, value):
    groups = query.unflatten(1, (key.shape[1], -1)).mean(2)
    return _blocks(query, attend(groups, key, value))


def _first_queries(query, key, value):
    return _blocks(query, attend(query[:, :: query.shape[1] // key.shape[1]], key, value))


def _causal_groups(query, key, value):
    past = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool).tril()
    return attend(query, _blocks(query, key), _blocks(query, value), past)


def _own_number(query, key, value):
    number = torch.arange(query.shape[1]).clamp(max=key.shape[1] - 1)
    return attend(query, key[:, number], value[:, number])


def _gqa_case(name: str, seed: int, batch: int, heads: int, kv_heads: int, seq: int, head_dim: int) -> Case:
    return Case(
        name, random_tensors(seed, (batch, heads, seq, head_dim), *[(batch, kv_heads, seq, head_dim)] * 2)
    )


GROUPED = Exercise(
    key="4.1-11",
    title="Heads that share keys and values",
    difficulty=2,
    minutes=10,
    statement=(
        "In grouped-query attention several query heads share one head of keys and values, which makes the "
        "cache smaller. Neighbours share: with 8 query heads and 2 KV heads, query heads 0 to 3 use KV head "
        "0 and 4 to 7 use KV head 1. Return the output of every query head."
    ),
    takeaway="Every group reads the same keys and values, and the cache shrinks by the size of the group.",
    reference=grouped_attention,
    explanation="Repeating each KV head for its group of neighbours makes it ordinary attention.",
    hints=(
        "Write a table for 4 query heads and 2 KV heads: which KV head does each query head use?",
        "Read down its second column: is it 0, 0, 1, 1 or 0, 1, 0, 1? Two functions of torch repeat "
        "entries; which of them gives your column?",
        "After the repetition keys, values and queries have the same number of heads. What remains is "
        "attention as you know it.",
    ),
    cases=(
        _gqa_case("8 query heads on 2 KV heads", 101, 2, 8, 2, 4, 8),
        _gqa_case("6 query heads on 3 KV heads", 102, 1, 6, 3, 5, 4),
        _gqa_case("as many KV heads as query heads", 103, 2, 3, 3, 4, 16),
        _gqa_case("4 query heads on a single KV head", 104, 2, 4, 1, 3, 8),
        _gqa_case("a single token, 4 query heads on 2 KV heads", 105, 1, 4, 2, 1, 4),
        _gqa_case("6 query heads on 2 KV heads", 106, 1, 6, 2, 6, 32),
    ),
    mistakes=(
        Mistake(
            "KV heads dealt out in turn",
            "You deal the KV heads out in turn (0, 1, 0, 1, ...), but neighbours should share (0, 0, 1, 1). "
            "The shapes are the same, the model is another one.",
            (lambda q, k, v: attend(q, _tiles(q, k), _tiles(q, v)),),
        ),
        Mistake(
            "keys and values grouped differently",
            "Each query head takes its keys from one KV head and its values from another: you repeat the "
            "two in different ways. Whatever is compared must also be what is read.",
            (
                lambda q, k, v: attend(q, _blocks(q, k), _tiles(q, v)),
                lambda q, k, v: attend(q, _tiles(q, k), _blocks(q, v)),
            ),
        ),
        Mistake(
            "only the first KV head used",
            "All your query heads read the same KV head, and the others are never used. How does the number "
            "of the query head lead to the number of its KV head?",
            (lambda q, k, v: attend(q, k[:, :1], v[:, :1]), lambda q, k, v: attend(q, k[:, -1:], v[:, -1:])),
        ),
        Mistake(
            "average of the KV heads",
            "Your query heads all read the same mean of the KV heads. A group should have one KV head to "
            "itself.",
            (lambda q, k, v: attend(q, k.mean(1, keepdim=True), v.mean(1, keepdim=True)),),
        ),
        Mistake(
            "query heads averaged in their group",
            "All query heads of a group give the same output, as if they had one query between them. They "
            "share keys and values, but each asks a question of its own.",
            (_merged_queries, _first_queries),
        ),
        Mistake(
            "groups in reverse order",
            "Your first query heads use the last KV head. Count both from the same end.",
            (lambda q, k, v: attend(q, _blocks(q, k.flip(1)), _blocks(q, v.flip(1))),),
        ),
        Mistake(
            "scale missing",
            "Your weights are too sharp, most of all at head size 32. The scores want their usual division.",
            (lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), scale=1.0),),
        ),
        Mistake(
            "another scale",
            "Your scores are divided by another number than the root of the head size: by the head size "
            "itself, or by the root of how many heads or KV heads there are. How many terms has a dot "
            "product here?",
            (
                lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), scale=k.shape[1] ** -0.5),
                lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), scale=1 / q.shape[-1]),
                lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), scale=q.shape[1] ** -0.5),
            ),
        ),
        Mistake(
            "a causal mask",
            "Your tokens read only themselves and what comes before. There is no mask in this exercise.",
            (_causal_groups,),
        ),
        Mistake(
            "no softmax",
            "It comes out as if the scores themselves were the weights. What turns scores into shares?",
            (lambda q, k, v: q @ _blocks(q, k).mT / q.shape[-1] ** 0.5 @ _blocks(q, v),),
        ),
        Mistake(
            "softmax over the heads",
            "Your weights sum to one over the heads, which have nothing to share out. Which axis holds the "
            "choices of one query?",
            (lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), axis=1),),
        ),
        Mistake(
            "the number of the query head taken as it is",
            "Each of your query heads takes the KV head of its own number, as far as these go, and the "
            "others the last. Neighbours share: how many query heads are there to a KV head?",
            (_own_number,),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your columns sum to one: the queries of a head compete for each key. It should be the other way "
            "round.",
            (lambda q, k, v: attend(q, _blocks(q, k), _blocks(q, v), axis=-2),),
        ),
    ),
)


EXERCISES = (GROUPED,)
