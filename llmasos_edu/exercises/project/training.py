"""Exercises of chapter 5, the part on training: when to stop, and how to go on after an interruption.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.exercises.checker.blanks import is_empty
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 5-3 --------------------------------------------------------------------------------


def stop_early(losses, patience):
    """losses [evaluations] in their order, patience >= 1 -> the last evaluation made, the best: two ints."""
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if loss < best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _stopped(losses, patience, *, extra=0, resets=True, ties=False, against_previous=False):
    best, best_loss, previous, waited = 0, math.inf, math.inf, 0
    for now, loss in enumerate(losses):
        better = loss < (previous if against_previous else best_loss)
        if better or (ties and loss == best_loss):
            waited = 0 if resets else waited
        else:
            waited += 1
        if loss < best_loss or (ties and loss == best_loss):
            best, best_loss = now, loss
        previous = loss
        if waited >= patience + extra:
            return now, best
    return len(losses) - 1, best


def _best_of_all(losses, patience):
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    return stop_early(losses, patience)[0], known.index(min(known))


def _nan_is_not_worse(losses, patience):
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if not loss >= best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _starts_with_the_first(losses, patience):
    best, best_loss = 0, losses[0]
    for now, loss in enumerate(losses):
        if loss < best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


NAN = float("nan")
STOP = Exercise(
    key="5-3",
    title="When to stop",
    difficulty=1,
    minutes=10,
    statement=(
        "After every so many steps a model is evaluated on held-out text. Training stops early once patience "
        "evaluations in a row have not been better than the best one before them. Equal is not better, and "
        "neither is NaN. Return two indices, counted from 0: the last evaluation that is made, and the best "
        "evaluation up to then, whose weights are kept. Without an early stop the last one is the end of the "
        "list."
    ),
    takeaway="A single bad evaluation no longer ends a run, and the weights that are kept are the best seen.",
    reference=stop_early,
    explanation="Remember the best and where it was; stop when it lies patience evaluations back.",
    hints=(
        "Do 3.0, 2.5, 2.6, 2.4, 2.7, 2.8 with patience 2 on paper. With what is the 2.6 compared, and with "
        "what the 2.8?",
        "Two things have to be remembered while you walk through the list: the lowest loss so far, and at "
        "which evaluation it was. How long has it been the lowest?",
        "Python says False to every comparison with NaN. With which number must the lowest loss begin, so "
        "that a NaN at the very start is no record?",
    ),
    cases=(
        Case("a curve that turns", ([3.0, 2.5, 2.2, 2.3, 2.4, 2.6, 2.7, 2.1, 2.0], 3)),
        Case("bad evaluations between good ones", ([3.0, 2.5, 2.6, 2.4, 2.7, 2.3, 2.8, 2.9, 2.2], 2)),
        Case("a curve that falls to the end", ([2.0, 1.9, 1.8, 1.7], 2)),
        Case("falls again, but never to a new best", ([2.0, 1.5, 1.9, 1.8, 1.7, 1.6, 1.4], 4)),
        Case("the same loss again and again", ([2.0, 1.8, 1.8, 1.8, 1.8, 1.7], 3)),
        Case("NaN first", ([NAN, 2.5, 2.4, 2.6, 2.5, 2.3], 2)),
        Case("a run that ends in NaN", ([2.0, 1.6, NAN, NAN, 1.7, 1.5], 3)),
        Case("patience 1", ([1.5, 1.4, 1.45, 1.3], 1)),
        Case("patience that is never used up", ([1.5, 1.3, 1.4, 1.6, 1.35], 5)),
    ),
    mistakes=(
        Mistake(
            "compared with the previous one",
            "You compare each evaluation with the one before it. A curve that comes down slowly from a bump "
            "then looks like progress, though it never reaches its best again.",
            (lambda *a: _stopped(*a, against_previous=True),),
        ),
        Mistake(
            "stops at the first rise",
            "The first evaluation that is not better ends your training, whatever patience is. Losses "
            "jitter: count how many there are in a row.",
            (lambda losses, patience: _stopped(losses, 1),),
        ),
        Mistake(
            "one evaluation too late or too early",
            "You stop one evaluation beside the right one. With patience 1 the first that is not better is "
            "the last that is made.",
            (lambda *a: _stopped(*a, extra=1), lambda *a: _stopped(*a, extra=-1)),
        ),
        Mistake(
            "counter never set back",
            "You count all bad evaluations since the start. After a new best the count begins again: they "
            "must come in a row.",
            (lambda *a: _stopped(*a, resets=False),),
        ),
        Mistake(
            "equal counts as better",
            "A loss that only repeats the best keeps your training alive. Equal is not better.",
            (lambda *a: _stopped(*a, ties=True),),
        ),
        Mistake(
            "a look into the future",
            "Your best evaluation comes after the stop: it was never made. Only what has been seen by then "
            "can be kept.",
            (_best_of_all,),
        ),
        Mistake(
            "weights of the last evaluation",
            "You keep the evaluation at which you stop. It is worse than the best one, or training would "
            "not have stopped.",
            (lambda losses, patience: (stop_early(losses, patience)[0],) * 2,),
        ),
        Mistake(
            "NaN taken for a record",
            "A NaN becomes your best loss, and after it no comparison says what you mean. Every comparison "
            "with NaN is False; see which way round yours must be.",
            (_starts_with_the_first, _nan_is_not_worse),
        ),
        Mistake(
            "never stops",
            "You run to the end of the list every time. When do you leave the loop?",
            (
                lambda losses, patience: _stopped(losses, len(losses) + 1),
                lambda losses, patience: (len(losses) - 1, stop_early(losses, patience)[1]),
            ),
        ),
        Mistake(
            "counted from one",
            "Both numbers are one too high: evaluations are counted from 0 here.",
            (lambda *a: tuple(number + 1 for number in stop_early(*a)),),
        ),
    ),
    parts=("last evaluation", "best evaluation"),
)


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


def _weights_shared(run, fresh):
    for mine, theirs in zip(fresh.model.parameters(), run.model.parameters(), strict=True):
        mine.data = theirs.data


def _generator_from_its_seed(run, fresh):
    fresh.generator.manual_seed(run.generator.initial_seed())


def _next_step(run, fresh):
    fresh.step = run.step + 1


def _losses_of_both(answer: Callable, inputs: tuple) -> object:
    """The next losses of the resumed run, after the other run has gone on, and those of the other run."""
    if is_empty(answer):
        return None
    run, fresh = (Run(each.seed) for each in inputs)
    for each, trained in zip((run, fresh), inputs, strict=True):
        each.train(trained.steps)
    given = answer(run, fresh)
    resumed = given if isinstance(given, Run) else fresh
    gone_on = run.train(3)
    return torch.tensor(resumed.train(3)), torch.tensor(gone_on)


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
            "The weights are there, and nothing else that a step reads: the optimizer begins without its "
            "memory, chance and learning rate begin anew.",
            (_resumed(_model), _resumed(_model, _step)),
        ),
        Mistake(
            "the optimizer's memory lost",
            "Weights, chance and step are right. But AdamW keeps running means of gradients and of their "
            "squares, and yours begin at zero: the next steps are of another size.",
            (_resumed(_model, _generator, _step),),
        ),
        Mistake(
            "chance begins anew",
            "The resumed run draws other batches and another dropout than the run would have: the generator "
            "has a state as well, and a seed is not enough, since numbers have been drawn from it.",
            (
                _resumed(_model, _optimizer, _step),
                _resumed(_model, _optimizer, _step, _generator_from_its_seed),
                _resumed(_model, _optimizer, _step, lambda run, fresh: fresh.generator.manual_seed(run.step)),
            ),
        ),
        Mistake(
            "the step forgotten",
            "All is right but the learning rate: it follows the step's number, and yours begins at 0.",
            (_resumed(_model, _optimizer, _generator),),
        ),
        Mistake(
            "one step off",
            "Your resumed run skips a step: its learning rate is one step ahead. How many steps had the run "
            "taken?",
            (_resumed(_model, _optimizer, _generator, _next_step),),
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
                lambda run, fresh: run,
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
            "The optimizer, chance and step are those of the run; the weights are still the first ones.",
            (_resumed(_optimizer, _generator, _step),),
        ),
        Mistake(
            "the wrong direction",
            "You overwrite the run with the new one: all that it had learned is gone. Which is to change?",
            (lambda run, fresh: resume(fresh, run) and fresh,),
        ),
    ),
    observe=_losses_of_both,
    parts=("next losses of the resumed run", "next losses of the other run"),
)


EXERCISES = (STOP, RESUME)
