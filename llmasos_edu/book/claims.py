"""The claims of a chapter, each with what the chapter measured and a verdict: one table a chapter."""

import re
from dataclasses import dataclass, field

from llmasos_edu.book.article import clause

OURS = re.compile(r"^ours: | \(ours\)$")
WORK = re.compile(r"\[@\w+\]")
TABLE_HEAD = "| section | claim | measured here | verdict |"


@dataclass
class Claims:
    """Collects a chapter's claims as its cells test them, and shows them as one table.

    Each bears a mark of who makes it: one of ours ends in `(ours)` or begins with `ours:`, one of a paper
    cites it, one of the article's ends in the article's own words.

    Args:
        chapter: the chapter's number, such as `"4.1"`.
    """

    chapter: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(
        self,
        section: str,
        claim: str,
        measured: str,
        *,
        holds: bool | None,
        when: str = "",
        article: str = "",
    ) -> None:
        """Record one claim.

        Args:
            section: where it is tested.
            claim: what is asserted, in a few words; `([@press2022])` cites a work, `(ours)` marks ours.
            measured: the experiment's figure, computed; of a difference within the noise its interval too.
            holds: whether the experiment bears the claim out; None where the noise is larger than what the
                claim is about, so that nothing is shown either way.
            when: the condition under which it does; none unless given.
            article: the clause in which the article says it, in Chinese, as `article.toml` has it.

        Raises:
            ValueError: a section of another chapter, an empty text, a condition of what was not shown, or a
                claim that nobody makes, or two.
        """
        if not section.startswith(self.chapter):
            raise ValueError(f"section {section} does not belong to chapter {self.chapter}")
        if not (claim.strip() and measured.strip()):
            raise ValueError(f"a claim needs words and a measurement: claim={claim!r}, measured={measured!r}")
        if holds is None and when:
            raise ValueError(f"what was not shown has no condition, when={when!r}")
        who = len(WORK.findall(claim)) + bool(OURS.search(claim)) + bool(article)
        if who != 1:
            raise ValueError(
                f"{section}, {claim!r}: one says it, the article (article=...), a work ('([@key])' in the "
                f"claim) or we ('(ours)'); here it is {'more than one' if who else 'nobody'}"
            )
        if article:
            claim = f"{claim} {clause(article).mark}"
        held = f"holds when {when}" if when else "holds"
        self._put(
            (section, claim, measured, "not shown" if holds is None else held if holds else "does not hold")
        )

    def judge(self, key: str) -> None:
        """Record a claim with the verdict that its stored sweep bears out (`make evidence`).

        Args:
            key: of a statement in `evidence/`, such as `"4.1.3-more-heads"`.

        Raises:
            ValueError: no such statement, its runs are missing, or it belongs to another chapter.
        """
        from llmasos_edu.book.evidence import decision

        found = decision(key)
        source = found.statement.source
        if not source.section.startswith(self.chapter):
            raise ValueError(f"section {source.section} does not belong to chapter {self.chapter}")
        self._put((source.section, source.marked, found.in_words(), found.verdict))

    def _put(self, row: tuple[str, str, str, str]) -> None:
        # Running a cell again replaces its row: the table never counts a claim twice.
        known = [index for index, old in enumerate(self.rows) if old[:2] == row[:2]]
        if known:
            self.rows[known[0]] = row
        else:
            self.rows.append(row)

    def __repr__(self) -> str:
        if not self.rows:
            return f"chapter {self.chapter}: no claim tested yet, run the cells above"
        return "\n".join(f"{section} | {claim} | {what} | {v}" for section, claim, what, v in self.rows)

    def _repr_markdown_(self) -> str:
        if not self.rows:
            return repr(self)
        lines = [TABLE_HEAD, "|---|---|---|---|"]
        for row in self.rows:
            section, claim, what, verdict = (text.replace("|", "\\|") for text in row)
            lines.append(f"| {section} | {claim} | {what} | **{verdict}** |")
        table = "\n".join(lines)
        if not re.search(r"\[@\w", table):
            return table
        from llmasos_edu.book.citations import linked  # reads the bibliography, which most tables do not cite

        return linked(table)


def at_least(value: float, *levels: float) -> str:
    """The highest of some levels that a noisy figure reaches, in words: `above 0.9`.

    A training result differs a little from machine to machine; which level it clears does not.
    """
    reached = [level for level in sorted(levels) if value > level]
    return f"above {reached[-1]:g}" if reached else f"not above {min(levels):g}"


def at_most(value: float, *levels: float) -> str:
    """The lowest of some levels that a noisy figure stays under, in words: `below 0.1`."""
    kept = [level for level in sorted(levels) if value < level]
    return f"below {kept[0]:g}" if kept else f"not below {max(levels):g}"
