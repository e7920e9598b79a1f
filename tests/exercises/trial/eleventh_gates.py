"""An eleventh trial, chapter 4.3, gates and losses: answers of an audit of the words."""

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def one_hot(z, k):
    return torch.zeros_like(z).scatter(-1, z.topk(k).indices, 1.0)


def chosen(p, b, k, r):
    c = (p + b).topk(k).indices
    return torch.zeros_like(p).scatter(-1, c, 1.0)


def best_of_each(s, c):
    return torch.zeros_like(s).scatter(0, s.argsort(dim=0, descending=True, stable=True)[:c], 1.0)


# The loop over the experts ends one before the last
@wrong("4.3-1", "The last expert has no part in your sum: as many terms as")
def missing_last(x, w, experts):
    g = (x @ w).softmax(-1)
    y = torch.zeros_like(x)
    for i in range(len(experts) - 1):
        y = y + g[..., i, None] * experts[i](x)
    return y


# y = instead of y +=: each expert overwrites the one before it
@wrong("4.3-1", "Your result is what the last expert answers, times its gate")
def overwrite(x, w, experts):
    g = (x @ w).softmax(-1)
    for i, e in enumerate(experts):
        y = g[..., i, None] * e(x)
    return y


# The gates of the first token for all
@wrong("4.3-1", "Right in 2 of 6 cases (a single token, 2 experts; a single")
def first_token_gates(x, w, experts):
    g = (x[:, :1] @ w).softmax(-1)
    return sum(g[..., i, None] * e(x) for i, e in enumerate(experts))


# The softmax written out, in double precision
@right("4.3-1")
def with_numpy_double(x, w, experts):
    z = x.double() @ w.double()
    z = z - z.amax(-1, keepdim=True)
    g = z.exp()
    g = g / g.sum(-1, keepdim=True)
    return torch.einsum("bse,ebsd->bsd", g.float(), torch.stack([e(x) for e in experts]))


# Above the k-th highest, and not from it on
@wrong("4.3-2", "Only experts above the k-th highest number have a gate: the")
def strictly_greater(z, k):
    p = z.softmax(-1)
    t = p.sort(-1, descending=True).values[:, k - 1 : k]
    m = (p > t).float()
    p = p * m
    return p / (p.sum(-1, keepdim=True) + 1e-9)


# A number that is not low enough where minus infinity belongs
@wrong("4.3-2", "Right in 10 of 11 cases. For logits far below zero, the gate")
def fill_minus_1e2(z, k):
    c = z.argsort(dim=-1, descending=True, stable=True)[:, :k]
    m = torch.zeros_like(z).scatter(-1, c, 1.0)
    return z.masked_fill(m == 0, -1e2).softmax(-1)


# Exponentials of the logits as they are
@wrong("4.3-2", "Right in 10 of 11 cases. For logits far below zero, the gate")
def exp_overflow(z, k):
    c = z.argsort(dim=-1, descending=True, stable=True)[:, :k]
    m = torch.zeros_like(z).scatter(-1, c, 1.0)
    e = z.exp() * m
    return e / e.sum(-1, keepdim=True)


# The value of the gates, and the slope of the softmax over all
@wrong("4.3-2", "Right in 2 of 11 cases (k = number of experts; 8 experts, k =")
def straight_through(z, k):
    c = z.argsort(dim=-1, descending=True, stable=True)[:, :k]
    m = torch.zeros_like(z, dtype=torch.bool).scatter(-1, c, True)
    g = z.masked_fill(~m, -torch.inf).softmax(-1)
    p = z.softmax(-1)
    return g.detach() + p - p.detach()


# Token by token, with Python's sort
@right("4.3-2")
def loops(z, k):
    rows = []
    for row in z:
        idx = sorted(range(len(row)), key=lambda i: (-row[i].item(), i))[:k]
        g = torch.stack([row[i] for i in idx]).softmax(0)
        rows.append(sum(F.one_hot(torch.tensor(i), len(row)) * g[j] for j, i in enumerate(idx)))
    return torch.stack(rows)


# The product of the probabilities for their sum
@wrong("4.3-3", "Both gates are right, but your share is the product of the")
def share_product(z, k):
    b = z.softmax(-1).topk(k).values
    a = z.topk(k).values.softmax(-1)
    return b, a, b.prod(-1, keepdim=True)


# An axis of length one is missing
@wrong("4.3-3", "The tensor before and tensor after are right. The share has the")
def share_no_keepdim(z, k):
    b = z.softmax(-1).topk(k).values
    a = z.topk(k).values.softmax(-1)
    return b, a, b.sum(-1)


# From logarithms of sums of exponentials
@right("4.3-3")
def from_lse(z, k):
    v = z.sort(-1, descending=True)[0][:, :k]
    L = z.logsumexp(-1, keepdim=True)
    load = v.logsumexp(-1, keepdim=True)
    return (v - L).exp(), (v - load).exp(), (load - L).exp()


# The variation of the load, from another paper
@wrong("4.3-4", "You measure by a variation how unequal the mean probabilities")
def cv_load(z, k):
    load = one_hot(z, k).sum(0)
    return (load.std() / load.mean()) ** 2


# Only the likeliest expert is counted
@wrong("4.3-4", "With k = 1 you are right. With more you count only each token's")
def argmax_only(z, k):
    return z.shape[1] * (F.one_hot(z.argmax(-1), z.shape[1]).float().mean(0) * z.softmax(-1).mean(0)).sum()


