"""The budget's hand formulas against the model's parameters, torch's FLOP counter, optimizers and caches."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.models.budget import Budget, short
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.next_token import next_token_loss
from llmasos_edu.training.optimizers import make_optimizers

BATCH, SEQ, VOCAB = 2, 8, 11
BASE = {"vocab_size": VOCAB, "d_model": 12, "num_layers": 2, "num_heads": 3}
MOE = {"num_experts": 5}
SHAPES = {
    "plain": {},
    "gpt": {"position": "learned", "max_len": 9, "bias": True, "activation": "gelu", "tie_weights": True},
    "llama": {"norm": "rms", "activation": "swiglu", "num_kv_heads": 1, "d_ff": 20},
    "geglu with biases": {"activation": "geglu", "bias": True, "num_kv_heads": 3},
    "attention only": {"d_ff": 0, "num_layers": 3, "position": "sinusoidal"},
    "attention only with biases": {"d_ff": 0, "bias": True},
    "experts": MOE,
    "mixtral": MOE | {"activation": "swiglu", "norm": "rms", "d_ff": 10, "tie_weights": True},
    "deepseek": MOE | {"moe": {"top_k": 3, "num_shared": 2, "d_ff": 7, "activation": "swiglu"}},
    "switch": MOE | {"moe": {"top_k": 1, "noisy": True}, "bias": True},
    "heads of their own width": MOE | {"head_dim": 6, "qk_norm": "rms", "num_kv_heads": 1, "norm": "rms"},
    "queries normed together": MOE | {"qk_norm": "rms_joint", "num_kv_heads": 1, "bias": True},
    "expert choice": MOE | {"moe": {"choice": "expert", "capacity_factor": 0.5}},
    "room for all": MOE | {"moe": {"capacity_factor": 5.0, "eval_capacity_factor": 5.0}},
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def settings(request):
    return BASE | request.param


def build(settings, fused=False):
    torch.manual_seed(0)
    model = LanguageModel(**settings)
    for parameter in model.parameters():  # heads and branches that start as zero would route all alike
        torch.nn.init.normal_(parameter, std=0.3)
    for block in model.blocks:
        block.attention.fused = fused
    return model


def batch():
    return torch.randint(VOCAB, (BATCH, SEQ + 1), generator=torch.Generator().manual_seed(1))


def counted(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def size(model, *words):
    """How many parameters have all of these words in their name."""
    return sum(p.numel() for name, p in model.named_parameters() if all(word in name for word in words))


def test_parameters_are_those_of_the_model(settings):
    model, budget = build(settings), Budget(settings)
    assert budget.total_parameters == size(model)
    parts = {part.name: part.parameters for part in budget.parts}
    assert parts["embedding"] == size(model, "embedding")
    assert parts["attention, matrices"] == size(model, ".attention.", "_proj")
    assert parts["norms"] == size(model, "norm")
    assert parts["head"] == size(model, "head")
    networks = ("feed-forward", "experts", "shared experts", "router")
    assert sum(parts.get(name, 0) for name in networks) == size(model, ".feed_forward.")
    assert parts.get("router", 0) == size(model, "router")
    assert parts.get("shared experts", 0) == size(model, "shared_experts")
    assert ("experts" in parts) == ("num_experts" in settings)


def test_active_parameters_leave_out_what_a_token_does_not_meet(settings):
    model, budget = build(settings), Budget(settings)
    idle = 0
    if "num_experts" in settings:
        top_k = settings.get("moe", {}).get("top_k", 2)
        idle = size(model, "feed_forward.experts.0.") * (5 - top_k)
    assert budget.active_parameters == size(model) - idle
    assert all(part.active <= part.parameters for part in budget.parts)


def test_the_counter_counts_the_same_forward(settings):
    model, budget = build(settings).eval(), Budget(settings, BATCH, SEQ)
    assert counted(lambda: model(batch()[:, :-1])) == budget.forward_flops
    scores = next(part for part in budget.parts if "scores" in part.name)
    fused = build(settings, fused=True).eval()
    assert counted(lambda: fused(batch()[:, :-1])) == budget.forward_flops - scores.forward


def test_the_counter_counts_the_same_training_step(settings):
    model, budget = build(settings).train(), Budget(settings, BATCH, SEQ)
    assert counted(lambda: next_token_loss(model, batch()).backward()) == budget.training_flops


def test_with_too_little_room_the_budget_is_an_upper_limit():
    settings = BASE | MOE | {"moe": {"top_k": 2, "capacity_factor": 0.5}}
    model, budget = build(settings).train(), Budget(settings, BATCH, SEQ)
    without = Budget(BASE | MOE, BATCH, SEQ)
    measured = counted(lambda: next_token_loss(model, batch()).backward())
    assert measured <= budget.training_flops < without.training_flops
    assert budget.forward_flops == without.forward_flops  # in evaluation there is room for all


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_optimizers_keep_and_compute_what_the_budget_says(settings, optimizer):
    model, budget = build(settings).train(), Budget(settings, BATCH, SEQ, optimizer=optimizer)
    optimizers = make_optimizers(model, name=optimizer)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert counted(lambda: [each.step() for each in optimizers]) == budget.optimizer_flops
    kept = sum(
        tensor.numel() * tensor.element_size()
        for each in optimizers
        for state in each.state.values()
        for name, tensor in state.items()
        if name != "step"
    )
    assert kept == budget.optimizer_bytes
    assert sum(p.grad.numel() * p.grad.element_size() for p in model.parameters()) == budget.gradient_bytes


def test_the_cache_takes_what_the_budget_says(settings):
    cache = build(settings).double().new_cache(3, 7)
    held = sum(part.numel() * part.element_size() for layer in cache for part in (layer.keys, layer.values))
    assert held == 3 * 7 * Budget(settings, bytes_per_number=8).cache_bytes_per_token


def test_numbers_by_hand():
    budget = Budget(BASE | {"activation": "relu"}, 1, 4, bytes_per_number=2)
    # per layer 4 * 12 * 12 in attention and 2 * 12 * 48 behind it; 5 norms of 24; 11 * 12 twice
    assert budget.total_parameters == 2 * (576 + 1152) + 5 * 24 + 2 * 132
    # each matrix once a token, scores and sums 2 * 4 * 12 a token and layer
    assert budget.forward_flops == 2 * 4 * (2 * (576 + 1152 + 2 * 4 * 12) + 132)
    assert budget.training_flops == 3 * budget.forward_flops
    assert budget.weight_bytes == 2 * budget.total_parameters
    assert budget.cache_bytes_per_token == 2 * 2 * 12 * 2
    assert budget.optimizer_bytes == 2 * (2 * budget.total_parameters - 2 * (576 + 1152))
    square = 3 * (4 * 12**3 + 2 * 12**3)  # a round has two products with the matrix, one with its Gram matrix
    oblong = 2 * 2 * 12 * 12 * 48 + 9 * 2 * 12**3  # first and last product on the long side, 9 on the short
    assert budget.optimizer_flops == 2 * (4 * square + 2 * oblong)


def test_more_experts_cost_memory_and_no_arithmetic():
    few, many = (Budget(BASE | {"num_experts": count, "d_ff": 10}, 4, 64) for count in (4, 64))
    experts = {budget: next(p for p in budget.parts if p.name == "experts") for budget in (few, many)}
    assert experts[many].parameters == 16 * experts[few].parameters
    assert experts[many].forward == experts[few].forward
    assert experts[many].active == experts[few].active


def test_a_model_that_fits_nowhere_can_be_counted():
    mixtral = {
        "vocab_size": 32_000, "d_model": 4096, "num_layers": 32, "num_heads": 32, "num_kv_heads": 8,
        "num_experts": 8, "d_ff": 14_336, "norm": "rms", "activation": "swiglu",
    }  # fmt: skip
    budget = Budget(mixtral, 1, 4096, bytes_per_number=2)
    assert short(budget.total_parameters) == "46.7 G"
    assert short(budget.active_parameters) == "12.88 G"
    assert budget.cache_bytes_per_token == 131_072


def test_a_model_and_its_settings_give_the_same_table():
    model = build(BASE | MOE)
    assert repr(Budget(model)) == repr(Budget(BASE | MOE)) == repr(Budget(model.settings, 1, 1024))


def test_the_table_shows_every_part_and_the_sum():
    budget = Budget(BASE | MOE, BATCH, SEQ)
    plain, markdown = repr(budget).splitlines(), budget._repr_markdown_()
    rows = budget.rows()
    assert [row[0] for row in rows] == [
        "embedding", "attention, matrices", "attention, scores and sums", "experts", "router", "norms",
        "head", "together",
    ]  # fmt: skip
    assert rows[-1][1:] == tuple(
        short(number)
        for number in (
            budget.total_parameters, budget.active_parameters, budget.forward_flops, budget.training_flops
        )
    )  # fmt: skip
    assert len({len(line) for line in plain[: len(rows) + 1]}) == 1
    assert markdown.count("\n|") == len(rows) + 1
    for words in ("training FLOPs are", "muon step", "optimizer", "KV cache: 192 B a token"):
        assert any(words in line for line in plain), words
        assert words in markdown
    no_products = Budget(BASE | MOE, BATCH, SEQ, optimizer="adamw")
    assert "adamw step: 0 FLOPs" in repr(no_products)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1 k"), (1234.5, "1.234 k"), (999_960, "1 M"),
        (46_702_792_704, "46.7 G"), (3e12, "3 T"), (2.5e15, "2.5 P"), (1e19, "10 E"),
    ],
)  # fmt: skip
def test_short_numbers(number, text):
    assert short(number) == text
    assert short(number, "B") == (text if " " in text else text + " ") + "B"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Budget(BASE, 0), "batch=0, seq=1024 and bytes_per_number=4 must be at least 1"),
        (lambda: Budget(BASE, 1, -1), "seq=-1"),
        (lambda: Budget(BASE, bytes_per_number=0), "bytes_per_number=0"),
        (lambda: Budget(BASE, optimizer="sgd"), "optimizer='sgd' is neither muon nor adamw"),
        (
            lambda: Budget({"d_model": 8, "depth": 2}),
            r"of a LanguageModel: unknown \['depth'\], missing \['vocab",
        ),
        (lambda: Budget(BASE | MOE | {"moe": {"topk": 2}}), r"of a MoE: unknown \['topk'\], missing \[\]"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
