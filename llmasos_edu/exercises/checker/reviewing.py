"""Answers that are tests: they run on right things and on broken ones, and what slips through is named."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from llmasos_edu.exercises.checker.blanks import is_empty
from llmasos_edu.exercises.checker.comparing import kind
from llmasos_edu.exercises.checker.exercise import Case


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

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(name, (make,)) for name, make in (self.good | self.bad).items())

    def accepts(self, answer: Callable, inputs: tuple) -> object:
        """Whether a test lets one pass: no assert has failed, and it does not return False.

        A test that stops with another error on a broken one alone has noticed something too.
        """
        if is_empty(answer):
            return None
        try:
            said = answer(*inputs)
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

    def _runs_on_a_good_one(self, answer: Callable) -> bool:
        try:
            answer(next(iter(self.good.values())))
        except Exception as error:
            return isinstance(error, AssertionError)
        return True

    def explain(self, cases: tuple[Case, ...], values: list, expected: list) -> str:
        """Which bugs pass a test, and which right ones do not; or that it speaks another language."""
        odd = next((got for got in values if not isinstance(got, bool)), None)
        if odd is not None:
            return (
                f"Your review returned {kind(odd)}. Does it pass then, or not? Return True or False, or "
                "nothing, with asserts that fail on a bug."
            )
        passed, sent_back = self._slips(cases, values, expected)
        if len(sent_back) == len(self.good) and passed:
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
