"""A ninth trial, chapter 4.3 from the service on: answers that look for the gaps of the checker."""

import torch

from trial.answers import right, wrong


def sizes(v, d, layers, kv, ff, n, k, att=None, rt=None, exp=None):
    """Total and active weights, with some of the parts replaced."""
    att = 2 * d * d + 2 * d * kv if att is None else att
    rt, exp = d * n if rt is None else rt, 3 * d * ff if exp is None else exp
    return tuple(layers * (att + rt + 2 * d + m * exp) + 2 * v * d + d for m in (n, k))


def shares(counts):
    """The shares and their two margins."""
    joint = counts / counts.sum()
    return joint, joint.sum(1, keepdim=True), joint.sum(0, keepdim=True)


# Leaves the loop over the tokens at the first full expert
@wrong("4.3-9", "As soon as a choice of a column is dropped, those after it in")
def breaks_at_the_first_full_expert(ex, n, c):
    kept = torch.zeros_like(ex, dtype=torch.bool)
    taken = [0] * n
    for j in range(ex.shape[1]):
        for t in range(len(ex)):
            i = int(ex[t, j])
            if taken[i] >= c:
                break
            kept[t, j] = True
            taken[i] += 1
    return kept


# Serves a token no more once one choice is kept
@wrong("4.3-9", "A token whose better choice was kept loses its others, or its")
def one_kept_choice_a_token(ex, n, c):
    taken = [0] * n
    kept = torch.zeros_like(ex, dtype=torch.bool)
    for j in range(ex.shape[1]):
        for t in range(len(ex)):
            i = int(ex[t, j])
            if taken[i] < c and (not kept[t].any()):
                kept[t, j] = True
                taken[i] += 1
    return kept


# Puts x where an answer was dropped
@wrong("4.3-10", "Where a choice was dropped you put x in the answer's place,")
def dropped_answers_replaced_by_x(x, a, g, k):
    return x + torch.where(k[..., None], g[..., None] * a, g[..., None] * x[:, None]).sum(1)


# Multiplies by zero and sums without NaN
@right("4.3-10")
def sum_that_skips_nan(x, a, g, k):
    return x + ((g * k)[..., None] * a).nansum(1)


# Weighs every answer with the gate of the first choice
@wrong("4.3-11", "With one choice you are right. With more, all answers of a")
def gate_of_the_first_choice_for_all(x, e, g, ex):
    y = torch.zeros_like(x)
    for i in range(len(ex)):
        t, _j = (e == i).nonzero(as_tuple=True)
        if len(t):
            y = y.index_add(0, t, g[t, 0, None] * ex[i](x[t]))
    return y


# The loop over experts ends one too early
@wrong("4.3-11", "The expert with the highest index in the table is never")
def loop_ends_before_the_last_expert(x, e, g, ex):
    y = torch.zeros_like(x)
    for i in range(int(e.max())):
        t, j = (e == i).nonzero(as_tuple=True)
        if len(t):
            y = y.index_add(0, t, g[t, j, None] * ex[i](x[t]))
    return y


# Calls an expert once for each column
@wrong("4.3-11", "The output is right, but an expert is called once for the")
def one_call_for_each_column(x, e, g, ex):
    y = torch.zeros_like(x)
    for j in range(e.shape[1]):
        for i in range(len(ex)):
            t = (e[:, j] == i).nonzero().flatten()
            if len(t):
                y = y.index_add(0, t, g[t, j, None] * ex[i](x[t]))
    return y


# Takes key and value matrices as d_kv by d_kv
@wrong("4.3-12", "All is right but attention: it has two matrices d_model by")
def key_and_value_square(*s):
    return sizes(*s, att=2 * s[1] ** 2 + 2 * s[3] ** 2)


# Gives the router top_k columns
@wrong("4.3-12", "All is right but the router. It is one matrix in each layer,")
def router_of_top_k_columns(*s):
    return sizes(*s, rt=s[1] * s[6])


# Counts only the chosen experts as active
@wrong("4.3-12", "The total is right. Your active number is that of the chosen")
def active_is_experts_alone(v, d, layers, kv, ff, n, k):
    t, _a = sizes(v, d, layers, kv, ff, n, k)
    return (t, layers * k * 3 * d * ff)


# Returns what a token leaves out
@wrong("4.3-12", "The total is right. Your active number is that of the chosen")
def active_is_what_is_not_used(v, d, layers, kv, ff, n, k):
    t, a = sizes(v, d, layers, kv, ff, n, k)
    return (t, t - a)


# Counts biases in the experts
@wrong("4.3-12", "Your experts have biases: each matrix adds as many weights as")
def experts_with_biases(*s):
    return sizes(*s, exp=3 * s[1] * s[4] + 2 * s[4] + s[1])


# Exchanges the second and the third number
@wrong("4.3-13", "Your second and third number stand in each other's place:")
def all_and_chosen_exchanged(t, d, f, n, k):
    return (2 * t * d * n, 6 * t * d * f * k, 6 * t * d * f * n)


# Takes an expert's matrices as d_model by d_model
@wrong("4.3-13", "A matrix of yours has other widths than it should: the router")
def experts_square(t, d, f, n, k):
    return (2 * t * d * n, 6 * t * d * d * n, 6 * t * d * d * k)


# Lets the router read d_ff numbers
@wrong("4.3-13", "A matrix of yours has other widths than it should: the router")
def router_from_d_ff(t, d, f, n, k):
    return (2 * t * f * n, 6 * t * d * f * n, 6 * t * d * f * k)


# Turns each row into shares and adds the divergences up
@wrong("4.3-14", "You turn each expert's row into shares of its own first, so")
def rows_as_their_own_shares(c):
    r = c / c.sum(1, keepdim=True)
    b = c.sum(0) / c.sum()
    return torch.where(c > 0, r * (r / b).log2(), 0.0).nansum()


# Divides by one margin only
@wrong("4.3-14", "Below your ratio stands one margin, that of the experts or")
def only_the_experts_margin(c):
    j, a, _b = shares(c)
    return torch.where(j > 0, j * (j / a).log2(), 0.0).sum()


# Gives the optimizer's share with one expert
@wrong("4.3-15", "right: 'claimed', 'whole', 'missing', 'baseline'. 'share':")
def share_with_one_expert():
    return {
        "claimed": 90 / 50,
        "whole": 2490 / 80,
        "share": 30 / 80,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }
