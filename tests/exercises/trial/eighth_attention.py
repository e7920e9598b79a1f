"""An eighth trial, chapter 4.1: answers written from the statements alone."""

import math
from math import comb

import torch

from trial.answers import right, wrong


# Brings the variance to 1 by dividing by the deviation of this batch's scores, so a score depends on the
# other queries and keys
@wrong("4.1-1", "Your scores are divided by the spread that they happen to")
def brings_the_variance_to_1_by_dividing_by(query, key):
    scores = query @ key.transpose(-1, -2)
    return scores / scores.std()


# The dropout of 2012: nothing scaled in training, all weights times 1 - p in use; the exercise wants no
# change in use
@wrong("4.1-10", "Your average is kept by making all weights smaller at")
def the_dropout_of_2012_nothing_scaled_in_training(weights, keep, dropout_p, training):
    if training:
        return weights * keep
    return weights * (1 - dropout_p)


# Counts the silenced set itself among the other sets (560 and 56), and takes the share of 56
@wrong("4.1-12", "This number counts the picked set too. It cannot be a control")
def counts_the_silenced_set_itself_among_the_other():
    return {
        "anywhere": comb(16, 3),
        "same_layer": comb(8, 3),
        "share": 4 / 56,
        "whole": 0,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


# Reads the line as a square law: whole texts twice as long take 4 times as long, and a token costs the
# square
@wrong("4.1-13", "With this number all of a token's cost grows with the length.")
def reads_the_line_as_a_square_law_whole():
    return {
        "fixed": 3.0,
        "thousand": 10.0,
        "level": 3700,
        "twice": 4,
        "says": "a token costs attention the square of the length",
    }


# Remembers 'attention is quadratic': says four times and the square for each token, where the line is
# straight
@wrong("4.1-13", "With this number all of a token's cost grows with the length.")
def remembers_attention_is_quadratic_says_four_times_and():
    return {
        "fixed": 3.0,
        "thousand": 10.0,
        "level": 3700,
        "twice": 4.0,
        "says": "a token costs attention the square of the length",
    }


# Takes the whole cost at 500 tokens for the fixed part and so misplaces the crossing
@wrong("4.1-13", "That is the cost in texts of 500 tokens, where some")
def takes_the_whole_cost_at_500_tokens_for():
    return {
        "fixed": 8.0,
        "thousand": 10.0,
        "level": 3200,
        "twice": (48 * 4000) / (28 * 2000),
        "says": "attention's lead shrinks with the length",
    }


# Generalises from one task at one rate to what a GRU can do at all and how far attention reaches
@wrong("4.1-14", "You say that a GRU cannot. It failed at one rate. With a rate")
def generalises_from_one_task_at_one_rate_to():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "a GRU cannot remember over 96 tokens",
        "self-attention reaches further than a recurrent network",
    }


# Subtracts the greatest score of the whole tensor, so a row of -1000 beside one of 1000 becomes 0/0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low")
def subtracts_the_greatest_score_of_the_whole_tensor(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(dim=-1, keepdim=True)


# Subtracts the maximum of the whole tensor, not of each row: a row at -1000 beside one at 1000 underflows
# to 0/0
@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low")
def subtracts_the_maximum_of_the_whole_tensor_not(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(dim=-1, keepdim=True)


# Masks with -1e9: in an empty sequence all keys are then equally good, and the mean of the values comes out
# instead of zeros
@wrong("4.1-4", "In an empty sequence your output is the average of the")
def masks_with_1e9_in_an_empty_sequence_all(query, key, value, is_token):
    s = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    s = s.masked_fill(~is_token[:, None, :], -1e9)
    return torch.softmax(s, dim=-1) @ value


# Adds a bias of -inf and repairs with nan_to_num: the output of an empty sequence is zero, but the gradient
# of its queries and keys is NaN
@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after")
def adds_a_bias_of_inf_and_repairs_with(query, key, value, is_token):
    bias = torch.zeros(is_token.shape).masked_fill(~is_token, float("-inf"))
    s = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]) + bias[:, None, :]
    return torch.nan_to_num(torch.softmax(s, dim=-1)) @ value


# Multiplies scores by the mask: a padded key gets score 0, not -inf, and so a weight
@wrong("4.1-4", "Padded keys count with a score of 0 in your result, and that")
def multiplies_scores_by_the_mask_a_padded_key(query, key, value, is_token):
    keep = is_token[:, None, :].to(query.dtype)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 * keep
    out = torch.softmax(scores, dim=-1) @ value
    return out * is_token.any(dim=1)[:, None, None]


# One more key with a value of zeros takes all the weight where nothing else is readable; padded queries get
# zeros too, which is left open
@right("4.1-4")
def one_more_key_with_a_value_of_zeros(query, key, value, is_token):
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    scores = scores.masked_fill(~is_token[:, None, :], float("-inf"))
    sink = torch.where(is_token.any(dim=1), float("-inf"), 0.0)[:, None, None].expand(-1, scores.shape[1], 1)
    weights = torch.softmax(torch.cat([scores, sink.to(scores.dtype)], dim=-1), dim=-1)[..., :-1]
    return (weights @ value) * is_token[:, :, None]


# Makes the heads the last axis and brings that forward: head 0 gets features 0, h, 2h... instead of the
# first piece
@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does")
def makes_the_heads_the_last_axis_and_brings(x, num_heads):
    b, s, d = x.shape
    return x.reshape(b, s, d // num_heads, num_heads).permute(0, 3, 1, 2)


# Scales by the root of d_model (the width of x), but the keys are dim wide
@wrong("4.1-7", "Your scores are divided by the root of the width of")
def scales_by_the_root_of_d_model_the(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat((cached_keys, x @ w_key), dim=1)
    values = torch.cat((cached_values, x @ w_value), dim=1)
    s = (x @ w_query) @ keys.mT / x.shape[-1] ** 0.5
    return s.softmax(-1) @ values, keys, values


# The query attends to the cache before the new token is put into it: it does not read itself, and at past =
# 0 it reads nothing
@wrong("4.1-7", "The cache grows as it should, but where there are old entries")
def the_query_attends_to_the_cache_before_the(x, w_query, w_key, w_value, cached_keys, cached_values):
    q = x @ w_query
    a = torch.softmax(q @ cached_keys.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1)
    out = a @ cached_values
    return out, torch.cat([cached_keys, x @ w_key], 1), torch.cat([cached_values, x @ w_value], 1)


# Scipy's entropy with base 2 would do; here special.xlogy, which is 0 at 0, divided by log 2
@right("4.1-9")
def scipys_entropy_with_base_2_would_do_here(weights):
    return -torch.special.xlogy(weights, weights).sum(-1) / math.log(2)
