"""A seventh trial, chapter 4.1: answers written from the statements alone."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Divided by the root of the number of keys (key.shape[-2]) instead of the head's width
@wrong("4.1-1", "Your scale changes with the number of tokens while the head size")
def divided_by_the_root_of_the_number_of_keys(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-2])


# 'variance near 1' enforced by dividing by the measured standard deviation of the scores
@wrong("4.1-1", "Your scores are divided by the spread that they happen to have,")
def variance_near_1_enforced_by_dividing(query, key):
    scores = query @ key.transpose(-2, -1)
    return scores / scores.std()


# The largest score of the whole tensor is taken off, not that of each row: a row far below it underflows
# to 0 / 0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def the_largest_score_of_the_whole_tensor(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


# Scores are clamped to -80 ... 80 before exp: large ones that differ become alike, and -inf keeps a tiny
# weight
@wrong("4.1-2", "Scores near 1000 all get the same weight in your result, so you")
def scores_are_clamped_to_80_80_before_exp_large(scores):
    e = torch.exp(scores.clamp(-80, 80))
    return e / e.sum(-1, keepdim=True)


# Pairwise differences: 1 / sum over j of exp(s_j - s_i), no maximum at all
@right("4.1-2")
def pairwise_differences_1_sum_over_j_of_exp_s_j(scores):
    gap = scores[..., None, :] - scores[..., :, None]
    return torch.where(scores == -math.inf, torch.zeros_like(scores), 1 / torch.exp(gap).sum(-1))


# Softmax over all keys, then tril and norming again: where a later score is much larger the row is 0 / 0
@wrong("4.1-3", "This works while scores are small. With a loud future the")
def softmax_over_all_keys_then_tril_and_norming(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ value


# A loop over the tokens with growing slices, no mask at all
@right("4.1-3")
def a_loop_over_the_tokens_with_growing_slices(query, key, value):
    out = []
    for t in range(query.shape[-2]):
        scores = (key[..., : t + 1, :] * query[..., t : t + 1, :]).sum(-1) / math.sqrt(query.shape[-1])
        out.append((scores.softmax(-1)[..., None] * value[..., : t + 1, :]).sum(-2))
    return torch.stack(out, -2)


# -inf is ADDED as a bias and nan_to_num stands behind the softmax: the outputs are zeros, the gradient of
# the empty row is NaN
@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after")
def inf_is_added_as_a_bias_and_nan_to_num_stands(query, key, value, is_token):
    bias = torch.zeros(is_token.shape).masked_fill(~is_token, -math.inf)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]) + bias[:, None, :]
    return scores.softmax(-1).nan_to_num(0.0) @ value


# Masked_fill with -inf and nan_to_num behind the softmax: masked_fill and nan_to_num both stop the NaN on
# the way back too
@right("4.1-4")
def masked_fill_with_inf_and_nan_to_num_behind(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.masked_fill(~is_token[:, None, :], -math.inf).softmax(-1).nan_to_num(0.0) @ value


# -1e9 instead of -inf: no NaN, but an empty sequence returns the mean of its padding and not zeros
@wrong("4.1-4", "In an empty sequence your output is the average of the padding:")
def with_1e9_instead_of_inf_no_nan_but_an_empty(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.masked_fill(~is_token[:, None, :], -1e9).softmax(-1) @ value


# Features dealt out in turn (feature i to head i mod num_heads), not in pieces
@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does")
def features_dealt_out_in_turn_feature_i_to_head(x, num_heads):
    b, s, d = x.shape
    return x.reshape(b, s, d // num_heads, num_heads).permute(0, 3, 1, 2)


# Chunk and stack, no reshape
@right("4.1-5")
def chunk_and_stack_no_reshape(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


# The heads are put side by side in turn, feature by feature (stack on the last axis and flatten), not one
# head after the other
@wrong("4.1-6", "Your heads come together in turn: the first feature")
def the_heads_are_put_side_by_side_in_turn(x, w_query, w_key, w_value, w_out, num_heads):
    outs = []
    for q, k, v in zip(
        (x @ w_query).chunk(num_heads, -1),
        (x @ w_key).chunk(num_heads, -1),
        (x @ w_value).chunk(num_heads, -1),
        strict=False,
    ):
        outs.append((q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])).softmax(-1) @ v)
    return torch.stack(outs, -1).flatten(2) @ w_out


# Sum over heads, each with its own rows of w_out; nothing is ever put side by side
@right("4.1-6")
def sum_over_heads_each_with_its_own_rows_of_w(x, w_query, w_key, w_value, w_out, num_heads):
    width, total = x.shape[-1] // num_heads, 0
    for h in range(num_heads):
        part = slice(h * width, (h + 1) * width)
        q, k, v = x @ w_query[:, part], x @ w_key[:, part], x @ w_value[:, part]
        weights = torch.softmax(torch.einsum("bqd,bkd->bqk", q, k) * width**-0.5, -1)
        total = total + weights @ v @ w_out[part]
    return total


# The new key and value are put in front of the cache: the output is right, the returned cache is in the
# wrong order
@wrong("4.1-7", "In your cache the new token comes first. The output")
def the_new_key_and_value_are_put_in_front(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], 1)
    values = torch.cat([x @ w_value, cached_values], 1)
    scores = x @ w_query @ keys.transpose(1, 2) / math.sqrt(keys.shape[-1])
    return scores.softmax(-1) @ values, keys, values


# Mean of the whole diagonal with offset -(period - 1): it begins at t = period - 1, still in the first
# copy
@wrong("4.1-8", "Your mean includes t = period - 1, the last token of the first")
def mean_of_the_whole_diagonal_with_offset(weights, period):
    return weights.diagonal(offset=-(period - 1), dim1=-2, dim2=-1).mean(-1)


# The column is taken modulo the period ((t + 1) % period): always the first copy, wrong from the third on
@wrong("4.1-8", "changes with what stands in `weights` at the first key")
def the_column_is_taken_modulo_the_period_t_1(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, (t + 1) % period].mean(-1)


# Divided by log2 of the number of keys, an evenness between 0 and 1
@wrong("4.1-9", "It comes out as if the entropy were divided by that of equal")
def divided_by_log2_of_the_number_of_keys(weights):
    return torch.special.entr(weights).sum(-1) / math.log(weights.shape[-1])


# Scaled by the share that really survived (keep.mean()) instead of 1 - dropout_p
@wrong("4.1-10", "It comes out as if the factor were one over the share that")
def scaled_by_the_share_that_really_survived(weights, keep, dropout_p, training):
    if not training:
        return weights
    return weights * keep / keep.to(weights.dtype).mean()


# The survivors of each row are normed to a sum of one again
@wrong("4.1-10", "The survivors of each of your rows sum to one. That makes a row")
def the_survivors_of_each_row_are_normed(weights, keep, dropout_p, training):
    if not training:
        return weights
    left = weights * keep
    return left / left.sum(-1, keepdim=True).clamp(min=1e-9)


# Keys repeated head by head (0 0 0 0 1 1 1 1), values as a whole (0 1 0 1 ...): key and value of a head
# do not belong together
@wrong("4.1-11", "Each query head takes its keys from one KV head and its values")
def keys_repeated_head_by_head_0_0_0_0_1_1_1_1(query, key, value):
    times = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(times, 1), value.repeat(1, times, 1, 1)
    return F.scaled_dot_product_attention(query, key, value)


def _sets(**other):
    said = {
        "anywhere": math.comb(16, 3) - 1,
        "same_layer": math.comb(8, 3) - 1,
        "share": 4 / 55,
        "whole": 0,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }
    return {**said, **other}


# The share out of all 56 sets, the silenced set itself included
@wrong("4.1-12", "You count the picked set among the sets of its layer,")
def the_share_out_of_all_56_sets_the_silenced():
    return _sets(share=4 / 56)


def _lead(**other):
    said = {
        "fixed": 3.0,
        "thousand": 10.0,
        "level": 3700,
        "twice": 43 * 4000 / (23 * 2000),
        "says": "attention's lead shrinks with the length",
    }
    return {**said, **other}


# Twice = 43 / 23, the time of one token and not of the whole text
@wrong("4.1-13", "That compares the cost of a token. A text of twice the length")
def twice_43_23_the_time_of_one_token():
    return _lead(twice=43 / 23)


# 'over 32 tokens the two are equally good' since the interval has zero in it
@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far ahead.")
def over_32_tokens_the_two_are_equally_good():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "over 32 tokens the two are equally good",
    }
