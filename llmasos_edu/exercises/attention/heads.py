"""Exercises of section 4.1, the part on heads: splitting, and the whole layer.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
from functools import partial

import torch

from llmasos_edu.exercises.attention.masks import attend
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.1-5 --------------------------------------------------------------------------------


def split_heads(x, num_heads):
    """x [batch, seq, d_model] -> [batch, num_heads, seq, head_dim], head_dim = d_model / num_heads."""
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, num_heads, d_model // num_heads).transpose(1, 2)


def _cut(x, num_heads):
    """[batch, seq, num_heads, head_dim]."""
    return x.reshape(*x.shape[:2], num_heads, -1)


def _scrambled(x, num_heads):
    return x.reshape(x.shape[0], num_heads, x.shape[1], -1)


def _interleaved(x, num_heads):
    return x.reshape(*x.shape[:2], -1, num_heads).permute(0, 3, 1, 2)


SPLIT = Exercise(
    key="4.1-5",
    title="Split into heads",
    difficulty=2,
    minutes=10,
    statement=(
        "Cut each token's vector into num_heads pieces of equal length, the first piece for head 0, the "
        "next for head 1, and bring the axis of heads before the axis of tokens, so that each head is a "
        "sequence of its own."
    ),
    takeaway="Each head now sees every token, through its own slice of the features.",
    reference=split_heads,
    explanation="First cut the feature axis alone, so that tokens stay whole, and only then move the axes.",
    hints=(
        "Forget the target shape for a moment. A token's vector of length d_model becomes num_heads rows of "
        "length head_dim: which shape does the whole tensor have after that cut alone?",
        "Compare your shape with the one asked for: the same axes, in another order. Which operation "
        "reorders axes, and does reshape?",
        "Try it on torch.arange(8).reshape(1, 2, 4) with 2 heads: head 0 must hold [[0, 1], [4, 5]].",
    ),
    cases=(
        Case("2 sequences of 5 tokens, d_model 12, 3 heads", (*random_tensors(61, (2, 5, 12)), 3)),
        Case("one sequence of 4 tokens, d_model 8, 2 heads", (*random_tensors(62, (1, 4, 8)), 2)),
        Case("as many heads as tokens (4), d_model 16", (*random_tensors(63, (2, 4, 16)), 4)),
        Case("a single head", (*random_tensors(64, (2, 3, 6)), 1)),
        Case("a single token, d_model 6, 3 heads", (*random_tensors(65, (2, 1, 6)), 3)),
        Case("heads of size 1", (*random_tensors(66, (1, 3, 4)), 4)),
    ),
    mistakes=(
        Mistake(
            "reshape without transpose",
            "The shape is right, but the numbers are not where they belong: with one reshape a head gets "
            "several pieces of the same token where it should get one piece of every token. Reshape only "
            "cuts and never reorders, so what is missing?",
            (_scrambled,),
        ),
        Mistake(
            "heads behind the tokens",
            "You cut the features rightly, but the axis of heads still comes after the axis of tokens. "
            "In this order, which axis would the attention of one head run over?",
            (_cut,),
        ),
        Mistake(
            "every n-th feature",
            "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does when the two sizes of "
            "the cut stand in the wrong order. It is a consistent way to split, but it does not fit weights "
            "that were trained for contiguous slices.",
            (_interleaved,),
        ),
        Mistake(
            "number and size of heads exchanged",
            "You make heads of size num_heads, as many as fit. Which of the two numbers is given, and which "
            "follows?",
            (
                lambda x, h: x.reshape(*x.shape[:2], -1, h).transpose(1, 2),
                lambda x, h: x.reshape(x.shape[0], -1, x.shape[1], h),
            ),
        ),
        Mistake(
            "heads before the batch",
            "Your first axis is that of heads. The batch stays outermost: its sequences have nothing to do "
            "with each other.",
            (lambda x, h: _cut(x, h).permute(2, 0, 1, 3),),
        ),
        Mistake(
            "tokens and features exchanged",
            "In each of your heads the last axis runs over the tokens. The scores need the features last, "
            "since that is the axis which the dot product sums over.",
            (lambda x, h: _cut(x, h).permute(0, 2, 3, 1),),
        ),
        Mistake(
            "the same slice for every head",
            "All your heads hold the same numbers. Each of them should see a slice of its own.",
            (
                lambda x, h: x[..., : x.shape[-1] // h].unsqueeze(1).expand(-1, h, -1, -1),
                lambda x, h: x.unsqueeze(1).expand(-1, h, -1, -1),
            ),
        ),
    ),
)


# 4.1-6 --------------------------------------------------------------------------------


def multi_head_attention(x, w_query, w_key, w_value, w_out, num_heads):
    """x [batch, seq, d_model], w_* [d_model, d_model] (applied as x @ w) -> [batch, seq, d_model]."""
    batch, seq, d_model = x.shape
    head_dim = d_model // num_heads
    # [batch, num_heads, seq, head_dim], three times
    query, key, value = (
        (x @ w).reshape(batch, seq, num_heads, head_dim).transpose(1, 2) for w in (w_query, w_key, w_value)
    )
    weights = (query @ key.transpose(-2, -1) / math.sqrt(head_dim)).softmax(dim=-1)
    return (weights @ value).transpose(1, 2).reshape(batch, seq, d_model) @ w_out


def _layer(
    x, w_query, w_key, w_value, w_out, num_heads, *, split=split_heads, merge=None, scale=None, axis=-1
):
    """Multi-head attention with knobs, from which the wrong answers are made."""
    query, key, value = (split(x @ w, num_heads) for w in (w_query, w_key, w_value))
    heads = attend(query, key, value, scale=scale, axis=axis)
    merged = heads.transpose(1, 2).reshape(x.shape) if merge is None else merge(heads, x)
    return merged @ w_out


def _causal_layer(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (split_heads(x @ w, num_heads) for w in (w_query, w_key, w_value))
    past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    return attend(query, key, value, past).transpose(1, 2).reshape(x.shape) @ w_out


def _bare_scores(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (split_heads(x @ w, num_heads) for w in (w_query, w_key, w_value))
    heads = query @ key.mT / query.shape[-1] ** 0.5 @ value
    return heads.transpose(1, 2).reshape(x.shape) @ w_out


def _one_table(x, w_query, w_key, w_value, w_out, num_heads, of):
    query, key, value = (split_heads(x @ w, num_heads) for w in (w_query, w_key, w_value))
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    return (of(weights) @ value).transpose(1, 2).reshape(x.shape) @ w_out


def _mean_of_heads(x):
    return x.mean(1, keepdim=True)


def _mixed_splits(x, w_query, w_key, w_value, w_out, num_heads, splits):
    three = (split(x @ w, num_heads) for split, w in zip(splits, (w_query, w_key, w_value), strict=True))
    return attend(*three).transpose(1, 2).reshape(x.shape) @ w_out


def _own_slices(x, w_query, w_key, w_value, w_out, num_heads):
    own = torch.block_diag(*[torch.ones(x.shape[-1] // num_heads, x.shape[-1] // num_heads)] * num_heads)
    return _layer(x, own * w_query, own * w_key, own * w_value, w_out, num_heads)


def _layer_case(
    name: str, seed: int, batch: int, seq: int, d_model: int, num_heads: int, size: float = 1.0
) -> Case:
    x, *matrices = random_tensors(seed, (batch, seq, d_model), *[(d_model, d_model)] * 4)
    # Matrices of this size keep the variance, so that the softmax is neither flat nor saturated.
    return Case(name, (x, *(size * w / d_model**0.5 for w in matrices), num_heads))


LAYER = Exercise(
    key="4.1-6",
    title="Multi-head attention, whole",
    difficulty=3,
    minutes=20,
    statement=(
        "From x and four matrices make the output of multi-head self-attention without a mask: project, "
        "split into heads, attend in each head, put the heads side by side again in their order, project "
        "with w_out."
    ),
    takeaway="That is the layer at the heart of every transformer, in half a dozen lines.",
    reference=multi_head_attention,
    explanation="Each head attends in its own slice of features; transposing back keeps tokens whole.",
    hints=(
        "Write the shapes down as a chain first: [batch, seq, d_model] after each projection, then your "
        "split_heads, then the scores, the weights, the head outputs.",
        "Inside a head the key has head_dim features, not d_model. Which number belongs under the root?",
        "Before the last projection the heads have to become one vector per token again. What undoes the "
        "split, step by step in the opposite order?",
    ),
    cases=(
        _layer_case("2 sequences of 5 tokens, d_model 12, 3 heads", 71, 2, 5, 12, 3),
        _layer_case("one sequence of 6 tokens, d_model 16, 4 heads", 72, 1, 6, 16, 4, 1.5),
        _layer_case("as many heads as tokens (4), d_model 16", 73, 2, 4, 16, 4, 1.5),
        _layer_case("a single head of size 8", 74, 2, 5, 8, 1),
        _layer_case("a single token, d_model 8, 2 heads", 75, 3, 1, 8, 2),
        _layer_case("heads of size 1", 76, 1, 5, 4, 4, 2.0),
    ),
    mistakes=(
        Mistake(
            "scores not divided per head",
            "Your result is that of one large head: with more than one head every head uses the same "
            "weights. The scores must be taken inside each head, from its own slice alone.",
            (
                lambda x, q, k, v, o, h: attend(x @ q, x @ k, x @ v) @ o,
                lambda x, q, k, v, o, h: attend(x @ q, x @ k, x @ v, scale=(h / x.shape[-1]) ** 0.5) @ o,
            ),
        ),
        Mistake(
            "query and key exchanged",
            "It comes out as if w_key made the queries and w_query the keys, or as if the table of scores "
            "were turned over before the softmax. A row of it belongs to the token that asks.",
            (lambda x, q, k, v, o, h: _layer(x, k, q, v, o, h),),
        ),
        Mistake(
            "a causal mask",
            "Your tokens read only themselves and what comes before. That is how a model that writes "
            "attends; here there is no mask, and every token reads all of them.",
            (_causal_layer,),
        ),
        Mistake(
            "scale by d_model",
            "With more than one head your weights are too even: you scale by the width "
            "of the model. How long are the two vectors whose dot product makes a score here?",
            (lambda *a: _layer(*a, scale=a[0].shape[-1] ** -0.5),),
        ),
        Mistake(
            "scale without the root",
            "Your weights are too even in every head larger than 1: the scores are divided by the whole "
            "size of a head. Recall what the division is to keep at 1.",
            (lambda *a: _layer(*a, scale=a[5] / a[0].shape[-1]),),
        ),
        Mistake(
            "divided by d_model",
            "Your weights are too even: the scores are divided by d_model itself, without a root. How many "
            "terms has the dot product inside one head, and what does the division keep at 1?",
            (lambda *a: _layer(*a, scale=1 / a[0].shape[-1]),),
        ),
        Mistake(
            "scale missing",
            "Your weights are too sharp wherever the heads are larger than 1: the scores keep the spread of "
            "their sum.",
            (lambda *a: _layer(*a, scale=1.0),),
        ),
        Mistake(
            "split by reshape without transpose",
            "The heads are mixed up with the tokens: with more than one head each head holds pieces of a few "
            "tokens. Run your own 4.1-5 on the projected x and compare.",
            (
                lambda *a: _layer(*a, split=_scrambled, merge=lambda heads, x: heads.reshape(x.shape)),
                lambda *a: _layer(*a, split=_scrambled),
            ),
        ),
        Mistake(
            "heads not moved before the tokens",
            "You cut the features into heads and attend right away: the last two axes are then heads and "
            "features, so that the heads of one token attend to each other, and no token reads another.",
            (lambda *a: _layer(*a, split=_cut, merge=lambda heads, x: heads.reshape(x.shape)),),
        ),
        Mistake(
            "merged by reshape without transpose",
            "Putting your heads together mixes the tokens: you reshape while the axis of heads still stands "
            "before that of tokens. Which axis has to come back first?",
            (lambda *a: _layer(*a, merge=lambda heads, x: heads.reshape(x.shape)),),
        ),
        Mistake(
            "every n-th feature",
            "Your heads take every n-th feature instead of a contiguous slice. Matrices trained the usual "
            "way keep a head's features together, so head 0 is the first head_dim of them.",
            (
                lambda *a: _layer(*a, split=_interleaved),
                lambda *a: _layer(
                    *a, split=_interleaved, merge=lambda heads, x: heads.permute(0, 2, 3, 1).reshape(x.shape)
                ),
            ),
        ),
        Mistake(
            "heads merged feature by feature",
            "Your heads come together in turn: the first feature of every head, then the "
            "second of every head. Side by side means all of head 0 first, then all of head 1.",
            (lambda *a: _layer(*a, merge=lambda heads, x: heads.permute(0, 2, 3, 1).reshape(x.shape)),),
        ),
        Mistake(
            "output projection missing",
            "The heads stand side by side as they should, and there it ends: w_out has no influence on your "
            "result. Without it the heads would never be mixed.",
            (lambda x, q, k, v, o, h: _layer(x, q, k, v, torch.eye(x.shape[-1]), h),),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Each key shares itself out over the queries in your heads. One unit of attention belongs to "
            "each query: over which axis is it shared?",
            (lambda *a: _layer(*a, axis=-2),),
        ),
        Mistake(
            "softmax over heads or sequences",
            "Your weights sum to one over the heads, or over the sequences of the batch: neither has "
            "anything to share out. Which axis holds the choices of one query?",
            (lambda *a: _layer(*a, axis=1), lambda *a: _layer(*a, axis=0)),
        ),
        Mistake(
            "matrices transposed",
            "I get your numbers when matrices are transposed (all of them, all but w_out, it alone, or those "
            "of queries and keys), as torch's nn.Linear stores them. Here they are applied as x @ w.",
            (
                lambda x, q, k, v, o, h: _layer(x, q.mT, k.mT, v, o, h),
                lambda x, q, k, v, o, h: _layer(x, q.mT, k.mT, v.mT, o.mT, h),
                lambda x, q, k, v, o, h: _layer(x, q.mT, k.mT, v.mT, o, h),
                lambda x, q, k, v, o, h: _layer(x, q, k, v, o.mT, h),
            ),
        ),
        Mistake(
            "another number under the root",
            "It comes out as if the scores were divided by the root of the number of heads, or of tokens. "
            "How many terms has the dot product inside one head?",
            (
                lambda *a: _layer(*a, scale=a[5] ** -0.5),
                lambda *a: _layer(*a, scale=a[0].shape[1] ** -0.5),
            ),
        ),
        Mistake(
            "no softmax",
            "It comes out as if the scores themselves were the weights. What turns a row of scores into "
            "shares?",
            (_bare_scores,),
        ),
        Mistake(
            "output divided",
            "It comes out as if the division stood behind the softmax: the heads' outputs, means of values, "
            "are shrunk. What is to be divided?",
            (lambda *a: _layer(*a, scale=1.0) * (a[5] / a[0].shape[-1]) ** 0.5,),
        ),
        Mistake(
            "one table of weights for all heads",
            "All your heads read with the same weights, those of the first head or the mean of all. Each "
            "head has a table of its own.",
            (partial(_one_table, of=lambda w: w[:, :1]), partial(_one_table, of=_mean_of_heads)),
        ),
        Mistake(
            "heads averaged",
            "It comes out as if every head were replaced by the mean of all heads. Side by side they are "
            "kept apart: what each has read stays.",
            (
                lambda *a: _layer(
                    *a, merge=lambda heads, x: _mean_of_heads(heads).repeat(1, 1, 1, a[5])[:, 0]
                ),
            ),
        ),
        Mistake(
            "heads in reverse order",
            "Your heads stand side by side in reverse order: the last one comes first.",
            (lambda *a: _layer(*a, merge=lambda h, x: h.flip(1).transpose(1, 2).reshape(x.shape)),),
        ),
        Mistake(
            "one of the three split otherwise",
            "Queries and keys are split rightly in one of the two alone: a reshape without the exchange of "
            "axes mixes heads with tokens in the other. Split all three in the same way.",
            (
                lambda *a: _mixed_splits(*a, (_scrambled, split_heads, split_heads)),
                lambda *a: _mixed_splits(*a, (split_heads, _scrambled, split_heads)),
            ),
        ),
        Mistake(
            "projected head by head",
            "It comes out as if each head saw only its own slice of x, through its own block of the "
            "matrices. The projection comes first, of the whole vector; then it is cut.",
            (_own_slices,),
        ),
        Mistake(
            "key and value exchanged",
            "The roles are mixed up: your weights come from what should be the values, and the keys are "
            "what is read out. Which of them is compared, and which is carried away?",
            (lambda x, q, k, v, o, h: _layer(x, q, v, k, o, h),),
        ),
    ),
)


EXERCISES = (SPLIT, LAYER)
