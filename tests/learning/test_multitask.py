"""Several tasks on one body: against torch's own losses, against planes worked by hand, through `train`."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmasos_edu.corpus.code_tasks import UNLABELLED, LabelledText, LabelledTextSampler
from llmasos_edu.learning.adaptation import states
from llmasos_edu.learning.multitask import (
    JointSampler,
    MultiTask,
    Score,
    TaskSampler,
    gradient_cosines,
    pcgrad,
    pcgrad_loss,
    task_gradients,
    task_losses,
    task_scores,
    task_shares,
    uncertainty_loss,
    uncertainty_weighted,
    weighted_loss,
)
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import make_optimizers, train

VOCAB, TASKS = 12, {"a": 3, "b": 2}
exact = {"rtol": 1e-9, "atol": 1e-9}
plane = partial(torch.tensor, dtype=torch.float64)


def base(kind="causal"):
    torch.manual_seed(0)
    if kind == "causal":
        return LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2)
    return MaskedLanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2, max_len=16)


def make(kind="causal", tasks=TASKS, **options):
    model = MultiTask(base(kind), tasks, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return model.double()


def batch(seed=0, tasks=TASKS, rows=4, seq=6):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(VOCAB, (rows, seq), generator=generator)
    labels = {name: torch.randint(-1, n, (rows, seq), generator=generator) for name, n in tasks.items()}
    return tokens, {name: values.where(values >= 0, UNLABELLED) for name, values in labels.items()}


def gradients_of(model, loss):
    model.zero_grad()
    loss.backward(retain_graph=True)
    return {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


# ---- hard sharing ----


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_each_head_reads_the_states_of_the_one_body(kind):
    original, tokens = base(kind), batch()[0]
    model = MultiTask(original, TASKS)
    assert {name: logits.shape for name, logits in model(tokens).items()} == {"a": (4, 6, 3), "b": (4, 6, 2)}
    assert all((logits == 0).all() for logits in model(tokens).values()), "heads start at zero"
    nn.init.normal_(model.head[1].weight)
    nn.init.normal_(model.head[1].bias)
    found = model(tokens, ["b"])
    assert list(found) == ["b"]
    by_torch = F.linear(states(original, tokens), model.head[1].weight, model.head[1].bias)
    assert_close(found["b"], by_torch)
    assert_close(model(tokens)["b"], by_torch)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_given_model_is_left_alone_and_its_head_is_not_carried_along(kind):
    original = base(kind)
    model = MultiTask(original, TASKS)
    names = [name for name, _ in model.named_parameters()]
    assert not any(name.startswith(("body.head", "body.transform")) for name in names)
    assert "head.1.bias" in names
    assert model.tasks == TASKS
    model.body.embedding.weight.data.zero_()
    assert original.embedding.weight.any()
    assert isinstance(original.head, nn.Linear)


def test_shared_parameters_are_the_body_s_and_all_get_a_gradient():
    model = make()
    shared = model.shared_parameters()
    ours = sum(p.numel() for p in shared)
    heads = sum(p.numel() for p in model.head.parameters())
    assert heads == 8 * 5 + 5
    assert ours + heads == sum(p.numel() for p in model.parameters())
    assert all(g is not None and g.any() for g in gradients_of(model, weighted_loss(model, batch())).values())


def test_a_frozen_body_keeps_its_weights():
    model = make(head_only=True)
    assert model.shared_parameters() == []
    before = {name: p.clone() for name, p in model.named_parameters()}
    train(model, lambda g: batch(), steps=3, loss=weighted_loss, progress=False)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"head.0.weight", "head.0.bias", "head.1.weight", "head.1.bias"}


def test_tasks_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="tasks is empty"):
        MultiTask(base(), {})
    with pytest.raises(ValueError, match=r"tasks\['b'\]=1: there is nothing to tell apart"):
        MultiTask(base(), {"a": 2, "b": 1})
    with pytest.raises(ValueError, match=r"tasks\['a'\]=2.5 is not a whole number"):
        MultiTask(base(), {"a": 2.5})
    with pytest.raises(ValueError, match="no task 'c', only a, b"):
        make()(batch()[0], ["a", "c"])


# ---- losses and scores ----


def test_losses_are_torch_s_own_mean_over_the_labels_that_are_there():
    model, (tokens, labels) = make(), batch()
    assert (labels["a"] == UNLABELLED).any()
    found = task_losses(model, (tokens, labels))
    assert list(found) == ["a", "b"]
    for name, loss in found.items():
        own = F.cross_entropy(model(tokens)[name].transpose(1, 2), labels[name])
        assert_close(loss, own, **exact)
        ours, theirs = gradients_of(model, loss), gradients_of(model, own)
        for key in ours:
            assert_close(ours[key], theirs[key], **exact)
    assert list(task_losses(model, (tokens, {"b": labels["b"]}))) == ["b"]


def test_a_new_model_knows_nothing():
    losses = task_losses(MultiTask(base(), TASKS), batch())
    assert_close(losses["a"].item(), math.log(3))
    assert_close(losses["b"].item(), math.log(2))


def test_a_task_without_labels_costs_nothing():
    model, (tokens, labels) = make(), batch()
    labels["a"] = torch.full_like(tokens, UNLABELLED)
    losses = task_losses(model, (tokens, labels))
    assert losses["a"].item() == 0
    assert losses["b"].item() > 0
    assert all(torch.isfinite(g).all() for g in gradients_of(model, sum(losses.values())).values())
    one = torch.full_like(tokens, UNLABELLED)
    one[0, 0] = 2  # a mean over one label is that label's surprise
    alone = task_losses(model, (tokens, {"a": one}))["a"]
    assert_close(alone, -model(tokens)["a"][0, 0].log_softmax(-1)[2], **exact)


def test_batches_that_fit_no_model_are_refused():
    model, (tokens, labels) = make(), batch()
    with pytest.raises(ValueError, match="no labels of any task"):
        task_losses(model, (tokens, {}))
    with pytest.raises(ValueError, match=r"labels of 'b' \[4, 5\] must have the shape of tokens \[4, 6\]"):
        task_losses(model, (tokens, labels | {"b": labels["b"][:, 1:]}))


def test_scores_are_those_of_every_labelled_place_of_whole_windows():
    model = make()
    tokens, labels = batch(seed=3, rows=1, seq=34)
    text = LabelledText(
        tokens[0], {name: values[0] for name, values in labels.items()} | {"other": tokens[0]}
    )
    model.train()
    found = task_scores(model, text, context=8, batch_size=3)
    assert model.training
    assert list(found) == ["a", "b"]
    windows = tokens[0, :32].view(4, 8)
    for name, score in found.items():
        logits, asked = model(windows)[name], labels[name][0, :32].view(4, 8)
        here = asked != UNLABELLED
        assert isinstance(score, Score)
        assert_close(score.loss, F.cross_entropy(logits[here], asked[here]).item(), **exact)
        assert_close(score.accuracy, (logits.argmax(-1) == asked)[here].double().mean().item(), **exact)
    assert_close(list(task_scores(model, text, context=8)["b"]), list(found["b"]), **exact)


def test_scores_are_taken_in_evaluation_mode():
    torch.manual_seed(0)
    model = MultiTask(LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2, dropout=0.5), TASKS)
    nn.init.normal_(model.head[0].weight)
    tokens, labels = batch(rows=1, seq=32)
    text = LabelledText(tokens[0], {"a": labels["a"][0]})
    assert task_scores(model, text, context=8) == task_scores(model, text, context=8)


def test_a_text_of_exactly_one_window_is_scored_and_a_shorter_one_refused():
    model, (tokens, labels) = make(), batch(rows=1)
    text = LabelledText(tokens[0], {"a": labels["a"][0]})
    assert list(task_scores(model, text, context=6)) == ["a"]
    with pytest.raises(ValueError, match="6 tokens, context=7"):
        task_scores(model, text, context=7)
    with pytest.raises(ValueError, match="context=0"):
        task_scores(model, text, context=0)
    with pytest.raises(ValueError, match="no label of the task 'a'"):
        task_scores(model, LabelledText(tokens[0], {"a": torch.full((6,), UNLABELLED)}), context=6)


# ---- weights ----


def test_a_weighted_loss_is_the_sum_of_weighted_losses():
    model, data = make(), batch()
    a, b = task_losses(model, data).values()
    assert_close(weighted_loss(model, data), a + b, **exact)
    assert_close(weighted_loss(model, data, {"b": 0.25}), a + 0.25 * b, **exact)
    assert_close(weighted_loss(model, data, {"a": 3, "b": 0}), 3 * a, **exact)


def test_uncertainty_weighting_by_hand():
    # exp(-0) * 2 + 0  +  exp(-ln 4) * 6 + ln(4) / 2  =  2 + 1.5 + ln 2
    losses, log_variances = plane([2.0, 6.0]), plane([0.0, math.log(4)]).requires_grad_()
    value = uncertainty_weighted(losses, log_variances)
    assert_close(value.item(), 3.5 + math.log(2), **exact)
    value.backward()  # -exp(-s) L + 1/2
    assert_close(log_variances.grad, plane([-1.5, -1.0]), **exact)


def test_the_best_log_variance_is_that_of_twice_the_loss():
    losses = plane([0.3, 40.0])
    best = (2 * losses).log().requires_grad_()
    uncertainty_weighted(losses, best).backward()
    assert_close(best.grad, torch.zeros(2, dtype=torch.float64), **exact)


def test_uncertainty_weighting_wants_two_rows_of_the_same_length():
    for losses, variances in ((2, 3), (2, 1)):
        with pytest.raises(ValueError, match=rf"losses \[{losses}\] and log_variances \[{variances}\]"):
            uncertainty_weighted(torch.zeros(losses), torch.zeros(variances))
    with pytest.raises(ValueError, match=r"losses \[2, 2\]"):
        uncertainty_weighted(torch.zeros(2, 2), torch.zeros(2, 2))


def test_uncertainty_loss_uses_the_model_s_own_log_variances_of_the_tasks_that_are_there():
    model, (tokens, labels) = make(learn_weights=True), batch()
    model.log_variances.data = plane([0.3, -0.2])
    a, b = task_losses(model, (tokens, labels)).values()
    expected = a * math.exp(-0.3) + 0.15 + b * math.exp(0.2) - 0.1
    assert_close(uncertainty_loss(model, (tokens, labels)), expected, **exact)
    other_order = (tokens, {"b": labels["b"], "a": labels["a"]})
    assert_close(uncertainty_loss(model, other_order), expected, **exact)
    alone = uncertainty_loss(model, (tokens, {"b": labels["b"]}), {"b": 10.0})
    assert_close(alone, 10 * b * math.exp(0.2) - 0.1, **exact)
    assert not MultiTask(base(), TASKS, learn_weights=True).log_variances.any(), "weights start at 1"


def test_uncertainty_loss_needs_weights_that_learn():
    assert make().log_variances is None
    with pytest.raises(ValueError, match="learn_weights=True"):
        uncertainty_loss(make(), batch())


def test_learned_weights_undo_the_unit_of_a_loss():
    def weights(scale):
        torch.manual_seed(0)
        model = MultiTask(base(), TASKS, learn_weights=True)
        optimizers = torch.optim.Adam([model.log_variances], lr=0.2)
        loss = partial(uncertainty_loss, weights={"b": scale})
        train(model, lambda g: batch(), steps=150, loss=loss, optimizers=optimizers, progress=False)
        return torch.exp(-model.log_variances.detach())

    # nothing but the weights learns, so L_a = ln 3 and L_b = ln 2
    best = 1 / (2 * torch.tensor([math.log(3), math.log(2)]))
    assert_close(weights(1.0), best, rtol=1e-2, atol=0)
    assert_close(weights(50.0), best / torch.tensor([1.0, 50.0]), rtol=1e-2, atol=0)


# ---- conflicts ----


def test_gradients_are_laid_out_in_rows():
    x, y, unused = plane([1.0, 2.0]).requires_grad_(), plane([[3.0]]).requires_grad_(), plane([9.0, 9.0])
    unused.requires_grad_()
    losses = (loss for loss in ((x**2).sum() + y.sum(), 5 * x[0]))
    found = task_gradients(losses, (p for p in (x, y, unused)))
    assert_close(found, plane([[2.0, 4.0, 1.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0, 0.0]]), **exact)
    assert x.grad is None


def test_a_frozen_body_has_no_gradients_to_compare():
    with pytest.raises(ValueError, match="is the body frozen"):
        task_gradients([torch.zeros(())], [])


def test_cosines_by_hand():
    found = gradient_cosines(plane([[3.0, 0.0], [1e-30, 1e-30], [0.0, -2.0], [-5.0, 0.0], [0.0, 0.0]]))
    h = math.sqrt(0.5)
    expected = [[1, h, 0, -1, 0], [h, 1, -h, -h, 0], [0, -h, 1, 0, 0], [-1, -h, 0, 1, 0], [0, 0, 0, 0, 0]]
    assert_close(found, plane(expected), **exact)


def test_surgery_in_the_plane_by_hand():
    # g1 . g2 = -1; g1 loses its part along g2: (1, 0) + 1/2 (-1, 1); g2 loses its part along g1
    operated = pcgrad(plane([[1.0, 0.0], [-1.0, 1.0]]))
    assert_close(operated, plane([[0.5, 0.5], [0.0, 1.0]]), **exact)


def test_gradients_that_agree_or_are_at_a_right_angle_are_left_alone():
    for rows in ([[1.0, 0.0], [1.0, 3.0]], [[2.0, 0.0], [0.0, 3.0]], [[1.0, 1.0], [0.0, 0.0]], [[1.0, 2.0]]):
        before = plane(rows)
        assert torch.equal(pcgrad(before), plane(rows))
        assert torch.equal(before, plane(rows))


def test_opposite_gradients_leave_nothing():
    assert_close(pcgrad(plane([[2.0, 0.0], [-5.0, 0.0]])), torch.zeros(2, 2, dtype=torch.float64), **exact)


def test_the_others_are_taken_as_they_were_before_surgery():
    """The first gradient, operated, is no enemy of the second: that one is operated all the same."""
    before = plane([[1.0, 0.0], [-1.0, 1.0]])
    assert pcgrad(before)[0] @ before[1] == 0
    assert_close(pcgrad(before)[1], plane([0.0, 1.0]), **exact)
    assert torch.equal(before, plane([[1.0, 0.0], [-1.0, 1.0]]))


THREE = [[1.0, 0.0], [-1.0, 1.0], [-0.2, -1.0]]
# g1 after g2 is (0.5, 0.5); its dot with g3 is -0.6: + 0.6/1.04 (-0.2, -1)
FIRST_2_THEN_3 = [0.5 - 0.12 / 1.04, 0.5 - 0.6 / 1.04]
# g1 after g3 is (1, 0) + 0.2/1.04 (-0.2, -1) = (1, -0.2)/1.04; its dot with g2 is -1.2/1.04:
# + 0.6/1.04 (-1, 1)
FIRST_3_THEN_2 = [0.4 / 1.04, 0.4 / 1.04]


def test_the_order_of_the_others_is_drawn_from_the_generator():
    found = [pcgrad(plane(THREE), torch.Generator().manual_seed(seed))[0] for seed in range(20)]
    orders = [
        [torch.allclose(row, plane(hand), **exact) for hand in (FIRST_2_THEN_3, FIRST_3_THEN_2)]
        for row in found
    ]
    assert all(sum(order) == 1 for order in orders)
    assert 4 < sum(order[0] for order in orders) < 16
    again = [pcgrad(plane(THREE), torch.Generator().manual_seed(seed))[0] for seed in range(20)]
    assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))
    torch.manual_seed(5)
    first = pcgrad(plane(THREE))
    torch.manual_seed(5)
    assert torch.equal(first, pcgrad(plane(THREE)))


def test_surgery_wants_rows():
    with pytest.raises(ValueError, match=r"\[tasks, n\], got \[3\]"):
        pcgrad(torch.ones(3))


def test_the_loss_with_surgery_has_the_sum_s_value_and_the_operated_gradient():
    model, data = make(), batch()
    weights = {"b": 3.0}
    losses = task_losses(model, data)
    losses["b"] = 3 * losses["b"]
    rows = task_gradients(losses.values(), model.shared_parameters())
    if rows[0] @ rows[1] >= 0:  # turn one task round, so that there is a conflict
        data = (data[0], data[1] | {"b": (1 - data[1]["b"]).where(data[1]["b"] >= 0, UNLABELLED)})
        losses = task_losses(model, data)
        losses["b"] = 3 * losses["b"]
        rows = task_gradients(losses.values(), model.shared_parameters())
    assert rows[0] @ rows[1] < 0
    value = pcgrad_loss(model, data, weights)
    assert_close(value, weighted_loss(model, data, weights), **exact)
    plain = gradients_of(model, weighted_loss(model, data, weights))
    found = gradients_of(model, pcgrad_loss(model, data, weights))
    shared = torch.cat([found[f"body.{n}"].flatten() for n, _ in model.body.named_parameters()])
    assert_close(shared, pcgrad(rows).sum(0), **exact)
    assert not torch.allclose(shared, rows.sum(0))
    for name, gradient in found.items():
        if name.startswith("head"):
            assert_close(gradient, plain[name], **exact)


def test_surgery_without_conflict_changes_nothing():
    model, (tokens, labels) = make(tasks={"a": 3, "same": 3}), batch()
    model.head[1].load_state_dict(model.head[0].state_dict())
    data = tokens, {"a": labels["a"], "same": labels["a"]}
    plain, found = (gradients_of(model, loss(model, data)) for loss in (weighted_loss, pcgrad_loss))
    for name in plain:
        assert_close(found[name], plain[name], **exact)


def test_the_loss_with_surgery_takes_its_orders_from_the_generator():
    tasks = dict.fromkeys("abcde", 2)
    model, data = make(tasks=tasks), batch(tasks=tasks, rows=1, seq=3)

    def found(seed):
        loss = pcgrad_loss(model, data, generator=torch.Generator().manual_seed(seed))
        return gradients_of(model, loss)["body.embedding.weight"]

    assert torch.equal(found(0), found(0))
    assert any(not torch.allclose(found(0), found(seed)) for seed in range(1, 6))


@pytest.mark.parametrize("loss", [weighted_loss, pcgrad_loss, uncertainty_loss])
def test_train_learns_both_tasks_by_each_loss_and_repeats_itself(loss):
    n = torch.randint(VOCAB, (400,), generator=torch.Generator().manual_seed(0))
    text = LabelledText(n, {"a": n % 3, "b": (n > 5).long()})

    def run():
        model = MultiTask(base(), TASKS, learn_weights=loss is uncertainty_loss)
        sampler = LabelledTextSampler(text, context=8, batch_size=8)
        train(model, sampler, steps=60, loss=loss, optimizers=make_optimizers(model), progress=False)
        return model

    model, again = run(), run()
    assert all(score.accuracy > 0.95 for score in task_scores(model, text, context=8).values())
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    if loss is uncertainty_loss:
        assert model.log_variances.all(), "the weights have moved"


# ---- which task comes next ----


def test_shares_by_hand():
    assert_close(task_shares([1, 3]), plane([0.25, 0.75]))
    assert_close(task_shares([1, 4, 9], 2.0), plane([1, 2, 3]) / 6)
    assert_close(task_shares([10, 1000], math.inf), plane([0.5, 0.5]))
    assert_close(task_shares(iter([8, 1]), 3), plane([2, 1]) / 3)
    assert_close(task_shares([1e300, 1e300], 0.5), plane([0.5, 0.5]))
    assert task_shares([2, 3]).dtype == torch.float64


def test_shares_of_nothing_are_refused():
    for sizes in ([], [1, 0], [2, -1], [math.nan]):
        with pytest.raises(ValueError, match="must all be above 0"):
            task_shares(sizes)
    for temperature in (0, -1, math.nan):
        with pytest.raises(ValueError, match=f"temperature={temperature}"):
            task_shares([1, 2], temperature)


def test_tasks_are_drawn_in_their_shares_and_by_the_generator():
    sampler = TaskSampler([lambda g: "rare", lambda g: "often"], [0.2, 0.8])
    generator = torch.Generator().manual_seed(0)
    drawn = [sampler(generator) for _ in range(2000)]
    assert 0.17 < drawn.count("rare") / 2000 < 0.23
    generator = torch.Generator().manual_seed(0)
    assert [sampler(generator) for _ in range(50)] == drawn[:50]
    certain = TaskSampler([lambda g: g.initial_seed(), lambda g: None], torch.tensor([1.0, 0.0]))
    assert certain(torch.Generator().manual_seed(17)) == 17


def test_each_task_sampler_has_one_share():
    with pytest.raises(ValueError, match=r"2 samplers, but shares \[3\]"):
        TaskSampler([None, None], [1, 2, 3])
    with pytest.raises(ValueError, match=r"0 samplers"):
        TaskSampler([], [])


def test_joint_batches_hold_the_rows_of_all_and_no_label_that_was_not_given():
    def numbers(g):
        return torch.randint(VOCAB, (2, 3), generator=g)

    first = lambda g: (numbers(g), {"a": torch.zeros(2, 3, dtype=torch.long)})  # noqa: E731
    second = lambda g: (numbers(g)[:1], {"a": torch.ones(1, 3).long(), "b": torch.full((1, 3), 2)})  # noqa: E731
    tokens, labels = JointSampler([first, second])(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(tokens, torch.cat([numbers(generator), numbers(generator)[:1]]))
    assert list(labels) == ["a", "b"]
    assert labels["a"].tolist() == [[0] * 3] * 2 + [[1] * 3]
    assert labels["b"].tolist() == [[UNLABELLED] * 3] * 2 + [[2] * 3]
    with pytest.raises(ValueError, match="nothing to draw"):
        JointSampler([])
