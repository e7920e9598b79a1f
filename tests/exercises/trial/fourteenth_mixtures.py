"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 4.3."""

import math

import torch

from trial.answers import right, wrong


# The softmax runs along the axis of the tokens instead of that of the experts
@wrong("4.3-1", "Your gates add up to one over the tokens (or over the batch), so a")
def gates_along_the_tokens_fourteenth(x, w_router, experts):
    gates = torch.softmax(x @ w_router, dim=1)
    return sum(gates[..., i : i + 1] * expert(x) for i, expert in enumerate(experts))


# Right: stacks all answers and contracts them with the gates in one einsum
@right("4.3-1")
def mixture_by_einsum_fourteenth(x, w_router, experts):
    logits = torch.einsum("bsd,de->bse", x, w_router)
    gates = torch.exp(logits - torch.logsumexp(logits, dim=-1, keepdim=True))
    return torch.einsum("bse,ebsd->bsd", gates, torch.stack([expert(x) for expert in experts]))


# All logits that reach the k-th largest are chosen: with ties more than k experts
@wrong("4.3-2", "Where logits are equal, more than k experts have a gate: you keep")
def gates_threshold_with_ties_fourteenth(logits, top_k):
    kth = logits.sort(dim=-1, descending=True).values[:, top_k - 1 : top_k]
    return torch.softmax(logits.masked_fill(logits < kth, -torch.inf), dim=-1)


# Unusual: the chosen are looked for by counting, for each expert, those that stand before it
@right("4.3-2")
def gates_by_counting_rank_fourteenth(logits, top_k):
    experts = logits.shape[1]
    place = torch.arange(experts)
    higher = logits[:, None, :] > logits[:, :, None]
    equal_before = (logits[:, None, :] == logits[:, :, None]) & (place[None, None, :] < place[None, :, None])
    chosen = (higher | equal_before).sum(-1) < top_k
    top = logits.detach().amax(-1, keepdim=True)
    e = torch.where(chosen, logits - top, torch.zeros_like(logits)).exp() * chosen
    return e / e.sum(-1, keepdim=True)


# After: takes the second softmax over the best probabilities instead of over their logits
@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been through one:")
def softmax_of_a_softmax_fourteenth(logits, top_k):
    before = torch.softmax(logits, dim=-1).topk(top_k, dim=-1).values
    return before, torch.softmax(before, dim=-1), before.sum(-1, keepdim=True)


# P is the mean of the probabilities of the chosen experts alone, the others count as zero
@wrong("4.3-4", "Your mean probability leaves out the tokens that did not choose the")
def balance_chosen_probabilities_fourteenth(logits, top_k):
    tokens, experts = logits.shape
    probs = logits.softmax(-1)
    chosen = torch.zeros_like(probs).scatter(1, probs.topk(top_k, dim=-1).indices, 1.0)
    f = chosen.sum(0) / tokens
    p = (probs * chosen).mean(0)
    return experts * (f * p).sum()


# Takes the greatest logit away before the exponential and does not add it again
@wrong("4.3-5", "You take each token's largest logit out before the exponential,")
def greatest_logit_not_added_again_fourteenth(logits):
    shifted = logits - logits.max(dim=-1, keepdim=True).values
    return shifted.exp().sum(-1).log().pow(2).mean()


# The mean load is divided with //: rounded down where it is not whole
@wrong("4.3-6", "You compare the loads with another number than their mean: it is")
def bias_mean_load_rounded_down_fourteenth(probs, bias, top_k, rate):
    tokens, experts = probs.shape
    chosen = (probs + bias).topk(top_k, dim=-1).indices
    mask = torch.zeros_like(probs).scatter(1, chosen, 1.0)
    load = mask.sum(0).long()
    mean = tokens * top_k // experts
    return probs * mask, bias + rate * torch.sign(mean - load).to(bias.dtype)


# Each expert ranks the tokens by its logits, the probability is only taken for the gate
@wrong("4.3-7", "Your experts compare raw logits. A token whose logits are all high")
def tokens_ranked_by_logits_fourteenth(logits, capacity):
    probs = torch.softmax(logits, dim=1)
    order = torch.sort(logits, dim=0, descending=True, stable=True).indices[:capacity]
    taken = torch.zeros_like(probs, dtype=torch.bool).scatter(0, order, True)
    return torch.where(taken, probs, torch.zeros_like(probs))


