"""The recipe of chapter 3.4: texts that do not overlap, base rates, early stopping on the watched modules."""

import math

import pytest
import torch

from llmasos_edu.corpus.code_tasks import CODE_TASKS, UNLABELLED, LabelledText
from llmasos_edu.learning.code_lessons import (
    BATCH,
    CONTEXT,
    JUDGED,
    WATCHED,
    base_rates,
    learn,
    losses_of,
    mean_loss,
    new_model,
    spread,
    texts,
    windows_of,
)


def short():
    labels = torch.tensor([0, 0, 0, 1, UNLABELLED] * 20)
    return LabelledText(torch.arange(100), {"word": labels})


def test_the_base_rate_is_the_entropy_of_the_labels_that_are_there():
    assert base_rates(short())["word"] == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))


def test_windows_are_spread_from_the_beginning_to_the_end():
    found = spread(short(), 2)
    assert found.tokens.tolist() == [*range(CONTEXT), *range(100 - CONTEXT, 100)]
    assert torch.equal(found.labels["word"], short().labels["word"][found.tokens])


def test_the_three_texts_are_of_different_modules():
    text = texts(3)
    assert len(text.watched.tokens) == WATCHED * CONTEXT
    assert len(text.held_out.tokens) == JUDGED * CONTEXT
    read = bytes(text.train.tokens.tolist())
    for other in (text.watched, text.held_out):
        windows = other.tokens.view(-1, CONTEXT).tolist()
        assert sum(bytes(window) in read for window in windows) < len(windows) / 20
        assert set(other.labels) == set(CODE_TASKS)


def test_it_goes_back_to_the_best_look_and_that_is_better_than_knowing_nothing():
    text = texts(3)
    sample = windows_of(text.train, ["word"])
    lesson = learn(new_model(["word"], 3), sample, 3, steps=40)
    values = [value for _, value in lesson.history.evaluations]
    assert len(values) == 8
    watched = losses_of(lesson.model, text.watched)["word"]
    assert watched == pytest.approx(min(values), rel=1e-5)
    assert watched < base_rates(text.watched)["word"]


def test_a_limit_of_windows_is_a_limit():
    text = texts(3)
    sample = windows_of(text.train, ["word", "kind"], windows=3, seed=1)
    generator, seen = torch.Generator().manual_seed(0), set()
    for _ in range(20):
        tokens, labels = sample(generator)
        assert tokens.shape == (BATCH, CONTEXT)
        assert set(labels) == {"word", "kind"}
        seen |= {tuple(row) for row in tokens.tolist()}
    assert len(seen) <= 3


def test_learned_weights_are_learned():
    text = texts(3)
    from llmasos_edu.learning.multitask import uncertainty_loss

    model = new_model(["word", "kind"], 3)
    learn(model, windows_of(text.train, model.tasks), 3, steps=10, loss=uncertainty_loss, slow_weights=0.2)
    assert (model.log_variances != 0).all()


def test_means():
    assert mean_loss({"a": 1.0, "b": 3.0}) == 2.0
    assert mean_loss({"a": 1.0, "b": 3.0}, ["b"]) == 3.0
