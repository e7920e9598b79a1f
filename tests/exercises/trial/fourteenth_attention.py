"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 4.1."""

import math

import torch

from trial.answers import right, wrong


# Divides by the root of the number of keys instead of the root of the head size
@wrong("4.1-1", "Your scale changes with the number of tokens while the head size")
def root_of_the_number_of_keys_fourteenth(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-2])


# Takes the largest score of the whole tensor away: rows far below it become 0 / 0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def weights_global_maximum_fourteenth(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(dim=-1, keepdim=True)


# Hides the future after the softmax and divides again: 0 / 0 where a later token fits far better
@wrong("4.1-3", "This works while scores are small. With a loud future the softmax")
def future_cut_off_after_the_softmax_fourteenth(query, key, value):
    weights = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]), dim=-1)
    weights = torch.tril(weights)
    return weights / weights.sum(-1, keepdim=True) @ value


# NaN is wiped off the output of an empty sequence, but stays in the gradient
@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after it was made,")
def padded_nan_to_num_at_the_end_fourteenth(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~is_token[:, None, :], -torch.inf)
    return torch.nan_to_num(torch.softmax(scores, dim=-1) @ value)


# Padded keys are zeroed behind the softmax and the rest is not brought back to a sum of one
@wrong("4.1-4", "Padding contributes nothing, but the weights of the tokens sum to")
def padded_zeroed_after_softmax_fourteenth(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = torch.softmax(scores, dim=-1) * is_token[:, None, :].to(scores.dtype)
    return weights @ value


# Unusual: each sequence by itself, on its real tokens alone
@right("4.1-4")
def padded_one_sequence_at_a_time_fourteenth(query, key, value, is_token):
    rows = []
    for b in range(query.shape[0]):
        real = torch.nonzero(is_token[b]).flatten()
        if len(real) == 0:
            rows.append(torch.zeros_like(query[b]) + 0 * query[b, :0].sum())
            continue
        scores = torch.einsum("qd,kd->qk", query[b], key[b, real]) * query.shape[-1] ** -0.5
        rows.append(scores.softmax(1) @ value[b, real])
    return torch.stack(rows)


# Cuts the vector so that neighbouring features go to different heads
@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does when")
def features_dealt_out_in_turn_fourteenth(x, num_heads):
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)


# Right: the pieces are cut by chunk and stacked on a new axis
@right("4.1-5")
def heads_by_chunks_fourteenth(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


# Heads are put together feature by feature (all heads' first, then all heads' second ...)
@wrong("4.1-6", "Your heads come together in turn: the first feature of every head,")
def multi_head_interleaved_fourteenth(x, w_query, w_key, w_value, w_out, num_heads):
    batch, seq, d_model = x.shape
    head_dim = d_model // num_heads

    def split(y):
        return y.view(batch, seq, num_heads, head_dim).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_value)
    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(head_dim), dim=-1)
    heads = weights @ v
    return heads.permute(0, 2, 3, 1).reshape(batch, seq, d_model) @ w_out


# Scales by the root of d_model, not of the size of the projected query
@wrong("4.1-7", "Your scores are divided by the root of the width of x. The dot")
def scaled_by_d_model_fourteenth(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x @ w_key], dim=1)
    values = torch.cat([cached_values, x @ w_value], dim=1)
    scores = (x @ w_query) @ keys.transpose(1, 2) / math.sqrt(x.shape[-1])
    return torch.softmax(scores, dim=-1) @ values, keys, values


# The whole diagonal, which begins at t = period - 1, in the first copy
@wrong("4.1-8", "Your mean includes t = period - 1, the last token of the first")
def induction_whole_diagonal_fourteenth(weights, period):
    return torch.diagonal(weights, offset=-(period - 1), dim1=-2, dim2=-1).mean(dim=-1)


# Unusual: a mask of the wanted places and an einsum
@right("4.1-8")
def induction_mask_and_einsum_fourteenth(weights, period):
    seq = weights.shape[-1]
    t = torch.arange(seq)
    wanted = (t[None, :] == t[:, None] - period + 1) & (t[:, None] >= period)
    return torch.einsum("hqk,qk->h", weights, wanted.to(weights.dtype)) / (seq - period)


# Sums over the queries instead of over the keys
@wrong("4.1-9", "You add up over the queries, so there is one number per key. Which")
def entropy_along_the_queries_fourteenth(weights):
    terms = torch.where(weights > 0, weights * torch.log2(weights), torch.zeros_like(weights))
    return -terms.sum(-2)


# Scales by the share that happened to survive instead of by 1 - dropout_p
@wrong("4.1-10", "It comes out as if the factor were one over the share that happened")
def drop_scaled_by_survivors_fourteenth(weights, keep, dropout_p, training):
    if not training or dropout_p == 0:
        return weights
    survived = keep.to(weights.dtype).mean().clamp(min=1e-12)
    return weights * keep / survived


# Heads are put back in the wrong order: the group's axis is brought before that of the KV heads
@wrong("4.1-11", "Your result holds the right numbers in another order along the")
def groups_before_kv_heads_fourteenth(query, key, value):
    batch, heads, seq, dim = query.shape
    kv = key.shape[1]
    q = query.reshape(batch, kv, heads // kv, seq, dim)
    scores = q @ key[:, :, None].transpose(-2, -1) / math.sqrt(dim)
    out = torch.softmax(scores, dim=-1) @ value[:, :, None]
    return out.transpose(1, 2).reshape(batch, heads, seq, dim)


# Right: einsum over the axes of KV heads and of their group, softmax by logsumexp
@right("4.1-11")
def grouped_by_einsum_fourteenth(query, key, value):
    _batch, heads, _seq, dim = query.shape
    q = query.unflatten(1, (key.shape[1], heads // key.shape[1]))
    scores = torch.einsum("bkgqd,bknd->bkgqn", q, key) * dim**-0.5
    weights = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    return torch.einsum("bkgqn,bknd->bkgqd", weights, value).flatten(1, 2)


# Anywhere read as 'anywhere else': the sets of the second layer are taken away
@wrong("4.1-12", "'anywhere': You take off the sets of the second layer. They are")
def heads_anywhere_else_fourteenth():
    same_layer = math.comb(8, 3) - 1
    return {
        "anywhere": math.comb(16, 3) - 1 - same_layer,
        "same_layer": same_layer,
        "share": 4 / same_layer,
        "whole": 0,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


# Level: divides the GRU's whole time by the slope and forgets attention's fixed part
@wrong("4.1-13", "'level': That is the GRU's whole cost divided by the rise. The line")
def level_without_the_fixed_part_fourteenth():
    slope = (23.0 - 8.0) / (2000 - 500)
    fixed = 8.0 - slope * 500
    return {
        "fixed": fixed,
        "thousand": slope * 1000,
        "level": 40.0 / slope,
        "twice": (fixed + slope * 4000) * 4000 / ((fixed + slope * 2000) * 2000),
        "says": "attention's lead shrinks with the length",
    }


# Takes an interval that includes 0 for a proof that the two are equal
@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far ahead. That")
def not_shown_taken_for_equal_fourteenth():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "over 32 tokens the two are equally good",
    }


# An interval with zero in it is taken to show that both are equally good
@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far ahead. That")
def recall_zero_inside_means_equal_fourteenth():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "over 32 tokens the two are equally good",
    }
