"""A third trial, written from the statements alone before any of it was run: chapter 4.3."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.3-1", "Your gates add up to one over the tokens (or over the batch), so a")
def softmax_over_the_tokens(x, w_router, experts):
    g = torch.softmax(x @ w_router, 1)
    return sum(g[..., i : i + 1] * e(x) for i, e in enumerate(experts))


@wrong("4.3-1", "You multiply what the expert reads, not what it answers. An expert is")
def the_gate_on_the_expert_s_input(x, w_router, experts):
    g = torch.softmax(x @ w_router, -1)
    return sum(e(g[..., i : i + 1] * x) for i, e in enumerate(experts))


@wrong("4.3-1", "Your gates have been through a softmax twice: they add up to one, but")
def softmax_twice(x, w_router, experts):
    g = torch.softmax(torch.softmax(x @ w_router, -1), -1)
    return torch.stack([e(x) for e in experts], -1).mul(g[..., None, :]).sum(-1)


@wrong("4.3-2", "A token's gates do not add up to one: they are the probabilities of a")
def not_renormalised(logits, top_k):
    p = logits.softmax(-1)
    at = p.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    return torch.zeros_like(p).scatter(1, at, p.gather(1, at))


@wrong("4.3-2", "Your gates do not add up to one: the logits of the others are")
def other_logits_set_to_0(logits, top_k):
    at = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    keep = torch.zeros_like(logits).scatter(1, at, 1.0)
    return (logits * keep).softmax(-1) * keep


@wrong("4.3-2", "Each chosen expert has the same gate, so nothing remains of how much")
def gates_all_equal(logits, top_k):
    at = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    return torch.zeros_like(logits).scatter(1, at, 1.0 / top_k)


@wrong("4.3-3", "Both gates are right, but your share is never below one: it")
def share_upside_down_again(logits, top_k):
    p = logits.softmax(-1)
    v, i = logits.topk(top_k)
    b = p.gather(-1, i)
    return b, v.softmax(-1), 1 / b.sum(-1, keepdim=True)


@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been through one")
def softmax_of_the_probabilities_again(logits, top_k):
    b = logits.softmax(-1).topk(top_k).values
    return b, b.softmax(-1), b.sum(-1, keepdim=True)


@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def f_divided_by_all_choices(logits, top_k):
    n, e = logits.shape
    p = logits.softmax(-1)
    at = logits.topk(top_k).indices
    fr = torch.bincount(at.flatten(), minlength=e) / (n * top_k)
    return e * (fr * p.mean(0)).sum()


@wrong("4.3-4", "Your loss is the right one over the number of experts (or its")
def number_of_experts_forgotten_again(logits, top_k):
    n, e = logits.shape
    fr = F.one_hot(logits.topk(top_k).indices, e).sum((0, 1)).to(logits.dtype) / n
    return (fr * logits.softmax(-1).mean(0)).sum()


@wrong("4.3-4", "The number is right, but no gradient comes back from it: something")
def no_gradient(logits, top_k):
    n, e = logits.shape
    with torch.no_grad():
        fr = F.one_hot(logits.topk(top_k).indices, e).sum((0, 1)).to(logits.dtype) / n
        p = logits.softmax(-1).mean(0)
    return e * (fr * p).sum()


@wrong("4.3-5", "You average first and square afterwards, so a token with a large")
def mean_squared_the_wrong_way_round(logits):
    return logits.logsumexp(-1).mean() ** 2


@wrong("4.3-5", "Right for small logits, but not finite for those of several hundred")
def overflows(logits):
    return (torch.log(torch.exp(logits).sum(-1)) ** 2).mean()


@wrong("4.3-5", "You square the logits themselves, or their sum. That is")
def squared_logits_no_logsumexp(logits):
    return (logits**2).sum(-1).mean()


@wrong("4.3-6", "You choose well, but the gates hold the bias as well. It would scale")
def gates_with_the_bias_again(probs, bias, top_k, rate):
    s = probs + bias
    at = s.topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, at, s.gather(1, at))
    load = torch.bincount(at.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * torch.sign(load.mean() - load)


@wrong("4.3-6", "Busy experts become more attractive and idle ones less, so")
def bias_moved_in_the_wrong_direction(probs, bias, top_k, rate):
    at = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, at, probs.gather(1, at))
    load = torch.bincount(at.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * torch.sign(load - load.mean())


@wrong("4.3-6", "Your step is larger for an expert that is farther from the mean. That")
def in_proportion_to_the_difference(probs, bias, top_k, rate):
    at = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, at, probs.gather(1, at))
    load = torch.bincount(at.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load.mean() - load)


@wrong("4.3-7", "Your softmax runs over the tokens, so an expert's")
def softmax_over_the_tokens_2(logits, capacity):
    p = logits.softmax(0)
    at = p.argsort(dim=0, descending=True, stable=True)[:capacity]
    return torch.zeros_like(p).scatter(0, at, p.gather(0, at))


@wrong("4.3-7", "Each of your tokens chooses `capacity` experts, as in the exercises")
def tokens_choose_once_more(logits, capacity):
    p = logits.softmax(1)
    at = p.argsort(dim=1, descending=True, stable=True)[:, :capacity]
    return torch.zeros_like(p).scatter(1, at, p.gather(1, at))


@wrong("4.3-8", "You cut the fraction off, and only see to it that there is one place.")
def rounded_down_again(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


@wrong("4.3-8", "It comes out as if something were rounded on the way, the")
def rounded_before_the_factor_again(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * math.ceil(batch * seq * top_k / num_experts))


@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def all_choices_of_a_token_before_the_next_token(expert, num_experts, capacity):
    used = [0] * num_experts
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for t in range(expert.shape[0]):
        for j in range(expert.shape[1]):
            e = int(expert[t, j])
            if used[e] < capacity:
                kept[t, j] = True
                used[e] += 1
    return kept


@wrong("4.3-9", "First and second choices stand in queues of their own, so an expert")
def each_column_has_a_capacity_of_its_own(expert, num_experts, capacity):
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for j in range(expert.shape[1]):
        used = [0] * num_experts
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            kept[t, j] = used[e] < capacity
            used[e] += 1
    return kept


@wrong("4.3-9", "An expert does not take just as many as its capacity, but one")
def one_more_than_the_capacity(expert, num_experts, capacity):
    used = [0] * num_experts
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for j in range(expert.shape[1]):
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            if used[e] <= capacity:
                kept[t, j] = True
                used[e] += 1
    return kept


@wrong("4.3-10", "You rescale the gates that are left so that they add up to one, or to")
def gates_raised_to_one_again(x, answers, gates, kept):
    g = gates * kept
    g = g / g.sum(-1, keepdim=True).clamp(min=1e-9) * gates.sum(-1, keepdim=True)
    a = torch.where(kept[..., None], answers, 0.0)
    return x + (g[..., None] * a).sum(1)


@wrong("4.3-10", "Only a token that was dropped by all of its experts gets its")
def the_residual_only_for_dropped_tokens(x, answers, gates, kept):
    a = torch.where(kept[..., None], answers, torch.zeros_like(answers))
    y = (gates[..., None] * a).sum(1)
    return torch.where(kept.any(1, keepdim=True), y, x)


@wrong("4.3-10", "Choices that were dropped count all the same: kept has no effect, and")
def kept_is_not_looked_at(x, answers, gates, kept):
    return x + (gates[..., None] * answers).sum(1)


@wrong("4.3-11", "A token with several experts keeps the answer of only one of them")
def overwrites_an_earlier_choice(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, fn in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y[t] = gate[t, j, None] * fn(x[t])
    return y


@wrong("4.3-11", "The output is right, but an expert without tokens is called with an")
def experts_without_tokens_are_called(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, fn in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        y = y.index_add(0, t, gate[t, j, None] * fn(x[t]))
    return y


@wrong("4.3-11", "The output is right, but the experts are called for one token at a")
def called_token_by_token(x, expert, gate, experts):
    return torch.stack(
        [
            sum(gate[t, j] * experts[int(expert[t, j])](x[t : t + 1])[0] for j in range(expert.shape[1]))
            for t in range(len(x))
        ]
    )


@wrong("4.3-12", "Your key and value matrices are as wide as the query's. Heads share")
def keys_and_values_as_wide_as_d_model(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 4 * d_model**2 + d_model * num_experts + 2 * d_model
    e = 3 * d_model * d_ff
    out = 2 * vocab_size * d_model + d_model
    return num_layers * (rest + num_experts * e) + out, num_layers * (rest + top_k * e) + out


@wrong("4.3-12", "For the active weights you count only the router's columns of the")
def only_the_chosen_columns_of_the_router_are_active(
    vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k
):
    att = 2 * d_model**2 + 2 * d_model * d_kv + 2 * d_model
    e = 3 * d_model * d_ff + d_model
    out = 2 * vocab_size * d_model + d_model
    return num_layers * (att + num_experts * e) + out, num_layers * (att + top_k * e) + out


@wrong("4.3-13", "Some of your numbers, or all of them, are half of what they")
def additions_are_not_counted(tokens, d_model, d_ff, num_experts, top_k):
    e = 3 * tokens * d_model * d_ff
    return tokens * d_model * num_experts, e * num_experts, e * top_k


@wrong("4.3-13", "Your experts make two products for each token. A SwiGLU has a third")
def two_matrices_an_expert_again(tokens, d_model, d_ff, num_experts, top_k):
    e = 4 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, e * num_experts, e * top_k


@wrong("4.3-14", "Your numbers are 0.69 of what they should be: you use the natural")
def nats(counts):
    p = counts.double() / counts.sum()
    q = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p[p > 0] * (p[p > 0] / q[p > 0]).log()).sum()


@wrong("4.3-14", "You turn each expert's row into shares of its own first, so")
def the_expert_s_share_of_a_domain_for_the_share_of(counts):
    """The expert's share of a domain for the share of all."""
    p = counts.double() / counts.sum()
    cond = p / p.sum(1, keepdim=True).clamp(min=1e-12)
    r = cond / p.sum(0, keepdim=True)
    at = p > 0
    return (cond[at] * torch.log2(r[at])).sum()


