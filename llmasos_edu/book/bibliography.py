"""The works that the book cites: `notebooks/references.bib` read into references with a link each."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from pybtex.database import BibliographyDataError, Entry, Person, parse_string
from pybtex.exceptions import PybtexError

from llmasos_edu.book.outline import BOOK_ROOT

DOI = re.compile(r"10\.\d{4,9}/\S+")
ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}")
VENUES = ("journal", "booktitle", "institution", "publisher", "howpublished")


@dataclass(frozen=True)
class Reference:
    """One work, and where to find it.

    Fields:
        authors: last names, in the paper's order; `others` where the list was cut.
        doi, arxiv, url: at least one of them is there, the others are empty.
        venue: where it appeared, as far as the file says.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    doi: str = ""
    arxiv: str = ""
    url: str = ""
    venue: str = ""

    @property
    def link(self) -> str:
        """Where it can be read: on arXiv for nothing, else by its DOI, else at its address."""
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.arxiv}"
        return f"https://doi.org/{quote(self.doi, safe='/:;')}" if self.doi else self.url

    @property
    def short(self) -> str:
        """As the text cites it: `Vaswani et al. 2017`, `Ritchie & Thompson 1974`, `Touvron et al. 2023b`."""
        letter = re.search(r"(?<=\d)[b-z]?$", self.key)
        year = f"{self.year}{letter.group() if letter else ''}"
        names = [name for name in self.authors if name != "others"]
        if len(self.authors) > 2 or len(names) < len(self.authors):
            return f"{names[0]} et al. {year}"
        return f"{' & '.join(names)} {year}"

    @property
    def markdown(self) -> str:
        """Authors, year and the title as a link."""
        return f"{self.short}, [*{self.title}*]({self.link})"


def load_bibliography(path: str | Path | None = None) -> dict[str, Reference]:
    """Every work that the book cites, by its key.

    Args:
        path: a BibTeX file; the book's own `notebooks/references.bib` if not given.

    Returns:
        {key: `Reference`}, in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no BibTeX, a key or a number stands twice, or an entry lacks its author, title, year
            or a number by which it is found.
    """
    path = Path(path) if path else BOOK_ROOT / "notebooks" / "references.bib"
    if not path.is_file():
        raise FileNotFoundError(f"there is no bibliography at {path}")
    return dict(_parsed(path.read_text(encoding="utf-8"), path.name))


@cache
def _parsed(text: str, name: str) -> dict[str, Reference]:
    """The works of one BibTeX text; a page of claims names hundreds, and the text is parsed once."""
    try:
        entries = parse_string(text, "bibtex").entries
    except BibliographyDataError as twice:
        raise ValueError(f"{name}: a key stands twice: {twice}") from twice
    except PybtexError as broken:
        raise ValueError(f"{name} is no BibTeX: {broken}") from broken
    found = {key: _reference(key, entry) for key, entry in entries.items()}
    _refuse_twins(found.values())
    return found


def reading_list(looks: dict[str, str]) -> str:
    """A table in Markdown of works to read on, each with a link and what to look for in it.

    Args:
        looks: {key in the bibliography: what to look for}.

    Raises:
        ValueError: the bibliography has no such work.
    """
    works = load_bibliography()
    unknown = [key for key in looks if key not in works]
    if unknown:
        raise ValueError(f"the bibliography has no {', '.join(unknown)}")
    lines = ["| source | look for |", "|---|---|"]
    return "\n".join(lines + [f"| {works[key].markdown} | {look} |" for key, look in looks.items()])


def _reference(key: str, entry: Entry) -> Reference:
    fields = entry.fields
    missing = [name for name in ("title", "year") if not fields.get(name, "").strip()]
    missing += [] if entry.persons.get("author") else ["author"]
    if missing:
        raise ValueError(f"{key} has no {' and no '.join(missing)}")
    if not re.fullmatch(r"(1[89]|20)\d\d", fields["year"]):
        raise ValueError(f"{key} has year={fields['year']!r}, expected four digits from 1800 on")
    numbers = {"doi": fields.get("doi", ""), "arxiv": fields.get("eprint", ""), "url": fields.get("url", "")}
    _check_numbers(key, **numbers)
    authors = tuple(_last_name(person) for person in entry.persons["author"])
    venue = next((_plain(fields[name]) for name in VENUES if fields.get(name)), "")
    return Reference(key, authors, _plain(fields["title"]), int(fields["year"]), **numbers, venue=venue)


def _check_numbers(key: str, doi: str, arxiv: str, url: str) -> None:
    if not (doi or arxiv or url):
        raise ValueError(f"{key} has neither doi nor eprint (an arXiv number) nor url")
    if doi and not DOI.fullmatch(doi):
        raise ValueError(f"{key} has doi={doi!r}, expected one such as 10.1145/361011.361061")
    if arxiv and not ARXIV.fullmatch(arxiv):
        raise ValueError(f"{key} has eprint={arxiv!r}, expected an arXiv number such as 1706.03762")
    if url and not url.startswith("https://"):
        raise ValueError(f"{key} has url={url!r}, expected an address that begins with https://")


def _refuse_twins(references) -> None:
    owners: dict[str, str] = {}
    for reference in references:
        for number in (reference.doi, reference.arxiv, reference.url):
            if number and owners.setdefault(number.lower(), reference.key) != reference.key:
                raise ValueError(
                    f"{owners[number.lower()]} and {reference.key} are one work: both have {number}"
                )


def _last_name(person: Person) -> str:
    return _plain(" ".join([*person.prelast_names, *person.last_names]))


def _plain(text: str) -> str:
    """Without the braces that guard capitals, and without BibTeX's escapes."""
    text = re.sub(r"[{}]", "", text).replace("``", "“").replace("''", "”").replace("--", "–")
    return " ".join(re.sub(r"\\([&%])", r"\1", text).split())
