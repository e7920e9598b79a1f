"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 4.3."""

import math
from fractions import Fraction

import numpy as np
import torch

from trial.answers import right, wrong


# Softmax over the tokens of the sequence
@wrong("4.3-1", "Your gates add up to one over the tokens (or over the batch), so a")
def mixture_softmax_seq_fifteenth(x, w_router, experts):
    gates = torch.softmax(x @ w_router, 1)
    return sum(gates[..., i : i + 1] * e(x) for i, e in enumerate(experts))


# The softmax's own gates, not renormalised
@wrong("4.3-2", "A token's gates do not add up to one: they are the probabilities of")
def gates_not_renormalised_fifteenth(logits, top_k):
    p = torch.softmax(logits, -1)
    order = torch.sort(logits, dim=-1, descending=True, stable=True).indices[:, :top_k]
    keep = torch.zeros_like(p).scatter(-1, order, 1.0)
    return p * keep


# Share turned upside down: after divided by before
@wrong("4.3-3", "Both gates are right, but your share is never below one: it is")
def orders_share_inverse_fifteenth(logits, top_k):
    best, at = torch.sort(logits, dim=-1, descending=True, stable=True)
    before = torch.softmax(logits, -1).gather(1, at[:, :top_k])
    after = torch.softmax(best[:, :top_k], -1)
    return before, after, after[:, :1] / before[:, :1]


# F is divided by the number of choices, tokens times k
@wrong("4.3-4", "Your loss is the right one over k, as if the counts were divided by")
def balance_over_choices_fifteenth(logits, top_k):
    n, e = logits.shape
    p = torch.softmax(logits, -1)
    f = torch.bincount(logits.topk(top_k, -1).indices.flatten(), minlength=e).to(p.dtype) / (n * top_k)
    return e * (f * p.mean(0)).sum()


# The mean is squared, not each token's
@wrong("4.3-5", "You average first and square afterwards, so a token with a large")
def z_loss_mean_squared_fifteenth(logits):
    return torch.logsumexp(logits, -1).mean() ** 2


# The gate holds the bias too
@wrong("4.3-6", "You choose well, but the gates hold the bias as well. It would")
def bias_in_gate_fifteenth(probs, bias, top_k, rate):
    biased = probs + bias
    order = biased.topk(top_k, -1).indices
    keep = torch.zeros_like(probs).scatter(-1, order, 1.0)
    load = keep.sum(0)
    return biased * keep, bias + rate * torch.sign(load.mean() - load)


# Softmax over the tokens, since the experts choose
@wrong("4.3-7", "Your softmax runs over the tokens, so an expert's probabilities add")
def expert_choice_softmax_tokens_fifteenth(logits, capacity):
    probs = torch.softmax(logits, 0)
    order = torch.sort(probs, dim=0, descending=True, stable=True).indices[:capacity]
    return probs * torch.zeros_like(probs).scatter(0, order, 1.0)


# By fractions, with the factor read from its decimal form
@right("4.3-8")
def capacity_fraction_fifteenth(batch, seq, num_experts, top_k, capacity_factor):

    exact = Fraction(str(capacity_factor)) * batch * seq * top_k / num_experts
    return max(1, -(-exact.numerator // exact.denominator))


# Rounded down
@wrong("4.3-8", "You cut the fraction off, and only see to it that there is one")
def capacity_floor_fifteenth(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


# Serves all choices of a token before the next token
@wrong("4.3-9", "It comes out as if all choices of a token were served before the")
def served_token_by_token_fifteenth(expert, num_experts, capacity):
    load = [0] * num_experts
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for t in range(expert.shape[0]):
        for j in range(expert.shape[1]):
            e = int(expert[t, j])
            if load[e] < capacity:
                load[e] += 1
                kept[t, j] = True
    return kept


# Plain loops with the room left at each expert
@right("4.3-9")
def served_by_counting_fifteenth(expert, num_experts, capacity):
    n, k = expert.shape
    room = [capacity] * num_experts
    kept = [[False] * k for _ in range(n)]
    for j in range(k):
        for t in range(n):
            e = int(expert[t, j])
            if room[e] > 0:
                room[e] -= 1
                kept[t][j] = True
    return torch.tensor(kept, dtype=torch.bool).reshape(n, k)


# Rubbish times zero: NaN gets through
@wrong("4.3-10", "Where an answer was dropped you multiply what stands there with")
def combine_times_zero_fifteenth(x, answers, gates, kept):
    return x + (answers * (gates * kept)[..., None]).sum(1)


# Calls an expert that has no tokens, with an empty batch
@wrong("4.3-11", "The output is right, but an expert without tokens is called with an")
def dispatch_calls_idle_fifteenth(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for i, f in enumerate(experts):
        t, j = (expert == i).nonzero(as_tuple=True)
        y = y.index_add(0, t, gate[t, j][:, None] * f(x[t]))
    return y


# One norm a layer
@wrong("4.3-12", "A small part is missing: the router, norms, or both (each layer has")
def moe_one_norm_fifteenth(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model**2 + 2 * d_model * d_kv + d_model * num_experts + d_model
    expert = 3 * d_model * d_ff
    outside = 2 * vocab_size * d_model + d_model
    return (
        num_layers * (rest + num_experts * expert) + outside,
        num_layers * (rest + top_k * expert) + outside,
    )


# Difference of entropies, with numpy: H(expert) + H(domain) - H(both)
@right("4.3-14")
def information_by_entropies_fifteenth(counts):
    p = np.asarray(counts.tolist() if torch.is_tensor(counts) else counts, dtype=float)
    p = p / p.sum()

    def h(q):
        q = q[q > 0]
        return -(q * np.log2(q)).sum()

    return torch.tensor(float(h(p.sum(1)) + h(p.sum(0)) - h(p.ravel())))


# Entropies: H(d) + H(i) - H(i, d)
@right("4.3-14")
def information_by_entropies_fifteenth_too(counts):
    p = counts.double() / counts.sum()

    def h(q):
        return torch.special.entr(q).sum()

    return (h(p.sum(0)) + h(p.sum(1)) - h(p)) / math.log(2)


# The step with one expert is taken without its optimizer
@wrong("4.3-15", "right: 'claimed', 'share', 'missing', 'baseline'. 'whole': 49.8 is")
def whole_without_small_optimizer_fifteenth():
    return {
        "claimed": 90 / 50,
        "whole": 2490 / 50,
        "share": 2400 / 2490,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


# Two overlapping intervals read as a difference that follows
@wrong("4.3-16", "Look at the two knock-outs again: where their intervals overlap,")
def kind_busiest_follows_fifteenth():
    return {
        "the expert says more about the kind of text than the byte alone",
        "arithmetic needs its busiest expert more than another one",
    }
