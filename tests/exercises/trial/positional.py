"""Chapter 4.2.3, positional encoding: wrong answers with one slip each, and unusual right ones."""

import cmath

import torch

from trial.answers import right, wrong


def angles_of(positions, dim, base):
    """Angles pos / base^(2i / dim) of positions [n]: [n, dim / 2]."""
    return positions[:, None] / base ** (torch.arange(0, dim, 2) / dim)


@wrong("4.2.3-1", "sines fill")
def sines_and_cosines_in_halves(seq, d_model, base):
    angles = angles_of(torch.arange(seq), d_model, base)
    return torch.cat([angles.sin(), angles.cos()], -1)  # not in turn


@wrong("4.2.3-1", "different speeds")
def every_feature_its_own_speed(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(d_model) / d_model)  # pairs turn alike
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


@wrong("4.2.3-1", "position 1")
def positions_counted_from_one(seq, d_model, base):
    angles = angles_of(torch.arange(1, seq + 1), d_model, base)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


@wrong("4.2.3-1", "Your result does not change with the base: it stands")
def base_of_the_paper_written_in(seq, d_model, base):
    angles = angles_of(torch.arange(seq), d_model, 10000)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


@wrong("4.2.3-1", "exponent counts pairs")
def exponent_of_half_the_pairs(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(d_model // 2) / d_model)  # 2i
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


@right("4.2.3-1")
def positions_by_complex_powers(seq, d_model, base):
    turns = [
        [cmath.exp(1j * pos / base ** (i / d_model)) for i in range(0, d_model, 2)] for pos in range(seq)
    ]
    return torch.tensor([[part for z in row for part in (z.imag, z.real)] for row in turns])


@wrong("4.2.3-2", "textbook rotation")
def rotation_in_the_other_direction(offset, d_model, base):
    matrix = torch.zeros(d_model, d_model)
    for i, angle in enumerate(angles_of(torch.tensor([offset]), d_model, base)[0]):
        c, s = angle.cos(), angle.sin()
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, -s], [s, c]])  # for cos, sin
    return matrix


@wrong("4.2.3-2", "join feature i")
def rotation_of_halves(offset, d_model, base):
    angles = angles_of(torch.tensor([offset]), d_model, base)[0]
    c, s = angles.cos().diag(), angles.sin().diag()
    return torch.cat([torch.cat([c, s], 1), torch.cat([-s, c], 1)])  # features lie in turn


@wrong("4.2.3-2", "Both sines of a block have the same sign in your matrix, so")
def without_the_minus(offset, d_model, base):
    matrix = torch.zeros(d_model, d_model)
    for i, angle in enumerate(angles_of(torch.tensor([offset]), d_model, base)[0]):
        c, s = angle.cos(), angle.sin()
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, s], [s, c]])
    return matrix


@right("4.2.3-2")
def shift_by_block_diag(offset, d_model, base):
    angles = (offset / base ** (i / d_model) for i in range(0, d_model, 2))
    generators = [torch.tensor([[0.0, a], [-a, 0.0]], dtype=torch.float64) for a in angles]
    return torch.matrix_exp(torch.block_diag(*generators)).float()


@wrong("4.2.3-3", "k apart")
def divided_by_all_positions(table):
    products = table @ table.T
    return torch.stack([products.diagonal(k).sum() / len(table) for k in range(len(table))])


@wrong("4.2.3-3", "lengths of the vectors")
def cosines_of_positions(table):
    unit = table / table.norm(dim=-1, keepdim=True)
    return torch.stack([(unit @ unit.T).diagonal(k).mean() for k in range(len(table))])


@wrong("4.2.3-3", "begins with distance 1")
def distance_zero_left_out(table):
    products = table @ table.T
    return torch.stack([products.diagonal(k).mean() for k in range(1, len(table))])


@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def seen_from_the_first_position(table):
    return table @ table[0]  # all pairs at a distance, not only the first


@wrong("4.2.3-4", "positions pile")
def positions_added_in_every_layer(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[-1] ** 0.5
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])  # once, before the first
    return x


@wrong("4.2.3-4", "proportion between")
def both_scaled(tokens, embedding, positions, layers):
    x = (embedding[tokens] + positions[: tokens.shape[1]]) * embedding.shape[-1] ** 0.5
    for layer in layers:
        x = layer(x)
    return x


