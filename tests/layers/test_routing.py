"""Who goes where: choices against loops and worked cases, balance against formulas, statistics, errors."""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from llmasos_edu.layers.routing import (
    balancing_bias_step,
    check_top_k,
    expert_capacity,
    expert_choice_routing,
    load_balancing_loss,
    router_z_loss,
    routing_statistics,
    routings_from_logits,
    top_k_routing,
)

exact = {"rtol": 1e-12, "atol": 1e-12}
QUICK = settings(max_examples=50, deadline=None)


@st.composite
def logits_and_k(draw):
    """Logits with many ties (whole numbers) or without, and a top_k that fits."""
    num_tokens, num_experts = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    logits = 2 * torch.randn(num_tokens, num_experts, dtype=torch.float64, generator=generator)
    return (logits.round() if draw(st.booleans()) else logits), draw(st.integers(1, num_experts))


def randn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def choice_by_hand(scores, top_k):
    """For each token its experts, best first, the lower index among equals."""
    return [sorted(range(len(row)), key=lambda i: (-row[i], i))[:top_k] for row in scores.tolist()]


def to_experts(*experts, num_experts=4):
    """Logits that send each token to one expert for all but certain."""
    return 20.0 * torch.eye(num_experts, dtype=torch.float64)[list(experts)]


# Tokens choose


@given(logits_and_k(), st.booleans())
@QUICK
def test_each_token_goes_to_its_likeliest_experts(case, renormalize):
    logits, top_k = case
    num_tokens = len(logits)
    routing = top_k_routing(logits, top_k, renormalize=renormalize)
    probs = logits.exp() / logits.exp().sum(dim=-1, keepdim=True)
    assert_close(routing.probs, probs, **exact)
    assert routing.logits is logits
    chosen = choice_by_hand(routing.probs, top_k)
    expected = [(token, chosen[token][rank]) for rank in range(top_k) for token in range(num_tokens)]
    assert list(zip(routing.token.tolist(), routing.expert.tolist(), strict=True)) == expected
    for token, expert, gate in zip(*(each.tolist() for each in routing[2:5]), strict=True):
        total = probs[token, chosen[token]].sum().item() if renormalize else 1.0
        assert gate == pytest.approx(probs[token, expert].item() / total, abs=1e-12)
    assert routing.kept.all()
    assert routing.kept.dtype == torch.bool


def test_renormalised_gates_are_a_softmax_over_the_chosen_logits():
    logits = randn(9, 6)
    routing = top_k_routing(logits, 3)
    chosen = routing.expert.view(3, 9).T
    assert_close(routing.gate.view(3, 9).T, logits.gather(-1, chosen).softmax(dim=-1), **exact)
    plain = top_k_routing(logits, 3, renormalize=False).gate.view(3, 9)
    assert_close(plain, logits.softmax(dim=-1).gather(-1, chosen).T, **exact)
    assert (plain.sum(dim=0) < 1).all()


def test_equal_scores_take_the_lower_index():
    for num_experts in (2, 5, 64, 200):  # long rows too, where a vectorised search could pick any
        routing = top_k_routing(torch.zeros(3, num_experts), 2)
        assert routing.expert.tolist() == [0, 0, 0, 1, 1, 1]
    logits = torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0]])
    assert top_k_routing(logits, 4).expert.tolist() == [1, 2, 4, 3]
    by_expert = expert_choice_routing(torch.zeros(3_000, 2), 2_000)  # and earlier tokens first
    assert torch.equal(by_expert.token, torch.arange(2_000).repeat(2))


def test_assignments_live_where_the_logits_do():
    logits = randn(5, 4)
    with torch.device("meta"):  # where tensors go of which nothing else is said
        for routing in (top_k_routing(logits, 2, capacity=1), expert_choice_routing(logits, 2)):
            assert {each.device.type for each in routing} == {"cpu"}


def test_the_choice_leaves_its_input_alone():
    logits = randn(5, 4)
    before = logits.clone()
    top_k_routing(logits, 4, bias=torch.zeros(4, dtype=torch.float64), capacity=2)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("renormalize", [True, False])
