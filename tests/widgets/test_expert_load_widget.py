"""The expert-load explorer without a browser: what it accepts, refuses, sends and saves."""

import numpy as np
import pytest
import torch
import traitlets

from llmasos_edu.layers.moe import MoE
from llmasos_edu.layers.routing import expert_choice_routing, top_k_routing
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import ExpertLoadExplorer, embed_widget_state
from llmasos_edu.widgets.expert_load import data


def random_logits(*shape, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * 2).astype(np.float32)


def words(count):
    return [f"w{i}" for i in range(count)]


def read_back(explorer):
    """Logits `[steps, layers, tokens, experts]` and biases as the browser decodes them."""
    description = explorer.description
    shape = description["shape"]
    kind = np.dtype(description["type"])
    logits = np.frombuffer(explorer.data, kind, count=int(np.prod(shape))).reshape(shape).astype(np.float64)
    if description["bias"] is None:
        return logits, None
    count = shape[0] * shape[1] * shape[3]
    bias = np.frombuffer(explorer.data, "<f4", offset=description["bias"], count=count)
    return logits, bias.reshape(shape[0], shape[1], shape[3])


# ---- what it sends ----


@pytest.mark.parametrize("shape", [(6, 4), (2, 6, 4), (3, 2, 6, 4), (1, 1), (1, 1, 1, 1)])
def test_what_is_sent_is_what_was_given_bit_by_bit(shape):
    logits = random_logits(*shape)
    for given in (logits, torch.from_numpy(logits), logits.astype(np.float64)):
        explorer = ExpertLoadExplorer(given, words(shape[-2]), top_k=1)
        found, bias = read_back(explorer)
        assert found.shape == (1,) * (4 - len(shape)) + shape
        np.testing.assert_array_equal(found.reshape(shape), logits)
        assert bias is None


def test_many_logits_are_sent_in_half_precision_less_their_row_s_largest():
    logits = random_logits(5, 1, 900, 64) - 3000  # halves alone would round these to even numbers
    logits[0, 0, 0, 1] = -1e9
    explorer = ExpertLoadExplorer(logits, words(900))
    assert explorer.description["type"] == "float16"
    assert len(explorer.data) == 2 * logits.size
    found, _ = read_back(explorer)
    expected = logits - logits.max(-1, keepdims=True)
    assert found[0, 0, 0, 1] == pytest.approx(-60_000, abs=20)
    near = expected > -8
    np.testing.assert_allclose(found[near], expected[near], atol=4e-3)
    np.testing.assert_allclose(
        torch.tensor(found).softmax(-1), torch.tensor(logits).double().softmax(-1), atol=2e-3
    )


def test_the_largest_saved_page_is_as_large_as_the_docstring_says(tmp_path):
    logits = np.zeros((32, 2, 2048, 64), dtype=np.float32)
    assert logits.size == data.MAX_VALUES
    explorer = ExpertLoadExplorer(logits, ["word"] * 2048)
    size = explorer.save_html(tmp_path / "largest.html").stat().st_size
    assert 22e6 < size < 23e6
    assert "has 23 MB" in ExpertLoadExplorer.__doc__
    assert f"{data.MAX_VALUES:,} logits" in ExpertLoadExplorer.__doc__
    assert f"{data.SINGLE_LIMIT:,}\n" in ExpertLoadExplorer.__doc__


@pytest.mark.parametrize("shape", [(4,), (2, 4), (3, 2, 4)])
def test_a_bias_is_spread_over_what_it_lacks_and_zeros_are_none(shape):
    bias = random_logits(*shape, seed=1)
    logits = random_logits(3, 2, 5, 4)
    _, found = read_back(ExpertLoadExplorer(logits, words(5), bias=bias))
    np.testing.assert_array_equal(found, np.broadcast_to(bias, (3, 2, 4)))
    assert read_back(ExpertLoadExplorer(logits, words(5), bias=bias * 0))[1] is None


def test_domains_have_names_letters_and_an_index_for_each_token():
    explorer = ExpertLoadExplorer(
        random_logits(5, 4), words(5), domains=["prose", "code", "prose", "sum", "code"]
    )
    assert explorer.description["domains"] == ["prose", "code", "sum"]
    assert explorer.description["letters"] == ["P", "C", "S"]
    assert explorer.description["domain_of"] == [0, 1, 0, 2, 1]
    assert data.domain_letters(["code", "chat"]) == ["A", "B"]
    assert data.domain_letters(["", "x"]) == ["∅", "X"]


