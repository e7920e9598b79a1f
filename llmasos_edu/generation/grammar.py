"""Small grammars: patterns of bytes built from a few parts, and the machine that reads them (chapter 6.2.1).

A pattern is a literal, one byte of a set, a sequence, a choice or a repetition. It is compiled to a machine
whose states are joined by arrows with sets of bytes (Thompson's construction), and the machine is walked in
all its states at once. For each state it is known how many bytes are missing, at least, until the pattern is
complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from llmasos_edu.foundation.arguments import check_whole


@dataclass(frozen=True)
class OneOf:
    """One byte of a set."""

    bytes: frozenset[int]


@dataclass(frozen=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple


@dataclass(frozen=True)
class Choice:
    """One of several parts."""

    parts: tuple


@dataclass(frozen=True)
class Repeat:
    """A part again and again, `least` to `most` times."""

    part: Pattern
    least: int
    most: int


Pattern = OneOf | Sequence | Choice | Repeat
LARGEST = 20_000  # states of a machine


def literal(text: str) -> Sequence:
    """Just this text, in UTF-8.

    Raises:
        TypeError: no text.
        ValueError: half a character, which has no bytes.
    """
    if not isinstance(text, str):
        raise TypeError(f"literal({text!r}): a text is wanted")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError(f"literal({text!r}) holds half a character, which has no bytes in UTF-8")
    return Sequence(tuple(OneOf(frozenset({byte})) for byte in text.encode()))


def one_of(signs: str) -> OneOf:
    """One of these ASCII signs.

    Raises:
        ValueError: no sign, or one outside of ASCII, which would be several bytes.
    """
    if not isinstance(signs, str) or not signs or not signs.isascii():
        raise ValueError(f"one_of({signs!r}): one or more signs of ASCII are wanted")
    return OneOf(frozenset(signs.encode()))


def sequence(*parts: Pattern | str) -> Sequence:
    """Parts one after the other; a text stands for itself."""
    return Sequence(_patterns(parts))


def choice(*parts: Pattern | str) -> Choice:
    """One of several parts.

    Raises:
        ValueError: nothing to choose from.
    """
    if not parts:
        raise ValueError("choice() has nothing to choose from")
    return Choice(_patterns(parts))


def repeat(part: Pattern | str, least: int, most: int) -> Repeat:
    """A part `least` to `most` times.

    Raises:
        ValueError: numbers that no repetition can have.
    """
    check_whole("least", least, 0, LARGEST)
    check_whole("most", most, least, LARGEST)
    return Repeat(_patterns((part,))[0], least, most)


def _patterns(parts: Iterable) -> tuple:
    found = []
    for part in parts:
        if not isinstance(part, Pattern | str):
            raise TypeError(f"{part!r} is no pattern: literal, one_of, sequence, choice, repeat, or a text")
        found.append(literal(part) if isinstance(part, str) else part)
    return tuple(found)


class ByteMachine:
    """A pattern compiled: walked byte by byte, in all states that it could be in.

    Args:
        pattern: what a whole text must be.

    Attributes:
        begin: the states before the first byte, a frozenset.

    Raises:
        TypeError: no pattern.
        ValueError: more than 20,000 states, as large repetitions make them; parts within parts, too deep.

    Source: Thompson 1968, "Regular Expression Search Algorithm".
    """

    def __init__(self, pattern: Pattern):
        self._arrows: list[
            tuple[frozenset[int], int] | None
        ] = []  # of a state, the bytes and where they lead
        self._silent: list[list[int]] = []  # where it may go without a byte
        (pattern,) = _patterns((pattern,))
        start, self._end = self._state(), self._state()
        try:
            self._build(pattern, start, self._end)
        except RecursionError as error:
            raise ValueError("the pattern has parts within parts within parts, too deep to build") from error
        self._distance = self._distances()
        self.begin = self._closed([start])

    def step(self, states: frozenset[int], byte: int) -> frozenset[int]:
        """The states after one more byte; empty where the pattern does not allow it."""
        return self._closed(
            target
            for state in states
            if (arrow := self._arrows[state]) and byte in arrow[0]
            for target in (arrow[1],)
        )

    def missing(self, states: frozenset[int]) -> int:
        """The fewest bytes until the text may end.

        Raises:
            ValueError: no state, as `step` leaves it where the pattern does not allow a byte.
        """
        if not states:
            raise ValueError("there is no state: the pattern does not allow what was read")
        return min(self._distance[state] for state in states)

    def accepts(self, text: bytes) -> bool:
        """Whether the whole text is what the pattern wants.

        Raises:
            TypeError: no bytes.
        """
        if not isinstance(text, bytes | bytearray):
            raise TypeError(f"{text!r:.60} is no text in bytes: encode it first")
        states = self.begin
        for byte in text:
            states = self.step(states, byte)
        return self._end in states

    def _state(self) -> int:
        if len(self._arrows) >= LARGEST:
            raise ValueError(f"the grammar needs more than {LARGEST} states: let it repeat less often")
        self._arrows.append(None)
        self._silent.append([])
        return len(self._arrows) - 1

    def _build(self, pattern: Pattern, start: int, end: int) -> None:
        """States and arrows that lead from `start` to `end` by way of the pattern."""
        if isinstance(pattern, OneOf):
            enter = self._state()
            self._silent[start].append(enter)
            self._arrows[enter] = (pattern.bytes, end)
        elif isinstance(pattern, Choice):
            for part in pattern.parts:
                self._build(part, start, end)
        elif isinstance(pattern, Sequence):
            for part in pattern.parts:
                middle = self._state()
                self._build(part, start, middle)
                start = middle
            self._silent[start].append(end)
        else:
            for number in range(pattern.most):
                if number >= pattern.least:
                    self._silent[start].append(end)
                middle = self._state()
                self._build(pattern.part, start, middle)
                start = middle
            self._silent[start].append(end)

    def _closed(self, states: Iterable[int]) -> frozenset[int]:
        """The states, and all that are reached from them without a byte."""
        found, waiting = set(), list(states)
        while waiting:
            state = waiting.pop()
            if state not in found:
                found.add(state)
                waiting += self._silent[state]
        return frozenset(found)

    def _distances(self) -> list[float]:
        """Of each state the fewest bytes to the end: searched backwards, silent arrows cost nothing."""
        back: list[list[tuple[int, int]]] = [[] for _ in self._arrows]
        for state, arrow in enumerate(self._arrows):
            for target in self._silent[state]:
                back[target].append((state, 0))
            if arrow:
                back[arrow[1]].append((state, 1))
        distance = [float("inf")] * len(back)
        distance[self._end], waiting = 0, deque([self._end])
        while waiting:
            state = waiting.popleft()
            for before, bytes_more in back[state]:
                if distance[state] + bytes_more < distance[before]:
                    distance[before] = distance[state] + bytes_more
                    (waiting.append if bytes_more else waiting.appendleft)(before)
        return distance
