"""Citations in the text: `[@kwon2023]` becomes a link into the page of references, which leads back."""

import re
from dataclasses import dataclass

from llmasos_edu.book.bibliography import Reference, load_bibliography
from llmasos_edu.book.outline import Chapter

PAGE = "98_references"

MARK = re.compile(r"\[@(\w+)\]")
TARGET = re.compile(rf"{PAGE}\.ipynb#cell-id=(\w+)")
LINK = re.compile(rf"\[([^\]]*)\]\({PAGE}\.ipynb#cell-id=(\w+)\)")

YEAR = r"(?:1[89]|20)\d\d[a-z]?\b"
NAME = r"(?:[Vv]an (?:de |den |der )?)?[A-ZÀ-ÖØ-Þ][\w’'-]+"
BARE = re.compile(
    rf"{NAME} et al\.,? \(?{YEAR}|{NAME} (?:&|and) {NAME},? \(?{YEAR}"
    rf"|[(;,] ?{NAME},? {YEAR}|{NAME} \({YEAR}\)"
)
# What may stand with a year and cites nobody: code, links, formulas, and the comments that HTML hides.
NO_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\[[^\]]*\]\([^)]*\)|<!--.*?-->|\$\$.*?\$\$", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Where a work is cited: the chapter, the section's number or the chapter's title, and the cell."""

    chapter: Chapter
    section: str
    cell: str

    @property
    def link(self) -> str:
        return f"[{self.section}]({self.chapter.file}.ipynb#cell-id={self.cell})"


def cite(work: Reference) -> str:
    """Author and year as a link to the work's cell on the page of references.

    JupyterLab goes to a cell by `#cell-id=`, and so do our static pages; GitHub opens the page at its top.
    """
    return f"[{work.short}]({PAGE}.ipynb#cell-id={work.key})"


def linked(text: str, works: dict[str, Reference] | None = None) -> str:
    """The text with each mark `[@key]` as a link, and each link's words as the bibliography has them.

    Args:
        text: Markdown.
        works: the bibliography; the book's own if not given.

    Raises:
        ValueError: a key that the bibliography does not have.
    """
    works = load_bibliography() if works is None else works

    def with_name(found: re.Match) -> str:
        key = found.group(found.lastindex)
        if key not in works:
            raise ValueError(f"the bibliography has no {key}, which the text cites")
        return cite(works[key])

    return LINK.sub(with_name, MARK.sub(with_name, text))


def named(text: str) -> str:
    """The text with each mark `[@key]` as author and year: for a picture, in which nothing can be clicked.

    Raises:
        ValueError: a key that the bibliography does not have.
    """
    return LINK.sub(r"\1", linked(text))


def bare_citations(text: str) -> list[str]:
    """Names with a year that are no link: `(Denning 1968)`, `Wang et al. (2024)`."""
    return [found.group().strip("(;, ") for found in BARE.finditer(NO_PROSE.sub(" ", text))]


def cited_in(notebook, chapter: Chapter, works: dict[str, Reference]) -> dict[str, list[Place]]:
    """Where a chapter cites each work: in its prose, its claims, its reading lists, and what its code shows.

    Args:
        notebook: as `nbformat.read` gives it.
        chapter: its entry in the outline.
        works: the bibliography.

    Returns:
        {key: places in the order of the text, one a section}.
    """
    found: dict[str, list[Place]] = {}
    section = chapter.number or chapter.en
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = section_at(cell.source, chapter, section)
        for key in keys_of(cell, works):
            places = found.setdefault(key, [])
            if section not in [place.section for place in places]:
                places.append(Place(chapter, section, cell.id))
    return found


def keys_of(cell, works: dict[str, Reference]) -> list[str]:
    """The works that one cell cites, in its order, each once."""
    keys = [key for _, key in LINK.findall(cell.source)] + MARK.findall(cell.source)
    if cell.cell_type == "code" and "reading_list(" in cell.source:
        keys += [key for key in re.findall(r"[\"'](\w+)[\"']\s*:", cell.source) if key in works]
    for output in cell.get("outputs", []):
        for kind in ("text/markdown", "text/html"):
            keys += TARGET.findall(output.get("data", {}).get(kind, ""))
    return list(dict.fromkeys(keys))


def section_at(source: str, chapter: Chapter, before: str) -> str:
    """The section in which a cell ends: a heading of rank two without a number belongs to the chapter."""
    for marks, title in re.findall(r"^(#{1,6}) +(.+)$", re.sub(r"```.*?```", "", source, flags=re.S), re.M):
        numbered = re.match(r"\d+(\.\d+)+(?=\s)", title)
        if numbered:
            before = numbered.group()
        elif len(marks) <= 2:
            before = chapter.number or chapter.en
    return before
