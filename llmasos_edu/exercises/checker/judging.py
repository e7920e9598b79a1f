"""Judging an answer by what it does: run it, compare it with the reference, then with the known mistakes."""

import contextlib
import dis
import inspect
import io
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from llmasos_edu.exercises.checker.comparing import agree, first_difference, kind
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, Verdict

# A mistake that does not fit everywhere is still named when it explains this share of the cases in which it
# differs from the reference, and at least two of them.
PARTIAL_SHARE = 2 / 3
EMPTY_INSTRUCTIONS = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "POP_TOP",
    "RETURN_CONST",
    "RETURN_VALUE",
    "RAISE_VARARGS",
}
EMPTY_INSTRUCTIONS |= {"LOAD_COMMON_CONSTANT", "NOT_TAKEN"}  # Python 3.14 says some of these differently


@dataclass(frozen=True)
class Outcome:
    """What one call gave: a value or an error, and whether it wrote into its inputs."""

    value: object = None
    error: BaseException | None = None
    changed_input: bool = False


def is_empty(answer: object) -> bool:
    """Whether nobody has touched this blank: nothing, dots, or a function without a statement in it."""
    if answer is None or answer is ...:
        return True
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    if set(code.co_names) == {"NotImplementedError"}:
        return len(list(dis.get_instructions(answer))) <= 8
    if any(not (value is None or value is ... or isinstance(value, str)) for value in code.co_consts):
        return False
    return all(step.opname in EMPTY_INSTRUCTIONS for step in dis.get_instructions(answer))


def blank(key: str) -> Verdict:
    return Verdict("blank", f'not answered yet. hint("{key}") gives a first push.')


def examine(
    exercise: Exercise, load: Callable, running: Callable[[str], None] = lambda name: None
) -> Verdict:
    """Judge an answer on all cases of an exercise.

    Args:
        exercise: what was asked.
        load: returns the reader's answer. Called after the right and the known wrong results are computed,
            so that nothing the reader's code does to torch can change them.
        running: told the name of each case before the answer runs on it.

    Returns:
        the verdict; never raises for what the answer does (but an answer may end the process).
    """
    expected = [_run(exercise, exercise.reference, case) for case in exercise.cases]
    mistaken = {
        (mistake.name, number): [_run(exercise, implementation, case) for case in exercise.cases]
        for mistake in exercise.mistakes
        for number, implementation in enumerate(mistake.implementations)
    }
    answer = load()
    refusal = _refuse_at_the_door(exercise, answer)
    if refusal is not None:
        return refusal
    outcomes = []
    for case in exercise.cases:
        running(case.name)
        outcomes.append(_run(exercise, answer, case))
    if all(_is_blank(outcome) for outcome in outcomes):
        return _blank_or_no_return(exercise, answer, outcomes)
    right = [_same(exercise, got, want) for got, want in zip(outcomes, expected, strict=True)]
    if all(right):
        return _right_values(exercise, answer, outcomes, expected[0].value)
    known = _recognise(exercise, outcomes, expected, mistaken, whole=True)
    if known is not None:
        return Verdict("known mistake", known.message, known.name)
    failed = next((i for i, outcome in enumerate(outcomes) if outcome.error is not None), None)
    if failed is not None:
        return _raised(exercise.cases[failed], outcomes[failed].error, works_elsewhere=any(right))
    partly = exercise.explain is None  # an exercise that explains all cases needs no guess from most of them
    known = _recognise(exercise, outcomes, expected, mistaken, whole=False) if partly else None
    if known is not None:
        message = f"{known.message} Not every case fits this, so look for a second slip beside it."
        return Verdict("known mistake", message, known.name)
    failed = right.index(False)
    if not _repeats(exercise, answer, exercise.cases[failed], outcomes[failed]):
        return _not_repeatable(exercise.cases[failed])
    return _unknown(exercise, outcomes, expected, right)


def _run(exercise: Exercise, answer: Callable, case: Case) -> Outcome:
    inputs, before = case.fresh(), case.inputs
    try:
        value = exercise.observe(answer, inputs)
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        return Outcome(error=error)
    changed = any(_is_changed(old, new) for old, new in zip(before, inputs, strict=True))
    return Outcome(value=value, changed_input=changed)


def _is_changed(old: object, new: object) -> bool:
    if isinstance(old, torch.Tensor):
        return not (old.shape == new.shape and torch.equal(old, new))
    return isinstance(old, list) and old != new  # of numbers or functions, never of tensors


def _same(exercise: Exercise, got: Outcome, want: Outcome) -> bool:
    if got.error is not None or want.error is not None:
        return type(got.error) is type(want.error)
    return agree(got.value, want.value, rtol=exercise.rtol, atol=exercise.atol)


def _refuse_at_the_door(exercise: Exercise, answer: object) -> Verdict | None:
    name, wanted = exercise.reference.__name__, inspect.signature(exercise.reference)
    if not callable(answer):
        text = (
            f"I was given {kind(answer)}, but I need the function itself, so that I can call it on inputs of "
            f'my own: check("{exercise.key}", {name}), without brackets after the name.'
        )
        return Verdict("wrong", text)
    try:
        inspect.signature(answer).bind(*exercise.cases[0].inputs)
    except TypeError:
        text = (
            f"Your function takes {inspect.signature(answer)}, but the exercise calls it with "
            f"{len(wanted.parameters)} arguments in this order: {', '.join(wanted.parameters)}."
        )
        return Verdict("wrong", text)
    except ValueError:
        return None  # a builtin without a readable signature: let the call itself tell
    return None