def test_gates_carry_the_gradient_and_unchosen_experts_get_it_through_the_softmax_alone(renormalize):
    logits = randn(1, 4).requires_grad_()
    routing = top_k_routing(logits, 2, renormalize=renormalize)
    (gradient,) = torch.autograd.grad(routing.gate[0], logits)
    first, second = routing.expert.tolist()
    probs, expected = routing.probs[0].detach(), torch.zeros(4, dtype=torch.float64)
    if renormalize:  # d g1 = g1 (1 - g1) on the two logits: the softmax over these alone
        slope = routing.gate[0].detach() * routing.gate[1].detach()
        expected[first], expected[second] = slope, -slope
    else:  # d p1 / d l_i = p1 (1[i = first] - p_i)
        expected = -probs[first] * probs
        expected[first] += probs[first]
    assert_close(gradient[0], expected, **exact)


def test_one_renormalised_expert_teaches_the_router_nothing():
    logits = randn(5, 4).requires_grad_()
    routing = top_k_routing(logits, 1)
    assert torch.equal(routing.gate, torch.ones(5, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(routing.gate.sum(), logits)
    assert gradient.abs().max() < 1e-15
    switch = top_k_routing(logits, 1, renormalize=False)
    assert torch.equal(switch.gate, logits.softmax(dim=-1).amax(dim=-1))
    (gradient,) = torch.autograd.grad(switch.gate.sum(), logits)
    assert (gradient.abs() > 1e-6).all()


def test_the_bias_moves_the_choice_and_not_the_gate():
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]], dtype=torch.float64)
    bias = torch.tensor([0.0, 0.0, 0.9], dtype=torch.float64)
    routing = top_k_routing(logits, 1, renormalize=False, bias=bias)
    assert routing.expert.tolist() == [2, 2]
    assert_close(routing.gate, routing.probs[:, 2], **exact)
    without = top_k_routing(logits, 1, renormalize=False)
    assert without.expert.tolist() == [0, 1]
    none = top_k_routing(logits, 1, renormalize=False, bias=torch.zeros(3, dtype=torch.float64))
    assert torch.equal(none.expert, without.expert)


# Room


@given(logits_and_k(), st.integers(1, 6))
@QUICK
def test_an_expert_serves_first_choices_first_and_earlier_tokens_first(case, capacity):
    logits, top_k = case
    routing = top_k_routing(logits, top_k, capacity=capacity)
    free = dict.fromkeys(range(logits.shape[1]), capacity)
    chosen = choice_by_hand(routing.probs, top_k)
    expected = []
    for rank in range(top_k):
        for token in range(len(logits)):
            expert = chosen[token][rank]
            expected.append(free[expert] > 0)
            free[expert] -= 1
    assert routing.kept.tolist() == expected
    unlimited = top_k_routing(logits, top_k)
    assert torch.equal(routing.gate, unlimited.gate)  # nobody's gate is raised when another is dropped
    assert torch.equal(routing.expert, unlimited.expert)


def test_a_worked_case_of_drops():
    routing = top_k_routing(to_experts(0, 1, 0, 0, 1), 1, capacity=2)
    assert routing.expert.tolist() == [0, 1, 0, 0, 1]
    assert routing.kept.tolist() == [True, True, True, False, True]
    # token 0 goes to 0 then 1, token 1 to 1 then 0: second choices come after both first ones
    both = top_k_routing(torch.tensor([[2.0, 1.0], [1.0, 2.0], [2.0, 1.0]]), 2, capacity=2)
    assert both.token.tolist() == [0, 1, 2, 0, 1, 2]
    assert both.expert.tolist() == [0, 1, 0, 1, 0, 1]
    assert both.kept.tolist() == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("tokens", "experts", "top_k", "factor", "capacity"),
    [
        (64, 8, 1, 1.0, 8),
        (64, 8, 2, 1.0, 16),
        (64, 8, 2, 1.25, 20),
        (10, 4, 1, 1.0, 3),  # rounded up
        (3, 64, 1, 1.0, 1),  # never down to zero
        (3, 64, 1, 1e-12, 1),
        (10, 1, 1, 1.1, 11),  # 1.1 * 10 is 11.000000000000002
        (10, 1, 1, 1.11, 12),
        (1000, 8, 1, 1.0001, 126),
    ],
)
def test_capacity(tokens, experts, top_k, factor, capacity):
    assert expert_capacity(tokens, num_experts=experts, top_k=top_k, capacity_factor=factor) == capacity


