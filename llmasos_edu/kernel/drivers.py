"""Drivers: what the kernel asks of a model, and a model whose every answer is an exact integer (chapter 2.3).

The kernel says which tokens to read, at which positions and in which blocks; the driver owns what is in the
blocks. `IntegerDriver` computes with whole numbers: a slot depends on the token, on its position and on every
slot before it, and the next token on every slot, each read through the block table. A block that is
lost, stale, shared by mistake or out of order changes the text. `torch_driver.py` holds real models.
"""

import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from llmasos_edu.kernel.memory import GONE
from llmasos_edu.kernel.process import Process


class Row(NamedTuple):
    """One process's part of a step."""

    process: Process
    tokens: list[int]  # to read now
    start: int  # position of the first of them
    table: list[int]  # its blocks; those from `start` on are its own
    guesses: int = 0  # so many of the tokens, at the end, are guesses to be checked
    speaks: bool = True  # False for a piece of a prompt: more of it follows


class Driver(Protocol):
    """What a model must be able to do.

    Fields:
        window: how many tokens back a position sees, itself included; None for all.
        vocab_size: tokens are below it.
        positions: how many tokens a text may have that the model reads; None for any number.
    """

    window: int | None
    vocab_size: int
    positions: int | None

    def allocate(self, num_blocks: int, block_size: int) -> None:
        """Set the memory aside."""

    def check(self, sampling: object) -> None:
        """Raise ValueError, in words, for a `Process.sampling` that `forward` could not follow."""

    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """Read every row's tokens into its slots and say what comes next.

        Returns:
            For each row: nothing where it does not speak; else the guesses that the model would have said
            itself, up to the first that it would not, and then one token of its own.
        """

    def copy(self, source: int, target: int) -> None:
        """Copy a block."""

    def save(self, block: int) -> object:
        """The contents of a block, to be kept elsewhere."""

    def load(self, block: int, contents: object) -> None:
        """Bring back what `save` gave."""


def in_vocabulary(driver: Driver, tokens: Iterable[int], name: str) -> list[int]:
    """Token numbers of the driver's vocabulary, or an error in words.

    Raises:
        TypeError: text, fractions, or nothing that could be gone through.
        ValueError: a number outside the vocabulary.
    """
    try:
        numbers = [operator.index(token) for token in tokens]
    except TypeError as error:
        raise TypeError(f"{name}={str(tokens)[:60]} are no token numbers: {error}") from error
    for token in numbers:
        if not 0 <= token < driver.vocab_size:
            raise ValueError(f"token {token} is outside the vocabulary of {driver.vocab_size}")
    return numbers


def check_said(driver: Driver, rows: Sequence[Row], said: Sequence[Sequence[int]]) -> None:
    """Refuse an answer of `forward` that would spoil texts or never end, before any of it is kept.

    Raises:
        RuntimeError: too few rows or tokens, too many, or tokens outside the vocabulary.
    """
    name, rest = type(driver).__name__, None
    if not isinstance(said, Sequence) or len(said) != len(rows):
        raise RuntimeError(f"{name} answered {len(rows)} rows with {str(said)[:40]}")
    for row, tokens in zip(rows, said, strict=True):
        least, most = (1, row.guesses + 1) if row.speaks else (0, 0)
        if not least <= len(tokens) <= most:
            rest = f"from {least} to {most} are wanted"
        elif not all(isinstance(each, int) and 0 <= each < driver.vocab_size for each in tokens):
            rest = f"tokens are whole numbers below {driver.vocab_size}"
        if rest is not None:
            raise RuntimeError(f"{name} said {list(tokens)[:8]} for process {row.process.pid}: {rest}")


PRIME = (1 << 61) - 1


