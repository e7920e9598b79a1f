"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 4.2.3."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Each feature its own speed: the cosine turns by (2i + 1) / d_model
@wrong("4.2.3-1", "Your exponent counts single features, so the sine and the cosine of")
def sinusoidal_own_speed_fifteenth(seq, d_model, base):
    pos = torch.arange(seq, dtype=torch.float64)[:, None]
    angle = pos / base ** (torch.arange(d_model, dtype=torch.float64) / d_model)
    out = torch.empty(seq, d_model, dtype=torch.float64)
    out[:, 0::2], out[:, 1::2] = angle[:, 0::2].sin(), angle[:, 1::2].cos()
    return out.float()


# Block_diag of 2 by 2 matrices
@right("4.2.3-2")
def shift_block_diag_fifteenth(offset, d_model, base):
    blocks = []
    for i in range(d_model // 2):
        a = offset / base ** (2 * i / d_model)
        blocks.append(torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]))
    return torch.block_diag(*blocks)


# Rotation the other way: signs of sine exchanged
@wrong("4.2.3-2", "Your matrix goes k positions back. The textbook rotation turns")
def shift_backwards_fifteenth(offset, d_model, base):
    R = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = offset / base ** (i / d_model)
        R[i, i] = R[i + 1, i + 1] = math.cos(a)
        R[i, i + 1] = -math.sin(a)
        R[i + 1, i] = math.sin(a)
    return R


# Divides by seq at every distance, though there are fewer pairs
@wrong("4.2.3-3", "You add the right products, but divide by seq at every distance.")
def similarity_over_seq_fifteenth(table):
    n = len(table)
    dots = table @ table.T
    return torch.stack([torch.diagonal(dots, k).sum() / n for k in range(n)])


# Diagonals of the Gram matrix
@right("4.2.3-3")
def similarity_diagonals_fifteenth(table):
    gram = table @ table.T
    return torch.stack([gram.diagonal(k).mean() for k in range(len(table))])


# One-hot matrix product for the embedding, and recursion over the layers
@right("4.2.3-4")
def encode_one_hot_fifteenth(tokens, embedding, positions, layers):
    vocab, d = embedding.shape
    x = F.one_hot(tokens, vocab).to(embedding.dtype) @ embedding * math.sqrt(d)
    x = x + positions[None, : tokens.shape[1]]

    def go(x, rest):
        return x if not rest else go(rest[0](x), rest[1:])

    return go(x, list(layers))


# Positions added before scaling
@wrong("4.2.3-4", "You multiply the sum, so the positions grow with the embeddings.")
def encode_scales_positions_fifteenth(tokens, embedding, positions, layers):
    x = (embedding[tokens] + positions[: tokens.shape[1]]) * math.sqrt(embedding.shape[1])
    for layer in layers:
        x = layer(x)
    return x


# Padding behind the tokens keeps the last position
@wrong("4.2.3-5", "Padding behind gets the last token's number in your result, or one")
def positions_padding_behind_fifteenth(is_token):
    return (is_token.long().cumsum(1) - 1).clamp(min=0)


# The place in the row, as if padding stood behind only
@wrong("4.2.3-5", "Padding gets 0, but the tokens are counted from the edge of the")
def positions_arange_masked_fifteenth(is_token):
    return torch.arange(is_token.shape[1]) * is_token.long()


# Only the cache's length is checked against the table, the new tokens beyond it are clamped
@wrong("4.2.3-6", "For a later token too far, your function should refuse its")
def learned_clamped_fifteenth(x, table, lengths):
    p = lengths[:, None] + torch.arange(x.shape[1])
    if int(lengths.max()) >= len(table):
        raise ValueError("no vector")
    return x + table[p.clamp(max=len(table) - 1)]


# Turns with the clock
@wrong("4.2.3-7", "Your vectors turn with the clock: (1, 0) goes to (0, -1) at a")
def rotate_clockwise_fifteenth(x, positions, base):
    d = x.shape[-1]
    angle = positions[:, None].to(x.dtype) / base ** (torch.arange(0, d, 2, dtype=x.dtype) / d)
    c, s = angle.cos(), angle.sin()
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * c + b * s, b * c - a * s], -1).flatten(-2)


# Complex numbers
@right("4.2.3-7")
def rotate_complex_fifteenth(x, positions, base):
    d = x.shape[-1]
    f = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.as_tensor(positions, dtype=torch.float64)[:, None] * f
    z = torch.view_as_complex(x.double().reshape(*x.shape[:-1], d // 2, 2).contiguous())
    z = z * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(z).flatten(-2).to(x.dtype)


# Queries rotated from position 0 though a cache stands before them
@wrong("4.2.3-8", "Without a cache you are right. With one, your new queries believe")
def rotary_queries_from_zero_fifteenth(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(new)), rotate(key, torch.arange(seq))
    s = q @ k.transpose(-1, -2) / math.sqrt(query.shape[-1])
    later = torch.arange(seq) > torch.arange(seq - new, seq)[:, None]
    return torch.softmax(s.masked_fill(later, -math.inf), -1) @ value


# Heads counted from 0: the first slope is 1
@wrong("4.2.3-9", "Your first head has the slope 1 and each of the others that of its")
def alibi_heads_from_zero_fifteenth(num_heads, query_len, key_len):
    slope = 2.0 ** (-8 * torch.arange(num_heads, dtype=torch.float32) / num_heads)
    q = torch.arange(key_len - query_len, key_len)[:, None]
    k = torch.arange(key_len)[None]
    bias = -slope[:, None, None] * (q - k).float()
    return bias.masked_fill(k > q, -math.inf)


# A short text is stretched as well
@wrong("4.2.3-10", "Long texts are right, but you also change short ones, whose")
def squeezed_short_stretched_fifteenth(length, trained_length, head_dim, base):
    p = torch.arange(length, dtype=torch.float64) * trained_length / length
    f = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    return (p[:, None] * f).float()


# Verdict: an interval that reaches below 0 is taken as a refutation
@wrong("4.2.3-11", "'verdict': Lay the interval beside 0.02: all of it above is")
def stretching_refuted_fifteenth():
    due = 0.24 - 0.228
    return {
        "claimed": 0.7 - 0.228,
        "due": due,
        "low": due - 2.776 * 0.006,
        "verdict": "does not hold",
        "control": "the same training at the new length, nothing divided",
    }


# Exponents i / 15 in place of i / 16, so that the last pair gets the base itself
@wrong("4.2.3-12", "'longest', 'slowest': That takes the exponent 1. The pairs are")
def figure_longest_base_fifteenth():
    waves = [2 * math.pi * 1000 ** (i / 15) for i in range(16)]
    return {
        "longest": waves[-1],
        "turned": sum(w <= 128 for w in waves),
        "slowest": 128 / waves[-1],
        "unseen": "the angles of pairs that had not turned once",
    }
