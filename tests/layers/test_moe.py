"""Mixtures against their formula, against each other and transformers; models with experts; errors."""

import json
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from llmasos_edu.layers import moe as moe_module
from llmasos_edu.layers.moe import DenseMixture, MixtureLoss, MoE, dispatch_loop, dispatch_sorted, mixtures_of
from llmasos_edu.layers.routing import (
    Routing,
    balancing_bias_step,
    expert_choice_routing,
    load_balancing_loss,
    router_z_loss,
    routing_statistics,
    top_k_routing,
)
from llmasos_edu.layers.transformer import EncoderLayer, FeedForward, TransformerLayer
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.llmasos import LLMasOS
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import TextSampler, next_token_loss

exact = {"rtol": 1e-10, "atol": 1e-10}
WIDTH = 6


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def scramble(module):
    """Every parameter random, so that no zero hides a mistake."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.double()


def mixture(num_experts=4, **options):
    return scramble(MoE(WIDTH, num_experts=num_experts, **{"d_ff": 8} | options))


def gradients(module):
    return {name: p.grad for name, p in module.named_parameters()}


def by_formula(x, experts, routing):
    """Token by token: the sum of gate times answer over what was kept."""
    output = torch.zeros_like(x)
    for token, expert, gate, kept in zip(*routing[2:], strict=True):
        if kept:
            output[token] += gate * experts[expert](x[token])
    return output


# Dispatch


@given(
    num_tokens=st.integers(1, 20),
    num_experts=st.integers(1, 6),
    top_k=st.integers(1, 6),
    capacity=st.one_of(st.none(), st.integers(1, 6)),
    renormalize=st.booleans(),
    by_expert=st.booleans(),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_loop_and_sorted_dispatch_are_the_formula_in_value_and_gradient(
    num_tokens, num_experts, top_k, capacity, renormalize, by_expert, seed
):
    torch.manual_seed(seed)
    logits = 3 * randn(num_tokens, num_experts)  # with so few tokens some experts receive nothing
    x, upstream = randn(num_tokens, WIDTH), randn(num_tokens, WIDTH)
    found = []
    for dispatch in (by_formula, dispatch_loop, dispatch_sorted):
        torch.manual_seed(seed)
        experts = nn.ModuleList(scramble(FeedForward(WIDTH, d_ff=8, bias=False)) for _ in range(num_experts))
        inputs = x.clone().requires_grad_(), logits.clone().requires_grad_()
        if by_expert:
            routing = expert_choice_routing(inputs[1], capacity or 2)
        else:
            options = {"renormalize": renormalize, "capacity": capacity}
            routing = top_k_routing(inputs[1], min(top_k, num_experts), **options)
        output = dispatch(inputs[0], experts, routing)
        output.backward(upstream)
        found.append((output, [each.grad for each in (*inputs, *experts.parameters())]))
    busy = set(routing.expert[routing.kept].tolist())
    idle = [name for name, _ in experts.named_parameters() if int(name.split(".")[0]) not in busy]
    (expected, slopes), *ours = found
    for output, grads in ours:
        assert_close(output, expected, **exact)
        assert sum(each is None for each in grads) == len(idle)
        for mine, other in zip(grads, slopes, strict=True):
            if other is None:
                assert mine is None  # an optimizer leaves an expert alone that received nothing
            else:
                assert_close(mine, other, **exact)


@pytest.mark.parametrize("dispatch", [dispatch_loop, dispatch_sorted])
def test_where_nobody_is_served_everything_is_zero(dispatch):
    routing = top_k_routing(randn(3, 2), 1)._replace(kept=torch.zeros(3, dtype=torch.bool))
    experts = nn.ModuleList(scramble(FeedForward(WIDTH, d_ff=8, bias=False)) for _ in range(2))
    assert torch.equal(dispatch(randn(3, WIDTH), experts, routing), torch.zeros(3, WIDTH).double())


@pytest.mark.parametrize("dispatch", [dispatch_loop, dispatch_sorted])
def test_each_expert_runs_once_and_an_idle_one_not_at_all(dispatch):
    calls = {}

    class Watched(nn.Module):
        def __init__(self, index):
            super().__init__()
            self.index = index

        def forward(self, x):
            assert self.index not in calls
            calls[self.index] = len(x)
            return x

    experts = nn.ModuleList(Watched(index) for index in range(4))
    logits = torch.eye(4)[[0, 2, 0, 0, 2]] * 9
    dispatch(torch.ones(5, WIDTH), experts, top_k_routing(logits, 1, capacity=2))
    assert calls == {0: 2, 2: 2}


@pytest.mark.parametrize("choice", ["token", "expert"])
@pytest.mark.parametrize("factor", [None, 0.5])
def test_the_two_dispatches_agree_through_the_whole_layer(choice, factor):
    fast = mixture(choice=choice, capacity_factor=factor, num_shared=1)
    plain = mixture(choice=choice, capacity_factor=factor, num_shared=1, fast=False)
    plain.load_state_dict(fast.state_dict())
    x, upstream = randn(3, 5, WIDTH), randn(3, 5, WIDTH)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(each) for layer, each in zip((fast, plain), inputs, strict=True)]
    for output in outputs:
        output.backward(upstream)
    assert_close(*outputs, **exact)
    assert_close(inputs[0].grad, inputs[1].grad, **exact)
    assert_close(gradients(fast), gradients(plain), **exact)
    assert gradients(fast)["router.weight"].abs().max() > 1e-3


def test_fast_says_which_dispatch_runs(monkeypatch):
    ran = []
    for name in ("dispatch_loop", "dispatch_sorted"):
        monkeypatch.setattr(moe_module, name, lambda x, *_, name=name: ran.append(name) or x)
    for options in ({}, {"fast": True}, {"fast": False}):
        mixture(**options)(randn(2, WIDTH))
    assert ran == ["dispatch_sorted", "dispatch_sorted", "dispatch_loop"]


# The layer


@pytest.mark.parametrize("top_k", [1, 2, 4])
@pytest.mark.parametrize("renormalize", [True, False])
def test_the_layer_is_its_formula(top_k, renormalize):
    layer = mixture(top_k=top_k, renormalize=renormalize, num_shared=2, activation="squared_relu")
    x = randn(2, 3, WIDTH)
    probs = (x @ layer.router.weight.T).softmax(dim=-1)
    best = probs.topk(top_k, dim=-1)
    gates = torch.zeros_like(probs).scatter(-1, best.indices, best.values)
    if renormalize:
        gates = gates / gates.sum(dim=-1, keepdim=True)
    answers = torch.stack([expert(x) for expert in layer.experts], dim=-1)  # [batch, seq, d_model, experts]
    expected = (answers @ gates[..., None])[..., 0] + sum(expert(x) for expert in layer.shared_experts)
    assert_close(layer(x), expected, **exact)
    output, routing = layer.routed(x)
    assert torch.equal(output, layer(x))
    assert isinstance(routing, Routing)
    assert_close(routing.logits, (x @ layer.router.weight.T).flatten(0, 1), **exact)  # reading order
    assert_close(layer(x[0]), expected[0], **exact)  # [tokens, d_model] will do
    assert_close(layer(x[None]), expected[None], **exact)
    assert_close(layer(x.mT.contiguous().mT), expected, **exact)


def test_a_switch_keeps_the_probability_as_its_gate():
    layer = mixture(top_k=1)
    _, routing = layer.routed(randn(7, WIDTH))
    assert_close(routing.gate, routing.probs.amax(dim=-1), **exact)
    layer(randn(7, WIDTH)).square().sum().backward()
    assert layer.router.weight.grad.abs().max() > 1e-3
    _, routing = mixture(top_k=2).routed(randn(7, WIDTH))
    assert_close(routing.gate.view(2, 7).sum(dim=0), torch.ones(7).double(), **exact)


def test_what_is_not_said_is_as_documented():
    layer = MoE(8, num_experts=3)
    assert (layer.top_k, layer.renormalize, layer.choice, layer.fast) == (2, True, "token", True)
    assert layer.capacity_factor is layer.eval_capacity_factor is layer.noise_router is None
    assert len(layer.shared_experts) == 0
    assert not MoE(8, num_experts=3, top_k=1).renormalize
    dense = DenseMixture(8, num_experts=3)
    assert not DenseMixture(8, num_experts=3, expert="layer").experts[0].attention.is_causal
    assert DenseMixture(8, num_experts=3, expert="layer").experts[0].attention.num_heads == 4
    for expert in (*layer.experts, *MoE(8, num_experts=3, num_shared=2).shared_experts, *dense.experts):
        assert expert.in_proj.weight.shape == (32, 8)
        assert expert.activation is F.gelu
    assert DenseMixture(8, num_experts=3, expert="layer").experts[0].feed_forward.in_proj.weight.shape == (
        32,
        8,
    )
    for each in (layer, dense, MoE(8, num_experts=3, noisy=True, num_shared=1)):
        assert not any(name.endswith(".bias") for name, _ in each.named_parameters())
    assert torch.equal(layer.balancing_bias, torch.zeros(3))
    assert "balancing_bias" in layer.state_dict()


def test_options_reach_the_experts():
    layer = MoE(8, num_experts=3, d_ff=5, activation="swiglu", num_shared=1)
    dense = DenseMixture(8, num_experts=3, d_ff=5, activation="swiglu")
    for expert in (*layer.experts, *layer.shared_experts, *dense.experts):
        assert expert.in_proj.weight.shape == expert.gate_proj.weight.shape == (5, 8)
    whole = DenseMixture(
        8, num_experts=3, expert="layer", num_heads=2, d_ff=5, activation="squared_relu", is_causal=True
    )
    for expert in whole.experts:
        assert isinstance(expert, TransformerLayer)
        assert (expert.attention.num_heads, expert.attention.is_causal) == (2, True)
        assert expert.feed_forward.in_proj.weight.shape == (5, 8)
        assert expert.feed_forward.activation(torch.tensor(3.0)) == 9


def test_the_smallest_mixtures_work():
    for layer in (
        MoE(1, num_experts=1, top_k=1),
        DenseMixture(1, num_experts=1),
        MoE(1, num_experts=2, noisy=True),
    ):
        assert layer(torch.ones(1, 1)).shape == (1, 1)
    single = mixture(num_experts=1, top_k=1)
    x = randn(4, WIDTH)
    assert_close(single(x), single.experts[0](x), **exact)


# Room


def test_dropped_tokens_are_exactly_zero_and_pass_by_on_the_residual_path():
    layer = EncoderLayer(
        8, num_heads=2, feed_forward=MoE(8, num_experts=2, top_k=1, capacity_factor=0.5)
    ).double()
    x = randn(2, 6, 8)
    branch, routing = layer.feed_forward.routed(layer.feed_forward_norm(x))
    dropped = ~routing.kept.view(2, 6)
    assert dropped.sum() >= 6  # room for 3 each
    assert (branch[dropped] == 0).all()
    assert (branch[~dropped] != 0).all()
    nn.init.zeros_(layer.attention.out_proj.weight)
    nn.init.zeros_(layer.attention.out_proj.bias)
    output = layer(x)
    assert torch.equal(output[dropped], x[dropped])
    assert (output[~dropped] != x[~dropped]).all()
    gradient = torch.autograd.grad(branch.sum(), layer.feed_forward.router.weight)[0]
    assert gradient.abs().max() > 0


def test_a_token_that_loses_one_of_two_experts_keeps_the_other_at_its_gate():
    layer = mixture(num_experts=3, capacity_factor=0.6)
    x = randn(10, WIDTH)
    output, routing = layer.routed(x)
    assert routing.kept.sum() < 20
    assert routing.expert[routing.kept].bincount(minlength=3).max() == 4  # 0.6 * 2 * 10 / 3
    assert_close(output, by_formula(x, layer.experts, routing), **exact)


def test_the_limit_is_for_training_unless_evaluation_has_its_own():
    x = randn(12, WIDTH)

    def kept(layer):
        return int(layer.routed(x)[1].kept.sum())

    layer = mixture(num_experts=3, top_k=1, capacity_factor=0.25)
    assert kept(layer) == 3
    assert kept(layer.eval()) == 12
    layer = mixture(num_experts=3, top_k=1, eval_capacity_factor=0.25)
    assert kept(layer) == 12
    assert kept(layer.eval()) == 3
    layer = mixture(num_experts=3, top_k=1, capacity_factor=0.25, choice="expert")
    assert kept(layer) == kept(layer.eval()) == 3
    layer = mixture(num_experts=3, top_k=1, capacity_factor=0.25, eval_capacity_factor=0.5, choice="expert")
    assert kept(layer) == 3
    assert kept(layer.eval()) == 6
    assert kept(mixture(num_experts=3, top_k=2, choice="expert")) == 24


def test_in_evaluation_a_token_does_not_depend_on_others():
    layer, x = mixture(capacity_factor=0.5, noisy=True).eval(), randn(9, WIDTH)
    assert_close(layer(x), torch.cat([layer(token[None]) for token in x]), **exact)
    by_expert = mixture(choice="expert").eval()
    changed = x.clone()
    routing = by_expert.route(x)
    wanted = next(expert for expert in range(4) if 8 not in routing.token[routing.expert == expert])
    changed[-1] = 50 * by_expert.router.weight[wanted].detach()
    moved = (by_expert(x) - by_expert(changed)).abs().amax(dim=-1) > 1e-9
    assert moved[:-1].any()  # the last token takes an earlier one's place


# Noise and bias


def test_noise_is_for_training_alone():
    layer, x = mixture(noisy=True), randn(8, WIDTH)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    state = torch.get_rng_state()
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(torch.get_rng_state(), state)
    plain = mixture()
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if "noise" not in k})
    assert torch.equal(layer(x), plain(x))


def test_noise_has_the_learned_scale_and_teaches_it():
    layer, x = mixture(noisy=True), randn(3, WIDTH)
    with torch.no_grad():
        clean = layer.router(x)
        drawn = torch.stack([layer.route(x).logits - clean for _ in range(4_000)])
        scale = (1 + (x @ layer.noise_router.weight.T).exp()).log()  # softplus
        assert (drawn.mean(dim=0) / scale).abs().max() < 0.1
        assert_close(drawn.std(dim=0), scale, rtol=0.06, atol=0)
        across = drawn.flatten(1).T.corrcoef()
        assert (across - torch.eye(12)).abs().max() < 0.1  # a number of its own for each token and expert
    layer(x).square().sum().backward()
    assert layer.noise_router.weight.grad.abs().max() > 1e-3
    assert layer.noise_router.weight.shape == (4, WIDTH)


def test_the_balancing_bias_moves_the_choice_alone():
    layer, x = mixture(top_k=1), randn(9, WIDTH)
    layer.balancing_bias[2] = 2.0
    _, routing = layer.routed(x)
    assert routing.expert.tolist() == [2] * 9
    assert_close(routing.gate, routing.probs[:, 2], **exact)


# Against others


def test_a_dense_mixture_is_its_formula():
    for options in ({}, {"expert": "layer", "num_heads": 2}):
        layer = scramble(DenseMixture(WIDTH, num_experts=3, **options))
        x = randn(2, 5, WIDTH)
        gates = (x @ layer.router.weight.T).softmax(dim=-1)
        expected = sum(gates[..., [i]] * expert(x) for i, expert in enumerate(layer.experts))
        assert_close(layer(x), expected, **exact)
        if not options:  # networks take any number of dimensions
            assert_close(layer(x[0]), expected[0], **exact)
            assert_close(layer(x[None]), expected[None], **exact)


def test_a_dense_mixture_is_a_sparse_one_that_takes_all():
    dense = scramble(DenseMixture(WIDTH, num_experts=3, d_ff=8))
    sparse = mixture(num_experts=3, top_k=3, renormalize=False)
    sparse.load_state_dict(dense.state_dict() | {"balancing_bias": torch.zeros(3)})
    x, upstream = randn(2, 5, WIDTH), randn(2, 5, WIDTH)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(each) for layer, each in zip((dense, sparse), inputs, strict=True)]
    for output in outputs:
        output.backward(upstream)
    assert_close(*outputs, **exact)
    assert_close(inputs[0].grad, inputs[1].grad, **exact)
    assert_close(gradients(dense), gradients(sparse), **exact)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_layer_equals_transformers_mixtral(top_k, monkeypatch):
    transformers = pytest.importorskip("transformers")
    mixtral = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    config = transformers.MixtralConfig(
        hidden_size=WIDTH, intermediate_size=8, num_local_experts=5, num_experts_per_tok=top_k
    )
    theirs = scramble(mixtral.MixtralSparseMoeBlock(config))
    ours = mixture(num_experts=5, top_k=top_k, activation="swiglu", renormalize=True)

    def stacked(name):
        return torch.stack([getattr(expert, name).weight for expert in ours.experts])

    with torch.no_grad():
        theirs.gate.weight.copy_(ours.router.weight)
        theirs.experts.gate_up_proj.copy_(torch.cat((stacked("gate_proj"), stacked("in_proj")), dim=1))
        theirs.experts.down_proj.copy_(stacked("out_proj"))
    # Theirs computes probabilities in float32 whatever the model is in; here they stay as they are.
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)
    x, upstream = randn(2, 6, WIDTH), randn(2, 6, WIDTH)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    output, expected = ours(inputs[0]), theirs(inputs[1])
    output.backward(upstream)
    expected.backward(upstream)
    assert_close(output, expected, **exact)
    assert_close(inputs[0].grad, inputs[1].grad, **exact)
    assert_close(ours.router.weight.grad, theirs.gate.weight.grad, **exact)

    def slope(name):
        zero = torch.zeros_like(ours.experts[0].get_parameter(f"{name}.weight"))
        grads = [expert.get_parameter(f"{name}.weight").grad for expert in ours.experts]
        return torch.stack([zero if grad is None else grad for grad in grads])

    both = torch.cat((slope("gate_proj"), slope("in_proj")), dim=1)
    assert_close(both, theirs.experts.gate_up_proj.grad, **exact)
    assert_close(slope("out_proj"), theirs.experts.down_proj.grad, **exact)


# The language model


MOES = {
    "two of four": {},
    "Switch": {"top_k": 1, "capacity_factor": 1.0},
    "shared, fine-grained": {"num_shared": 1, "d_ff": 8, "top_k": 3},
    "noisy, with room for few": {"noisy": True, "capacity_factor": 0.5},
    "loop": {"fast": False},
}


def language_model(kind="two of four", vocab_size=11):
    torch.manual_seed(0)
    model = (
        LanguageModel(vocab_size, d_model=16, num_layers=2, num_heads=4, num_experts=4, moe=MOES[kind])
        .double()
        .eval()
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return model


def greedy(model, tokens, count):
    """Without a cache: everything is read again for each new token."""
    for _ in range(count):
        with torch.no_grad():
            tokens = torch.cat((tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokens


def test_200_prompts_alone_and_eight_at_a_time_give_the_same_tokens_with_the_cache_as_without():
    model, new = language_model(vocab_size=60), 6
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (200,), generator=generator).tolist()
    prompts = [torch.randint(60, (1, length), generator=generator) for length in lengths]
    expected = [greedy(model, prompt, new)[0, -new:].tolist() for prompt in prompts]
    assert len({tuple(each) for each in expected}) > 100  # not one answer to everything
    for prompt, tokens in zip(prompts, expected, strict=True):
        assert model.generate(prompt, new, temperature=0)[0, -new:].tolist() == tokens
    for start in range(0, 200, 8):  # eight rows of different length
        counts = lengths[start : start + 8]
        rows = torch.zeros(8, max(counts), dtype=torch.long)
        for row, prompt in enumerate(prompts[start : start + 8]):
            rows[row, : counts[row]] = prompt
        with torch.inference_mode():
            cache = model.new_cache(8, max(counts) + new)
            logits = model(rows, cache=cache, counts=counts)
            step = logits[torch.arange(8), torch.tensor(counts) - 1].argmax(-1, keepdim=True)
            written = [step]
            for _ in range(new - 1):
                written.append(model(written[-1], cache=cache)[:, -1].argmax(-1, keepdim=True))
        assert torch.cat(written, dim=1).tolist() == expected[start : start + 8]


@pytest.mark.parametrize("kind", MOES)
def test_generation_equals_argmax_without_cache(kind):
    model = language_model(kind)
    tokens = torch.randint(11, (8, 5))
    out = model.generate(tokens, 10, temperature=0)
    assert torch.equal(out, greedy(model, tokens, 10))
    assert torch.equal(model.generate(tokens[3:4], 10, temperature=0), out[3:4])
    assert torch.equal(model.train().generate(tokens, 10, temperature=0), out)
    assert model.training


@pytest.mark.parametrize("kind", MOES)
def test_no_position_sees_its_future(kind):
    model, tokens = language_model(kind), torch.randint(11, (2, 7))
    before = model(tokens)
    for position in range(7):
        changed = tokens.clone()
        changed[:, position] = (changed[:, position] + 1) % 11
        moved = (model(changed) - before).abs().amax(dim=(0, 2)) > 1e-9
        assert not moved[:position].any()
        assert moved[position]


def test_no_option_is_ignored():
    with pytest.raises(ValueError, match="renormalize=True needs choice='token'"):
        MoE(8, num_experts=3, choice="expert", renormalize=True)
    for ignored in ({"num_heads": 2}, {"is_causal": True}):
        with pytest.raises(ValueError, match="are for experts with attention, but expert='feed_forward'"):
            DenseMixture(8, num_experts=3, **ignored)
    layer, x = MoE(8, num_experts=3, choice="expert"), torch.randn(5, 8)
    layer.balancing_bias[1] = 0.1
    with pytest.raises(ValueError, match="balancing_bias is not zero, but with choice='expert' no bias"):
        layer(x)
    model = LanguageModel(11, d_model=16, num_layers=1, num_heads=4, num_experts=2, moe={"choice": "expert"})
    with pytest.raises(
        ValueError, match=r"bias_rate=0\.01 moves a bias that choice='expert' does not look at"
    ):
        MixtureLoss(bias_rate=0.01)(model, torch.randint(11, (2, 5)))


@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("choice", ["token", "expert"])
def test_who_depends_on_others_is_refused_a_cache_and_no_one_else(choice, top_k):
    """With a factor of `num_experts / top_k` no expert is ever full; below, one can be."""
    x = torch.randn(9, WIDTH, dtype=torch.float64)
    for training in (True, False):
        for factor, free in ((4 / top_k, True), (4 / top_k - 0.01, False)):
            limits = {"capacity_factor" if training else "eval_capacity_factor": factor}
            layer = mixture(num_experts=4, top_k=top_k, choice=choice, **limits).train(training)
            if free:
                layer.check_each_token_alone()
                alone = torch.cat([layer(token[None]) for token in x])
                assert_close(layer(x), alone, **exact)
            else:
                mode = "training" if training else "evaluation"
                words = "choice='expert'" if choice == "expert" else f"factor of {factor} in {mode}"
                with pytest.raises(ValueError, match=words):
                    layer.check_each_token_alone()
    mixture(top_k=top_k).check_each_token_alone()


def test_a_model_of_expert_choice_sees_its_future_and_refuses_a_cache():
    torch.manual_seed(0)
    model = scramble(
        LanguageModel(11, d_model=16, num_layers=2, num_heads=4, num_experts=4, moe={"choice": "expert"})
    ).eval()
    tokens = torch.randint(11, (1, 12))
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 11
    assert (model(tokens) - model(changed))[0, :-1].abs().max() > 1e-6
    with pytest.raises(ValueError, match="choice='expert' a token's experts depend on other tokens"):
        model.generate(tokens, 1)


def test_routing_comes_out_of_a_forward_pass_layer_by_layer():
    model, tokens = language_model(), torch.randint(11, (3, 5))
    logits, routings = model.routed(tokens)
    assert torch.equal(logits, model(tokens))
    assert [each.logits.shape for each in routings] == [(15, 4)] * 2
    assert [moe.top_k for moe in mixtures_of(model)] == [2, 2]
    assert mixtures_of(model) == [block.feed_forward for block in model.blocks]
    seen = model.inspect(tokens)
    for routing, other, layer in zip(routings, seen.routings, mixtures_of(model), strict=True):
        assert torch.equal(routing.expert, other.expert)
        assert not other.logits.requires_grad
        assert routing.logits.requires_grad
        assert routing.probs.shape[1] == len(layer.experts)
    dense = LanguageModel(11, d_model=16, num_layers=2, num_heads=4)
    assert dense.routed(tokens)[1] == dense.inspect(tokens).routings == [None, None]
    assert mixtures_of(dense) == []
    body = LLMasOS(16, num_layers=2, num_experts=4, moe={"top_k": 1})
    maps, routings = [], []
    body(torch.randn(2, 3, 16), maps=maps, routings=routings)
    assert len(maps) == len(routings) == 2


@pytest.mark.parametrize("kind", MOES)
def test_evaluation_leaves_no_trace(kind):
    model, tokens = language_model(kind), torch.randint(11, (2, 6))
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    first = model(tokens)
    MixtureLoss(bias_rate=0.1)(model, tokens).backward()
    model.generate(tokens, 3, temperature=0)
    model.inspect(tokens)
    assert torch.equal(model(tokens), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_settings_rebuild_a_model_with_experts():
    model = language_model("shared, fine-grained")
    twin = LanguageModel(**json.loads(json.dumps(model.settings))).double().eval()
    twin.load_state_dict(model.state_dict())
    tokens = torch.randint(11, (2, 6))
    assert torch.equal(twin(tokens), model(tokens))


# The loss


def test_mixture_loss_is_its_formula():
    model, tokens = language_model(), torch.randint(11, (3, 6))
    plain = next_token_loss(model, tokens)
    _, routings = model.routed(tokens[:, :-1])
    balance = sum(load_balancing_loss(each) for each in routings) / 2
    z = sum(router_z_loss(each) for each in routings) / 2
    assert_close(MixtureLoss(balance=0, z=0)(model, tokens), plain, **exact)
    assert_close(MixtureLoss()(model, tokens), plain + 0.01 * balance, **exact)
    assert_close(MixtureLoss(balance=0.3, z=0.2)(model, tokens), plain + 0.3 * balance + 0.2 * z, **exact)
    assert_close(MixtureLoss(0, 1)(model, tokens), plain + z, **exact)
    pair = (tokens[:, :-1], tokens[:, 1:])
    assert_close(MixtureLoss(0.3)(model, pair), plain + 0.3 * balance, **exact)
    dense = LanguageModel(11, d_model=16, num_layers=2, num_heads=4)
    assert_close(MixtureLoss()(dense, tokens), next_token_loss(dense, tokens))


def test_mixture_loss_moves_the_biases_in_training_alone():
    model, tokens = language_model(), torch.randint(11, (3, 6))
    _, routings = model.routed(tokens[:, :-1])
    MixtureLoss(bias_rate=0.25)(model, tokens)
    assert all(not moe.balancing_bias.any() for moe in mixtures_of(model))
    model.train()
    MixtureLoss()(model, tokens)
    assert all(not moe.balancing_bias.any() for moe in mixtures_of(model))
    MixtureLoss(bias_rate=0.25)(model, tokens)
    for moe, routing in zip(mixtures_of(model), routings, strict=True):
        expected = torch.zeros(4, dtype=torch.float64)
        balancing_bias_step(expected, routing, 0.25)
        assert torch.equal(moe.balancing_bias, expected)
        assert expected.any()


TEXT = torch.tensor([0, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9] * 30)
SAMPLE = TextSampler(TEXT, context=12, batch_size=8)


def trained(steps=40, loss=None, kind="two of four", num_experts=4, **options):
    torch.manual_seed(0)
    model = LanguageModel(11, d_model=16, num_layers=2, num_heads=4, num_experts=num_experts, moe=MOES[kind])
    history = train(model, SAMPLE, steps=steps, loss=loss or MixtureLoss(), progress=False, **options)
    return model, history


@pytest.mark.parametrize("kind", MOES)
def test_a_model_with_experts_learns(kind):
    model, history = trained(kind=kind, loss=MixtureLoss(z=0.001, bias_rate=0.001))
    assert history.losses[0] > 2.2
    assert history.losses[-1] < 1.0
    assert all(moe.balancing_bias.abs().max() > 0 for moe in mixtures_of(model))
    names = {name for name, parameter in model.named_parameters() if parameter.abs().max() == 0}
    assert names == set()


def test_the_bias_evens_a_skewed_model_without_any_loss():
    """Nothing but the bias learns here: all tokens have a direction in common that expert 0 likes."""
    layer = mixture(num_experts=4, top_k=1)
    x = randn(400, WIDTH) + 1.0
    with torch.no_grad():
        layer.router.weight[0] += 1.0
    first, last = layer.routed(x)[1], None
    for _ in range(600):
        last = layer.routed(x)[1]
        balancing_bias_step(layer.balancing_bias, last, 0.002)
    assert routing_statistics(first).max_over_mean > 2
    assert routing_statistics(last).max_over_mean < 1.2


class Killed(Exception):
    pass


@pytest.mark.parametrize("num_experts", [4, 40])  # of 40 some have not been asked when the run is killed
def test_training_resumes_bit_for_bit_with_its_biases(tmp_path, num_experts):
    options = {"loss": MixtureLoss(z=0.001, bias_rate=0.01), "kind": "noisy, with room for few"}
    options |= {"num_experts": num_experts, "steps": 12}
    whole, history = trained(**options)

    def kill(step, model):
        if step == 7:
            raise Killed

    file = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        trained(**options, checkpoint=file, checkpoint_every=4, on_step=kill)
    resumed, second = trained(**options, checkpoint=file)
    assert second == history
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert mixtures_of(whole)[1].balancing_bias.any()


# Errors


X = torch.zeros(2, 3, 8)


def run_away():
    layer = MoE(8, num_experts=3)
    with torch.no_grad():
        layer.router.weight[1, 0] = torch.nan
    layer(X + 1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MoE(8, num_experts=3, top_k=4), "top_k=4 must lie between 1 and num_experts=3"),
        (lambda: MoE(8, num_experts=3, top_k=0), "top_k=0 must lie between 1 and num_experts=3"),
        (lambda: MoE(8, num_experts=0), "d_model=8 and num_experts=0 must be at least 1"),
        (lambda: MoE(0, num_experts=3), "d_model=0 and num_experts=3 must be at least 1"),
        (lambda: DenseMixture(8, num_experts=0), "d_model=8 and num_experts=0 must be at least 1"),
        (lambda: MoE(8, num_experts=3, choice="both"), "choice='both' is not one of token, expert"),
        (lambda: MoE(8, num_experts=3, num_shared=-1), "num_shared=-1 must not be negative"),
        (lambda: MoE(8, num_experts=3, capacity_factor=0), "capacity_factor=0 must be positive"),
        (lambda: MoE(8, num_experts=3, eval_capacity_factor=-1.5), "capacity_factor=-1.5 must be positive"),
        (lambda: MoE(8, num_experts=3, capacity_factor=float("nan")), "capacity_factor=nan must be positive"),
        (lambda: MoE(8, num_experts=3, activation="tanh"), "activation='tanh' is not one of relu, gelu"),
        (lambda: MoE(8, num_experts=3, d_ff=0), "d_ff=0 must be at least 1"),
        (
            lambda: DenseMixture(8, num_experts=3, expert="giant"),
            "expert='giant' is not one of feed_forward, layer",
        ),
        (
            lambda: DenseMixture(8, num_experts=3, expert="layer", num_heads=3),
            "is not divisible by num_heads=3",
        ),
        (lambda: MoE(8, num_experts=3)(X[..., :7]), "x must be [..., seq, 8], got [2, 3, 7]"),
        (lambda: MoE(8, num_experts=3)(X[0, 0]), "x must be [..., seq, 8], got [8]"),
        (lambda: DenseMixture(8, num_experts=3)(X[..., :7]), "x must be [..., seq, 8], got [2, 3, 7]"),
        (lambda: MoE(8, num_experts=3)(X[:0]), "there are no tokens to route: x is [0, 3, 8]"),
        (lambda: DenseMixture(8, num_experts=3)(X[:, :0]), "there are no tokens to route: x is [2, 0, 8]"),
        (run_away, "the router's logit of token 0 for expert 1 is nan"),
        (
            lambda: MoE(8, num_experts=3)(X + torch.inf),
            "the model's numbers have run away (try a lower learning rate)",
        ),
        (lambda: MixtureLoss(balance=-1), "balance=-1 must be a number that is not negative"),
        (lambda: MixtureLoss(z=float("nan")), "z=nan must be a number that is not negative"),
        (lambda: MixtureLoss(bias_rate=-0.5), "bias_rate=-0.5 must be a number that is not negative"),
        (
            lambda: LanguageModel(11, d_model=8, num_layers=1, num_heads=2, moe={"top_k": 1}),
            "moe={'top_k': 1} are options of experts",
        ),
        (
            lambda: LanguageModel(11, d_model=8, num_layers=1, num_heads=2, num_experts=0),
            "num_experts=0 must be at least 1",
        ),
        (
            lambda: LanguageModel(11, d_model=8, num_layers=1, num_heads=2, num_experts=2, moe={"top_k": 3}),
            "top_k=3",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


# Low precision and padding


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_experts_in_few_digits_and_under_autocast(dtype, fast, whole):
    torch.manual_seed(0)
    layer = MoE(8, num_experts=4, num_shared=1, fast=fast)
    x = torch.randn(3, 5, 8, requires_grad=True)
    expected = layer(x)
    if whole:
        layer, x = layer.to(dtype), x.detach().to(dtype).requires_grad_()
        found = layer(x)
    else:
        with torch.autocast("cpu", dtype=dtype):
            found = layer(x)
    assert found.dtype == x.dtype
    assert_close(found.float(), expected, atol=0.05, rtol=0.05)
    found.float().square().sum().backward()
    assert x.grad.isfinite().all()
    assert layer.router.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_mixture_trains_and_writes_under_autocast(dtype):
    model, tokens = language_model().float(), torch.randint(11, (2, 7))
    exact = MixtureLoss()(model, tokens).item()
    with torch.autocast("cpu", dtype=dtype):
        loss = MixtureLoss()(model, tokens)
        written = model.generate(tokens, 6, temperature=0)
        ragged = model.generate([tokens[0], tokens[1, :3]], 6, temperature=0)
        beginnings = [model(written[:, :end])[:, -1] for end in range(7, 13)]
    assert loss.item() == pytest.approx(exact, rel=0.05)
    loss.backward()
    assert written.shape == (2, 13)
    assert [len(row) for row in ragged] == [13, 9]
    # What is written is as likely as the likeliest by the whole pass, but for the rounding of few digits.
    for step, logits in enumerate(beginnings):
        chosen = logits.gather(1, written[:, 7 + step : 8 + step])
        assert (logits.amax(dim=-1, keepdim=True) - chosen).abs().max() < 0.3


@pytest.mark.parametrize("choice", ["token", "expert"])
@pytest.mark.parametrize("fast", [True, False])
def test_padding_takes_no_place_and_is_in_no_statistic(choice, fast):
    layer = mixture(num_experts=3, top_k=2, choice=choice, capacity_factor=0.7, num_shared=1, fast=fast)
    x = randn(2, 6, WIDTH)
    keep = torch.tensor([[True, True, False, False, False, False], [True] * 6])
    real = layer.routed(x[keep])
    output, routing = layer.routed(x, keep=keep)
    assert_close(output[keep], real.output, **exact)
    assert (output[~keep] == 0).all()
    for ours, alone in zip(routing, real.routing, strict=True):
        assert torch.equal(ours, alone)
    assert load_balancing_loss(routing) == load_balancing_loss(real.routing)
    other = torch.where(keep[..., None], x, 100 * randn(2, 6, WIDTH))
    assert torch.equal(layer(other, keep=keep), output)
    with pytest.raises(ValueError, match=r"keep must be boolean \[2, 6\] with False for padding"):
        layer(x, keep=keep[:1])


def test_the_padding_token_changes_nothing_in_a_mixture():
    """Neither the logits of real tokens, where experts can be full, nor what keeps the load even."""
    model = language_model()
    for moe in mixtures_of(model):
        moe.capacity_factor = moe.eval_capacity_factor = 1.0
    inputs = torch.randint(1, 11, (2, 8))
    inputs[0, 2:] = 0
    targets = inputs.roll(-1, dims=1)
    targets[inputs == 0] = -100
    keep = inputs != 0
    others = torch.where(keep, inputs, 7)
    assert torch.equal(model(inputs, keep=keep)[keep], model(others, keep=keep)[keep])
    assert not torch.equal(model(inputs)[keep], model(others)[keep])  # which says why it must be told
    loss = MixtureLoss(0.5, 0.1, padding=0)
    (value, routings) = loss(model, (inputs, targets)), model.routed(inputs, keep=keep).routings
    assert all(routing.logits.shape[0] == keep.sum() for routing in routings)
    by_hand = next_token_loss(lambda tokens: model(tokens, keep=keep), (inputs, targets))
    by_hand = by_hand + sum(0.5 * load_balancing_loss(r) + 0.1 * router_z_loss(r) for r in routings) / len(
        routings
    )
    assert_close(value, by_hand)


def test_rows_of_different_length_are_read_with_a_cache_without_their_padding():
    model = language_model()
    tokens, counts = torch.randint(11, (2, 8)), [2, 8]
    found = []
    with torch.inference_mode():
        logits = model(tokens, cache=model.new_cache(2, 9), counts=counts, routings=found)
        alone = model(tokens[:1, :2])
    assert all(routing.logits.shape[0] == sum(counts) for routing in found)
    assert_close(logits[:1, :2], alone)


def test_an_encoder_with_experts_reads_no_padding():
    torch.manual_seed(0)
    experts = MoE(8, num_experts=3, capacity_factor=1.0).double()
    layer = EncoderLayer(8, num_heads=2, feed_forward=experts).double()
    x, keep = randn(2, 5, 8), torch.tensor([[True, True, False, False, False], [True] * 5])
    found = []
    layer(x, mask=keep[:, None, None], keep=keep, routings=found)
    assert found[0].logits.shape[0] == keep.sum()