@wrong("4.3-4", "The gradient of the logits is zero, in every case")
def f_and_p_both_of_the_choices(logits, top_k):
    n, e = logits.shape
    fr = F.one_hot(logits.topk(top_k).indices, e).sum((0, 1)).to(logits.dtype) / n
    return e * (fr * fr).sum() + 0 * logits.sum()


@wrong("4.3-5", "You take the mean of the logarithms, or of their absolute")
def not_squared(logits):
    return logits.logsumexp(-1).mean()


@wrong("4.3-8", "With k = 1 you are right. With more choices for each token")
def divided_by_top_k(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * batch * seq / (num_experts * top_k))


@wrong("4.3-12", "A small part is missing: the router, norms, or both (each")
def the_last_norm_forgotten(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model**2 + 2 * d_model * d_kv + d_model * num_experts + 2 * d_model
    e = 3 * d_model * d_ff
    out = 2 * vocab_size * d_model
    return num_layers * (rest + num_experts * e) + out, num_layers * (rest + top_k * e) + out


@wrong("4.3-14", "You compute the entropy of the load or of the domains alone. It is an")
def entropy_of_the_domains(counts):
    p = counts.double().sum(0) / counts.sum()
    return (torch.special.entr(p) / math.log(2)).sum()


@wrong("4.3-1", "Your result is the right one plus x. The residual belongs to the")
def a_residual_is_added(x, w_router, experts):
    g = torch.softmax(x @ w_router, -1)
    return x + sum(g[..., i : i + 1] * e(x) for i, e in enumerate(experts))


@wrong("4.3-3", "The exercise asks for the best expert first; your columns begin with")
def worst_first(logits, top_k):
    p = logits.softmax(-1)
    v, i = logits.topk(top_k)
    b = p.gather(-1, i)
    return b.flip(-1), v.softmax(-1).flip(-1), b.sum(-1, keepdim=True)


@wrong("4.3-6", "With k = 1 you are right. With more, your load counts each")
def load_of_the_tokens_best_choice_alone(probs, bias, top_k, rate):
    at = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, at, probs.gather(1, at))
    load = torch.bincount(at[:, 0], minlength=len(bias)).float()
    return gates, bias + rate * torch.sign(load.mean() - load)


