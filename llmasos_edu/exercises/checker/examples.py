"""A failing case as code to paste: the smallest one, cut smaller where the question stays the same."""

import inspect
import math
import re
import time
from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.comparing import NO_GRADIENT, kind, split_parts, to_tensor
from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.running import Outcome, run, same, within
from llmasos_edu.exercises.checker.terms import axes_of_inputs, axes_of_parts, named_axes

LITERAL = 48  # a case with more numbers than this is fetched instead of written out
SECONDS, EACH = 0.3, 0.1  # what the cutting may take in all, and one cut
ROOM = 336  # letters of a result that are shown
EXAMPLES = (
    "batch",
    "n",
    "seeds",
    "k",
)  # axes along which examples stand: with fewer the question is the same


def size_of(case: Case) -> int:
    """How many numbers a reader has to look through, about; what is no number counts as a few."""
    total = 0
    for value in case.inputs:
        if isinstance(value, torch.Tensor):
            total += value.numel()
        elif isinstance(value, (list, tuple, str, dict)):
            total += len(value)
        else:
            total += 1 if isinstance(value, (int, float)) else 8
    return total


def digits_of(case: Case) -> int:
    """How many digits its whole numbers have: of cases of one size it is the shorter to work out."""
    whole = [value for value in case.inputs if isinstance(value, int)]
    return sum(len(str(value)) for value in whole)


def example(exercise: Exercise, answer: Callable, number: int, got: Outcome, *, cut: bool = True) -> str:
    """Code that shows what is wrong, with what came and what should come as comments.

    Args:
        exercise: what was asked.
        answer: the reader's function, wrong in this case.
        number: which case is shown.
        got: what the answer gave in it.
        cut: whether a smaller case may be looked for, by calling the answer again.
    """
    case, parameters = exercise.cases[number], list(inspect.signature(exercise.reference).parameters)
    lines = []
    if cut and got.error is None:
        small = shrink(exercise, answer, case)
        # What is fetched by its number comes whole, so that its results have to be those of the whole, too.
        if small is not case and not _is_fetched(exercise, small, parameters):
            small = _as_written(exercise, answer, small) or case
        else:
            small = case
        if small is not case:
            lines = [f"# A part of the case named above ({case.name}), with numbers of its own."]
            got, case = run(exercise, answer, small), small
    want = run(exercise, exercise.reference, case)
    name = getattr(answer, "__name__", "")
    name = name if name.isidentifier() else exercise.reference.__name__
    fetched = _is_fetched(exercise, case, parameters)
    if cut and got.error is None and not fetched and case is exercise.cases[number]:
        fetched = _as_written(exercise, answer, case) is None  # four digits would hide what is wrong
    lines += _inputs(exercise, case, parameters, number, fetched)
    lines += exercise.shown_by.format(call=f"{name}({', '.join(parameters)})").splitlines()
    came, should = _shown_beside(exercise, got, want)
    lines += _comment("came:     ", came) + _comment("should be:", should)
    return "\n".join(lines)


def _as_written(exercise: Exercise, answer: Callable, case: Case) -> Case | None:
    """The case with its numbers as `literal` writes them; None where with these the answer is right."""
    names = {"torch": torch}
    written = Case(case.name, tuple(eval(literal(value), names) for value in case.inputs))
    right, got = run(exercise, exercise.reference, written), run(exercise, answer, written)
    return None if same(exercise, got, right) else written


def _is_fetched(exercise: Exercise, case: Case, parameters: list[str]) -> bool:
    """Whether a case's inputs are too many, or of a kind that cannot be written down."""
    if exercise.build or size_of(case) > LITERAL or len(case.inputs) != len(parameters):
        return True
    return any(literal(value) is None for value in case.inputs)