@wrong("4.2.3-4", "looked up")
def positions_looked_up_by_token(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[-1] ** 0.5 + positions[tokens]
    for layer in layers:
        x = layer(x)
    return x


@wrong("4.2.3-4", "local variable 'y'")
def every_layer_reads_the_first_input(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[-1] ** 0.5 + positions[: tokens.shape[1]]
    for layer in layers:
        y = layer(x)  # not the layer before
    return y


@wrong("4.2.3-5", "get position 1")
def counted_from_one(is_token):
    return is_token.cumsum(-1) * is_token


@wrong("4.2.3-5", "padding included")
def columns_for_positions(is_token):
    return torch.arange(is_token.shape[1]).expand(is_token.shape) * is_token


@wrong("4.2.3-5", "front gets -1")
def padding_keeps_minus_one_and_more(is_token):
    return is_token.cumsum(-1) - 1  # padding in front gets -1, behind the last position


@wrong("4.2.3-5", "count goes down")
def tokens_of_the_rows_above_counted(is_token):
    return (is_token.cumsum(0) - 1).clamp(min=0) * is_token  # along the batch


@right("4.2.3-5")
def positions_in_nested_lists(is_token):
    return [[sum(row[:i]) * here for i, here in enumerate(row)] for row in is_token.int().tolist()]


@wrong("4.2.3-6", "All rows get one offset: that of one of them (the")
def every_row_at_the_first_length(x, table, lengths):
    start = int(lengths[0])  # rows differ
    if start + x.shape[1] > len(table):
        raise ValueError("too long")
    return x + table[start : start + x.shape[1]]


@wrong("4.2.3-6", "last vector again")
def last_position_used_again(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    return x + table[places.clamp(max=len(table) - 1)]  # should raise


@wrong("4.2.3-6", "also refuse")
def refused_one_too_early(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    if places.max() >= len(table) - 1:
        raise ValueError(f"position {places.max()} has no vector")
    return x + table[places]


@wrong("4.2.3-6", "Where a position is missing, an IndexError comes, as")
def index_error_for_value_error(x, table, lengths):
    return x + table[lengths[:, None] + torch.arange(x.shape[1])]


@wrong("4.2.3-6", "`raise ValueError")
def error_returned(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    if places.max() >= len(table):
        return ValueError("position has no vector")  # raise
    return x + table[places]


@wrong("4.2.3-7", "the clock")
def turned_with_the_clock(x, positions, base):
    a, b = x[..., ::2], x[..., 1::2]
    angles = angles_of(positions, x.shape[-1], base)
    c, s = angles.cos(), angles.sin()
    return torch.stack([a * c + b * s, b * c - a * s], -1).flatten(-2)


@wrong("4.2.3-7", "neighbours 2i")
def pairs_of_the_two_halves(x, positions, base):
    a, b = x.chunk(2, -1)  # neighbours are a pair
    angles = angles_of(positions, x.shape[-1], base)
    c, s = angles.cos(), angles.sin()
    return torch.cat([a * c - b * s, a * s + b * c], -1)


@wrong("4.2.3-7", "While decoding")
def turned_by_the_place_in_the_tensor(x, positions, base):
    a, b = x[..., ::2], x[..., 1::2]
    angles = angles_of(torch.arange(x.shape[-2]), x.shape[-1], base)  # positions are given
    c, s = angles.cos(), angles.sin()
    return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)


@wrong("4.2.3-7", "first coordinates")
def a_already_overwritten(x, positions, base):
    y = x.clone()
    angles = angles_of(positions, x.shape[-1], base)
    y[..., ::2] = y[..., ::2] * angles.cos() - y[..., 1::2] * angles.sin()
    y[..., 1::2] = y[..., ::2] * angles.sin() + y[..., 1::2] * angles.cos()  # reads the new a
    return y


@wrong("4.2.3-7", "turned rightly")
def put_back_in_halves(x, positions, base):
    a, b = x[..., ::2], x[..., 1::2]
    angles = angles_of(positions, x.shape[-1], base)
    c, s = angles.cos(), angles.sin()
    return torch.cat([a * c - b * s, a * s + b * c], -1)  # should be in turn again


@right("4.2.3-7")
def rotated_as_complex_numbers(x, positions, base):
    points = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    angles = angles_of(positions.double(), x.shape[-1], base)
    return torch.view_as_real(points * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


@wrong("4.2.3-8", "queries believe")
def queries_begin_at_position_zero(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(new)), rotate(key, torch.arange(seq))  # they stand at the end
    mask = torch.ones(new, seq, dtype=torch.bool).triu(seq - new + 1)
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf).softmax(-1) @ value


@wrong("4.2.3-8", "rotate the values")
def values_rotated_too(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    place = torch.arange(seq)
    q, k, v = rotate(query, place[-new:]), rotate(key, place), rotate(value, place)
    mask = torch.ones(new, seq, dtype=torch.bool).triu(seq - new + 1)
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf).softmax(-1) @ v


@wrong("4.2.3-8", "All is rotated rightly")
def mask_from_the_upper_left(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(seq - new, seq)), rotate(key, torch.arange(seq))
    mask = torch.ones(new, seq, dtype=torch.bool).triu(1)  # the first query is not at position 0
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf).softmax(-1) @ value


@wrong("4.2.3-8", "vector turns")
def keys_left_unrotated(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q = rotate(query, torch.arange(seq - new, seq))
    mask = torch.ones(new, seq, dtype=torch.bool).triu(seq - new + 1)
    return (q @ key.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf).softmax(-1) @ value


@wrong("4.2.3-9", "h begins")
def slopes_counted_from_zero(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(num_heads) / num_heads)  # h begins at 1
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


@wrong("4.2.3-9", "farthest key gains")
def distance_rewarded(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return (slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)  # the sign


@wrong("4.2.3-9", "each sees too few keys")
def first_query_at_the_first_key(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    distance = torch.arange(query_len)[:, None] - torch.arange(key_len)
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


@wrong("4.2.3-9", "0 times infinity")
def infinity_times_zero(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return -slopes[:, None, None] * distance + (distance < 0) * -torch.inf  # NaN where 0 * inf


@wrong("4.2.3-10", "change short")
def short_texts_stretched(length, trained_length, head_dim, base):
    return angles_of(torch.arange(length) * trained_length / length, head_dim, base)


@wrong("4.2.3-10", "stay below trained_length")
def squeezed_the_other_way(length, trained_length, head_dim, base):
    factor = max(1.0, length / trained_length)  # its inverse
    return angles_of(torch.arange(length) * factor, head_dim, base)


@wrong("4.2.3-10", "squeezed positions")
def positions_cut_to_whole_numbers(length, trained_length, head_dim, base):
    if length <= trained_length:
        return angles_of(torch.arange(length), head_dim, base)
    return angles_of(torch.arange(length) * trained_length // length, head_dim, base)


@right("4.2.3-10")
def squeezed_by_a_larger_step(length, trained_length, head_dim, base):
    step = min(trained_length, length) / length
    speeds = torch.tensor([base ** (-2 * i / head_dim) for i in range(head_dim // 2)], dtype=torch.float64)
    return torch.outer(torch.arange(length, dtype=torch.float64) * step, speeds).float()


STRETCHED = {
    "claimed": 0.472,
    "due": 0.012,
    "low": -0.004656,
    "verdict": "not shown",
    "control": "the same training at the new length, nothing divided",
}
TURNS = {
    "longest": 4080.2,
    "turned": 7,
    "slowest": 0.03137,
    "unseen": "the angles of pairs that had not turned once",
}


@wrong("4.2.3-11", "training as well")
def all_of_it_due_to_dividing():
    return STRETCHED | {"due": 0.472}


@wrong("4.2.3-11", "2.776")
def two_errors_below():
    return STRETCHED | {"low": 0.0}


@wrong("4.2.3-11", "Lay the interval beside 0.02")
def better_so_it_holds():
    return STRETCHED | {"verdict": "holds"}


@right("4.2.3-11")
def gains_as_tensors():
    return STRETCHED | {"claimed": torch.tensor(0.472), "low": -0.0047}


@wrong("4.2.3-12", "2 pi")
def radians_for_turns():
    return TURNS | {"longest": 649.4}


@wrong("4.2.3-12", "counted from 0")
def a_pair_beyond_the_last():
    return TURNS | {"longest": 6283.2}


@wrong("4.2.3-12", "met every angle")
def every_pair_is_new():
    return TURNS | {"unseen": "the angles of all pairs"}


@right("4.2.3-12")
def rounded_turns():
    return TURNS | {"longest": 4080, "slowest": 0.0314}
