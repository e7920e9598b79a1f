"""The best weights are kept: the first of equals, never those of a NaN, and apart from what trains on."""

import math

import pytest
import torch
from torch import nn

from llmasos_edu.training.keeping import BestSoFar
from llmasos_edu.training.loop import train


def test_the_first_of_the_lowest_values_is_restored():
    model = nn.Linear(1, 1, bias=False)
    values = iter([3.0, math.nan, 1.0, 1.0, 2.0])
    best = BestSoFar(lambda model: next(values))
    for weight in range(5):
        with torch.no_grad():
            model.weight.fill_(weight)
        best(model)
    best.restore(model)
    assert (model.weight.item(), best.value) == (2.0, 1.0)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_without_a_best_there_is_nothing_to_restore(values):
    best = BestSoFar(lambda model: values.pop())
    for _ in list(values):
        best(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="no best weights"):
        best.restore(nn.Linear(1, 1))


def test_a_training_that_overshoots_goes_back_to_its_best_look():
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    best = BestSoFar(lambda model: (model.weight.item() - 0.5) ** 2)
    history = train(
        model,
        lambda generator: torch.zeros(1),
        steps=30,
        loss=lambda model, batch: -model.weight.sum(),  # grows without end
        optimizers=torch.optim.SGD(model.parameters(), lr=0.1),
        evaluate=best,
        evaluate_every=3,
    )
    values = [value for _, value in history.evaluations]
    assert min(values) < values[-1]
    best.restore(model)
    assert (model.weight.item() - 0.5) ** 2 == pytest.approx(min(values))
