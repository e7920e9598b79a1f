"""A thirteenth trial, answers written from the statements alone, chapter 4.1."""

import math

import numpy as np
import torch

from trial.answers import right, wrong


# Whole-number root: right for head sizes that are squares only
@wrong("4.1-1", "Your result is 1.41 times what it should be in one case, and")
def whole_number_root_thirteenth(query, key):
    return query @ key.transpose(-2, -1) / math.isqrt(query.shape[-1])


# Subtracts the maximum of everything: a row far below the others is 0/0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def one_maximum_for_all_rows_thirteenth(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(dim=-1, keepdim=True)


# The largest of all scores is taken off, not the row's: low rows become 0 / 0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def weights_global_maximum_thirteenth(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(dim=-1, keepdim=True)


# Softmax over all, later ones cut away, normed again: 0 / 0 where a later token fits very well
@wrong("4.1-3", "This works while scores are small. With a loud future the softmax")
def causal_cut_and_norm_thirteenth(query, key, value):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = torch.tril(torch.softmax(scores, dim=-1))
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights @ value


# Nan_to_num repairs the output, but the gradient is NaN
@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after it was made,")
def nan_repaired_behind_softmax_thirteenth(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    bias = torch.zeros(is_token.shape, dtype=scores.dtype).masked_fill(~is_token, float("-inf"))
    scores = scores + bias[:, None, :]
    return torch.nan_to_num(torch.softmax(scores, dim=-1)) @ value


# NaN of empty rows is replaced behind an added mask: the gradient is NaN all the same
@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after it was made,")
def padded_nan_in_gradient_thirteenth(query, key, value, is_token):
    bias = torch.zeros(is_token.shape, dtype=query.dtype).masked_fill(~is_token, -math.inf)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]) + bias.unsqueeze(1)
    weights = torch.nan_to_num(torch.softmax(scores, dim=-1))
    return weights @ value


# Pieces are dealt out like cards: head h gets features h, h + heads, ...
@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does when")
def split_interleaved_thirteenth(x, num_heads):
    batch, seq, d_model = x.shape
    return x.view(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)


# The new key and value are put in front of the cache
@wrong("4.1-7", "In your cache the new token comes first. The output of attention")
def new_token_in_front_of_cache_thirteenth(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], dim=1)
    values = torch.cat([x @ w_value, cached_values], dim=1)
    scores = (x @ w_query) @ keys.transpose(1, 2) / math.sqrt(keys.shape[-1])
    return torch.softmax(scores, dim=-1) @ values, keys, values


# The whole diagonal, with t = period - 1 (key 0) in it
@wrong("4.1-8", "Your mean includes t = period - 1, the last token of the first")
def diagonal_with_one_place_more_thirteenth(weights, period):
    return weights.diagonal(offset=-(period - 1), dim1=-2, dim2=-1).mean(dim=-1)


# The whole diagonal, t = period - 1 included
@wrong("4.1-8", "Your mean includes t = period - 1, the last token of the first")
def induction_one_row_more_thirteenth(weights, period):
    return weights.diagonal(offset=-(period - 1), dim1=-2, dim2=-1).mean(dim=-1)


# Numpy, logarithms of the positive weights only
@right("4.1-9")
def entropy_with_numpy_where_thirteenth(weights):
    w = weights.detach().double().numpy()
    logs = np.log2(w, out=np.zeros_like(w), where=w > 0)
    return torch.from_numpy(np.asarray(-(w * logs).sum(axis=-1))).to(weights.dtype)


# Torch's own entropy function
@right("4.1-9")
def entropy_entr_thirteenth(weights):
    return torch.special.entr(weights).sum(dim=-1) / math.log(2)


# Divides by the share that did survive, not by the one expected
@wrong("4.1-10", "It comes out as if the factor were one over the share that happened")
def scaled_by_the_actual_share_thirteenth(weights, keep, dropout_p, training):
    if not training:
        return weights
    return weights * keep / keep.to(weights.dtype).mean()


# Scaled by the share that really survived, not by its expectation
@wrong("4.1-10", "It comes out as if the factor were one over the share that happened")
def drop_by_actual_share_thirteenth(weights, keep, dropout_p, training):
    if not training:
        return weights
    return weights * keep / keep.float().mean().clamp(min=1e-6)


# Query heads folded into [kv_heads, group] and one einsum, nothing repeated
@right("4.1-11")
def grouped_by_folding_queries_thirteenth(query, key, value):
    batch, heads, seq, dim = query.shape
    kv = key.shape[1]
    folded = query.reshape(batch, kv, heads // kv, seq, dim)
    scores = torch.einsum("bgnqd,bgkd->bgnqk", folded, key) * dim**-0.5
    out = torch.einsum("bgnqk,bgkd->bgnqd", scores.softmax(-1), value)
    return out.reshape(batch, heads, seq, value.shape[-1])


# Einsum over groups, nothing is repeated
@right("4.1-11")
def grouped_einsum_thirteenth(query, key, value):
    b, h, s, d = query.shape
    kv = key.shape[1]
    q = query.reshape(b, kv, h // kv, s, d)
    scores = torch.einsum("bkgqd,bktd->bkgqt", q, key) / d**0.5
    out = torch.einsum("bkgqt,bktd->bkgqd", scores.softmax(-1), value)
    return out.reshape(b, h, s, value.shape[-1])


# The picked set itself is not taken away from the sets
@wrong("4.1-12", "'anywhere': This number counts the picked set too. It cannot be a")
def own_set_among_the_others_thirteenth():
    anywhere, same = math.comb(16, 3), math.comb(8, 3)
    return {
        "anywhere": anywhere,
        "same_layer": same,
        "share": 4 / same,
        "whole": math.comb(8, 8),
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


# The picked set is counted among the others
@wrong("4.1-12", "'anywhere': This number counts the picked set too. It cannot be a")
def picked_set_counted_thirteenth():
    return {
        "anywhere": math.comb(16, 3),
        "same_layer": math.comb(8, 3),
        "share": 4 / math.comb(8, 3),
        "whole": math.comb(8, 8),
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


# Compares the time for one token, not for the whole text
@wrong("4.1-13", "'twice': That compares the cost of a token. A text of twice the")
def twice_for_each_token_only_thirteenth():
    slope = (23.0 - 8.0) / 1500
    fixed = 8.0 - 500 * slope
    return {
        "fixed": fixed,
        "thousand": 1000 * slope,
        "level": (40.0 - fixed) / slope,
        "twice": (fixed + 4000 * slope) / (fixed + 2000 * slope),
        "says": "attention's lead shrinks with the length",
    }


# The ratio of the times for a token, not for a text
@wrong("4.1-13", "'twice': That compares the cost of a token. A text of twice the")
def twice_for_a_token_thirteenth():
    return {
        "fixed": 3.0,
        "thousand": 10.0,
        "level": 3700,
        "twice": 43 / 23,
        "says": "attention's lead shrinks with the length",
    }
