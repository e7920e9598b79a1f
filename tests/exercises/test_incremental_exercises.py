"""The exercises of chapter 3.3: the common rules, other right answers, usual mistakes, definitions."""

import itertools
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from torch import nn
from torch.distributions import Categorical

from llmasos_edu.book.evidence import Condition, Interval
from llmasos_edu.book.evidence.deciding import kind_and_condition
from llmasos_edu.exercises import find, judge
from llmasos_edu.learning.divergences import soft_cross_entropy
from llmasos_edu.learning.elastic import ElasticLoss, ElasticPenalty
from llmasos_edu.learning.elastic import fisher_diagonal as library_fisher
from llmasos_edu.learning.incremental import (
    average_accuracy,
    backward_transfer,
    forward_transfer,
)
from llmasos_edu.learning.lora import LoRALinear, adapter_state, add_lora

# Right answers in another shape ------------------------------------------------------------------------


def transfer_by_loops(accuracy, untrained):
    tasks = len(untrained)
    average = sum(accuracy[tasks - 1, i] for i in range(tasks)) / tasks
    backward = sum(accuracy[tasks - 1, i] - accuracy[i, i] for i in range(tasks - 1)) / (tasks - 1)
    forward = sum(accuracy[i - 1, i] - untrained[i] for i in range(1, tasks)) / (tasks - 1)
    return float(average), float(backward), float(forward)


def reservoir_by_masks(stream, held_out, draws, capacity):
    training, chances = stream[~held_out], draws[~held_out]
    kept = training[:capacity].clone()
    for index in range(capacity, len(training)):
        chance = chances[index].double()
        if chance < capacity / (index + 1):
            kept[(chance * (index + 1)).floor().long()] = training[index]
    return kept


def fisher_by_autograd(weights, inputs, labels, uniforms):
    weights = weights.clone().requires_grad_()
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=True):
        logs = F.log_softmax(weights @ x, dim=0)
        drawn = torch.searchsorted(logs.detach().exp().cumsum(0), u, right=True)
        (gradient,) = torch.autograd.grad(logs[drawn], weights)
        total = total + gradient**2
    return total / len(inputs)


def ewc_task_by_task(weights, anchors, fishers, strength):
    total = 0.0
    for anchor, fisher in zip(anchors, fishers, strict=True):
        total = total + torch.dot(fisher, (anchor - weights) ** 2)
    return 0.5 * strength * total


