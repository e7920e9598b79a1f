"""What the book holds: `notebooks/outline.toml` read into chapters, and the index that notebook 00 shows."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

BOOK_ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "zh")
STATUSES = ("ready", "planned")


@dataclass(frozen=True)
class Section:
    """A section's number, such as '4.1.1', and its title in each language."""

    number: str
    en: str
    zh: str

    def heading(self, language="en"):
        """Number and title as a notebook's heading writes them."""
        return f"{self.number} {getattr(self, language)}".strip()


@dataclass(frozen=True)
class Chapter(Section):
    """One notebook: `file` without '.ipynb', `seconds` to run on two cores,
    `minutes` to read, minutes of its `exercises`.
    """

    file: str
    part: Section
    status: str
    seconds: int
    minutes: int
    sections: tuple[Section, ...]
    exercises: int = 0

    def path(self, language="en"):
        return BOOK_ROOT / "notebooks" / language / f"{self.file}.ipynb"


def load_outline(path=None):
    """The chapters of the whole book, in reading order.

    Args:
        path: an outline file; the book's own `notebooks/outline.toml` if not given.

    Returns:
        A list of `Chapter`.

    Raises:
        FileNotFoundError: there is no such file, as when the package was installed without the book.
        ValueError: a chapter has a status that is not known.
    """
    path = Path(path) if path else BOOK_ROOT / "notebooks" / "outline.toml"
    if not path.is_file():
        raise FileNotFoundError(
            f"the book's outline is not at {path}: work in a copy of the whole book (git clone), "
            "not with the package alone"
        )
    with path.open("rb") as file:
        parts = tomllib.load(file)["part"]
    return [chapter_from(entry, part) for part in parts for entry in part["chapter"]]


def chapter_from(entry, part):
    if entry["status"] not in STATUSES:
        raise ValueError(
            f"chapter {entry['file']} has status {entry['status']!r}, expected one of {STATUSES}"
        )
    sections = tuple(Section(**section) for section in entry["sections"])
    above = Section(part["number"], part["en"], part["zh"])
    return Chapter(**{**entry, "sections": sections, "part": above})


def notebook_paths(language="en"):
    """The notebooks of every chapter that is ready, in reading order."""
    return [chapter.path(language) for chapter in load_outline() if chapter.status == "ready"]


WORDS = {
    "en": {
        "before": "Before",
        "next": "Next",
        "all": "All chapters",
        "head": "| | chapter | what it holds | read | exercises | run |",
        "read": "{}\u00a0min",
        "run": "{}\u00a0s",
        "planned": "planned",
    },
    "zh": {
        "before": "上一章",
        "next": "下一章",
        "all": "全书目录",
        "head": "| | 章 | 内容 | 阅读 | 练习 | 运行 |",
        "read": "{}\u00a0分钟",
        "run": "{}\u00a0秒",
        "planned": "计划中",
    },
}


def index_markdown(language="en", outline=None):
    """The table of contents in Markdown: ready chapters as links, planned ones marked as such."""
    if language not in LANGUAGES:
        raise ValueError(f"the book has no language {language!r}, only {', '.join(LANGUAGES)}")
    words = WORDS[language]
    lines = [words["head"], "|---|---|---|---|---|---|"]
    for chapter in load_outline() if outline is None else outline:
        title = getattr(chapter, language)
        holds = " · ".join(getattr(section, language) for section in main_sections(chapter))
        if chapter.status == "ready":
            read, do = (
                words["read"].format(minutes) if minutes else ""
                for minutes in (chapter.minutes, chapter.exercises)
            )
            times = f"{read} | {do} | {words['run'].format(chapter.seconds)}"
            lines.append(f"| {chapter.number} | [{title}]({chapter.file}.ipynb) | {holds} | {times} |")
        else:
            lines.append(f"| {chapter.number} | {title} | {holds} | *{words['planned']}* | | |")
    return "\n".join(lines)


def ways_on(chapter, language="en", outline=None):
    """The line that ends a chapter: links to the chapters before and after it that are there, and to all."""
    ready = [one for one in (load_outline() if outline is None else outline) if one.status == "ready"]
    place = [one.file for one in ready].index(chapter.file)
    words, links = WORDS[language], []
    if place > 0:
        links.append(f"{words['before']}: {link(ready[place - 1], language)}")
    if place + 1 < len(ready):
        links.append(f"{words['next']}: {link(ready[place + 1], language)}")
    if place > 1:
        links.append(f"[{words['all']}]({ready[0].file}.ipynb)")
    return " · ".join(links)


def link(chapter, language="en"):
    return f"[{chapter.heading(language)}]({chapter.file}.ipynb)"


def main_sections(chapter):
    """A chapter's sections of the highest rank: 1.1 and 1.2, but not 1.1.1."""
    ranks = [section.number.count(".") for section in chapter.sections]
    return [section for section, rank in zip(chapter.sections, ranks, strict=True) if rank == min(ranks)]


def index(language="en"):
    """The table of contents for notebook 00, with links to the chapters that are there."""
    from IPython.display import Markdown

    return Markdown(index_markdown(language))
