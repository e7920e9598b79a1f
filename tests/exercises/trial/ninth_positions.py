"""A ninth trial, chapter 4.2.3: slips that the cases or the words of the time before did not tell."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong

INF = float("inf")


def sc(seq, sp, start=0):
    a = torch.arange(start, seq + start)[:, None] * sp
    return torch.stack((a.sin(), a.cos()), -1).flatten(1)


def spd(d, b):
    return b ** (-torch.arange(0, d, 2) / d)


def turn(x, a):
    c, s = a.cos(), a.sin()
    u, v = x[..., 0::2], x[..., 1::2]
    return torch.stack((u * c - v * s, u * s + v * c), -1).flatten(-2)


def ang(x, p, b):
    d = x.shape[-1]
    return p[:, None] * b ** (-torch.arange(0, d, 2) / d)


def core(q, k, v, qp, kp, rot, mask=True, scale=None, mqp=None):
    mqp = qp if mqp is None else mqp
    m = (torch.arange(k.shape[-2]) <= mqp[:, None]) if mask else None
    return F.scaled_dot_product_attention(rot(q, qp), rot(k, kp), v, attn_mask=m, scale=scale)


def A(p, d, b):
    return p[:, None] * b ** (-torch.arange(0, d, 2) / d)


def t(**k):
    W = 2 * math.pi * 1000 ** (30 / 32)
    return {
        "longest": W,
        "turned": 7,
        "slowest": 128 / W,
        "unseen": "the angles of pairs that had not turned once",
        **k,
    }


# i begins at 1
@wrong("4.2.3-1", "It comes out as if i began at 1: your first pair is as slow")
def i_begins_at_1(seq, d_model, base):
    return sc(seq, base ** (-torch.arange(2, d_model + 2, 2) / d_model))


# Two sines
@wrong("4.2.3-1", "All your columns hold sines, or all of them cosines. The two")
def two_sines(seq, d_model, base):
    a = torch.arange(seq)[:, None] * spd(d_model, base)
    return torch.stack((a.sin(), a.sin()), -1).flatten(1)


# R is the identity
@wrong("4.2.3-2", "Your matrix leaves every encoding as it is, whatever k is.")
def r_is_the_identity(offset, d_model, base):
    return torch.eye(d_model)


# Both triangles, divided by the pairs of one
@wrong("4.2.3-3", "It comes out as if each pair were counted in both directions")
def both_triangles_divided_by_the_pairs_of_one(table):
    p = table @ table.T
    n = len(table)
    i = torch.arange(n)
    d = (i[:, None] - i).abs()
    return torch.stack([p[d == k].sum() / (n - k) for k in range(n)])


# All pairs up to k
@wrong("4.2.3-3", "It comes out as if all pairs up to a distance were taken")
def all_pairs_up_to_k(table):
    p = table @ table.T
    n = len(table)
    i = torch.arange(n)
    d = (i[:, None] - i).abs()
    return torch.stack([p[d <= k].mean() for k in range(n)])


# Without signs
@wrong("4.2.3-3", "None of your numbers is below zero, although some vectors")
def without_signs(table):
    p = (table @ table.T).abs()
    return torch.stack([p.diagonal(k).mean() for k in range(len(table))])


# Counted from the first token, padding too
@wrong("4.2.3-5", "Places are counted from a row's first token on, whatever")
def counted_from_the_first_token_padding_too(is_token):
    return torch.arange(is_token.shape[1]) - is_token.long().argmax(-1, keepdim=True)


# Padding taken to be in front
@wrong("4.2.3-5", "You subtract the number of all pads of a row. With padding in")
def padding_taken_to_be_in_front(is_token):
    n = is_token.sum(-1, keepdim=True)
    return (torch.arange(is_token.shape[1]) - (is_token.shape[1] - n)).clamp_min(0)


# Padding taken to be behind
@wrong("4.2.3-5", "It comes out as if every row began with its tokens: as many")
def padding_taken_to_be_behind(is_token):
    n = is_token.sum(-1, keepdim=True)
    a = torch.arange(is_token.shape[1]).expand(is_token.shape)
    return torch.where(a < n, a, 0)


# An exclusive count, padding not set to 0
@wrong("4.2.3-5", "Padding behind gets the last token's number in your")
def an_exclusive_count_padding_not_set_to_0(is_token):
    return is_token.long().cumsum(-1) - is_token.long()


# -1 at padding
@wrong("4.2.3-5", "Every place of padding gets -1 in your result.")
def n1_at_padding(is_token):
    return torch.where(is_token, is_token.long().cumsum(-1) - 1, -1)


# Counted in the mirror
@wrong("4.2.3-5", "It comes out as if the count ran over the row turned round,")
def counted_in_the_mirror(is_token):
    return (is_token.flip(-1).long().cumsum(-1) - 1) * is_token


# The count is not begun anew
@wrong("4.2.3-5", "Your count goes on from one row to the next, so that only the")
def the_count_is_not_begun_anew(is_token):
    out = torch.zeros(is_token.shape, dtype=torch.long)
    c = 0
    for b in range(len(is_token)):
        for t in range(is_token.shape[1]):
            if is_token[b, t]:
                out[b, t] = c
                c += 1
    return out


# Begins again after a gap
@wrong("4.2.3-5", "Behind a gap between tokens your count begins at 0 again. A")
def begins_again_after_a_gap(is_token):
    out = torch.zeros(is_token.shape, dtype=torch.long)
    for b in range(len(is_token)):
        c = 0
        for t in range(is_token.shape[1]):
            if is_token[b, t]:
                out[b, t] = c
                c += 1
            else:
                c = 0
    return out


# The first row's start for all
@wrong("4.2.3-5", "It comes out as if one start served the whole batch (that of")
def the_first_row_s_start_for_all(is_token):
    return (torch.arange(is_token.shape[1]) - is_token[0].long().argmax()) * is_token


# The latest start for all
@wrong("4.2.3-5", "It comes out as if one start served the whole batch (that of")
def the_latest_start_for_all(is_token):
    s = is_token.long().argmax(1).max()
    return ((torch.arange(is_token.shape[1]) - s) * is_token).clamp_min(0)


# The places of tokens filled row by row
@right("4.2.3-5")
def the_places_of_tokens_filled_row_by_row(is_token):
    o = torch.zeros(is_token.shape, dtype=torch.long)
    o[is_token] = torch.cat([torch.arange(int(n)) for n in is_token.sum(-1)])
    return o


# The count of tokens alone, one less, and never below 0
@right("4.2.3-5")
def the_count_of_tokens_alone_one_less_and_never(is_token):
    return (is_token.long().cumsum(-1) * is_token - 1).clamp_min(0)


# The least length for all rows
@wrong("4.2.3-6", "All rows get one offset: that of one of them (the")
def the_least_length_for_all_rows(x, table, lengths):
    p = lengths.min() + torch.arange(x.shape[1])
    if lengths.max() + x.shape[1] > len(table):
        raise ValueError
    return x + table[p]


# The lengths are thought to count the new tokens
@wrong("4.2.3-6", "It comes out as if lengths counted the new tokens too. It")
def the_lengths_are_thought_to_count_the_new_tok(x, table, lengths):
    p = lengths[:, None] - x.shape[1] + torch.arange(x.shape[1])
    if lengths.max() + x.shape[1] > len(table):
        raise ValueError
    return x + table[p]


# An error of its own, which is a ValueError
@right("4.2.3-6")
def an_error_of_its_own_which_is_a_valueerror(x, table, lengths):
    class Far(ValueError):
        pass

    try:
        return x + table[lengths[:, None] + torch.arange(x.shape[1])]
    except IndexError as e:
        raise Far(str(e)) from e


# Positions cut to whole numbers
@wrong("4.2.3-7", "Whole positions come out right, but a fraction is cut off")
def positions_cut_to_whole_numbers(x, positions, base):
    return turn(x, ang(x, positions.long(), base))


# The first position taken away
@wrong("4.2.3-7", "It comes out as if the first position were taken away from")
def the_first_position_taken_away(x, positions, base):
    return turn(x, ang(x, positions - positions[0], base))


# A token does not see itself
@wrong("4.2.3-8", "All is rotated rightly, but your mask is one place off: a new")
def a_token_does_not_see_itself(query, key, value, rotate):
    n, s = query.shape[-2], key.shape[-2]
    p = torch.arange(s - n, s)
    return core(query, key, value, p, torch.arange(s), rotate, mqp=p - 1)


# One token of the future
@wrong("4.2.3-8", "All is rotated rightly, but your mask is one place off: a new")
def one_token_of_the_future(query, key, value, rotate):
    n, s = query.shape[-2], key.shape[-2]
    p = torch.arange(s - n, s)
    return core(query, key, value, p, torch.arange(s), rotate, mqp=p + 1)


# Keys of the cache are not rotated
@wrong("4.2.3-8", "Only the keys of the new tokens turn. Those in the cache are")
def keys_of_the_cache_are_not_rotated(query, key, value, rotate):
    n, s = query.shape[-2], key.shape[-2]
    p = torch.arange(s - n, s)
    m = torch.arange(s) <= p[:, None]
    k = torch.cat([key[..., : s - n, :], rotate(key[..., s - n :, :], p)], -2)
    return F.scaled_dot_product_attention(rotate(query, p), k, value, attn_mask=m)


# Keys counted from 1
@wrong("4.2.3-8", "Queries and keys are one place off against each other, so")
def keys_counted_from_1(query, key, value, rotate):
    n, s = query.shape[-2], key.shape[-2]
    p = torch.arange(s - n, s)
    m = torch.arange(s) <= p[:, None]
    k = rotate(key, torch.arange(1, s + 1))
    return F.scaled_dot_product_attention(rotate(query, p), k, value, attn_mask=m)


# By the place of the key
@wrong("4.2.3-9", "It comes out as if the place of the key alone were lowered or")
def by_the_place_of_the_key(num_heads, query_len, key_len):
    k = torch.arange(key_len)
    b = -(2 ** (-8 * torch.arange(1, num_heads + 1) / num_heads))[:, None, None] * k.expand(
        query_len, key_len
    )
    q = torch.arange(key_len - query_len, key_len)
    return b.masked_fill(k > q[:, None], -INF)


# By the place of the key, upwards
@wrong("4.2.3-9", "It comes out as if the place of the key alone were lowered or")
def by_the_place_of_the_key_upwards(num_heads, query_len, key_len):
    k = torch.arange(key_len)
    b = (2 ** (-8 * torch.arange(1, num_heads + 1) / num_heads))[:, None, None] * k.expand(query_len, key_len)
    q = torch.arange(key_len - query_len, key_len)
    return b.masked_fill(k > q[:, None], -INF)


# A whole factor
@wrong("4.2.3-10", "It comes out as if the factor were rounded to a whole number")
def a_whole_factor(length, trained_length, head_dim, base):
    return A(torch.arange(length) / max(1, length // trained_length), head_dim, base)


# A factor rounded up
@wrong("4.2.3-10", "It comes out as if the factor were rounded to a whole number")
def a_factor_rounded_up(length, trained_length, head_dim, base):
    return A(torch.arange(length) / max(1, math.ceil(length / trained_length)), head_dim, base)


# The factor upside down
@wrong("4.2.3-10", "Longer texts keep their positions in your result, and shorter")
def the_factor_upside_down(length, trained_length, head_dim, base):
    return A(torch.arange(length) * min(1, length / trained_length), head_dim, base)


# max for min
@wrong("4.2.3-10", "Longer texts keep their positions in your result, and shorter")
def max_for_min(length, trained_length, head_dim, base):
    return A(torch.arange(length) * max(1, trained_length / length), head_dim, base)


# 127 steps for 128
@wrong("4.2.3-12", "right: 'longest', 'turned', 'unseen'. 'slowest': 0.031126 is")
def n127_steps_for_128():
    return t(slowest=127 / (2 * math.pi * 1000 ** (30 / 32)))