# Experts choose


@given(logits_and_k(), st.integers(1, 14))
@QUICK
def test_each_expert_takes_the_tokens_that_want_it_most(case, capacity):
    logits, _ = case
    num_tokens, num_experts = logits.shape
    routing = expert_choice_routing(logits, capacity)
    taken = min(capacity, num_tokens)
    assert_close(routing.probs, logits.softmax(dim=-1), **exact)
    assert routing.logits is logits
    wanted = choice_by_hand(routing.probs.T, taken)
    expected = [(token, expert) for expert in range(num_experts) for token in wanted[expert]]
    assert list(zip(routing.token.tolist(), routing.expert.tolist(), strict=True)) == expected
    assert torch.equal(routing.gate, routing.probs[routing.token, routing.expert])
    assert routing.expert.bincount(minlength=num_experts).tolist() == [taken] * num_experts
    assert routing.kept.all()
    assert routing.kept.dtype == torch.bool


def test_expert_choice_is_balanced_but_leaks_the_future():
    logits = randn(12, 4) + torch.tensor([5.0, 0.0, 0.0, 0.0])  # everybody prefers expert 0
    statistics = routing_statistics(expert_choice_routing(logits, 3))
    assert statistics.max_over_mean == 1
    assert statistics.dropped.sum() == 0
    assert routing_statistics(top_k_routing(logits, 1)).max_over_mean > 3
    # The last token begins to want expert 1, and an earlier one loses its place there.
    routing = expert_choice_routing(logits, 3)
    changed = logits.clone()
    changed[-1, 1] += 20
    after = expert_choice_routing(changed, 3)
    earlier = [set(each.token[each.expert == 1].tolist()) - {11} for each in (routing, after)]
    assert earlier[1] < earlier[0]
    assert torch.equal(top_k_routing(logits, 2).expert[:11], top_k_routing(changed, 2).expert[:11])


def test_expert_choice_gates_carry_the_gradient():
    logits = randn(6, 3).requires_grad_()
    routing = expert_choice_routing(logits, 2)
    (gradient,) = torch.autograd.grad(routing.gate.sum(), logits)
    taken = torch.zeros(6, 3, dtype=torch.float64).index_put(
        (routing.token, routing.expert), torch.ones(6, dtype=torch.float64)
    )
    probs = logits.detach().softmax(dim=-1)
    assert_close(gradient, probs * (taken - (taken * probs).sum(dim=-1, keepdim=True)), **exact)


# Balance


def test_balance_loss_worked_by_hand():
    # Softmax of these logits: token 0 (3/4, 1/4), token 1 (2/3, 1/3), token 2 (1/5, 4/5).
    logits = torch.tensor([[3.0, 1.0], [2.0, 1.0], [1.0, 4.0]], dtype=torch.float64).log()
    # One expert each: f = (2/3, 1/3); P = (97/180, 83/180); 2 (2/3 97/180 + 1/3 83/180) = 277/270.
    assert load_balancing_loss(top_k_routing(logits, 1)).item() == pytest.approx(277 / 270, abs=1e-12)
    # Two each: f = (1, 1), so the loss is 2 whatever the probabilities are.
    assert load_balancing_loss(top_k_routing(logits, 2)).item() == pytest.approx(2, abs=1e-12)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_balance_loss_is_top_k_when_all_is_even(top_k):
    even = torch.stack([torch.arange(4.0).roll(i) for i in range(4)]).double()
    assert load_balancing_loss(top_k_routing(even, top_k)).item() == pytest.approx(top_k, abs=1e-12)


def test_balance_loss_is_the_number_of_experts_at_collapse():
    assert load_balancing_loss(top_k_routing(to_experts(2, 2, 2), 1)).item() == pytest.approx(4, abs=1e-6)


