"""Which exercises there are, and how one is found by its key."""

import difflib
import importlib

from llmasos_edu.exercises.checker.exercise import Exercise
from llmasos_edu.exercises.checker.question import Question

# Which folder holds the exercises of which chapter; it is imported when it is first asked for.
CHAPTERS = {
    "1": "background",
    "2.1": "language_models",
    "2.2": "operating_systems",
    "2.3": "architecture",
    "3.1": "pretraining",
    "3.2": "unsupervised",
    "3.3": "incremental",
    "3.4": "multitask",
    "3.5": "distillation",
    "4.1": "attention",
    "4.2": "transformer",
    "4.2.3": "positional",
    "4.3": "moe",
    "5": "project",
    "6.1": "dialogue",
    "6.2": "generation",
}


def _of_chapter(chapter: str) -> tuple[Exercise | Question, ...]:
    return importlib.import_module(f"llmasos_edu.exercises.{CHAPTERS[chapter]}").EXERCISES


def all_exercises() -> tuple[Exercise | Question, ...]:
    """Every exercise of the book, those answered with a function and those with a value, in its order."""
    return tuple(item for chapter in CHAPTERS for item in _of_chapter(chapter))


def find(key: str) -> Exercise | Question:
    """The exercise with this key.

    Raises:
        ValueError: no exercise has it; the message lists keys near it.
    """
    chapter = str(key).rpartition("-")[0]
    if chapter in CHAPTERS:
        for item in _of_chapter(chapter):
            if item.key == key:
                return item
    keys = [item.key for item in all_exercises()]
    near = difflib.get_close_matches(str(key), keys, n=4, cutoff=0.5) or [keys[0], "...", keys[-1]]
    raise ValueError(f"There is no exercise {key!r}. Near it: {', '.join(near)}.")