# Rounds up twice: first the even number of choices, then the product
@wrong("4.3-8", "It comes out as if something were rounded on the way, the even")
def capacity_rounded_twice_fourteenth(batch, seq, num_experts, top_k, capacity_factor):
    even = math.ceil(batch * seq * top_k / num_experts)
    return math.ceil(capacity_factor * even)


# Every column begins with empty experts again
@wrong("4.3-9", "First and second choices stand in queues of their own, so an expert")
def capacity_new_in_each_column_fourteenth(expert, num_experts, capacity):
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for j in range(expert.shape[1]):
        load = [0] * num_experts
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            kept[t, j] = load[e] < capacity
            load[e] += 1
    return kept


# Right: ranks among equal experts in the order of service, by a stable sort instead of a walk
@right("4.3-9")
def served_by_a_stable_sort_fourteenth(expert, num_experts, capacity):
    flat = expert.T.reshape(-1)
    order = torch.sort(flat, stable=True).indices
    load = torch.bincount(flat, minlength=num_experts)
    begin = torch.cumsum(load, 0) - load
    rank = torch.empty_like(flat)
    rank[order] = torch.arange(len(flat)) - begin[flat[order]]
    return (rank < capacity).reshape(expert.shape[1], expert.shape[0]).T


# The residual is given to dropped tokens only, those that were served lose it
@wrong("4.3-10", "Only a token that was dropped by all of its experts gets its x in")
def combine_residual_for_dropped_only_fourteenth(x, answers, gates, kept):
    clean = torch.where(kept[..., None], answers, torch.zeros_like(answers))
    out = (gates[..., None] * clean).sum(dim=1)
    return torch.where(kept.any(dim=1, keepdim=True), out, x)


# Multiplies what the expert reads by the gate, not what it answers
@wrong("4.3-11", "You multiply what the expert reads. It is not linear, so half a")
def gate_before_the_expert_fourteenth(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, function in enumerate(experts):
        rows, columns = (expert == e).nonzero(as_tuple=True)
        if len(rows):
            y = y.index_add(0, rows, function(x[rows] * gate[rows, columns][:, None]))
    return y


# Of the router only the columns of the chosen experts are counted as used
@wrong("4.3-12", "The total is right. For the active weights you count only the")
def moe_active_router_columns_fourteenth(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    attention = 2 * d_model * d_model + 2 * d_model * d_kv
    expert = 3 * d_model * d_ff
    around = 2 * vocab_size * d_model + d_model

    def model(n):
        return around + num_layers * (attention + d_model * n + n * expert + 2 * d_model)

    return model(num_experts), model(top_k)


# Counts only top_k columns of the router
@wrong("4.3-13", "Your router computes only k logits for each token. Which k they are")
def router_with_top_k_columns_fourteenth(tokens, d_model, d_ff, num_experts, top_k):
    one = 3 * 2 * tokens * d_model * d_ff
    return 2 * tokens * d_model * top_k, num_experts * one, top_k * one


# All domains are taken to be equally large: p(d) = 1 / domains
@wrong("4.3-14", "You compare with equal shares, of all cells, or of all experts or")
def information_equal_domains_fourteenth(counts):
    p = counts.double() / counts.sum()
    p_expert = p.sum(1, keepdim=True)
    p_domain = 1 / counts.shape[1]
    full = p > 0
    ratio = torch.where(full, p, torch.ones_like(p)) / torch.where(
        full, p_expert * p_domain, torch.ones_like(p)
    )
    return (p * ratio.log2()).sum().float()


# Unusual: as a sum of three entropies
@right("4.3-14")
def information_three_entropies_fourteenth(counts):
    p = counts.double()
    p = p / p.sum()

    def entropy(q):
        return -torch.special.xlogy(q, q).sum() / math.log(2)

    return (entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p)).to(torch.float32)


# Holds the whole step with 32 experts against forward and backward alone with one
@wrong("4.3-15", "right: 'claimed', 'share', 'missing', 'baseline'. 'whole': 49.8 is")
def whole_step_over_half_a_step_fourteenth():
    whole = 90 + 2400
    return {
        "claimed": 90 / 50,
        "whole": whole / 50,
        "share": 2400 / whole,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


# The middles of two intervals are compared that overlap
@wrong("4.3-16", "Look at the two knock-outs again: where their intervals overlap,")
def experts_middles_compared_fourteenth():
    return {
        "the expert says more about the kind of text than the byte alone",
        "arithmetic needs its busiest expert more than another one",
    }
