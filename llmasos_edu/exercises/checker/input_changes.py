"""Which small change of the inputs makes the solution give what came: a mask ignored, two exchanged.

What an answer does to its inputs shows in its results as nothing simple. So the solution itself is run on
changed inputs, and a change is named only when the solution then gives what came, in all cases.
"""

import inspect
import time
from collections.abc import Callable, Iterator

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.running import Outcome, run, same, within
from llmasos_edu.exercises.checker.terms import axes_of_inputs, named_axes

SECONDS = 0.4  # what the search may take: a reader waits for the words
EACH = 0.1  # what one change may take: with a step of 0, say, a solution may never end

TURNED_BACK = "were turned back (each order along its last axis by its inverse)"
OF_FLOATS = {
    # First what is simplest: beside a threshold many other changes look like one of these two.
    "were all zero: where does it come in?": torch.zeros_like,
    "were all one: where does it come in?": torch.ones_like,
    "has been through a softmax first: is a softmax taken of what is one already?": lambda x: x.softmax(-1),
    "has been through a softmax and a logarithm first": lambda x: x.log_softmax(-1),
    "has been through an exponential first": lambda x: x.exp(),
    "has been through a logarithm first": lambda x: x.log(),
    "had its sign turned": lambda x: -x,
    "had no signs (its absolute values)": lambda x: x.abs(),
    "had one added to it": lambda x: x + 1,
    "were one minus what it is": lambda x: 1 - x,
    "were squared": lambda x: x.square(),
    "were divided by its length (norm) along the last axis": lambda x: x / x.norm(dim=-1, keepdim=True),
    "had its sum along the last axis divided out": lambda x: x / x.sum(-1, keepdim=True),
    "were transposed (its last two axes exchanged)": lambda x: x.mT,
    "were reshaped where its last two axes are to be exchanged: a reshape moves nothing": (
        lambda x: x.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2]).mT
    ),
    "were shifted by one along its first axis": lambda x: x.roll(1, 0),
    "were reversed along its first axis": lambda x: x.flip(0),
}
OF_MASKS = {
    "were inverted: what does True mean in it, and to what you hand it to?": lambda m: ~m,
    "were True everywhere: where does it come in?": torch.ones_like,
    "were False everywhere": torch.zeros_like,
}
OF_WHOLE = {
    "were shifted by one along its last axis, towards the end": lambda x: x.roll(1, -1),
    "were shifted by one along its last axis, towards the front": lambda x: x.roll(-1, -1),
    "were reversed along its last axis": lambda x: x.flip(-1),
    TURNED_BACK: lambda x: x.argsort(dim=-1),
}
OF_NUMBERS = {
    "were 1: where does it come in?": lambda n: type(n)(1),
    "were 0: where does it come in?": lambda n: type(n)(0),
    "were one larger": lambda n: n + 1,
    "were one smaller": lambda n: n - 1,
    "stood in the denominator instead of the numerator, or the other way round": lambda n: 1 / n,
    "were squared": lambda n: n * n,
    "were its own root": lambda n: n**0.5,
    "had the other sign": lambda n: -n,
    "had no sign (its absolute value)": abs,
    "were one minus what it is": lambda n: 1 - n,
    "were cut to a whole number (`int`, `//`)": lambda n: type(n)(int(n)),
}
NEVER_OF_SIZES = ("had the other sign", "had no sign (its absolute value)", "were one minus what it is")
OF_LISTS = {
    "ended after its first entry: does a `return` stand inside the loop, or does a round undo the last?": (
        lambda items: items[:1]
    ),
    "had its last entry alone: is what came before overwritten?": lambda items: items[-1:],
    "stood in reversed order": lambda items: items[::-1],
    "lacked its last entry": lambda items: items[:-1],
    "lacked its first entry": lambda items: items[1:],
    "were empty: where does it come in?": lambda items: items[:0],
}
OF_FLAGS = {
    "were the other way round": lambda flag: not flag,
    "were always True": lambda flag: True,
    "were always False": lambda flag: False,
}


def explain(
    exercise: Exercise,
    outcomes: list[Outcome],
    expected: list[Outcome],
    numbers: list[int],
    limit: float = SECONDS,
) -> str | None:
    """The change of the inputs with which the solution gives what came in every case, in words.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
        numbers: the cases to look at, none with an error.
        limit: seconds that the search may take.

    Returns:
        the rest of a sentence that begins with "It is what the solution gives", or None.
    """
    end, found = time.process_time() + limit, None  # of the processor: a busy machine finds the same
    # The case that shows most is tried first, so that most changes cost one run.
    order = sorted(numbers, key=lambda i: same(exercise, outcomes[i], expected[i]))
    for words, change in _changes(exercise):
        left = end - time.process_time()
        if found or left <= 0:
            break
        altered = _with(exercise.reference, change)
        with within(min(EACH, left)):
            if all(_gives(exercise, altered, exercise.cases[i], outcomes[i]) for i in order):
                found = words
    return found


