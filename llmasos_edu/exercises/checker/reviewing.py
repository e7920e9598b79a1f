"""Answers that are tests: they run on right things and on broken ones, and what slips through is named."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np
import torch

from llmasos_edu.exercises.checker.blanks import is_empty
from llmasos_edu.exercises.checker.comparing import kind
from llmasos_edu.exercises.checker.exercise import Case
from llmasos_edu.exercises.checker.raising import last_line


@contextmanager
def watching(answer: Callable) -> Iterator[list[BaseException]]:
    """What the code that an answer stands in raises or meets while it runs: the last error, in a list.

    If the answer ends well all the same, its own `except` has caught it. Memory that has run out is left out:
    a test may want to see that.
    """
    file, seen, before = getattr(getattr(answer, "__code__", None), "co_filename", None), [], sys.gettrace()

    def on_call(frame: FrameType, event: str, value: object) -> Callable | None:
        if frame.f_code.co_filename != file:
            return None
        frame.f_trace_lines = False
        return on_error

    def on_error(frame: FrameType, event: str, value: object) -> Callable:
        if event == "exception" and not isinstance(value[1], (StopIteration, GeneratorExit, MemoryError)):
            seen[:] = [value[1]]
        return on_error

    if file is None or before is not None:
        yield seen
        return
    sys.settrace(on_call)
    try:
        yield seen
    finally:
        sys.settrace(None)


@dataclass(frozen=True)
class Reviewed:
    """What a reader's test is run on.

    Args:
        noun: what is made, in the plural: "models".
        good, bad: {name: function that makes one}; each bad one has one bug.
    """

    noun: str
    good: dict[str, Callable]
    bad: dict[str, Callable]
    caught: list[BaseException] = field(default_factory=list, compare=False)  # by the test's own `except`
    hidden: list[BaseException] = field(default_factory=list, compare=False)  # so on right ones, of asserts

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(name, (make,)) for name, make in (self.good | self.bad).items())

    def accepts(self, answer: Callable, inputs: tuple) -> object:
        """Whether a test lets one pass: no assert has failed, and it does not return False.

        A test that stops with another error on a broken one alone has noticed something too.
        """
        if is_empty(answer):
            return None
        if inputs[0] is next(iter(self.good.values())):
            self.caught.clear()
            self.hidden.clear()
        try:
            with watching(answer) as seen:
                said = answer(*inputs)
            self._note(seen, said, inputs[0] in self.good.values())
        except AssertionError:
            return False
        except Exception:
            if inputs[0] in self.bad.values() and self._runs_on_a_good_one(answer):
                return False
            raise
        if said is None:
            return True
        truth = isinstance(said, (bool, np.bool_)) or (isinstance(said, torch.Tensor) and said.numel() == 1)
        return bool(said) if truth else said

    def _note(self, seen: list[BaseException], said: object, right: bool) -> None:
        """Keep what the test caught: the error of a call on a right one, a failed assert where it passes.

        Of asserts those that fail on a right one are kept apart: they ask for more than must hold.
        """
        for error in seen:
            failed = isinstance(error, AssertionError)
            if failed and right:
                self.hidden.append(error)
            elif right or (failed and said is not False):
                self.caught.append(error)

    def _runs_on_a_good_one(self, answer: Callable) -> bool:
        try:
            answer(next(iter(self.good.values())))
        except Exception as error:
            return isinstance(error, AssertionError)
        return True

    def explain(self, cases: tuple[Case, ...], values: list, expected: list) -> str:
        """Which bugs pass a test, and which right ones do not; or that it speaks another language."""
        return self._which(cases, values, expected) + self._caught_itself()

    def _caught_itself(self) -> str:
        """What the test caught with an `except` of its own, if anything: a call's error before an assert."""
        error = next((each for each in self.caught if not isinstance(each, AssertionError)), None)
        if error is not None:
            return (
                f" On the way an `except` of yours caught this error: {last_line(error)}. What stands "
                "behind it in the `try` was not done then."
            )
        too = " on a right one, too" if self.hidden else ""
        return f" An `except` of yours caught an assert that failed{too}." if self.caught else ""

    def _which(self, cases: tuple[Case, ...], values: list, expected: list) -> str:
        odd = next((got for got in values if not isinstance(got, bool)), None)
        if odd is not None:
            return (
                f"Your review returned {kind(odd)}. Does it pass then, or not? Return True or False, or "
                "nothing, with asserts that fail on a bug."
            )
        passed, sent_back = self._slips(cases, values, expected)
        if len(sent_back) == len(self.good) and not passed:
            return f"All {self.noun} are sent back, right and broken."
        if len(sent_back) == len(self.good):
            broken = f"{len(passed)} of {len(self.bad)} broken ones"
            if len(passed) == 1:
                return (
                    f"All right {self.noun} are sent back, and {broken} pass. One of your tests asks for "
                    "more than must hold, or for the contrary: which one fails on a right one?"
                )
            return (
                f"All right {self.noun} are sent back, and {broken} pass: turned round, your review would "
                f"find {len(passed)} bugs and send back no right one. True (or no failing assert) means that "
                "all is well. Do you say the contrary, or ask for more than must hold?"
            )
        text = f"Your review finds {len(self.bad) - len(passed)} of {len(self.bad)} bugs."
        if passed:
            text += f" These {self.noun} pass it: {'; '.join(passed)}."
            text += " What would be different if they were right?"
        if sent_back:
            text += (
                f" It sends back what is right: {'; '.join(sent_back)}. Which of your tests asks for "
                "more than must hold?"
            )
        return text

    def _slips(self, cases: tuple[Case, ...], values: list, expected: list) -> tuple[list[str], list[str]]:
        """The names of the broken ones that pass, and of the right ones that do not."""
        wrong = [
            (case.name, want) for case, got, want in zip(cases, values, expected, strict=True) if got != want
        ]
        return [name for name, want in wrong if not want], [name for name, want in wrong if want]