def test_balance_loss_can_fall_below_top_k():
    """Two of three tokens choose expert 0 by a hair, the third is sure of expert 1: f and P point apart."""
    logits = torch.tensor([[0.1, 0.0], [0.1, 0.0], [0.0, 9.0]], dtype=torch.float64)
    assert load_balancing_loss(top_k_routing(logits, 1)).item() < 0.95


def test_balance_loss_counts_what_was_dropped_too():
    logits = randn(12, 4)
    free, tight = top_k_routing(logits, 2), top_k_routing(logits, 2, capacity=1)
    assert not tight.kept.all()
    assert torch.equal(load_balancing_loss(free), load_balancing_loss(tight))


@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_balance_loss_equals_transformers(top_k, dtype):
    mixtral = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    logits = randn(50, 5).to(dtype)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = load_balancing_loss(top_k_routing(ours, top_k))
    expected = mixtral.load_balancing_loss_func((theirs,), num_experts=5, top_k=top_k)
    assert loss.dtype == dtype
    assert_close(loss, expected.to(dtype), rtol=1e-6, atol=1e-6)  # theirs counts in float32
    loss.backward()
    expected.backward()
    assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("top_k", [1, 2])
def test_gradient_of_the_balance_loss(top_k):
    """d L / d l_tj = E / T p_tj (f_j - sum_i f_i p_ti): experts with more than their share go down."""
    logits = randn(10, 4).requires_grad_()
    routing = top_k_routing(logits, top_k)
    (gradient,) = torch.autograd.grad(load_balancing_loss(routing), logits)
    probs = routing.probs.detach()
    share = routing.expert.bincount(minlength=4).double() / 10
    assert_close(gradient, 4 / 10 * probs * (share - probs @ share[:, None]), **exact)


def test_router_z_loss_and_its_gradient():
    """(1/T) sum log(Z)^2; d / d l_tj = 2/T log(Z_t) p_tj."""
    logits = randn(10, 4).requires_grad_()
    routing = top_k_routing(logits, 2)
    log_z = logits.detach().exp().sum(dim=-1, keepdim=True).log()
    loss = router_z_loss(routing)
    assert_close(loss.detach(), (log_z**2).mean(), **exact)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert_close(gradient, 2 / 10 * log_z * routing.probs.detach(), **exact)
    same = router_z_loss(top_k_routing(logits - log_z, 2))  # the same probabilities, logits of log-sum zero
    assert same.item() < 1e-24


def test_a_step_of_the_bias_by_hand():
    bias = torch.tensor([0.5, 0.0, 0.0, -0.25])
    before = bias
    # Loads 3, 1, 0, 0, mean 1: down, stay, up, up.
    balancing_bias_step(bias, top_k_routing(to_experts(0, 0, 0, 1), 1), 0.25)
    assert bias.tolist() == [0.25, 0.0, 0.25, 0.0]
    assert bias is before
    # Dropped assignments count: the expert was asked for.
    balancing_bias_step(bias, top_k_routing(to_experts(0, 0, 0, 1), 1, capacity=1), 0.25)
    assert bias.tolist() == [0.0, 0.0, 0.5, 0.25]


def test_the_bias_is_changed_without_gradient():
    bias = torch.zeros(4, requires_grad=True)
    balancing_bias_step(bias, top_k_routing(randn(5, 4).requires_grad_(), 1), 0.1)
    assert bias.grad_fn is None
    assert bias.abs().max().item() == pytest.approx(0.1)


@pytest.mark.parametrize("top_k", [1, 2])
def test_the_bias_alone_evens_a_skewed_router(top_k):
    logits = randn(600, 8) + torch.tensor([3.0, 1.0, 0, 0, 0, 0, -1.0, -3.0])
    bias = torch.zeros(8, dtype=torch.float64)
    busiest = []
    for _ in range(600):
        routing = top_k_routing(logits, top_k, bias=bias)
        busiest.append(routing_statistics(routing).max_over_mean)
        balancing_bias_step(bias, routing, 0.002)
    assert busiest[0] > 3
    assert max(busiest[-20:]) < 1.35
    assert (routing.expert.bincount(minlength=8) > 0).all()


# Statistics


