"""What `python -m llmasos_edu.book links` writes: all that leads from one page of the book to another."""

import nbformat

from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.citations import PAGE, linked
from llmasos_edu.book.notebooks import WAYS_ON, as_text, write_whole
from llmasos_edu.book.outline import index_markdown, load_outline, ways_on
from llmasos_edu.book.references import store_references


def store_links(outline=None) -> list:
    """Write citations, the ends of the chapters, the index that is stored, and the page of references.

    Args:
        outline: chapters; those of the book unless given.

    Returns:
        The paths that changed.

    Raises:
        ValueError: a chapter cites what the bibliography does not have.
    """
    outline = load_outline() if outline is None else outline
    works = load_bibliography()
    ready = [chapter for chapter in outline if chapter.status == "ready" and chapter.file != PAGE]
    changed = [chapter.path() for chapter in ready if store_chapter(chapter, outline, works)]
    if any(chapter.file == PAGE for chapter in outline) and (page := store_references(outline)):
        changed.append(page)
    return changed


def store_chapter(chapter, outline, works) -> bool:
    """Write what one chapter's notebook links; True when the file changed."""
    path = chapter.path()
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    write_ways_on(notebook, ways_on(chapter, outline=outline))
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


def write_index(cell, text: str) -> None:
    """Bring the stored table of contents up to date: it follows from the outline, no model has to run."""
    for output in cell.outputs:
        if "text/markdown" in output.get("data", {}):
            output.data["text/markdown"] = text
