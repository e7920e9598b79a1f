"""The exercises of chapter 4.3: what readers write, and the references against torch and the library."""

import math
import sys

import cloudpickle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from sklearn.metrics import mutual_info_score
from torch import nn

from llmasos_edu.exercises import find, judge
from llmasos_edu.layers.moe import DenseMixture, MoE, dispatch_loop, dispatch_sorted
from llmasos_edu.layers.routing import (
    Routing,
    balancing_bias_step,
    expert_capacity,
    expert_choice_routing,
    load_balancing_loss,
    router_z_loss,
    top_k_routing,
)
from llmasos_edu.layers.transformer import FeedForward

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


# Correct answers, written differently from the solutions ---------------------------------------------


def mixture_by_loop(x, w_router, experts):
    gates, y = F.softmax(x @ w_router, dim=2), torch.zeros_like(x)
    for index, expert in enumerate(experts):
        y = y + gates[:, :, index, None] * expert(x)
    return y


def gates_by_renormalising(logits, top_k):
    probs, rows = logits.softmax(1), []
    for row in probs:
        best = sorted(range(len(row)), key=lambda index, row=row: -float(row[index]))[:top_k]
        kept = torch.zeros_like(row)
        kept[best] = row[best]
        rows.append(kept / kept.sum())
    return torch.stack(rows)


def orders_by_sorting(logits, top_k):
    values = logits.sort(descending=True).values
    after = F.softmax(values[:, :top_k], -1)
    before = F.softmax(values, -1)[:, :top_k]
    return before, after, before[:, :1] / after[:, :1]


def balance_by_one_hot(logits, top_k):
    probs = F.softmax(logits, 1)
    mask = F.one_hot(torch.topk(probs, top_k).indices, logits.shape[1]).sum(1).float()
    return (mask.mean(0) @ probs.mean(0)) * logits.shape[1]


def z_loss_by_hand(logits):
    largest = logits.max(1, keepdim=True).values
    log_sum = (logits - largest).exp().sum(1).log() + largest[:, 0]
    return (log_sum**2).sum() / len(logits)


def bias_step_in_loops(probs, bias, top_k, rate):
    gates, load = torch.zeros_like(probs), [0] * len(bias)
    for token, row in enumerate(probs + bias):
        for expert in row.argsort(descending=True)[:top_k].tolist():
            gates[token, expert] = probs[token, expert]
            load[expert] += 1
    mean = sum(load) / len(load)
    steps = [rate if n < mean else -rate if n > mean else 0.0 for n in load]
    return gates, [float(b) + step for b, step in zip(bias, steps, strict=True)]


def expert_choice_by_columns(logits, capacity):
    probs, columns = torch.softmax(logits, 1), []
    for column in probs.T:
        taken = torch.argsort(column, descending=True, stable=True)[: min(capacity, len(column))]
        columns.append(torch.stack([p if t in taken else p * 0 for t, p in enumerate(column)]))
    return torch.stack(columns, 1)


