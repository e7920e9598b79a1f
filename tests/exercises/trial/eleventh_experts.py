"""An eleventh trial, chapter 4.3, experts and their work: answers of an audit of the words."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def serve(e, n, c, order):
    t = [0] * n
    kept = torch.zeros_like(e, dtype=torch.bool)
    for i, j in order:
        x = int(e[i, j])
        if t[x] < c:
            kept[i, j] = True
            t[x] += 1
    return kept


def shares(c):
    p = c / c.sum()
    return p, p.sum(1, keepdim=True), p.sum(0, keepdim=True)


def parameters(vocab, d_model, layers, d_kv, d_ff, experts, k):
    shared = 2 * d_model**2 + 2 * d_model * d_kv + d_model * experts + 2 * d_model
    outside = 2 * vocab * d_model + d_model
    return tuple(layers * (shared + n * 3 * d_model * d_ff) + outside for n in (experts, k))


# A small number added before rounding up
@wrong("4.3-8", "Where the places come out whole already, factor and all, you")
def plus_eps(b, s, e, k, f):
    return math.ceil(f * k * b * s / e + 1e-3)


# A small number taken off before rounding up
@wrong("4.3-8", "It comes out as if a little less than one were added and the")
def minus_eps(b, s, e, k, f):
    return math.ceil(f * k * b * s / e - 1e-3)


# Rounded up by a double minus
@right("4.3-8")
def tricky(b, s, e, k, f):
    return -int(-f * k * b * s // e)


# The counters begin anew with each token
@wrong("4.3-9", "You keep everything: nobody is ever full, and a popular expert")
def reset_each_token(e, n, c):
    kept = torch.zeros_like(e, dtype=torch.bool)
    for i in range(len(e)):
        t = [0] * n
        for j in range(e.shape[1]):
            kept[i, j] = t[int(e[i, j])] < c
            t[int(e[i, j])] += 1
    return kept


# The capacity once for each choice, in one queue
@wrong("4.3-9", "Right in 3 of 8 cases. For 3 tokens, 2 choices, capacity 1,")
def capacity_per_k(e, n, c):
    return serve(e, n, c * e.shape[1], [(i, j) for j in range(e.shape[1]) for i in range(len(e))])


# The first drop ends everything
@wrong("4.3-9", "Right in 2 of 8 cases (room for all; 40 tokens, capacity 3).")
def stop_all(e, n, c):
    t = [0] * n
    k = torch.zeros_like(e, dtype=torch.bool)
    for j in range(e.shape[1]):
        for i in range(len(e)):
            x = int(e[i, j])
            if t[x] >= c:
                return k
            k[i, j] = True
            t[x] += 1
    return k


# Places from a running sum
@right("4.3-9")
def cumsum_right(e, n, c):
    f = e.T.reshape(-1)
    one_hot = F.one_hot(f, n)
    pl = (one_hot.cumsum(0) * one_hot).sum(-1)
    return (pl <= c).view(e.shape[1], -1).T.contiguous()


# Only the first kept choice of a token is added
@wrong("4.3-10", "Only one answer of a token counts in your result: that of its")
def first_kept_only(x, a, g, k):
    a = torch.where(k[..., None], a * g[..., None], 0.0)
    i = k.float().argmax(1)
    return x + a[torch.arange(len(x)), i]


# A token is masked as a whole, after the sum
@wrong("4.3-10", "A token one of whose choices was kept has all its answers in")
def mask_after_sum(x, a, g, k):
    a = a.nan_to_num()
    return x + (g[..., None] * a).sum(1) * k.any(-1, keepdim=True)


# Token by token
@right("4.3-10")
def loops10(x, a, g, k):
    y = x.clone()
    for t in range(len(x)):
        for j in range(k.shape[1]):
            if k[t, j]:
                y[t] = y[t] + g[t, j] * a[t, j]
    return y


# A loop over the columns around that over the experts
@wrong("4.3-11", "The output is right, but an expert is called once for the")
def per_choice(x, e, g, experts):
    y = torch.zeros_like(x)
    for j in range(e.shape[1]):
        for i in range(len(experts)):
            rows = (e[:, j] == i).nonzero()[:, 0]
            if len(rows):
                y = y.index_add(0, rows, g[rows, j, None] * experts[i](x[rows]))
    return y


# Every expert that is asked reads the whole batch
@wrong("4.3-11", "The output is right, but an expert that has any token reads all")
def whole_batch_if_any(x, e, g, experts):
    y = torch.zeros_like(x)
    for i in range(len(experts)):
        m = e == i
        if m.any():
            y = y + (g * m).sum(-1, keepdim=True) * experts[i](x)
    return y


# The loop over the experts begins with 1
@wrong("4.3-11", "The expert with the number 0 is never asked, and its tokens get")
def expert_zero_skipped(x, e, g, experts):
    y = torch.zeros_like(x)
    for i in range(1, len(experts)):
        t, j = (e == i).nonzero(as_tuple=True)
        if len(t):
            y = y.index_add(0, t, g[t, j, None] * experts[i](x[t]))
    return y


# The loop over the experts, by torch.where
@right("4.3-11")
def loop_right(x, e, g, experts):
    y = torch.zeros_like(x)
    for i in range(len(experts)):
        t, j = torch.where(e == i)
        if t.numel():
            y = y.index_add(0, t, g[t, j].unsqueeze(1) * experts[i](x[t]))
    return y


# A token meets one table only
@wrong("4.3-12", "The total is right. The active is too small by just vocab_size")
def one_table_active(*s):
    t, a = parameters(*s)
    return t, a - s[0] * s[1]


# What a token leaves out
@wrong("4.3-12", "The total is right. Your active number is that of the chosen")
def total_minus_active(*s):
    t, a = parameters(*s)
    return t, t - a


# The router last
@wrong("4.3-13", "Your three numbers are right and stand in another order: first")
def order_exchanged(t, d, f, experts, k):
    return 6 * t * d * f * experts, 6 * t * d * f * k, 2 * t * d * experts


# What is saved, and not what is computed
@wrong("4.3-13", "Your third number is that of the experts that are left out, all")
def dense_difference(t, d, f, experts, k):
    return 2 * t * d * experts, 6 * t * d * f * experts, 6 * t * d * f * (experts - k)


# One of the three matrices between d_model and itself
@wrong("4.3-13", "A matrix of yours has other widths than it should: the router")
def width_kept(t, d, f, experts, k):
    return 2 * t * d * experts, 2 * t * (2 * d * f + d * d) * experts, 2 * t * (2 * d * f + d * d) * k


# The sizes of the terms
@wrong("4.3-14", "A cell with fewer tokens than independence would give has a")
def absolute(c):
    p, a, b = shares(c)
    return torch.where(p > 0, p * (p / (a * b)).log2(), 0.0).abs().sum()


# The joint entropy not taken off
@wrong("4.3-14", "You add the entropies of the load and of the domains. What both")
def sum_of_entropies(c):
    _, a, b = shares(c)
    return -sum(torch.where(side > 0, side * side.log2(), 0.0).sum() for side in (a, b))


# Compared with equal shares of all cells
@wrong("4.3-14", "You compare with equal shares, of all cells, or of all experts")
def uniform_ref(c):
    p, _, _ = shares(c)
    return torch.where(p > 0, p * (p * p.numel()).log2(), 0.0).sum()


# mean for sum in the margins
@wrong("4.3-14", "Your p(i) and p(d) are means over a row and a column. They are")
def margins_mean(c):
    p = c / c.sum()
    a = p.mean(1, keepdim=True)
    b = p.mean(0, keepdim=True)
    return torch.where(p > 0, p * (p / (a * b)).log2(), 0.0).sum()


# Half a token more in every cell
@wrong("4.3-14", "It comes out as if a token, or a half, were added to every")
def eps_counts(c):
    p, a, b = shares(c + 0.5)
    return (p * (p / (a * b)).log2()).sum()


# From three entropies, in double precision
@right("4.3-14")
def entropies14(c):
    p = (c / c.sum()).double()
    domains, experts, joint = (torch.special.entr(side).sum() for side in (p.sum(0), p.sum(1), p))
    return ((domains + experts - joint) / math.log(2)).float()


# How much longer, for how many times as long
@wrong("4.3-15", "That is how much longer it takes, in times of the one with one")
def claimed_more():
    return {
        "claimed": 0.8,
        "whole": 31.125,
        "share": 0.963855,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


# How much longer, for how many times as long
@wrong("4.3-15", "That is how much longer it takes, in times of the one with one")
def whole_more():
    return {
        "claimed": 1.8,
        "whole": 30.125,
        "share": 0.963855,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


# Expert by expert, the first rows of the table
@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def by_expert_first_c_rows(e, n, c):
    k = torch.zeros_like(e, dtype=torch.bool)
    for x in range(n):
        rows, cols = (e == x).nonzero(as_tuple=True)
        k[rows[:c], cols[:c]] = True
    return k


# x where an answer was dropped
@wrong("4.3-10", "Where a choice was dropped you put x in the answer's place")
def dropped_answer_is_x(x, a, g, k):
    return x + (g[..., None] * torch.where(k[..., None], a, x[:, None])).sum(1)


# One layer for the active ones
@wrong("4.3-12", "With one layer you are right. In a deeper model every layer has")
def one_layer_only_active(*sizes):
    total, _ = parameters(*sizes)
    return total, parameters(*sizes[:2], 1, *sizes[3:])[1]


# Weights, and not operations
@wrong("4.3-13", "You count weights. A product of a token with a matrix takes two")
def weights_only(t, d, f, experts, k):
    return d * experts, 3 * d * f * experts, 3 * d * f * k


# Ratios not below a tenth
@wrong("4.3-14", "Right in 7 of 8 cases. For nearly each domain its own expert")
def clip_ratio(c):
    p = c / c.sum()
    q = p.sum(1, True) * p.sum(0, True)
    return (p * (p / q).clamp(min=0.1).log2()).nan_to_num().sum()
