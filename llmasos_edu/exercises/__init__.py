"""Exercises with hints, solutions and a checker that knows the usual wrong answers, and predictions.

check("4.1-3", my_function)     what is right or wrong with it (seed=7: on inputs drawn from 7 as well)
hint("4.1-3")                   the next hint
solution("4.1-3")               the reference solution
given("2.3-1", seed=7)          the data of a question that is answered with numbers or choices
inputs("4.1-3", 2)              the inputs of one of its cases, to try your function on
status()                        what you have done and predicted; reset("4.1-3") takes it back
predict("4.1-a", ...)           keep a guess, and compare("4.1-a", measured) later
"""

import inspect
import operator
import textwrap
from itertools import groupby

from llmasos_edu.exercises.checker import desk
from llmasos_edu.exercises.checker.catalogue import all_exercises, find
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, Verdict
from llmasos_edu.exercises.checker.predictions import RIGHT, WRONG, compare, predict
from llmasos_edu.exercises.checker.question import Question, judge_question

__all__ = [
    "Case",
    "Exercise",
    "Mistake",
    "Question",
    "Verdict",
    "all_exercises",
    "check",
    "compare",
    "exercise",
    "find",
    "given",
    "hint",
    "inputs",
    "judge",
    "predict",
    "reset",
    "solution",
    "status",
]

WIDTH = 100
# Right and wrong look different before a word is read; what is no answer, or was not judged, has no mark.
_MARKS = {"correct": RIGHT, "blank": "", "stopped": ""}

_hints_shown: dict[str, int] = {}


def judge(
    key: str, answer: object, *, seed: int | None = None, seconds: float = 10.0, megabytes: int = 2048
) -> Verdict:
    """Judge an answer and return the verdict, without printing.

    Args:
        key: the exercise, for example "4.1-3".
        answer: the function that answers it, or the value where a value is asked for.
        seed: what the inputs are drawn from: further cases for a function, the data of a question.
        seconds: wall-clock time that a function may take on all cases together.
        megabytes: memory that it may take.

    Returns:
        Verdict(status, message, mistake, place, prints).

    Raises:
        ValueError: no exercise has this key.
        TypeError: the seed is not a whole number.
    """
    from llmasos_edu.exercises.checker.client import judge_apart

    item = find(key)
    if seed is not None:
        seed = operator.index(seed)
    if isinstance(item, Question):
        return judge_question(item, answer, seed)
    return judge_apart(item, answer, seed=seed, seconds=seconds, megabytes=megabytes)


def check(key: str, answer: object = ..., *, seed: int | None = None) -> None:
    """Say what is right or wrong with an answer, and which of the usual mistakes it is.

    Args:
        key: the exercise, for example "4.1-3".
        answer: your function itself, not its result; a number, a choice or several where these are asked for.
        seed: a whole number that inputs are drawn from, the same ones for everybody who takes it.
    """
    if callable(key):
        print('The key comes first, then your function: check("4.1-3", my_function).')
        return
    try:
        verdict = judge(key, answer, seed=seed)
    except (ValueError, TypeError) as unknown:
        print(unknown)
        return
    desk.keep_verdict(key, verdict.status)
    if verdict.prints:
        print(f"What your code printed:\n{textwrap.indent(verdict.prints.rstrip(), '  | ')}")
    _say(f"{_MARKS.get(verdict.status, WRONG)}{key}", verdict.message)
    if verdict.example:
        print("\nThe smallest case that fails, to paste into a cell:\n")
        print(textwrap.indent(verdict.example, "    "))


def inputs(key: str, number: int, *, seed: int | None = None) -> tuple:
    """The inputs of one case of an exercise, fresh copies, as the checker hands them to your function.

    Args:
        key: the exercise, for example "4.1-3".
        number: the case, counted from 0.
        seed: what further cases are drawn from, as in `check`.

    Raises:
        ValueError: no exercise has this key, or the exercise has no such case.
    """
    item = find(key)
    if isinstance(item, Question):
        raise ValueError(f'{key} is answered with a value and has no cases: given("{key}") shows its data')
    cases = item.with_seed(seed).cases
    if not 0 <= number < len(cases):
        raise ValueError(f"{key} has the cases 0 to {len(cases) - 1}, so there is no case {number}")
    made = cases[number].fresh()
    return made if item.build is None else item.build(made)


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
    desk.keep_hints(key, _hints_shown[key])
    left = total - _hints_shown[key]
    print(f"({left} more.)" if left else f'(That was the last one; solution("{key}") shows the answer.)')


