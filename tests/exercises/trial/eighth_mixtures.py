"""An eighth trial, chapter 4.3: answers written from the statements alone."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Adds the residual, which the layer adds anyway
@wrong("4.3-1", "Your result is the right one plus x. The residual belongs to")
def adds_the_residual_which_the_layer_adds_anyway(x, w_router, experts):
    gates = torch.softmax(x @ w_router, dim=-1)
    y = x
    for i, f in enumerate(experts):
        y = y + gates[..., i, None] * f(x)
    return y


# Gates what goes in instead of what comes out: the same for linear experts only
@wrong("4.3-1", "You multiply what the expert reads, not what it answers. An")
def gates_what_goes_in_instead_of_what_comes(x, w_router, experts):
    gates = torch.softmax(x @ w_router, dim=-1)
    return sum(e(gates[..., i : i + 1] * x) for i, e in enumerate(experts))


# Softmax over axis 1, the experts for [tokens, experts]; here axis 1 is the sequence
@wrong("4.3-1", "Your gates add up to one over the tokens (or over the batch),")
def softmax_over_axis_1_the_experts_for_tokens(x, w_router, experts):
    gates = torch.softmax(x @ w_router, dim=1)
    return sum(gates[..., i : i + 1] * e(x) for i, e in enumerate(experts))


# Adds the residual only for dropped tokens, in place of the answers
@wrong("4.3-10", "Only a token that was dropped by all of its experts gets its")
def adds_the_residual_only_for_dropped_tokens_in(x, answers, gates, kept):
    mixed = torch.where(kept[..., None], gates[..., None] * answers, 0.0).sum(dim=1)
    return torch.where(kept.any(dim=1, keepdim=True), mixed, x)


# Multiplies the rubbish by zero; if it is NaN or infinite, the product is NaN
@wrong("4.3-10", "Where an answer was dropped you multiply what stands there")
def multiplies_the_rubbish_by_zero_if_it_is(x, answers, gates, kept):
    return x + (answers * (gates * kept).unsqueeze(-1)).sum(1)


# Raises the gates of the kept choices so that they add up to what they were; the statement forbids that
@wrong("4.3-10", "You rescale the gates that are left so that they add up to")
def raises_the_gates_of_the_kept_choices_so(x, answers, gates, kept):
    g = torch.where(kept, gates, torch.zeros_like(gates))
    g = g * gates.sum(1, keepdim=True) / g.sum(1, keepdim=True).clamp_min(1e-9)
    safe = torch.where(kept[..., None], answers, torch.zeros_like(answers))
    return x + (g[..., None] * safe).sum(1)


# Overwrites y instead of adding to it: of a token's several choices only the last expert's answer is left
@wrong("4.3-11", "A token with several experts keeps the answer of only one of")
def overwrites_y_instead_of_adding_to_it_of(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y[t] = gate[t, j, None] * f(x[t])
    return y


# Sends all tokens to each expert and masks afterwards: right sums, but others' tokens are sent along
@wrong("4.3-11", "The output is right, but an expert that has any token reads")
def sends_all_tokens_to_each_expert_and_masks(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        g = (gate * (expert == e)).sum(1, keepdim=True)
        if (expert == e).any():
            y = y + g * f(x)
    return y


# Goes column by column, so that an expert is called once for each column of choices instead of once
@wrong("4.3-11", "The output is right, but an expert is called once for the")
def goes_column_by_column_so_that_an_expert(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for j in range(expert.shape[1]):
        for e, f in enumerate(experts):
            t = (expert[:, j] == e).nonzero().squeeze(1)
            if len(t) > 0:
                y[t] += gate[t, j].unsqueeze(1) * f(x[t])
    return y


# Sorts all choices by expert, splits them by count, and adds back with index_add
@right("4.3-11")
def sorts_all_choices_by_expert_splits_them_by(x, expert, gate, experts):
    k = expert.shape[1]
    order = torch.argsort(expert.flatten())
    counts = torch.bincount(expert.flatten(), minlength=len(experts)).tolist()
    y = torch.zeros_like(x)
    for f, part in zip(experts, order.split(counts), strict=True):
        if part.numel():
            t = part // k
            y = y.index_add(0, t, f(x[t]) * gate.flatten()[part, None])
    return y


# Forgets the last norm, and gives experts two matrices although SwiGLU has three
@wrong("4.3-12", "2/3 of the experts counted, the last norm left out")
def forgets_the_last_norm_and_gives_experts_two(
    vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k
):
    rest = 2 * d_model * (d_model + d_kv) + d_model * num_experts + 2 * d_model
    expert = 2 * d_model * d_ff
    tables = 2 * vocab_size * d_model
    total = num_layers * (rest + num_experts * expert) + tables
    active = num_layers * (rest + top_k * expert) + tables
    return total, active


# Normalises each row to shares within an expert and averages over experts: busy and idle experts count the
# same
@wrong("4.3-14", "You turn each expert's row into shares of its own first, so")
def normalises_each_row_to_shares_within_an_expert(counts):
    c = counts.double()
    rows = c[c.sum(1) > 0]
    within = rows / rows.sum(1, keepdim=True)
    domain = c.sum(0) / c.sum()
    ratio = torch.where(within > 0, within / domain, torch.ones_like(within))
    return (within * torch.log2(ratio)).sum(1).mean()


# Leaves empty cells in: 0 times the logarithm of 0 (or of 0/0 for an expert without tokens) is NaN
@wrong("4.3-14", "Right, except where a cell is empty: there zero meets the")
def leaves_empty_cells_in_0_times_the_logarithm(counts):
    p = counts / counts.sum()
    return (p * torch.log2(p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True)))).sum()


# Asking all experts is a control for the choice of experts; it has a router and bookkeeping as well
@wrong("4.3-15", "That has a router as well, or shows another machine. Compare")
def asking_all_experts_is_a_control_for_the():
    return {
        "claimed": 1.8,
        "whole": 2490 / 80,
        "share": 2400 / 2490,
        "missing": "the optimizer's step",
        "baseline": "a mixture of as many experts, all of them asked",
    }


# Wants the mixture with all experts asked, which has a router and bookkeeping as well and costs even more
@wrong("4.3-15", "That has a router as well, or shows another machine. Compare")
def wants_the_mixture_with_all_experts_asked_which():
    return {
        "claimed": 1.8,
        "whole": 31.125,
        "share": 2400 / 2490,
        "missing": "the optimizer's step",
        "baseline": "a mixture of as many experts, all of them asked",
    }


# Renormalises the logits themselves instead of the probabilities of the softmax
@wrong("4.3-2", "You divide the logits by their sum. Logits may be negative or")
def renormalises_the_logits_themselves_instead_of_the_probabilities(logits, top_k):
    index = torch.sort(logits, dim=-1, descending=True, stable=True).indices[:, :top_k]
    kept = logits.gather(1, index)
    return torch.zeros_like(logits).scatter(1, index, kept / kept.sum(1, keepdim=True))


# Detaches the gates: values right, but no gradient reaches the router
@wrong("4.3-2", "The numbers are right, but no gradient reaches the router:")
def detaches_the_gates_values_right_but_no_gradient(logits, top_k):
    index = torch.sort(logits, dim=-1, descending=True, stable=True).indices[:, :top_k]
    gates = torch.zeros_like(logits)
    with torch.no_grad():
        gates.scatter_(1, index, torch.softmax(logits.gather(1, index), dim=1))
    return gates


# Share from the best expert, whose probability never underflows
@right("4.3-3")
def share_from_the_best_expert_whose_probability_never(logits, top_k):
    best = logits.sort(dim=-1, descending=True).values[:, :top_k]
    before = torch.exp(best - torch.logsumexp(logits, dim=-1, keepdim=True))
    after = best.log_softmax(dim=-1).exp()
    return before, after, before[:, :1] / after[:, :1]


# P is the mean of the gates after the choice (renormalised over the chosen), not of the probabilities of
# all experts
@wrong("4.3-4", "Your P is the mean of the gates, which are shared out anew")
def p_is_the_mean_of_the_gates_after(logits, top_k):
    t, e = logits.shape
    best = logits.topk(top_k, dim=-1)
    f = torch.bincount(best.indices.flatten(), minlength=e) / t
    gates = torch.zeros_like(logits).scatter(1, best.indices, torch.softmax(best.values, dim=-1))
    return e * (f * gates.mean(dim=0)).sum()


# Counts the first choice alone, whatever top_k is
@wrong("4.3-4", "With k = 1 you are right. With more you count only each")
def counts_the_first_choice_alone_whatever_top_k(logits, top_k):
    p = torch.softmax(logits, dim=-1)
    f = F.one_hot(logits.argmax(-1), logits.shape[1]).float().mean(0)
    return logits.shape[1] * torch.dot(f, p.mean(0))


# Squares the mean over tokens instead of taking the mean of the squares; right for one token
@wrong("4.3-5", "You average first and square afterwards, so a token with a")
def squares_the_mean_over_tokens_instead_of_taking(logits):
    return torch.logsumexp(logits, dim=-1).mean() ** 2


# Maximum by hand, detached in both places: value and gradient are those of logsumexp
@right("4.3-5")
def maximum_by_hand_detached_in_both_places_value(logits):
    m = logits.detach().amax(dim=-1, keepdim=True)
    z = m[:, 0] + torch.log(torch.exp(logits - m).sum(dim=-1))
    return torch.dot(z, z) / len(z)


# Takes tokens / experts for the mean load: the choices of each token are top_k; right for k = 1
@wrong("4.3-6", "With k = 1 you are right. With more, you compare with tokens")
def takes_tokens_experts_for_the_mean_load_the(probs, bias, top_k, rate):
    t, e = probs.shape
    best = (probs + bias).topk(top_k, dim=-1).indices
    gates = torch.zeros_like(probs).scatter(1, best, probs.gather(1, best))
    load = torch.bincount(best.flatten(), minlength=e)
    return gates, bias + rate * torch.sign(t / e - load)


# Changes the old bias in place
@wrong("4.3-6", "The numbers are right, but for 6 tokens, 4 experts, k = 2")
def changes_the_old_bias_in_place(probs, bias, top_k, rate):
    index = (probs + bias).topk(top_k, dim=-1).indices
    gates = torch.zeros_like(probs).scatter(1, index, probs.gather(1, index))
    load = torch.bincount(index.flatten(), minlength=len(bias)).float()
    bias += rate * torch.sign(load.mean() - load)
    return gates, bias


# A threshold at the last taken probability: among equal ones an expert takes more than its capacity
@wrong("4.3-7", "Where probabilities are equal, an expert of yours takes more")
def a_threshold_at_the_last_taken_probability_among(logits, capacity):
    p = torch.softmax(logits, dim=-1)
    n = min(capacity, len(p))
    line = p.detach().topk(n, dim=0).values[-1]
    return torch.where(p >= line, p, torch.zeros_like(p))


# Off by one: lets in one choice too many (<= with a count from 0)
@wrong("4.3-9", "An expert does not take just as many as its capacity, but one")
def off_by_one_lets_in_one_choice_too(expert, num_experts, capacity):
    load = [0] * num_experts
    kept = torch.zeros(expert.shape, dtype=torch.bool)
    for j in range(expert.shape[1]):
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            if load[e] <= capacity:
                kept[t, j] = True
                load[e] += 1
    return kept


# Gives every column a capacity of its own, but the second choices find only what the first have left
@wrong("4.3-9", "First and second choices stand in queues of their own, so an")
def gives_every_column_a_capacity_of_its_own(expert, num_experts, capacity):
    hot = torch.nn.functional.one_hot(expert, num_experts)
    rank = (hot.cumsum(0) * hot).sum(-1)
    return rank <= capacity


# Serves in the right order but reshapes the flat answer to [tokens, top_k] without turning it back
@wrong("4.3-9", "The order in which you serve is not the one in which you lay")
def serves_in_the_right_order_but_reshapes_the(expert, num_experts, capacity):
    hot = F.one_hot(expert.T.reshape(-1), num_experts)
    rank = (hot.cumsum(dim=0) * hot).sum(dim=-1)
    return (rank <= capacity).reshape(expert.shape)


# Serves token after token with all its choices; first all best choices have to be served, then all second
# ones
@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def serves_token_after_token_with_all_its_choices(expert, num_experts, capacity):
    flat = expert.flatten()
    hot = torch.nn.functional.one_hot(flat, num_experts)
    rank = (hot.cumsum(0) * hot).sum(1)
    return (rank <= capacity).view(expert.shape)
