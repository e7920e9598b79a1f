"""An eleventh trial, chapter 4.2.3: answers of an audit of what the messages claim."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def _matrix(angles):
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)


# The odd column's own number, doubled, for the cosines
@wrong("4.2.3-1", "Your cosines are too slow: twice the odd number of")
def cosines_by_their_column(seq, d_model, base):
    matrix = torch.zeros(seq, d_model)
    for pos in range(seq):
        for i in range(0, d_model, 2):
            matrix[pos, i] = math.sin(pos / base ** (i / d_model))
            matrix[pos, i + 1] = math.cos(pos / base ** (2 * (i + 1) / d_model))
    return matrix


# Speeds laid out evenly between 1 and 1 / base
@wrong("4.2.3-1", "as if the speeds fell from pair to pair by equal steps")
def evenly_spaced_speeds(seq, d_model, base):
    return _matrix(torch.arange(seq)[:, None] * torch.linspace(1, 1 / base, d_model // 2))


# `base ** 2 * i / d_model`: only the 2 is in the exponent
@wrong("4.2.3-1", "the whole exponent needs brackets")
def no_brackets(seq, d_model, base):
    i = torch.arange(d_model // 2)
    return _matrix(torch.arange(seq)[:, None] / base**2 * i / d_model)


# The number of positions where d_model belongs
@wrong("4.2.3-1", "as if the exponent were divided by the number of positions")
def divided_by_seq(seq, d_model, base):
    return _matrix(torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / seq))


# Frequencies are turned into angles
@wrong("4.2.3-1", "Your angles are 2 pi times as large as in the formula")
def turns_for_angles(seq, d_model, base):
    speeds = base ** (-torch.arange(0, d_model, 2) / d_model)
    return _matrix(2 * math.pi * torch.arange(seq)[:, None] * speeds)


# Complex numbers in numpy
@right("4.2.3-1")
def hands_of_complex_clocks(seq, d_model, base):
    hands = np.exp(1j * np.outer(np.arange(seq), base ** (-np.arange(0, d_model, 2) / d_model)))
    return torch.from_numpy(np.dstack([hands.imag, hands.real]).reshape(seq, d_model))


# A mirror instead of a rotation
@wrong("4.2.3-2", "Your blocks mirror a pair where they should turn it")
def mirrors(offset, d_model, base):
    blocks = []
    for i in range(0, d_model, 2):
        a = offset / base ** (i / d_model)
        blocks.append(torch.tensor([[math.cos(a), math.sin(a)], [math.sin(a), -math.cos(a)]]))
    return torch.block_diag(*blocks)


# The exponential of the generator
@right("4.2.3-2")
def exponential_of_the_generator(offset, d_model, base):
    generator = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(0, d_model, 2):
        generator[i, i + 1] = base ** (-i / d_model)
        generator[i + 1, i] = -generator[i, i + 1]
    return torch.linalg.matrix_exp(offset * generator)


# seq - k + 1 pairs
@wrong("4.2.3-3", "divide by one more than their number")
def one_pair_too_many(table):
    seq, products = len(table), table @ table.T
    return torch.stack([products.diagonal(k).sum() / (seq - k + 1) for k in range(seq)])


# The means of the two stretches are multiplied
@wrong("4.2.3-3", "as if the vectors were averaged before the product")
def product_of_means(table):
    seq = len(table)
    return torch.stack([table[: seq - k].mean(0) @ table[k:].mean(0) for k in range(seq)])


# A mean for each row of the products
@wrong("4.2.3-3", "Your numbers belong to positions")
def mean_of_each_row(table):
    return (table @ table.T).mean(1)


def _run(x, layers):
    for layer in layers:
        x = layer(x)
    return x


# The root of the vocabulary
@wrong("4.2.3-4", "the root of another number")
def times_the_root_of_the_vocabulary(tokens, embedding, positions, layers):
    return _run(embedding[tokens] * math.sqrt(len(embedding)) + positions[: tokens.shape[1]], layers)


# Every token gets the first row
@wrong("4.2.3-4", "the vector of one position")
def the_first_row_for_all(tokens, embedding, positions, layers):
    return _run(embedding[tokens] * math.sqrt(embedding.shape[1]) + positions[0], layers)


# The last rows of the table
@wrong("4.2.3-4", "Your positions come from the end")
def the_last_rows(tokens, embedding, positions, layers):
    return _run(embedding[tokens] * math.sqrt(embedding.shape[1]) + positions[-tokens.shape[1] :], layers)


# A residual around layers that have one
@wrong("4.2.3-4", "You add x to what a layer returns")
def a_second_residual(tokens, embedding, positions, layers):
    x = embedding[tokens] * math.sqrt(embedding.shape[1]) + positions[: tokens.shape[1]]
    for layer in layers:
        x = x + layer(x)
    return x


# Floats and relu
@right("4.2.3-5")
def floats_and_relu(is_token):
    return F.relu(is_token.float().cumsum(-1) - 1).masked_fill(~is_token, 0)


# The mean length for all rows
@wrong("4.2.3-6", "All rows get one offset")
def the_mean_length(x, table, lengths):
    start = int(lengths.float().mean())
    if start + x.shape[1] > len(table):
        raise ValueError("too long")
    return x + table[start : start + x.shape[1]]


# A product where the sum is asked for
@wrong("4.2.3-6", "You multiply the tokens' vectors")
def times_the_position(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    if places.max() >= len(table):
        raise ValueError("too long")
    return x * table[places]