def capacity_in_whole_numbers(batch, seq, num_experts, top_k, capacity_factor):
    quarters = round(4 * capacity_factor) * top_k * batch * seq
    return -(-quarters // (4 * num_experts))


def served_by_cumsum(expert, num_experts, capacity):
    line = expert.T.flatten()
    one_hot = F.one_hot(line, num_experts)
    place = (one_hot.cumsum(0) * one_hot).sum(1)
    return (place <= capacity).view(expert.shape[1], -1).T


def combine_in_loops(x, answers, gates, kept):
    y = x.clone()
    for token in range(len(x)):
        for choice in range(kept.shape[1]):
            if kept[token, choice]:
                y[token] = y[token] + gates[token, choice] * answers[token, choice]
    return y


def dispatch_in_a_loop(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for index, run in enumerate(experts):
        token, choice = torch.where(expert == index)
        if len(token):
            y = y.index_add(0, token, gate[token, choice].unsqueeze(1) * run(x[token]))
    return y


def parameters_matrix_by_matrix(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    matrices = [(d_model, d_model), (d_model, d_kv), (d_model, d_kv), (d_model, d_model)]
    matrices += [(d_model, num_experts), (d_model, 1), (d_model, 1)]
    layer = sum(a * b for a, b in matrices)
    active = 2 * vocab_size * d_model + num_layers * layer + d_model + num_layers * top_k * d_ff * d_model * 3
    return active + num_layers * (num_experts - top_k) * 3 * d_model * d_ff, active


def flops_product_by_product(tokens, d_model, d_ff, num_experts, top_k):
    def product(n, a, b):
        return 2 * n * a * b

    one = 2 * product(tokens, d_model, d_ff) + product(tokens, d_ff, d_model)
    return product(tokens, d_model, num_experts), one * num_experts, sum(one for _ in range(top_k))


def information_in_numpy(counts):
    joint = np.asarray(counts, dtype=float) / float(counts.sum())
    total = 0.0
    for i, d in zip(*joint.nonzero(), strict=True):
        total += joint[i, d] * math.log2(joint[i, d] / (joint[i].sum() * joint[:, d].sum()))
    return torch.tensor(total)


ALTERNATIVES = {
    "4.3-1": mixture_by_loop,
    "4.3-2": gates_by_renormalising,
    "4.3-3": orders_by_sorting,
    "4.3-4": balance_by_one_hot,
    "4.3-5": z_loss_by_hand,
    "4.3-6": bias_step_in_loops,
    "4.3-7": expert_choice_by_columns,
    "4.3-8": capacity_in_whole_numbers,
    "4.3-9": served_by_cumsum,
    "4.3-10": combine_in_loops,
    "4.3-11": dispatch_in_a_loop,
    "4.3-12": parameters_matrix_by_matrix,
    "4.3-13": flops_product_by_product,
    "4.3-14": information_in_numpy,
}


# Usual mistakes in a reader's own words --------------------------------------------------------------


def mixture_of_the_article(x, w_router, experts):
    gates = torch.softmax(x @ w_router, dim=-1)
    outputs = torch.stack([expert(x) for expert in experts], dim=1)
    return torch.einsum("bse,bsed->bsd", gates, outputs)


def mixture_with_dim_one(x, w_router, experts):
    gates = F.softmax(x @ w_router, dim=1)
    return sum(gates[..., i : i + 1] * expert(x) for i, expert in enumerate(experts))


def mixture_that_scales_the_tokens(x, w_router, experts):
    gates = F.softmax(x @ w_router, dim=-1)
    return torch.stack([expert(x * gates[..., i, None]) for i, expert in enumerate(experts)]).sum(0)


def gates_by_topk(logits, top_k):
    values, indices = logits.softmax(-1).topk(top_k)
    return torch.zeros_like(logits).scatter(1, indices, values)


def gates_of_a_product(logits, top_k):
    keep = torch.zeros_like(logits)
    for row, places in zip(keep, logits.argsort(descending=True, stable=True), strict=True):
        row[places[:top_k]] = 1
    return (keep * logits).softmax(1)


def gates_of_all_that_reach(logits, top_k):
    weakest = logits.sort(1, descending=True).values[:, top_k - 1]
    return torch.where(logits >= weakest[:, None], logits, -torch.inf).softmax(1)


def gates_without_a_graph(logits, top_k):
    with torch.no_grad():
        return gates_by_renormalising(logits, top_k)


def orders_renormalised_twice(logits, top_k):
    probs = logits.softmax(-1).topk(top_k).values
    share = probs.sum(1, keepdim=True)
    return probs / share, logits.topk(top_k).values.softmax(-1), share


def orders_with_probabilities(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, before.softmax(-1), before.sum(-1)[:, None]


def orders_the_other_way(logits, top_k):
    after = logits.softmax(-1).topk(top_k).values
    before = logits.topk(top_k).values.softmax(-1)
    return before, after, after.sum(-1, keepdim=True)


def balance_of_counts(logits, top_k):
    chosen = logits.topk(top_k).indices.flatten()
    f = torch.bincount(chosen, minlength=logits.shape[1]) / len(logits)
    return logits.shape[1] * (f * f).sum()


def balance_of_probabilities(logits, top_k):
    p = logits.softmax(-1).mean(0)
    return p.square().sum() * logits.shape[1]


def balance_as_a_mean(logits, top_k):
    p = logits.softmax(-1)
    mask = torch.zeros_like(p).scatter(1, p.topk(top_k).indices, 1.0)
    return (mask.mean(0) * p.mean(0)).mean()


def balance_by_argmax(logits, top_k):
    p = logits.softmax(-1)
    f = F.one_hot(p.argmax(-1), p.shape[1]).float().mean(0)
    return p.shape[1] * torch.dot(f, p.mean(0))


def z_loss_by_the_book(logits):
    return torch.log(torch.exp(logits).sum(1)).pow(2).mean()


def z_loss_averaged_too_early(logits):
    return torch.logsumexp(logits, 1).mean() ** 2


def bias_step_by_error(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(1, chosen, 1.0)
    load = mask.sum(0)
    return probs * mask, bias + rate * (load.mean() - load)


def bias_step_with_biased_gates(probs, bias, top_k, rate):
    values, chosen = (probs + bias).topk(top_k)
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    return torch.zeros_like(probs).scatter(1, chosen, values), bias + rate * (load.mean() - load).sign()


def bias_step_for_one_choice(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    mask = torch.zeros_like(probs).scatter(1, chosen, 1.0)
    return probs * mask, bias + rate * torch.sign(len(probs) / len(bias) - mask.sum(0))


def expert_choice_down_the_tokens(logits, capacity):
    probs = logits.softmax(0)
    places = probs.argsort(dim=0, descending=True, stable=True)[:capacity]
    return torch.zeros_like(probs).scatter(0, places, probs.gather(0, places))


def expert_choice_that_asks_too_much(logits, capacity):
    values, places = logits.softmax(-1).topk(capacity, dim=0)
    return torch.zeros_like(logits).scatter(0, places, values)


def expert_choice_by_tokens(logits, capacity):
    probs = logits.softmax(-1)
    places = probs.argsort(dim=-1, descending=True, stable=True)[:, :capacity]
    return probs * torch.zeros_like(probs).scatter(1, places, 1.0)


def capacity_of_a_sequence(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(seq * top_k / num_experts * capacity_factor)


def capacity_by_floor(batch, seq, num_experts, top_k, capacity_factor):
    return math.floor(batch * seq * top_k / num_experts * capacity_factor)


def capacity_of_switch(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(batch * seq / num_experts * capacity_factor)


def served_in_reading_order(expert, num_experts, capacity):
    taken, kept = [0] * num_experts, []
    for row in expert.tolist():
        kept.append([])
        for index in row:
            kept[-1].append(taken[index] < capacity)
            taken[index] += 1
    return torch.tensor(kept)


def served_with_counters_anew(expert, num_experts, capacity):
    kept = torch.ones_like(expert) > 0
    for choice in range(expert.shape[1]):
        taken = [0] * num_experts
        for token, index in enumerate(expert[:, choice].tolist()):
            kept[token, choice] = taken[index] < capacity
            taken[index] += 1
    return kept


def combine_without_the_dropped(x, answers, gates, kept):
    y = x + torch.einsum("tk,tkd->td", gates * kept, answers)
    y[kept.sum(1) == 0] = 0
    return y


def combine_renormalised(x, answers, gates, kept):
    gates = gates * kept
    gates = gates / gates.sum(1, keepdim=True)
    return x + torch.einsum("tk,tkd->td", gates, answers)


def combine_twice(x, answers, gates, kept):
    weighted = answers * gates[..., None]
    return x + (gates * kept).unsqueeze(1).bmm(weighted).squeeze(1)


def dispatch_of_everybody(x, expert, gate, experts):
    answers = torch.stack([run(x) for run in experts], 1)
    full = torch.zeros(len(x), len(experts)).scatter(1, expert, gate)
    return (full[..., None] * answers).sum(1)


def dispatch_that_forgets_to_unsort(x, expert, gate, experts):
    order = torch.argsort(expert.reshape(-1), stable=True)
    rows = x.repeat_interleave(expert.shape[1], 0)[order]
    sizes = torch.bincount(expert.reshape(-1), minlength=len(experts)).tolist()
    parts = rows.split(sizes)
    answers = torch.cat([run(part) for run, part in zip(experts, parts, strict=True) if len(part)])
    return (gate.reshape(-1)[order][:, None] * answers).reshape(len(x), -1, x.shape[1]).sum(1)


def dispatch_that_assigns(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for index, run in enumerate(experts):
        token, choice = torch.where(expert == index)
        if len(token) > 0:
            y[token] = gate[token, choice, None] * run(x[token])
    return y


def dispatch_of_empty_groups(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for index, run in enumerate(experts):
        token, choice = torch.where(expert == index)
        y = y.index_add(0, token, gate[token, choice, None] * run(x[token]))
    return y


def parameters_by_name(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    attention, feed_forward = 2 * d_model**2 + 2 * d_model * d_kv, 3 * d_model * d_ff
    one = num_layers * (attention + feed_forward + d_model + 2 * d_model) + 2 * vocab_size * d_model + d_model
    return num_experts * one, top_k * one


def parameters_of_gelu_experts(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    shared = 2 * d_model * (d_model + d_kv) + d_model * (num_experts + 2)
    rest = 2 * vocab_size * d_model + d_model
    return tuple(num_layers * (shared + n * 2 * d_model * d_ff) + rest for n in (num_experts, top_k))


def flops_in_macs(tokens, d_model, d_ff, num_experts, top_k):
    one = 3 * tokens * d_model * d_ff
    return tokens * d_model * num_experts, num_experts * one, top_k * one


def flops_of_two_matrices(tokens, d_model, d_ff, num_experts, top_k):
    one = 4 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * one, top_k * one


def information_with_log(counts):
    joint = counts / counts.sum()
    table = joint.sum(1)[:, None] * joint.sum(0)
    seen = joint > 0
    return (joint[seen] * torch.log(joint[seen] / table[seen])).sum()


def information_with_nan(counts):
    joint = counts / counts.sum()
    return (joint * torch.log2(joint / torch.outer(joint.sum(1), joint.sum(0)))).sum()


def information_left(counts):
    joint = counts / counts.sum()
    given = torch.where(joint > 0, joint / joint.sum(1, keepdim=True), 1.0)
    return -(joint * given.log2()).sum()


VARIATIONS = [
    ("4.3-1", "summed over the wrong axis", mixture_of_the_article),
    ("4.3-1", "softmax over the wrong axis", mixture_with_dim_one),
    ("4.3-1", "gate on the input", mixture_that_scales_the_tokens),
    ("4.3-2", "not renormalised", gates_by_topk),
    ("4.3-2", "zero logits for the others", gates_of_a_product),
    ("4.3-2", "ties let too many in", gates_of_all_that_reach),
    ("4.3-2", "router cut off", gates_without_a_graph),
    ("4.3-3", "before renormalised", orders_renormalised_twice),
    ("4.3-3", "softmax of probabilities", orders_with_probabilities),
    ("4.3-3", "before and after exchanged", orders_the_other_way),
    ("4.3-4", "from hard counts alone", balance_of_counts),
    ("4.3-4", "from probabilities alone", balance_of_probabilities),
    ("4.3-4", "averaged over experts", balance_as_a_mean),
    ("4.3-4", "first choices only", balance_by_argmax),
    ("4.3-5", "exponentials overflow", z_loss_by_the_book),
    ("4.3-5", "square of the mean", z_loss_averaged_too_early),
    ("4.3-6", "step grows with the error", bias_step_by_error),
    ("4.3-6", "gate sees the bias", bias_step_with_biased_gates),
    ("4.3-6", "mean load without k", bias_step_for_one_choice),
    ("4.3-7", "softmax over the tokens", expert_choice_down_the_tokens),
    ("4.3-7", "more tokens asked for than there are", expert_choice_that_asks_too_much),
    ("4.3-7", "tokens choose", expert_choice_by_tokens),
    ("4.3-8", "capacity per sequence", capacity_of_a_sequence),
    ("4.3-8", "rounded down", capacity_by_floor),
    ("4.3-8", "k forgotten", capacity_of_switch),
    ("4.3-9", "token by token", served_in_reading_order),
    ("4.3-9", "a queue for each choice", served_with_counters_anew),
    ("4.3-10", "dropped token zeroed", combine_without_the_dropped),
    ("4.3-10", "remaining gates raised", combine_renormalised),
    ("4.3-10", "gate applied twice", combine_twice),
    ("4.3-11", "every expert asked about every token", dispatch_of_everybody),
    ("4.3-11", "left in sorted order", dispatch_that_forgets_to_unsort),
    ("4.3-11", "second answer overwrites the first", dispatch_that_assigns),
    ("4.3-11", "idle expert called", dispatch_of_empty_groups),
    ("4.3-12", "everything times the experts", parameters_by_name),
    ("4.3-12", "two matrices an expert", parameters_of_gelu_experts),
    ("4.3-13", "additions forgotten", flops_in_macs),
    ("4.3-13", "two matrices an expert", flops_of_two_matrices),
    ("4.3-14", "in nats", information_with_log),
    ("4.3-14", "empty cells give NaN", information_with_nan),
    ("4.3-14", "what is left over", information_left),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("4.3", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("4.3") for mistake in item.mistakes}
    assert names >= {
        "not renormalised",
        "after not renormalised",
        "from hard counts alone",
        "from probabilities alone",
        "averaged over experts",
        "capacity per sequence",
        "rounded down",
        "dropped token zeroed",
        "gate applied twice",
        "summed over the wrong axis",
        "ties left to chance",
    }
    assert len(of_chapter("4.3")) >= 9


def test_torch_s_topk_is_warned_of_ties():
    """Whichever of equal numbers this version of topk takes, the reader never hears a wrong reason."""

    def gates(logits, top_k):
        values, indices = logits.topk(top_k)
        return torch.zeros_like(logits).scatter(1, indices, values.softmax(-1))

    verdict = judge("4.3-2", gates)
    assert verdict.status == "correct" or verdict.mistake in (None, "ties left to chance"), verdict.message


def test_a_bias_that_is_moved_in_place_is_told_so():
    def moves(probs, bias, top_k, rate):
        chosen = (probs + bias).topk(top_k).indices
        mask = torch.zeros_like(probs).scatter(1, chosen, 1.0)
        bias += rate * torch.sign(mask.sum(0).mean() - mask.sum(0))
        return probs * mask, bias

    verdict = judge("4.3-6", moves)
    assert (verdict.status, verdict.mistake) == ("wrong", "changes its input")


@pytest.mark.parametrize("power", [1, 2])
def test_a_balance_loss_of_soft_counts_is_no_hard_count(power):
    """A loss of probabilities has a gradient that looks right; its value gives it away."""

    def soft(logits, top_k):
        return logits.shape[1] * (logits.softmax(-1).mean(0) ** power).sum()

    assert judge("4.3-4", soft).status != "correct"


# The references against the library ------------------------------------------------------------------


@torch.no_grad()
def test_the_mixture_equals_the_library_s():
    mixture, x = DenseMixture(8, num_experts=3), torch.randn(2, 5, 8)
    got = find("4.3-1").reference(x, mixture.router.weight.T, list(mixture.experts))
    torch.testing.assert_close(got, mixture(x))


def dense_gates(routing):
    gates = torch.zeros_like(routing.probs)
    return gates.index_put((routing.token, routing.expert), routing.gate * routing.kept)


def test_gates_equal_the_library_s():
    for got, (logits, top_k) in every_case("4.3-2"):
        torch.testing.assert_close(got, dense_gates(top_k_routing(logits, top_k)))
    for (before, after, share), (logits, top_k) in every_case("4.3-3"):
        plain, scaled = (top_k_routing(logits, top_k, renormalize=flag) for flag in (False, True))
        torch.testing.assert_close(before, plain.gate.view(top_k, -1).T)
        torch.testing.assert_close(after, scaled.gate.view(top_k, -1).T)
        torch.testing.assert_close(before / share, after)


def test_losses_equal_the_library_s():
    for got, (logits, top_k) in every_case("4.3-4"):
        torch.testing.assert_close(got, load_balancing_loss(top_k_routing(logits, top_k)))
    for got, (logits,) in every_case("4.3-5"):
        torch.testing.assert_close(got, router_z_loss(top_k_routing(logits, 1)))


def test_bias_step_equals_the_library_s():
    for (gates, moved), (probs, bias, top_k, rate) in every_case("4.3-6"):
        routing = top_k_routing(probs.clamp(min=1e-30).log(), top_k, renormalize=False, bias=bias)
        torch.testing.assert_close(gates, dense_gates(routing))
        balancing_bias_step(bias, routing, rate)
        torch.testing.assert_close(moved, bias)


def test_expert_choice_equals_the_library_s():
    for got, (logits, capacity) in every_case("4.3-7"):
        torch.testing.assert_close(got, dense_gates(expert_choice_routing(logits, capacity)))


def test_capacity_and_service_equal_the_library_s():
    for got, (batch, seq, num_experts, top_k, factor) in every_case("4.3-8"):
        assert got == expert_capacity(
            batch * seq, num_experts=num_experts, top_k=top_k, capacity_factor=factor
        )
    for seed in range(5):
        logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(seed))
        routing = top_k_routing(logits, 2, capacity=7)
        kept = find("4.3-9").reference(routing.expert.view(2, -1).T, 4, 7)
        assert torch.equal(kept.T.flatten(), routing.kept)
        assert 0 < kept.sum() < kept.numel()


@torch.no_grad()
def test_the_way_there_and_back_equals_the_library_s():
    """Answers to all choices, combined by the exercise, are the library's mixture on its residual path."""
    moe, x = MoE(6, num_experts=4, capacity_factor=0.75), torch.randn(16, 6)
    routing = moe.train().route(x)
    assert not routing.kept.all()
    expert, gate, kept = (part.view(2, -1).T for part in (routing.expert, routing.gate, routing.kept))
    answers = torch.stack(
        [torch.stack([moe.experts[i](x[t]) for i in row]) for t, row in enumerate(expert.tolist())]
    )
    torch.testing.assert_close(find("4.3-10").reference(x, answers, gate, kept), x + moe(x))
    everything = Routing(*routing[:5], kept=torch.ones_like(routing.kept))
    got = find("4.3-11").reference(x, expert, gate, list(moe.experts))
    torch.testing.assert_close(got, dispatch_loop(x, moe.experts, everything))
    torch.testing.assert_close(got, dispatch_sorted(x, moe.experts, everything))


def test_parameters_are_those_that_mixtral_has():
    """The published totals: 46.7 and 12.9 billion (8x7B), 141 and 39 billion (8x22B)."""
    found = {case.name: find("4.3-12").reference(*case.inputs) for case in find("4.3-12").cases}
    assert [round(n / 1e9, 1) for n in found["Mixtral 8x7B"]] == [46.7, 12.9]
    assert [round(n / 1e9) for n in found["Mixtral 8x22B"]] == [141, 39]


def test_parameters_equal_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    vocab, d_model, layers, _, d_ff, experts, k = sizes = (50, 16, 2, 8, 24, 4, 2)
    config = transformers.MixtralConfig(
        vocab_size=vocab,
        hidden_size=d_model,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=d_ff,
        num_local_experts=experts,
        num_experts_per_tok=k,
    )
    with torch.device("meta"):
        model = transformers.MixtralForCausalLM(config)
    assert sum(p.numel() for p in model.parameters()) == find("4.3-12").reference(*sizes)[0]


def test_flops_equal_those_that_torch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    tokens, d_model, d_ff, experts, k = 10, 8, 12, 4, 2
    router, everybody, few = find("4.3-13").reference(tokens, d_model, d_ff, experts, k)
    x = torch.randn(tokens, d_model)
    with FlopCounterMode(display=False) as counter:
        nn.Linear(d_model, experts, bias=False)(x)
    assert counter.get_total_flops() == router
    with FlopCounterMode(display=False) as counter:
        FeedForward(d_model, d_ff=d_ff, activation="swiglu", bias=False)(x)
    assert counter.get_total_flops() * experts == everybody
    with FlopCounterMode(display=False) as counter:
        MoE(d_model, num_experts=experts, top_k=k, d_ff=d_ff, activation="swiglu")(x)
    assert counter.get_total_flops() == router + few


def test_information_equals_scikit_learn_s():
    for got, (counts,) in every_case("4.3-14"):
        experts, domains = counts.long().nonzero(as_tuple=True)
        times = counts.long()[experts, domains]
        pairs = (axis.repeat_interleave(times).numpy() for axis in (experts, domains))
        assert math.isclose(got, mutual_info_score(*pairs) / math.log(2), abs_tol=1e-5)


JUDGED = {key: find(key).right() for key in ("4.3-15", "4.3-16")}

TestQuestions = question_rules_for(
    "4.3",
    alternatives={
        "4.3-15": JUDGED["4.3-15"] | {"share": torch.tensor(JUDGED["4.3-15"]["share"])},
        "4.3-16": frozenset(JUDGED["4.3-16"]),
    },
    variations=[
        ("4.3-15", "the optimizer alone", JUDGED["4.3-15"] | {"whole": 2400 / 30}),
        ("4.3-16", "one kind each", set(JUDGED["4.3-16"]) | {find("4.3-16").options[3]}),
    ],
    seeds=(None, 1, 3, 7, 11),
)


def test_whether_a_knock_out_tells_hangs_on_the_seed():
    assert {len(find("4.3-16").right(seed)) for seed in range(12)} == {1, 2}
