"""Arguments checked at the door: counts, whole numbers within bounds, lists of names."""

from collections.abc import Sequence
from typing import Any


def check_count(name, value):
    """Raise ValueError unless value is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={value!r} is not a whole number of at least 1")


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number within its bounds, or an error with its name."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}={value!r} must be a whole number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value} is out of range: {low} to {high}")
    return value


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