def test_statistics_by_hand():
    logits = torch.tensor([[3.0, 1.0], [2.0, 1.0], [1.0, 4.0]], dtype=torch.float64).log()
    routing = top_k_routing(logits, 1, capacity=1)
    found = routing_statistics(routing)
    assert found.load.tolist() == [2, 1]
    assert found.dropped.tolist() == [1, 0]
    assert_close(found.mean_prob, torch.tensor([97 / 180, 83 / 180], dtype=torch.float64), **exact)
    bits = [-sum(p * math.log2(p) for p in row) for row in ((3 / 4, 1 / 4), (2 / 3, 1 / 3), (1 / 5, 4 / 5))]
    assert found.entropy == pytest.approx(sum(bits) / 3, abs=1e-12)
    assert found.max_over_mean == pytest.approx(2 / 1.5)
    assert found.balance_loss == pytest.approx(277 / 270, abs=1e-12)
    log_z = [math.log(4), math.log(3), math.log(5)]
    assert found.z_loss == pytest.approx(sum(z * z for z in log_z) / 3, abs=1e-12)
    assert repr(found) == "RoutingStatistics(load=[2, 1], dropped=1, max_over_mean=1.33)"


def test_statistics_name_experts_that_nobody_asked_for():
    logits = to_experts(1, 1).requires_grad_()
    found = routing_statistics(top_k_routing(logits, 1, capacity=1))
    assert found.load.tolist() == [0, 2, 0, 0]
    assert found.dropped.tolist() == [0, 1, 0, 0]
    assert found.max_over_mean == 4
    assert not found.mean_prob.requires_grad
    even = routing_statistics(top_k_routing(torch.zeros(1, 8), 1))
    assert even.entropy == pytest.approx(3)
    certain = routing_statistics(top_k_routing(torch.tensor([[500.0, 0.0]]), 1))
    assert certain.entropy == 0  # 0 log 0 is 0


# From logits alone


def test_routings_from_logits_are_those_of_each_layer():
    layers = [randn(2, 5, 4), randn(10, 4, seed=1)]  # [batch, seq, experts] or [tokens, experts]
    for options in ({}, {"renormalize": False}, {"capacity_factor": 1.0}):
        capacity = 5 if "capacity_factor" in options else None
        renormalize = options.get("renormalize", True)
        found = routings_from_logits(layers, 2, **options)
        assert isinstance(found, list)
        for routing, logits in zip(found, layers, strict=True):
            expected = top_k_routing(logits.reshape(10, 4), 2, renormalize=renormalize, capacity=capacity)
            assert all(torch.equal(mine, other) for mine, other in zip(routing, expected, strict=True))
    assert not routings_from_logits(layers, 2, capacity_factor=1.0)[0].kept.all()
    assert routings_from_logits(layers, 2)[0].kept.all()


def test_routings_of_a_transformers_model_are_those_that_it_used():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.MixtralForCausalLM(
        transformers.MixtralConfig(
            vocab_size=30, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, num_local_experts=6, num_experts_per_tok=2, initializer_range=0.5,
        )
    ).eval()  # fmt: skip
    used = []
    for layer in model.model.layers:
        layer.mlp.gate.register_forward_hook(lambda module, args, output: used.append(output))
    with torch.no_grad():
        logits = model(torch.randint(30, (2, 7)), output_router_logits=True).router_logits
    routings = routings_from_logits(logits, 2)
    assert len(routings) == 3
    for routing, (_, gates, experts) in zip(routings, used, strict=True):
        assert torch.equal(routing.expert.view(2, 14).T, experts)
        assert_close(routing.gate.view(2, 14).T, gates)
        assert routing_statistics(routing).load.sum() == 28


# Errors

SIX = torch.zeros(3, 6)


def poisoned(value):
    logits = torch.zeros(3, 6)
    logits[1, 4] = value
    return logits


