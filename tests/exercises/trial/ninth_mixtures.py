"""A ninth trial, chapter 4.3 up to the capacity: answers that look for the gaps of the checker."""

import math

import torch

from trial.answers import right, wrong


def by_bias(probs, bias, top_k):
    """The chosen experts, their mask and their load."""
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    return chosen, mask, mask.sum(0)


# Scales the logits as scores of attention are
@wrong("4.3-1", "It comes out as if the logits were divided by the root of")
def divides_the_logits_by_the_root_of_d_model(x, w, experts):
    z = x @ w / x.shape[-1] ** 0.5
    g = z.softmax(-1)
    return sum((g[..., i : i + 1] * f(x) for i, f in enumerate(experts)))


# Shares the logits out by their sum, without exponentials
@wrong("4.3-1", "Your gates add up to one, but they are logits over their sum,")
def divides_the_logits_by_their_sum(x, w, experts):
    z = x @ w
    g = z / z.sum(-1, keepdim=True)
    return sum((g[..., i, None] * f(x) for i, f in enumerate(experts)))


# Takes the softmax of w_router and multiplies x with that
@wrong("4.3-1", "Your softmax is taken of w_router, before x meets it. What is")
def softmax_of_the_routers_weights(x, w, experts):
    g = x @ w.softmax(-1)
    return sum((g[..., i, None] * f(x) for i, f in enumerate(experts)))


# Gives the first expert the last gate
@wrong("4.3-1", "Your results are what the solution gives if `experts` stood")
def gates_in_reversed_order(x, w, experts):
    g = (x @ w).softmax(-1)
    return sum((g[..., -1 - i, None] * f(x) for i, f in enumerate(experts)))


# Averages the gated answers instead of adding them
@wrong("4.3-1", "Your result is 1 / the number of experts times what it should")
def averages_gated_answers(x, w, experts):
    g = (x @ w).softmax(-1)
    return torch.stack([g[..., i : i + 1] * f(x) for i, f in enumerate(experts)]).mean(0)


# Computes the gates of the first sequence alone
@wrong("4.3-1", "For 3 sequences of 3 tokens, 3 experts, your result differs")
def gates_of_the_first_sequence(x, w, experts):
    g = (x[0] @ w).softmax(-1)
    return sum((g[..., i, None] * f(x) for i, f in enumerate(experts)))


# Breaks ties by taking a thousandth of the index off, which also turns logits round that are nearly equal
@wrong("4.3-2", "The gradient of the logits is right. For nearly equal logits,")
def ties_broken_by_a_thousandth(logits, top_k):
    s = logits - 0.001 * torch.arange(logits.shape[-1])
    i = s.topk(top_k).indices
    m = torch.full_like(logits, -torch.inf).scatter(-1, i, 0.0)
    return (logits + m).softmax(-1)


# Breaks ties by a millionth of the index
@wrong("4.3-2", "The gradient of the logits is right. For nearly equal logits,")
def ties_broken_by_a_millionth(logits, top_k):
    s = logits - 1e-06 * torch.arange(logits.shape[-1])
    i = s.topk(top_k).indices
    m = torch.full_like(logits, -torch.inf).scatter(-1, i, 0.0)
    return (logits + m).softmax(-1)


# Fills in -100, which is not low beside logits of -300
@wrong("4.3-2", "For logits far below zero, the gate matrix differs in 4 of 4")
def minus_a_hundred_for_the_others(logits, top_k):
    i = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    m = torch.ones_like(logits, dtype=torch.bool).scatter(-1, i, False)
    return logits.masked_fill(m, -100.0).softmax(-1)


# Divides sigmoids of the chosen logits by their sum
@wrong("4.3-2", "In 8 of the 9 cases that come out wrong your answer is that")
def sigmoids_over_their_sum(logits, top_k):
    i = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    v = logits.gather(-1, i).sigmoid()
    return torch.zeros_like(logits).scatter(-1, i, v / v.sum(-1, keepdim=True))


# Sorts indices in plain Python and lays the exponentials back
@right("4.3-2")
def gates_in_plain_python(logits, top_k):
    out = []
    for row in logits:
        idx = sorted(range(len(row)), key=lambda i: (-float(row[i]), i))[:top_k]
        e = {i: (row[i] - row[idx[0]]).exp() for i in idx}
        s = sum(e.values())
        out.append(torch.stack([e[i] / s if i in e else torch.zeros(()) for i in range(len(row))]))
    return torch.stack(out)


