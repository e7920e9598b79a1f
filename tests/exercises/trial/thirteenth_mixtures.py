"""A thirteenth trial, answers written from the statements alone, chapter 4.3."""

import math

import torch

from trial.answers import right, wrong


# Everything not below the k-th logit is kept: more than k where logits are equal
@wrong("4.3-2", "Where logits are equal, more than k experts have a gate: you keep")
def threshold_keeps_all_equals_thirteenth(logits, top_k):
    kth = logits.topk(top_k, dim=-1).values[..., -1:]
    masked = logits.masked_fill(logits < kth, float("-inf"))
    return torch.softmax(masked, dim=-1)


# Chosen by a threshold: with equal logits more than top_k are taken
@wrong("4.3-2", "Where logits are equal, more than k experts have a gate: you keep")
def gates_by_threshold_thirteenth(logits, top_k):
    line = logits.topk(top_k, dim=-1).values[..., -1:]
    return torch.softmax(logits.masked_fill(logits < line, -math.inf), dim=-1)


# A second softmax over probabilities: `after` is not in the proportions of the first one
@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been through one:")
def softmax_of_probabilities_thirteenth(logits, top_k):
    before = torch.softmax(logits, dim=-1).topk(top_k, dim=-1).values
    after = torch.softmax(before, dim=-1)
    return before, after, before.sum(dim=-1, keepdim=True)


# `after` is a softmax of the chosen probabilities, not of the chosen logits
@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been through one:")
def two_orders_softmax_twice_thirteenth(logits, top_k):
    before = torch.softmax(logits, dim=-1).topk(top_k, dim=-1).values
    after = torch.softmax(before, dim=-1)
    return before, after, before.sum(dim=-1, keepdim=True)


# F is divided by the number of choices, not of tokens
@wrong("4.3-4", "Your loss is the right one over k, as if the counts were divided by")
def balance_f_over_choices_thirteenth(logits, top_k):
    tokens, experts = logits.shape
    chosen = logits.topk(top_k, dim=-1).indices
    f = torch.bincount(chosen.flatten(), minlength=experts).to(logits.dtype) / (tokens * top_k)
    return experts * (f * torch.softmax(logits, dim=-1).mean(dim=0)).sum()


# The mean is squared and not each token's number
@wrong("4.3-5", "You average first and square afterwards, so a token with a large")
def square_of_the_mean_thirteenth(logits):
    return torch.logsumexp(logits, dim=-1).mean() ** 2


# Mean load as a whole number: experts at the rounded mean keep their bias
@wrong("4.3-6", "You compare the loads with another number than their mean: it is")
def mean_load_rounded_down_thirteenth(probs, bias, top_k, rate):
    tokens, experts = probs.shape
    chosen = (probs + bias).topk(top_k, dim=-1).indices
    mask = torch.zeros_like(probs).scatter(1, chosen, 1.0)
    load = mask.sum(0).long()
    mean = tokens * top_k // experts
    return probs * mask, bias + rate * torch.sign(mean - load).to(bias.dtype)


# The mean load is taken as tokens / experts, as if each token made one choice
@wrong("4.3-6", "With k = 1 you are right. With more, you compare with tokens over")
def bias_mean_without_k_thirteenth(probs, bias, top_k, rate):
    tokens, experts = probs.shape
    chosen = (probs + bias).topk(top_k, dim=-1).indices
    taken = torch.zeros_like(probs).scatter(-1, chosen, 1.0)
    load = taken.sum(dim=0)
    return probs * taken, bias + rate * torch.sign(tokens / experts - load)


# One more than the whole part, also where the number is whole already
@wrong("4.3-8", "Where the places come out whole already, factor and all, you have")
def whole_numbers_rounded_up_too_thirteenth(batch, seq, num_experts, top_k, capacity_factor):
    return int(capacity_factor * batch * seq * top_k / num_experts) + 1


# Rounded up twice: the mean first, then its product with the factor
@wrong("4.3-8", "It comes out as if something were rounded on the way, the even")
def capacity_rounded_twice_thirteenth(batch, seq, num_experts, top_k, capacity_factor):
    mean = math.ceil(batch * seq * top_k / num_experts)
    return math.ceil(capacity_factor * mean)


