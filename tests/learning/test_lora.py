"""Adapters: the identity at first, merged as unmerged, the base untouched, and files that know their base."""

import copy
import math
import re

import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.nn.utils import prune
from torch.testing import assert_close

from llmasos_edu.learning.lora import (
    LeastSurprised,
    LoRALinear,
    adapted_layers,
    adapter_state,
    add_lora,
    load_adapters,
    merge_lora,
    remove_lora,
    save_adapters,
    serve_together,
    set_adapter_state,
)
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.checkpoint import CheckpointError, load_model, save_checkpoint, save_model
from llmasos_edu.training.loop import TextSampler, make_optimizers, train

exact = {"rtol": 1e-10, "atol": 1e-10}
TOKENS = torch.randint(11, (3, 6), generator=torch.Generator().manual_seed(0))


def make(seed=0, **options):
    torch.manual_seed(seed)
    model = LanguageModel(11, d_model=8, num_layers=2, num_heads=2, d_ff=12, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return model.double()


def scramble(model):
    """Adapters that do something."""
    torch.manual_seed(7)
    set_adapter_state(model, {name: torch.randn_like(t) for name, t in adapter_state(model).items()})
    return model


def learn(model, steps=4, **options):
    return train(
        model, TextSampler([1, 2, 3, 4] * 20, context=4, batch_size=4), steps=steps, progress=False, **options
    )


# ---- the layer ----


@pytest.mark.parametrize("bias", [True, False])
def test_layer_by_formula_in_value_and_gradient(bias):
    torch.manual_seed(0)
    plain = nn.Linear(5, 4, bias=bias).double()
    layer = LoRALinear(plain, rank=2, alpha=6)
    with torch.no_grad():
        layer.lora_b.normal_()
    x = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)
    weight = plain.weight + 3.0 * layer.lora_b @ layer.lora_a
    ours, theirs = layer(x), linear(x, weight, plain.bias)
    assert layer.scale == 3.0
    assert_close(ours, theirs, **exact)
    wrt = [x, layer.lora_a, layer.lora_b]
    slopes = [torch.autograd.grad(y.sin().sum(), wrt, retain_graph=True) for y in (ours, theirs)]
    assert_close(slopes[0], slopes[1], **exact)
    assert_close(layer.merged()(x), theirs, **exact)
    assert type(layer.merged()) is nn.Linear
    assert "rank=2, alpha=6" in repr(layer)
    assert "in_features=5, out_features=4" in repr(layer)


def test_layer_starts_as_what_it_was():
    torch.manual_seed(0)
    plain = nn.Linear(400, 30)
    layer = LoRALinear(plain, rank=20, alpha=40)
    x = torch.randn(4, 400)
    assert torch.equal(layer(x), plain(x))
    assert layer.weight is plain.weight
    assert layer.bias is plain.bias
    assert layer.lora_a.shape == (20, 400)
    assert layer.lora_b.shape == (30, 20)
    assert (layer.lora_b == 0).all()
    assert layer.lora_a.std().item() == pytest.approx(400**-0.5, rel=0.05)
    assert isinstance(layer, nn.Linear)
    assert (layer.in_features, layer.out_features) == (400, 30)


def test_b_learns_first():
    layer = LoRALinear(nn.Linear(4, 3), rank=2, alpha=2)
    layer(torch.randn(5, 4)).square().sum().backward()
    assert (layer.lora_a.grad == 0).all()
    assert layer.lora_b.grad.abs().min() > 0


def test_layer_keeps_the_kind_of_number():
    layer = LoRALinear(nn.Linear(4, 3).to(torch.bfloat16), rank=1, alpha=1)
    assert layer.lora_a.dtype == layer.lora_b.dtype == torch.bfloat16
    assert layer.merged().weight.dtype == torch.bfloat16