# Takes one minus the sum of the chosen probabilities
@wrong("4.3-3", "Your share is one minus the right one: what the experts that")
def share_is_what_the_others_had(logits, k):
    p = logits.softmax(-1).topk(k).values
    a = logits.topk(k).values.softmax(-1)
    return (p, a, 1 - p.sum(-1, keepdim=True))


# Takes the best expert's probability for the share
@wrong("4.3-3", "With k = 1 you are right. With more, your share is the")
def share_is_the_best_probability(logits, k):
    p = logits.softmax(-1).topk(k).values
    a = logits.topk(k).values.softmax(-1)
    return (p, a, p[:, :1])


# Divides the chosen logits by their sum
@wrong("4.3-3", "Your `after` is the chosen logits over their sum. Logits may")
def after_is_logits_over_their_sum(logits, k):
    p = logits.softmax(-1).topk(k).values
    a = logits.topk(k).values
    a = a / a.sum(-1, keepdim=True)
    return (p, a, p.sum(-1, keepdim=True))


# Takes the length of a bincount without minlength for the number of experts
@wrong("4.3-4", "The number in front is right only where the last expert was")
def number_of_experts_from_bincount(logits, k):
    T, _E = logits.shape
    p = logits.softmax(-1)
    c = logits.topk(k).indices
    f = torch.bincount(c.flatten()) / T
    return len(f) * (f * p.mean(0)[: len(f)]).sum()


# Multiplies by the number of experts that were chosen
@wrong("4.3-4", "The number in front is right only where every expert has a")
def number_of_experts_that_were_chosen(logits, k):
    T, _E = logits.shape
    p = logits.softmax(-1)
    c = logits.topk(k).indices
    u, n = c.unique(return_counts=True)
    return len(u) * (n / T * p.mean(0)[u]).sum()


# Multiplies by top_k where the number of experts belongs
@wrong("4.3-4", "The sum over experts is right, and another number stands")
def k_in_front_of_the_sum(logits, k):
    T, E = logits.shape
    p = logits.softmax(-1)
    c = logits.topk(k).indices
    f = torch.bincount(c.flatten(), minlength=E) / T
    return k * (f * p.mean(0)).sum()


# Divides the counts by the experts and multiplies by the tokens
@wrong("4.3-4", "It comes out as if the numbers of tokens and of experts stood")
def tokens_and_experts_exchanged(logits, k):
    T, E = logits.shape
    p = logits.softmax(-1)
    c = logits.topk(k).indices
    f = torch.bincount(c.flatten(), minlength=E) / E
    return T * (f * p.mean(0)).sum()


# Takes the softmax along the tokens
@wrong("4.3-4", "Your P comes of a softmax over the tokens, which gives every")
def softmax_over_the_tokens(logits, k):
    T, E = logits.shape
    p = logits.softmax(0)
    c = logits.topk(k).indices
    f = torch.bincount(c.flatten(), minlength=E) / T
    return E * (f * p.mean(0)).sum()


# Clamps the logits so that no exponential overflows
@wrong("4.3-5", "For about nine hundred, up and down, the gradient of the")
def clamps_the_logits_at_80(z):
    return z.clamp(max=80).exp().sum(-1).log().square().mean()


# Computes in float64, which overflows beyond 709
@wrong("4.3-5", "For about nine hundred, up and down, the gradient of the")
def exponentials_in_float64(z):
    return z.double().exp().sum(-1).log().square().mean()


# Gives the largest logit back as a column, so that a table [tokens, tokens] comes
@wrong("4.3-5", "It comes out as if each token's largest logit were given back")
def largest_logit_kept_as_a_column(z):
    m = z.amax(-1, keepdim=True)
    return ((z - m).exp().sum(-1).log() + m).square().mean()


# Squares the logits before the exponentials
@wrong("4.3-5", "You square the logits themselves, or their sum. That is")
def squares_before_the_exponential(z):
    return z.square().logsumexp(-1).mean()


# The logits less their log-softmax are the logarithm of the sum, once for each expert
@right("4.3-5")
def difference_to_the_log_softmax(z):
    return (z - z.log_softmax(-1)).square().mean(-1).mean()


# Adds the step into the given bias
@wrong("4.3-6", "The numbers are right, but for 6 tokens, 4 experts, k = 2")
def adds_the_step_into_the_old_bias(p, b, k, r):
    _c, m, load = by_bias(p, b, k)
    b += r * torch.sign(load.mean() - load)
    return (p * m, b)


# Adds up gates instead of counting
@wrong("4.3-6", "You compare probabilities (of all tokens, or of those that")
def load_is_the_sum_of_chosen_gates(p, b, k, r):
    _c, m, _load = by_bias(p, b, k)
    i = (p * m).sum(0)
    return (p * m, b + r * torch.sign(i.mean() - i))