def test_white_space_becomes_visible_and_steps_are_numbered():
    explorer = ExpertLoadExplorer(random_logits(3, 1, 2, 4), [" a", "\n"], steps=np.array([0, 10, 500]))
    assert explorer.description["tokens"] == ["·a", "⏎"]
    assert explorer.description["steps"] == [0, 10, 500]
    assert explorer.step == 2, "the last step is shown first"
    assert ExpertLoadExplorer(random_logits(3, 1, 2, 4), words(2)).description["steps"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("top_k", "given", "expected"), [(1, None, False), (2, None, True), (1, True, True), (2, False, False)]
)
def test_gates_sum_to_one_unless_a_single_one_would_be_one(top_k, given, expected):
    explorer = ExpertLoadExplorer(random_logits(5, 4), words(5), top_k=top_k, renormalize=given)
    assert explorer.renormalize is expected
    assert MoE(4, num_experts=4, top_k=top_k, renormalize=given).renormalize is expected


# ---- how it looks from Python ----


def test_repr_says_what_it_holds_and_never_changes():
    first, second = (
        ExpertLoadExplorer(random_logits(3, 2, 5, 4), words(5), domains=list("aabbc"), capacity_factor=1.25)
        for _ in range(2)
    )
    expected = (
        "ExpertLoadExplorer(3 steps, 2 layers, 5 tokens x 4 experts, domains: a, b, c, top_k=2, "
        "capacity_factor=1.25)"
    )
    assert repr(first) == repr(second) == expected
    plain = ExpertLoadExplorer(random_logits(1, 4), words(1), top_k=1)
    assert repr(plain) == "ExpertLoadExplorer(1 layer, 1 token x 4 experts, top_k=1)"


