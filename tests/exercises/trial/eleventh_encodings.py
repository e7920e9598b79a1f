"""An eleventh trial, chapter 4.2.3: angles, slopes and masks that went wrong in ways no message told."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def ang(x, pos, base):
    n = x.shape[-1]
    return pos[:, None] * base ** (-torch.arange(0, n, 2) / n)


def turn(x, a):
    c, s = a.cos(), a.sin()
    u, v = x[..., ::2], x[..., 1::2]
    return torch.stack((u * c - v * s, u * s + v * c), -1).flatten(-2)


def sm(q, k, v, allowed, scale=None):
    z = q @ k.mT * (scale or q.shape[-1] ** -0.5)
    return z.masked_fill(~allowed, -torch.inf).softmax(-1) @ v


def setup(q, k):
    n, m = q.shape[-2], k.shape[-2]
    kp = torch.arange(m)
    return kp, kp[m - n :]


def ab(h, q, k, slope):
    d = torch.arange(k - q, k)[:, None] - torch.arange(k)
    return (-slope[:, None, None] * d).masked_fill(d < 0, -torch.inf)


def A(p, n, base):
    return p[:, None] * base ** (-torch.arange(0, n, 2) / n)


@wrong("4.2.3-11", "divides by the root of five once more")
def a_root_of_five_too_many():
    return {**STRETCHED, "low": 0.012 - 2.776 * 0.006 / 5**0.5}


@wrong("4.2.3-11", "That is where the interval ends")
def the_upper_end_of_the_interval():
    return {**STRETCHED, "low": 0.012 + 2.776 * 0.006}


@wrong("4.2.3-11", "That is what training on alone has gained, with nothing divided")
def the_gain_of_training_for_that_of_dividing():
    return {**STRETCHED, "due": 0.7 - 0.24}


@wrong("4.2.3-12", "That is the fastest pair's number")
def the_shortest_for_the_longest():
    return {**TURNED, "longest": 2 * math.pi}


@wrong("4.2.3-12", "in the longer text")
def turns_in_the_longer_text():
    return {**TURNED, "slowest": 4 * 0.0313711}


STRETCHED = {
    "claimed": 0.472,
    "due": 0.012,
    "low": -0.004656,
    "verdict": "not shown",
    "control": "the same training at the new length, nothing divided",
}
TURNED = {
    "longest": 4080.185,
    "turned": 7,
    "slowest": 0.0313711,
    "unseen": "the angles of pairs that had not turned once",
}


# Positions counted from 1
@wrong("4.2.3-7", "as if every position were one higher")
def each_position_one_higher(x, pos, base):
    return turn(x, ang(x, pos + 1, base))


# The exponents begin with 2
@wrong("4.2.3-7", "counted from the second pair on")
def pairs_counted_from_one(x, pos, base):
    n = x.shape[-1]
    return turn(x, pos[:, None] * base ** (-torch.arange(2, n + 2, 2) / n))


# linspace(0, 1)
@wrong("4.2.3-7", "spread so that the last is 1")
def exponents_up_to_one(x, pos, base):
    n = x.shape[-1] // 2
    return turn(x, pos[:, None] * base ** (-torch.linspace(0, 1, n)))


# deg2rad
@wrong("4.2.3-7", "as for another unit")
def angles_taken_for_degrees(x, pos, base):
    return turn(x, torch.deg2rad(ang(x, pos, base)))


# 2 pi
@wrong("4.2.3-7", "as for another unit")
def whole_turns_for_radians(x, pos, base):
    return turn(x, 2 * math.pi * ang(x, pos, base))


# The speeds flipped
@wrong("4.2.3-7", "as if the last pair turned fastest")
def slowest_pair_first(x, pos, base):
    return turn(x, ang(x, pos, base)[: x.shape[-2]].flip(-1))


# exp(-... * log10(base))
@wrong("4.2.3-7", "exp with another logarithm")
def a_power_by_log10(x, pos, base):
    n = x.shape[-1]
    return turn(x, pos[:, None] * torch.exp(-torch.arange(0, n, 2) / n * math.log10(base)))


# cat for stack
@wrong("4.2.3-7", "Two ways of pairing are mixed")
def seconds_before_firsts(x, pos, base):
    a = ang(x, pos, base).repeat_interleave(2, -1)
    h = torch.cat((-x[..., 1::2], x[..., ::2]), -1)
    return x * a.cos() + h * a.sin()


@right("4.2.3-7")
def a_turn_by_complex_numbers(x, pos, base):
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones_like(ang(x, pos, base)), ang(x, pos, base))).flatten(
        -2
    )


# The root of the keys
@wrong("4.2.3-8", "something else than the root of a head's width")
def the_root_of_the_number_of_keys(q, k, v, rotate):
    kp, qp = setup(q, k)
    return sm(rotate(q, qp), rotate(k, kp), v, kp <= qp[:, None], k.shape[-2] ** -0.5)


# No root
@wrong("4.2.3-8", "something else than the root of a head's width")
def the_width_itself(q, k, v, rotate):
    kp, qp = setup(q, k)
    return sm(rotate(q, qp), rotate(k, kp), v, kp <= qp[:, None], q.shape[-1] ** -1.0)


# The mask on the weights
@wrong("4.2.3-8", "lost their weight after the softmax only")
def weights_struck_out_afterwards(q, k, v, rotate):
    kp, qp = setup(q, k)
    w = (rotate(q, qp) @ rotate(k, kp).mT * q.shape[-1] ** -0.5).softmax(-1) * (kp <= qp[:, None])
    return w @ v


# <= the other way round
@wrong("4.2.3-8", "hid the past and showed the future")
def keys_from_here_on(q, k, v, rotate):
    kp, qp = setup(q, k)
    return sm(rotate(q, qp), rotate(k, kp), v, kp >= qp[:, None])


# The new queries turned twice
@wrong("4.2.3-8", "is turned twice and the other once")
def queries_turned_twice(q, k, v, rotate):
    kp, qp = setup(q, k)
    return sm(rotate(rotate(q, qp), qp), rotate(k, kp), v, kp <= qp[:, None])


# dim=-2
@wrong("4.2.3-8", "as if the softmax ran over the queries")
def softmax_down_the_keys(q, k, v, rotate):
    kp, qp = setup(q, k)
    z = (rotate(q, qp) @ rotate(k, kp).mT * q.shape[-1] ** -0.5).masked_fill(kp > qp[:, None], -torch.inf)
    return z.softmax(-2) @ v


# Scores times the mask
@wrong("4.2.3-8", "as if later keys got the score 0")
def scores_times_the_mask(q, k, v, rotate):
    kp, qp = setup(q, k)
    z = (rotate(q, qp) @ rotate(k, kp).mT * q.shape[-1] ** -0.5) * (kp <= qp[:, None])
    return z.softmax(-1) @ v


@right("4.2.3-8")
def positions_from_the_first_new_token(q, k, v, rotate):
    kp, qp = setup(q, k)
    return F.scaled_dot_product_attention(
        rotate(q, qp - qp[0]), rotate(k, kp - qp[0]), v, attn_mask=(kp <= qp[:, None])
    )


@right("4.2.3-8")
def one_query_at_a_time(q, k, v, rotate):
    kp, qp = setup(q, k)
    out = []
    for i, p in enumerate(qp.tolist()):
        kk = rotate(k[..., : p + 1, :], kp[: p + 1])
        z = rotate(q[..., i : i + 1, :], qp[i : i + 1]) @ kk.mT / q.shape[-1] ** 0.5
        out.append(z.softmax(-1) @ v[..., : p + 1, :])
    return torch.cat(out, -2)


# -8 / h
@wrong("4.2.3-9", "another row than 2^(-8h / num_heads)")
def eight_over_h(h, q, k):
    return ab(h, q, k, 2 ** (-8 / torch.arange(1, h + 1)))


# linspace from the first slope to the last
@wrong("4.2.3-9", "another row than 2^(-8h / num_heads)")
def evenly_spaced_slopes(h, q, k):
    return ab(h, q, k, torch.linspace(2 ** (-8 / h), 2**-8, h))


# exp for 2 to the
@wrong("4.2.3-9", "another row than 2^(-8h / num_heads)")
def powers_of_e(h, q, k):
    return ab(h, q, k, torch.exp(-8 * torch.arange(1, h + 1) / h))


# // for /
@wrong("4.2.3-9", "rounded to a whole number")
def exponents_by_whole_division(h, q, k):
    return ab(h, q, k, 2.0 ** (-8 * torch.arange(1, h + 1) // h))


# <= for <
@wrong("4.2.3-9", "A token cannot read itself in your table")
def own_key_out_of_reach(h, q, k):
    d = torch.arange(k - q, k)[:, None] - torch.arange(k)
    return ab(h, q, k, 2 ** (-8 * torch.arange(1, h + 1) / h)).masked_fill(d <= 0, -torch.inf)


@right("4.2.3-9")
def the_last_rows_of_a_whole_table(h, q, k):
    s = torch.tensor([256.0 ** (-(j + 1) / h) for j in range(h)])
    full = torch.full((k, k), -torch.inf).triu(1) + 0
    d = torch.arange(k)[:, None] - torch.arange(k)
    return (full - s[:, None, None] * d.clamp_min(0))[:, k - q :]


# linspace(0, trained_length)
@wrong("4.2.3-10", "falls on trained_length itself")
def up_to_the_trained_length(length, t, n, base):
    return A(torch.linspace(0, t, length) if length > t else torch.arange(length), n, base)


# Positions and speeds squeezed
@wrong("4.2.3-10", "as if the factor acted twice")
def squeezed_twice(length, t, n, base):
    return (
        A(torch.arange(length), n, base) * (t / length) ** 2
        if length > t
        else A(torch.arange(length), n, base)
    )


# The root of the factor
@wrong("4.2.3-10", "or as if its root were taken")
def squeezed_by_the_root(length, t, n, base):
    return A(torch.arange(length) * min(1, t / length) ** 0.5, n, base)


# One step too far
@wrong("4.2.3-10", "You give back the cosines or the sines")
def cosines_given_back(length, t, n, base):
    return A(torch.arange(length) * min(1, t / length), n, base).cos()


# The first pair alone
@wrong("4.2.3-10", "on one pair of features only")
def the_fast_pair_squeezed(length, t, n, base):
    a = A(torch.arange(length), n, base).clone()
    a[:, 0] *= min(1, t / length)
    return a


@right("4.2.3-10")
def an_outer_product_in_numpy(length, t, n, base):
    return torch.from_numpy(
        np.outer(np.arange(length) / max(1, length / t), float(base) ** (-2 * np.arange(n // 2) / n))
    )


# is_causal, save for a single new token
@wrong("4.2.3-8", "For several behind a cache your mask begins at the first key")
def is_causal_where_there_are_several(q, k, v, rotate):
    kp, qp = setup(q, k)
    return F.scaled_dot_product_attention(rotate(q, qp), rotate(k, kp), v, is_causal=len(qp) > 1)


# triu(1) of a table that is wider than high
@wrong("4.2.3-9", "your mask is that of queries at the beginning of the text")
def a_triangle_from_the_first_key(h, q, k):
    d = torch.arange(k - q, k)[:, None] - torch.arange(k)
    b = -(2 ** (-8 * torch.arange(1, h + 1) / h))[:, None, None] * d
    return b.masked_fill(torch.ones(q, k).triu(1).bool(), -torch.inf)