def solution(key: str, *, seed: int | None = None) -> None:
    """Show the reference solution, with a line on why it is so."""
    try:
        item = find(key)
    except ValueError as unknown:
        print(unknown)
        return
    _say(key, f"{item.title}. {item.explanation}")
    if isinstance(item, Question):
        print(f"\n{item.right(seed)!r}")
    source = item.answer if isinstance(item, Question) else item.reference
    if callable(source):
        print(f"\n{textwrap.dedent(inspect.getsource(source)).rstrip()}")


def given(key: str, *, seed: int | None = None) -> dict:
    """The data of a question, by name.

    Args:
        key: the question, for example "2.3-1".
        seed: what the data are drawn from; the book's own data (those of seed 0) unless given.

    Raises:
        ValueError: no exercise has this key, or the exercise is answered with a function and has no data.
    """
    item = find(key)
    if not isinstance(item, Question):
        raise ValueError(f"{key} is answered with a function: the checker calls it with inputs of its own")
    return item.given(seed)


def exercise(key: str, *, seed: int | None = None) -> None:
    """Show what an exercise asks for, and the code to start from."""
    try:
        item = find(key)
    except ValueError as unknown:
        print(unknown)
        return
    stars = "*" * item.difficulty + "." * (3 - item.difficulty)
    _say(key, f"{item.title} [{stars}, {item.minutes} minutes]")
    is_question = isinstance(item, Question)
    statement = item.statement.format(**item.given(seed)) if is_question else item.statement
    print(f"\n{textwrap.fill(statement, WIDTH)}\n")
    if is_question and item.options:
        named = item.options.items() if isinstance(item.options, dict) else [("choices", item.options)]
        for name, choices in named:
            print(f"{name}: {', '.join(map(repr, choices))}")
        print()
    print(item.starter)


def status() -> None:
    """Show what has been done of each chapter, with how many hints, and how near your predictions came."""
    kept = desk.read()
    for chapter, keys in groupby((item.key for item in all_exercises()), lambda key: key.rpartition("-")[0]):
        keys = list(keys)
        found = {key: kept["exercises"][key] for key in keys if key in kept["exercises"]}
        if found:
            done = [key for key in found if "done" in found[key]]
            said = [f"{len(done)} of {len(keys)} exercises done" + (f" ({', '.join(done)})" if done else "")]
            tried = [key for key in found if "tries" in found[key] and key not in done]
            said += [f"tried {', '.join(tried)}"] if tried else []
            hints = sum(int(item.get("hints", 0)) for item in found.values())
            said += [f"{hints} hint{'s' * (hints != 1)} used"] if hints else []
            _say(chapter, f"{', '.join(said)}.")
    measured = [item for item in kept["predictions"].values() if "measured" in item]
    near = [(desk.is_near(item["guess"], item["measured"]), item["measured"]) for item in measured]
    of_numbers = [hit for hit, found in near if hit is not None and not isinstance(found, (bool, str))]
    choices = [hit for hit, found in near if hit is not None and isinstance(found, (bool, str))]
    if of_numbers:
        print(f"Predicted numbers: {sum(of_numbers)} of {len(of_numbers)} within a factor of two.")
    if choices:
        print(f"Predicted choices: {sum(choices)} of {len(choices)} right.")
    if not any(kept.values()):
        print("Your desk is empty: nothing has been checked or predicted yet.")
        return
    print(f'Kept in {desk.desk_file()}. reset("4.1-3") takes one back, reset(all=True) erases the file.')


def reset(key: str | None = None, *, all: bool = False) -> None:
    """Take an exercise or a prediction from your desk, with its hints, or erase the whole desk.

    Args:
        key: an exercise or a prediction, for example "4.1-3".
        all: erase everything; takes the place of a key.
    """
    if key is None and not all:
        print('Say what to take back: reset("4.1-3"), or reset(all=True) for everything.')
        return
    there = desk.clear(None if all else str(key))
    for shown in list(_hints_shown) if all else [key]:
        _hints_shown.pop(shown, None)
    what = "your desk" if all else key
    print(f"{what}: {'erased' if all else 'taken back'}." if there else f"{what}: nothing was kept.")


def _say(key: str, text: str) -> None:
    print(textwrap.fill(f"{key}: {text}", WIDTH, break_long_words=False, break_on_hyphens=False))
