"""What a chapter asks is what the checker judges: statements and questions stand in both, word by word."""

import re

import nbformat
import pytest

from llmasos_edu.book import notebook_paths
from llmasos_edu.exercises import all_exercises, given
from llmasos_edu.exercises.checker.question import Question

HEAD = re.compile(r"\*\*(\d[\d.]*-\d+) ")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")  # a citation: a link in the chapter, plain words in the checker


def asked_in_chapters():
    """{key: the text under its heading} of every exercise that stands in a chapter."""
    cells = (
        cell
        for path in notebook_paths()
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    return {head.group(1): cell.source for cell in cells if (head := HEAD.match(cell.source))}


ASKED = asked_in_chapters()


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda each: each.key)
def test_a_chapter_asks_what_is_judged(exercise):
    statement = exercise.statement
    if isinstance(exercise, Question):
        statement = statement.format(**given(exercise.key))
    for sentence in re.split(r"(?<=[.?!])(?<!al\.) ", statement):
        if not YEAR.search(sentence):
            assert sentence in ASKED[exercise.key]
