"""An eighth trial, section 4.2.3: answers written from the statements alone."""

import torch

from trial.answers import wrong


# Puts all sines into the first half and all cosines into the second; they must alternate
@wrong("4.2.3-1", "All the numbers are there, but sines fill the left half and")
def puts_all_sines_into_the_first_half_and(seq, d_model, base):
    i = torch.arange(0, d_model, 2, dtype=torch.float32)
    angle = torch.arange(seq, dtype=torch.float32)[:, None] / base ** (i / d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


# Uses tensor2tensor's speeds, which reach base exactly at the last pair (pair / (pairs - 1)), not base^(2i
# / d_model)
@wrong("4.2.3-1", "Your slowest pair is too slow: its exponent is 1, as when you")
def uses_tensor2tensors_speeds_which_reach_base_exactly_at(seq, d_model, base):
    n = d_model // 2
    angle = torch.arange(seq)[:, None] / base ** (torch.arange(n) / max(n - 1, 1))
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(1)


# The index 2i of the feature is doubled again: arange(0, d_model, 2) is already 2i
@wrong("4.2.3-1", "The two of a pair agree, but your exponents are twice what")
def the_index_2i_of_the_feature_is_doubled(seq, d_model, base):
    i = torch.arange(0, d_model, 2)
    angle = torch.arange(seq)[:, None] / base ** (2 * i / d_model)
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(1)


# Maps the last position onto trained_length - 1, i.e. multiplies by (trained_length - 1) / (length - 1)
@wrong("4.2.3-10", "The last position of a longer text falls exactly on")
def maps_the_last_position_onto_trained_length_1(length, trained_length, head_dim, base):
    pos = torch.linspace(0, min(length, trained_length) - 1, length)
    return torch.outer(pos, base ** (-torch.arange(0, head_dim, 2) / head_dim))


# Reads a mean below 0.02 as 'does not hold', though the interval reaches above 0.02
@wrong("4.2.3-11", "Lay the interval beside 0.02: all of it above is *holds*,")
def reads_a_mean_below_0_02_as_does():
    return {
        "claimed": 0.472,
        "due": 0.012,
        "low": -0.004656,
        "verdict": "does not hold",
        "control": "the same training at the new length, nothing divided",
    }


# Gives the index of the last pair that turned, 6, for the number of pairs
@wrong("4.2.3-12", "right: 'longest', 'slowest', 'unseen'. 'turned': 6 is one too")
def gives_the_index_of_the_last_pair_that():
    return {
        "longest": 4080.18,
        "turned": 6,
        "slowest": 0.031371,
        "unseen": "the angles of pairs that had not turned once",
    }


# Compares all positions with position 0 alone: one pair for each distance instead of the mean over all
@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def compares_all_positions_with_position_0_alone_one(table):
    return table @ table[0]


# Compares with position 0 only: the same for sinusoidal tables, where all pairs at a distance are alike,
# but not for learned ones
@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def compares_with_position_0_only_the_same_for(table):
    return table @ table[0]


# Divides every distance by seq, though there are only seq - k pairs at distance k
@wrong("4.2.3-3", "You add the right products, but divide by seq at every")
def divides_every_distance_by_seq_though_there_are(table):
    n = len(table)
    dots = table @ table.T
    return torch.stack([torch.diagonal(dots, offset=k).sum() / n for k in range(n)])


# Adds the positions again before every layer, as some models do; they are to be added once
@wrong("4.2.3-4", "You add the positions again in each layer. With one layer it")
def adds_the_positions_again_before_every_layer_as(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])
    if not layers:
        x = x + positions[: tokens.shape[1]]
    return x


# Takes one away and clamps at 0: padding behind the text gets the last position instead of 0
@wrong("4.2.3-5", "Padding behind gets the last token's number in your")
def takes_one_away_and_clamps_at_0_padding(is_token):
    return (is_token.long().cumsum(dim=1) - 1).clamp(min=0)


# Counts how much padding the row has in all and takes it off: right for padding in front only
@wrong("4.2.3-5", "You subtract the number of all pads of a row. With padding in")
def counts_how_much_padding_the_row_has_in(is_token):
    pads = (~is_token).sum(dim=1, keepdim=True)
    return ((torch.arange(is_token.shape[1]) - pads) * is_token).clamp(min=0)


# Numbers the heads from 0: the first slope is 1, and the last is not 2^-8
@wrong("4.2.3-9", "Your first head has the slope 1 and each of the others that")
def numbers_the_heads_from_0_the_first_slope(num_heads, query_len, key_len):
    slope = 2.0 ** (-8 * torch.arange(num_heads) / num_heads)
    q = torch.arange(key_len - query_len, key_len)[:, None]
    d = q - torch.arange(key_len)[None]
    bias = -slope[:, None, None] * d
    return bias.masked_fill(d < 0, float("-inf"))