def test_layer_refuses():
    plain = nn.Linear(4, 3)
    assert LoRALinear(plain, rank=3, alpha=1).rank == 3
    for rank in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=f"rank={rank} is not a whole number"):
            LoRALinear(plain, rank=rank, alpha=1)
    with pytest.raises(ValueError, match="rank=4 is above the smaller side of a 3 x 4 matrix"):
        LoRALinear(plain, rank=4, alpha=1)
    for alpha in (0, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"alpha={alpha} must be finite and not 0"):
            LoRALinear(plain, rank=1, alpha=alpha)
    assert LoRALinear(plain, rank=1, alpha=-1).scale == -1


# ---- on a model ----


def test_adding_changes_no_answer_and_freezes_all_else():
    model = make().eval()
    before = model(TOKENS)
    names = add_lora(model, rank=2)
    assert names == [f"body.blocks.{i}.attention.{p}_proj" for i in (0, 1) for p in ("query", "value")]
    assert torch.equal(model(TOKENS), before)
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {f"{name}.{part}" for name in names for part in ("lora_a", "lora_b")}
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 4 * 2 * (8 + 8)
    assert adapted_layers(model) == names
    layer = model.get_submodule(names[0])
    assert (layer.rank, layer.alpha) == (2, 4)
    assert not any(module.training for module in model.modules())


def test_only_adapters_train_and_the_model_below_stays_to_the_bit():
    model = make()
    before = copy.deepcopy(model.state_dict())
    add_lora(model, rank=2, alpha=3.0, targets=("attention.out_proj", "in_proj", "head"))
    history = learn(model, steps=30)
    assert history.losses[-1] < history.losses[0] - 0.3
    after = model.state_dict()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor)
    moved = adapter_state(model)
    assert len(moved) == 10
    assert all(t.abs().max() > 0 for t in moved.values())
    remove_lora(model)
    assert model.state_dict().keys() == before.keys()
    for name, tensor in before.items():
        assert torch.equal(model.state_dict()[name], tensor)
    assert adapted_layers(model) == []
    assert all(p.requires_grad for p in model.parameters())


def test_merged_answers_as_unmerged():
    model = make(bias=True).eval()
    add_lora(model, rank=3, targets=("query_proj", "feed_forward.out_proj", "head"))
    plain = model(TOKENS)
    scramble(model)
    expected = model(TOKENS)
    assert not torch.allclose(plain, expected, atol=0.1)
    names = [name for name in model.state_dict() if "lora" not in name]
    merge_lora(model)
    assert_close(model(TOKENS), expected, **exact)
    assert list(model.state_dict()) == names
    assert all(p.requires_grad for p in model.parameters())
    assert not any(module.training for module in model.modules())
    single = scramble_float()
    wanted = single(TOKENS)
    merge_lora(single)
    assert_close(single(TOKENS), wanted, rtol=1e-4, atol=1e-4)


def scramble_float():
    model = make().float()
    add_lora(model, rank=2)
    return scramble(model)


def test_merging_leaves_the_original_weights_alone():
    model = make()
    original = model.head.weight
    before = original.detach().clone()
    add_lora(model, rank=2, targets="head")
    scramble(model)
    merge_lora(model)
    assert torch.equal(original, before)
    assert not torch.equal(model.head.weight, before)


def test_targets_are_ends_of_names():
    def chosen(*targets):
        model = make()
        return {name.removeprefix("body.") for name in add_lora(model, rank=1, targets=targets)}

    both = {f"blocks.{i}." for i in (0, 1)}
    assert chosen("attention.out_proj") == {f"{b}attention.out_proj" for b in both}
    assert chosen("out_proj") == {f"{b}{m}.out_proj" for b in both for m in ("attention", "feed_forward")}
    assert chosen("blocks.1.attention.key_proj", "head") == {"blocks.1.attention.key_proj", "head"}
    with pytest.raises(ValueError, match="no linear layer is called 'proj'; there are: query_proj, key_proj"):
        chosen("proj")
    with pytest.raises(ValueError, match="no linear layer is called 'embedding'"):
        chosen("head", "embedding")
    with pytest.raises(ValueError, match="targets is empty"):
        chosen()


