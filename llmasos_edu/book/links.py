"""What `python -m llmasos_edu.book links` writes: all that leads from one page of the book to another."""

import re

import nbformat

from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.citations import PAGE, linked
from llmasos_edu.book.notebooks import WAYS_ON, as_text, write_whole
from llmasos_edu.book.outline import BOOK_ROOT, index_markdown, load_outline, ways_on
from llmasos_edu.book.references import store_references
from llmasos_edu.book.times import outline_with, state_times, times_of

NEED = re.compile(r"^\*\*You need\*\* .*\S", re.MULTILINE)
WORDS = "[Words of all chapters](00_start_here.ipynb#cell-id=words)."


def store_links() -> list:
    """Write citations, minutes, the ends of the chapters, the stored index, and the page of references.

    Returns:
        The paths that changed.

    Raises:
        ValueError: a chapter cites what the bibliography does not have.
    """
    # Links have words, words have minutes, and the minutes stand in the chapters: so these are written twice.
    changed = store_chapters(load_outline())
    changed += store_minutes(BOOK_ROOT / "notebooks" / "outline.toml")
    outline = load_outline()
    changed += store_chapters(outline)
    if page := store_references(outline):
        changed.append(page)
    return list(dict.fromkeys(changed))


def store_chapters(outline) -> list:
    """Write what the notebooks of the chapters that are ready link; the paths that changed."""
    works = load_bibliography()
    ready = [chapter for chapter in outline if chapter.status == "ready" and chapter.file != PAGE]
    return [chapter.path() for chapter in ready if store_chapter(chapter, outline, works)]


def store_minutes(path) -> list:
    """Write into the outline how long each chapter that is ready takes; a list of its path if it changed."""
    before = after = path.read_text(encoding="utf-8")
    for chapter in load_outline(path):
        if chapter.status == "ready" and chapter.path().exists():
            after = outline_with(after, chapter.file, *times_of(nbformat.read(chapter.path(), as_version=4)))
    if after == before:
        return []
    write_whole(path, after)
    return [path]


def store_chapter(chapter, outline, works) -> bool:
    """Write what one chapter's notebook links; True when the file changed."""
    path = chapter.path()
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    write_ways_on(notebook, ways_on(chapter, outline=outline))
    state_times(notebook, chapter.minutes, chapter.exercises)
    write_need(notebook, chapter)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, works)
        elif cell.source.strip() == "index()":
            write_index(cell, index_markdown(outline=outline))
    after = as_text(notebook)
    if after != before:
        write_whole(path, after)
    return after != before


def write_ways_on(notebook, text: str) -> None:
    """Put the links to a chapter's neighbours into its last cell, which is made if it is not there."""
    if not notebook.cells or notebook.cells[-1].id != WAYS_ON:
        notebook.cells.append(nbformat.v4.new_markdown_cell(id=WAYS_ON))
    notebook.cells[-1].source = text


def write_need(notebook, chapter) -> None:
    """End the paragraph "You need" of a numbered chapter with a link to the words that all chapters use."""
    for cell in notebook.cells if chapter.number else ():
        if cell.cell_type == "markdown" and WORDS not in cell.source:
            cell.source = NEED.sub(lambda found: f"{found.group()} {WORDS}", cell.source, count=1)


def write_index(cell, text: str) -> None:
    """Bring the stored table of contents up to date: it follows from the outline, no model has to run."""
    for output in cell.outputs:
        if "text/markdown" in output.get("data", {}):
            output.data["text/markdown"] = text
