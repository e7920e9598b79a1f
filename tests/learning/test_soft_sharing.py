"""Soft sharing between its two ends: separate models at strength 0, one body at great strength."""

import pytest
import torch

from llmasos_edu.learning.code_lessons import new_model
from llmasos_edu.learning.multitask import MultiTask, weighted_loss
from llmasos_edu.learning.soft_sharing import SoftSharing, soft_sharing_loss
from llmasos_edu.models.encoder import MaskedLanguageModel


def pair():
    return SoftSharing({task: new_model([task], seed) for seed, task in enumerate(("word", "kind"))})


def batch():
    tokens = torch.randint(256, (2, 12), generator=torch.Generator().manual_seed(0))
    return tokens, {"word": tokens % 2, "kind": tokens % 6}


def test_every_task_is_answered_by_its_own_body():
    model, (tokens, _) = pair(), batch()
    found = model(tokens)
    assert {task: list(logits.shape) for task, logits in found.items()} == {
        "word": [2, 12, 2],
        "kind": [2, 12, 6],
    }
    assert list(model(tokens, ["kind"])) == ["kind"]
    assert torch.equal(found["word"], model.models["word"](tokens)["word"])


def test_the_distance_is_that_of_the_weights_from_their_mean():
    model = pair()
    flat = [torch.cat([p.flatten() for p in each.body.parameters()]) for each in model.models.values()]
    want = (flat[0] - flat[1]).square().sum() / 2  # two points lie half of their distance from their mean
    torch.testing.assert_close(model.distance(), want)
    model.models["kind"].body.load_state_dict(model.models["word"].body.state_dict())
    assert model.distance().item() == 0


def test_strength_nought_is_two_separate_models():
    model = pair()
    both, (tokens, labels) = soft_sharing_loss(model, batch(), 0.0), batch()
    apart = sum(weighted_loss(model.models[t], (tokens, {t: labels[t]})) for t in labels)
    torch.testing.assert_close(both, apart)


def test_great_strength_draws_the_bodies_together():
    model = pair()
    before = model.distance().item()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        soft_sharing_loss(model, batch(), 100.0).backward()
        optimizer.step()
    assert model.distance().item() < before / 10


def test_what_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="two models or more"):
        SoftSharing({"word": new_model(["word"], 0)})
    with pytest.raises(ValueError, match="knows word, not this task alone"):
        SoftSharing({"kind": new_model(["word"], 0), "word": new_model(["word"], 0)})
    other = MultiTask(MaskedLanguageModel(256, d_model=16, num_layers=1, num_heads=2), {"kind": 6})
    with pytest.raises(ValueError, match="'kind' has other shapes"):
        SoftSharing({"word": new_model(["word"], 0), "kind": other})
    with pytest.raises(ValueError, match="strength=-1"):
        soft_sharing_loss(pair(), batch(), -1)
