"""The claims of all chapters, read from the tables that their notebooks store, each with its sweep."""

import itertools
import json
import re
from dataclasses import dataclass

from llmasos_edu.book.article import MARK, clause
from llmasos_edu.book.citations import PAGE, linked, section_at
from llmasos_edu.book.claims import OURS, TABLE_HEAD
from llmasos_edu.book.outline import Chapter, load_outline
from llmasos_edu.plots.setting_words import setting_names

WORK = re.compile(rf" \((\[[^]]*\]\({PAGE}\.ipynb#cell-id=\w+\))(, [^()]*)?\)")
KINDS = ("holds", "holds when", "does not hold", "not shown")


@dataclass(frozen=True)
class Claim:
    """One row of a chapter's table; `cell` is the id of the cell in which the claim's section begins."""

    chapter: Chapter
    section: str
    claim: str
    measured: str
    verdict: str
    cell: str = ""

    @property
    def kind(self) -> str:
        """One of `KINDS`: the verdict without its condition."""
        return next(kind for kind in reversed(KINDS) if self.verdict.startswith(kind))

    @property
    def condition(self) -> str:
        """Under what the claim holds; empty where it holds or does not, whatever else is the case."""
        return self.verdict.removeprefix("holds when ") if self.kind == "holds when" else ""

    @property
    def words(self) -> str:
        """What is claimed, without the mark of who says it."""
        return WORK.sub("", MARK.sub("", OURS.sub("", self.claim)))

    @property
    def source(self) -> str:
        """Who says it, in Markdown: we, the work that the claim cites, or the article in its own words.

        Raises:
            ValueError: the claim bears no mark of any of these.
        """
        if OURS.search(self.claim):
            return "ours"
        if work := WORK.search(self.claim):
            return f"{work[1]}{work[2] or ''}"
        if said := MARK.search(self.claim):
            return clause(said[1]).source
        raise ValueError(f"{self.section}: nobody is said to claim {self.claim!r}: run and store the chapter")

    @property
    def link(self) -> str:
        """To the section, in Markdown."""
        return f"[{self.section}]({self.chapter.file}.ipynb{f'#cell-id={self.cell}' if self.cell else ''})"


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
    tables = [text for text in shown if text.startswith(TABLE_HEAD)]
    if not tables:
        raise ValueError(f"{chapter.file} stores no table of claims: run it with make book")
    begins = _sections(notebook, chapter)
    return [_row(chapter, line, begins) for line in tables[-1].splitlines()[2:]]


def _sections(notebook, chapter) -> dict[str, str]:
    """{section: id of the cell with its heading}; the chapter itself begins with its first cell."""
    begins, section = {}, chapter.number
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            section = section_at("".join(cell["source"]), chapter, section)
            begins.setdefault(section, cell["id"])
    return begins


def _row(chapter: Chapter, line: str, begins: dict[str, str]) -> Claim:
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if len(cells) != 4 or not cells[3].strip("*").startswith(KINDS):
        raise ValueError(f"{chapter.file}: this is no row of a table of claims: {line!r}")
    section, claim, measured, verdict = cells
    return Claim(chapter, section, claim, measured, verdict.strip("*"), begins.get(section, ""))


def count_kinds(claims) -> dict[str, int]:
    """How many claims there are of each kind: `{kind: number}` in the order of `KINDS`."""
    kinds = [claim.kind for claim in claims]
    return {kind: kinds.count(kind) for kind in KINDS}


def claims_markdown(claims) -> str:
    """Claims in Markdown, chapter by chapter: a block each, with source, figure, sweep, and where it flips.

    A block, and no row of a table: five columns of sentences fit no page, and least of all a phone.

    Raises:
        ValueError: there are no claims, or one stands there twice.
    """
    if not claims:
        raise ValueError("there are no claims to show")
    keys = [(claim.section, claim.claim) for claim in claims]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"these claims stand there twice: {sorted(twice)}")
    sweeps = sweeps_of(claims)
    lines = []
    for chapter, group in itertools.groupby(claims, key=lambda claim: claim.chapter):
        lines += [f"**Chapter {chapter.number}: {chapter.en}**", ""]
        for claim in group:
            lines += _block(claim, sweeps.get((claim.section, claim.claim)))
    return "\n".join(lines)


def sweeps_of(claims) -> dict:
    """{(section, claim as its table has it): the decision on it}, for the claims that a sweep decides."""
    from llmasos_edu.book.evidence import decisions
    from llmasos_edu.book.evidence.results import files

    asked = {(claim.section, claim.claim) for claim in claims}
    found = {
        (each.statement.source.section, linked(each.statement.source.marked)): each
        for path in files()
        for each in decisions(path).values()
    }
    return {key: found[key] for key in found.keys() & asked}


def _block(claim, decision) -> list[str]:
    """One claim as an item of a list, with what it rests on as items below."""
    head = f"- **{claim.link}** {claim.words[0].upper()}{claim.words[1:]}: **{claim.verdict}**"
    if decision is None:
        rests = [("Figure", claim.measured), ("Sweep", "none: the chapter's own figures decide")]
    else:
        rests = _sweep(decision)
    return [head, *(f"    - *{name}:* {text}" for name, text in [("Source", claim.source), *rests]), ""]


def _sweep(decision) -> list[tuple[str, str]]:
    of, borne = decision.statement, len(decision.rows) - len(decision.flips())
    own = setting_names([setting for setting, *_ in decision.rows])[0]
    count = f"{len(decision.rows)} settings × {of.experiment.seeds} seeds, against {of.control}"
    flips = decision.flips_in_words() if borne else ""
    if flips and not decision.refuted():
        flips += "; none is against it"
    return [
        ("Figure", f"{decision.live()} {of.unit}, in the chapter's own setting ({own})"),
        ("Sweep", f"{count}; more than {of.above:g} counts, found in {borne} of {len(decision.rows)}"),
        ("Not borne out", flips or ("in no setting" if borne else "in all settings")),
    ]
