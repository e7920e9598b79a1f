"""An eleventh trial, chapter 4.2: plausible slips whose message gave two bare numbers, or told of another."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def pad_(rows, p, n):
    return torch.tensor([list(r) + [p] * (n - len(r)) for r in rows])


def moved(dec, tok, s, v):
    o = tok.clone()
    o[s] = v
    return (dec(o) - dec(tok)).abs().amax(-1)


def att(q, k, v, keep=None, s=None):
    z = q @ k.mT / (s or q.shape[-1] ** 0.5)
    return z.masked_fill(~keep, -torch.inf).softmax(-1) @ v


def T(n, d=0):
    return torch.ones(n, n).tril(d).bool()


# std() divides by n - 1, and eps comes to the root
@wrong("4.2-1", "Two things: the squares are divided by n - 1")
def torch_s_deviation_as_it_comes(x, weight, bias, eps):  # x.std() + eps
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) * weight + bias


# The root of each summand
@wrong("4.2-1", "as if the roots of variance and eps were added")
def the_roots_added(x, weight, bias, eps):
    v = x.var(-1, keepdim=True, unbiased=False)
    return (x - x.mean(-1, keepdim=True)) / (v.sqrt() + eps**0.5) * weight + bias


# The mean distance for the standard deviation
@wrong("4.2-1", "another measure of spread")
def the_mean_distance(x, weight, bias, eps):
    c = x - x.mean(-1, keepdim=True)
    return c / (c.abs().mean(-1, keepdim=True) + eps) * weight + bias


# The range for the standard deviation
@wrong("4.2-1", "another measure of spread")
def from_the_smallest_to_the_largest(x, weight, bias, eps):
    c = x - x.mean(-1, keepdim=True)
    return c / (x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True) + eps) * weight + bias


# The median for the mean
@wrong("4.2-1", "as if the median were taken away")
def centred_at_the_median(x, weight, bias, eps):
    c = x - x.median(-1, keepdim=True).values
    return c / torch.sqrt((c**2).mean(-1, keepdim=True) + eps) * weight + bias


# All axes but the last
@wrong("4.2-1", "over the tokens (or the batch)")
def per_feature_over_all_tokens(x, weight, bias, eps):
    d = tuple(range(x.dim() - 1))
    c = x - x.mean(d, keepdim=True)
    return c / torch.sqrt((c**2).mean(d, keepdim=True) + eps) * weight + bias


# The last two axes
@wrong("4.2-1", "all tokens of a sequence shared one mean")
def one_mean_for_a_sequence(x, weight, bias, eps):
    c = x - x.mean((-2, -1), keepdim=True)
    return c / torch.sqrt((c**2).mean((-2, -1), keepdim=True) + eps) * weight + bias


# The bias is scaled as well
@wrong("4.2-1", "the weight also stretches the shift")
def a_bias_times_the_weight(x, weight, bias, eps):
    c = x - x.mean(-1, keepdim=True)
    return c / ((c**2).mean(-1, keepdim=True) + eps) ** 0.5 * weight + bias * weight


@right("4.2-1")
def a_row_at_a_time(x, weight, bias, eps):
    flat = x.reshape(-1, x.shape[-1])
    out = torch.empty_like(flat)
    for i, row in enumerate(flat):
        c = row - row.sum() / len(row)
        out[i] = c * (c @ c / len(row) + eps).rsqrt() * weight + bias
    return out.view_as(x)


# Sum, then SiLU
@wrong("4.2-2", "You add gate and values")
def bent_sum_of_both(x, w_gate, w_in, w_out):
    return F.silu(x @ w_gate + x @ w_in) @ w_out


# The sigmoid of the other branch
@wrong("4.2-2", "multiplied by the sigmoid of the values")
def gated_by_the_values(x, w_gate, w_in, w_out):
    g = x @ w_gate
    v = x @ w_in
    return (g * torch.sigmoid(v)) @ w_out


# SiLU after SiLU
@wrong("4.2-2", "acted on the gate twice")
def silu_of_silu(x, w_gate, w_in, w_out):
    return (F.silu(F.silu(x @ w_gate)) * (x @ w_in)) @ w_out


# SiLU's result times itself
@wrong("4.2-2", "acted on the gate twice")
def a_gate_squared(x, w_gate, w_in, w_out):
    g = F.silu(x @ w_gate)
    return (g * g * (x @ w_in)) @ w_out


# SiLU at the end as well
@wrong("4.2-2", "something bends once more")
def bent_behind_the_third_map(x, w_gate, w_in, w_out):
    g = x @ w_gate
    return F.silu((F.silu(g) * (x @ w_in)) @ w_out)


# A softmax before the third map
@wrong("4.2-2", "something bends once more")
def a_softmax_of_the_product(x, w_gate, w_in, w_out):
    g = x @ w_gate
    return torch.softmax(F.silu(g) * (x @ w_in), -1) @ w_out


# ELU
@wrong("4.2-2", "a neighbour of SiLU")
def elu_for_silu(x, w_gate, w_in, w_out):
    return (F.elu(x @ w_gate) * (x @ w_in)) @ w_out


# Both halves are let through: the gate cancels
@wrong("4.2-2", "that of a plain network with two matrices")
def a_gate_and_what_it_shuts(x, w_gate, w_in, w_out):
    g = torch.sigmoid(x @ w_gate)
    v = x @ w_in
    return (g * v + (1 - g) * v) @ w_out


@right("4.2-2")
def a_sigmoid_by_tanh(x, w_gate, w_in, w_out):
    g = F.linear(x, w_gate.T)
    return F.linear(g * (0.5 + 0.5 * torch.tanh(g / 2)) * F.linear(x, w_in.T), w_out.T)


# Norms in front as well
@wrong("4.2-3", "there is one too many")
def norms_before_and_after(x, a, f, n, m):
    h = n(x + a(n(x)))
    return m(h + f(m(h)))


# A norm behind the last norm
@wrong("4.2-3", "there is one too many")
def a_last_norm_on_top(x, a, f, n, m):
    h = n(x + a(x))
    return n(m(h + f(h)))


# No layer, no final norm
@wrong("4.2-4", "Right where there are layers.")
def nothing_to_norm_without_layers(x, layers, final):
    for n, a, m, f in layers:
        x = x + a(n(x))
        x = x + f(m(x))
    return final(x) if layers else x


# final_norm twice
@wrong("4.2-4", "final_norm acted more than once")
def the_final_norm_twice(x, layers, final):
    for n, a, m, f in layers:
        x = x + a(n(x))
        x = x + f(m(x))
    return final(final(x))


# layers[0] in the loop
@wrong("4.2-4", "ran as many times as there are layers")
def the_first_layer_each_time(x, layers, final):
    for _ in layers:
        n, a, m, f = layers[0]
        x = x + a(n(x))
        x = x + f(m(x))
    return final(x)


@right("4.2-4")
def layer_by_layer_by_recursion(x, layers, final):
    if not layers:
        return final(x)
    n, a, m, f = layers[0]
    h = x + a(n(x))
    return layer_by_layer_by_recursion(h + f(m(h)), layers[1:], final)


# The mask is rebuilt from the number of real tokens
@wrong("4.2-5", "padding may stand in front")
def lengths_instead_of_the_mask(x, mem, keep, q, k, v):
    n = keep.sum(-1)
    return att(x @ q, mem @ k, mem @ v, (torch.arange(mem.shape[1]) < n[:, None])[:, None])


# The number of keys for their width
@wrong("4.2-5", "the source longer or shorter")
def the_root_of_the_source_length(x, mem, keep, q, k, v):
    return att(x @ q, mem @ k, mem @ v, keep[:, None], s=mem.shape[1] ** 0.5)


# The mask as numbers, added
@wrong("4.2-5", "as if memory_keep were added to the scores")
def true_added_as_one(x, mem, keep, q, k, v):
    z = (x @ q) @ (mem @ k).mT / q.shape[1] ** 0.5 + keep[:, None].float()
    return z.softmax(-1) @ (mem @ v)


# log(keep + 1e-9) is only -20
@wrong("4.2-5", "outvoted there")
def the_logarithm_of_a_soft_mask(x, mem, keep, q, k, v):
    z = (x @ q) @ (mem @ k).mT / q.shape[1] ** 0.5
    z = z + torch.log(keep[:, None] + 1e-9)
    return z.softmax(-1) @ (mem @ v)


@right("4.2-5")
def real_tokens_picked_out(x, mem, keep, q, k, v):
    out = []
    for a, b, c in zip(x, mem, keep, strict=False):
        b = b[c]
        out.append(torch.softmax((a @ q) @ (b @ k).T / math.sqrt(q.shape[1]), -1) @ (b @ v))
    return torch.stack(out)


# ~ before both masks
@wrong("4.2-6", "Both of your masks are turned round")
def both_masks_the_other_way(x, y, keep, own, cross, ff):
    n = x.shape[1]
    x = x + own(x, ~T(n))
    x = x + cross(x, y, ~keep[:, None])
    return x + ff(x)


# The other triangle, and ~ before the padding
@wrong("4.2-6", "Both of your masks are turned round")
def the_upper_triangle_and_the_padding(x, y, keep, own, cross, ff):
    n = x.shape[1]
    x = x + own(x, T(n).T)
    x = x + cross(x, y, ~keep[:, None])
    return x + ff(x)


@right("4.2-6")
def a_mask_filled_row_by_row(x, y, keep, own, cross, ff):
    m = torch.zeros(x.shape[0], x.shape[1], x.shape[1], dtype=torch.bool)
    for t in range(x.shape[1]):
        m[:, t, : t + 1] = True
    x = x + own(x, m)
    x = x + cross(x, y, keep.unsqueeze(1))
    return x + ff(x)


# The third map on each branch
@wrong("4.2-2", "the third map acted on gate and on values")
def the_third_map_on_both(x, w_gate, w_in, w_out):
    return F.silu(x @ w_gate) @ w_out * (x @ w_in @ w_out)


# Pre-norm and post-norm at once
@wrong("4.2-4", "Each norm acts twice in your layers")
def normed_before_and_behind(x, layers, final):
    for n, a, m, f in layers:
        x = n(x + a(n(x)))
        x = m(x + f(m(x)))
    return final(x)


# Scores held within 50, against overflow
@wrong("4.2-5", "as if they were cut off at a limit")
def scores_clamped_for_safety(x, mem, keep, q, k, v):
    z = ((x @ q) @ (mem @ k).mT / q.shape[1] ** 0.5).clamp(-50, 50)
    return z.masked_fill(~keep[:, None], -torch.inf).softmax(-1) @ (mem @ v)
