"""A seventh trial, chapter 4.3: answers written from the statements alone."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# The gate multiplies what goes into the expert, not what comes out
@wrong("4.3-1", "You multiply what the expert reads, not what it answers. An")
def the_gate_multiplies_what_goes_into(x, w_router, experts):
    gates = (x @ w_router).softmax(-1)
    return sum(expert(gates[..., i : i + 1] * x) for i, expert in enumerate(experts))


# Everything at or above the k-th largest logit is kept: with equal logits more than k experts
@wrong("4.3-2", "Where logits are equal, more than k experts have a gate: you")
def everything_at_or_above_the_k_th_largest(logits, top_k):
    edge = logits.topk(top_k, -1).values[:, -1:]
    return logits.masked_fill(logits < edge, -math.inf).softmax(-1)


# K rounds of argmax on a masked copy, then the softmax divided by what was chosen
@right("4.3-2")
def k_rounds_of_argmax_on_a_masked_copy_then(logits, top_k):
    left, chosen = logits.detach().clone(), torch.zeros_like(logits)
    for _ in range(top_k):
        for row in range(len(left)):
            values = left[row].tolist()
            best = values.index(max(values))
            left[row, best] = -math.inf
            chosen[row, best] = 1
    gates = logits.softmax(-1) * chosen
    return gates / gates.sum(-1, keepdim=True)


# 'after' is a softmax over the chosen probabilities, not over the chosen logits; the share stays the sum
@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been through")
def after_is_a_softmax_over_the_chosen(logits, top_k):
    before = logits.softmax(-1).topk(top_k, -1).values
    return before, before.softmax(-1), before.sum(-1, keepdim=True)


# F is divided by all choices (tokens times k), so it sums to one instead of to k
@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def f_is_divided_by_all_choices_tokens_times_k(logits, top_k):
    tokens, experts = logits.shape
    f = torch.bincount(logits.topk(top_k, -1).indices.flatten(), minlength=experts) / (tokens * top_k)
    return experts * (f * logits.softmax(-1).mean(0)).sum()


# P is the mean of the gates after the choice (renormed, zero for the others), not of the whole softmax
@wrong("4.3-4", "Your P is the mean of the gates, which are shared out anew among")
def p_is_the_mean_of_the_gates_after_the_choice(logits, top_k):
    tokens, experts = logits.shape
    best = logits.topk(top_k, -1)
    f = torch.bincount(best.indices.flatten(), minlength=experts) / tokens
    gates = torch.zeros_like(logits).scatter(-1, best.indices, best.values.softmax(-1))
    return experts * (f * gates.mean(0)).sum()


# The largest logit is taken off for safety and not added back to the logarithm
@wrong("4.3-5", "You take each token's largest logit out before the exponential,")
def the_largest_logit_is_taken_off_for_safety(logits):
    shifted = logits - logits.max(-1, keepdim=True).values
    return (shifted.exp().sum(-1).log() ** 2).mean()


# The mean load is taken as tokens / experts, top_k forgotten: with k > 1 nearly all biases go down
@wrong("4.3-6", "With k = 1 you are right. With more, you compare with tokens")
def the_mean_load_is_taken_as_tokens_experts_top(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k, -1).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).to(probs.dtype)
    return gates, bias + rate * torch.sign(probs.shape[0] / probs.shape[1] - load)


# The step is in proportion to what is missing to the mean, not by its sign alone
@wrong("4.3-6", "Your step is larger for an expert that is farther from the mean.")
def the_step_is_in_proportion_to_what_is_missing(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k, -1).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).to(probs.dtype)
    return gates, bias + rate * (load.mean() - load)


# A token that one expert has taken is no longer there for the next one (first expert served first)
@wrong("4.3-7", "A token that one expert has taken is gone for the others in your")
def a_token_that_one_expert_has_taken_is_no(logits, capacity):
    p = logits.softmax(-1)
    free, keep = torch.ones(len(p), dtype=torch.bool), torch.zeros_like(p)
    for e in range(p.shape[1]):
        order = (
            p[:, e].detach().masked_fill(~free, -1).argsort(dim=0, descending=True, stable=True)[:capacity]
        )
        order = order[free[order]]
        keep[order, e] = 1
        free[order] = False
    return p * keep


# Experts compare raw logits, not probabilities: a token with large logits throughout is preferred
@wrong("4.3-7", "Your experts compare raw logits. A token whose logits are all")
def experts_compare_raw_logits_not_probabilities(logits, capacity):
    order = logits.argsort(dim=0, descending=True, stable=True)[:capacity]
    keep = torch.zeros_like(logits).scatter(0, order, 1.0)
    return logits.softmax(-1) * keep


# Rank of each token in its column by counting those before it, no sort
@right("4.3-7")
def rank_of_each_token_in_its_column_by_counting(logits, capacity):
    p = logits.softmax(-1)
    q = p.detach()
    n = len(q)
    earlier = torch.arange(n)[:, None] < torch.arange(n)[None]
    better = (q[:, None, :] > q[None, :, :]) | ((q[:, None, :] == q[None, :, :]) & earlier[..., None])
    return torch.where(better.sum(0) < capacity, p, torch.zeros_like(p))


# The even share is rounded up first and the product with the factor is cut off: int(factor * ceil(share))
@wrong("4.3-8", "For one sequence of 5 tokens, factor 2, your result is 6 and should be 5")
def the_even_share_is_rounded_up_first(batch, seq, num_experts, top_k, capacity_factor):
    return int(capacity_factor * math.ceil(batch * seq * top_k / num_experts))


# Rounded down, but never below one ('every expert can take at least one token')
@wrong("4.3-8", "You cut the fraction off, and only see to it that there is one")
def rounded_down_but_never_below_one_every(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


# Capacity counted anew in each column: an expert takes `capacity` first choices and as many second ones
@wrong("4.3-9", "First and second choices stand in queues of their own, so an")
def capacity_counted_anew_in_each_column(expert, num_experts, capacity):
    kept = torch.zeros(expert.shape, dtype=torch.bool)
    for j in range(expert.shape[1]):
        taken = [0] * num_experts
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            if taken[e] < capacity:
                taken[e] += 1
                kept[t, j] = True
    return kept


# A token whose best choice was dropped is not served by its other choices either
@wrong("4.3-9", "When one choice of a token is dropped, you drop its others, or")
def a_token_whose_best_choice_was_dropped(expert, num_experts, capacity):
    kept = torch.zeros(expert.shape, dtype=torch.bool)
    taken, out = [0] * num_experts, set()
    for j in range(expert.shape[1]):
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            if t in out:
                continue
            if taken[e] < capacity:
                taken[e] += 1
                kept[t, j] = True
            else:
                out.add(t)
    return kept


# One-hot of the transposed choices, cumulative sum, turned back
@right("4.3-9")
def one_hot_of_the_transposed_choices_cumulative(expert, num_experts, capacity):
    queue = expert.T.reshape(-1)
    rank = (F.one_hot(queue, num_experts).cumsum(0) - 1).gather(1, queue[:, None])[:, 0]
    return (rank < capacity).reshape(expert.shape[1], expert.shape[0]).T


# A token passes unchanged as soon as ANY of its choices was dropped
@wrong("4.3-10", "A token that lost one choice loses all of them. Each kept")
def a_token_passes_unchanged_as_soon_as_any(x, answers, gates, kept):
    mixed = (gates[..., None] * torch.where(kept[..., None], answers, torch.zeros_like(answers))).sum(1)
    return torch.where(kept.all(1, keepdim=True), x + mixed, x)


# Y[tokens] = ... instead of +=: of a token's experts the last one called wins
@wrong("4.3-11", "A token with several experts keeps the answer of only one of")
def y_tokens_instead_of_of_a_token_s_experts(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, ask in enumerate(experts):
        tokens, choice = torch.nonzero(expert == e, as_tuple=True)
        if len(tokens):
            y[tokens] = gate[tokens, choice, None] * ask(x[tokens])
    return y


# Sorted by expert, but the gates stay in the order of the tokens: answers get other tokens' gates
@wrong("4.3-11", "Answers return to the right tokens, but multiplied by the gates")
def sorted_by_expert_but_the_gates_stay(x, expert, gate, experts):
    k = expert.shape[1]
    order = expert.flatten().argsort(stable=True)
    token = order // k
    sizes = torch.bincount(expert.flatten(), minlength=len(experts)).tolist()
    parts = [experts[e](part) for e, part in enumerate(x[token].split(sizes)) if len(part)]
    return torch.zeros_like(x).index_add(0, token, torch.cat(parts) * gate.flatten()[:, None])


# Of the router only the top_k chosen columns count as active
@wrong("4.3-12", "The total is right. For the active weights you count only the")
def of_the_router_only_the_top_k_chosen_columns(
    vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k
):
    attention, expert = 2 * d_model**2 + 2 * d_model * d_kv, 3 * d_model * d_ff

    def count(router, chosen):
        return (
            2 * vocab_size * d_model
            + d_model
            + num_layers * (attention + d_model * router + chosen * expert + 2 * d_model)
        )

    return count(num_experts, num_experts), count(top_k, top_k)


# With top_k the tokens are thought shared out among the experts: tokens * top_k / num_experts in all, not
# for each
@wrong("4.3-13", "You divide the work by the number of experts once more. A")
def with_top_k_the_tokens_are_thought_shared_out(tokens, d_model, d_ff, num_experts, top_k):
    expert = 2 * 3 * d_model * d_ff
    return (
        2 * tokens * d_model * num_experts,
        tokens * num_experts * expert,
        tokens * top_k * expert // num_experts,
    )


# Every domain is normed to the same weight first (columns to a sum of one), though p is the share of all
# tokens
@wrong("4.3-14", "You turn each domain into shares of its own first, so a rare")
def every_domain_is_normed_to_the_same_weight(counts):
    p = counts.double() / counts.sum(0, keepdim=True) / counts.shape[1]
    product = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return torch.where(p > 0, p * (p / product).log2(), torch.zeros_like(p)).nan_to_num(0).sum()


# Three entropies: H(expert) + H(domain) - H(both)
@right("4.3-14")
def three_entropies_h_expert_h_domain_h_both(counts):
    p = counts.double() / counts.sum()
    entropy = [torch.special.entr(q).sum() for q in (p.sum(1), p.sum(0), p)]
    return (entropy[0] + entropy[1] - entropy[2]) / math.log(2)


def _cost(**other):
    said = {
        "claimed": 1.8,
        "whole": 2490 / 80,
        "share": 2400 / 2490,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }
    return {**said, **other}


# Whole as the mean of the two ratios (1.8 and 80) instead of the ratio of the sums
@wrong("4.3-15", "Asked for: forward, backward and optimizer with many experts")
def whole_as_the_mean_of_the_two_ratios_1_8():
    return _cost(whole=(1.8 + 80) / 2)


_KIND = "the expert says more about the kind of text than the byte alone"


# 'arithmetic needs its busiest expert more' though [0.2, 0.35] and [0.14, 0.23] overlap
@wrong("4.3-16", "Look at the two knock-outs again: where their intervals overlap,")
def arithmetic_needs_its_busiest_expert_more():
    return {_KIND, "arithmetic needs its busiest expert more than another one"}
