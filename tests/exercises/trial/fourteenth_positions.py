"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 4.2.3."""

import math

import torch

from trial.answers import right, wrong


# Every feature has its own speed: the exponent of the cosines is 2i + 1 instead of 2i
@wrong("4.2.3-1", "Your exponent counts single features, so the sine and the cosine of")
def every_feature_its_own_speed_fourteenth(seq, d_model, base):
    place = torch.arange(seq, dtype=torch.float64)[:, None]
    feature = torch.arange(d_model, dtype=torch.float64)[None, :]
    angle = place / base ** (feature / d_model)
    return torch.where(feature % 2 == 0, torch.sin(angle), torch.cos(angle)).float()


# Range(0, d_model, 2) and 2 * i once more in the exponent: the frequencies fall twice as fast
@wrong("4.2.3-2", "Your results are what the solution gives if `base` were squared.")
def shift_exponent_doubled_fourteenth(offset, d_model, base):
    r = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        angle = offset / base ** (2 * i / d_model)
        r[i, i] = r[i + 1, i + 1] = math.cos(angle)
        r[i, i + 1] = math.sin(angle)
        r[i + 1, i] = -math.sin(angle)
    return r


# Unusual: the matrix exponential of the generator of all turns
@right("4.2.3-2")
def shift_matrix_exponential_fourteenth(offset, d_model, base):
    generator = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(d_model // 2):
        speed = base ** (-2 * i / d_model)
        generator[2 * i, 2 * i + 1] = speed
        generator[2 * i + 1, 2 * i] = -speed
    return torch.linalg.matrix_exp(offset * generator).float()


# Rolls the table round: the last positions are paired with the first ones
@wrong("4.2.3-3", "Your last positions are compared with the first ones, as if the")
def table_rolled_round_fourteenth(table):
    return torch.stack([(table * table.roll(-k, 0)).sum(1).mean() for k in range(len(table))])


# Right: the diagonals of the table of all dot products
@right("4.2.3-3")
def diagonals_of_all_products_fourteenth(table):
    products = torch.einsum("id,jd->ij", table, table)
    return torch.stack([torch.diagonal(products, offset=k).mean() for k in range(len(table))])


# The vectors of positions are added before every layer, not once
@wrong("4.2.3-4", "You add the positions again in each layer. With one layer it may")
def encode_positions_before_every_layer_fourteenth(tokens, embedding, positions, layers):
    x = embedding[tokens] * math.sqrt(embedding.shape[1])
    if len(layers) == 0:
        return x + positions[: tokens.shape[1]]
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])
    return x


# Subtracts all of the row's padding, also what stands behind
@wrong("4.2.3-5", "You subtract the number of all pads of a row. With padding in front")
def all_padding_subtracted_fourteenth(is_token):
    seq = is_token.shape[1]
    padding = seq - is_token.sum(1, keepdim=True)
    positions = (torch.arange(seq)[None, :] - padding).clamp(min=0)
    return torch.where(is_token, positions, torch.zeros_like(positions))


# Raises already where the last new token has the table's last vector
@wrong("4.2.3-6", "You also refuse the last position of the table, which has a vector.")
def last_vector_refused_fourteenth(x, table, lengths):
    new = x.shape[1]
    positions = lengths[:, None] + torch.arange(new)[None, :]
    if new and positions.max() + 1 >= len(table):
        raise ValueError("no vector for this position")
    return x + table[positions]


# One too strict: raises also where the last new token gets the last vector of the table
@wrong("4.2.3-6", "You also refuse the last position of the table, which has a vector.")
def learned_last_row_refused_fourteenth(x, table, lengths):
    new = x.shape[1]
    if (lengths + new >= len(table)).any():
        raise ValueError("no vector for this position")
    positions = lengths[:, None] + torch.arange(new)[None]
    return x + table[positions]


