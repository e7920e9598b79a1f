"""An eleventh trial, chapter 4.1: answers of an audit of what the messages claim."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# The usual head size is taken for all
@wrong("4.1-1", "Your divisor is the same whatever the head size.")
def divided_by_eight(query, key):
    return query @ key.mT / 8


# The root is taken in two halves, one on each side
@right("4.1-1")
def a_fourth_root_on_each_side(query, key):
    scale = query.shape[-1] ** -0.25
    return torch.einsum("...id,...jd->...ij", query * scale, key * scale)


# The smallest number of half precision as a wall
@wrong("4.1-3", "a finite number such as -1e4 does not lose against all of them")
def a_wall_of_half_precision(query, key, value):
    seq = query.shape[-2]
    future = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    scores = (query @ key.mT / query.shape[-1] ** 0.5).masked_fill(future, torch.finfo(torch.float16).min)
    return scores.softmax(-1) @ value


# The weights are masked and divided by what is left of them, which may be nothing
@wrong("4.1-4", "your new division is 0/0, as it is in an empty sequence")
def divided_by_what_is_left(query, key, value, is_token):
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) * is_token[:, None, :]
    return weights / weights.sum(-1, keepdim=True) @ value


def _split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x):
    return x.transpose(1, 2).flatten(2)


# Each head projects its own slice of x alone
@wrong("4.1-6", "each head saw only its own slice of x")
def cut_before_the_projection(x, w_query, w_key, w_value, w_out, num_heads):
    size, outputs = x.shape[-1] // num_heads, []
    for head in range(num_heads):
        part = slice(head * size, (head + 1) * size)
        query, key, value = (x[..., part] @ w[part, part] for w in (w_query, w_key, w_value))
        outputs.append(F.scaled_dot_product_attention(query, key, value))
    return torch.cat(outputs, -1) @ w_out


# The root of the number of heads
@wrong("4.1-6", "the root of the number of heads")
def scaled_by_the_heads(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (_split(x @ w, num_heads) for w in (w_query, w_key, w_value))
    return _merge((query @ key.mT / num_heads**0.5).softmax(-1) @ value) @ w_out


# The weights of the heads are averaged, as for a picture
@wrong("4.1-6", "All your heads read with the same weights")
def weights_averaged(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (_split(x @ w, num_heads) for w in (w_query, w_key, w_value))
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1).mean(1, keepdim=True)
    return _merge(weights @ value) @ w_out


# Scores read out without a softmax
@wrong("4.1-6", "as if the scores themselves were the weights")
def without_softmax(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (_split(x @ w, num_heads) for w in (w_query, w_key, w_value))
    return _merge(query @ (key.mT @ value) / query.shape[-1] ** 0.5) @ w_out


# The queries alone are reshaped at once
@wrong("4.1-6", "Split all three in the same way.")
def queries_reshaped_at_once(x, w_query, w_key, w_value, w_out, num_heads):
    query = (x @ w_query).reshape(len(x), num_heads, x.shape[1], -1)
    key, value = _split(x @ w_key, num_heads), _split(x @ w_value, num_heads)
    return _merge(F.scaled_dot_product_attention(query, key, value)) @ w_out


def _longer(x, w_key, w_value, keys, values):
    return torch.cat([keys, x @ w_key], 1), torch.cat([values, x @ w_value], 1)


# The softmax runs over axis 1, as it would in a table without a batch
@wrong("4.1-7", "the softmax runs over the axis of the query")
def softmax_over_axis_one(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys, values = _longer(x, w_key, w_value, cached_keys, cached_values)
    weights = (x @ w_query @ keys.mT / keys.shape[-1] ** 0.5).softmax(1)
    return weights @ values, keys, values


# The head size without its root
@wrong("4.1-7", "by that size itself")
def head_size_without_root(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys, values = _longer(x, w_key, w_value, cached_keys, cached_values)
    return (x @ w_query @ keys.mT / keys.shape[-1]).softmax(-1) @ values, keys, values


# The new key takes part, its value does not
@wrong("4.1-7", "its value is not among what is read")
def old_values_alone(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys, values = _longer(x, w_key, w_value, cached_keys, cached_values)
    weights = (x @ w_query @ keys.mT / keys.shape[-1] ** 0.5).softmax(-1)
    if not cached_keys.shape[1]:
        return weights @ values, keys, values
    return weights[..., :-1] @ cached_values, keys, values


# Always the first copy is looked at
@wrong("4.1-8", "You measure the weight on the first copy")
def the_first_copy_alone(weights, period):
    tokens = torch.arange(period, weights.shape[-1])
    return weights[:, tokens, tokens % period + 1].mean(-1)


# The weights behind every earlier occurrence are added
@wrong("4.1-8", "behind all earlier occurrences")
def every_occurrence(weights, period):
    scores = torch.zeros(len(weights))
    for t in range(period, weights.shape[-1]):
        scores += weights[:, t, range(t % period + 1, t - period + 2, period)].sum(-1)
    return scores / (weights.shape[-1] - period)


# One term more than there are
@wrong("4.1-8", "divided by one more")
def divided_by_one_more(weights, period):
    return weights.diagonal(1 - period, 1, 2)[:, 1:].sum(-1) / (weights.shape[-1] - period + 1)


# Means of NaN too
@wrong("4.1-9", "NaN in a row with a weight of exactly 0")
def mean_over_the_keys(weights):
    return -(weights * weights.log2()).mean(-1)


# The strongest key's surprise
@wrong("4.1-9", "how surprising the strongest key of a row is")
def the_strongest_key(weights):
    return -weights.max(-1).values.log2()


# The number of keys that have any weight
@wrong("4.1-9", "the number of keys with a weight above 0")
def keys_with_a_weight(weights):
    return (weights > 0).sum(-1).float().log2()


# torch.distributions, in double
@right("4.1-9")
def categorical(weights):
    return torch.distributions.Categorical(probs=weights.double()).entropy() / math.log(2)


# What is not kept stays as it was
@wrong("4.1-10", "They become 0.")
def nothing_goes(weights, keep, dropout_p, training):
    return torch.where(keep, weights / (1 - dropout_p), weights) if training else weights


# A second softmax makes the rows sum to one
@wrong("4.1-10", "have been through a softmax")
def a_second_softmax(weights, keep, dropout_p, training):
    return (weights * keep).softmax(-1) if training else weights


# Only the first query of a group asks
@wrong("4.1-11", "as if they had one query between them")
def one_query_for_a_group(query, key, value):
    group = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query[:, ::group], key, value).repeat_interleave(group, 1)


# The KV head of the same number, the last for the rest
@wrong("4.1-11", "takes the KV head of its own number")
def the_same_number(query, key, value):
    index = [min(head, key.shape[1] - 1) for head in range(query.shape[1])]
    return F.scaled_dot_product_attention(query, key[:, index], value[:, index])


# Causal, as one is used to
@wrong("4.1-11", "There is no mask in this exercise")
def causal_groups(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


# torch does it
@right("4.1-11")
def enable_gqa(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, enable_gqa=True)


def _control(**other):
    beside = "other sets of as many heads, in the same layer and anywhere"
    return {"anywhere": 559, "same_layer": 55, "share": 4 / 55, "whole": 0, "beside": beside} | other


# Sets of each layer, added: 2 * 56 - 1
@wrong("4.1-12", "counts the sets that lie in one layer, whichever it is")
def layer_by_layer():
    return _control(anywhere=111)


# Ordered choices of 3 of 8, nothing taken off
@wrong("4.1-12", "the order is free")
def ordered_choices():
    return _control(same_layer=8 * 7 * 6)


# Sets of 8 heads of all 16, the picked one left out
@wrong("4.1-12", "This number counts sets from all layers.")
def eight_of_sixteen():
    return _control(whole=12869)


def _figure(**other):
    says = "attention's lead shrinks with the length"
    return {"fixed": 3.0, "thousand": 10.0, "level": 3700, "twice": 172 / 46, "says": says} | other


# The first point is taken for the start of the line
@wrong("4.1-13", "That is the cost in texts of 500 tokens")
def first_point_for_the_start():
    return _figure(fixed=8.0)


# 23 - 8, not yet for a thousand
@wrong("4.1-13", "The two points are 1500 tokens apart")
def rise_between_the_points():
    return _figure(thousand=15.0)


# From period - 1 to seq - 2, as if a logit were asked for
@wrong("4.1-8", "one too early at both ends")
def early_at_both_ends(weights, period):
    tokens = torch.arange(period - 1, weights.shape[-1] - 1)
    return weights[:, tokens, tokens - period + 1].mean(-1)


# Exponentials of the past, never divided
@wrong("4.1-3", "without a division by their sum")
def exponentials_of_the_past(query, key, value):
    return torch.exp(query @ key.mT / query.shape[-1] ** 0.5).tril() @ value


# Two slips at once: no message says that the rest is right
@wrong("4.1-7", "It comes out as of two slips at once.")
def unscaled_and_not_extended(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys, values = _longer(x, w_key, w_value, cached_keys, cached_values)
    return (x @ w_query @ keys.mT).softmax(-1) @ values, cached_keys, cached_values
