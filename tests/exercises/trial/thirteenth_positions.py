"""A thirteenth trial, answers written from the statements alone, chapter 4.2.3."""

import math

import torch

from trial.answers import right, wrong


# As powers of complex numbers: e^(i angle) has the cosine and the sine
@right("4.2.3-1")
def positions_by_complex_numbers_thirteenth(seq, d_model, base):
    i = torch.arange(d_model // 2, dtype=torch.float64)
    angle = torch.outer(torch.arange(seq, dtype=torch.float64), float(base) ** (-2 * i / d_model))
    turn = torch.polar(torch.ones_like(angle), angle)
    pairs = torch.view_as_real(turn).flip(-1)
    return pairs.reshape(seq, d_model).to(torch.float32)


# Every feature has a speed of its own: the cosine's exponent is (2i + 1) / d_model
@wrong("4.2.3-1", "Your exponent counts single features, so the sine and the cosine of")
def sinusoid_speed_each_feature_thirteenth(seq, d_model, base):
    pos = torch.arange(seq, dtype=torch.float64).unsqueeze(1)
    speed = base ** (-torch.arange(d_model, dtype=torch.float64) / d_model)
    angles = pos * speed
    pe = torch.zeros(seq, d_model)
    pe[:, 0::2] = torch.sin(angles[:, 0::2]).float()
    pe[:, 1::2] = torch.cos(angles[:, 1::2]).float()
    return pe


# The textbook's rotation of (x, y), though the features are (sin, cos): turns the wrong way
@wrong("4.2.3-2", "Your matrix goes k positions back. The textbook rotation turns")
def plain_rotation_blocks_thirteenth(offset, d_model, base):
    r = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = offset / base ** (i / d_model)
        r[i, i], r[i, i + 1] = math.cos(a), -math.sin(a)
        r[i + 1, i], r[i + 1, i + 1] = math.sin(a), math.cos(a)
    return r


# Blocks from complex numbers, put together with block_diag
@right("4.2.3-2")
def shift_block_diag_thirteenth(offset, d_model, base):
    blocks = []
    for i in range(d_model // 2):
        turn = complex(
            math.cos(offset / base ** (2 * i / d_model)), math.sin(offset / base ** (2 * i / d_model))
        )
        blocks.append(torch.tensor([[turn.real, turn.imag], [-turn.imag, turn.real]]))
    return torch.block_diag(*blocks)


# Divided by seq at each distance and not by the number of pairs
@wrong("4.2.3-3", "You add the right products, but divide by seq at every distance.")
def divided_by_all_positions_thirteenth(table):
    seq = table.shape[0]
    dots = table @ table.T
    return torch.stack([dots.diagonal(k).sum() / seq for k in range(seq)])


# Always divided by seq, not by the number of pairs
@wrong("4.2.3-3", "You add the right products, but divide by seq at every distance.")
def similarity_divided_by_seq_thirteenth(table):
    products = table @ table.T
    seq = table.shape[0]
    return torch.stack([products.diagonal(k).sum() / seq for k in range(seq)])


# Clamp repairs the padding in front only; behind it keeps the last position
@wrong("4.2.3-5", "Padding behind gets the last token's number in your result, or one")
def padding_behind_keeps_a_number_thirteenth(is_token):
    return (is_token.long().cumsum(dim=1) - 1).clamp(min=0)


# Padding behind the tokens keeps the running count
@wrong("4.2.3-5", "Padding behind gets the last token's number in your result, or one")
def positions_padding_behind_thirteenth(is_token):
    return (is_token.long().cumsum(dim=1) - 1).clamp(min=0)


# The boundary: position max_len slips through the test and ends as IndexError
@wrong("4.2.3-6", "Farther behind the table your ValueError comes, but just behind it")
def first_missing_position_slips_through_thirteenth(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])[None]
    if places.numel() and int(places.max()) > table.shape[0]:
        raise ValueError("position without a vector")
    return x + table[places]


# ValueError too early: a table that is just filled is refused
@wrong("4.2.3-6", "You also refuse the last position of the table, which has a vector.")
def learned_positions_full_table_thirteenth(x, table, lengths):
    new = x.shape[1]
    if int(lengths.max()) + new >= table.shape[0]:
        raise ValueError("no vector for this position")
    places = lengths.unsqueeze(1) + torch.arange(new)
    return x + table[places]


# B is made from the a that has been changed already
@wrong("4.2.3-7", "Your first coordinates are right. For the second you use the first")
def a_overwritten_before_b_thirteenth(x, positions, base):
    dim = x.shape[-1]
    speed = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = positions.double()[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    a = a * cos - b * sin
    b = a * sin + b * cos
    return torch.stack([a, b], dim=-1).flatten(-2)


# A is a view that has been overwritten when b is turned
@wrong("4.2.3-7", "Your first coordinates are right. For the second you use the first")
def rotate_overwritten_view_thirteenth(x, positions, base):
    d = x.shape[-1]
    i = torch.arange(0, d, 2, dtype=torch.float64)
    angles = positions.double().unsqueeze(1) * base ** (-i / d)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    out = x.clone()
    a, b = out[..., 0::2], out[..., 1::2]
    out[..., 0::2] = a * cos - b * sin
    out[..., 1::2] = a * sin + b * cos
    return out


# The causal mask begins at the upper left corner, as if there were no cache
@wrong("4.2.3-8", "All is rotated rightly, and without a cache you are right. With")
def mask_from_the_upper_left_thirteenth(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q = rotate(query, torch.arange(seq - new, seq))
    k = rotate(key, torch.arange(seq))
    scores = q @ k.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~torch.ones(new, seq, dtype=torch.bool).tril(), float("-inf"))
    return torch.softmax(scores, dim=-1) @ value


# Three nested loops over a table of -inf
@right("4.2.3-9")
def alibi_with_three_loops_thirteenth(num_heads, query_len, key_len):
    bias = torch.full((num_heads, query_len, key_len), float("-inf"))
    past = key_len - query_len
    for h in range(num_heads):
        for q in range(query_len):
            for k in range(past + q + 1):
                bias[h, q, k] = -(past + q - k) * 0.5 ** (8 * (h + 1) / num_heads)
    return bias


# Three loops
@right("4.2.3-9")
def alibi_loops_thirteenth(num_heads, query_len, key_len):
    bias = torch.full((num_heads, query_len, key_len), float("-inf"))
    for h in range(num_heads):
        slope = 2.0 ** (-8 * (h + 1) / num_heads)
        for i in range(query_len):
            q = key_len - query_len + i
            for k in range(q + 1):
                bias[h, i, k] = -slope * (q - k)
    return bias


# Last place onto last place: factor (trained - 1) / (length - 1)
@wrong("4.2.3-10", "The last position of a longer text falls exactly on trained_length")
def squeezed_ends_matched_thirteenth(length, trained_length, head_dim, base):
    if length > trained_length:
        pos = torch.linspace(0, trained_length - 1, length)
    else:
        pos = torch.arange(length, dtype=torch.float32)
    i = torch.arange(0, head_dim, 2, dtype=torch.float32)
    return pos.unsqueeze(1) * base ** (-i / head_dim)


# The mean lies below 0.02, so it is judged not to hold, though the interval reaches across
@wrong("4.2.3-11", "'verdict': Lay the interval beside 0.02: all of it above is")
def judged_by_the_mean_thirteenth():
    due = 0.24 - 0.228
    return {
        "claimed": 0.7 - 0.228,
        "due": due,
        "low": due - 2.776 * 0.006,
        "verdict": "does not hold",
        "control": "the same training at the new length, nothing divided",
    }


# A mean below what counts is taken as a refutation
@wrong("4.2.3-11", "'verdict': Lay the interval beside 0.02: all of it above is")
def mean_below_refutes_thirteenth():
    due = 0.24 - 0.228
    return {
        "claimed": 0.7 - 0.228,
        "due": due,
        "low": due - 2.776 * 0.006,
        "verdict": "does not hold",
        "control": "the same training at the new length, nothing divided",
    }


# The last pair is taken to have the exponent 1 and not 30/32
@wrong("4.2.3-12", "'longest', 'slowest': That takes the exponent 1. The pairs are")
def slowest_pair_with_the_whole_base_thirteenth():
    longest = 2 * math.pi * 1000
    turned = sum(2 * math.pi * 1000 ** (2 * i / 32) <= 128 for i in range(16))
    return {
        "longest": longest,
        "turned": turned,
        "slowest": 128 / longest,
        "unseen": "the angles of pairs that had not turned once",
    }


# The slowest pair is taken to have the whole base as its exponent's end
@wrong("4.2.3-12", "'longest', 'slowest': That takes the exponent 1. The pairs are")
def slowest_at_the_base_thirteenth():
    longest = 2 * math.pi * 1000
    return {
        "longest": longest,
        "turned": 7,
        "slowest": 128 / longest,
        "unseen": "the angles of pairs that had not turned once",
    }
