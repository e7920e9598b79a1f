"""The fast step of writing: equal to the ordinary one for every setting, and aside where it cannot serve."""

import itertools

import pytest
import torch
from torch import nn

from llmasos_edu.generation.decoding_step import DecodingStep, decoding_step
from llmasos_edu.layers.activations import ACTIVATIONS
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.positional import POSITIONS
from llmasos_edu.layers.routing import top_k_routing
from llmasos_edu.models.language_model import OWN, LanguageModel

VOCAB, D_MODEL, LAYERS, HEADS, ROOM = 13, 16, 2, 4, 12
TIGHT = {"atol": 1e-9, "rtol": 1e-9}
PROMPTS = {
    "one row": (1, None),
    "rows of equal length": (3, None),
    "rows of different length": (3, [5, 1, 3]),
}
MIXTURES = {
    "one of four": {"top_k": 1},
    "two of four": {},
    "two, gates as they are": {"renormalize": False},
    "one, gate of one": {"top_k": 1, "renormalize": True},
    "all": {"top_k": 4},
    "shared": {"num_shared": 2},
    "gated": {"activation": "swiglu"},
    "noisy": {"noisy": True},
    "never full": {"eval_capacity_factor": 2.0},
    "experts take all": {"choice": "expert", "capacity_factor": 2.0},
    "read in a loop": {"fast": False},
}


def build(dtype=torch.float64, **settings):
    """A model whose every parameter is random, biases of the routers as well: nothing may hide."""
    torch.manual_seed(0)
    model = (
        LanguageModel(VOCAB, d_model=D_MODEL, num_layers=LAYERS, num_heads=HEADS, **({"d_ff": 24} | settings))
        .to(dtype)
        .eval()
    )
    with torch.no_grad():
        for name, each in itertools.chain(model.named_parameters(), model.named_buffers()):
            if "balancing" in name and settings.get("moe", {}).get("choice") == "expert":
                continue  # no bias has a say there, and one that is not zero is refused
            size = 0.1 if "balancing" in name else 1.0 if "norm" in name else 0.5
            each.add_(size * torch.randn(each.shape, dtype=torch.float64).to(dtype))
    return model


def read(model, batch, counts, new=4):
    """The logits of `new` steps after a prompt of five: those of the fast step, and the ordinary ones."""
    tokens = torch.randint(VOCAB, (batch, 5 + new), generator=torch.Generator().manual_seed(1))
    pair = []
    with torch.inference_mode():
        for fast in (True, False):
            cache = model.new_cache(batch, ROOM)
            model.next_logits(tokens[:, :5], cache=cache, counts=counts)
            step = DecodingStep(model, cache) if fast else lambda each: model.next_logits(each, cache=cache)  # noqa: B023
            logits = torch.stack([step(tokens[:, 5 + i : 6 + i]) for i in range(new)])
            pair.append((logits, cache))
    return pair


