"""The page of references: every work that a chapter cites, with links to where it is cited."""

import unicodedata
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from llmasos_edu.book.bibliography import Reference, load_bibliography
from llmasos_edu.book.citations import PAGE, Place, cited_in
from llmasos_edu.book.notebooks import KERNEL, WAYS_ON, as_text, write_whole
from llmasos_edu.book.outline import Chapter, ways_on

OPENING = """\
# References

The works that the chapters cite, by their first authors. Each has the number by which it is found: on \
arXiv, where it can be read for nothing, or its DOI. Behind *cited in* stand the sections, as links.

This page is made by `python -m llmasos_edu.book links` from `notebooks/references.bib` and the chapters: \
what it says is changed there."""


def store_references(outline: list[Chapter]) -> Path | None:
    """Write the page of references anew; its path when the file changed."""
    page = next(chapter for chapter in outline if chapter.file == PAGE)
    before = page.path().read_text(encoding="utf-8") if page.path().exists() else ""
    after = as_text(references_page(outline))
    if after == before:
        return None
    write_whole(page.path(), after)
    return page.path()


def references_page(outline: list[Chapter]):
    """The page of references as a notebook: a heading a letter, a cell a work, named by the work's key."""
    works, places = load_bibliography(), all_places(outline)
    page = next(chapter for chapter in outline if chapter.file == PAGE)
    cells, letter = [new_markdown_cell(OPENING, id="title")], ""
    for work in sorted((works[key] for key in places), key=_order):
        if (first := _folded(work.authors[0])[0].upper()) != letter:
            letter = first
            cells.append(new_markdown_cell(f"## {letter}", id=f"letter-{letter.lower()}"))
        cells.append(new_markdown_cell(in_words(work, places[work.key]), id=work.key))
    cells.append(new_markdown_cell(ways_on(page, outline=outline), id=WAYS_ON))
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def all_places(outline: list[Chapter]) -> dict[str, list[Place]]:
    """Where the chapters that are ready cite each work: {key: places in reading order}.

    Raises:
        ValueError: a chapter cites what the bibliography does not have.
    """
    works, found = load_bibliography(), {}
    for chapter in outline:
        if chapter.status != "ready" or not (chapter.number or chapter.sections):
            continue  # the pages before and after the chapters repeat what these say
        for key, places in cited_in(nbformat.read(chapter.path(), as_version=4), chapter, works).items():
            if key not in works:
                raise ValueError(f"{chapter.file} cites {key}, which the bibliography does not have")
            found[key] = found.get(key, []) + places
    return found


def in_words(work: Reference, places: list[Place]) -> str:
    """One work: how it is cited, its authors, title as a link, venue and number, and where it is cited."""
    names = ["and others" if name == "others" else name for name in work.authors]
    where = f" {work.venue}," if work.venue else ""
    number = f"arXiv {work.arxiv}" if work.arxiv else f"DOI `{work.doi}`" if work.doi else "on the web"
    return (
        f"**{work.short}** · {', '.join(names)}. [*{work.title}*]({work.link}).{where} {number}.  \n"
        f"Cited in {' · '.join(place.link for place in places)}"
    )


def _order(work: Reference) -> tuple[str, int, str]:
    return _folded(" ".join(work.authors)), work.year, work.key


def _folded(name: str) -> str:
    """Small letters without accents, so that Spärck stands under S."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