class IntegerModel:
    """A language model in whole numbers: the same text always goes on the same way.

    Args:
        vocab: it says tokens below this, at most 256.
        window: how many slots back a position sees, itself included; None for all.
        calls: system calls that it may write, as bytes; now and then it begins one of them.
        call_every: about every so often.
        marks: the tokens that open and close a call.

    A slot is `number * 512 + token`, the number mixed from token, position and all visible slots before.
    """

    def __init__(
        self,
        vocab: int = 256,
        *,
        window: int | None = None,
        calls: Sequence[bytes] = (),
        call_every: int = 16,
        marks: tuple[int, int] = (256, 257),
    ):
        if not 1 <= vocab <= 256:
            raise ValueError(f"vocab={vocab} must lie between 1 and 256: a token is a byte")
        if window is not None and window < 1:
            raise ValueError(f"window={window} must be at least 1")
        self.vocab, self.window, self.calls = vocab, window, tuple(calls)
        self.call_every, (self.begin, self.end) = call_every, marks

    def read(self, past: list[int], tokens: Sequence[int], start: int) -> list[int]:
        """The slots of tokens that follow the visible slots `past`; `past` grows by them."""
        mixed, new = self.fold(past), []
        for position, token in enumerate(tokens, start):
            if self.window is not None:
                del past[: max(0, len(past) - self.window + 1)]
                mixed = self.fold(past)
            slot = ((mixed * 31 + position * 7919 + token * 104_729) % PRIME) * 512 + token
            past.append(slot)
            new.append(slot)
            mixed = (mixed * 1_000_003 + slot) % PRIME
        return new

    @staticmethod
    def fold(slots: Sequence[int]) -> int:
        """One number from all slots, in order."""
        mixed = 0
        for slot in slots:
            mixed = (mixed * 1_000_003 + slot) % PRIME
        return mixed

    def next_token(self, slots: Sequence[int], seed: int) -> int:
        """What follows the visible slots; the seed stands for the chance in sampling."""
        if self.calls and (token := self._spell(slots)) is not None:
            return token
        chance = (self.fold(slots) ^ (seed * 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 % PRIME
        if self.calls and chance % self.call_every == 0:
            return self.begin
        return (chance >> 20) % self.vocab

    def _spell(self, slots: Sequence[int]) -> int | None:
        """The next letter of a call that stands open; the slot of its mark chose which call."""
        longest = max(map(len, self.calls)) + 1
        for written, slot in enumerate(reversed(slots[-longest:])):
            token = slot % 512
            if token > 255 and token != self.begin:
                return None
            if token == self.begin:
                text = self.calls[slot // 512 % len(self.calls)]
                return text[written] if written < len(text) else self.end
        return None


class IntegerDriver:
    """`IntegerModel` behind blocks: each slot a whole number, or None where nothing was ever written.

    Args:
        model: the numbers; a plain `IntegerModel()` unless given.
    """

    def __init__(self, model: IntegerModel | None = None):
        self.model = model or IntegerModel()
        self.window, self.vocab_size, self.positions = self.model.window, 512, None

    def allocate(self, num_blocks: int, block_size: int) -> None:
        """Empty blocks."""
        self.block_size = block_size
        self.blocks = [[None] * block_size for _ in range(num_blocks)]

    def check(self, sampling: object) -> None:
        """Any will do: what is said depends on the text and the process's seed alone."""

    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """As in `Driver`."""
        return [self._answer(row) for row in rows]

    def _answer(self, row: Row) -> list[int]:
        past = self._visible(row.table, row.start)
        sure = len(row.tokens) - row.guesses
        self._write(row.table, row.start, self.model.read(past, row.tokens[:sure], row.start))
        if not row.speaks:
            return []
        said, right = [self.model.next_token(past, row.process.seed)], True
        for position, guess in enumerate(row.tokens[sure:], row.start + sure):
            self._write(row.table, position, self.model.read(past, [guess], position))
            right = right and said[-1] == guess
            if right:
                said.append(self.model.next_token(past, row.process.seed))
        return said

    def _visible(self, table: Sequence[int], length: int) -> list[int]:
        """The slots before `length` that the next position sees, read through the block table."""
        first = 0 if self.window is None else max(0, length - self.window + 1)
        size, slots = self.block_size, []
        for at in range(first // size, -(-length // size)):
            if table[at] == GONE:
                raise LookupError(f"block {at} of the text was given back but is still seen")
            slots += self.blocks[table[at]][max(0, first - at * size) : length - at * size]
        return slots

    def _write(self, table: Sequence[int], start: int, slots: Sequence[int]) -> None:
        for position, slot in enumerate(slots, start):
            self.blocks[table[position // self.block_size]][position % self.block_size] = slot

    def copy(self, source: int, target: int) -> None:
        """As in `Driver`."""
        self.blocks[target] = list(self.blocks[source])

    def save(self, block: int) -> object:
        """As in `Driver`."""
        return list(self.blocks[block])

    def load(self, block: int, contents: object) -> None:
        """As in `Driver`."""
        self.blocks[block] = list(contents)
