"""The language model: shapes, causality, inspection, generation, and what it refuses."""

import inspect
import json
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.generation.decoding_step import DecodingStep
from llmasos_edu.layers.positional import RotaryEmbedding
from llmasos_edu.models import language_model as module
from llmasos_edu.models import llmasos
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.llmasos import LLMasOS

TIGHT = {"atol": 1e-10, "rtol": 1e-10}
QUICK = settings(max_examples=25, deadline=None)

SHAPES = {
    "the book's": {},
    "GPT-2's": {
        "position": "learned",
        "max_len": 40,
        "norm": "layer",
        "activation": "gelu",
        "qk_norm": False,
        "bias": True,
        "tie_weights": True,
    },
    "grouped, no positions": {"num_kv_heads": 2, "position": "none"},
    "attention only": {"d_ff": 0, "qk_norm": False},
    "sinusoidal": {"position": "sinusoidal"},
    "alibi": {"position": "alibi", "num_kv_heads": 1},
}


def build(shape="the book's", dtype=torch.float64, seed=0, **options):
    """A model whose every parameter is random: fresh ones have zero branches, and would hide mistakes."""
    torch.manual_seed(seed)
    model = (
        LanguageModel(11, d_model=16, num_layers=2, num_heads=4, **(SHAPES[shape] | options)).to(dtype).eval()
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            size = 1.0 if "norm" in name else 0.5
            parameter.add_(size * torch.randn(parameter.shape, dtype=torch.float64).to(dtype))
    return model


def some_tokens(*shape, seed=0):
    return torch.randint(11, shape, generator=torch.Generator().manual_seed(seed))


def close(first, second):
    torch.testing.assert_close(first, second, **TIGHT)


# The forward pass


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_kinds_of_number(shape, dtype):
    model, tokens = build(shape, dtype), some_tokens(3, 7)
    logits = model(tokens)
    assert logits.shape == (3, 7, 11)
    assert logits.dtype == dtype
    assert logits.isfinite().all()
    assert model.generate(tokens, 3, temperature=0).shape == (3, 10)
    assert model.inspect(tokens).weights.dtype == dtype
    exact = build(shape, torch.float64)
    exact.load_state_dict(model.state_dict())
    error = (exact(tokens) - logits).abs().max() / exact(tokens).std()
    assert error < {torch.float32: 1e-4, torch.float64: 1e-12, torch.bfloat16: 0.2}[dtype]


def test_a_fresh_model_knows_nothing():
    torch.manual_seed(0)
    assert (
        LanguageModel(11, d_model=16, num_layers=2, num_heads=4)(some_tokens(2, 5)) == 0
    ).all()  # the head starts as zero
    model = LanguageModel(11, d_model=16, num_layers=2, num_heads=4, tie_weights=True)
    x = model.embedding(some_tokens(2, 5))
    torch.testing.assert_close(model(some_tokens(2, 5)), model.head(model.body.norm(x)))  # so do the branches


@pytest.mark.parametrize("shape", SHAPES)
def test_no_position_sees_its_future(shape):
    model, tokens = build(shape), some_tokens(2, 8)
    before = model(tokens)
    for position in range(8):
        changed = tokens.clone()
        changed[:, position] = (changed[:, position] + 1) % 11
        after = model(changed)
        close(after[:, :position], before[:, :position])
        assert ((after - before)[:, position:].abs().amax(dim=-1) > 1e-9).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_of_an_output_does_not_reach_later_inputs(shape):
    model, tokens = build(shape), some_tokens(1, 6)
    embedded = model.embedding(tokens).detach().requires_grad_()
    model.embedding.register_forward_hook(lambda *_: embedded)
    logits = model(tokens)
    for position in range(6):
        (gradient,) = torch.autograd.grad(logits[0, position].sum(), embedded, retain_graph=True)
        assert (gradient[:, position + 1 :] == 0).all()
        assert (gradient[:, : position + 1].abs().sum(dim=-1) > 0).all()


@pytest.mark.parametrize("shape", ["the book's", "GPT-2's", "attention only", "sinusoidal", "alibi"])
def test_the_order_of_what_was_read_counts(shape):
    model = build(shape)
    a, b = torch.tensor([[1, 2, 3]]), torch.tensor([[2, 1, 3]])
    assert (model(a)[:, -1] - model(b)[:, -1]).abs().max() > 1e-3


def test_without_positions_one_layer_reads_a_set():
    torch.manual_seed(0)
    model = LanguageModel(
        11, d_model=16, num_layers=1, num_heads=4, position="none", tie_weights=True
    ).double()
    torch.nn.init.normal_(model.blocks[0].attention.out_proj.weight)
    a, b, c = (model(torch.tensor([each]))[:, -1] for each in ([1, 2, 3], [2, 1, 3], [1, 1, 3]))
    close(a, b)
    assert not torch.allclose(a, c)


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_a_batch_are_independent(shape):
    model, tokens = build(shape), some_tokens(4, 6)
    together = model(tokens)
    for row in range(4):
        close(together[row : row + 1], model(tokens[row : row + 1]))


def test_every_parameter_gets_a_gradient():
    for shape in SHAPES:
        model = build(shape)
        model(some_tokens(2, 6)).square().sum().backward()
        idle = [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()]
        assert not idle, shape


def test_query_key_norm_reaches_every_layer():
    tokens, bound = some_tokens(2, 8), 2 + 1e-9  # sqrt(head_dim)
    with torch.no_grad():
        largest = {}
        for qk_norm in (True, False):
            model = build(qk_norm=qk_norm)
            for block in model.blocks:
                block.attention.query_proj.weight.mul_(50)
            largest[qk_norm] = model.inspect(tokens).scores.abs().amax(dim=(1, 2, 3, 4))
    assert (largest[True] <= bound).all()
    assert (largest[False] > 10 * bound).all()


@pytest.mark.parametrize("d_model", [64, 256])
def test_first_logits_of_a_tied_model_are_of_size_one(d_model):
    torch.manual_seed(0)
    logits = LanguageModel(200, d_model=d_model, num_layers=1, num_heads=4, tie_weights=True)(
        torch.randint(200, (4, 20))
    )
    assert 0.5 < logits.std() < 2


def test_tied_weights_are_one_matrix():
    tied = LanguageModel(11, d_model=16, num_layers=1, num_heads=4, tie_weights=True)
    assert tied.head.weight is tied.embedding.weight
    apart = LanguageModel(11, d_model=16, num_layers=1, num_heads=4)
    assert apart.head.weight is not apart.embedding.weight
    counts = [sum(each.numel() for each in model.parameters()) for model in (tied, apart)]
    assert counts[1] - counts[0] == 11 * 16


def test_dropout_works_in_training_alone():
    model, tokens = build(dropout=0.5), some_tokens(2, 6)
    close(model(tokens), model(tokens))
    close(model(tokens), build(dropout=0.0)(tokens))
    model.train()
    assert not torch.allclose(model(tokens), model(tokens))


# Inspection and knock-outs


@pytest.mark.parametrize("shape", SHAPES)
def test_inspection_equals_the_forward_pass(shape):
    model, tokens = build(shape), some_tokens(3, 7)
    seen = model.inspect(tokens)
    close(seen.logits, model(tokens))
    assert seen.weights.shape == seen.scores.shape == (2, 3, 4, 7, 7)
    close(seen.weights.sum(-1), torch.ones(2, 3, 4, 7, dtype=torch.float64))
    future = torch.ones(7, 7).triu(1).bool()
    assert (seen.weights[..., future] == 0).all()
    assert (seen.weights[..., ~future] > 0).all()
    assert not seen.weights.requires_grad
    if shape != "alibi":  # whose bias is a mask
        close(seen.weights, seen.scores.masked_fill(future, -torch.inf).softmax(-1))


def test_inspection_of_a_knocked_out_model_is_that_models():
    model, tokens = build(), some_tokens(2, 5)
    mask = model.knock_out({(0, 1), (1, 3)})
    assert mask.tolist() == [[1, 0, 1, 1], [1, 1, 1, 0]]
    seen = model.inspect(tokens, head_mask=mask)
    close(seen.logits, model(tokens, head_mask=mask))
    close(seen.weights[0], model.inspect(tokens).weights[0])  # the first layer looks at the same
    assert not torch.allclose(seen.weights[1], model.inspect(tokens).weights[1])


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("head", range(4))
def test_a_knock_out_equals_a_zero_slice_of_the_output_matrix(layer, head):
    model, tokens = build(bias=True), some_tokens(2, 5)
    out = model(tokens, head_mask=model.knock_out([(layer, head)]))
    assert not torch.allclose(out, model(tokens))
    with torch.no_grad():
        model.blocks[layer].attention.out_proj.weight[:, 4 * head : 4 * head + 4] = 0
    close(out, model(tokens))


def test_each_row_may_lose_its_own_heads():
    model, tokens = build(), some_tokens(2, 5)
    lost = [model.knock_out([(0, 2)]), model.knock_out([(1, 0), (1, 1)])]
    together = model(tokens, head_mask=torch.stack(lost, dim=1))
    for row in range(2):
        close(together[row : row + 1], model(tokens[row : row + 1], head_mask=lost[row]))


# Reading with a cache


@given(
    shape=st.sampled_from(list(SHAPES)),
    chunks=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    batch=st.integers(1, 3),
)
@QUICK
def test_reading_in_chunks_equals_reading_at_once(shape, chunks, batch):
    model, tokens = build(shape), some_tokens(batch, sum(chunks))
    with torch.inference_mode():
        cache = model.new_cache(batch, sum(chunks) + 2)
        parts = [model(chunk, cache=cache) for chunk in tokens.split(chunks, dim=1)]
        close(torch.cat(parts, dim=1), model(tokens))


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_different_length_equal_each_row_alone(shape):
    model, rows, counts = build(shape), some_tokens(3, 6), [2, 6, 3]
    following = some_tokens(3, 1, seed=1)
    with torch.inference_mode():
        cache = model.new_cache(3, 8)
        model(rows, cache=cache, counts=counts)
        logits = model(following, cache=cache)
        for row, count in enumerate(counts):
            alone = torch.cat((rows[row, :count], following[row]))[None]
            close(logits[row, -1], model(alone)[0, -1])


# Generation


def greedy_without_cache(model, tokens, count):
    for _ in range(count):
        with torch.no_grad():
            tokens = torch.cat((tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokens


@pytest.mark.parametrize("prompt", [1, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_greedy_generation_equals_argmax_without_cache(shape, prompt):
    model, tokens = build(shape), some_tokens(3, prompt)
    out = model.generate(tokens, 12, temperature=0)
    assert torch.equal(out, greedy_without_cache(model, tokens, 12))
    assert torch.equal(model.generate(tokens, 12, top_k=1), out)
    assert torch.equal(model.generate(tokens[1:2], 12, temperature=0), out[1:2])  # neighbours do not matter
    assert torch.equal(model.generate(tokens, 0), tokens)


def test_generation_repeats_from_a_seed():
    model, tokens = build(), some_tokens(2, 3)
    outs = [model.generate(tokens, 20, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])
    torch.manual_seed(5)
    first = model.generate(tokens, 20)
    torch.manual_seed(5)
    assert torch.equal(model.generate(tokens, 20), first)
    before = torch.get_rng_state()
    model.generate(tokens, 3, generator=torch.Generator())
    assert torch.equal(torch.get_rng_state(), before)  # a generator of one's own leaves the global one alone


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_samples_follow_the_tempered_distribution(temperature):
    model, copies = build(), 20_000
    tokens = torch.tensor([[3]]).expand(copies, 1)
    drawn = model.generate(tokens, 1, temperature=temperature, generator=torch.Generator().manual_seed(0))
    share = drawn[:, 1].bincount(minlength=11) / copies
    expected = (model(tokens[:1])[0, 0] / temperature).softmax(-1).float()
    assert (share - expected).abs().max() < 5 * (0.25 / copies) ** 0.5


@pytest.mark.parametrize("top_k", [1, 2, 5])
def test_top_k_draws_from_the_k_likeliest_alone(top_k):
    model = build()
    tokens = torch.tensor([[3]]).expand(5_000, 1)
    options = {"temperature": 3.0, "top_k": top_k, "generator": torch.Generator().manual_seed(0)}
    drawn = set(model.generate(tokens, 1, **options)[:, 1].tolist())
    assert drawn == set(model(tokens[:1])[0, 0].topk(top_k).indices.tolist())


def test_top_k_holds_where_tokens_are_equally_likely():
    model = LanguageModel(11, d_model=16, num_layers=1, num_heads=4)  # fresh: all logits are zero
    drawn = model.generate(torch.zeros(500, 1, dtype=torch.long), 1, top_k=2)[:, 1]
    assert len(set(drawn.tolist())) == 2


@pytest.mark.parametrize("mode", [True, False])
def test_generation_gives_the_training_mode_back(mode):
    model = build(dropout=0.5).train(mode)
    out = model.generate(some_tokens(2, 3), 5, temperature=0)
    assert model.training is mode
    assert torch.equal(out, build(dropout=0.0).generate(some_tokens(2, 3), 5, temperature=0))


def test_generation_gives_the_training_mode_back_when_it_fails():
    model = build("GPT-2's").train()
    with pytest.raises(ValueError, match="position 40"):
        model.generate(some_tokens(1, 38), 5)
    assert model.training
    assert all(each.training for each in model.modules())


# Settings


def test_the_stack_alone_is_the_model_between_embedding_and_head():
    """The same defaults, the same names, and the article's shapes."""
    torch.manual_seed(0)
    stack = LLMasOS(16, num_layers=2).double().eval()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, dtype=torch.float64))
    model = LanguageModel(11, d_model=16, num_layers=2, num_heads=4).double().eval()
    model.body.load_state_dict(stack.state_dict())
    tokens = some_tokens(2, 5)
    x = model.embedding(tokens)
    assert stack(x).shape == (2, 5, 16)
    close(stack(x), model.body(x))
    close(model(tokens), model.head(stack(x)))
    maps, routings = [], []
    output = stack(x, maps=maps, routings=routings)
    close(output, stack(x))
    assert [each.weights.shape for each in maps] == [(2, 4, 5, 5)] * 2
    assert routings == [None, None]


def test_the_same_names_have_the_same_defaults_and_meanings():
    stack, model = (inspect.signature(each.__init__).parameters for each in (LLMasOS, LanguageModel))
    shared = set(stack) & set(model) - {"self", "d_model", "num_layers", "num_heads"}
    assert {"norm", "bias", "position_base", "num_experts", "qk_norm"} < shared
    assert all(stack[name].default == model[name].default for name in shared)
    assert stack["num_heads"].default == 4


def test_a_model_is_this_unless_something_else_is_asked_for():
    assert LanguageModel(11, d_model=16, num_layers=2, num_heads=4).settings == {
        "vocab_size": 11, "d_model": 16, "num_layers": 2, "num_heads": 4, "d_ff": None, "num_experts": 1,
        "moe": None, "num_kv_heads": None, "head_dim": None, "position": "rotary",
        "max_len": 1024, "position_base": 10_000.0,
        "norm": "layer", "norm_eps": None, "activation": "squared_relu", "qk_norm": True, "bias": False,
        "dropout": 0.0, "tie_weights": False,
    }  # fmt: skip
    model = LanguageModel(11, d_model=16, num_layers=2, num_heads=4)
    assert len(model.blocks) == 2
    assert model.vocab_size == 11
    for block in model.blocks:
        attention = block.attention
        assert (attention.num_heads, attention.num_kv_heads, attention.head_dim) == (4, 4, 4)
        assert (attention.qk_norm, attention.is_causal, attention.dropout, block.dropout) == (
            True,
            True,
            0,
            0,
        )
        assert block.norm_first
        assert block.feed_forward.in_proj.weight.shape == (64, 16)
    assert not [name for name, _ in model.named_parameters() if "bias" in name and "norm" not in name]
    assert model.body.positions.rotary.head_dim == 4
    assert model.body.positions.rotary.base == 10_000.0


@pytest.mark.parametrize("num_experts", [1, 3])
def test_every_setting_arrives(num_experts):
    model = LanguageModel(
        11, d_model=16, num_layers=3, num_heads=4, d_ff=24, num_experts=num_experts, num_kv_heads=2,
        position="sinusoidal", position_base=50.0, norm="rms", norm_eps=0.25, activation="relu",
        qk_norm=False, bias=True, dropout=0.125,
    )  # fmt: skip
    assert len(model.blocks) == 3
    norms = [each for each in model.modules() if isinstance(each, torch.nn.RMSNorm)]
    assert [each.eps for each in norms] == [0.25] * 7
    assert model.body.positions.sinusoidal.base == 50.0
    assert model.body.positions.sinusoidal.amplitude == 1.0
    for block in model.blocks:
        attention, network = block.attention, block.feed_forward
        assert (attention.num_heads, attention.num_kv_heads) == (4, 2)
        assert (attention.qk_norm, attention.dropout, block.dropout) == (False, 0.125, 0.125)
        assert attention.out_proj.bias is not None
        network = network.experts[2] if num_experts > 1 else network
        assert network.in_proj.out_features == 24
        assert network.activation is torch.nn.functional.relu
        assert (network.in_proj.bias is None) == (num_experts > 1)  # experts have no biases
    assert len(LLMasOS(16, num_layers=1).blocks[0].feed_forward.in_proj.weight) == 64
    default = [
        each.eps
        for each in LanguageModel(11, d_model=16, num_layers=1, num_heads=4).modules()
        if hasattr(each, "eps")
    ]
    assert default == [1e-5] * 3  # torch's own


@pytest.mark.parametrize("tie", [True, False])
def test_a_fresh_model_starts_at_these_sizes(tie):
    torch.manual_seed(0)
    options = {"d_ff": 32, "tie_weights": tie, "bias": True}
    model = LanguageModel(
        3000, d_model=64, num_layers=1, num_heads=4, position="learned", max_len=500, **options
    )
    size = 1 / 8 if tie else 1.0  # d_model ** -0.5 where the embedding is the head as well
    for weight in (model.embedding.weight, model.body.positions.learned.embedding.weight):
        assert weight.std().item() == pytest.approx(size, rel=0.02)
    waves = LanguageModel(
        11, d_model=64, num_layers=1, num_heads=4, position="sinusoidal", tie_weights=tie
    ).body.positions.sinusoidal
    assert waves.amplitude == size
    assert (model.head.weight == 0).all() == (not tie)
    (block,) = model.blocks
    for layer, std in (
        (block.attention.query_proj, 1 / 8), (block.attention.key_proj, 1 / 8),
        (block.attention.value_proj, 1 / 8), (block.feed_forward.in_proj, 1 / 8),
        (block.attention.out_proj, 0.0), (block.feed_forward.out_proj, 0.0),
    ):  # fmt: skip
        assert layer.weight.std().item() == pytest.approx(std, rel=0.05)
        assert (layer.bias == 0).all()


def test_a_cache_has_a_layer_for_each_block_and_the_models_kind_of_numbers():
    model = build(num_kv_heads=2, dtype=torch.bfloat16)
    cache = model.new_cache(3, 7)
    assert len(cache) == 2
    for layer in cache:
        assert layer.keys.shape == layer.values.shape == (3, 2, 7, 4)
        assert layer.keys.dtype == layer.values.dtype == torch.bfloat16
        assert layer.lengths == [0, 0, 0]
    assert build().to("meta").new_cache(1, 2)[0].keys.device.type == "meta"


def test_next_logits_are_those_of_the_last_real_position():
    model, tokens, counts = build(), some_tokens(3, 5), [2, 5, 1]
    with torch.inference_mode():
        close(model.next_logits(tokens, cache=model.new_cache(3, 5)), model(tokens)[:, -1])
        cache = model.new_cache(3, 6)
        ragged = model.next_logits(tokens, cache=cache, counts=counts)
        assert cache[1].lengths == counts
        step = model.decoding_step(cache)
        assert isinstance(step, DecodingStep)
        after = step(some_tokens(3, 1, seed=1))
        for row, count in enumerate(counts):
            alone = tokens[row : row + 1, :count]
            close(ragged[row], model(alone)[0, -1])
            longer = torch.cat((alone, some_tokens(3, 1, seed=1)[row : row + 1]), dim=1)
            close(after[row], model(longer)[0, -1])


def test_generation_hands_every_option_on(monkeypatch):
    model, calls = build(), []
    monkeypatch.setattr(module, "generate", lambda *args, **options: calls.append((args, options)))
    monkeypatch.setattr(module, "stream", lambda *args, **options: calls.append((args, options)))
    rest = {"top_k": 3, "top_p": 0.5, "min_p": 0.25, "repetition_penalty": 1.5, "stop": 7,
            "generator": torch.Generator()}  # fmt: skip
    model.generate("prompts", 5, temperature=0.75, **rest)
    model.generate("prompts", 6)
    model.stream("prompts", 7, temperature=0.5, min_p=0.1)
    nothing = dict.fromkeys(rest) | {"stop": ()}
    assert calls == [
        ((model, "prompts", 5), {"temperature": 0.75, **rest}),
        ((model, "prompts", 6), {"temperature": 1.0, **nothing}),
        ((model, "prompts", 7), {"temperature": 0.5, "min_p": 0.1}),
    ]


def test_routing_is_none_where_there_are_no_experts():
    model, tokens = build(), some_tokens(2, 5)
    logits, routings = model.routed(tokens)
    assert routings == [None, None]
    close(logits, model(tokens))
    assert model.inspect(tokens).routings == [None, None]
    mixed = build(num_experts=2)
    mixed.body.blocks[0] = build().blocks[0]  # experts in the second block alone
    routings = mixed.routed(tokens)[1]
    assert routings[0] is None
    assert routings[1].probs.shape == (10, 2)
    seen = mixed.inspect(tokens)
    assert seen.routings[0] is None
    close(seen.routings[1].probs, routings[1].probs)
    close(seen.logits, mixed(tokens))


def test_the_smallest_model_writes():
    model = LanguageModel(1, d_model=2, num_layers=1, num_heads=1)
    assert model.generate(torch.zeros(1, 1, dtype=torch.long), 2).tolist() == [[0, 0, 0]]


def test_experts_stand_in_every_block_with_the_models_width_and_activation():
    model = build(num_experts=3, d_ff=24, activation="relu", moe={"top_k": 1})
    for block in model.blocks:
        assert len(block.feed_forward.experts) == 3
        assert block.feed_forward.top_k == 1
        assert block.feed_forward.experts[0].in_proj.out_features == 24
        assert block.feed_forward.experts[0].activation is torch.nn.functional.relu
    assert build(num_experts=2, moe={"d_ff": 8}).blocks[0].feed_forward.experts[1].in_proj.out_features == 8
    logits, routings = model.routed(some_tokens(2, 5))
    close(logits, model(some_tokens(2, 5)))
    assert [each.probs.shape for each in routings] == [(10, 3)] * 2


def test_a_knock_out_lives_where_the_model_lives():
    assert build().to("meta").knock_out([(0, 1)]).device.type == "meta"


def expert_choice():
    model = build(num_experts=4, moe={"choice": "expert"})
    with torch.inference_mode():
        model(some_tokens(1, 3), cache=model.new_cache(1, 3))


@pytest.mark.parametrize("shape", SHAPES)
def test_settings_rebuild_the_model(shape):
    model = build(shape)
    settings = json.loads(json.dumps(model.settings))
    assert settings == model.settings
    twin = LanguageModel(**settings).double()
    twin.load_state_dict(model.state_dict())
    close(twin.eval()(some_tokens(2, 5)), model(some_tokens(2, 5)))
    assert twin.settings == model.settings


# Rotary positions (against Llama's: test_positional.py)


@given(shift=st.integers(0, 100_000), seed=st.integers(0, 100))
@QUICK
def test_rotary_scores_depend_on_the_distance_alone(shift, seed):
    generator = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(1, 1, 6, 8, dtype=torch.float64, generator=generator) for _ in range(2))
    rotary, at = RotaryEmbedding(8), torch.arange(6)
    scores = [
        rotary.at(at + by, torch.float64)(query) @ rotary.at(at + by, torch.float64)(key).mT
        for by in (0, shift)
    ]
    torch.testing.assert_close(*scores, atol=1e-8, rtol=1e-8)


def test_casting_a_model_leaves_the_angles_exact():
    x = torch.ones(1, 1, 1, 8)
    exact, cast = RotaryEmbedding(8), RotaryEmbedding(8).bfloat16().float()
    far = torch.tensor([4_001])
    torch.testing.assert_close(cast.at(far)(x), exact.at(far)(x), atol=1e-6, rtol=0)


# Errors


def call(*tokens, **options):
    return build(**options)(torch.tensor(tokens))


def overfill():
    model = build()
    with torch.inference_mode():
        cache = model.new_cache(1, 4)
        model(some_tokens(1, 3), cache=cache)
        model(some_tokens(1, 2), cache=cache)


ERRORS = {
    "position": (
        lambda: LanguageModel(11, d_model=16, num_layers=1, num_heads=4, position="absolute"),
        ["position='absolute'", "rotary"],
    ),
    "norm": (
        lambda: LanguageModel(11, d_model=16, num_layers=1, num_heads=4, norm="batch"),
        ["norm='batch'", "layer", "rms"],
    ),
    "activation": (
        lambda: LanguageModel(11, d_model=16, num_layers=1, num_heads=4, activation="tanh"),
        ["activation='tanh'", "gelu"],
    ),
    "heads": (
        lambda: LanguageModel(11, d_model=60, num_layers=1, num_heads=8),
        ["d_model=60", "num_heads=8"],
    ),
    "odd heads": (lambda: LanguageModel(11, d_model=6, num_layers=1, num_heads=2), ["head_dim=3", "even"]),
    "no layers": (lambda: LanguageModel(11, d_model=16, num_layers=0, num_heads=4), ["num_layers=0"]),
    "no experts": (
        lambda: LanguageModel(11, d_model=16, num_layers=1, num_heads=4, num_experts=0),
        ["num_experts=0"],
    ),
    "options of no experts": (
        lambda: LanguageModel(11, d_model=16, num_layers=1, num_heads=4, moe={"top_k": 1}),
        ["top_k", "num_experts=1"],
    ),
    "an option that experts do not have": (
        lambda: build(num_experts=2, moe={"topk": 1}),
        ["moe={'topk': 1}", "'topk' (did you mean 'top_k'?) is not one of top_k, d_ff"],
    ),
    "an option that is an argument": (
        lambda: build(num_experts=2, moe={"d_model": 4}),
        ["moe={'d_model': 4}", "d_model is an argument of its own"],
    ),
    "experts that can be full": (
        lambda: build(num_experts=4, moe={"eval_capacity_factor": 1.0}).generate(some_tokens(1, 3), 2),
        ["a capacity factor of 1.0 in evaluation", "eval_capacity_factor=None"],
    ),
    "experts that choose": (expert_choice, ["choice='expert'", "other tokens, which a cache does not know"]),
    "experts that choose, written": (
        lambda: build(num_experts=4, moe={"choice": "expert"}).generate(some_tokens(1, 3), 2),
        ["choice='expert'"],
    ),
    "width": (lambda: LLMasOS(16, num_layers=1)(torch.zeros(2, 5, 8)), ["[batch, seq, 16]", "[2, 5, 8]"]),
    "stack, one dimension": (
        lambda: LLMasOS(16, num_layers=1)(torch.zeros(5, 16)),
        ["[batch, seq, 16]", "[5, 16]"],
    ),
    "stack, nothing": (lambda: LLMasOS(16, num_layers=1)(torch.zeros(0, 5, 16)), ["not empty", "[0, 5, 16]"]),
    "no vocabulary": (lambda: LanguageModel(0, d_model=16, num_layers=1, num_heads=4), ["vocab_size=0"]),
    "token too high": (lambda: call([1, 11]), ["token 11", "vocabulary of 11", "0 to 10"]),
    "token too low": (lambda: call([1, -2]), ["token -2", "0 to 10"]),
    "floats": (lambda: call([1.0, 2.0]), ["integers [batch, seq]", "float32", "[1, 2]"]),
    "booleans": (lambda: call([True]), ["integers [batch, seq]", "bool"]),
    "one dimension": (lambda: build()(torch.tensor([1, 2])), ["integers [batch, seq]", "[2]"]),
    "no tokens": (lambda: build()(some_tokens(2, 0)), ["no tokens", "[2, 0]"]),
    "too long": (lambda: build("GPT-2's")(some_tokens(1, 41)), ["position 40", "0 to 39"]),
    "cache full": (overfill, ["4 positions", "3 used", "2 more"]),
    "prompt": (lambda: build().generate(some_tokens(2, 0), 3), ["no tokens", "[2, 0]"]),
    "prompt, nothing asked": (lambda: build().generate(some_tokens(2, 0), 0), ["no tokens", "[2, 0]"]),
    "prompt dimensions": (lambda: build().generate(torch.tensor([1]), 3), ["integers [batch, seq]", "[1]"]),
    "count": (lambda: build().generate(some_tokens(1, 2), -1), ["max_new_tokens=-1"]),
    "temperature": (lambda: build().generate(some_tokens(1, 2), 1, temperature=-0.5), ["temperature=-0.5"]),
    "temperature nan": (
        lambda: build().generate(some_tokens(1, 2), 1, temperature=float("nan")),
        ["temperature=nan"],
    ),
    "top_k low": (lambda: build().generate(some_tokens(1, 2), 1, top_k=0), ["top_k=0", "vocab_size=11"]),
    "top_k high": (lambda: build().generate(some_tokens(1, 2), 1, top_k=12), ["top_k=12", "vocab_size=11"]),
    "layer": (lambda: build().knock_out([(2, 0)]), ["layer=2", "head=0", "layers 0 to 1", "heads 0 to 3"]),
    "head": (lambda: build().knock_out([(0, -1)]), ["layer=0", "head=-1", "heads 0 to 3"]),
    "head mask": (
        lambda: build()(some_tokens(1, 2), head_mask=torch.ones(3, 4)),
        ["head_mask [3, 4]", "layers=2", "heads=4"],
    ),
    "head mask, inspect": (
        lambda: build().inspect(some_tokens(1, 2), head_mask=torch.ones(4)),
        ["head_mask [4]", "layers=2", "heads=4"],
    ),
    "head mask rows": (
        lambda: build()(some_tokens(1, 2), head_mask=torch.ones(2, 3, 4)),
        ["head_mask [3, 4]", "batch=1", "heads=4"],
    ),
}


WORDS = {
    "num_layers=0 and num_experts=1 must be at least 1": lambda: LLMasOS(16, num_layers=0, num_experts=1),
    "num_layers=1 and num_experts=0 must be at least 1": lambda: LLMasOS(16, num_layers=1, num_experts=0),
    "moe={'top_k': 1} are options of experts, but num_experts=1": lambda: LLMasOS(
        16, num_layers=1, moe={"top_k": 1}
    ),
    "vocab_size=0 must be at least 1": lambda: LanguageModel(0, d_model=16, num_layers=1, num_heads=4),
    "x must be [batch, seq, 16] and not empty, got [1, 0, 16]": lambda: LLMasOS(16, num_layers=1)(
        torch.zeros(1, 0, 16)
    ),
    "head_mask [3, 4] must be [layers=2, heads=4] or [layers=2, batch, heads=4]": lambda: build()(
        some_tokens(1, 2), head_mask=torch.ones(3, 4)
    ),
    "there is no head (layer=0, head=4): layers 0 to 1, heads 0 to 3": lambda: build().knock_out([(0, 4)]),
    "there is no head (layer=-1, head=0): layers 0 to 1, heads 0 to 3": lambda: build().knock_out([(-1, 0)]),
}


@pytest.mark.parametrize("words", WORDS)
def test_the_words_of_the_models_own_errors(words):
    with pytest.raises(ValueError, match="^" + re.escape(words) + "$"):
        WORDS[words]()


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_values(case):
    provoke, words = ERRORS[case]
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        provoke()
    assert all(word in str(error.value) for word in words), str(error.value)


# Long texts, read into a cache piece by piece


@pytest.mark.parametrize("bound", [1, 200, 777])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_read_into_a_cache_in_pieces_is_what_is_read_at_once(shape, bound, monkeypatch):
    for experts in (1, 3):
        model = build(shape, num_experts=experts, **({} if experts == 1 else {"bias": False, "d_ff": 8}))
        tokens, more = some_tokens(3, 20), some_tokens(3, 9, seed=1)
        with torch.inference_mode():
            read = []
            for limit in (1 << 40, bound):
                monkeypatch.setattr(llmasos, "MASK_NUMBERS", limit)
                cache = model.new_cache(3, 40)
                first = model(tokens, cache=cache, counts=[20, 7, 0])
                second = model(more, cache=cache, counts=[2, 9, 5])
                assert cache[0].lengths == [22, 16, 5]
                read.append((first[0], first[1, :7], second[0, :2], second[1], second[2, :5]))
            for whole, pieces in zip(*read, strict=True):
                close(pieces, whole)
            close(read[1][3], model(torch.cat((tokens[1:2, :7], more[1:2]), dim=1))[0, 7:])


def test_pieces_keep_what_was_asked_of_all(monkeypatch):
    model, tokens = build("alibi"), some_tokens(2, 20)
    heads = model.knock_out([(0, 1)])
    monkeypatch.setattr(llmasos, "MASK_NUMBERS", 300)
    with torch.inference_mode():
        close(model(tokens, cache=model.new_cache(2, 20), head_mask=heads), model(tokens, head_mask=heads))
        routed = model.routed(
            tokens, cache=model.new_cache(2, 20)
        )  # in one piece: each routing is of all tokens
        close(routed.logits, model(tokens))


def alibi_masks(model, tokens, monkeypatch, *, grad=False):
    """What a plain reading gives, and how many queries each call of the kernel had."""
    queries = []
    monkeypatch.setattr(llmasos, "MASK_NUMBERS", 2 * 20 * 7)
    real = torch.nn.functional.scaled_dot_product_attention

    def heard(query, *args, **options):
        queries.append(query.shape[-2])
        return real(query, *args, **options)

    with monkeypatch.context() as patched, torch.set_grad_enabled(grad):
        patched.setattr(torch.nn.functional, "scaled_dot_product_attention", heard)
        read = model(tokens)
    return read, queries


@pytest.mark.parametrize("experts", [1, 3])
def test_with_alibi_a_plain_reading_goes_in_pieces_too(experts, monkeypatch):
    model = build("alibi", num_experts=experts, **({} if experts == 1 else {"bias": False, "d_ff": 8}))
    tokens = some_tokens(3, 20)
    with torch.inference_mode():
        whole = model(tokens)
    heads = model.blocks[0].attention.num_heads
    assert heads * 20 * 20 > 2 * 20 * 7
    read, queries = alibi_masks(model, tokens, monkeypatch)
    close(read, whole)
    assert max(queries) * heads * 20 <= 2 * 20 * 7
    assert sum(queries) == 20 * len(model.blocks)


@pytest.mark.parametrize("why", ["gradient", "training", "hook", "replaced", "expert choice", "position"])
def test_where_pieces_would_not_do_a_text_is_read_whole(why, monkeypatch):
    model = build("alibi")
    if why == "expert choice":
        model = build("alibi", num_experts=3, moe={"choice": "expert"}, bias=False, d_ff=8)
    if why == "position":
        model = build()
    model.train(why == "training")
    if why == "hook":
        model.blocks[1].register_forward_hook(lambda *_: None)
    if why == "replaced":
        attend = model.blocks[0].attention.forward
        model.blocks[0].attention.forward = lambda *args, **options: attend(*args, **options)
    _, queries = alibi_masks(model, some_tokens(3, 20), monkeypatch, grad=why == "gradient")
    assert queries == [20] * len(model.blocks)