@wrong("4.3-9", "Within a column you serve the last token first, so it is the")
def last_tokens_first_again(expert, num_experts, capacity):
    used = [0] * num_experts
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for j in range(expert.shape[1]):
        for t in reversed(range(expert.shape[0])):
            e = int(expert[t, j])
            if used[e] < capacity:
                kept[t, j] = True
                used[e] += 1
    return kept


@wrong("4.3-11", "You multiply what the expert reads. It is not linear, so half a token")
def gate_on_what_the_expert_reads(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, fn in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y = y.index_add(0, t, fn(gate[t, j, None] * x[t]))
    return y


@wrong("4.3-13", "Your router computes only k logits for each token. Which k they are")
def top_k_experts_also_among_all(tokens, d_model, d_ff, num_experts, top_k):
    e = 6 * tokens * d_model * d_ff
    return 2 * tokens * d_model * top_k, e * num_experts, e * top_k


@right("4.3-2")
def rank_by_comparison(logits, top_k):
    n = logits.shape[1]
    earlier = torch.arange(n)[None, :] < torch.arange(n)[:, None]
    above = (logits[:, None, :] > logits[:, :, None]) | ((logits[:, None, :] == logits[:, :, None]) & earlier)
    chosen = above.sum(-1) < top_k
    return torch.softmax(logits.masked_fill(~chosen, -math.inf), -1)


@right("4.3-9")
def cumsum_of_one_hots(expert, num_experts, capacity):
    n, k = expert.shape
    flat = expert.T.reshape(-1)
    one = F.one_hot(flat, num_experts)
    place = (one.cumsum(0) * one).sum(-1)
    return (place <= capacity).reshape(k, n).T


@right("4.3-14")
def entropies(counts):
    p = counts.double() / counts.sum()

    def h(q):
        return torch.special.entr(q).sum() / math.log(2)

    return float(h(p.sum(0)) + h(p.sum(1)) - h(p))
