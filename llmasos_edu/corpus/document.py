"""The unit of every corpus: one text with a name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """One text with a name: a topic of the manual, a module of the library, a file of the reader's.

    Args:
        topic: the name, unique within its corpus.
        text: the text, never empty in the corpora of this package.
    """

    topic: str
    text: str
