"""The resident model: many tasks on one body, in one pass, and none disturbs another."""

import copy

import pytest
import torch
from torch import nn

from llmasos_edu.learning.adaptation import Classifier, classification_loss
from llmasos_edu.learning.lora import add_lora
from llmasos_edu.learning.resident import ResidentModel
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.checkpoint import CheckpointError
from llmasos_edu.training.loop import make_optimizers, train


def a_model(seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(20, d_model=16, num_layers=2, num_heads=2).double()
    for block in model.blocks:  # they start at zero, and nothing would depend on the adapters
        for each in block.parameters():
            if each.ndim > 1:
                nn.init.normal_(each, std=0.2)
    return model


def filled(task, seed=1):
    """A task with a head and adapters that do something."""
    torch.manual_seed(seed)
    task.double()
    for each in task.parameters():
        nn.init.normal_(each, std=0.3)
    return task


def a_text(rows=6):
    return torch.randint(20, (rows, 5), generator=torch.Generator().manual_seed(3))


def test_a_head_alone_is_the_classifier_on_a_frozen_model():
    model = a_model()
    task = filled(ResidentModel(model).add("it", 3, where=2))
    alone = Classifier(model, 3, where=2, head_only=True)
    alone.head = task.head
    assert torch.allclose(task(a_text()), alone(a_text()), rtol=0, atol=1e-12)


def test_an_adapter_is_lora_in_value_and_gradient():
    model, text, labels = a_model(), a_text(), torch.tensor([0, 1, 2, 0, 1, 2])
    task = filled(ResidentModel(model).add("it", 3, rank=4))
    alone = Classifier(model, 3)
    names = add_lora(alone.model, rank=4)
    alone.head = copy.deepcopy(task.head)
    with torch.no_grad():
        for name in names:
            layer, key = alone.model.get_submodule(name), name.replace(".", "/")
            layer.lora_a.copy_(task.low[key])
            layer.lora_b.copy_(task.high[key])
    assert torch.allclose(task(text), alone(text), rtol=0, atol=1e-12)
    for each in (task, alone):
        classification_loss(each, (text, labels)).backward()
    for name in names:
        layer, key = alone.model.get_submodule(name), name.replace(".", "/")
        assert torch.allclose(layer.lora_a.grad, task.low[key].grad, rtol=0, atol=1e-12)
        assert torch.allclose(layer.lora_b.grad, task.high[key].grad, rtol=0, atol=1e-12)
        assert layer.lora_a.grad.abs().max() > 1e-4


def test_a_mixed_batch_answers_as_each_task_alone():
    resident = ResidentModel(a_model())
    tasks = {
        "two": filled(resident.add("two", 2, rank=2), 1),
        "four": filled(resident.add("four", 4, where=-1, rank=4), 2),
        "head": filled(resident.add("head", 3), 3),
    }
    names = ["two", "four", "head", "four", "two", "head"]
    mixed = resident(a_text(), names)
    for row, (name, got) in enumerate(zip(names, mixed, strict=True)):
        alone = tasks[name](a_text()[row : row + 1])[0]
        assert torch.allclose(got, alone, rtol=0, atol=1e-12)
    heads = resident(a_text(2), ["head", "head"])
    assert torch.allclose(heads[1], tasks["head"](a_text(2))[1], rtol=0, atol=1e-12)


def test_the_body_is_shared_and_stays_as_it_was():
    model = a_model().float()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    resident = ResidentModel(model)
    own = {each.data_ptr() for each in model.parameters()}
    assert {each.data_ptr() for each in resident.body.parameters()} == own
    other = filled(resident.add("other", 2, rank=2), 5).float()
    said = other(a_text())
    task = resident.add("it", 2, rank=2)
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    optimizers = make_optimizers(task, name="adamw", matrix_lr=0.05, other_lr=0.05)
    history = train(
        task, lambda _: (a_text(), labels), steps=30, loss=classification_loss, optimizers=optimizers
    )
    assert history.losses[-1] < 0.7 * history.losses[0]
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(each.requires_grad and each.grad is None for each in model.parameters())
    assert torch.equal(other(a_text()), said)


def test_it_starts_as_the_body_alone_and_serves_encoders():
    torch.manual_seed(0)
    encoder = MaskedLanguageModel(20, d_model=16, num_layers=1, num_heads=2)
    task = ResidentModel(encoder).add("it", 3, rank=2)
    assert torch.equal(task(a_text()), torch.zeros(6, 3))


def test_bytes_are_counted():
    model = a_model().float()
    resident = ResidentModel(model)
    resident.add("it", 3, rank=2)
    carriers = 2 * 2  # query and value in two layers
    assert resident.num_bytes("it") == 4 * (16 * 3 + 3 + carriers * 2 * (16 + 16))
    assert resident.num_bytes() == 4 * sum(each.numel() for each in model.parameters())


def test_a_task_goes_through_a_file(tmp_path):
    model = a_model().float()
    resident = ResidentModel(model)
    task = filled(resident.add("it", 3, where=1, rank=2)).float()
    resident.save_task(tmp_path / "it", "it")
    state = torch.random.get_rng_state()
    again = ResidentModel(model).load_task(tmp_path / "it", "again")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(again(a_text()), task(a_text()))
    with pytest.raises(CheckpointError, match="another body"):
        ResidentModel(a_model(7).float()).load_task(tmp_path / "it", "again")


def test_errors_at_the_door():
    resident = ResidentModel(a_model())
    resident.add("it", 2)
    with pytest.raises(ValueError, match="'it' already"):
        resident.add("it", 2)
    with pytest.raises(ValueError, match="num_classes=1"):
        resident.add("one", 1)
    with pytest.raises(ValueError, match="rank"):
        resident.add("low", 2, rank=-1)
    assert list(resident.tasks) == ["it"]
    with pytest.raises(ValueError, match="2 names for 6 texts"):
        resident(a_text(), ["it", "it"])
    with pytest.raises(ValueError, match="no task 'that', only it"):
        resident(a_text(1), ["that"])
    with pytest.raises(ValueError, match="could carry"):
        ResidentModel(a_model(), targets=["nowhere"])
