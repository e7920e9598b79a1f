"""What an answer does not look at, and what it looks at though it should not: found by changing its inputs.

The solution and the answer are run again on failing cases in which one input is another one, whole or along
a part of an axis. Where the right result moves and what came does not, or the other way round, in every case
tried, that is said. It is a fact about the answer, whatever its reason; of a part of an axis it is not said
where the answer is right in most cases and looks at that part in one of these. The case that the message
names is among those tried. That the right result does not move is tried in all cases, those that come out
right too: where numbers are very large, it may stay as it is by chance.
"""

import inspect
from collections.abc import Callable, Iterator

import torch

from llmasos_edu.exercises.checker.comparing import to_tensor
from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.running import Outcome, run, same, within
from llmasos_edu.exercises.checker.terms import axes_of_inputs, entries

SECONDS = 0.3  # what the search may take, of the processor
CASES = 3  # on how many failing cases a suspicion is tried


def explain_by_influence(
    exercise: Exercise, answer: Callable, outcomes: list[Outcome], expected: list[Outcome], failing: list[int]
) -> str | None:
    """Which input, or which end of one, is not looked at or looked at too much, in words; or None.

    Args:
        exercise: what was asked.
        answer: the reader's function, wrong in the failing cases.
        outcomes, expected: what came and what should have come, one for each case.
        failing: the numbers of the cases that are wrong without an error, first the one that is named.
    """
    finite = [i for i in failing if all(map(_finite, (outcomes[i].value, expected[i].value)))][:CASES]
    found = []
    if finite and finite[0] == failing[0]:
        with within(SECONDS):
            found += [next(_findings(exercise, answer, outcomes, expected, finite), None)]
    return found[0] if found else None


def _finite(value: object) -> bool:
    """Whether a result is all numbers: what is NaN or infinite stays so, whatever is changed."""
    tensors = [to_tensor(part) for part in (value if isinstance(value, tuple) else (value,))]
    return all(part is not None and bool(part.isfinite().all()) for part in tensors)


def _findings(exercise, answer, outcomes, expected, failing) -> Iterator[str]:
    """First each input as a whole, which is quick, then the ends of those that move the right result."""

    values = [
        i for i, both in enumerate(zip(outcomes, expected, strict=True)) if not any(o.error for o in both)
    ]
    right = [i for i in values if same(exercise, outcomes[i], expected[i])]
    right = right[:CASES] if len(right) > len(outcomes) / 2 else []  # a few may be right by chance

    def moved(place: int, changes: list[Callable], numbers=failing) -> set[tuple[bool, bool] | None]:
        """For each of the cases whether what came, and what should come, moves under any of the changes."""
        found = set()
        for number in numbers:
            cases = [_changed(exercise.cases[number], place, change) for change in changes]
            each = [
                case and _moved(exercise, answer, case, outcomes[number], expected[number]) for case in cases
            ]
            found.add(None if None in each else tuple(map(any, zip(*each, strict=True))))
        return found

    names = list(inspect.signature(exercise.reference).parameters)
    inputs, matter = exercise.cases[failing[0]].inputs, []
    for place, (name, value) in enumerate(zip(names, inputs, strict=False)):
        changes = _as_a_whole(value)
        found = moved(place, changes) if changes else {None}
        if found == {(False, True)} and (True, True) not in moved(place, changes, right):
            yield f"Whatever was put into `{name}`, your result stayed the same: where should it come in?"
        if all(both and both[1] for both in found):
            matter.append(place)
    for place in matter:
        for words, changes in _ends(exercise, names[place], inputs[place]):
            found = moved(place, changes)
            if found == {(False, True)} and (True, True) not in moved(place, changes, right):
                yield f"Whatever was put into {words}, your result stayed the same: where should it come in?"
            if found == {(True, False)} and not _matters(exercise, expected, place, changes):
                yield (
                    f"Your result changes with what stands in {words}, and the right one does not, in any of "
                    "the cases here."
                )


def _matters(exercise: Exercise, expected: list[Outcome], place: int, changes: list[Callable]) -> bool:
    """Whether the right result moves in any case at all when this input is changed so."""
    for case, want in zip(exercise.cases, expected, strict=True):
        for changed in (_changed(case, place, change) for change in changes):
            right = changed and run(exercise, exercise.reference, changed)
            if right and want.error is None and not same(exercise, right, want):
                return True
    return False


def _moved(
    exercise: Exercise, answer: Callable, case: Case, got: Outcome, want: Outcome
) -> tuple[bool, bool] | None:
    """Whether what came and what should come have moved; None where one of them cannot be computed."""
    mine, theirs = run(exercise, answer, case), run(exercise, exercise.reference, case)
    if mine.error is not None or theirs.error is not None:
        return None
    return not same(exercise, mine, got), not same(exercise, theirs, want)


def _changed(case: Case, place: int, change: Callable) -> Case | None:
    inputs = list(case.fresh())
    if isinstance(inputs[place], torch.Tensor) and not _changeable(inputs[place]):
        return None
    other = change(inputs[place])
    if other is None:
        return None
    inputs[place] = other
    return Case(case.name, tuple(inputs))


def _as_a_whole(value: object) -> list[Callable]:
    """What makes other inputs of this one: little is changed, then much, so that no step is missed."""
    if isinstance(value, bool):
        return [lambda flag: not flag]
    if isinstance(value, float):
        return [lambda number: 1.5 * number, lambda number: 0.25 * number]
    if isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        return [lambda mask: ~mask]
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return [lambda x: x + _noise(x), lambda x: x + _noise(x, 8.0), lambda x: x - _noise(x, 8.0)]
    return []


def _changeable(x: torch.Tensor) -> bool:
    return x.is_floating_point() or x.dtype == torch.bool


def _ends(exercise: Exercise, name: str, value: object) -> Iterator[tuple[str, list[Callable]]]:
    """Of a tensor of fractions all but the last along an axis, or the last alone, or so with the first."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return
    words = entries(axes_of_inputs(exercise).get(name), value.dim())
    for axis in range(-value.dim(), 0):
        entry = words[axis] if words else f"place along axis {value.dim() + axis}"
        for end in ("last", "first"):
            for but in (True, False):
                where = f"`{name}` {'anywhere but ' if but else ''}at the {end} {entry}"
                yield (
                    where,
                    [lambda x, at=(axis, end, but, times): _along(x, *at) for times in (1.0, 8.0, -8.0)],
                )


def _noise(x: torch.Tensor, times: float = 1.0) -> torch.Tensor:
    """Numbers of the size of those in x, or so many times as large, always the same ones."""
    generator = torch.Generator().manual_seed(0)
    finite = x[x.isfinite()]
    size = float(finite.abs().mean()) if finite.numel() else 1.0
    return torch.rand(x.shape, generator=generator, dtype=x.dtype) * (size or 1.0) * times


def _along(x: torch.Tensor, axis: int, end: str, but: bool, times: float) -> torch.Tensor | None:
    """x with other numbers at the first or the last along an axis, or everywhere but there."""
    if x.dim() < -axis or x.shape[axis] < 2:
        return None
    here = torch.zeros(x.shape, dtype=torch.bool)
    here.select(axis, -1 if end == "last" else 0).fill_(True)
    return torch.where(here ^ but, x + _noise(x, times), x)
