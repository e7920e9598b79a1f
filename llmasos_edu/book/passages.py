"""The book's own text in passages, and questions whose answer stands in a known section (chapter 6.2.2)."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from llmasos_edu.book.outline import load_outline
from llmasos_edu.corpus.document import Document

QUESTIONS = Path(__file__).with_name("questions.toml")
LONGEST = 120  # words of a passage
_NOT_READ = {"exercises", "read-on", "ways-on", "table-head", "how-to-read", "title"}
_NUMBER = re.compile(r"#+ (\d+(?:\.\d+)*) ")


class Passage(NamedTuple):
    """A few lines of text and where they stand."""

    source: str  # `book`, or what the documents are
    section: str  # of the book, such as `4.1.2`, or the document's topic
    text: str


class Question(NamedTuple):
    """A question, and the section in which its answer stands."""

    text: str
    source: str
    section: str


def book_passages(chapters: Sequence[str] | None = None) -> list[Passage]:
    """The prose of the book's chapters, in passages of at most 120 words.

    Args:
        chapters: file names without ending; all that are there unless given.

    Returns:
        Passages in reading order, each with the number of the section that it stands in. Exercises and
        reading lists are left out: they repeat words of the text.

    Raises:
        ValueError: the book has no chapter of that name.
        FileNotFoundError: the book's folder or a chapter is not there.
    """
    if unknown := set(chapters or ()) - {each.file for each in load_outline()}:
        raise ValueError(f"the book has no chapter {min(unknown)!r}")
    wanted = [each for each in load_outline() if chapters is None or each.file in chapters]
    found = []
    for chapter in wanted:
        if not chapter.path().is_file():
            if chapters is None:
                continue
            raise FileNotFoundError(f"the chapter {chapter.file} is not there yet: {chapter.path().name}")
        section = chapter.number
        for cell in json.loads(chapter.path().read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "markdown":
                continue
            text = "".join(cell["source"])
            if number := _NUMBER.match(text):
                section = number[1]
            if cell["id"] not in _NOT_READ and not re.match(r"ex-\d", cell["id"]):
                found += [Passage("book", section, each) for each in _cut(text)]
    return found


def document_passages(documents: Sequence[Document], source: str) -> list[Passage]:
    """Documents in passages of at most 120 words, each with the topic of its document.

    A paragraph that stands in several documents belongs to the shortest of them: Python's manual has whole
    topics again inside of larger ones, and a question should have one right answer.
    """
    known, found = set(), {}
    for each in sorted(documents, key=lambda document: len(document.text)):
        paragraphs = [text for text in re.split(r"\n\s*\n", each.text) if " ".join(text.split()) not in known]
        known.update(" ".join(text.split()) for text in paragraphs)
        found[each.topic] = [Passage(source, each.topic, text) for text in _cut("\n\n".join(paragraphs))]
    return [passage for each in documents for passage in found[each.topic]]


def questions(path: str | Path | None = None) -> list[Question]:
    """Questions with the section where the answer stands: of the book, and of Python's manual.

    Args:
        path: a file of such questions; the book's own unless given.

    Raises:
        ValueError: a question without a text, a source or a section.
    """
    with Path(path or QUESTIONS).open("rb") as file:
        entries = tomllib.load(file)["question"]
    for number, entry in enumerate(entries, 1):
        if set(entry) != {"text", "source", "section"} or not all(map(str.strip, entry.values())):
            raise ValueError(f"question {number} is {entry}: text, source and section are wanted")
    return [Question(**entry) for entry in entries]


def _cut(text: str) -> list[str]:
    """A text in pieces of whole paragraphs; a paragraph that is too long is cut between words."""
    pieces, words = [], []
    for paragraph in re.split(r"\n\s*\n", text):
        new = paragraph.split()
        if words and len(words) + len(new) > LONGEST:
            pieces.append(words)
            words = []
        words = words + new
        while len(words) > LONGEST:
            pieces.append(words[:LONGEST])
            words = words[LONGEST:]
    return [" ".join(piece) for piece in (*pieces, words) if piece]
