"""The book as a thing to run: its outline, its self-test, and what runs, stores and exports its notebooks.

In a notebook: `from llmasos_edu.book import index, self_test`. In a terminal: `python -m llmasos_edu.book`.
"""

from llmasos_edu.book.all_claims import claims_markdown, collect_claims, count_kinds
from llmasos_edu.book.claims import Claims, at_least, at_most
from llmasos_edu.book.installation import self_test
from llmasos_edu.book.outline import BOOK_ROOT, Chapter, Section, index, load_outline, notebook_paths

__all__ = [
    "BOOK_ROOT",
    "Chapter",
    "Claims",
    "Section",
    "at_least",
    "at_most",
    "claims_markdown",
    "collect_claims",
    "count_kinds",
    "index",
    "load_outline",
    "notebook_paths",
    "self_test",
]
