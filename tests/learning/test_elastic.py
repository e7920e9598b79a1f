"""Fisher information against closed forms and brute force; the springs of EWC, and where they pull to."""

import math
import re

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from llmasos_edu.learning.elastic import ElasticLoss, ElasticPenalty, fisher_diagonal, token_distribution
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import TextSampler, make_optimizers, train
from llmasos_edu.training.next_token import next_token_loss

exact = {"rtol": 1e-10, "atol": 1e-10}
SIGMA = 0.5


def gaussian(model, inputs):
    return Normal(model(inputs), SIGMA)


def line(inputs=3, outputs=2, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs).double()


def draws(n, seed=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, dtype=torch.float64, generator=g) * torch.tensor([0.5, 1.0, 2.0])


def small_model(dropout=0.0):
    torch.manual_seed(0)
    model = LanguageModel(7, d_model=4, num_layers=1, num_heads=2, dropout=dropout).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    return model


# ---- Fisher ----


def test_empirical_fisher_of_a_line_by_formula():
    # d ln p / d w_kj = (y_k - w_k x) x_j / sigma^2; per target: divide by the outputs as well
    model, x = line(), draws(20)
    y = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    error = (y - model(x).detach()) / SIGMA**2
    found = fisher_diagonal(model, (x, y), labels="data", distribution=gaussian)
    assert_close(found["weight"], (error[:, :, None] * x[:, None]).square().sum(0) / 40, **exact)
    assert_close(found["bias"], error.square().sum(0) / 40, **exact)


def test_sampled_fisher_of_a_line_is_its_closed_form():
    # whatever the labels are: F of w_kj is mean(x_j^2) / sigma^2, and a target is one of two outputs
    # (3,000 draws are off by 10 % at most; answers drawn a tenth too wide or too narrow by 25 % or more)
    model, x = line(), draws(8).repeat(375, 1)
    found = fisher_diagonal(model, (x, torch.full((3000, 2), 1e6)), distribution=gaussian)
    closed = (x.square().mean(0) / SIGMA**2 / 2).expand(2, 3)
    assert_close(found["weight"], closed, rtol=0.15, atol=0)
    assert_close(found["bias"], torch.full((2,), 1 / SIGMA**2 / 2).double(), rtol=0.15, atol=0)