def lwf_by_torch(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = nn.CrossEntropyLoss()(F.linear(inputs, weights), labels)
    with torch.no_grad():
        teacher = F.softmax(F.linear(inputs, old_weights) / temperature, dim=1)
    student = F.log_softmax(F.linear(inputs, weights) / temperature, dim=1)
    return new + strength * F.kl_div(student, teacher, reduction="batchmean")


def lora_with_up_random(noise_down, noise_up):
    return torch.zeros(noise_down.shape), noise_up / noise_up.shape[1] ** 0.5


def lora_in_two_steps(x, weight, down, up, alpha, merged):
    if merged:
        return F.linear(x, weight), weight
    scale = alpha / up.shape[1]
    return F.linear(x, weight) + scale * F.linear(F.linear(x, down), up), weight.addmm(up, down, alpha=scale)


def storage_matrix_by_matrix(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = 0
    for _ in range(num_layers):
        for rows, columns in shapes:
            adapter += torch.empty(rows, rank, device="meta").numel()
            adapter += torch.empty(rank, columns, device="meta").numel()
    stored = base_parameters * bytes_each + sum(adapter * bytes_each for _ in range(domains))
    return [adapter, stored, base_parameters * bytes_each * domains]


ALTERNATIVES = {
    "3.3-1": transfer_by_loops,
    "3.3-2": reservoir_by_masks,
    "3.3-3": fisher_by_autograd,
    "3.3-4": ewc_task_by_task,
    "3.3-5": lwf_by_torch,
    "3.3-6": lora_with_up_random,
    "3.3-7": lora_in_two_steps,
    "3.3-8": storage_matrix_by_matrix,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def transfer_with_the_whole_matrix(accuracy, untrained):
    _, backward, forward = transfer_by_loops(accuracy, untrained)
    return accuracy.sum() / accuracy.numel(), backward, forward


def transfer_over_all_tasks(accuracy, untrained):
    n = len(untrained)
    backward = sum(accuracy[-1, i] - accuracy[i, i] for i in range(n)) / n
    forward = sum(accuracy[i - 1, i] - untrained[i] for i in range(1, n)) / n
    return accuracy[-1].mean(), backward, forward


def transfer_as_forgetting(accuracy, untrained):
    average, backward, forward = transfer_by_loops(accuracy, untrained)
    return average, -backward, forward


def transfer_from_the_diagonal(accuracy, untrained):
    average, backward, _ = transfer_by_loops(accuracy, untrained)
    gains = [accuracy[i, i] - untrained[i] for i in range(1, len(untrained))]
    return average, backward, sum(gains) / len(gains)


def reservoir_of_everything(stream, held_out, draws, capacity):
    return reservoir_by_masks(stream, torch.zeros_like(held_out), draws, capacity)


def reservoir_that_keeps_the_latest(stream, held_out, draws, capacity):
    kept = []
    for item, hidden in zip(stream, held_out, strict=True):
        if not hidden:
            kept.append(item)
            kept = kept[-capacity:]
    return torch.stack(kept)


def reservoir_counting_from_zero(stream, held_out, draws, capacity):
    kept, number = [], 0
    for item, hidden, draw in zip(stream, held_out, draws, strict=True):
        if hidden:
            continue
        place = int(draw * number)
        if len(kept) < capacity:
            kept.append(item)
        elif place < capacity:
            kept[place] = item
        number += 1
    return torch.stack(kept)


def reservoir_by_enumerate(stream, held_out, draws, capacity):
    kept = []
    for index, item in enumerate(stream.tolist()):
        if held_out[index]:
            continue
        place = int(draws[index].item() * (index + 1))
        if len(kept) < capacity:
            kept.append(item)
        elif place < capacity:
            kept[place] = item
    return kept


def _log_likelihoods(weights, inputs, classes):
    return F.log_softmax(inputs @ weights.T, dim=1).gather(1, classes[:, None])[:, 0]


def fisher_of_labels(weights, inputs, labels, uniforms):
    weights, total = weights.clone().requires_grad_(), 0.0
    for i in range(len(inputs)):
        loss = F.cross_entropy(inputs[i : i + 1] @ weights.T, labels[i : i + 1])
        total = total + torch.autograd.grad(loss, weights)[0] ** 2
    return total / len(inputs)


def fisher_of_the_batch(weights, inputs, labels, uniforms):
    weights = weights.clone().requires_grad_()
    drawn = torch.searchsorted(F.softmax(inputs @ weights.T, 1).detach().cumsum(1), uniforms[:, None])[:, 0]
    (gradient,) = torch.autograd.grad(_log_likelihoods(weights, inputs, drawn).mean(), weights)
    return gradient**2


def fisher_added_up(weights, inputs, labels, uniforms):
    return fisher_by_autograd(weights, inputs, labels, uniforms) * len(inputs)


def ewc_that_follows(weights, anchors, fishers, strength):
    anchors = torch.stack([weights.detach().clone() for _ in anchors])
    return ewc_task_by_task(weights, anchors, fishers, strength)


def ewc_without_the_half(weights, anchors, fishers, strength):
    return strength * (fishers * (weights - anchors) ** 2).sum()


def ewc_by_mse(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * F.mse_loss(weights.expand_as(anchors), anchors, reduction="none")).mean()


def lwf_of_itself(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf_by_torch(weights, weights.detach(), inputs, labels, old_inputs, temperature, strength)


def lwf_on_old_data(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    teacher = torch.softmax(old_inputs @ old_weights.T / temperature, -1)
    return new + strength * F.cross_entropy(old_inputs @ weights.T / temperature, teacher)


def lwf_with_pytorch_s_mean(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    teacher = torch.softmax(inputs @ old_weights.T / temperature, -1)
    student = torch.log_softmax(inputs @ weights.T / temperature, -1)
    return new + strength * F.kl_div(student, teacher, reduction="mean")


def lora_all_zero(noise_down, noise_up):
    return torch.zeros(noise_down.shape), torch.zeros(noise_up.shape)


def lora_all_small(noise_down, noise_up):
    return 0.1 * noise_down, 0.1 * noise_up


def lora_with_equal_columns(noise_down, noise_up):
    return torch.zeros_like(noise_down), torch.full_like(noise_up, 0.02)


def merge_without_scale(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    return x @ weight.T + alpha / len(down) * (x @ down.T @ up.T), weight + up @ down


def merge_always(x, weight, down, up, alpha, merged):
    full = weight + (up @ down) * (alpha / len(down))
    return x @ full.T, full


def merge_by_the_number_of_columns(x, weight, down, up, alpha, merged):
    full = weight if merged else weight + up @ down * alpha / down.shape[-1]
    return x @ full.T, full


def storage_of_full_updates(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * sum(rank * rows * columns for rows, columns in shapes)
    return adapter, (base_parameters + domains * adapter) * bytes_each, domains * base_parameters * bytes_each


def storage_in_bits(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    return storage_matrix_by_matrix(shapes, num_layers, rank, base_parameters, domains, 8 * bytes_each)


VARIATIONS = [
    ("3.3-1", "whole matrix", transfer_with_the_whole_matrix),
    ("3.3-1", "both divided by all tasks", transfer_over_all_tasks),
    ("3.3-1", "forgetting with its sign turned", transfer_as_forgetting),
    ("3.3-1", "forward from the own row", transfer_from_the_diagonal),
    ("3.3-2", "test data leaks", reservoir_of_everything),
    ("3.3-2", "the latest items", reservoir_that_keeps_the_latest),
    ("3.3-2", "the present item not counted", reservoir_counting_from_zero),
    ("3.3-2", "test data counted", reservoir_by_enumerate),
    ("3.3-3", "the data's labels", fisher_of_labels),
    ("3.3-3", "square of the mean", fisher_of_the_batch),
    ("3.3-3", "not averaged", fisher_added_up),
    ("3.3-4", "anchored at the current weights", ewc_that_follows),
    ("3.3-4", "half forgotten", ewc_without_the_half),
    ("3.3-4", "mean over the weights", ewc_by_mse),
    ("3.3-5", "current model as teacher", lwf_of_itself),
    ("3.3-5", "old data", lwf_on_old_data),
    ("3.3-5", "mean over the classes too", lwf_with_pytorch_s_mean),
    ("3.3-6", "both factors zero", lora_all_zero),
    ("3.3-6", "both factors random", lora_all_small),
    ("3.3-6", "all rows alike", lora_with_equal_columns),
    ("3.3-7", "scale forgotten on merge", merge_without_scale),
    ("3.3-7", "merged twice", merge_always),
    ("3.3-7", "another size for the rank", merge_by_the_number_of_columns),
    ("3.3-8", "the whole matrix", storage_of_full_updates),
    ("3.3-8", "not in bytes", storage_in_bits),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("3.3", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("3.3") for mistake in item.mistakes}
    assert names >= {
        "whole matrix",
        "test data leaks",
        "the data's labels",
        "not averaged",
        "anchored at the current weights",
        "half forgotten",
        "current model as teacher",
        "both factors zero",
        "scale forgotten on merge",
        "merged twice",
    }
    assert len(of_chapter("3.3")) >= 7
    assert {item.difficulty for item in of_chapter("3.3")} == {1, 2, 3}


# The references against their definitions ------------------------------------------------------------


def test_the_three_measures_of_a_matrix_by_hand():
    accuracy = torch.tensor([[0.75, 0.25, 0.5], [0.5, 1.0, 0.625], [0.25, 0.75, 0.875]])
    average, backward, forward = find("3.3-1").reference(accuracy, torch.tensor([0.5, 0.125, 0.25]))
    assert average.item() == 0.625
    assert backward.item() == ((0.25 - 0.75) + (0.75 - 1.0)) / 2
    assert forward.item() == ((0.25 - 0.125) + (0.625 - 0.25)) / 2


def test_the_reservoir_keeps_every_item_equally_often():
    """All ways in which the draws can fall, each once: every training item stays in the same share."""
    capacity, stream = 2, torch.arange(7)
    held_out = torch.tensor([False, False, True, False, False, False, False])
    kept, runs = Counter(), 0
    for places in itertools.product(range(3), range(4), range(5), range(6)):
        draws = torch.full((7,), 0.5)
        draws[3:] = torch.tensor([(place + 0.5) / (3 + i) for i, place in enumerate(places)])
        kept.update(find("3.3-2").reference(stream, held_out, draws, capacity).tolist())
        runs += 1
    assert {item: Fraction(count, runs) for item, count in kept.items()} == dict.fromkeys(
        (0, 1, 3, 4, 5, 6), Fraction(1, 3)
    )


def test_the_cases_of_the_reservoir_hold_test_data_that_would_have_entered():
    leaks = next(m for m in find("3.3-2").mistakes if m.name == "test data leaks").implementations[0]
    leaked = [
        set(leaks(*inputs).tolist()) & set(inputs[0][inputs[1]].tolist()) for _, inputs in every_case("3.3-2")
    ]
    assert sum(map(bool, leaked)) >= 4


def test_drawn_often_enough_the_fisher_is_the_exact_one():
    weights, x = torch.tensor([[0.5, -1.0], [0.0, 0.25], [-0.75, 1.0]]), torch.tensor([1.5, -0.5])
    uniforms = (torch.arange(20000) + 0.5) / 20000
    got = find("3.3-3").reference(weights, x.expand(20000, 2), torch.zeros(20000).long(), uniforms)
    p = (weights @ x).softmax(0)
    torch.testing.assert_close(got, (p * (1 - p))[:, None] * x.square(), atol=1e-4, rtol=1e-3)


def test_the_fisher_of_a_sure_and_right_model_differs_from_the_empirical_one():
    for got, (weights, inputs, labels, uniforms) in every_case("3.3-3"):
        assert not torch.allclose(got, fisher_of_labels(weights, inputs, labels, uniforms), rtol=0.02)


def test_ewc_by_hand():
    weights, anchors = torch.tensor([1.0, 2.0]), torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    fishers = torch.tensor([[2.0, 5.0], [0.5, 4.0]])
    got = find("3.3-4").reference(weights, anchors, fishers, 10.0)
    assert got.item() == 5 * (2 * 1 + 5 * 0 + 0.5 * 4 + 4 * 1)


def test_learning_without_forgetting_at_rest_only_learns_the_labels():
    for _, (weights, _, inputs, labels, old_inputs, temperature, strength) in every_case("3.3-5"):
        leaf = weights.clone().requires_grad_()
        loss = find("3.3-5").reference(leaf, weights, inputs, labels, old_inputs, temperature, strength)
        (got,) = torch.autograd.grad(loss, leaf)
        (want,) = torch.autograd.grad(F.cross_entropy(inputs @ leaf.T, labels), leaf)
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-4)


def test_merged_and_apart_give_the_same():
    for (output, plain), (x, weight, down, up, alpha, merged) in every_case("3.3-7"):
        torch.testing.assert_close(output, x @ plain.T)
        again, same = find("3.3-7").reference(x, plain, down, up, alpha, True)
        torch.testing.assert_close(again, output)
        assert torch.equal(same, plain)
        assert merged == torch.equal(plain, weight)


def test_the_adapter_of_gpt_3_has_the_size_that_the_paper_tells():
    """Hu et al. 2021, section 4.2: a checkpoint falls from 350 GB to 35 MB (rank 4, query and value)."""
    adapter, stored, copies = find("3.3-8").reference(
        [(12288, 12288)] * 2, 96, 4, 175_000_000_000, 100, bytes_each=2
    )
    assert adapter == 18_874_368  # table 4 of the paper rounds such counts: 4.7M at rank 1
    assert 35e6 <= 2 * adapter <= 38e6
    assert 353e9 < stored < 355e9  # section 4.2: 354 GB for 100 adapted models, 35 TB for full copies
    assert copies == 35_000_000_000_000


# The references against the library ------------------------------------------------------------------


def linear(weights):
    """A linear layer without bias that holds these weights."""
    layer = nn.Linear(*reversed(weights.shape), bias=False)
    layer.weight.data = weights.clone()
    return layer


def test_the_measures_equal_the_library_s():
    for got, (accuracy, untrained) in every_case("3.3-1"):
        want = average_accuracy(accuracy), backward_transfer(accuracy), forward_transfer(accuracy, untrained)
        torch.testing.assert_close(torch.stack(got).double(), torch.tensor(want).double(), atol=1e-6, rtol=0)


def test_the_fisher_information_equals_the_library_s():
    for got, (weights, inputs, _, uniforms) in every_case("3.3-3"):
        probabilities = (inputs @ weights.T).softmax(-1)
        drawn = (probabilities.cumsum(-1) <= uniforms[:, None]).sum(-1)
        found = library_fisher(
            linear(weights),
            (inputs, drawn),
            labels="data",
            distribution=lambda model, x: Categorical(logits=model(x)),
        )
        torch.testing.assert_close(got, found["weight"], atol=1e-6, rtol=1e-4)


def test_the_penalty_equals_the_library_s():
    for got, (weights, anchors, fishers, strength) in every_case("3.3-4"):
        penalties = [
            ElasticPenalty(linear(anchor[None]), {"weight": fisher[None]})
            for anchor, fisher in zip(anchors, fishers, strict=True)
        ]
        loss = ElasticLoss(strength, penalties, loss=lambda model, batch: 0.0)
        torch.testing.assert_close(got, loss(linear(weights[None]), None).detach(), atol=1e-6, rtol=1e-5)


def test_the_old_answers_cost_what_they_cost_in_the_library():
    for got, (weights, old, inputs, labels, _, temperature, strength) in every_case("3.3-5"):
        logits = inputs @ weights.T
        want = strength * soft_cross_entropy(logits, inputs @ old.T, temperature=temperature)
        torch.testing.assert_close(got - F.cross_entropy(logits, labels), want, atol=1e-5, rtol=1e-5)


def test_the_adapter_equals_the_library_s():
    for (output, plain), (x, weight, down, up, alpha, merged) in every_case("3.3-7"):
        layer = LoRALinear(linear(weight), rank=len(down), alpha=alpha)
        layer.lora_a.data, layer.lora_b.data = down, up
        if not merged:
            torch.testing.assert_close(output, layer(x).detach())
            torch.testing.assert_close(plain, layer.merged().weight.detach())


def test_the_count_equals_the_library_s():
    model = nn.ModuleList(nn.ModuleDict({"a": nn.Linear(8, 6), "b": nn.Linear(8, 12)}) for _ in range(3))
    add_lora(model, rank=2, targets=("a", "b"))
    adapter, *_ = find("3.3-8").reference([(6, 8), (12, 8)], 3, 2, 0, 1, 4)
    assert adapter == sum(factor.numel() for factor in adapter_state(model).values())


# Answers that are no answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("3.3-1", lambda accuracy, untrained: accuracy[-1].mean(), "but 3 results are asked for"),
        ("3.3-1", lambda accuracy, untrained: (torch.nan, 0.0, 0.0), "average accuracy is NaN"),
        ("3.3-2", lambda stream, held_out, draws, capacity: stream, "7 entries, and 2 are asked for"),
        ("3.3-3", lambda w, x, y, u: torch.zeros(len(y)), "shape [1], but [4, 3]"),
        (
            "3.3-4",
            lambda w, a, f, s: s / 2 * (f * (w - a) ** 2),
            "The penalty has the shape [2, 1]: its sum is what is asked for",
        ),
        (
            "3.3-4",
            lambda w, a, f, s: None if len(a) > 1 else ewc_task_by_task(w, a, f, s),
            "gave back nothing",
        ),
        ("3.3-5", lambda w, *rest: (w * torch.nan).sum(), "gradient of the weights is NaN"),
        ("3.3-5", lambda w, *rest: float(lwf_by_torch(w, *rest)), "gradient of the weights is missing"),
        ("3.3-6", lambda down, up: down, "has 2 entries, and 4 are asked for"),
        ("3.3-6", lambda down, up: (down, None), "two tensors and nothing else"),
        (
            "3.3-6",
            lambda down, up: (down[0], 0 * up),
            "list of sizes (of down, then of up) has 3 entries, and 4 are asked for",
        ),
        ("3.3-6", lambda down, up: (down * torch.nan, 0 * up), "change at the start is NaN"),
        (
            "3.3-7",
            lambda x, w, down, up, alpha, merged: (x @ w.T).T,
            "but 2 results are asked for: output, weight",
        ),
        ("3.3-8", lambda *sizes: (1, 2), "but 3 results are asked for"),
    ],
)
def test_answers_of_another_kind_are_told_what_is_asked_for(key, answer, said):
    verdict = judge(key, answer)
    assert verdict.status in ("wrong", "error")
    assert said in verdict.message


# Questions that ask for judgement --------------------------------------------------------------------

RIGHT = {key: find(key).right() for key in ("3.3-9", "3.3-10", "3.3-11")}


class TestQuestions(
    question_rules_for(
        "3.3",
        alternatives={
            "3.3-9": RIGHT["3.3-9"] | {"above the table": RIGHT["3.3-9"]["above the table"] + 4e-4},
            "3.3-10": RIGHT["3.3-10"] | {"below the table": ["prose"]},
            "3.3-11": RIGHT["3.3-11"] | {"open": torch.tensor(RIGHT["3.3-11"]["open"])},
        },
        variations=[
            ("3.3-9", "plain training untuned", RIGHT["3.3-9"] | {"plain": "EWC's best rate"}),
            ("3.3-9", "looks ahead", {
                **RIGHT["3.3-9"], "adapter": "the one that is least surprised by the whole text"
            }),
            ("3.3-10", "forgotten for useless", RIGHT["3.3-10"] | {"below the table": {"code", "prose"}}),
            ("3.3-11", "the kindest setting", RIGHT["3.3-11"] | {"verdict": "holds"}),
        ],
        seeds=(None, *range(1, 25)),
    )
):  # fmt: skip
    pass


def test_readers_of_a_class_get_all_three_verdicts():
    verdicts = [find("3.3-11").right(seed)["verdict"] for seed in range(30)]
    assert all(verdicts.count(verdict) >= 5 for verdict in set(verdicts))
    assert len(set(verdicts)) == 3


def test_the_verdict_of_the_question_is_the_book_s():
    for seed in range(30):
        rows, right = find("3.3-11").given(seed), find("3.3-11").right(seed)
        settings = [{"last": name.startswith("last"), "long": name.endswith("long")} for name in rows]
        sides = [Interval(sum(row) / 2, *row).side(0.02) for row in rows.values()]
        conditions = (Condition("sums come last", lambda s: s["last"]),
                      Condition("a stage is long", lambda s: s["long"]))  # fmt: skip
        statement = SimpleNamespace(conditions=conditions)
        kind, words = kind_and_condition(statement, [*zip(settings, rows, sides, strict=True)])
        assert right["verdict"] == f"{kind} {words}".strip()
        assert (right["borne out"], right["open"]) == (sides.count("for"), sides.count("open"))


def test_the_matrix_of_the_question_by_the_library():
    for seed in range(30):
        given = find("3.3-10").given(seed)
        matrix = torch.tensor([given[row] for row in ("first", "second", "third")])
        assert find("3.3-10").right(seed)["backward"] == pytest.approx(backward_transfer(matrix))
