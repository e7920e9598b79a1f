"""A third trial, written from the statements alone before any of it was run: chapters 4.1 and 4.2.3."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.1-1", "You divide by the head size itself, or twice by what should divide")
def divided_by_head_dim_not_its_root(query, key):
    return query @ key.mT / query.shape[-1]


@wrong("4.1-1", "Your scale changes with the number of tokens while the head")
def root_of_the_number_of_keys(query, key):
    return query @ key.mT / math.sqrt(key.shape[-2])


@wrong("4.1-1", "Rows and columns are exchanged: with 3 queries and 7")
def all_axes_transposed(query, key):
    return torch.einsum("...qd,...kd->...kq", query, key) / query.shape[-1] ** 0.5


@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low row")
def the_maximum_of_all_not_of_the_row(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "Scores near 1000 all get the same weight in your result, so you seem")
def clamped_to_80(scores):
    e = torch.exp(scores.clamp(-80, 80))
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "For one key only, your result differs in 2 of 2 places: the first")
def keepdim_forgotten_divided_by_the_wrong_sums(scores):
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    return e / e.sum(-2, keepdim=True)


@wrong("4.1-3", "Your mask is one step too strict: token t reads tokens up to t - 1")
def token_does_not_read_itself(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / query.shape[-1] ** 0.5
    s = s.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(-1), -1e30)
    return s.softmax(-1) @ value


@wrong("4.1-3", "Ordinary scores come out right, but with some scores of tens of thousands")
def the_1000_for_a_mask(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / math.sqrt(query.shape[-1])
    s = s + torch.triu(torch.full((n, n), -1000.0), 1)
    return s.softmax(-1) @ value


@wrong("4.1-3", "The future gets no weight, but what is left of a row sums to")
def masked_after_the_softmax_not_renormalised(query, key, value):
    w = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
    return w.tril() @ value


@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after")
def nan_made_to_0_afterwards(query, key, value, is_token):
    s = query @ key.mT / math.sqrt(query.shape[-1])
    s = s.masked_fill(~is_token[:, None, :], -math.inf)
    return torch.nan_to_num(s.softmax(-1) @ value)


@wrong("4.1-4", "Your mask acts on the rows, whose queries are padded, and lets every")
def masks_the_queries_rows(query, key, value, is_token):
    s = query @ key.mT / math.sqrt(query.shape[-1])
    s = s.masked_fill(~is_token[:, :, None], -1e30)
    return s.softmax(-1) @ value


@wrong("4.1-5", "The shape is right, but the numbers are not where they belong: with")
def view_without_transposing(x, num_heads):
    b, s, d = x.shape
    return x.view(b, num_heads, s, d // num_heads)


@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does")
def heads_take_every_other_feature(x, num_heads):
    b, s, d = x.shape
    return x.view(b, s, d // num_heads, num_heads).permute(0, 3, 1, 2)


@wrong("4.1-6", "Putting your heads together mixes the tokens: you")
def heads_not_moved_back_before_joining(x, w_query, w_key, w_value, w_out, num_heads):
    b, n, d = x.shape

    def split(y):
        return y.view(b, n, num_heads, -1).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_value)
    a = F.scaled_dot_product_attention(q, k, v)
    return a.reshape(b, n, d) @ w_out


@wrong("4.1-6", "With more than one head your weights are too even:")
def scaled_by_d_model(x, w_query, w_key, w_value, w_out, num_heads):
    b, n, d = x.shape

    def split(y):
        return y.view(b, n, num_heads, -1).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_value)
    a = (q @ k.mT / math.sqrt(d)).softmax(-1) @ v
    return a.transpose(1, 2).reshape(b, n, d) @ w_out


@wrong("4.1-6", "Your results are what the solution gives if `w_key` stood in the")
def keys_matrix_for_the_values(x, w_query, w_key, w_value, w_out, num_heads):
    b, n, d = x.shape

    def split(y):
        return y.view(b, n, num_heads, -1).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_key)
    a = F.scaled_dot_product_attention(q, k, v)
    return a.transpose(1, 2).reshape(b, n, d) @ w_out


@wrong("4.1-7", "In your cache the new token comes first. The output")
def the_new_token_in_front_of_the_cache(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = torch.cat([x @ w_key, cached_keys], 1)
    v = torch.cat([x @ w_value, cached_values], 1)
    return F.scaled_dot_product_attention(x @ w_query, k, v), k, v


@wrong("4.1-7", "Your scores are divided by the root of the width of")
def scaled_by_d_model_2(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = torch.cat([cached_keys, x @ w_key], 1)
    v = torch.cat([cached_values, x @ w_value], 1)
    w = (x @ w_query @ k.mT / math.sqrt(x.shape[-1])).softmax(-1)
    return w @ v, k, v


@wrong("4.1-7", "The cache grows as it should, but where there are old entries the new")
def does_not_read_itself(x, w_query, w_key, w_value, cached_keys, cached_values):
    q = x @ w_query
    if cached_keys.shape[1]:
        out = F.scaled_dot_product_attention(q, cached_keys, cached_values)
    else:
        out = x @ w_value
    return out, torch.cat([cached_keys, x @ w_key], 1), torch.cat([cached_values, x @ w_value], 1)


@wrong("4.1-8", "You measure the weight on the previous occurrence of the token")
def looks_at_the_previous_occurrence_itself(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, t - period].mean(-1)


@wrong("4.1-8", "Your scores grow with the length of the text: you add up the weights")
def sum_for_mean(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, t - period + 1].sum(-1)


@wrong("4.1-8", "You divide by the number of all tokens, so the first copy, which")
def divided_by_all_positions(weights, period):
    n = weights.shape[-1]
    return sum(weights[:, t, t - period + 1] for t in range(period, n)) / n


@wrong("4.1-9", "A weight of exactly 0 turns its row into NaN in your")
def nan_where_a_weight_is_0(weights):
    return -(weights * torch.log2(weights)).sum(-1)


@wrong("4.1-9", "You add up over the queries, so there is one number per key. Which")
def over_the_queries_again(weights):
    return (torch.special.entr(weights) / math.log(2)).sum(-2)


@wrong("4.1-10", "The survivors of each of your rows sum to one. That makes a row with")
def scaled_so_that_rows_sum_to_one(weights, keep, dropout_p, training):
    if not training:
        return weights
    w = weights * keep
    return w / w.sum(-1, keepdim=True).clamp(min=1e-9)


@wrong("4.1-10", "You use the probability of being dropped where that")
def divided_by_dropout_p(weights, keep, dropout_p, training):
    return weights * keep / dropout_p if training and dropout_p > 0 else weights


@wrong("4.1-10", "Your average is kept by making all weights smaller at")
def scaled_also_when_used(weights, keep, dropout_p, training):
    if training:
        return weights * keep
    return weights * (1 - dropout_p)


@wrong("4.1-11", "You deal the KV heads out in turn (0, 1, 0, 1, ...), but neighbours")
def heads_shared_in_turn(query, key, value):
    n = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query, key.repeat(1, n, 1, 1), value.repeat(1, n, 1, 1))


@wrong("4.1-11", "Each query head takes its keys from one KV head and its values from")
def keys_shared_rightly_values_in_turn(query, key, value):
    n = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query, key.repeat_interleave(n, 1), value.repeat(1, n, 1, 1))


@wrong("4.2.3-1", "Your slow columns are too fast: the exponent counts pairs, and runs")
def exponent_i_for_2i(seq, d_model, base):
    i = torch.arange(d_model // 2)
    a = torch.arange(seq)[:, None] / base ** (i / d_model)
    return torch.stack([a.sin(), a.cos()], -1).flatten(1)


@wrong("4.2.3-1", "All the numbers are there, but sines fill the left half and cosines")
def sines_in_the_first_half_cosines_in_the_second(seq, d_model, base):
    i = torch.arange(0, d_model, 2)
    a = torch.arange(seq)[:, None] / base ** (i / d_model)
    return torch.cat([a.sin(), a.cos()], 1)


@wrong("4.2.3-1", "Your first row belongs to position 1. The count begins at 0, where")
def positions_begin_at_1(seq, d_model, base):
    a = torch.arange(1, seq + 1)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    out = torch.zeros(seq, d_model)
    out[:, 0::2], out[:, 1::2] = a.sin(), a.cos()
    return out


@wrong("4.2.3-2", "Your matrix goes k positions back. The textbook rotation turns (cos")
def turns_the_other_way(offset, d_model, base):
    R = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = offset / base ** (i / d_model)
        R[i, i] = R[i + 1, i + 1] = math.cos(a)
        R[i, i + 1], R[i + 1, i] = -math.sin(a), math.sin(a)
    return R


@wrong("4.2.3-2", "Your results are what the solution gives if `offset` had no sign (its")
def absolute_offset_again(offset, d_model, base):
    R = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = abs(offset) / base ** (i / d_model)
        R[i, i] = R[i + 1, i + 1] = math.cos(a)
        R[i, i + 1], R[i + 1, i] = math.sin(a), -math.sin(a)
    return R


@wrong("4.2.3-3", "You add the right products, but divide by seq at every distance. How")
def pairs_divided_by_seq(table):
    g = table @ table.T
    return torch.stack([g.diagonal(k).sum() / len(table) for k in range(len(table))])


@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def only_pairs_with_position_0(table):
    return table @ table[0]


@wrong("4.2.3-3", "You divide by the lengths of the vectors, or by their mean")
def cosines(table):
    t = F.normalize(table, dim=-1)
    g = t @ t.T
    return torch.stack([g.diagonal(k).mean() for k in range(len(table))])


@wrong("4.2.3-4", "You multiply the sum, so the positions grow with the embeddings. The")
def the_positions_are_multiplied_as_well(tokens, embedding, positions, layers):
    x = (embedding[tokens] + positions[: tokens.shape[1]]) * embedding.shape[1] ** 0.5
    for one in layers:
        x = one(x)
    return x


@wrong("4.2.3-4", "You add the positions again in each layer. With one layer it may look")
def positions_added_before_each_layer(tokens, embedding, positions, layers):
    x = embedding[tokens] * math.sqrt(embedding.shape[1])
    for one in layers:
        x = one(x + positions[: x.shape[1]])
    return x


@wrong("4.2.3-4", "Your results are what the solution gives if `layers` stood in")
def layers_in_reverse(tokens, embedding, positions, layers):
    x = embedding[tokens] * math.sqrt(embedding.shape[1]) + positions[: tokens.shape[1]]
    for one in reversed(list(layers)):
        x = one(x)
    return x


@wrong("4.2.3-5", "Your first tokens get position 1. How many tokens stand before the")
def counts_from_one(is_token):
    return is_token.cumsum(1) * is_token


@wrong("4.2.3-5", "Padding behind gets the last token's number in your")
def padding_behind_goes_on_counting(is_token):
    return (is_token.long().cumsum(1) - 1).clamp(min=0)


@wrong("4.2.3-6", "Beyond the end of the table you hand out its last vector again and")
def clamped_at_the_end_of_the_table(x, table, lengths):
    pos = lengths[:, None] + torch.arange(x.shape[1])
    return x + table[pos.clamp(max=len(table) - 1)]


@wrong("4.2.3-6", "All rows get one offset: that of one of them (the")
def the_rows_lengths_are_ignored(x, table, lengths):
    n = int(lengths[0])
    if n + x.shape[1] > len(table):
        raise ValueError("too long")
    return x + table[n : n + x.shape[1]]


@wrong("4.2.3-6", "You also refuse the last position of the table, which has a vector. A")
def refuses_one_position_too_early(x, table, lengths):
    pos = lengths[:, None] + torch.arange(x.shape[1])
    if (pos >= len(table) - 1).any():
        raise ValueError("no vector")
    return x + table[pos]


@wrong("4.2.3-7", "Your vectors turn with the clock: (1, 0) goes to (0, -1) at a quarter")
def turns_with_the_clock(x, positions, base):
    d = x.shape[-1]
    a = positions[:, None] / base ** (torch.arange(0, d, 2) / d)
    c, s = a.cos(), a.sin()
    e, o = x[..., 0::2], x[..., 1::2]
    return torch.stack([e * c + o * s, o * c - e * s], -1).flatten(-2)


@wrong("4.2.3-7", "You pair feature i with feature i + head_dim / 2, as the Llama")
def first_and_second_half_as_pairs(x, positions, base):
    d = x.shape[-1]
    a = positions[:, None] / base ** (torch.arange(0, d, 2) / d)
    c, s = a.cos(), a.sin()
    e, o = x[..., : d // 2], x[..., d // 2 :]
    return torch.cat([e * c - o * s, e * s + o * c], -1)


@wrong("4.2.3-7", "The pairs are turned rightly, but then all first coordinates stand")
def evens_and_odds_put_side_by_side(x, positions, base):
    d = x.shape[-1]
    a = positions[:, None] / base ** (torch.arange(0, d, 2) / d)
    c, s = a.cos(), a.sin()
    e, o = x[..., 0::2], x[..., 1::2]
    return torch.cat([e * c - o * s, e * s + o * c], -1)


@wrong("4.2.3-8", "Without a cache you are right. With one, your new queries believe")
def queries_at_positions_from_0(query, key, value, rotate):
    n, m = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(n)), rotate(key, torch.arange(m))
    mask = torch.ones(n, m, dtype=torch.bool).tril(m - n)
    return F.scaled_dot_product_attention(q, k, value, attn_mask=mask)


@wrong("4.2.3-8", "All is rotated rightly, and without a cache you are right. With one")
def mask_from_the_upper_left_corner(query, key, value, rotate):
    n, m = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(m - n, m)), rotate(key, torch.arange(m))
    return F.scaled_dot_product_attention(q, k, value, is_causal=True)


@wrong("4.2.3-8", "You rotate the values too, so what is fetched from a token depends on")
def values_are_rotated_as_well(query, key, value, rotate):
    n, m = query.shape[-2], key.shape[-2]
    pos = torch.arange(m)
    q, k, v = rotate(query, pos[m - n :]), rotate(key, pos), rotate(value, pos)
    mask = torch.ones(n, m, dtype=torch.bool).tril(m - n)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wrong("4.2.3-9", "Your first head has the slope 1 and each of the others that of its")
def heads_counted_from_0(num_heads, query_len, key_len):
    slope = torch.tensor([2 ** (-8 * h / num_heads) for h in range(num_heads)])
    q = torch.arange(key_len - query_len, key_len)[:, None]
    d = (q - torch.arange(key_len)).float()
    b = -slope[:, None, None] * d
    return b.masked_fill(d < 0, -math.inf)


@wrong("4.2.3-9", "Without a cache you are right. With one, your queries stand at the")
def first_query_at_the_first_key_again(num_heads, query_len, key_len):
    slope = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    d = (torch.arange(query_len)[:, None] - torch.arange(key_len)).float()
    return (-slope[:, None, None] * d).masked_fill(d < 0, -math.inf)


@wrong("4.2.3-9", "Later keys get a finite number in your table (0, a bonus or a")
def later_keys_get_a_bonus_no_mask(num_heads, query_len, key_len):
    slope = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    d = (torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)).float()
    return -slope[:, None, None] * d.abs()


@wrong("4.2.3-10", "Long texts are right, but you also change short ones, whose positions")
def short_texts_are_stretched(length, trained_length, head_dim, base):
    pos = torch.arange(length) * trained_length / length
    return pos[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "The last position of a longer text falls exactly on")
def last_onto_last(length, trained_length, head_dim, base):
    pos = torch.arange(length).float()
    if length > trained_length:
        pos = pos * (trained_length - 1) / (length - 1)
    return pos[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.1-2", "For one key only, your result is NaN in 2 of 2 places, the first for")
def squares_for_exponentials(scores):
    e = (scores - scores.amin(-1, keepdim=True)) ** 2
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-3", "Your weights sum to one over the queries, not the keys: each column")
def softmax_over_the_queries(query, key, value):
    n = query.shape[-2]
    s = query @ key.mT / math.sqrt(query.shape[-1])
    s = s.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -1e30)
    return s.softmax(-2) @ value


@wrong("4.1-4", "Padding contributes nothing, but the weights of the tokens sum to")
def padded_values_are_set_to_zero_scores_stay(query, key, value, is_token):
    v = value * is_token[..., None]
    w = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
    return w @ v


@wrong("4.1-6", "Your weights are too sharp wherever the heads are")
def no_scaling(x, w_query, w_key, w_value, w_out, num_heads):
    b, n, d = x.shape

    def split(y):
        return y.view(b, n, num_heads, -1).transpose(1, 2)

    q, k, v = split(x @ w_query), split(x @ w_key), split(x @ w_value)
    return ((q @ k.mT).softmax(-1) @ v).transpose(1, 2).reshape(b, n, d) @ w_out


@wrong("4.1-8", "Your mean includes t = period - 1, the last token of the first copy")
def the_diagonal_before_it_one_row_too_low(weights, period):
    t = torch.arange(period - 1, weights.shape[-1])
    return weights[:, t, t - period + 1].mean(-1)


@wrong("4.1-9", "No entropy of yours is above zero: the logarithm of a number")
def the_sign(weights):
    return (weights * weights.clamp(min=1e-30).log2()).sum(-1)


@wrong("4.2.3-1", "Your exponent counts single features, so the sine and the cosine of a")
def all_columns_have_their_own_speed(seq, d_model, base):
    a = torch.arange(seq)[:, None] / base ** (torch.arange(d_model) / d_model)
    out = a.sin()
    out[:, 1::2] = a.cos()[:, 1::2]
    return out


@wrong("4.2.3-4", "You multiply by d_model itself (or divide by its root). The statement")
def divided_by_the_root(tokens, embedding, positions, layers):
    x = embedding[tokens] / math.sqrt(embedding.shape[1]) + positions[: tokens.shape[1]]
    for one in layers:
        x = one(x)
    return x


@wrong("4.2.3-7", "It comes out as if all angles were multiplied once more, by 2 pi")
def angle_in_degrees(x, positions, base):
    d = x.shape[-1]
    a = torch.deg2rad(positions[:, None] / base ** (torch.arange(0, d, 2) / d))
    c, s = a.cos(), a.sin()
    e, o = x[..., 0::2], x[..., 1::2]
    return torch.stack([e * c - o * s, e * s + o * c], -1).flatten(-2)


@wrong("4.2.3-9", "Your slopes are too steep: they end at 1/2, whatever the number of")
def slope_without_the_8(num_heads, query_len, key_len):
    slope = 2.0 ** (-torch.arange(1, num_heads + 1) / num_heads)
    d = (torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)).float()
    return (-slope[:, None, None] * d).masked_fill(d < 0, -math.inf)


@wrong("4.1-1", "You divide by the head size itself, or twice by what should divide")
def query_divided_and_key_divided_both_by_the_root(query, key):
    s = query.shape[-1] ** 0.5
    return (query / s) @ (key / s).mT


@wrong("4.1-4", "For padding at the front of the sequence, the output differs in")
def everything_after_the_first_padding_is_masked(query, key, value, is_token):
    ok = is_token.long().cumprod(1).bool()
    s = query @ key.mT / math.sqrt(query.shape[-1])
    s = s.masked_fill(~ok[:, None, :], -1e30)
    return s.softmax(-1) @ value * ok.any(1)[:, None, None]


@wrong("4.1-5", "You cut the features rightly, but the axis of heads still comes after")
def tokens_before_heads(x, num_heads):
    b, s, d = x.shape
    return x.view(b, s, num_heads, d // num_heads)


@wrong("4.1-7", "You hand back the cache as it came: the next step")
def cache_returned_without_the_new_token(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = torch.cat([cached_keys, x @ w_key], 1)
    v = torch.cat([cached_values, x @ w_value], 1)
    return F.scaled_dot_product_attention(x @ w_query, k, v), cached_keys, cached_values


@wrong("4.1-9", "8 keys read equally give 8 with your function: that is the effective")
def perplexity_for_entropy_again(weights):
    return 2 ** (torch.special.entr(weights).sum(-1) / math.log(2))


@wrong("4.1-11", "Your query heads all read the same mean of the KV heads. A group")
def mean_of_the_shared_heads(query, key, value):
    k, v = key.mean(1, keepdim=True), value.mean(1, keepdim=True)
    n = query.shape[1]
    return F.scaled_dot_product_attention(query, k.expand(-1, n, -1, -1), v.expand(-1, n, -1, -1))


@wrong("4.2.3-2", "All pairs but the first turn too fast: your exponent")
def half_the_frequencies(offset, d_model, base):
    R = torch.zeros(d_model, d_model)
    for i in range(d_model // 2):
        a = offset / base ** (i / d_model)
        c, s = math.cos(a), math.sin(a)
        R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, s], [-s, c]])
    return R


@wrong("4.2.3-3", "Your result is 2 times what it should be, here and in every other")
def both_directions_counted_distance_0_twice(table):
    g = table @ table.T
    n = len(table)
    return torch.stack([(g.diagonal(k).sum() + g.diagonal(-k).sum()) / (n - k) for k in range(n)])


@wrong("4.2.3-5", "Padding gets 0, but the tokens are counted from the edge of the row")
def padding_counts_for_positions(is_token):
    return torch.arange(is_token.shape[1]).expand_as(is_token) * is_token


@wrong("4.2.3-6", "You leave one position free between the cache and the new tokens. If")
def first_new_token_after_one_more(x, table, lengths):
    pos = lengths[:, None] + 1 + torch.arange(x.shape[1])
    if (pos >= len(table)).any():
        raise ValueError("no vector")
    return x + table[pos]


@wrong("4.2.3-10", "You make the base larger, which slows some pairs more than others")
def the_base_is_stretched_instead(length, trained_length, head_dim, base):
    pos = torch.arange(length).float()
    if length > trained_length:
        base = base * length / trained_length
    return pos[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@right("4.1-2")
def with_logsumexp_in_a_loop_over_rows(scores):
    flat = scores.reshape(-1, scores.shape[-1])
    rows = []
    for r in flat:
        e = torch.exp(r - torch.max(r))
        rows.append(e / torch.sum(e))
    return torch.stack(rows).reshape(scores.shape)


@right("4.1-3")
def token_by_token(query, key, value):
    out = []
    for t in range(query.shape[-2]):
        s = (query[..., t : t + 1, :] * key[..., : t + 1, :]).sum(-1) / query.shape[-1] ** 0.5
        w = torch.softmax(s, -1)
        out.append((w[..., None] * value[..., : t + 1, :]).sum(-2))
    return torch.stack(out, -2)


@right("4.1-5")
def chunks(x, num_heads):
    return torch.stack(torch.chunk(x, num_heads, dim=-1), dim=1)


@right("4.1-6")
def head_by_head_sums_of_projections(x, w_query, w_key, w_value, w_out, num_heads):
    hd = x.shape[-1] // num_heads
    y = 0
    for h in range(num_heads):
        c = slice(h * hd, (h + 1) * hd)
        q, k, v = x @ w_query[:, c], x @ w_key[:, c], x @ w_value[:, c]
        y = y + torch.softmax(q @ k.transpose(1, 2) * hd**-0.5, -1) @ v @ w_out[c]
    return y


@right("4.1-8")
def python_loops_over_lists(weights, period):
    out = []
    for h in weights.tolist():
        vals = [h[t][t - period + 1] for t in range(period, len(h))]
        out.append(sum(vals) / len(vals))
    return torch.tensor(out)


@right("4.1-11")
def einsum_with_groups(query, key, value):
    b, h, n, d = query.shape
    g = key.shape[1]
    q = query.view(b, g, h // g, n, d)
    s = torch.einsum("bgrqd,bgkd->bgrqk", q, key) / math.sqrt(d)
    return torch.einsum("bgrqk,bgkd->bgrqd", s.softmax(-1), value).reshape(b, h, n, -1)


@right("4.2.3-2")
def block_diag(offset, d_model, base):
    blocks = []
    for i in range(d_model // 2):
        a = torch.tensor(offset * base ** (-2 * i / d_model))
        blocks.append(torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])]))
    return torch.block_diag(*blocks)


@right("4.2.3-5")
def loops(is_token):
    out = torch.zeros(is_token.shape, dtype=torch.int32)
    for b, row in enumerate(is_token):
        n = 0
        for s, real in enumerate(row):
            if real:
                out[b, s] = n
                n += 1
    return out


@right("4.2.3-7")
def complex_numbers(x, positions, base):
    d = x.shape[-1]
    a = positions[:, None].double() * base ** (-torch.arange(0, d, 2).double() / d)
    z = torch.view_as_complex(x.double().reshape(*x.shape[:-1], d // 2, 2).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones_like(a), a)).flatten(-2).to(x.dtype)