def _with(reference: Callable, change: Callable[[list], list]) -> Callable:
    def altered(*inputs):
        changed = change(list(inputs))
        if any(_is_undefined(value) for value in changed) and not any(map(_is_undefined, inputs)):
            raise ValueError("what comes of NaN is like other results by chance")
        return reference(*changed)

    return altered


def _is_undefined(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and bool(value.isnan().any())


def _gives(exercise: Exercise, altered: Callable, case: Case, outcome: Outcome) -> bool:
    made = run(exercise, altered, case)
    return made.error is None and same(exercise, outcome, made)


def _changes(exercise: Exercise) -> Iterator[tuple[str, Callable[[list], list]]]:
    names = list(inspect.signature(exercise.reference).parameters)
    inputs = exercise.cases[0].inputs
    for place, (name, value) in enumerate(zip(names, inputs, strict=False)):
        for words, change in _of_one(value).items():
            if words in NEVER_OF_SIZES and _are_sizes(exercise, place):
                continue  # true perhaps, and no way that anybody thinks
            if words == TURNED_BACK and not _are_orders(exercise, place):
                continue

            def one(inputs: list, place=place, change=change) -> list:
                inputs[place] = change(inputs[place])
                return inputs

            yield f"if `{name}` {words.rstrip('.')}", one
    yield from _cut_short(exercise, names)
    tensors = [i for i, value in enumerate(inputs) if isinstance(value, torch.Tensor)]
    for i in tensors:
        for j in tensors:
            alike = all(_alike(case.inputs[i], case.inputs[j]) for case in exercise.cases)
            if i != j and alike:
                yield from _of_two(names, i, j)


def _are_sizes(exercise: Exercise, place: int) -> bool:
    """Whether an input is a whole number, and below 0 in no case."""
    values = [case.inputs[place] for case in exercise.cases]
    return all(isinstance(value, int) and value >= 0 for value in values)


def _are_orders(exercise: Exercise, place: int) -> bool:
    """Whether an input holds an order, 0 to n - 1 in each row, in all cases."""
    values = [case.inputs[place] for case in exercise.cases]
    return all(
        value.dim() > 0 and bool((value.sort(-1).values == torch.arange(value.shape[-1])).all())
        for value in values
    )


def _cut_short(exercise: Exercise, names: list[str]) -> Iterator[tuple[str, Callable[[list], list]]]:
    """The first or the last along a named axis left out, in all inputs that have it."""
    axes = axes_of_inputs(exercise)
    for axis in dict.fromkeys(name for shape in axes.values() for name in shape if name.isidentifier()):
        with_it = [f"`{name}`" for name in names if axis in axes.get(name, ())]
        for end, kept in (("last", slice(None, -1)), ("first", slice(1, None))):

            def cut(inputs: list, axis=axis, kept=kept) -> list:
                pairs = zip(names, inputs, strict=False)
                return [_along(value, axes.get(name, ()), axis, kept) for name, value in pairs]

            yield f"if the {end} along the axis {axis} (of {', '.join(with_it)}) were left out", cut


def _along(value: object, shape: tuple[str, ...], axis: str, kept: slice) -> object:
    """What is kept of a tensor or a list along a named axis; anything else as it is."""
    if isinstance(value, list):
        return value[kept] if shape[:1] == (axis,) else value
    if not isinstance(value, torch.Tensor):
        return value
    here = [name == axis for name in named_axes(shape or None, value.dim()) or ()]
    return value[tuple(kept if found else slice(None) for found in here)] if any(here) else value


def _alike(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype


def _of_one(value: object) -> dict[str, Callable]:
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bool:
            return OF_MASKS
        return OF_FLOATS if value.is_floating_point() else OF_WHOLE
    if isinstance(value, bool):
        return OF_FLAGS
    if isinstance(value, (list, tuple, str)):
        return OF_LISTS
    return OF_NUMBERS if isinstance(value, (int, float)) else {}


def _of_two(names: list[str], i: int, j: int) -> Iterator[tuple[str, Callable[[list], list]]]:
    def exchanged(inputs: list) -> list:
        inputs[i], inputs[j] = inputs[j], inputs[i]
        return inputs

    def replaced(inputs: list) -> list:
        inputs[i] = inputs[j]
        return inputs

    if i < j:
        yield f"if `{names[i]}` and `{names[j]}` were exchanged", exchanged
    yield f"if `{names[j]}` stood in the place of `{names[i]}` as well", replaced
