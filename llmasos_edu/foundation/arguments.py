"""Arguments checked at the door: counts, numbers within bounds, lists of strings and of names."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any


def check_count(name, value):
    """Raise ValueError unless value is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={value!r} is not a whole number of at least 1")


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number within its bounds, or an error with its name."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={value!r} must be a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value} is out of range: {low} to {high}")
    return int(value)


def check_number(name: str, value: Any, low: float, high: float) -> float:
    """A number within its bounds, or an error with its name; not a number lies within no bounds."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} must be a number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value} is out of range: {low:g} to {high:g}")
    return float(value)


def check_methods(name: str, thing: Any, methods: Sequence[str]) -> None:
    """Refuse what has not these methods; a class that was not called is told from its object.

    Raises:
        TypeError: with what came instead.
    """
    if isinstance(thing, type):
        raise TypeError(f"{name}={thing.__name__} is a class: call it, {thing.__name__}(...)")
    missing = [method for method in methods if not callable(getattr(thing, method, None))]
    if missing:
        raise TypeError(f"{name}={thing!r} has no method {missing[0]}(): an object with {', '.join(methods)}")


def check_strings(values: Sequence[str], what: str, count: int, of: str) -> list[str]:
    """A list of `count` strings, one for each `of` (tokens, vectors), or an error that names the place."""
    if isinstance(values, str):
        raise TypeError(f"{what} is one string, expected a list of {count} strings")
    strings = list(values)
    for place, string in enumerate(strings):
        if not isinstance(string, str):
            raise TypeError(f"{what}[{place}] is {string!r}, expected a string")
    if len(strings) != count:
        raise ValueError(f"{what} has {len(strings)} strings for {count} {of}: give one each")
    return strings


def check_names(values: Sequence[str], what: str, low: int, high: int) -> list[str]:
    """Different strings that can be seen, `low` to `high` of them."""
    if isinstance(values, str):
        raise TypeError(f"{what} is one string, {values!r}: expected a list of strings")
    names = list(values)
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"{what}[{place}] is {name!r}, expected a string that can be seen")
    if not low <= len(names) <= high:
        raise ValueError(f"{what} has {len(names)} entries, expected {low} to {high}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{what} holds {twice[0]!r} more than once")
    return names


def check_options(what: str, given: Iterable[str], function: Callable, besides: Sequence[str] = ()) -> None:
    """Refuse an option that the function does not have, in words, with the one that was probably meant.

    Args:
        what: the argument in which the options came.
        given: their names.
        function: whose options they must be; a class stands for its constructor.
        besides: arguments of the function that are set elsewhere.

    Raises:
        ValueError: an unknown name, or one of `besides`.
    """
    names = [name for name in inspect.signature(function).parameters if name not in besides]
    for name in given:
        if name in besides:
            raise ValueError(f"{what}: {name} is an argument of its own, not an option")
        if name not in names:
            close = get_close_matches(name, names, n=1)
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            raise ValueError(f"{what}: {name!r}{meant} is not one of {', '.join(names)}")
