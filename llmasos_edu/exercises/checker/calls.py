"""How an answer calls the functions that it is given, beside how the solution does, on one failing case.

Where both call each function equally often and with tensors of the same shapes, the first call that gets
something else is named; where there is none, the slip lies in what is made of the results. Where the calls
come in another order, the first that the solution would not make is named, and what it calls in its place.
"""

import inspect
import types
from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.comparing import agree
from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.running import run, within

SECONDS = 0.2  # what the two calls may take, of the processor
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def explain_by_calls(exercise: Exercise, answer: Callable, case: Case) -> str | None:
    """Which of the given functions gets something else than in the solution, in words; or None.

    Args:
        exercise: what was asked.
        answer: the reader's function, wrong in this case.
        case: the failing case.
    """
    told = []
    with within(SECONDS):
        ours, mine = _recorded(exercise, exercise.reference, case), _recorded(exercise, answer, case)
        if ours and mine and _alike(ours, mine):
            told.append(_first_difference(exercise, ours, mine))
    return told[0] if told else None


def _recorded(exercise: Exercise, function: Callable, case: Case) -> list[tuple[str, tuple]] | None:
    """Each call of a given function, in order: its name and copies of its arguments."""
    calls, names = [], list(inspect.signature(exercise.reference).parameters)
    inputs = [_watched(value, name, calls) for name, value in zip(names, case.inputs, strict=False)]
    outcome = run(exercise, function, Case(case.name, tuple(inputs)))
    return None if outcome.error is not None else calls


def _watched(value: object, name: str, calls: list) -> object:
    if type(value) in (list, tuple):
        return type(value)(_watched(v, f"{name}[{i}]", calls) for i, v in enumerate(value))
    if not isinstance(value, types.FunctionType):
        return value

    def watched(*arguments, **named):
        kept = (*arguments, *(named[key] for key in sorted(named)))
        calls.append((name, tuple(v.detach().clone() if isinstance(v, torch.Tensor) else v for v in kept)))
        return value(*arguments, **named)

    return watched


def _alike(ours: list, mine: list) -> bool:
    """Whether the same functions are called, each equally often and with arguments of the same shapes."""

    def form(calls: list) -> list:
        shapes = [(name, [getattr(v, "shape", None) for v in arguments]) for name, arguments in calls]
        return sorted(shapes, key=lambda call: call[0])  # stable: each function's calls keep their order

    return form(ours) == form(mine)


def _pairs(ours: list, mine: list) -> list[tuple[str, tuple, tuple]]:
    """Each call of the answer, in order: name, arguments of the solution's n-th call of it, its own."""
    left = {name: [arguments for other, arguments in ours if other == name] for name, _ in ours}
    return [(name, left[name].pop(0), arguments) for name, arguments in mine]


def _first_difference(exercise: Exercise, ours: list, mine: list) -> str:
    seen: dict[str, int] = {}
    for number, (name, wanted, got) in enumerate(_pairs(ours, mine)):
        seen[name] = seen.get(name, 0) + 1
        for place, (a, b) in enumerate(zip(got, wanted, strict=True)):
            if isinstance(b, torch.Tensor) and not agree(a, b, rtol=exercise.rtol, atol=exercise.atol):
                often = sum(other == name for other, _ in ours)
                which = (
                    f"Your {ORDINALS[seen[name] - 1]} call of"
                    if 1 < often <= len(ORDINALS)
                    else "Your call of"
                )
                argument = f"another {ORDINALS[place]} argument" if len(wanted) > 1 else "another argument"
                said = f"{which} `{name}` is the first that gets {argument} than it should."
                instead = ours[number][0]
                return said if instead == name else f"{said} In its place the solution calls `{instead}`."
    return "Here all functions are called just as they should be: look at what you do with what they give."
