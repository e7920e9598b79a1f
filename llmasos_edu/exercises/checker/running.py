"""One call of an answer: what it gave, or how it stopped, and which of its inputs it wrote into."""

import contextlib
import dis
import inspect
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from llmasos_edu.exercises.checker.comparing import agree
from llmasos_edu.exercises.checker.exercise import Case, Exercise


@dataclass(frozen=True)
class Outcome:
    """What one call gave: a value or an error, and the names of the inputs that are different after it."""

    value: object = None
    error: BaseException | None = None
    changed: tuple[str, ...] = ()


class OutOfTime(BaseException):
    """A search took longer than it may; `run` lets this one through."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends what stands inside after so many seconds of the processor, also in the middle of a call.

    A solution may loop for ever on inputs that nobody gave it (a step of 0), and so may an answer on a case
    that was cut short. Only the main thread can be ended so: elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGVTALRM, stop)
    with contextlib.suppress(OutOfTime):
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)


def run(exercise: Exercise, answer: Callable, case: Case) -> Outcome:
    """Call the answer on one case; whatever it raises is kept, not raised."""
    inputs, before = case.fresh(), case.inputs
    try:
        value = exercise.observe(answer, inputs)
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)  # what they hold leaves no room to say so
        return Outcome(error=error)
    changed = [place for place, pair in enumerate(zip(before, inputs, strict=True)) if _is_changed(*pair)]
    if not changed:
        return Outcome(value)  # nearly always, so the names are not even looked up
    names = list(inspect.signature(exercise.reference).parameters)
    return Outcome(value, changed=tuple(names[place] for place in changed if place < len(names)))


def _is_changed(old: object, new: object) -> bool:
    if isinstance(old, torch.Tensor):
        if old.shape != new.shape or torch.equal(old, new):
            return old.shape != new.shape
        return not torch.equal(old.nan_to_num(), new.nan_to_num())  # NaN is not even equal to itself
    return isinstance(old, list) and old != new  # of numbers or functions, never of tensors


def same(exercise: Exercise, got: Outcome, want: Outcome) -> bool:
    """Whether two outcomes agree: the same values within tolerance, or an error of the same kind."""
    if got.error is not None or want.error is not None:
        kind, asked = type(got.error), type(want.error)
        return kind is asked or (kind.__module__ != "builtins" and issubclass(kind, asked))
    return agree(got.value, want.value, rtol=exercise.rtol, atol=exercise.atol)


def repeats(exercise: Exercise, answer: Callable, case: Case, first: Outcome) -> bool:
    """Whether the answer gives the same again, three times, where its result can be compared at all."""
    comparable = same(exercise, first, first)  # a text, say, is not even equal to itself here
    return not comparable or all(same(exercise, run(exercise, answer, case), first) for _ in range(3))


def raised_on_purpose(error: BaseException) -> bool:
    """Whether a `raise` in Python code made this error, and not torch's own code below it."""
    deepest = list(traceback.walk_tb(error.__traceback__))[-1:]
    for frame, _ in deepest:
        last = error.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        steps = {step.offset: step.opname for step in dis.get_instructions(frame.f_code)}
        return steps.get(last.tb_lasti) == "RAISE_VARARGS"
    return False


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