def _inputs(exercise: Exercise, case: Case, parameters: list[str], number: int, fetched: bool) -> list[str]:
    if fetched:
        names = ", ".join(parameters) + ("," if len(parameters) == 1 else "")
        seed = "" if exercise.seed is None else f", seed={exercise.seed}"
        return [
            "from llmasos_edu.exercises import inputs",
            f'{names} = inputs("{exercise.key}", {number}{seed})  # {exercise.cases[number].name}',
        ]
    return [f"{name} = {literal(value)}" for name, value in zip(parameters, case.inputs, strict=True)]


def literal(value: object) -> str | None:
    """A value as code, its numbers at four digits; None for what cannot be written down."""
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_meta:
            return None
        numbers = _list(value.detach().tolist())
        if re.search(r"\b(inf|nan)\b", numbers):
            numbers = re.sub(r"\b(inf|nan)\b", r"torch.\1", numbers)
        empty = f".reshape({tuple(value.shape)})" if value.numel() == 0 else ""
        kinds = {torch.float32: "", torch.int64: "", torch.bool: ""}
        dtype = kinds.get(value.dtype, f", dtype={value.dtype}")
        dtype = f", dtype={value.dtype}" if value.numel() == 0 and value.dtype != torch.float32 else dtype
        return f"torch.tensor({numbers}{dtype}){empty}"
    if isinstance(value, (bool, int, str)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, (list, tuple)):
        items = [literal(item) for item in value]
        if None in items:
            return None
        return f"[{', '.join(items)}]" if isinstance(value, list) else f"({', '.join(items)},)"
    if isinstance(value, dict):
        items = [(repr(key), literal(item)) for key, item in value.items()]
        shown = ", ".join(f"{key}: {item}" for key, item in items)
        return None if any(item is None for _, item in items) else f"{{{shown}}}"
    return None


def _list(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_list, value))}]"
    if isinstance(value, float):
        text = f"{value + 0.0:.4g}"
        return text if any(mark in text for mark in ".einf") or "nan" in text else text + ".0"
    return repr(value)


def _comment(heading: str, text: str) -> list[str]:
    return [f"# {heading} {text if len(text) <= ROOM else text[: ROOM - 4].rstrip(' ,') + ' ...'}"]


def _shown_beside(exercise: Exercise, got: Outcome, want: Outcome) -> tuple[str, str]:
    """What came and what should come; of many parts those alone that differ, where all are too long."""
    came, should = _shown(exercise, got), _shown(exercise, want)
    if max(len(came), len(should)) <= ROOM or got.error is not None or want.error is not None:
        return came, should
    values = [value for value in (got.value, want.value) if isinstance(value, (tuple, list))]
    if len(values) < 2 or len(exercise.parts) < 2 or {*map(len, values)} != {len(exercise.parts)}:
        return came, should
    rows = [(name, _value(a), _value(b)) for name, a, b in zip(exercise.parts, *values, strict=True)]
    apart = [row for row in rows if row[1] != row[2]]
    if not apart or len(apart) == len(rows):
        return came, should
    return tuple(";  ".join(f"{row[0]} = {row[i]}" for row in apart) for i in (1, 2))


def _shown(exercise: Exercise, outcome: Outcome) -> str:
    """A result as a reader would write it; an error as the line that Python ends with."""
    if outcome.error is not None:
        said = str(outcome.error).strip().splitlines()
        return f"{type(outcome.error).__name__}: {said[0][:80]}" if said else type(outcome.error).__name__
    if isinstance(outcome.value, (tuple, list)) and len(outcome.value) == len(exercise.parts) > 0:
        named = zip(exercise.parts, outcome.value, strict=False)
        return ";  ".join(f"{name} = {_value(value)}" for name, value in named)
    return _value(outcome.value)


def _value(value: object) -> str:
    tensor = to_tensor(value)
    if tensor is None:
        return repr(value) if value is None or value is NO_GRADIENT else kind(value)
    return _list(tensor.tolist())


