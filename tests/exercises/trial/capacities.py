"""Chapter 4.3, capacity, dispatch and counting: wrong answers with one slip each, and unusual right ones."""

import math
from fractions import Fraction

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.3-8", "only see to it that there is one place")
def rounded_down(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


@wrong("4.3-8", "It comes out as if something were rounded on the way, the")
def rounded_before_the_factor(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(math.ceil(batch * seq * top_k / num_experts) * capacity_factor)


@wrong("4.3-8", "token asks")
def top_k_left_out(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * batch * seq / num_experts)


@right("4.3-8")
def capacity_in_fractions(batch, seq, num_experts, top_k, capacity_factor):
    return -((-Fraction(str(capacity_factor)) * batch * seq * top_k) // num_experts)


@wrong("4.3-9", "token's second choice")
def served_token_by_token(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), [0] * num_experts
    for t, row in enumerate(expert.tolist()):
        for j, e in enumerate(row):  # all first choices come before all second ones
            kept[t, j] = load[e] < capacity
            load[e] += 1
    return kept


@wrong("4.3-9", "still fits")
def one_too_many_served(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), [0] * num_experts
    for j in range(expert.shape[1]):
        for t in range(len(expert)):
            kept[t, j] = load[expert[t, j]] <= capacity
            load[expert[t, j]] += 1
    return kept


@wrong("4.3-9", "second choices")
def each_column_its_own_capacity(expert, num_experts, capacity):
    one_hot = F.one_hot(expert, num_experts)
    place = (one_hot.cumsum(0) * one_hot).sum(-1)  # second choices begin at zero again
    return place <= capacity


@wrong("4.3-9", "choices are dropped")
def dropped_instead_of_kept(expert, num_experts, capacity):
    order = F.one_hot(expert.T.flatten(), num_experts)
    place = (order.cumsum(0) * order).sum(-1)
    return (place > capacity).reshape(expert.T.shape).T


@right("4.3-9")
def served_by_lists_of_waiting(expert, num_experts, capacity):
    tokens, top_k = expert.shape
    calls = [(j, t, int(expert[t, j])) for j in range(top_k) for t in range(tokens)]
    lucky = {call for e in range(num_experts) for call in [c for c in calls if c[2] == e][:capacity]}
    return [[(j, t, int(expert[t, j])) in lucky for j in range(top_k)] for t in range(tokens)]


@wrong("4.3-10", "Rubbish may")
def rubbish_times_zero(x, answers, gates, kept):
    return x + (answers * (gates * kept)[..., None]).sum(1)  # NaN times 0


@wrong("4.3-10", "speaks louder")
def gates_raised_for_the_dropped(x, answers, gates, kept):
    gates = gates * kept
    gates = gates / gates.sum(1, keepdim=True).clamp(min=1e-9)
    return x + torch.where(kept[..., None], answers * gates[..., None], 0).sum(1)


@wrong("4.3-10", "was dropped")
def dropped_tokens_become_zero(x, answers, gates, kept):
    out = torch.where(kept[..., None], answers * gates[..., None], 0).sum(1)
    return (x + out) * kept.any(1, keepdim=True)  # they pass unchanged


@wrong("4.3-10", "answers without x")
def residual_left_out(x, answers, gates, kept):
    return torch.where(kept[..., None], answers * gates[..., None], 0).sum(1)


@wrong("4.3-11", "The output is right, but an expert is called once for the")
def expert_called_for_each_choice(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for j in range(expert.shape[1]):
        for e, function in enumerate(experts):
            rows = (expert[:, j] == e).nonzero()[:, 0]
            if len(rows):
                y[rows] += gate[rows, j, None] * function(x[rows])  # once a column
    return y


@wrong("4.3-11", "expert without tokens")
def idle_experts_called(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, function in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        y.index_add_(0, t, gate[t, j, None] * function(x[t]))  # also with no tokens
    return y


@wrong("4.3-11", "dense mixture")
def all_tokens_to_each_expert(x, expert, gate, experts):
    weights = torch.zeros(len(x), len(experts)).scatter_add(1, expert, gate)
    return sum(weights[:, e, None] * function(x) for e, function in enumerate(experts))


@wrong("4.3-11", "sorted order")
def gates_in_the_old_order(x, expert, gate, experts):
    order = expert.flatten().argsort(stable=True)
    token, counts = order // expert.shape[1], torch.bincount(expert.flatten(), minlength=len(experts))
    parts = x[token].split(counts.tolist())
    out = torch.cat([f(part) for f, part in zip(experts, parts, strict=True) if len(part)])
    return torch.zeros_like(x).index_add(0, token, gate.flatten()[:, None] * out)  # gate sorted as well


@right("4.3-11")
def dispatch_backwards_through_a_matrix(x, expert, gate, experts):
    y = x * 0
    for e in reversed(range(len(experts))):
        weight = torch.where(expert == e, gate, 0).sum(1)
        rows = (expert == e).any(1).nonzero().flatten()
        if rows.numel():
            y = y + torch.eye(len(x))[rows].T @ (experts[e](x[rows]) * weight[rows].unsqueeze(1))
    return y


@wrong("4.3-12", "output matrix")
def one_table_counted(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model**2 + 2 * d_model * d_kv + d_model * num_experts + 2 * d_model
    outside = vocab_size * d_model + d_model  # the output matrix is a second one
    return tuple(num_layers * (rest + n * 3 * d_model * d_ff) + outside for n in (num_experts, top_k))


@wrong("4.3-12", "router's columns")
def router_of_the_active_only(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    def count(n):  # the router has a column for every expert, asked or not
        layer = 2 * d_model**2 + 2 * d_model * d_kv + n * (d_model + 3 * d_model * d_ff) + 2 * d_model
        return num_layers * layer + 2 * vocab_size * d_model + d_model

    return count(num_experts), count(top_k)


@wrong("4.3-12", "value matrices")
def four_square_matrices(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 4 * d_model**2 + d_model * num_experts + 2 * d_model  # keys and values are narrower
    outside = 2 * vocab_size * d_model + d_model
    return tuple(num_layers * (rest + n * 3 * d_model * d_ff) + outside for n in (num_experts, top_k))


@wrong("4.3-13", "Some papers")
def additions_forgotten(tokens, d_model, d_ff, num_experts, top_k):
    expert = 3 * tokens * d_model * d_ff
    return tokens * d_model * num_experts, num_experts * expert, top_k * expert


@wrong("4.3-13", "third matrix")
def two_matrices_an_expert(tokens, d_model, d_ff, num_experts, top_k):
    expert = 2 * 2 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * expert, top_k * expert


@wrong("4.3-13", "token's cost")
def tokens_shared_among_the_experts(tokens, d_model, d_ff, num_experts, top_k):
    expert = 3 * 2 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * expert, top_k * expert / num_experts


@wrong("4.3-14", "natural logarithm")
def information_in_nats(counts):
    p = counts / counts.sum()
    ratio = p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))
    return torch.where(p > 0, p * ratio.log(), 0).sum()


@wrong("4.3-14", "zero meets")
def empty_cells_give_nan(counts):
    p = counts / counts.sum()
    return (p * (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log2()).sum()


@wrong("4.3-14")
def shares_of_each_expert(counts):
    p = counts / counts.sum(1, keepdim=True).clamp(min=1)  # p(d | i)
    ratio = p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))
    return torch.where(p > 0, p * ratio.log2(), 0).sum()


@right("4.3-14")
def information_from_three_entropies(counts):
    def entropy(numbers):
        n = [float(c) for c in numbers if c > 0]
        return sum(-c / sum(n) * math.log2(c / sum(n)) for c in n)

    return entropy(counts.sum(1)) + entropy(counts.sum(0)) - entropy(counts.flatten())