def test_a_refusal_leaves_the_model_as_it_was():
    model = make()
    with pytest.raises(ValueError, match="rank=9"):
        add_lora(model, rank=9)
    assert all(p.requires_grad for p in model.parameters())
    assert adapted_layers(model) == []
    add_lora(model, rank=1)
    with pytest.raises(ValueError, match="has adapters already, 4: merge or remove"):
        add_lora(model, rank=1)
    tied = make(tie_weights=True)
    with pytest.raises(ValueError, match=r"head shares its weight with embedding.weight"):
        add_lora(tied, rank=1, targets="head")
    assert add_lora(tied, rank=1)
    for function in (merge_lora, remove_lora, adapter_state):
        with pytest.raises(ValueError, match="the model has no adapters"):
            function(make())


def test_experts_can_be_adapted_too():
    model = make(num_experts=3, moe={"top_k": 1})
    model.eval()
    before = model(TOKENS)
    assert len(add_lora(model, rank=1, targets="in_proj")) == 6
    assert torch.equal(model(TOKENS), before)
    scramble(model)
    moved = model(TOKENS)
    assert not torch.allclose(moved, before)
    merge_lora(model)
    assert_close(model(TOKENS), moved, **exact)


def test_the_random_half_depends_on_the_seed():
    states = []
    for seed in (0, 0, 1):
        model = make()
        torch.manual_seed(seed)
        add_lora(model, rank=2)
        states.append(adapter_state(model))
    names = [name for name in states[0] if name.endswith("lora_a")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in names)
    assert not any(torch.equal(states[0][name], states[2][name]) for name in names)


def test_writing_with_a_cache_goes_through_the_adapters():
    model = make().float().eval()
    add_lora(model, rank=2, targets=("query_proj", "value_proj", "head"))
    scramble(model)
    merged = copy.deepcopy(model)
    merge_lora(merged)
    prompt = [[1, 2, 3]]
    assert torch.equal(
        torch.as_tensor(model.generate(prompt, 5, temperature=0)[0]),
        torch.as_tensor(merged.generate(prompt, 5, temperature=0)[0]),
    )


# ---- states and files ----


def test_states_switch_tasks_and_are_copies():
    model = make()
    add_lora(model, rank=2)
    blank = adapter_state(model)
    start = model(TOKENS)
    scramble(model)
    other = adapter_state(model)
    assert not torch.allclose(model(TOKENS), start)
    set_adapter_state(model, blank)
    assert torch.equal(model(TOKENS), start)
    learn(model)
    assert all((t == 0).all() for name, t in blank.items() if name.endswith("lora_b"))
    assert all(not t.requires_grad for t in blank.values())
    set_adapter_state(model, other)
    assert all(torch.equal(t, other[name]) for name, t in adapter_state(model).items())


def test_a_foreign_state_is_refused_and_changes_nothing():
    model = make()
    add_lora(model, rank=2)
    state = adapter_state(model)
    first = next(iter(state))
    with pytest.raises(ValueError, match=re.escape(f"{first!r} is only on one side")):
        set_adapter_state(model, {name: t + 1 for name, t in state.items() if name != first})
    last = list(state)[-1]
    wrong = {name: t + 1 for name, t in state.items()} | {last: torch.zeros(8, 3)}
    with pytest.raises(ValueError, match=re.escape(f"{last} is [8, 3], the model's is [8, 2]")):
        set_adapter_state(model, wrong)
    assert all(torch.equal(t, state[name]) for name, t in adapter_state(model).items())


