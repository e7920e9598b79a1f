"""Chapter 4.1, attention: wrong answers with one slip each, and unusual right ones."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.1-1", "scale changes")
def divided_by_the_root_of_the_tokens(query, key):
    return query @ key.transpose(-2, -1) / key.shape[-2] ** 0.5  # number of keys, not head_dim


@wrong("4.1-1", "size of tensor")
def all_leading_axes_transposed(query, key):
    return query @ key.T / query.shape[-1] ** 0.5


@wrong("4.1-1", "3 queries")
def keys_ask_queries(query, key):
    return key @ query.transpose(-2, -1) / query.shape[-1] ** 0.5


@wrong("4.1-1", "scale works")
def scaled_up(query, key):
    return query @ key.transpose(-2, -1) * query.shape[-1] ** 0.5


@right("4.1-1")
def scores_scaled_on_both_sides(query, key):
    quarter = query.size(-1) ** -0.25
    return torch.einsum("...qd,...kd->...qk", query * quarter, key * quarter)


@wrong("4.1-2", "largest score")
def largest_of_all_taken_away(scores):
    weights = torch.exp(scores - scores.max())  # a row far below it has only zeros
    return weights / weights.sum(-1, keepdim=True)


@wrong("4.1-2", "queries compete")
def normalised_over_the_queries(scores):
    weights = torch.exp(scores - scores.max(-2, keepdim=True).values)
    return weights / weights.sum(-2, keepdim=True)


@wrong("4.1-2", "Scores near 1000")
def scores_clamped(scores):
    weights = torch.exp(scores.clamp(-80, 80))  # 1000 and 990 become equal
    return weights / weights.sum(-1, keepdim=True)


@wrong("4.1-2", "The largest number in each of your rows is 1, so a")
def never_divided(scores):
    return torch.exp(scores - scores.max(-1, keepdim=True).values)


@right("4.1-2")
def softmax_a_row_at_a_time(scores):
    def one(row):
        e = torch.exp(row - row.max())
        return e / e.sum()

    return torch.stack([one(row) for row in scores.reshape(-1, scores.shape[-1])]).reshape(scores.shape)


@wrong("4.1-3", "diagonal belong")
def own_token_hidden_too(query, key, value):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu()  # diagonal=1
    return scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num() @ value


@wrong("4.1-3", "Wherever a token has a future, it reads that and not its")
def mask_looks_forward(query, key, value):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril(-1)  # hides the past
    return scores.masked_fill(mask, -torch.inf).softmax(-1) @ value


@wrong("4.1-3", "mask act")
def masked_after_the_softmax(query, key, value):
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
    return weights.tril() @ value  # rows no longer sum to one


@wrong("4.1-3", "finite number such")
def future_lowered_by_a_thousand(query, key, value):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return (scores - 1000 * torch.ones_like(scores).triu(1)).softmax(-1) @ value  # not enough for 2000


@wrong("4.1-3", "perfectly good score")
def scores_cut_to_zero_by_tril(query, key, value):
    scores = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).tril()  # 0 is a score like any other
    return scores.softmax(-1) @ value


@wrong("4.1-3", "too sharp")
def scale_left_out(query, key, value):
    scores = query @ key.transpose(-2, -1)
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(mask, -torch.inf).softmax(-1) @ value


@right("4.1-3")
def causal_by_reading_a_prefix(query, key, value):
    rows = []
    for t in range(query.shape[-2]):
        scores = (key[..., : t + 1, :] * query[..., t : t + 1, :]).sum(-1) / math.sqrt(query.shape[-1])
        rows.append((scores.softmax(-1).unsqueeze(-1) * value[..., : t + 1, :]).sum(-2))
    return torch.stack(rows, dim=-2)


@wrong("4.1-4", "padded keys")
def padded_queries_masked_for_keys(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = scores.masked_fill(~is_token[:, :, None], -torch.inf).softmax(-1).nan_to_num()  # wrong axis
    return weights @ value


@wrong("4.1-4", "empty sequence")
def large_negative_for_padding(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return scores.masked_fill(~is_token[:, None], -1e9).softmax(-1) @ value  # an empty row reads the padding


@wrong("4.1-4", "replaced the NaN")
def nan_replaced_at_the_end(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = scores.masked_fill(~is_token[:, None], -torch.inf).softmax(-1)
    return torch.nan_to_num(weights @ value)  # its gradient is NaN


@wrong("4.1-4", "read the padding")
def tokens_masked_instead_of_padding(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return scores.masked_fill(is_token[:, None], -torch.inf).softmax(-1).nan_to_num() @ value


@right("4.1-4")
def padding_cut_off_row_by_row(query, key, value, is_token):
    outputs = []
    for q, k, v, real in zip(query, key, value, is_token, strict=True):
        if real.any():
            outputs.append(F.scaled_dot_product_attention(q[None], k[real][None], v[real][None])[0])
        else:
            outputs.append(torch.zeros_like(q))
    return torch.stack(outputs)


@wrong("4.1-5", "Reshape only cuts")
def viewed_without_a_transpose(x, num_heads):
    batch, seq, d_model = x.shape
    return x.view(batch, num_heads, seq, d_model // num_heads)  # mixes tokens and heads


@wrong("4.1-5", "features rightly")
def tokens_stay_before_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1))


@wrong("4.1-5", "gets features")
def every_nth_feature(x, num_heads):
    return x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2)  # neighbours belong together


@right("4.1-5")
def heads_by_chunks(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


@wrong("4.1-6", "vectors whose dot")
def scaled_by_the_whole_width(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.transpose(-2, -1) / x.shape[-1] ** 0.5).softmax(-1)  # d_model, not head_dim
    return (weights @ v).transpose(1, 2).flatten(2) @ w_out


@wrong("4.1-6", "reshape while")
def heads_joined_without_going_back(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).reshape(x.shape) @ w_out  # heads must stand behind tokens first


@wrong("4.1-6", "no influence")
def last_projection_forgotten(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


@wrong("4.1-6", "scores must")
def one_head_for_all(x, w_query, w_key, w_value, w_out, num_heads):
    return F.scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value) @ w_out


@right("4.1-6")
def heads_summed_by_their_rows_of_w_out(x, w_query, w_key, w_value, w_out, num_heads):
    width, total = x.shape[-1] // num_heads, 0
    for h in range(num_heads):
        part = slice(h * width, (h + 1) * width)
        q, k, v = x @ w_query[:, part], x @ w_key[:, part], x @ w_value[:, part]
        total = total + (q @ k.mT / width**0.5).softmax(-1) @ v @ w_out[part]
    return total


@wrong("4.1-7", "new token comes")
def new_token_put_in_front(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], 1)  # the new one comes last
    values = torch.cat([x @ w_value, cached_values], 1)
    weights = (x @ w_query @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).softmax(-1)
    return weights @ values, keys, values


@wrong("4.1-7", "new token reads")
def new_token_does_not_read_itself(x, w_query, w_key, w_value, cached_keys, cached_values):
    weights = (x @ w_query @ cached_keys.transpose(1, 2) / cached_keys.shape[-1] ** 0.5).softmax(-1)
    keys = torch.cat([cached_keys, x @ w_key], 1)
    return weights @ cached_values, keys, torch.cat([cached_values, x @ w_value], 1)


@wrong("4.1-7", "`w_key` stood")
def keys_kept_for_values(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x @ w_key], 1)
    values = torch.cat([cached_values, x @ w_key], 1)  # w_value
    weights = (x @ w_query @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).softmax(-1)
    return weights @ values, keys, values


@wrong("4.1-7", "an empty cache")
def cache_projected_again(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x], 1) @ w_key  # the cache holds keys already
    values = torch.cat([cached_values, x], 1) @ w_value
    weights = (x @ w_query @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).softmax(-1)
    return weights @ values, keys, values


@wrong("4.1-8", "previous occurrence")
def looks_at_the_previous_occurrence(weights, period):
    t = torch.arange(period, weights.shape[1])
    return weights[:, t, t - period].mean(1)  # one further


@wrong("4.1-8", "second copy")
def mean_over_the_whole_text(weights, period):
    t = torch.arange(period, weights.shape[1])
    return weights[:, t, t - period + 1].sum(1) / weights.shape[1]


@wrong("4.1-8", "later copy")
def second_copy_only(weights, period):
    t = torch.arange(period, 2 * period)  # and all later ones
    return weights[:, t, t - period + 1].mean(1)


@right("4.1-8")
def induction_by_a_diagonal(weights, period):
    return weights.diagonal(1 - period, dim1=1, dim2=2)[:, 1:].mean(-1)


@wrong("4.1-9", "yes-or-no questions")
def attention_entropy_in_nats(weights):
    return -torch.where(weights > 0, weights * weights.log(), 0).sum(-1)


@wrong("4.1-9", "key contribute")
def not_a_number_at_zero(weights):
    return -(weights * weights.log2()).sum(-1)


@wrong("4.1-9", "per key")
def over_the_queries(weights):
    return -torch.where(weights > 0, weights * weights.log2(), 0).sum(-2)


@wrong("4.1-9", "counted upwards")
def minus_forgotten(weights):
    return torch.where(weights > 0, weights * weights.log2(), 0).sum(-1)


@right("4.1-9")
def entropy_from_entr(weights):
    return torch.special.entr(weights).sum(dim=-1) * math.log2(math.e)


@wrong("4.1-10", "survivors become smaller")
def multiplied_by_what_survives(weights, keep, dropout_p, training):
    return weights * keep * (1 - dropout_p) if training else weights


@wrong("4.1-10", "being dropped")
def divided_by_what_is_dropped(weights, keep, dropout_p, training):
    return weights * keep / dropout_p if training else weights


@wrong("4.1-10", "evaluation weights")
def drops_in_use_too(weights, keep, dropout_p, training):
    return weights * keep / (1 - dropout_p)


@wrong("4.1-10", "survivor fully certain")
def rows_renormalised(weights, keep, dropout_p, training):
    if not training:
        return weights
    kept = weights * keep
    return kept / kept.sum(-1, keepdim=True)


@wrong("4.1-11", "KV heads")
def kv_heads_in_turn(query, key, value):
    share = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, share, 1, 1), value.repeat(1, share, 1, 1)  # 0 1 0 1, not 0 0 1 1
    return F.scaled_dot_product_attention(query, key, value)


@wrong("4.1-11", "different ways")
def only_keys_spread(query, key, value):
    share = query.shape[1] // key.shape[1]
    weights = (query @ key.repeat_interleave(share, 1).mT / query.shape[-1] ** 0.5).softmax(-1)
    return weights @ value.repeat(1, share, 1, 1)


@wrong("4.1-11", "KV head")
def first_kv_head_for_all(query, key, value):
    return F.scaled_dot_product_attention(query, key[:, :1], value[:, :1])


@right("4.1-11")
def grouped_by_unflatten(query, key, value):
    groups = query.unflatten(1, (key.shape[1], -1))
    return F.scaled_dot_product_attention(groups, key[:, :, None], value[:, :, None]).flatten(1, 2)


HEADS = {
    "anywhere": 559,
    "same_layer": 55,
    "share": 4 / 55,
    "whole": 0,
    "beside": "other sets of as many heads, in the same layer and anywhere",
}
COSTS = {
    "fixed": 3.0,
    "thousand": 10.0,
    "level": 3700,
    "twice": 172 / 46,
    "says": "attention's lead shrinks with the length",
}
FOLLOWS = "at a rate of 0.01 attention learns the task and the GRU does not"


@wrong("4.1-12", "the order is")
def heads_in_their_order():
    return HEADS | {"anywhere": 16 * 15 * 14 - 1, "same_layer": 8 * 7 * 6 - 1}


@wrong("4.1-12", "cannot be a control for itself")
def the_binomial_as_it_is():
    return HEADS | {"anywhere": 560, "same_layer": 56}


@wrong("4.1-12", "speaks of the layer")
def the_layer_against_its_heads():
    return HEADS | {"whole": 8}


@wrong("4.1-12", "stand in for each other")
def silenced_one_after_the_other():
    return HEADS | {"beside": "the same heads silenced one by one"}


@right("4.1-12")
def the_share_rounded():
    return HEADS | {"share": 0.0727, "anywhere": torch.tensor(559)}


@wrong("4.1-13", "each of them looks at more")
def twice_the_tokens_twice_the_time():
    return COSTS | {"twice": 2}


@wrong("4.1-13", "does not begin at zero")
def a_line_through_the_origin():
    return COSTS | {"fixed": 0, "thousand": 11.5, "level": 3478, "twice": 4}


@wrong("4.1-13", "The length itself")
def how_much_further():
    return COSTS | {"level": 1700}


@wrong("4.1-13", "level: a token costs it the same")
def the_recurrent_network_slows_down():
    return COSTS | {"says": "the GRU slows down with the length"}


@right("4.1-13")
def read_with_a_ruler():
    return COSTS | {"twice": 3.74, "level": 3701.0}


@wrong("4.1-14", "could be either")
def the_wide_interval_as_a_draw():
    return {FOLLOWS, "over 32 tokens the two are equally good"}


@wrong("4.1-14", "failed at one rate")
def recurrence_forgets():
    return {FOLLOWS, "a GRU cannot remember over 96 tokens"}


@wrong("4.1-14", "does it cross")
def across_the_line():
    return {FOLLOWS, "with each at its own best rate attention has no lead that counts over 96 tokens"}


@right("4.1-14")
def the_one_sentence():
    return [FOLLOWS]
