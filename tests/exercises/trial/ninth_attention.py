"""A ninth trial, chapter 4.1: slips that the cases or the words of the time before did not tell."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong

INF = float("inf")


def _s(q, k):
    return q @ k.mT / q.shape[-1] ** 0.5


def sp(x, h):
    return x.unflatten(-1, (h, -1)).transpose(1, 2)


def mg(x):
    return x.transpose(1, 2).flatten(2)


def at(q, k, v, scale=None):
    return F.scaled_dot_product_attention(q, k, v, scale=scale)


# The size of axis 1, counted from the front, is taken for the head size
@wrong("4.1-1", "It comes out as if the root of axis 1, counted from the")
def the_size_of_axis_1_counted_from_the_front_is(query, key):
    return query @ key.mT / math.sqrt(query.shape[1])


# All scores are brought to mean 0 and deviation 1
@wrong("4.1-1", "Your scores are divided by the spread that they happen to")
def all_scores_are_brought_to_mean_0_and_deviati(query, key):
    s = query @ key.mT
    return (s - s.mean()) / s.std(correction=0)


# The first score of a row is subtracted: a row from 0 to 1000 overflows
@wrong("4.1-2", "What you subtract is not the largest score of each row (but a")
def the_first_score_of_a_row_is_subtracted_a_row(scores):
    e = torch.exp(scores - scores[..., :1])
    return e / e.sum(-1, keepdim=True)


# NaN is replaced after the overflow
@wrong("4.1-2", "Rows near 1000 or -1000 get no weight at all in your")
def nan_is_replaced_after_the_overflow(scores):
    e = torch.exp(scores)
    return (e / e.sum(-1, keepdim=True)).nan_to_num()


# A fixed number is subtracted
@wrong("4.1-2", "What you subtract is not the largest score of each row (but a")
def a_fixed_number_is_subtracted(scores):
    e = torch.exp(scores - 1000)
    return e / e.sum(-1, keepdim=True)


# One sum for all rows
@wrong("4.1-2", "One unit is shared out over a whole table of yours, or over")
def one_sum_for_all_rows(scores):
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    return e / e.sum()


# -1e9 is no wall where scores are larger
@wrong("4.1-3", "Right, up to scores of tens of thousands; but with scores")
def n1e9_is_no_wall_where_scores_are_larger(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / query.shape[-1] ** 0.5
    return s.masked_fill(torch.ones(n, n).triu(1).bool(), -1e9).softmax(-1) @ value


# -1e5 is no wall where scores are larger
@wrong("4.1-3", "Right, up to scores of tens of thousands; but with scores")
def n1e5_is_no_wall_where_scores_are_larger(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / query.shape[-1] ** 0.5
    return s.masked_fill(torch.ones(n, n).triu(1).bool(), -1e5).softmax(-1) @ value


# Masked late and shared out again, with a small number below the fraction bar
@wrong("4.1-3", "This works while scores are small. With a loud future the")
def masked_late_and_shared_out_again_with_a_smal(query, key, value):
    a = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1).tril()
    return a / (a.sum(-1, keepdim=True) + 1e-9) @ value


# The division stands behind the softmax
@wrong("4.1-3", "It comes out as if the division stood behind the softmax: the")
def the_division_stands_behind_the_softmax(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT
    s = s.masked_fill(torch.ones(n, n).triu(1).bool(), -INF).softmax(-1)
    return s @ value / query.shape[-1] ** 0.5


# The root of the number of tokens
@wrong("4.1-3", "It comes out as if the scores were divided by the root of the")
def the_root_of_the_number_of_tokens(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / n**0.5
    return s.masked_fill(torch.ones(n, n).triu(1).bool(), -INF).softmax(-1) @ value


# The smallest float loses against every score of a test
@right("4.1-3")
def the_smallest_float_loses_against_every_score(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / query.shape[-1] ** 0.5
    return (
        torch.where(torch.arange(n)[:, None] >= torch.arange(n), s, torch.finfo(s.dtype).min).softmax(-1)
        @ value
    )


# Padded queries have all their keys masked
@wrong("4.1-4", "In the rows of padded queries all keys are masked in your")
def padded_queries_have_all_their_keys_masked(query, key, value, is_token):
    m = is_token[:, :, None] & is_token[:, None, :]
    return _s(query, key).masked_fill(~m, -INF).softmax(-1) @ value


# Padded queries read everything equally
@wrong("4.1-4", "A padded query gets the average of all values in your result,")
def padded_queries_read_everything_equally(query, key, value, is_token):
    m = is_token[:, :, None] & is_token[:, None, :]
    return _s(query, key).masked_fill(~m, -1e9).softmax(-1) @ value


# An empty sequence reads its padding
@wrong("4.1-4", "In an empty sequence your output is that of plain attention")
def an_empty_sequence_reads_its_padding(query, key, value, is_token):
    m = is_token[:, None, :] | ~is_token.any(-1)[:, None, None]
    return _s(query, key).masked_fill(~m, -INF).softmax(-1) @ value


# Scores of 0 in an empty sequence, and no zeros afterwards
@wrong("4.1-4", "In an empty sequence your output is the average of the")
def scores_of_0_in_an_empty_sequence_and_no_zero(query, key, value, is_token):
    e = ~is_token.any(-1)[:, None, None]
    return _s(query, key).masked_fill(~is_token[:, None, :], -INF).masked_fill(e, 0).softmax(-1) @ value


# Masked late and shared out again
@wrong("4.1-4", "This works while scores are small. With loud padding the")
def masked_late_and_shared_out_again(query, key, value, is_token):
    a = _s(query, key).softmax(-1) * is_token[:, None, :]
    return a / a.sum(-1, keepdim=True).clamp_min(1e-9) @ value


# NaN is replaced in the weights, behind a mask that lets no gradient through
@right("4.1-4")
def nan_is_replaced_in_the_weights_behind_a_mask(query, key, value, is_token):
    m = is_token[:, :, None] & is_token[:, None, :]
    return _s(query, key).masked_fill(~m, -INF).softmax(-1).nan_to_num() @ value


# w_key makes the queries and w_query the keys
@wrong("4.1-6", "It comes out as if w_key made the queries and w_query the")
def w_key_makes_the_queries_and_w_query_the_keys(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (sp(x @ w_, num_heads) for w_ in (w_key, w_query, w_value))
    return mg(F.scaled_dot_product_attention(q, k, v)) @ w_out


# w_out alone is transposed
@wrong("4.1-6", "I get your numbers when matrices are transposed (all")
def w_out_alone_is_transposed(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (sp(x @ w_, num_heads) for w_ in (w_query, w_key, w_value))
    return mg(F.scaled_dot_product_attention(q, k, v)) @ w_out.T


# A mask that was not asked for
@wrong("4.1-6", "Your tokens read only themselves and what comes before. That")
def a_mask_that_was_not_asked_for(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (sp(x @ w_, num_heads) for w_ in (w_query, w_key, w_value))
    return mg(F.scaled_dot_product_attention(q, k, v, is_causal=True)) @ w_out


# The caches are lengthened by padding and filled
@right("4.1-7")
def the_caches_are_lengthened_by_padding_and_fil(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = F.pad(cached_keys, (0, 0, 0, 1))
    v = F.pad(cached_values, (0, 0, 0, 1))
    k[:, -1:] = x @ w_key
    v[:, -1:] = x @ w_value
    return [F.scaled_dot_product_attention(x @ w_query, k, v), k, v]


# One place too early; the first place is -1, which is the last
@wrong("4.1-8", "You measure the weight on the token before the previous")
def one_place_too_early_the_first_place_is_1_whi(weights, period):
    q = torch.arange(period, weights.shape[-1])
    return weights[:, q, q - period - 1].mean(-1)


# From the first token on, where places below 0 are counted from the end
@wrong("4.1-8", "Your mean runs over all tokens, those of the first copy too,")
def from_the_first_token_on_where_places_below_0(weights, period):
    q = torch.arange(weights.shape[-1])
    return weights[:, q, q - period + 1].mean(-1)


# One place too late
@wrong("4.1-8", "You measure the weight on t - period + 2, the token after the")
def one_place_too_late(weights, period):
    q = torch.arange(period, weights.shape[-1])
    return weights[:, q, q - period + 2].mean(-1)


# A copy that breaks off is left out
@wrong("4.1-8", "Where the last copy breaks off, its tokens are left")
def a_copy_that_breaks_off_is_left_out(weights, period):
    q = torch.arange(period, weights.shape[-1] // period * period)
    return weights[:, q, q - period + 1].mean(-1)


# Begins at period + 1
@wrong("4.1-8", "Your mean leaves out one token of the later copies: the first")
def begins_at_period_1(weights, period):
    q = torch.arange(period + 1, weights.shape[-1])
    return weights[:, q, q - period + 1].mean(-1)


# The last token is left out
@wrong("4.1-8", "Your mean leaves out one token of the later copies: the first")
def the_last_token_is_left_out(weights, period):
    q = torch.arange(period, weights.shape[-1] - 1)
    return weights[:, q, q - period + 1].mean(-1)


# The mean of the means of the copies
@wrong("4.1-8", "Where the last copy breaks off, its tokens are left")
def the_mean_of_the_means_of_the_copies(weights, period):
    s = weights.shape[-1]
    out = []
    for c in range(period, s, period):
        q = torch.arange(c, min(c + period, s))
        out.append(weights[:, q, q - period + 1].mean(-1))
    return torch.stack(out).mean(0)


# Divided by the period
@wrong("4.1-8", "It comes out as if the sum were divided by the length of the")
def divided_by_the_period(weights, period):
    q = torch.arange(period, weights.shape[-1])
    return weights[:, q, q - period + 1].sum(-1) / period


# Divided by the entropy of equal weights
@wrong("4.1-9", "It comes out as if the entropy were divided by that of equal")
def divided_by_the_entropy_of_equal_weights(weights):
    return (
        -(weights * weights.clamp_min(1e-12).log2()).sum(-1) / math.log2(weights.shape[-1])
        if weights.shape[-1] > 1
        else 0
    )


# A row with a NaN becomes 0 as a whole
@wrong("4.1-9", "A row with a weight of exactly 0 has the entropy 0 in your")
def a_row_with_a_nan_becomes_0_as_a_whole(weights):
    return (-(weights * weights.log2()).sum(-1)).nan_to_num()


# The share that survived in this table
@wrong("4.1-10", "It comes out as if the factor were one over the share that")
def the_share_that_survived_in_this_table(weights, keep, dropout_p, training):
    return weights * keep / keep.float().mean() if training else weights


# Divided by the head size
@wrong("4.1-11", "Your scores are divided by another number than the")
def divided_by_the_head_size(query, key, value):
    g = query.shape[1] // key.shape[1]
    return at(query, key.repeat_interleave(g, 1), value.repeat_interleave(g, 1), 1 / query.shape[-1])


# Divided by the root of the number of heads
@wrong("4.1-11", "Your scores are divided by another number than the")
def divided_by_the_root_of_the_number_of_heads(query, key, value):
    g = query.shape[1] // key.shape[1]
    return at(query, key.repeat_interleave(g, 1), value.repeat_interleave(g, 1), query.shape[1] ** -0.5)


# Queries of a group as one long sequence
@right("4.1-11")
def queries_of_a_group_as_one_long_sequence(query, key, value):
    b, h, s, d = query.shape
    q = query.reshape(b, key.shape[1], -1, d)
    return at(q, key, value).reshape(b, h, s, d)
