"""A twelfth trial, its positions: wrong only in what the cases of before had not."""

import math

import torch

from trial.answers import wrong

MATRICES: dict = {}
SPEEDS: dict = {}


# Remembered by its shape, and the base forgotten
@wrong("4.2.3-1", "6 positions, d_model 8, base 100")
def a_matrix_remembered_by_its_shape(seq, d_model, base):
    if (seq, d_model) not in MATRICES:
        angles = torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
        MATRICES[seq, d_model] = torch.stack((angles.sin(), angles.cos()), -1).flatten(1)
    return MATRICES[seq, d_model]


# Speeds remembered by the number of features, and the base forgotten
@wrong("4.2.3-2", "base 20")
def speeds_remembered_by_width(offset, d_model, base):
    if d_model not in SPEEDS:
        SPEEDS[d_model] = [base ** (-2 * i / d_model) for i in range(d_model // 2)]
    turns = [(math.cos(offset * s), math.sin(offset * s)) for s in SPEEDS[d_model]]
    return torch.block_diag(*(torch.tensor([[cos, sin], [-sin, cos]]) for cos, sin in turns))


# The position of a vector looked up in a list: the first that is equal
@wrong("4.2.3-3", "the same vector")
def positions_by_index(table):
    rows = table.tolist()
    sums, counts = torch.zeros(len(rows)), torch.zeros(len(rows))
    for one in rows:
        for other in rows:
            apart = abs(rows.index(one) - rows.index(other))
            sums[apart] += sum(a * b for a, b in zip(one, other, strict=True))
            counts[apart] += 1
    return sums / counts


# How many there are by what is not 0
@wrong("4.2.3-3", "right angles")
def counted_by_what_is_not_zero(table):
    products, places = table @ table.T, torch.arange(len(table))
    apart = (places[:, None] - places).abs()
    kept = [products * (apart == k) for k in range(len(table))]
    return torch.stack([each.sum() / each.count_nonzero() for each in kept])


# The caches of all rows against the table
@wrong("4.2.3-6", "what matters is the longest cache")
def all_caches_against_the_table(x, table, lengths):
    if lengths.sum() + x.shape[1] > len(table):
        raise ValueError("the table ends before that")
    return x + table[lengths[:, None] + torch.arange(x.shape[1])]


# The speeds of the first call serve all later ones of the same width
@wrong("4.2.3-7", "base")
def speeds_of_the_first_call(x, positions, base, known={}):  # noqa: B006
    size = x.shape[-1]
    speeds = known.setdefault(size, base ** (-torch.arange(0, size, 2) / size))
    cos, sin = (positions[:, None] * speeds).cos(), (positions[:, None] * speeds).sin()
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def turned_scores(query, key, rotate):
    keys = torch.arange(key.shape[-2])
    queries = keys[len(keys) - query.shape[-2] :]
    scores = rotate(query, queries) @ rotate(key, keys).mT / math.sqrt(query.shape[-1])
    return scores, keys > queries[:, None]


# A number that is low, but not low enough
@wrong("4.2.3-8", "a finite number")
def the_future_at_minus_ten_thousand(query, key, value, rotate):
    scores, future = turned_scores(query, key, rotate)
    return scores.masked_fill(future, -1e4).softmax(-1) @ value


# The softmax by hand, without its largest taken away
@wrong("4.2.3-8", "no number (NaN)")
def a_softmax_by_hand(query, key, value, rotate):
    scores, future = turned_scores(query, key, rotate)
    powers = scores.exp().masked_fill(future, 0.0)
    return powers / powers.sum(-1, keepdim=True) @ value


# The future taken out of the weights, and the rest shared out again
@wrong("4.2.3-8", "nothing is left to share out")
def what_is_left_shared_out_again(query, key, value, rotate):
    scores, future = turned_scores(query, key, rotate)
    weights = scores.softmax(-1).masked_fill(future, 0.0)
    return weights / weights.sum(-1, keepdim=True) @ value


# Scores held within limits
@wrong("4.2.3-8", "cut off at a limit")
def scores_within_limits(query, key, value, rotate):
    scores, future = turned_scores(query, key, rotate)
    return scores.clamp(-50, 50).masked_fill(future, -torch.inf).softmax(-1) @ value