def _is_blank(outcome: Outcome) -> bool:
    if outcome.error is not None:
        return isinstance(outcome.error, NotImplementedError)
    return outcome.value is None or outcome.value is ...


def _blank_or_no_return(exercise: Exercise, answer: Callable, outcomes: list[Outcome]) -> Verdict:
    worked = all(outcome.error is None and outcome.value is None for outcome in outcomes)
    if not worked or is_empty(answer):
        return blank(exercise.key)
    text = (
        "Your function ran to its end but gave nothing back (None) in every case. "
        "Does its last line hand over the result with `return`?"
    )
    return Verdict("wrong", text)


def _right_values(exercise: Exercise, answer: Callable, outcomes: list[Outcome], wanted: object) -> Verdict:
    changed = next((i for i, outcome in enumerate(outcomes) if outcome.changed_input), None)
    if changed is not None:
        text = (
            f"The numbers are right, but for {exercise.cases[changed].name} one of your inputs is different "
            "after the call: something writes into it in place. Whoever called the function still needs that "
            "tensor, so look for an operation that ends in an underscore, or an assignment into a slice."
        )
        return Verdict("wrong", text, "changes its input")
    if not _repeats(exercise, answer, exercise.cases[0], outcomes[0]):
        return _not_repeatable(exercise.cases[0])
    first = outcomes[0].value
    note = ""
    if isinstance(wanted, torch.Tensor) and not isinstance(first, torch.Tensor):
        note = f" (You returned {kind(first)} instead of a tensor; I compared its numbers.)"
    return Verdict("correct", f"correct in all {len(outcomes)} cases. {exercise.takeaway}{note}")


def _repeats(exercise: Exercise, answer: Callable, case: Case, first: Outcome) -> bool:
    comparable = _same(exercise, first, first)  # a text, say, is not even equal to itself here
    with contextlib.redirect_stdout(io.StringIO()):  # what it prints has been shown once
        return not comparable or all(_same(exercise, _run(exercise, answer, case), first) for _ in range(3))


def _not_repeatable(case: Case) -> Verdict:
    text = (
        f"For {case.name}, another call with the same inputs gives another result. "
        "Does your function draw random numbers, or remember something from one call to the next?"
    )
    return Verdict("wrong", text, "not repeatable")


def _recognise(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict, *, whole: bool
) -> Mistake | None:
    """The known mistake that behaves like the answer: on all cases (`whole`), or on most that show it."""
    best, best_score = None, 0.0
    for mistake in exercise.mistakes:
        for number in range(len(mistake.implementations)):
            theirs = mistaken[mistake.name, number]
            fits = [_same(exercise, got, it) for got, it in zip(outcomes, theirs, strict=True)]
            if whole and all(fits):
                return mistake
            shows = [not _same(exercise, it, want) for it, want in zip(theirs, expected, strict=True)]
            explained = sum(fit and show for fit, show in zip(fits, shows, strict=True))
            share = explained / max(1, sum(shows))
            if not whole and explained >= 2 and share >= PARTIAL_SHARE and explained + share > best_score:
                best, best_score = mistake, explained + share
    return best


def _raised(case: Case, error: BaseException, *, works_elsewhere: bool) -> Verdict:
    text = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {text[0][:200].rstrip('.')}" if text else type(error).__name__
    start = f"It is right in other cases, but for {case.name}" if works_elsewhere else f"For {case.name}"
    if isinstance(error, SystemExit):
        message = f"{start}, your code asked Python to exit. A function hands its result back with `return`."
    elif isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        message = (
            f"{start}, your code asked for more memory than an answer may use. "
            "Which tensor grows faster than the inputs? Its shape, printed, usually tells."
        )
    else:
        message = f"{start}, your code stopped with {said}."
    return Verdict("error", message, place=reader_place(error))


def reader_place(error: BaseException) -> tuple[str, int] | None:
    """The deepest line of a traceback that the reader wrote: not ours, torch's or the standard library's."""
    # Resolved too, because a virtual environment reaches the standard library through links.
    foreign = [
        Path(__file__).parents[1],  # the folder of all exercises
        *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
    ]
    prefixes = (
        tuple(str(path) for path in foreign) + tuple(str(path.resolve()) for path in foreign) + ("<frozen",)
    )
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_filename.startswith(prefixes):
            place = (frame.f_code.co_filename, line)
    return place


def _unknown(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], right: list[bool]
) -> Verdict:
    if exercise.explain is not None:
        values, wanted = ([outcome.value for outcome in each] for each in (outcomes, expected))
        return Verdict("wrong", exercise.explain(exercise.cases, values, wanted))
    failed = right.index(False)
    case = exercise.cases[failed]
    text = first_difference(
        [outcome.value for outcome in outcomes],
        [outcome.value for outcome in expected],
        right,
        parts=exercise.parts,
        rtol=exercise.rtol,
        atol=exercise.atol,
    )
    start = f"Right in {sum(right)} of {len(right)} cases. " if any(right) else ""
    ending = ""
    if any(outcome.changed_input for outcome in outcomes):
        ending = " Besides, it writes into one of its inputs, which may be the reason."
    return Verdict("wrong", f"{start}For {case.name}, {text}{ending}")