def check_equal(model, batch, counts, **close):
    (fast, filled), (plain, expected) = read(model, batch, counts)
    torch.testing.assert_close(fast, plain, **(close or TIGHT))
    assert (plain[0] - plain[1]).abs().max() > 1e-3  # the steps say different things
    for layer, other in zip(filled, expected, strict=True):
        assert layer.lengths == other.lengths
        for row, length in enumerate(layer.lengths):  # what lies behind a row's end is nobody's
            for held, wanted in ((layer.keys, other.keys), (layer.values, other.values)):
                torch.testing.assert_close(held[row, :, :length], wanted[row, :, :length], **(close or TIGHT))


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("num_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_equal_for_every_kind_of_position_norm_and_grouping(position, num_kv_heads, norm, prompt):
    for qk_norm, bias in itertools.product([True, False], repeat=2):
        model = build(position=position, num_kv_heads=num_kv_heads, norm=norm, qk_norm=qk_norm, bias=bias)
        check_equal(model, *PROMPTS[prompt])


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("tie_weights", [True, False])
def test_equal_for_every_activation(activation, tie_weights, prompt):
    for bias in (True, False):
        check_equal(build(activation=activation, bias=bias, tie_weights=tie_weights), *PROMPTS[prompt])


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_equal_for_every_mixture_of_experts(mixture, prompt):
    check_equal(build(num_experts=4, moe=MIXTURES[mixture]), *PROMPTS[prompt])


@pytest.mark.parametrize("moe", [{"eval_capacity_factor": 1.9}, {"choice": "expert"}])
def test_experts_that_depend_on_other_tokens_are_refused_with_a_cache(moe):
    model = build(num_experts=4, moe=moe)
    cache = model.new_cache(2, ROOM)
    with pytest.raises(ValueError, match="a token's experts depend on other tokens, which a cache does not"):
        decoding_step(model, cache, own=OWN)
    with torch.inference_mode(), pytest.raises(ValueError, match="depend on other tokens"):
        model(torch.zeros(2, 3, dtype=torch.long), cache=cache)
    with pytest.raises(ValueError, match="depend on other tokens"):
        model.generate(torch.zeros(2, 3, dtype=torch.long), 2)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_equal_without_feed_forward_and_with_other_numbers(prompt):
    batch, counts = PROMPTS[prompt]
    check_equal(build(d_ff=0), batch, counts)
    check_equal(build(norm_eps=0.5, position_base=100.0), batch, counts)
    check_equal(build(norm_eps=0.5, norm="rms", dropout=0.5), batch, counts)
    check_equal(build(torch.float32), batch, counts, atol=2e-4, rtol=1e-4)
    scaled = build()
    scaled.body.positions.rotary.scale = 4.0
    scaled.body.positions.rotary.layout = "pairs"
    check_equal(scaled, batch, counts)


def test_experts_with_equal_scores_are_taken_in_the_same_order():
    model = build(num_experts=4)
    for block in model.blocks:
        nn.init.zeros_(block.feed_forward.router.weight)
        nn.init.zeros_(block.feed_forward.balancing_bias)
    check_equal(model, 1, None)


def test_the_two_steps_may_take_turns():
    model = build()
    tokens = torch.randint(VOCAB, (2, 9), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        cache = model.new_cache(2, 9)
        model.next_logits(tokens[:, :3], cache=cache)
        step = model.decoding_step(cache)
        for place in range(3, 9):
            now = tokens[:, place : place + 1]
            logits = step(now) if place % 2 else model.next_logits(now, cache=cache)
            torch.testing.assert_close(logits, model(tokens[:, : place + 1])[:, -1], **TIGHT)


def test_no_gradient_is_recorded_and_none_is_needed():
    model = build()
    with torch.no_grad():
        cache = model.new_cache(1, 4)
        model.next_logits(torch.tensor([[1, 2]]), cache=cache)
    logits = model.decoding_step(cache)(torch.tensor([[3]]))
    assert not logits.requires_grad
    torch.testing.assert_close(logits, model(torch.tensor([[1, 2, 3]]))[:, -1].detach(), **TIGHT)


def test_no_room_and_no_position_are_told_in_the_ordinary_words():
    for settings, words in (
        ({}, "the cache holds 3 positions: 3 used, 1 more do not fit"),
        ({"position": "learned", "max_len": 3}, "position 3 has no vector: positions 0 to 2 were made"),
    ):
        model = build(**settings)
        with torch.inference_mode():
            cache = model.new_cache(1, 3 if not settings else 5)
            model.next_logits(torch.tensor([[1, 2]]), cache=cache)
            step = model.decoding_step(cache)
            assert step(torch.tensor([[3]])).isfinite().all()
            with pytest.raises(ValueError, match=words):
                step(torch.tensor([[4]]))


def test_a_full_cache_can_still_be_made_ready_and_says_so_when_it_is_used():
    model = build(position="learned", max_len=2)
    with torch.inference_mode():
        cache = model.new_cache(1, 5)
        model.next_logits(torch.tensor([[1, 2]]), cache=cache)
        with pytest.raises(ValueError, match="position 2 has no vector"):
            model.decoding_step(cache)(torch.tensor([[3]]))


class Doubled(nn.Linear):
    """A layer of somebody's own."""

    def forward(self, x):
        return 2 * super().forward(x)


def in_place_of_the_head(model):
    model.head = Doubled(D_MODEL, VOCAB, bias=False).double()


def in_a_block(model):
    model.blocks[1].attention.value_proj = Doubled(D_MODEL, D_MODEL, bias=False).double()


def norm_last(model):
    model.blocks[0].norm_first = False


def a_hook(model):
    model.blocks[0].feed_forward.register_forward_hook(lambda module, inputs, output: 3 * output)


def a_hook_before(model):
    model.body.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))


def expect_the_ordinary_path(model):
    assert not isinstance(model.decoding_step(model.new_cache(1, 4)), DecodingStep)


def test_a_model_in_training_takes_the_ordinary_path():
    model = build(dropout=0.5)
    expect_the_ordinary_path(model.train())
    model.eval()
    model.blocks[1].feed_forward.train()
    expect_the_ordinary_path(model)


