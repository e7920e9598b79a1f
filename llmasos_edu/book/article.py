"""What the article behind this book says, in its own words: the clauses that the book examines or names."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACE = Path(__file__).with_name("article.toml")
CHINESE = re.compile("[\u4e00-\u9fff]")
LONGEST = 40  # characters: a clause is named, a text is not copied


@dataclass(frozen=True)
class Clause:
    """A clause of the article: the section in which it stands, its own words, and ours in English."""

    section: str
    zh: str
    en: str

    def __post_init__(self):
        if not re.fullmatch(r"\d(\.\d)*", self.section):
            raise ValueError(f"a clause stands in a section of the article, not in {self.section!r}")
        if not CHINESE.search(self.zh) or len(self.zh) > LONGEST or not self.en.strip():
            raise ValueError(
                f"section {self.section}: a clause is a few words of Chinese, {LONGEST} characters at most, "
                f"and what they are in English, not {self.zh!r} and {self.en!r}"
            )

    @property
    def mark(self) -> str:
        """How a claim bears it: `(article, 4.1.2: “可解释性好”)`."""
        return f"(article, {self.section}: “{self.zh}”)"

    @property
    def source(self) -> str:
        """Who says it and where, in the article's words and in ours."""
        return f"the article, section {self.section}: “{self.zh}”, {self.en}"


MARK = re.compile(r" \(article, [\d.]+: “([^”]*)”\)$")


@cache
def clauses() -> dict[str, Clause]:
    """{a clause in Chinese: all that is known of it}, in the order of the article.

    Raises:
        ValueError: a clause stands there twice, or is none.
    """
    found = {}
    for row in tomllib.loads(PLACE.read_text(encoding="utf-8"))["clause"]:
        if row["zh"] in found:
            raise ValueError(f"{PLACE.name} has {row['zh']!r} twice")
        found[row["zh"]] = Clause(**row)
    return found


def clause(zh: str) -> Clause:
    """A clause of the article by its words.

    Raises:
        ValueError: the article is not known to say that.
    """
    if zh not in clauses():
        raise ValueError(f"{PLACE.name} has no clause {zh!r}: does the article say so? Then write it there")
    return clauses()[zh]
