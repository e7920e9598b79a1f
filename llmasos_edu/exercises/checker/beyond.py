"""Inputs beyond an exercise's own cases: there what is right must be so, and a slip that is named that slip.

Where an exercise draws inputs from a seed, some are drawn; elsewhere its cases are taken with their numbers
dealt anew, which keeps shapes and values and changes their order. Where a statement promises something of
the order (the first token begins a word), there are none.
"""

import contextlib
import io
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from llmasos_edu.exercises.checker.comparing import split_parts, to_tensor
from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.running import Outcome, run, same, within

SEEDS = (1, 2, 3)  # what further inputs are drawn from
SECONDS, EACH = 0.3, 0.05  # what the search may take, and one call in it, of the processor


def failing_seed(exercise: Exercise, answer: Callable) -> int | None:
    """The first of some seeds on whose inputs an answer is wrong, one that is right on all own cases."""
    if exercise.draw is None or exercise.seed is not None:
        return None
    for seed in SEEDS:
        for case in exercise.draw(seed):
            want = run(exercise, exercise.reference, case)
            with contextlib.redirect_stdout(io.StringIO()):
                got = run(exercise, answer, case)
            if not same(exercise, got, want):
                return seed
    return None


def differs_from(exercise: Exercise, answer: Callable, slips: list[Callable]) -> bool:
    """Whether an answer that is like these slips in every case is like none of them on further inputs.

    Args:
        exercise: what was asked.
        answer: the reader's function.
        slips: implementations of one known mistake, each like the answer in every case.
    """
    apart, enough = 0, 1 if exercise.draw else 2  # numbers dealt anew may be none that the exercise means
    for _, _, mine, *theirs in _outcomes(exercise, answer, slips):
        apart += not any(same(exercise, mine, each) for each in theirs)
        if apart >= enough:
            return True
    return False


@dataclass(frozen=True)
class Evidence:
    """An exercise with further cases, and what came and what should have come in all of them."""

    exercise: Exercise
    outcomes: list[Outcome]
    expected: list[Outcome]


def more_evidence(
    exercise: Exercise, answer: Callable, outcomes: list[Outcome], expected: list[Outcome]
) -> Evidence:
    """The cases with further ones behind them, where both sides give a value."""
    found = [(case, want, mine) for case, want, mine in _outcomes(exercise, answer, []) if mine.error is None]
    cases, wanted, came = zip(*found, strict=True) if found else ((), (), ())
    return Evidence(replace(exercise, cases=exercise.cases + cases), [*outcomes, *came], [*expected, *wanted])


def _outcomes(exercise: Exercise, answer: Callable, others: list[Callable]) -> Iterator[tuple]:
    """Each fair further case, with the outcomes of the solution, the answer and the others."""
    end = time.process_time() + SECONDS
    for case in further_cases(exercise):
        outcomes: list[Outcome] = []
        if time.process_time() > end:
            return
        with contextlib.redirect_stdout(io.StringIO()), within(EACH):
            outcomes = [run(exercise, f, case) for f in (exercise.reference, answer, *others)]
        if outcomes and _is_fair(outcomes[0]):
            yield case, *outcomes


def _is_fair(want: Outcome) -> bool:
    """Whether inputs are such that something can be asked for."""
    if want.error is not None:
        return False
    tensors = [to_tensor(part) for part in split_parts(want.value, want.value)]
    return all(tensor is None or bool(tensor.isfinite().all()) for tensor in tensors)


def further_cases(exercise: Exercise) -> Iterator[Case]:
    """Drawn inputs, or the cases' own in another order where the statement promises nothing of it."""
    if exercise.draw is not None:
        for seed in SEEDS:
            yield from exercise.draw(seed)
        return
    generator = random.Random(0)
    for case in exercise.cases if exercise.any_order else ():
        inputs = case.fresh()
        dealt = tuple(_dealt(value, generator) for value in inputs)
        if any(new is not old for new, old in zip(dealt, inputs, strict=True)):
            yield Case(case.name, dealt)


def _dealt(value: object, generator: random.Random) -> object:
    """The same numbers in another order: of a tensor along its last axis, of a list as they stand."""
    if isinstance(value, torch.Tensor) and value.dim() and value.numel():
        seeded = torch.Generator().manual_seed(generator.randrange(2**31))
        order = torch.rand(value.shape, generator=seeded).argsort(-1)
        return value.gather(-1, order)
    if isinstance(value, list):
        return generator.sample(value, len(value))
    return value