def test_python_can_move_it_and_not_out_of_range():
    explorer = ExpertLoadExplorer(random_logits(3, 2, 5, 4), words(5), domains=list("aabbc"), layer=1, step=0)
    assert (explorer.layer, explorer.step) == (1, 0)
    explorer.token, explorer.expert, explorer.top_k, explorer.domain, explorer.order = 4, 3, 4, 2, "expert"
    explorer.capacity_factor = None
    for name, value, message in (
        ("token", 5, "token=5 does not exist: 0 to 4"),
        ("expert", -1, "expert=-1 does not exist: 0 to 3"),
        ("layer", 2, "layer=2 does not exist: 0 to 1"),
        ("step", 3, "step=3 does not exist: 0 to 2"),
        ("top_k", 0, "top_k=0 does not exist: 1 to 4"),
        ("top_k", 5, "top_k=5 does not exist: 1 to 4"),
        ("domain", 3, "domain=3 does not exist: -1 to 2"),
        ("capacity_factor", 0.0, r"capacity_factor=0\.0 must be positive"),
        ("temperature", 11.0, r"temperature=11\.0 is out of range: 0\.1 to 10"),
        ("noise", -0.1, r"noise=-0\.1 is out of range: 0 to 4"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(explorer, name, value)


# ---- what it refuses, in words ----


def changed(value):
    logits = random_logits(2, 5, 4)
    logits[1, 3, 2] = value
    return logits


BAD = [
    ({"router_logits": random_logits(4)}, r"1 dimensions \[4\], expected \[tokens, experts\]"),
    ({"router_logits": random_logits(1, 1, 1, 1, 1)}, r"5 dimensions"),
    ({"router_logits": random_logits(0, 4)}, r"empty: \[0, 4\]"),
    ({"router_logits": changed(np.nan)}, r"\[step=0, layer=1, token=3, expert=2\] is nan: a router's logits"),
    ({"router_logits": changed(-np.inf)}, r"expert=2\] is -inf"),
    ({"router_logits": "logits"}, "router_logits must be numbers"),
    ({"router_logits": random_logits(2049, 2)}, "2,049 tokens are too many to explore, at most 2,048"),
    ({"router_logits": random_logits(2, 65)}, "65 experts are too many to explore, at most 64"),
    ({"router_logits": random_logits(33, 1, 1, 1)}, "33 steps are too many to explore, at most 32"),
    ({"router_logits": random_logits(65, 1, 1)}, "65 layers are too many to explore, at most 64"),
    ({"router_logits": np.zeros((32, 3, 2048, 64), "f4")}, "12,582,912 logits .* at most 8,388,608"),
    ({"tokens": words(4)}, "tokens has 4 strings for 5 tokens: give one each"),
    ({"tokens": "abcde"}, "tokens is one string, expected a list of 5 strings"),
    ({"tokens": [1, 2, 3, 4, 5]}, r"tokens\[0\] is 1, expected a string"),
    ({"domains": ["a"] * 6}, "domains has 6 strings for 5 tokens"),
    ({"steps": [0]}, "steps are given, but router_logits holds one step alone"),
    ({"top_k": 5}, "top_k=5 is out of range: 1 to 4"),
    ({"top_k": 0}, "top_k=0 is out of range: 1 to 4"),
    ({"top_k": 2.0}, r"top_k=2\.0 must be a whole number"),
    ({"capacity_factor": 0}, "capacity_factor=0 must be positive and finite"),
    ({"capacity_factor": float("inf")}, "capacity_factor=inf must be positive and finite"),
    ({"capacity_factor": "none"}, "capacity_factor='none' must be a number, or None for no limit"),
    ({"temperature": 0}, r"temperature=0 is out of range: 0\.1 to 10"),
    ({"noise": True}, "noise=True must be a number"),
    ({"layer": 2}, "layer=2 is out of range: 0 to 1"),
    ({"step": 1}, "step=1 is out of range: 0 to 0"),
    ({"bias": np.zeros(5)}, r"bias has shape \[5\], expected \[experts=4\], \[layers=2, experts\]"),
    ({"bias": np.array([0, 1, np.nan, 0])}, r"bias\[2\] is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_input_meets_words_with_values(changes, message):
    arguments = {"router_logits": random_logits(2, 5, 4), "tokens": words(5)} | changes
    with pytest.raises((ValueError, TypeError), match=message):
        ExpertLoadExplorer(arguments.pop("router_logits"), arguments.pop("tokens"), **arguments)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([0, 1], "steps has 2 numbers for 3 recorded steps"),
        ([0, 5, 5], "steps must rise, but 5 comes after 5"),
        ([0, 1, 2.5], r"steps\[2\] is out|steps\[2\]=2\.5 must be a whole number"),
        ([-1, 0, 1], r"steps\[0\]=-1 is out of range"),
        ("012", "steps must be a list of 3 whole numbers, got str"),
    ],
)
def test_steps_that_do_not_fit_are_named(steps, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ExpertLoadExplorer(random_logits(3, 1, 5, 4), words(5), steps=steps)


def test_more_domains_than_colours_are_refused_by_name():
    with pytest.raises(ValueError, match="9 domains are too many to tell apart, at most 8: d0, d1"):
        ExpertLoadExplorer(random_logits(9, 4), words(9), domains=[f"d{i}" for i in range(9)])


# ---- the book's own models ----


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = LanguageModel(
        256,
        d_model=16,
        num_layers=2,
        num_heads=2,
        num_experts=4,
        moe={"top_k": 2, "capacity_factor": 0.5, "noisy": True},
    )
    for block in model.blocks:
        torch.nn.init.normal_(block.feed_forward.balancing_bias, std=0.2)
    return model.train()


def test_a_language_model_comes_straight_in_with_its_settings(model):
    tokens = torch.randint(97, 120, (3, 6))
    explorer = ExpertLoadExplorer.from_model(model, tokens, ByteTokenizer(), domains=["a", "b", "c"])
    assert model.training, "the model must be left as it was"
    assert repr(explorer) == "ExpertLoadExplorer(2 layers, 18 tokens x 4 experts, domains: a, b, c, top_k=2)"
    assert explorer.description["tokens"] == ByteTokenizer().tokens(tokens.flatten().tolist())
    assert explorer.description["domain_of"] == [0] * 6 + [1] * 6 + [2] * 6
    assert explorer.renormalize is True
    model.eval()
    with torch.no_grad():
        routings = model.routed(tokens)[1]
    model.train()
    logits, bias = read_back(explorer)
    for layer, routing in enumerate(routings):
        np.testing.assert_allclose(logits[0, layer], routing.logits, atol=1e-6)
        own = model.blocks[layer].feed_forward.balancing_bias
        np.testing.assert_array_equal(bias[0, layer], own)
        again = top_k_routing(torch.tensor(logits[0, layer]).float(), 2, bias=torch.tensor(bias[0, layer]))
        assert again.expert.tolist() == routing.expert.tolist()


def test_the_limit_of_evaluation_is_taken_and_may_be_replaced():
    torch.manual_seed(0)
    moe = MoE(8, num_experts=4, top_k=1, eval_capacity_factor=1.5)
    x = torch.randn(2, 5, 8)
    explorer = ExpertLoadExplorer.from_model(moe, x, words(10))
    assert (explorer.top_k, explorer.renormalize, explorer.capacity_factor) == (1, False, 1.5)
    explorer = ExpertLoadExplorer.from_model(moe, x, words(10), capacity_factor=2.0, domains=["a"] * 10)
    assert explorer.capacity_factor == 2.0
    assert (
        ExpertLoadExplorer.from_model(MoE(8, num_experts=4, top_k=2), x[0], words(5)).capacity_factor is None
    )


def test_models_that_it_cannot_show_are_named():
    tokens = torch.randint(9, (1, 4))
    with pytest.raises(ValueError, match="the model has no experts"):
        ExpertLoadExplorer.from_model(
            LanguageModel(9, d_model=8, num_layers=1, num_heads=2), tokens, words(4)
        )
    chosen_by_experts = LanguageModel(
        9, d_model=8, num_layers=1, num_heads=2, num_experts=2, moe={"choice": "expert"}
    )
    with pytest.raises(ValueError, match="choice='expert': the experts choose here"):
        ExpertLoadExplorer.from_model(chosen_by_experts, tokens, words(4))
    mixed = LanguageModel(9, d_model=8, num_layers=2, num_heads=2, num_experts=3)
    mixed.blocks[1].feed_forward.top_k = 1
    with pytest.raises(
        ValueError, match=r"differ in \(top_k, renormalize, eval_capacity_factor\), \[\(2, True"
    ):
        ExpertLoadExplorer.from_model(mixed, tokens, words(4))
    with pytest.raises(TypeError, match="a MoE reads vectors, which no tokenizer names"):
        ExpertLoadExplorer.from_model(MoE(8, num_experts=2), torch.randn(4, 8), ByteTokenizer())


# ---- recorded routings ----


def recorded(steps=3, bias=None, **settings):
    logits = torch.tensor(random_logits(steps, 2, 6, 4))
    return [
        [top_k_routing(logits[step, layer], 2, bias=None if bias is None else bias[step, layer], **settings)
         for layer in range(2)]
        for step in range(steps)
    ]  # fmt: skip


def test_routings_recorded_in_training_come_in_with_what_was_chosen():
    explorer = ExpertLoadExplorer.from_routings(recorded(), words(6), steps=[0, 50, 90])
    assert repr(explorer) == "ExpertLoadExplorer(3 steps, 2 layers, 6 tokens x 4 experts, top_k=2)"
    np.testing.assert_allclose(read_back(explorer)[0], random_logits(3, 2, 6, 4))
    assert explorer.renormalize is True
    one = ExpertLoadExplorer.from_routings([None, *recorded(1, renormalize=False)[0]], words(6))
    assert repr(one) == "ExpertLoadExplorer(2 layers, 6 tokens x 4 experts, top_k=2)"
    assert one.renormalize is False
    alone = ExpertLoadExplorer.from_routings(recorded(1, capacity=1)[0][0], words(6), capacity_factor=0.3)
    assert repr(alone) == "ExpertLoadExplorer(1 layer, 6 tokens x 4 experts, top_k=2, capacity_factor=0.3)"
    single = ExpertLoadExplorer.from_routings(recorded(1), words(6), steps=[7])
    assert single.description["steps"] == [7]


def test_routings_that_do_not_follow_from_their_logits_are_refused():
    bias = torch.tensor(random_logits(3, 2, 4, seed=3))
    routings = recorded(bias=bias)
    explorer = ExpertLoadExplorer.from_routings(routings, words(6), bias=bias)
    np.testing.assert_array_equal(read_back(explorer)[1], bias)
    with pytest.raises(
        ValueError, match=r"step 0, layer \d chose other experts than top_k=2 .* give the bias"
    ):
        ExpertLoadExplorer.from_routings(routings, words(6))
    with pytest.raises(ValueError, match="chose other experts than top_k=1"):
        ExpertLoadExplorer.from_routings(recorded(), words(6), top_k=1)
    by_expert = expert_choice_routing(torch.tensor(random_logits(6, 4)), 3)
    with pytest.raises(ValueError, match="only routings where tokens choose"):
        ExpertLoadExplorer.from_routings(by_expert, words(6))
    with pytest.raises(ValueError, match="no layer has experts"):
        ExpertLoadExplorer.from_routings([None, None], words(6))
    with pytest.raises(ValueError, match="no layer has experts"):
        ExpertLoadExplorer.from_routings([], words(6))
    unequal = [top_k_routing(torch.zeros(6, experts), 2) for experts in (4, 3)]
    with pytest.raises(ValueError, match=r"differ in shape.*\[6, 4\], \[6, 3\]"):
        ExpertLoadExplorer.from_routings(unequal, words(6))


# ---- transformers ----


@pytest.fixture(scope="module")
def mixtral():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.MixtralConfig(
        vocab_size=30, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, num_local_experts=4, num_experts_per_tok=2,
    )  # fmt: skip
    model = transformers.MixtralForCausalLM(config).eval()
    mask = torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
    with torch.no_grad():
        return mask, model(torch.arange(10).reshape(2, 5), attention_mask=mask, output_router_logits=True)


def test_mixtral_comes_straight_in(mixtral):
    mask, output = mixtral
    expected = torch.stack([each.reshape(10, 4) for each in output.router_logits])
    explorer = ExpertLoadExplorer.from_router_logits(output, ["▁the", *words(9)], top_k=2)
    assert repr(explorer) == "ExpertLoadExplorer(2 layers, 10 tokens x 4 experts, top_k=2)"
    assert explorer.description["tokens"][0] == "·the"
    assert explorer.renormalize is True
    np.testing.assert_allclose(read_back(explorer)[0][0], expected, atol=1e-6)
    by_rows = tuple(each.reshape(2, 5, 4) for each in output.router_logits)
    from_tuple = ExpertLoadExplorer.from_router_logits((by_rows[0], None, by_rows[1]), words(10))
    assert from_tuple.data == explorer.data
    seen = ExpertLoadExplorer.from_router_logits(output, words(8), mask=mask, top_k=1, renormalize=False)
    np.testing.assert_allclose(read_back(seen)[0][0], expected[:, mask.flatten().bool()], atol=1e-6)
    assert seen.renormalize is False


def test_probabilities_under_the_name_of_logits_route_alike():
    logits = random_logits(2, 7, 4)
    probabilities = torch.tensor(logits).softmax(-1)
    explorer = ExpertLoadExplorer.from_router_logits(tuple(probabilities), words(7))
    found = torch.tensor(read_back(explorer)[0][0])
    np.testing.assert_allclose(found.softmax(-1), probabilities, atol=1e-6)


def test_output_without_router_logits_is_explained(mixtral):
    _, output = mixtral
    for nothing in (None, (), (None,), type("Output", (), {"router_logits": None})()):
        with pytest.raises(
            ValueError, match="holds no router_logits: call a model with experts with output_"
        ):
            ExpertLoadExplorer.from_router_logits(nothing, words(4))
    with pytest.raises(ValueError, match=r"differ in shape, \[\[4, 3\], \[4, 2\]\]"):
        ExpertLoadExplorer.from_router_logits((torch.zeros(4, 3), torch.zeros(4, 2)), words(4))
    with pytest.raises(ValueError, match="mask has 3 places for router_logits of 10 tokens"):
        ExpertLoadExplorer.from_router_logits(output, words(3), mask=[1, 1, 1])


# ---- pages ----


def test_a_page_names_no_address_and_a_stored_state_becomes_a_fragment(tmp_path):
    explorer = ExpertLoadExplorer(random_logits(3, 2, 5, 4), ["</script><b>", *words(4)])
    text = explorer.save_html(tmp_path / "experts.html").read_text(encoding="utf-8")
    assert "<h1>Expert-load explorer</h1>" in text
    assert "https://" not in text
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
    assert len(text) < 80_000
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": explorer.get_state()}}
    fragment = embed_widget_state({"state": stored}, "m")
    assert fragment.count("</script>") == 2, "a token ended the script element early"