# The place of each choice in its expert's queue by a running sum over one-hot columns
@right("4.3-9")
def served_by_running_sum_thirteenth(expert, num_experts, capacity):
    tokens, k = expert.shape
    queue = expert.T.reshape(-1)
    hits = (queue[:, None] == torch.arange(num_experts)[None]).long()
    place = (hits.cumsum(0) * hits).sum(1)
    return (place <= capacity).reshape(k, tokens).T


# Dropped answers are multiplied by 0: rubbish that is infinite or NaN gets through
@wrong("4.3-10", "Where an answer was dropped you multiply what stands there with")
def rubbish_times_zero_thirteenth(x, answers, gates, kept):
    weight = gates * kept.to(gates.dtype)
    return x + (weight[..., None] * answers).sum(dim=1)


# One matrix of gates [tokens, experts] first, then index_add for each expert that is asked
@right("4.3-11")
def dispatch_with_a_gate_matrix_thirteenth(x, expert, gate, experts):
    table = torch.zeros(x.shape[0], len(experts), dtype=gate.dtype).scatter_add(1, expert, gate)
    asked = torch.zeros(x.shape[0], len(experts), dtype=torch.bool).scatter(1, expert, True)
    y = torch.zeros_like(x)
    for e, function in enumerate(experts):
        rows = asked[:, e].nonzero().flatten()
        if rows.numel():
            y = y.index_add(0, rows, table[rows, e, None] * function(x[rows]))
    return y


# An expert without a token is called too, with an empty batch
@wrong("4.3-11", "The output is right, but an expert without tokens is called with an")
def dispatch_calls_idle_thirteenth(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, network in enumerate(experts):
        rows, choice = (expert == e).nonzero(as_tuple=True)
        y = y.index_add(0, rows, gate[rows, choice].unsqueeze(1) * network(x[rows]))
    return y


# Of the router a token is said to use top_k columns only
@wrong("4.3-12", "The total is right. For the active weights you count only the")
def router_columns_of_the_chosen_thirteenth(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    def model(experts):
        attention = 2 * d_model * d_model + 2 * d_model * d_kv
        layer = attention + experts * d_model + experts * 3 * d_model * d_ff + 2 * d_model
        return 2 * vocab_size * d_model + num_layers * layer + d_model

    return model(num_experts), model(top_k)


# Of the router a token is taken to use the columns of its chosen experts only
@wrong("4.3-12", "The total is right. For the active weights you count only the")
def moe_router_columns_thirteenth(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    expert = 3 * d_model * d_ff
    fixed = 2 * d_model * d_model + 2 * d_model * d_kv + 2 * d_model
    around = 2 * vocab_size * d_model + d_model
    total = num_layers * (fixed + num_experts * (expert + d_model)) + around
    active = num_layers * (fixed + top_k * (expert + d_model)) + around
    return total, active


# As a sum of entropies, H(expert) + H(domain) - H(both)
@right("4.3-14")
def information_by_entropies_thirteenth(counts):
    p = counts.double() / counts.sum()

    def entropy(q):
        q = q[q > 0]
        return -(q * q.log2()).sum()

    return (entropy(p.sum(1)) + entropy(p.sum(0)) - entropy(p.flatten())).float()


# The whole step as the mean of both ratios
@wrong("4.3-15", "right: 'claimed', 'share', 'missing', 'baseline'. 'whole': 40.9 is")
def whole_as_mean_of_ratios_thirteenth():
    return {
        "claimed": 90 / 50,
        "whole": (90 / 50 + 2400 / 30) / 2,
        "share": 2400 / (2400 + 90),
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


# The intervals overlap, yet arithmetic is said to need its own expert more
@wrong("4.3-16", "Look at the two knock-outs again: where their intervals overlap,")
def overlapping_intervals_taken_as_more_thirteenth():
    return {
        "the expert says more about the kind of text than the byte alone",
        "arithmetic needs its busiest expert more than another one",
    }
