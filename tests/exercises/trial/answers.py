"""How an answer of the trial is written down: a function, marked as wrong or as right.

A wrong answer holds one slip, which its name or its comment tells; a right one is right in an unusual dress.
An answer to a question (a value is checked, not a function) is a function without arguments that returns it.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer to the exercise `key`; a wrong one with the words of which its message must hold one."""

    key: str
    function: Callable
    is_right: bool
    words: tuple[str, ...] = ()
    quick: bool = True

    @property
    def name(self) -> str:
        return self.function.__name__


ANSWERS: list[Answer] = []


def wrong(key: str, *words: str, quick: bool = True) -> Callable:
    """Marks a wrong answer; without words its message is true, but of little help."""

    def keep(function: Callable) -> Callable:
        ANSWERS.append(Answer(key, function, False, words, quick))
        return function

    return keep


def right(key: str) -> Callable:
    """Marks an answer that is right, though hardly anybody would have written it so."""

    def keep(function: Callable) -> Callable:
        ANSWERS.append(Answer(key, function, True))
        return function

    return keep
