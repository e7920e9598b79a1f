"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 4.1."""

import math

import torch

from trial.answers import right, wrong


# One maximum over all dimensions of the tensor: rows far below it become 0 / 0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def softmax_global_max_fifteenth(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


# Softmax over all, later weights cut off afterwards: 0 / 0 where a later key fits very well
@wrong("4.1-3", "This works while scores are small. With a loud future the softmax")
def causal_mask_afterwards_fifteenth(query, key, value):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = torch.softmax(scores, -1).tril()
    weights = weights / weights.sum(-1, keepdim=True)
    return weights @ value


# Token by token over slices, no mask at all
@right("4.1-3")
def causal_slices_fifteenth(query, key, value):
    rows = []
    for t in range(query.shape[-2]):
        q = query[..., t : t + 1, :]
        s = q @ key[..., : t + 1, :].transpose(-1, -2) / math.sqrt(query.shape[-1])
        rows.append(torch.softmax(s, -1) @ value[..., : t + 1, :])
    return torch.cat(rows, -2)


# Padded keys are masked with 0 after the softmax, without a new norm
@wrong("4.1-4", "Padding contributes nothing, but the weights of the tokens sum to")
def padded_after_softmax_fifteenth(query, key, value, is_token):
    s = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    w = torch.softmax(s, -1) * is_token[:, None, :]
    return w @ value


# Deals the features out in turn: feature f to head f % num_heads
@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as")
def split_heads_in_turn_fifteenth(x, num_heads):
    b, s, d = x.shape
    return x.reshape(b, s, d // num_heads, num_heads).permute(0, 3, 1, 2)


# Einsum with the weights reshaped into heads
@right("4.1-6")
def multi_head_einsum_fifteenth(x, w_query, w_key, w_value, w_out, num_heads):
    d = x.shape[-1]
    q, k, v = (
        torch.einsum("bsd,dhe->bhse", x, w.reshape(d, num_heads, -1)) for w in (w_query, w_key, w_value)
    )
    p = torch.softmax(torch.einsum("bhqe,bhke->bhqk", q, k) / math.sqrt(d // num_heads), -1)
    return torch.einsum("bhqk,bhke,hef->bqf", p, v, w_out.reshape(num_heads, -1, d))


# Heads put together without bringing the axis back
@wrong("4.1-6", "Putting your heads together mixes the tokens: you reshape while the")
def multi_head_merge_without_transpose_fifteenth(x, w_query, w_key, w_value, w_out, num_heads):
    b, n, d = x.shape

    def split(t):
        return t.view(b, n, num_heads, d // num_heads).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_value)
    w = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // num_heads), -1)
    return (w @ v).reshape(b, n, d) @ w_out


# Puts the new key and value in front of the cache
@wrong("4.1-7", "In your cache the new token comes first. The output of attention")
def decode_new_in_front_fifteenth(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], 1)
    values = torch.cat([x @ w_value, cached_values], 1)
    q = x @ w_query
    weights = torch.softmax(q @ keys.transpose(1, 2) / q.shape[-1] ** 0.5, -1)
    return weights @ values, keys, values


# A diagonal of the matrix, without indices
@right("4.1-8")
def induction_diagonal_fifteenth(weights, period):
    n = weights.shape[-1]
    return torch.diagonal(weights[:, period:, 1 : n - period + 1], dim1=1, dim2=2).mean(-1)


# Looks at the previous occurrence itself, t - period
@wrong("4.1-8", "You measure the weight on the previous occurrence of the token")
def induction_at_occurrence_fifteenth(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, t - period].mean(-1)


# Entropy in nats
@wrong("4.1-9", "8 keys read equally give 2.08 with your function instead of 3: the")
def entropy_nats_fifteenth(weights):
    return torch.special.entr(weights).sum(-1)


# Survivors are multiplied by 1 - p instead of divided
@wrong("4.1-10", "Your survivors become smaller than they were wherever p is not 0.")
def drop_scaled_by_p_fifteenth(weights, keep, dropout_p, training):
    if not training:
        return weights
    return weights * keep * (1 - dropout_p)


# Tiles the KV heads (0 1 0 1 ...) instead of giving neighbours the same one
@wrong("4.1-11", "You deal the KV heads out in turn (0, 1, 0, 1, ...), but neighbours")
def grouped_tiled_fifteenth(query, key, value):
    times = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, times, 1, 1), value.repeat(1, times, 1, 1)
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return torch.softmax(scores, -1) @ value


# Einsum over a view of the groups
@right("4.1-11")
def grouped_einsum_fifteenth(query, key, value):
    b, h, n, d = query.shape
    g = key.shape[1]
    q = query.reshape(b, g, h // g, n, d)
    s = torch.einsum("bgrqd,bgkd->bgrqk", q, key) / d**0.5
    return torch.einsum("bgrqk,bgkd->bgrqd", s.softmax(-1), value).reshape(b, h, n, -1)


# The picked set itself is counted among the others
@wrong("4.1-12", "'anywhere': This number counts the picked set too. It cannot be a")
def control_own_set_counted_fifteenth():
    return {
        "anywhere": math.comb(16, 3),
        "same_layer": math.comb(8, 3),
        "share": 4 / math.comb(8, 3),
        "whole": 1,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


# Compares the time for a token, not for a whole text
@wrong("4.1-13", "'twice': That compares the cost of a token. A text of twice the")
def twice_per_token_fifteenth():
    slope = 15 / 1500
    fixed = 8 - 500 * slope
    return {
        "fixed": fixed,
        "thousand": 1000 * slope,
        "level": (40 - fixed) / slope,
        "twice": (fixed + 4000 * slope) / (fixed + 2000 * slope),
        "says": "attention's lead shrinks with the length",
    }


# 'not shown' over 32 tokens read as equal
@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far ahead. That")
def recall_equal_at_32_fifteenth():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "over 32 tokens the two are equally good",
    }