@pytest.mark.parametrize("change", [in_place_of_the_head, in_a_block, norm_last, a_hook, a_hook_before])
def test_what_it_does_not_know_takes_the_ordinary_path(change):
    model, tokens = build(), torch.tensor([[1, 2, 3, 4]])
    before = model(tokens)[:, -1]
    with torch.inference_mode():
        cache = model.new_cache(1, 4)
        assert isinstance(model.decoding_step(cache), DecodingStep)
        change(model)
        expect_the_ordinary_path(model)
        model.next_logits(tokens[:, :3], cache=cache)
        logits = model.decoding_step(cache)(tokens[:, 3:])
        torch.testing.assert_close(logits, model(tokens)[:, -1], **TIGHT)
    assert (logits - before).abs().max() > 1e-3


def test_an_alike_model_that_hears_nothing_is_fast():
    """A hook that was taken away is none."""
    model = build()
    model.blocks[0].register_forward_hook(lambda *_: None).remove()
    assert isinstance(model.decoding_step(model.new_cache(1, 2)), DecodingStep)


def doubled(forward):
    return lambda *args, **options: 2 * forward(*args, **options)


CHANGES = {
    "attention, instance": lambda model, patch: patch.setattr(
        model.blocks[1].attention, "forward", doubled(model.blocks[1].attention.forward), raising=False
    ),
    "attention, class": lambda model, patch: patch.setattr(
        MultiHeadAttention, "forward", doubled_method(MultiHeadAttention.forward)
    ),
    "a step inside, class": lambda model, patch: patch.setattr(
        MultiHeadAttention, "_attend", doubled_method(MultiHeadAttention._attend)
    ),
    "a linear map, class": lambda model, patch: patch.setattr(
        nn.Linear, "forward", doubled_method(nn.Linear.forward)
    ),
    "a norm, instance": lambda model, patch: patch.setattr(
        model.body.norm, "forward", turned(model.body.norm.forward), raising=False
    ),
    "routing, instance": lambda model, patch: patch.setattr(
        model.blocks[0].feed_forward, "route", lambda tokens: top_k_routing(-tokens[:, :4], 1), raising=False
    ),
    "the body, instance": lambda model, patch: patch.setattr(
        model.body, "forward", turned(model.body.forward), raising=False
    ),
    "the model, instance": lambda model, patch: patch.setattr(
        model, "forward", turned(model.forward), raising=False
    ),
    "the model, class": lambda model, patch: patch.setattr(
        LanguageModel, "forward", turned(LanguageModel.forward)
    ),
    "a subclass": lambda model, patch: patch.setattr(model, "__class__", Turned),
    "the head, hook": lambda model, patch: model.head.register_forward_hook(lambda m, i, output: -output),
}


def doubled_method(forward):
    return lambda self, *args, **options: 2 * forward(self, *args, **options)


def turned(forward):
    return lambda *args, **options: -forward(*args, **options)


class Turned(LanguageModel):
    """A model of the reader's own: it says the contrary."""

    def forward(self, tokens, **options):
        return -super().forward(tokens, **options)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_not_the_book_s_own_code_is_heard(change, monkeypatch):
    """Greedy writing with a cache is what the whole forward pass says, whatever was put in its place."""
    model = build(num_experts=4)
    prompt = torch.randint(VOCAB, (2, 4), generator=torch.Generator().manual_seed(3))
    as_it_was = model.generate(prompt, 8, temperature=0)
    CHANGES[change](model, monkeypatch)
    assert not isinstance(model.decoding_step(model.new_cache(2, 4)), DecodingStep)
    written = model.generate(prompt, 8, temperature=0)
    tokens = prompt
    with torch.no_grad():
        for _ in range(8):
            tokens = torch.cat((tokens, model(tokens)[:, -1:].argmax(dim=-1)), dim=1)
    assert torch.equal(written, tokens)
    assert not torch.equal(written, as_it_was)


@pytest.mark.parametrize("register", ["register_module_forward_hook", "register_module_forward_pre_hook"])
def test_a_hook_on_all_modules_is_heard(register):
    model, calls = build(), []
    handle = getattr(nn.modules.module, register)(lambda module, *rest: calls.append(type(module)))
    try:
        assert not isinstance(model.decoding_step(model.new_cache(1, 9)), DecodingStep)
        model.generate(torch.tensor([[1, 2]]), 4, temperature=0)
    finally:
        handle.remove()
    assert calls.count(MultiHeadAttention) == 4 * LAYERS
    assert isinstance(model.decoding_step(model.new_cache(1, 9)), DecodingStep)


def test_autocast_and_learned_query_norms_take_the_ordinary_path():
    model = build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not isinstance(model.decoding_step(model.new_cache(1, 4)), DecodingStep)
    for kind in ("rms", "rms_joint"):
        assert not isinstance(build(qk_norm=kind).decoding_step(model.new_cache(1, 4)), DecodingStep)
    check_equal(build(head_dim=6), 2, None)
