"""Few labels to convergence: the same labels for all, the best moment kept, the body left alone."""

import pytest
import torch

from llmasos_edu.learning import few_labels
from llmasos_edu.learning.adaptation import Classifier, classification_loss, labels_at_random, shuffled
from llmasos_edu.models.language_model import LanguageModel


def a_model(seed=0):
    torch.manual_seed(seed)
    return LanguageModel(12, d_model=16, num_layers=1, num_heads=2)


def a_task(noise=False):
    """Which of two tokens stands last? Or labels that mean nothing."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(12, (300, 5), generator=generator)
    labels = torch.randint(2, (300,), generator=generator) if noise else (tokens[:, -1] > 5).long()
    return few_labels.LabelledTask(tokens[:200], labels[:200], tokens[200:], labels[200:], 2, 4)


def test_a_larger_count_holds_the_smaller_one():
    task = a_task()
    few, more = task.some(20, 3), task.some(60, 3)
    assert torch.equal(more[0][:20], few[0])
    assert torch.equal(more[1][:20], few[1])
    assert not torch.equal(task.some(20, 4)[0], few[0])
    with pytest.raises(ValueError, match="count=201"):
        task.some(201, 0)


def test_it_learns_what_there_is_and_keeps_the_best_moment():
    task = a_task()
    found = few_labels.learned(lambda: Classifier(a_model(), 2, where=4), task, 100, rate=0.01, seed=0)
    tokens, labels = task.some(100, 0)
    assert classification_loss(found.model, (tokens[:20], labels[:20])).item() == pytest.approx(
        found.validation
    )
    assert few_labels.right(found, task) > 0.9
    assert not found.model.training


def test_it_stops_where_nothing_is_to_be_learned():
    task = a_task(noise=True)
    found = few_labels.learned(lambda: Classifier(a_model(), 2, where=4), task, 100, rate=0.01, seed=0)
    assert found.steps < few_labels.MOST_STEPS
    assert found.steps % few_labels.EVERY == 0
    assert found.steps <= few_labels.EVERY * (few_labels.PATIENCE + 2)  # the best moment was an early one


def test_every_way_is_compared_and_the_body_stays():
    body = a_model(1)
    before = {name: each.clone() for name, each in body.state_dict().items()}
    figures = few_labels.compare_ways(body, a_model, a_task(), labels=15, seed=0)
    shares = {"fine-tuned", "adapter", "head", "scratch", "scratch, ten times"}
    assert figures.keys() == shares | {"commonest"} | {f"steps, {name}" for name in shares}
    assert figures["scratch, ten times"] > figures["commonest"]
    assert all(torch.equal(before[name], each) for name, each in body.state_dict().items())
    assert few_labels.RATES.keys() == few_labels.ways(body, a_model, a_task()).keys()


def test_the_tasks_keep_what_is_unread_apart():
    from llmasos_edu.pretrained import load

    known = load("manual-dense")
    unread = set(known.card["data"]["held_out_topics"])
    task = few_labels.prose_or_code(known.tokenizer, unread, per_class=50)
    assert task.tokens.shape == (100, few_labels.WINDOW)
    assert task.labels.tolist() == [0] * 50 + [1] * 50
    text = {known.tokenizer.decode(row.tolist()) for row in task.tokens}
    assert not text & {known.tokenizer.decode(row.tolist()) for row in task.test_tokens}


def test_shuffled_keeps_the_numbers_and_nothing_else():
    model = a_model()
    other = shuffled(model, torch.Generator().manual_seed(0))
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
    assert not torch.equal(model.embedding.weight, other.embedding.weight)


def test_a_token_has_one_label_at_random():
    tokens = torch.arange(600).repeat(2)
    labels = labels_at_random(tokens, 6)
    assert torch.equal(labels[:600], labels[600:])
    assert torch.equal(labels[:9], labels_at_random(torch.arange(9), 6))
    assert labels.bincount().min() > 140
    assert not torch.equal(labels, labels_at_random(tokens, 6, seed=1))
