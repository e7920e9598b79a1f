"""The claims of all chapters, read from the tables that their notebooks store."""

import json
import re
from dataclasses import dataclass

from llmasos_edu.book.claims import OWN_HEAD, TABLE_HEAD
from llmasos_edu.book.outline import Chapter, load_outline

KINDS = ("holds", "holds when", "does not hold", "not shown")


@dataclass(frozen=True)
class Claim:
    """One row of a chapter's table."""

    chapter: Chapter
    section: str
    claim: str
    measured: str
    verdict: str

    @property
    def kind(self) -> str:
        """One of `KINDS`: the verdict without its condition."""
        return next(kind for kind in reversed(KINDS) if self.verdict.startswith(kind))

    @property
    def condition(self) -> str:
        """Under what the claim holds; empty where it holds or does not, whatever else is the case."""
        return self.verdict.removeprefix("holds when ") if self.kind == "holds when" else ""


def collect_claims(parts=None, outline=None) -> list[Claim]:
    """The claims that the chapters of some parts have tested, in the order of the book.

    Args:
        parts: numbers of parts of the book; all of them unless given.
        outline: chapters; those of the book unless given.

    Returns:
        One `Claim` a row of each table, for chapters that are ready.

    Raises:
        ValueError: a part that the book does not have; a chapter that stores no table, or a broken one.
    """
    outline = load_outline() if outline is None else outline
    known = {chapter.part.number for chapter in outline}
    parts = known - {""} if parts is None else parts
    if unknown := [part for part in parts if part not in known]:
        raise ValueError(f"the book has no part {unknown[0]!r}, only {', '.join(sorted(known - {''}))}")
    ready = [chapter for chapter in outline if chapter.part.number in parts and chapter.status == "ready"]
    return [claim for chapter in ready for claim in read_claims(chapter)]


def read_claims(chapter: Chapter) -> list[Claim]:
    """The rows of the table of claims that a chapter's notebook stores.

    Raises:
        ValueError: there is no such table among the stored outputs, or a row is not one of ours.
    """
    # Not with nbformat: every chapter imports this, and nbformat's validator takes seconds to import.
    notebook = json.loads(chapter.path().read_text(encoding="utf-8"))
    shown = [
        "".join(output.get("data", {}).get("text/markdown", ""))
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
    ]
    tables = [text for text in shown if text.startswith((TABLE_HEAD, OWN_HEAD))]
    if not tables:
        raise ValueError(f"{chapter.file} stores no table of claims: run it with make book")
    return [_row(chapter, line) for line in tables[-1].splitlines()[2:]]


def _row(chapter: Chapter, line: str) -> Claim:
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if len(cells) != 4 or not cells[3].strip("*").startswith(KINDS):
        raise ValueError(f"{chapter.file}: this is no row of a table of claims: {line!r}")
    section, claim, measured, verdict = cells
    return Claim(chapter, section, claim, measured, verdict.strip("*"))


def count_kinds(claims) -> dict[str, int]:
    """How many claims there are of each kind: `{kind: number}` in the order of `KINDS`."""
    kinds = [claim.kind for claim in claims]
    return {kind: kinds.count(kind) for kind in KINDS}


def claims_markdown(claims) -> str:
    """A table of claims in Markdown, each with a link to its chapter.

    Raises:
        ValueError: there are no claims.
    """
    if not claims:
        raise ValueError("there are no claims to show")
    lines = ["| section | claim | measured there | verdict |", "|---|---|---|---|"]
    for item in claims:
        claim, measured, verdict = (
            text.replace("|", "\\|") for text in (item.claim, item.measured, item.verdict)
        )
        link = f"[{item.section}]({item.chapter.file}.ipynb)"
        lines.append(f"| {link} | {claim} | {measured} | **{verdict}** |")
    return "\n".join(lines)
