"""Exercises with hints, solutions and a checker that knows the usual wrong answers, and predictions.

check("4.1-3", my_function)     what is right or wrong with it
hint("4.1-3")                   the next hint
solution("4.1-3")               the reference solution
predict("4.1-a", ...)           keep a guess, and compare("4.1-a", measured) later
"""

import inspect
import textwrap

from llmasos_edu.exercises.checker.catalogue import all_exercises, find
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, Verdict
from llmasos_edu.exercises.checker.predictions import compare, predict

__all__ = [
    "Case",
    "Exercise",
    "Mistake",
    "Verdict",
    "all_exercises",
    "check",
    "compare",
    "exercise",
    "find",
    "hint",
    "judge",
    "predict",
    "solution",
]

WIDTH = 100

_hints_shown: dict[str, int] = {}


def judge(key: str, answer: object, *, seconds: float = 10.0, megabytes: int = 2048) -> Verdict:
    """Judge an answer and return the verdict, without printing.

    Args:
        key: the exercise, for example "4.1-3".
        answer: the function that answers it.
        seconds: wall-clock time that it may take on all cases together.
        megabytes: memory that it may take.

    Returns:
        Verdict(status, message, mistake, place, prints).

    Raises:
        ValueError: no exercise has this key.
    """
    from llmasos_edu.exercises.checker.client import judge_apart

    return judge_apart(find(key), answer, seconds=seconds, megabytes=megabytes)


def check(key: str, answer: object = ...) -> None:
    """Say what is right or wrong with an answer, and which of the usual mistakes it is.

    Args:
        key: the exercise, for example "4.1-3".
        answer: your function itself, not its result.
    """
    if callable(key):
        print('The key comes first, then your function: check("4.1-3", my_function).')
        return
    try:
        verdict = judge(key, answer)
    except ValueError as unknown:
        print(unknown)
        return
    if verdict.prints:
        print(f"What your code printed:\n{textwrap.indent(verdict.prints.rstrip(), '  | ')}")
    _say(key, verdict.message)


def hint(key: str, *, all: bool = False) -> None:
    """Show the next hint for an exercise, or all of them at once."""
    try:
        item = find(key)
    except ValueError as unknown:
        print(unknown)
        return
    total = len(item.hints)
    shown = _hints_shown.get(key, 0)
    if shown >= total and not all:
        _say(key, f'you have seen all {total} hints. hint("{key}", all=True) shows them again.')
        return
    numbers = range(total) if all else [shown]
    for number in numbers:
        _say(key, f"hint {number + 1} of {total}: {item.hints[number]}")
    _hints_shown[key] = numbers[-1] + 1
    left = total - _hints_shown[key]
    print(f"({left} more.)" if left else f'(That was the last one; solution("{key}") shows the answer.)')


def solution(key: str) -> None:
    """Show the reference solution, with a line on why it is so."""
    try:
        item = find(key)
    except ValueError as unknown:
        print(unknown)
        return
    _say(key, f"{item.title}. {item.explanation}")
    print(f"\n{textwrap.dedent(inspect.getsource(item.reference)).rstrip()}")


def exercise(key: str) -> None:
    """Show what an exercise asks for, and the code to start from."""
    try:
        item = find(key)
    except ValueError as unknown:
        print(unknown)
        return
    stars = "*" * item.difficulty + "." * (3 - item.difficulty)
    _say(key, f"{item.title} [{stars}, {item.minutes} minutes]")
    print(f"\n{textwrap.fill(item.statement, WIDTH)}\n\n{item.starter}")


def _say(key: str, text: str) -> None:
    print(textwrap.fill(f"{key}: {text}", WIDTH, break_long_words=False, break_on_hyphens=False))