def test_the_two_agree_where_the_model_is_right_and_only_there():
    x = draws(700)
    truth = line(seed=5)
    noise = SIGMA * torch.randn(700, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y = truth(x).detach() + noise
    sampled, empirical = (
        fisher_diagonal(truth, (x, y), labels=labels, distribution=gaussian) for labels in ("model", "data")
    )
    assert_close(sampled["weight"], empirical["weight"], rtol=0.3, atol=0)
    wrong = line(seed=6)
    empirical = fisher_diagonal(wrong, (x, y), labels="data", distribution=gaussian)
    sampled = fisher_diagonal(wrong, (x, y), distribution=gaussian)
    assert (empirical["weight"] / sampled["weight"]).max() > 3


def test_fisher_of_a_language_model_by_brute_force():
    model = small_model(dropout=0.4)
    batch = torch.randint(7, (5, 6), generator=torch.Generator().manual_seed(0))
    found = fisher_diagonal(model, batch, labels="data")
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    expected = {name: 0 for name, _ in model.named_parameters()}
    for row in batch:
        model.zero_grad()
        cross_entropy(model(row[None, :-1])[0], row[1:], reduction="sum").backward()
        for name, parameter in model.named_parameters():
            expected[name] = expected[name] + parameter.grad.square() / 25
    assert found.keys() == expected.keys()
    for name in found:
        assert_close(found[name], expected[name], **exact)
        assert found[name].dtype == torch.float64
    pair = fisher_diagonal(model, (batch[:, :-1], batch[:, 1:]), labels="data")
    assert_close(pair["head.weight"], found["head.weight"], **exact)


def test_sampled_labels_follow_the_model_and_the_seed():
    model = small_model()
    batch = torch.randint(7, (4, 6), generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    first = fisher_diagonal(model, batch)["head.weight"]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert torch.equal(first, fisher_diagonal(model, batch, seed=0)["head.weight"])
    assert not torch.equal(first, fisher_diagonal(model, batch, seed=1)["head.weight"])
    assert not torch.equal(first, fisher_diagonal(model, batch, labels="data")["head.weight"])
    torch.manual_seed(0)  # what seed=0 draws, row after row
    model.eval()
    total = 0
    for row in batch:
        logits = model(row[None, :-1])
        drawn = torch.distributions.Categorical(logits=logits).sample()
        cross_entropy(logits[0], drawn[0], reduction="sum").backward()
        total = total + model.head.weight.grad.square() / 20
        model.zero_grad()
    assert_close(first, total, **exact)


def test_only_what_can_be_trained_is_looked_at():
    model = small_model()
    model.embedding.requires_grad_(False)
    model.unused = nn.Parameter(torch.ones(2).double())
    found = fisher_diagonal(model, torch.randint(7, (2, 4)), labels="data")
    assert "embedding.weight" not in found
    assert torch.equal(found["unused"], torch.zeros(2).double())
    assert not found["head.weight"].requires_grad


def test_fisher_refuses():
    model, batch = small_model(), torch.zeros(2, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="labels='true' is neither"):
        fisher_diagonal(model, batch, labels="true")
    with pytest.raises(ValueError, match="0 inputs and 0 targets"):
        fisher_diagonal(model, batch[:0])
    with pytest.raises(ValueError, match="2 inputs and 1 targets"):
        fisher_diagonal(model, (batch, batch[:1]))
    with pytest.raises(ValueError, match="no trainable parameter"):
        fisher_diagonal(model.requires_grad_(False), batch)


def test_the_distribution_is_the_model_s_softmax():
    model, tokens = small_model(), torch.randint(7, (2, 4))
    assert_close(token_distribution(model, tokens).probs, model(tokens).softmax(-1), **exact)


# ---- penalty ----


def test_penalty_and_its_pull_by_hand():
    model = line(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
        model.bias.fill_(5.0)
    spring = ElasticPenalty(model, {"weight": torch.tensor([[4.0, 0.5]]).double()})
    assert spring(model).item() == 0.0
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[2.0, 6.0]]))
        model.bias.fill_(7.0)  # no spring on it
    assert spring(model).item() == pytest.approx(0.5 * (4.0 * 1 + 0.5 * 16))
    (pull,) = torch.autograd.grad(spring(model), model.weight)
    assert_close(pull, torch.tensor([[4.0, 2.0]]).double(), **exact)
    assert spring.num_bytes == 2 * 2 * 8


def test_anchor_and_stiffness_are_copies_of_that_moment():
    model = line()
    fisher = {"weight": torch.ones(2, 3).double(), "bias": torch.ones(2).double()}
    spring = ElasticPenalty(model, fisher)
    start = model.weight.detach().clone()
    fisher["weight"] *= 100
    with torch.no_grad():
        model.weight += 1
    assert torch.equal(spring.anchor["weight"], start)
    assert not spring.anchor["weight"].requires_grad
    assert spring(model).item() == pytest.approx(3.0)
    assert set(spring.fisher) == {"weight", "bias"}


def test_penalty_refuses_a_foreign_fisher():
    model = line()
    with pytest.raises(ValueError, match="no parameter 'scale'"):
        ElasticPenalty(model, {"scale": torch.ones(1)})
    with pytest.raises(ValueError, match=re.escape("weight has shape [3], the parameter [2, 3]")):
        ElasticPenalty(model, {"weight": torch.ones(3)})
    for bad in (-1.0, math.nan):
        with pytest.raises(ValueError, match="bias is not at least 0 everywhere"):
            ElasticPenalty(model, {"bias": torch.tensor([1.0, bad])})
    ElasticPenalty(model, {"bias": torch.zeros(2)})


def test_loss_adds_the_penalties_of_all_tasks():
    model = small_model()
    batch = torch.randint(7, (2, 5), generator=torch.Generator().manual_seed(0))
    ones = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    springs = [ElasticPenalty(model, ones)]
    with torch.no_grad():
        model.head.weight += 0.1
    springs.append(ElasticPenalty(model, ones))
    with torch.no_grad():
        model.head.weight += 0.1
    count = model.head.weight.numel()
    expected = next_token_loss(model, batch).item() + 3 * 0.5 * count * (0.04 + 0.01)
    assert ElasticLoss(3, iter(springs))(model, batch).item() == pytest.approx(expected)
    other = ElasticLoss(2.0, springs[1:], loss=lambda model, batch: model.head.weight.sum())
    expected = model.head.weight.sum().item() + 2 * 0.5 * count * 0.01
    assert other(model, None).item() == pytest.approx(expected)
    assert ElasticLoss(0, springs).strength == 0
    with pytest.raises(ValueError, match=r"strength=-1 must be at least 0"):
        ElasticLoss(-1, springs)
    with pytest.raises(ValueError, match="there is no penalty"):
        ElasticLoss(1.0, [])