# The exponent is i / head_dim instead of 2i / head_dim: all pairs but the first turn too fast
@wrong("4.2.3-7", "The first pair is right and later ones turn too fast: your exponent")
def exponent_without_the_two_fourteenth(x, positions, base):
    dim = x.shape[-1]
    speed = float(base) ** (-torch.arange(dim // 2, dtype=torch.float64) / dim)
    angle = positions.double()[:, None] * speed
    cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


# Right: complex numbers, a turn is a multiplication
@right("4.2.3-7")
def turned_as_complex_numbers_fourteenth(x, positions, base):
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    exponent = torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1]
    angle = torch.outer(torch.as_tensor(positions).double(), float(base) ** -exponent)
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).flatten(-2).to(x.dtype)


# Tril without a diagonal: new tokens are masked as if they stood at the beginning
@wrong("4.2.3-8", "All is rotated rightly, and without a cache you are right. With")
def rotary_mask_at_the_beginning_fourteenth(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q = rotate(query, torch.arange(seq - new, seq))
    k = rotate(key, torch.arange(seq))
    scores = q @ k.transpose(-2, -1) / math.sqrt(query.shape[-1])
    allowed = torch.ones(new, seq, dtype=torch.bool).tril()
    return torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=-1) @ value


# The values are rotated too
@wrong("4.2.3-8", "You rotate the values too, so what is fetched from a token depends")
def rotary_turns_values_fourteenth(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    everywhere = torch.arange(seq)
    at_the_end = everywhere[seq - new :]
    query, key, value = rotate(query, at_the_end), rotate(key, everywhere), rotate(value, everywhere)
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    scores = scores.masked_fill(everywhere[None, :] > at_the_end[:, None], -torch.inf)
    return scores.softmax(-1) @ value


# With a cache the mask knows where the queries stand, but the distances count them from 0
@wrong("4.2.3-9", "For 2 heads, one new token after 4, your result differs in 10")
def distances_count_queries_from_zero_fourteenth(num_heads, query_len, key_len):
    q = torch.arange(query_len)[:, None]
    k = torch.arange(key_len)[None, :]
    slopes = 2.0 ** (-8.0 * torch.arange(1, num_heads + 1) / num_heads)
    bias = -slopes[:, None, None] * (q - k)
    return bias.masked_fill(k > q + key_len - query_len, float("-inf"))


# Squeezes so that the last position falls on the last trained one: (trained - 1) / (length - 1)
@wrong("4.2.3-10", "The last position of a longer text falls exactly on trained_length")
def squeezed_last_onto_last_fourteenth(length, trained_length, head_dim, base):
    positions = torch.arange(length, dtype=torch.float64)
    if length > trained_length:
        positions = positions * (trained_length - 1) / (length - 1)
    i = torch.arange(head_dim // 2, dtype=torch.float64)
    return (positions[:, None] / base ** (2 * i / head_dim)[None]).float()


# Unusual: number by number in two loops
@right("4.2.3-10")
def squeezed_number_by_number_fourteenth(length, trained_length, head_dim, base):
    factor = min(1.0, trained_length / length) if length else 1.0
    rows = []
    for pos in range(length):
        rows.append(
            [pos * factor * math.exp(-2 * i / head_dim * math.log(base)) for i in range(head_dim // 2)]
        )
    return torch.tensor(rows, dtype=torch.float32).reshape(length, head_dim // 2)


# Takes the standard error for a deviation and divides it by the root of five once more
@wrong("4.2.3-11", "'low': That divides by the root of five once more. The standard")
def error_divided_once_more_fourteenth():
    due = 0.24 - 0.228
    half = 2.776 * 0.006 / 5**0.5
    verdict = "holds" if due - half > 0.02 else "does not hold" if due + half <= 0.02 else "not shown"
    return {
        "claimed": 0.7 - 0.228,
        "due": due,
        "low": due - half,
        "verdict": verdict,
        "control": "the same training at the new length, nothing divided",
    }


# Pairs counted up to i = dim / 2 included, so the longest turn is 2 pi times base
@wrong("4.2.3-12", "'longest', 'slowest': That takes the exponent 1. The pairs are")
def figure_longest_is_the_base_fourteenth():
    dim, base, length = 32, 1000, 128
    turns = [2 * math.pi * base ** (2 * i / dim) for i in range(dim // 2 + 1)]
    return {
        "longest": max(turns),
        "turned": sum(t <= length for t in turns),
        "slowest": length / max(turns),
        "unseen": "the angles of pairs that had not turned once",
    }
