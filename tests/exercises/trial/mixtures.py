"""Chapter 4.3, gates and balance: wrong answers with one slip each, and unusual right ones."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.3-1", "token's mixture depends")
def gates_over_the_tokens(x, w_router, experts):
    gates = (x @ w_router).softmax(1)
    return sum(gates[..., i, None] * expert(x) for i, expert in enumerate(experts))


@wrong("4.3-1", "router's logits")
def logits_for_gates(x, w_router, experts):
    gates = x @ w_router
    return sum(gates[..., i, None] * expert(x) for i, expert in enumerate(experts))


@wrong("4.3-1", "different things")
def experts_read_what_the_gate_has_scaled(x, w_router, experts):
    gates = (x @ w_router).softmax(-1)
    return sum(expert(gates[..., i, None] * x) for i, expert in enumerate(experts))


@wrong("4.3-2", "token's gates")
def chosen_gates_not_renormalised(logits, top_k):
    best, chosen = logits.softmax(-1).topk(top_k)
    return torch.zeros_like(logits).scatter(-1, chosen, best)


@wrong("4.3-2", "k-th highest")
def threshold_lets_ties_in(logits, top_k):
    least = logits.topk(top_k).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf).softmax(-1)  # equal ones are all taken


@wrong("4.3-2", "like least")
def lowest_chosen(logits, top_k):
    chosen = logits.argsort(dim=-1, stable=True)[:, :top_k]  # ascending
    best = logits.gather(-1, chosen).softmax(-1)
    return torch.zeros_like(logits).scatter(-1, chosen, best)


@wrong("4.3-2", "chosen still")
def not_chosen_logits_zero(logits, top_k):
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    kept = torch.zeros_like(logits).scatter(-1, chosen, logits.gather(-1, chosen))
    return kept.softmax(-1)  # exp(0) is 1


@wrong("4.3-2", "gradient reaches")
def gates_without_a_gradient(logits, top_k):
    gates = torch.zeros_like(logits)
    for t, row in enumerate(logits.tolist()):
        chosen = sorted(range(len(row)), key=lambda i: -row[i])[:top_k]
        total = sum(math.exp(row[i]) for i in chosen)
        for i in chosen:
            gates[t, i] = math.exp(row[i]) / total
    return gates


@right("4.3-2")
def gates_by_rank(logits, top_k):
    e = logits.shape[1]
    above = (logits[:, None, :] > logits[:, :, None]).sum(-1)
    ties = ((logits[:, None, :] == logits[:, :, None]) & torch.ones(e, e, dtype=torch.bool).tril(-1)).sum(-1)
    return torch.where(above + ties < top_k, logits, -torch.inf).softmax(-1)


@wrong("4.3-3", "`after` over `before`")
def share_turned_over(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    after = logits.topk(top_k).values.softmax(-1)
    return before, after, 1 / before.sum(-1, keepdim=True)  # what to multiply by


@wrong("4.3-3", "Your `after` takes a softmax of numbers that have been")
def softmax_of_the_probabilities(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, before.softmax(-1), before.sum(-1, keepdim=True)


@wrong("4.3-3", "tensor after")
def share_without_its_axis(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, logits.topk(top_k).values.softmax(-1), before.sum(-1)


@wrong("4.3-4", "Perfect balance")
def without_the_number_of_experts(logits, top_k):
    chosen = torch.zeros_like(logits).scatter(-1, logits.topk(top_k).indices, 1.0)
    return (chosen.mean(0) * logits.softmax(-1).mean(0)).sum()


@wrong("4.3-4", "balance gives k")
def shares_of_the_choices(logits, top_k):
    chosen = torch.zeros_like(logits).scatter(-1, logits.topk(top_k).indices, 1.0)
    f = chosen.sum(0) / chosen.sum()  # divided by tokens * top_k
    return logits.shape[1] * (f * logits.softmax(-1).mean(0)).sum()


@wrong("4.3-4", "hardly sees")
def probabilities_for_both(logits, top_k):
    p = logits.softmax(-1).mean(0)
    return logits.shape[1] * (p * p).sum()  # f counts choices


@wrong("4.3-4", "everybody's second seems")
def only_the_first_choice_counted(logits, top_k):
    f = F.one_hot(logits.argmax(-1), logits.shape[1]).float().mean(0)
    return logits.shape[1] * (f * logits.softmax(-1).mean(0)).sum()


@right("4.3-4")
def balance_loss_token_by_token(logits, top_k):
    tokens, experts = logits.shape
    p = torch.stack([row.softmax(0) for row in logits])
    counts = torch.bincount(logits.topk(top_k).indices.flatten(), minlength=experts)
    return experts * torch.einsum("te,e->", p, counts.to(p.dtype)) / tokens**2


@wrong("4.3-5", "square afterwards")
def square_of_the_mean(logits):
    return logits.logsumexp(-1).mean() ** 2


@wrong("4.3-5", "fit into float32")
def exponentials_overflow(logits):
    return (logits.exp().sum(-1).log() ** 2).mean()


@wrong("4.3-5", "exercise asks")
def sum_over_the_tokens(logits):
    return (logits.logsumexp(-1) ** 2).sum()


@wrong("4.3-5", "exponentials runs over")
def over_the_tokens_not_the_experts(logits):
    return (logits.logsumexp(0) ** 2).mean()


@wrong("4.3-6", "choose well")
def bias_in_the_gates(probs, bias, top_k, rate):
    best, chosen = (probs + bias).topk(top_k)
    gates = torch.zeros_like(probs).scatter(-1, chosen, best)  # the bias only chooses
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load.mean() - load).sign()


@wrong("4.3-6", "Busy experts")
def busy_experts_raised(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load - load.mean()).sign()


@wrong("4.3-6", "exactly rate")
def bias_moved_by_the_difference(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load.mean() - load)  # by rate alone


@wrong("4.3-6", "input `bias`")
def old_bias_changed(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    bias += rate * (load.mean() - load).sign()
    return gates, bias


@wrong("4.3-7", "chooses `capacity`")
def tokens_choose(logits, capacity):
    probs = logits.softmax(-1)
    best, chosen = probs.topk(min(capacity, logits.shape[1]), dim=-1)  # over the tokens, dim=0
    return torch.zeros_like(probs).scatter(-1, chosen, best)


@wrong("4.3-7", "softmax runs over")
def softmax_over_the_tokens(logits, capacity):
    probs = logits.softmax(0)
    chosen = probs.argsort(dim=0, descending=True, stable=True)[:capacity]
    return torch.zeros_like(probs).scatter(0, chosen, probs.gather(0, chosen))


@wrong("4.3-7", "raw logits")
def chosen_by_logit(logits, capacity):
    chosen = logits.argsort(dim=0, descending=True, stable=True)[:capacity]  # a token's own scale is in it
    probs = logits.softmax(-1)
    return torch.zeros_like(probs).scatter(0, chosen, probs.gather(0, chosen))


@wrong("4.3-7", "capacity exceeds")
def more_capacity_than_tokens(logits, capacity):
    probs = logits.softmax(-1)
    best, chosen = probs.topk(capacity, dim=0)  # fails where there are fewer tokens
    return torch.zeros_like(probs).scatter(0, chosen, best)


@right("4.3-7")
def experts_choose_one_by_one(logits, capacity):
    probs = F.softmax(logits, dim=1)
    keep = torch.zeros_like(probs)
    for e in range(probs.shape[1]):
        for t in sorted(range(len(probs)), key=lambda t, e=e: (-probs[t, e].item(), t))[:capacity]:
            keep[t, e] = 1
    return probs * keep


STEP = {
    "claimed": 1.8,
    "whole": 31.125,
    "share": 0.9639,
    "missing": "the optimizer's step",
    "baseline": "an ordinary feed-forward network",
}
EXPERTS = {"the expert says more about the kind of text than the byte alone"}


@wrong("4.3-15", "add first")
def optimizers_alone():
    return STEP | {"whole": 80.0}


@wrong("4.3-15", "whole step below it")
def optimizer_over_layers():
    return STEP | {"share": 2400 / 90}


@wrong("4.3-15", "router as well")
def two_experts_as_baseline():
    return STEP | {"baseline": "a mixture of two experts"}


@right("4.3-15")
def rounded_ratios():
    return STEP | {"whole": 31.1, "share": torch.tensor(0.964)}


@wrong("4.3-16", "where their intervals overlap")
def busiest_by_the_mean():
    return EXPERTS | {"arithmetic needs its busiest expert more than another one"}


@wrong("4.3-16", "does not")
def dense_knows_less():
    return EXPERTS | {"a dense model would know less about the kind"}


@right("4.3-16")
def given_as_a_frozen_set():
    return frozenset(EXPERTS)