def test_a_loss_can_be_called_again_and_again():
    model = small_model()
    ones = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    loss = ElasticLoss(1.0, (ElasticPenalty(model, ones) for _ in range(1)))
    with torch.no_grad():
        model.head.weight += 1
    batch = torch.zeros(1, 3, dtype=torch.long)
    assert loss(model, batch).item() == loss(model, batch).item() > next_token_loss(model, batch).item()


def test_two_parabolas_meet_where_both_tasks_together_would():
    # a line and inputs along the axes: Fisher is the curvature, and EWC is exact at lambda 1
    x = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).double().repeat(300, 1)
    model = nn.Linear(2, 1, bias=False).double()
    tasks = []
    for truth in ([[1.0, -2.0]], [[4.0, 2.0]]):
        tasks.append((x, x @ torch.tensor(truth).double().T))

    def loss(model, batch):
        return -gaussian(model, batch[0]).log_prob(batch[1]).mean()

    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0]]))
    fisher = fisher_diagonal(model, tasks[0], distribution=gaussian)
    spring = ElasticPenalty(model, fisher)
    descent = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe", max_iter=50)
    both = ElasticLoss(1.0, [spring], loss=loss)

    def closure():
        descent.zero_grad()
        value = both(model, tasks[1])
        value.backward()
        return value

    descent.step(closure)
    assert_close(model.weight.detach(), torch.tensor([[2.5, 0.0]]).double(), rtol=0, atol=0.2)


def test_springs_hold_the_old_text_through_train():
    first, second = [1, 2] * 100, [1, 3] * 100
    model = small_model()
    train(model, TextSampler(first, context=4, batch_size=8), steps=60, progress=False)
    old = TextSampler(first, context=4, batch_size=50)(torch.Generator().manual_seed(0))
    spring = ElasticPenalty(model, fisher_diagonal(model, old, labels="data"))
    left = {}
    for strength in (0.0, 1e4):
        own = small_model()
        own.load_state_dict(model.state_dict())
        loss = ElasticLoss(strength, [spring])
        adamw = make_optimizers(own, name="adamw", matrix_lr=0.01, other_lr=0.01)
        train(
            own,
            TextSampler(second, context=4, batch_size=8),
            steps=60,
            loss=loss,
            optimizers=adamw,
            progress=False,
        )
        left[strength] = next_token_loss(own, old).item()
    assert left[1e4] < 0.5 * left[0.0]


@pytest.mark.parametrize("labels", ["model", "data"])
def test_what_is_not_scored_is_in_no_fisher(labels):
    torch.manual_seed(0)
    model = LanguageModel(7, d_model=8, num_layers=1, num_heads=2).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    inputs = torch.randint(7, (3, 5))
    targets = torch.randint(7, (3, 5))
    padded_inputs = torch.cat((inputs, torch.zeros(3, 4, dtype=torch.long)), dim=1)
    padded = torch.cat((targets, torch.full((3, 4), -100)), dim=1)

    if labels == "data":
        short = fisher_diagonal(model, (inputs, targets), labels=labels)
        long = fisher_diagonal(model, (padded_inputs, padded), labels=labels)
        for name in short:
            assert_close(long[name], short[name], atol=1e-12, rtol=1e-9)
    else:  # the draws differ, so the padding's share is measured by itself: a long padding changes nothing
        sizes = [
            sum(
                fisher_diagonal(model, (padded_inputs, padded), labels=labels, seed=seed)["head.weight"].sum()
                for seed in range(20)
            ),
            sum(
                fisher_diagonal(model, (inputs, targets), labels=labels, seed=seed)["head.weight"].sum()
                for seed in range(20)
            ),
        ]
        assert_close(sizes[0], sizes[1], rtol=0.15, atol=0)
    with pytest.raises(ValueError, match="all 15 targets are -100: nothing is scored"):
        fisher_diagonal(model, (inputs, torch.full((3, 5), -100)), labels=labels)
    one_row_unscored = torch.cat((targets[:2], torch.full((1, 5), -100)))
    found = fisher_diagonal(model, (inputs, one_row_unscored), labels="data")
    first_two = fisher_diagonal(model, (inputs[:2], targets[:2]), labels="data")
    for name in found:
        assert_close(found[name], first_two[name], atol=1e-12, rtol=1e-9)