def capacity_with(factor):
    return expert_capacity(8, num_experts=4, top_k=1, capacity_factor=factor)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: top_k_routing(SIX, 7), "top_k=7 must lie between 1 and num_experts=6"),
        (lambda: top_k_routing(SIX, 0), "top_k=0 must lie between 1 and num_experts=6"),
        (lambda: check_top_k(3, 2), "top_k=3 must lie between 1 and num_experts=2"),
        (lambda: top_k_routing(SIX, 1, capacity=0), "capacity=0 must be at least 1: an expert of"),
        (lambda: expert_choice_routing(SIX, 0), "capacity=0 must be at least 1"),
        (lambda: expert_choice_routing(SIX, -1), "capacity=-1 must be at least 1"),
        (lambda: capacity_with(0.0), "capacity_factor=0.0 must be positive"),
        (lambda: capacity_with(-1.0), "capacity_factor=-1.0 must be positive"),
        (lambda: capacity_with(math.nan), "capacity_factor=nan must be positive"),
        (lambda: capacity_with(math.inf), "capacity_factor=inf must be positive"),
        (lambda: top_k_routing(SIX[0], 1), "logits must be numbers [tokens, experts], got torch.float32 [6]"),
        (lambda: top_k_routing(SIX.long(), 1), "got torch.int64 [3, 6]"),
        (lambda: expert_choice_routing(SIX[None], 1), "got torch.float32 [1, 3, 6]"),
        (lambda: top_k_routing(SIX[:0], 1), "there is nothing to route: logits [0, 6]"),
        (lambda: expert_choice_routing(SIX[:, :0], 1), "there is nothing to route: logits [3, 0]"),
        (lambda: top_k_routing(poisoned(math.nan), 1), "logit of token 1 for expert 4 is nan"),
        (lambda: top_k_routing(poisoned(math.inf), 1), "logit of token 1 for expert 4 is inf"),
        (lambda: expert_choice_routing(poisoned(-math.inf), 1), "logit of token 1 for expert 4 is -inf"),
        (lambda: routings_from_logits([], 1), "no router logits: call the model with output_router_logits"),
        (lambda: routings_from_logits(None, 1), "there are no router logits"),
        (lambda: routings_from_logits(SIX, 1), "got torch.float32 [6]"),
        (lambda: routings_from_logits([SIX], 7), "top_k=7"),
        (lambda: routings_from_logits([SIX], 1, capacity_factor=0), "capacity_factor=0 must be positive"),
        (lambda: routings_from_logits([SIX[:0]], 1, capacity_factor=1.0), "there is nothing to route"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_kinds_of_number(dtype):
    logits = randn(20, 4).to(dtype).requires_grad_()
    routing = top_k_routing(logits, 2, bias=torch.zeros(4, dtype=dtype), capacity=3)
    assert routing.logits.dtype == dtype
    assert routing.gate.dtype == routing.probs.dtype == load_balancing_loss(routing).dtype == torch.float32
    (load_balancing_loss(routing) + router_z_loss(routing)).backward()
    assert logits.grad.isfinite().all()
    assert routing_statistics(routing).load.sum() == 40


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("renormalize", [True, False])
def test_few_digits_do_not_send_tokens_elsewhere(dtype, renormalize):
    """Softmax and choice in float32: as exact as transformers', which computes them so, token for token."""
    logits = torch.randn(20_000, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    exact = top_k_routing(logits.double(), 2, renormalize=renormalize)
    ours = top_k_routing(logits, 2, renormalize=renormalize)
    assert torch.equal(ours.expert, exact.expert)
    theirs = logits.softmax(dim=-1, dtype=torch.float).topk(2)
    gates = theirs.values / theirs.values.sum(dim=-1, keepdim=True) if renormalize else theirs.values
    error = (ours.gate.double() - exact.gate).abs().max()
    assert error <= (gates.T.flatten().double() - exact.gate).abs().max() + 1e-9
    assert ours.probs.dtype == ours.gate.dtype == torch.float32
    balance, z = load_balancing_loss(ours), router_z_loss(ours)
    assert balance.item() == pytest.approx(load_balancing_loss(exact).item(), rel=1e-5)
    assert z.item() == pytest.approx(router_z_loss(exact).item(), rel=1e-5)
    by_expert = expert_choice_routing(logits, 500)
    assert torch.equal(by_expert.token, expert_choice_routing(logits.float(), 500).token)
