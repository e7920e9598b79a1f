"""Tasks as text: questions on code that name their task, answered with one letter (section 3.4.3).

A question is a name of two letters, a colon, twelve bytes of a program and an equals sign; it asks about the
last of the twelve. The first letter names the task, the second the alphabet of the answer, digits or letters.
So there are instructions that can be left out of training though each of their letters was trained.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.code_tasks import LabelledText
from llmasos_edu.corpus.kinds import KINDS

PIECE = 12  # bytes of the program that a question shows
LETTERS = {"kind": "k", "depth": "d", "word": "w", "docstring": "s"}
ALPHABETS = {"1": b"012", "a": b"abc"}
# The classes of a task as sets of labels; a place with another label is not asked about.
CLASSES = {
    "kind": tuple({KINDS.index(name)} for name in ("name", "string", "operator")),
    "depth": ({0}, {1}, {2, 3}),
    "word": ({0}, {1}),
    "docstring": ({0}, {1}),
}


class Instruction(NamedTuple):
    """Which task, and in which alphabet the answer is wanted."""

    task: str
    alphabet: str

    @property
    def name(self) -> str:
        return LETTERS[self.task] + self.alphabet


class Questions:
    """Draws questions of some instructions: `sample(generator)` -> (tokens `[rows, 16]`, answers `[rows]`).

    Each instruction has as many rows as any other, and each class of its task the same chance: a constant
    answer is right in one of two or three cases, whatever the text is.

    Args:
        text: a labelled text of bytes.
        instructions: those that are asked.
        count: questions of each instruction.
        named: write the instruction's name in front; `??` in its place if not.

    Raises:
        ValueError: no instruction, or a class that the text has nowhere.
    """

    def __init__(
        self, text: LabelledText, instructions: Sequence[Instruction], count: int, named: bool = True
    ):
        if not instructions:
            raise ValueError("there is no instruction to ask")
        self.text, self.instructions, self.count, self.named = text, list(instructions), count, named
        self.places = {task: self._places(task) for task, _ in self.instructions}

    def _places(self, task: str) -> list[Tensor]:
        """For each class where pieces begin whose last byte belongs to it."""
        labels = self.text.labels[task][PIECE - 1 :]
        found = [sum((labels == label).int() for label in group).nonzero()[:, 0] for group in CLASSES[task]]
        if empty := [number for number, places in enumerate(found) if len(places) == 0]:
            raise ValueError(f"the text has no place of class {empty[0]} of {task!r}")
        return found

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        parts = [self._asked(each, generator) for each in self.instructions]
        return torch.cat([tokens for tokens, _ in parts]), torch.cat([answers for _, answers in parts])

    def _asked(self, instruction, generator):
        places = self.places[instruction.task]
        number = torch.randint(len(places), (self.count,), generator=generator)
        share = torch.rand(self.count, generator=generator, dtype=torch.float64)
        starts = torch.stack([found[(share * len(found)).long()] for found in places])
        starts = starts.gather(0, number[None])[0]
        name = f"{instruction.name if self.named else '??'}:".encode()
        front = torch.tensor(list(name)).expand(self.count, -1)
        piece = self.text.tokens[starts[:, None] + torch.arange(PIECE)]
        ask = torch.full((self.count, 1), ord("="))
        answers = torch.tensor(list(ALPHABETS[instruction.alphabet]))[number]
        return torch.cat([front, piece, ask], dim=1), answers


def instructions_of(tasks: Sequence[str], held_out: Instruction | None = None) -> list[Instruction]:
    """Every task in every alphabet, without the one that is held out."""
    every = [Instruction(task, alphabet) for task in tasks for alphabet in ALPHABETS]
    return [each for each in every if each != held_out]


def constant_answer(answers: Tensor) -> float:
    """The share that one answer, always the same, gets right at best."""
    return (torch.bincount(answers).max() / len(answers)).item()


def by_last_byte(known: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor]) -> float:
    """The share that a table gets right: for each last byte the commonest answer among those known.

    A byte that is not in the table gets the commonest answer of all.
    """
    (rows, answers), (questions, wanted) = known, asked
    votes = torch.zeros(257, 256)
    votes.index_put_((rows[:, -2], answers), torch.ones(len(answers)), accumulate=True)
    votes[256] = votes.sum(0)
    last = torch.where(votes[questions[:, -2]].sum(1) > 0, questions[:, -2], 256)
    return (votes.argmax(1)[last] == wanted).double().mean().item()