# f gets a gradient of its own
@wrong("4.3-4", "The loss is right. For a single token, the gradient of the")
def p_detached_f_soft(z, k):
    p = z.softmax(-1)
    return z.shape[1] * ((one_hot(z, k) * p / p.detach()).mean(0) * p.mean(0)).sum()


# Both means in one einsum
@right("4.3-4")
def einsum_right(z, k):
    t, e = z.shape
    return e / t / t * torch.einsum("te,se->", one_hot(z, k), z.softmax(-1))


# log1p for log
@wrong("4.3-5", "It comes out as if 1 were added to the sum of the exponentials")
def log1p(z):
    return torch.log1p(z.exp().sum(-1)).square().mean()


# Logits cut off on both sides
@wrong("4.3-5", "Large logits are cut off at some number in your version. The")
def abs_clamp(z):
    return z.clamp(-60, 60).logsumexp(-1).square().mean()


# Infinity made a large number
@wrong("4.3-5", "Right for small logits, but not finite for those of several")
def nan_to_num(z):
    return z.exp().sum(-1).log().nan_to_num().square().mean()


# The largest logit given back without its gradient
@wrong("4.3-5", "The loss is right. For a single expert, the gradient of the")
def detached_max(z):
    m = z.amax(-1, keepdim=True)
    return ((z - m).exp().sum(-1).log() + m.squeeze(-1).detach()).square().mean() * 1.0 + (m * 0).sum()


# Gates that say only who was chosen
@wrong("4.3-6", "The new bias is right, and your gates say who was chosen, not")
def ones_gates(p, b, k, r):
    m = chosen(p, b, k, r)
    load = m.sum(0)
    return m, b + r * torch.sign(load.mean() - load)


# The bias is moved first, and then chosen with
@wrong("4.3-6", "The new bias is right, and your gates are those of a choice")
def gates_with_new_bias(p, b, k, r):
    m = chosen(p, b, k, r)
    load = m.sum(0)
    nb = b + r * torch.sign(load.mean() - load)
    m2 = chosen(p, nb, k, r)
    return p * m2, nb


# The old bias written over
@wrong("4.3-6", "The numbers are right, but for 6 tokens, 4 experts, k = 2 your")
def inplace(p, b, k, r):
    m = chosen(p, b, k, r)
    load = m.sum(0)
    b += r * torch.sign(load.mean() - load)
    return p * m, b


# Counted with lists
@right("4.3-6")
def via_python(p, b, k, r):
    n = [0] * len(b)
    g = np.zeros(p.shape, dtype=np.float32)
    for t, row in enumerate((p + b).tolist()):
        for i in sorted(range(len(row)), key=lambda j: -row[j])[:k]:
            n[i] += 1
            g[t, i] = p[t, i]
    mean = len(p) * k / len(b)
    return torch.tensor(g), torch.stack(
        [b[i] + (r if n[i] < mean else -r if n[i] > mean else 0) for i in range(len(b))]
    )


# The logit for the probability
@wrong("4.3-7", "Your gates are no probabilities of a softmax: they are logits")
def gate_logits(z, c):
    p = z.softmax(-1)
    return z * best_of_each(p, c)


# A sigmoid for the softmax
@wrong("4.3-7", "Your gates are no probabilities of a softmax: they are logits")
def sigmoid_scores(z, c):
    s = z.sigmoid()
    return s * best_of_each(s, c)


# What topk gives, not laid back
@wrong("4.3-7", "Your row says which place a token had in the expert's order")
def compact(z, c):
    p = z.softmax(-1)
    return p.topk(min(c, len(p)), dim=0).values


# Above the last probability that fits, and not from it on
@wrong("4.3-7", "An expert of yours takes only tokens above the last probability")
def threshold_mean(z, c):
    p = z.softmax(-1)
    t = p.sort(0, descending=True).values[min(c, len(p)) - 1]
    return torch.where(p > t, p, torch.zeros_like(p))


# Expert by expert, with Python's sort
@right("4.3-7")
def loops7(z, c):
    p = z.softmax(-1)
    rows = p.tolist()
    m = torch.zeros_like(p)
    for e in range(p.shape[1]):
        for t in sorted(range(len(rows)), key=lambda t: -rows[t][e])[:c]:
            m[t, e] = 1
    return torch.where(m > 0, p, torch.zeros(()))


# log_softmax for softmax
@wrong("4.3-1", "Your gates are the logarithms of a softmax: all of them are")
def log_softmax(x, w_router, experts):
    g = (x @ w_router).log_softmax(-1)
    return sum(g[..., i, None] * e(x) for i, e in enumerate(experts))


# A copy that begins a graph of its own
@wrong("4.3-2", "The numbers are right, but no gradient reaches the router")
def clone_param(z, k):
    z = z.clone().detach().requires_grad_()
    c = z.argsort(dim=-1, descending=True, stable=True)[:, :k]
    return torch.zeros_like(z).scatter(-1, c, z.gather(-1, c).softmax(-1))


# Counts over the number of all choices
@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def f_total(z, k):
    m = torch.zeros_like(z).scatter(-1, z.topk(k).indices, 1.0)
    f = m.sum(0) / m.sum()
    return z.shape[1] * (f * z.softmax(-1).mean(0)).sum()


# How far the mean probabilities are from equal ones
@wrong("4.3-4", "You measure by a variation how unequal the mean probabilities")
def squared_diff(z, k):
    P = z.softmax(-1).mean(0)
    return z.shape[1] * ((P - 1 / len(P)) ** 2).sum()


# The mean of the squares
@wrong("4.3-5", "You square the logits themselves, or their sum. That is another")
def rms(z):
    return z.square().mean(-1).mean()