def test_a_file_holds_the_adapters_alone_and_brings_them_back(tmp_path):
    model = make().eval()
    names = add_lora(model, rank=2, alpha=5.0, targets=("key_proj", "blocks.1.feed_forward.in_proj"))
    scramble(model)
    expected = model(TOKENS)
    save_adapters(tmp_path / "a.safetensors", model)
    save_model(tmp_path / "all.safetensors", model)
    again = make().eval()
    before = torch.get_rng_state()
    assert load_adapters(tmp_path / "a.safetensors", again) == names
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(again(TOKENS), expected)
    assert again.get_submodule(names[0]).alpha == 5.0
    numbers = sum(t.numel() for t in adapter_state(model).values())
    assert 8 * numbers < (tmp_path / "a.safetensors").stat().st_size < 8 * numbers + 3000
    assert (tmp_path / "all.safetensors").stat().st_size > 8 * 1000
    assert {name for name, p in again.named_parameters() if p.requires_grad} == set(adapter_state(model))


def test_files_refuse_another_base_another_kind_and_a_second_coat(tmp_path):
    path = tmp_path / "a.safetensors"
    model = make()
    add_lora(model, rank=2)
    save_adapters(path, model)
    with pytest.raises(CheckpointError, match="trained on other weights"):
        load_adapters(path, make(seed=1))
    with pytest.raises(CheckpointError, match="trained on other weights"):
        load_adapters(path, make().float())
    with pytest.raises(ValueError, match="has adapters already"):
        load_adapters(path, model)
    with pytest.raises(CheckpointError, match="use load_adapters"):
        load_model(path, LanguageModel)
    save_model(path, make())
    with pytest.raises(CheckpointError, match="use load_model"):
        load_adapters(path, make())
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match="damaged"):
        load_adapters(path, make())
    with pytest.raises(ValueError, match="the model has no adapters"):
        save_adapters(path, make())


def test_a_file_of_adapters_on_a_changed_base_is_refused_whatever_changed(tmp_path):
    model = make()
    add_lora(model, rank=2)
    save_adapters(tmp_path / "a.safetensors", model)
    for name in ("embedding.weight", "head.weight"):
        other = make()
        with torch.no_grad():
            other.get_parameter(name)[0, 0] += 1e-12
        with pytest.raises(CheckpointError, match="other weights"):
            load_adapters(tmp_path / "a.safetensors", other)


def test_training_resumes_bit_for_bit_with_adapters(tmp_path):
    def run(**options):
        model = make().float()
        torch.manual_seed(3)
        add_lora(model, rank=2)
        optimizers = make_optimizers(model, name="adamw")
        learn(model, steps=8, optimizers=optimizers, **options)
        return adapter_state(model)

    whole = run()
    path = tmp_path / "c.safetensors"
    halted = {"checkpoint": path, "checkpoint_every": 2}
    run(stop_when=lambda history: len(history.losses) == 4, **halted)
    resumed = run(**halted)
    assert all(torch.equal(t, resumed[name]) for name, t in whole.items())


def test_optimizers_and_checkpoints_see_adapters_only(tmp_path):
    model = make()
    add_lora(model, rank=2)
    for name in ("muon", "adamw"):
        held = [
            p
            for one in make_optimizers(model, name=name)
            for group in one.param_groups
            for p in group["params"]
        ]
        assert sum(p.numel() for p in held) == 4 * 2 * 16
    save_checkpoint(tmp_path / "c.safetensors", model, make_optimizers(model), step=0)


READERS = {
    "an encoder's network": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1),
        "linear1",
    ),
    "an encoder layer alone": (lambda: nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16)), "0.linear2"),
    "attention's output": (lambda: nn.Sequential(nn.MultiheadAttention(8, 2)), "out_proj"),
    "a decoder's attention": (
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 1),
        "out_proj",
    ),
    "weight_norm": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))), "0"),
    "pruning": (
        lambda: nn.Sequential(prune.random_unstructured(nn.Linear(4, 3), "weight", 0.5)),
        "0",
    ),
    "a hook": (lambda: nn.Sequential(hooked(nn.Linear(4, 3))), "0"),
}


def hooked(layer):
    layer.register_forward_hook(lambda module, inputs, output: 2 * output)
    return layer