# Multiplies the bias by one plus the step
@wrong("4.3-6", "Your new bias is the old one times a factor: a bias of zero")
def step_scales_the_bias(p, b, k, r):
    _c, m, load = by_bias(p, b, k)
    return (p * m, b * (1 + r * torch.sign(load.mean() - load)))


# Counts the choices that would have been made without the bias
@wrong("4.3-6", "Your load counts what the tokens would choose by probability")
def load_of_a_choice_without_the_bias(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    load = torch.bincount(probs.topk(top_k).indices.flatten(), minlength=len(bias)).float()
    return (probs * mask, bias + rate * torch.sign(load.mean() - load))


# Compares with a rounded mean load
@wrong("4.3-6", "You compare the loads with another number than their mean: it")
def mean_load_rounded(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    load = mask.sum(0)
    mean = round(len(probs) * top_k / len(bias))
    return (probs * mask, bias + rate * ((load < mean).float() - (load > mean).float()))


# Chooses by probability minus bias
@wrong("4.3-6", "It comes out as if the bias were subtracted where the tokens")
def bias_subtracted_in_the_choice(probs, bias, top_k, rate):
    chosen = (probs - bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    load = mask.sum(0)
    return (probs * mask, bias + rate * torch.sign(load.mean() - load))


# Moves only experts that were chosen
@wrong("4.3-6", "An expert that nobody chose keeps its bias in your version.")
def idle_experts_keep_their_bias(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    load, new = (mask.sum(0), bias.clone())
    for expert in chosen.flatten().unique().tolist():
        new[expert] += rate * torch.sign(load.mean() - load[expert])
    return (probs * mask, new)


# Breaks ties by a ten-thousandth of the token's number
@wrong("4.3-7", "For nearly equal tokens, capacity 1, the gate matrix differs")
def ties_broken_by_a_ten_thousandth(z, c):
    p = z.softmax(-1)
    s = p - 0.0001 * torch.arange(len(p))[:, None]
    i = s.topk(min(c, len(p)), dim=0).indices
    return p * torch.zeros_like(p).scatter(0, i, 1.0)


# Takes the best entries of the whole table
@wrong("4.3-7", "Your experts share their places: the highest probabilities of")
def one_pool_of_places_for_all(z, c):
    p = z.softmax(-1)
    f = p.flatten()
    i = f.argsort(descending=True, stable=True)[: c * p.shape[1]]
    return (f * torch.zeros_like(f).scatter(0, i, 1.0)).view_as(p)


# Each expert takes only tokens whose favourite it is
@wrong("4.3-7", "Your experts take only tokens that like no other expert")
def only_favourites_are_taken(z, c):
    p = z.softmax(-1)
    m = torch.zeros_like(p)
    am = p.argmax(-1)
    for e in range(p.shape[1]):
        rows = (am == e).nonzero().flatten()
        rows = rows[p[rows, e].argsort(descending=True, stable=True)[:c]]
        m[rows, e] = 1
    return p * m


# Compares the order with the capacity, not the rank
@wrong("4.3-7", "One sort tells which token is on each place; you use it as if")
def one_argsort_for_the_rank(z, c):
    p = z.softmax(-1)
    r = p.argsort(dim=0, descending=True, stable=True)
    return torch.where(r < c, p, 0.0)


# Adds 0.999 and cuts the fraction off
@wrong("4.3-8", "It comes out as if a little less than one were added and the")
def adds_0_999_and_cuts(b, s, e, k, f):
    return max(1, int(f * k * b * s / e + 0.999))


# Rounds up before k and the experts come in
@wrong("4.3-8", "It comes out as if something were rounded on the way, the")
def rounds_the_factor_times_tokens(b, s, e, k, f):
    return math.ceil(math.ceil(f * b * s) * k / e)


# Limits the capacity to the number of tokens
@wrong("4.3-8", "Your capacity is held between limits that the statement does")
def never_more_than_there_are_tokens(b, s, e, k, f):
    return min(b * s, math.ceil(f * k * b * s / e))


# Gives every expert top_k places at least
@wrong("4.3-8", "Your capacity is held between limits that the statement does")
def never_fewer_than_k(b, s, e, k, f):
    return max(k, math.ceil(f * k * b * s / e))


# Computes with exact fractions
@right("4.3-8")
def exact_fractions(b, s, e, k, f):
    from fractions import Fraction

    return math.ceil(Fraction(f) * k * b * s / e)
