"""Exercises of chapter 5, the part on training: how to go on after an interruption.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.exercises.checker.blanks import is_empty
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 5-4 --------------------------------------------------------------------------------


class Run:
    """A training run of a network, with all that changes while it trains.

    Args:
        seed: of the first weights and of the generator that draws batches and dropout.
    """

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
        for parameter in self.model.parameters():
            nn.init.normal_(parameter, std=0.4, generator=self.generator)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.step = 0

    def train(self, steps: int) -> list[float]:
        """Take some steps and return their losses. The learning rate follows the number of the step."""
        losses = []
        for _ in range(steps):
            for group in self.optimizer.param_groups:
                group["lr"] = 0.1 * 0.8**self.step
            x = torch.randn(6, 3, generator=self.generator)
            kept = torch.rand(6, 3, generator=self.generator) > 0.1
            loss = F.mse_loss(self.model(x * kept), torch.sin(2 * x[:, :2]))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            losses.append(loss.item())
        return losses


class Trained(NamedTuple):
    """A run to be built for one call: from this seed, after so many steps."""

    seed: int
    steps: int


def resume(run, fresh):
    """run: has trained, fresh: newly built; losses [steps] of both must be the same from now on -> fresh."""
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


def _resumed(*parts):
    """A wrong answer that carries over these parts only."""

    def answer(run, fresh):
        for part in parts:
            part(run, fresh)
        return fresh

    return answer


def _model(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())


def _optimizer(run, fresh):
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))


def _generator(run, fresh):
    fresh.generator.set_state(run.generator.get_state())


def _step(run, fresh):
    fresh.step = run.step


def _by_reference(run, fresh):
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())


def _itself(name):
    return lambda run, fresh: setattr(fresh, name, getattr(run, name))


def _optimizer_copied(run, fresh):
    fresh.optimizer = copy.deepcopy(run.optimizer)


def _new_optimizer(run, fresh):
    fresh.optimizer = torch.optim.AdamW(fresh.model.parameters(), lr=0.1)


def _weights_shared(run, fresh):
    for mine, theirs in zip(fresh.model.parameters(), run.model.parameters(), strict=True):
        mine.data = theirs.data


def _generator_from_its_seed(run, fresh):
    fresh.generator.manual_seed(run.generator.initial_seed())


def _next_step(run, fresh):
    fresh.step = run.step + 1


def _step_before(run, fresh):
    fresh.step = run.step - 1


def _runs(inputs: tuple) -> tuple:
    """The two runs of a case, built and trained."""
    runs = tuple(Run(each.seed) for each in inputs)
    for run, trained in zip(runs, inputs, strict=True):
        run.train(trained.steps)
    return runs


def _losses_of_both(answer: Callable, inputs: tuple) -> object:
    """The next losses of the resumed run, after the other run has gone on, and those of the other run."""
    if is_empty(answer):
        return None
    run, fresh = _runs(inputs)
    answer(run, fresh)
    gone_on = run.train(3)
    return torch.tensor(fresh.train(3)), torch.tensor(gone_on)


RESUME = Exercise(
    key="5-4",
    title="Go on as if nothing had happened",
    difficulty=2,
    minutes=15,
    statement=(
        "A run was interrupted and has been built anew. Bring fresh to the state of run, as a checkpoint on "
        "a disk would: from now on both must take the same steps, and neither may notice the other. A run "
        "has a model, an optimizer (AdamW on the model's weights), a generator (torch.Generator: it draws "
        "batches and dropout) and step, the number of steps taken, from which the learning rate follows. "
        "The checker lets run train on first, then fresh, and compares their losses."
    ),
    takeaway="A run can now be killed at any step, and its curve does not show where.",
    reference=resume,
    explanation=(
        "All that a step reads and changes: weights, the optimizer's moments, the source of chance, the "
        "step. torch shares what load_state_dict is given by an optimizer, so it is copied."
    ),
    hints=(
        "Go through one step of training. What does it read, and what of that is different after the step?",
        "There are four such things. Which of them have a dictionary of their state, which a state of "
        "another kind, and which one is a plain number?",
        "If fresh follows run only until run trains on, they share a tensor. Which of the four hands out its "
        "own tensors rather than copies?",
    ),
    imports=("torch._dynamo",),  # what an optimizer's first step takes over a second to import
    cases=(
        Case("a run after 1 step", (Trained(41, 1), Trained(42, 0))),
        Case("a run after 3 steps", (Trained(43, 3), Trained(44, 0))),
        Case("a run after 7 steps", (Trained(45, 6), Trained(46, 0))),
        Case("a new run that has tried 2 steps already", (Trained(47, 5), Trained(48, 2))),
        Case("two runs with the same seed", (Trained(49, 4), Trained(49, 0))),
    ),
    mistakes=(
        Mistake(
            "only the weights",
            "The weights are there, and nothing else that a step reads: the optimizer begins without the "
            "run's memory, chance and learning rate are those of the new run.",
            (_resumed(_model),),
        ),
        Mistake(
            "only the weights and the step",
            "The weights and the step are there, and nothing else that a step reads: the optimizer begins "
            "without the run's memory, and the numbers that are drawn are those of the new run.",
            (_resumed(_model, _step),),
        ),
        Mistake(
            "the optimizer's memory lost",
            "Weights, chance and step are right. But AdamW keeps running means of gradients and of their "
            "squares, and yours are not those of the run: the next steps are of another size.",
            (_resumed(_model, _generator, _step), _resumed(_model, _generator, _step, _new_optimizer)),
        ),
        Mistake(
            "chance begins anew",
            "The resumed run draws other batches and another dropout than the run would have: the generator "
            "has a state as well, and a seed is not enough, since numbers have been drawn from it.",
            (
                _resumed(_model, _optimizer, _step),
                _resumed(_model, _optimizer, _step, _generator_from_its_seed),
                _resumed(_model, _optimizer, _step, lambda run, fresh: fresh.generator.manual_seed(run.step)),
                _resumed(_model, _optimizer, _step, lambda run, fresh: fresh.generator.manual_seed(0)),
                _resumed(
                    _model,
                    _optimizer,
                    _step,
                    lambda run, fresh: setattr(fresh, "generator", torch.Generator()),
                ),
            ),
        ),
        Mistake(
            "the step forgotten",
            "All is right but the learning rate: it follows the step's number, and yours is still that of "
            "the new run.",
            (_resumed(_model, _optimizer, _generator),),
        ),
        Mistake(
            "one step off",
            "The number of the step is one too high or too low in your resumed run, and the learning rate "
            "with it. How many steps had the run taken?",
            (
                _resumed(_model, _optimizer, _generator, _next_step),
                _resumed(_model, _optimizer, _generator, _step_before),
            ),
        ),
        Mistake(
            "neither chance nor step",
            "Weights and optimizer are those of the run; two things are still those of the new one: the "
            "generator, which draws batches and dropout, and the number of the step.",
            (_resumed(_model, _optimizer),),
        ),
        Mistake(
            "neither optimizer nor step",
            "Weights and chance are those of the run; two things are still those of the new one: the "
            "optimizer's memory, and the number of the step, from which the learning rate follows.",
            (_resumed(_model, _generator),),
        ),
        Mistake(
            "trained over again",
            "You let the new run train as long as the run did. It began with other weights and has drawn "
            "other numbers, and arrives somewhere else: the state has to be copied.",
            (
                lambda run, fresh: fresh.train(run.step) and fresh,
                lambda run, fresh: fresh.train(run.step - fresh.step) and fresh,
            ),
        ),
        Mistake(
            "the optimizer's tensors shared",
            "Your resumed run is right until the other one trains on: the two optimizers then write into the "
            "same running means. On a disk they would have been copied.",
            (_resumed(_model, _by_reference, _generator, _step),),
        ),
        Mistake(
            "the run's own parts handed over",
            "Both runs now hold the same object (model, weights, generator, optimizer): what one does, the "
            "other feels. Copy the state, and leave the parts where they are.",
            (
                _resumed(_itself("model"), _optimizer, _generator, _step),
                _resumed(_weights_shared, _optimizer, _generator, _step),
                *(_resumed(_model, o, _itself("generator"), _step) for o in (_optimizer, _by_reference)),
                _resumed(_itself("model"), _itself("optimizer"), _itself("generator"), _step),
                _resumed(_itself("model"), _itself("optimizer"), _generator, _step),
            ),
        ),
        Mistake(
            "an optimizer that moves nothing",
            "Your resumed run stands still: its optimizer moves other weights than its model's. An optimizer "
            "belongs to the weights that it was made with, also when it is copied; bring its state alone.",
            (_resumed(_model, _optimizer_copied, _generator, _step),),
        ),
        Mistake(
            "the weights forgotten",
            "The optimizer, chance and step are those of the run; the weights are still those of the new "
            "one.",
            (_resumed(_optimizer, _generator, _step),),
        ),
        Mistake(
            "the weights forgotten, and more",
            "The weights are still those of the new run, and not they alone: of the optimizer's memory, "
            "the generator and the number of the step something is still the new run's as well.",
            (
                _resumed(_optimizer),
                _resumed(_generator),
                _resumed(_step),
                _resumed(_optimizer, _generator),
                _resumed(_optimizer, _step),
                _resumed(_generator, _step),
            ),
        ),
        Mistake(
            "nothing brought",
            "Fresh goes on as the new run that it was: nothing of run has come into it. What is looked at "
            "is fresh itself, as it was handed in, and not another run that is given back.",
            (_resumed(),),
        ),
        Mistake(
            "tensors shared, and more forgotten",
            "Two things at least: the two optimizers write into the same running means (on a disk they "
            "would have been copied), and the generator, the number of the step or both are still the new "
            "run's.",
            (
                _resumed(_model, _by_reference, _step),
                _resumed(_model, _by_reference, _generator),
                _resumed(_model, _by_reference),
            ),
        ),
        Mistake(
            "the wrong direction",
            "You overwrite the run with the new one: all that it had learned is gone. Which is to change?",
            (lambda run, fresh: resume(fresh, run) and fresh,),
        ),
    ),
    observe=_losses_of_both,
    build=_runs,
    shown_by="{call}\ngone_on = run.train(3)\nfresh.train(3), gone_on",
    parts=("next losses of the resumed run", "next losses of the other run"),
)


EXERCISES = (RESUME,)