def shrink(exercise: Exercise, answer: Callable, case: Case, limit: float = SECONDS) -> Case:
    """The case with axes cut short, as long as the solution gives the same for what is left of them.

    An axis is cut in all inputs and results that have it. The cut is kept if the solution gives just the part
    of its result that is left, so that nothing in the question has changed, and the answer is still wrong.
    """
    end, axes, parts = time.process_time() + limit, axes_of_inputs(exercise), axes_of_parts(exercise)
    parameters = list(inspect.signature(exercise.reference).parameters)
    if len(parameters) != len(case.inputs):
        return case
    whole = run(exercise, exercise.reference, case)
    if whole.error is not None:
        return case
    if is_one_number(whole.value):
        return _fewer_examples(exercise, answer, case, end)
    names = sorted({name for shape in parts if shape for name in shape} - {"..."}, key=lambda n: n != "batch")
    for name in ["", *names]:
        for length in (1, 2, 3):
            if time.process_time() > end:
                return case
            smaller = _cut_inputs(case, parameters, axes, name, length)
            if smaller is None:
                break
            left, wanted = None, _cut_value(whole.value, parts, name, length)
            with within(EACH):
                left = _still_fails(exercise, answer, smaller, Outcome(wanted))
            if left is not None:
                case, whole = smaller, left
                break
    return case


def is_one_number(value: object) -> bool:
    """Whether a single fraction is asked for (and perhaps gradients): a loss, a mean, a sum."""
    first = to_tensor(split_parts(value, value)[0])
    return first is not None and first.dim() == 0 and first.is_floating_point()


def _fewer_examples(exercise: Exercise, answer: Callable, case: Case, end: float) -> Case:
    """A case of one number with as few examples as show the slip; its right result is another one."""
    axes, parameters = axes_of_inputs(exercise), list(inspect.signature(exercise.reference).parameters)
    pairs = zip(parameters, case.inputs, strict=True)
    if any(isinstance(x, torch.Tensor) and not named_axes(axes.get(name), x.dim()) for name, x in pairs):
        return case  # what is not known to have this axis could be left too long
    for name in EXAMPLES:
        for length in (1, 2, 3):
            smaller = _cut_inputs(case, parameters, axes, name, length)
            if smaller is None or time.process_time() > end:
                break
            fails = False
            with within(EACH):
                right, got = run(exercise, exercise.reference, smaller), run(exercise, answer, smaller)
                numbers = right.error is None and got.error is None and _is_finite(right) and _is_finite(got)
                fails = numbers and not same(exercise, got, right)
            if fails:
                case = smaller
                break
    return case


def _is_finite(outcome: Outcome) -> bool:
    tensors = [to_tensor(part) for part in split_parts(outcome.value, outcome.value)]
    return all(tensor is None or bool(tensor.isfinite().all()) for tensor in tensors)


def _still_fails(exercise: Exercise, answer: Callable, smaller: Case, wanted: Outcome) -> Outcome | None:
    """The right result of a smaller case, if it is the one that is wanted and the answer is still wrong."""
    left, got = run(exercise, exercise.reference, smaller), run(exercise, answer, smaller)
    unchanged = left.error is None and same(exercise, left, wanted)
    return left if unchanged and got.error is None and not same(exercise, got, left) else None


def _cut_inputs(case: Case, parameters: list[str], axes: dict, name: str, length: int) -> Case | None:
    inputs, cut = [], False
    for parameter, value in zip(parameters, case.inputs, strict=True):
        short = _cut(value, axes.get(parameter), name, length)
        cut = cut or short is not value
        inputs.append(short)
    return Case(case.name, tuple(inputs)) if cut else None


def _cut_value(value: object, parts: list, name: str, length: int) -> object:
    values = split_parts(value, value)
    cut = tuple(_cut(item, shape, name, length) for item, shape in zip(values, parts, strict=False))
    return cut if isinstance(value, tuple) else cut[0]


def _cut(value: object, axes: tuple[str, ...] | None, name: str, length: int) -> object:
    if not isinstance(value, torch.Tensor):
        return value
    short = value
    for axis, found in enumerate(named_axes(axes, value.dim()) or ()):
        if found == name and short.shape[axis] > length:
            short = short.narrow(axis, 0, length)
    return value if short is value else short.clone()