@pytest.mark.parametrize("case", READERS)
def test_a_layer_whose_weight_others_read_is_refused_by_name(case):
    build, target = READERS[case]
    model = build()
    before = {name: type(module) for name, module in model.named_modules()}
    with pytest.raises(ValueError, match=f"{target}(: nn\\.| is no plain nn.Linear| has hooks)"):
        add_lora(model, rank=1, targets=target)
    assert {name: type(module) for name, module in model.named_modules()} == before
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_old_weight_norm_is_refused_too():
    with pytest.warns(FutureWarning):
        model = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)))
    with pytest.raises(ValueError, match=r"0 is no plain nn\.Linear with a weight of its own"):
        add_lora(model, rank=1, targets="0")


def test_a_decoder_s_network_works_in_both_modes():
    """`nn.TransformerDecoderLayer` calls its layers: an adapter is heard there, in either mode."""
    torch.manual_seed(0)
    model = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    add_lora(model, rank=2, targets=("linear1", "linear2"))
    for module in (model.linear1, model.linear2):
        nn.init.normal_(module.lora_b)
    x, memory = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    trained, evaluated = model.train()(x, memory), model.eval()(x, memory)
    assert_close(trained, evaluated)
    merge_lora(model)
    assert_close(model(x, memory), evaluated, atol=1e-5, rtol=1e-5)


# ---- several at once ----


def three_states(model):
    torch.manual_seed(3)
    return {
        name: {key: torch.randn_like(t) for key, t in adapter_state(model).items()}
        for name in ("a", "b", "c")
    }


def test_several_adapters_in_one_batch_answer_as_each_alone():
    model = make()
    add_lora(model, rank=2, alpha=3.0, targets=("query_proj", "value_proj", "in_proj", "head"))
    states, together = three_states(model), copy.deepcopy(model)
    choice = serve_together(together, states)
    choice.choose(["c", None, "a"])
    found = together.eval()(TOKENS)
    zero = {key: torch.zeros_like(t) for key, t in adapter_state(model).items()}
    for row, state in enumerate((states["c"], zero, states["a"])):
        set_adapter_state(model, state)
        assert_close(found[row], model.eval()(TOKENS[row : row + 1])[0], **exact)
    set_adapter_state(model, states["a"])
    assert not torch.allclose(found[0], model(TOKENS[:1])[0])


def test_serving_together_refuses_what_does_not_fit_and_changes_nothing():
    model = make()
    with pytest.raises(ValueError, match="no adapters"):
        serve_together(model, {})
    add_lora(model, rank=2)
    state = adapter_state(model)
    with pytest.raises(ValueError, match="names of their own"):
        serve_together(model, {})
    other = make()
    add_lora(other, rank=2, targets="key_proj")
    with pytest.raises(
        ValueError, match=r"the adapter 'b' is of other layers: body.blocks.0.attention.key_proj"
    ):
        serve_together(model, {"a": state, "b": adapter_state(other)})
    wide = make()
    add_lora(wide, rank=3)
    with pytest.raises(ValueError, match=r"of 'a' is \[2, 8\], the model's is \[3, 8\]"):
        serve_together(wide, {"a": state})
    assert len(adapted_layers(model)) == 4


def test_the_least_surprised_adapter_makes_the_guess_and_never_looks_ahead():
    model = make()
    add_lora(model, rank=2)
    states = list(three_states(model).values())
    found = LeastSurprised(model, states).eval()(TOKENS)
    for row in range(len(TOKENS)):
        nats = torch.zeros(3)
        for place in range(TOKENS.shape[1]):
            guesses = []
            for number, state in enumerate(states):
                set_adapter_state(model, state)
                logits = model.eval()(TOKENS[row : row + 1, : place + 1])[0]
                guesses.append(logits[place])
                if place:
                    nats[number] -= logits[place - 1].log_softmax(-1)[TOKENS[row, place]]
            best = int(nats.argmin()) if place else 0
            assert_close(found[row, place], guesses[best], **exact)
    with pytest.raises(ValueError, match="no adapter to choose from"):
        LeastSurprised(model, [])
