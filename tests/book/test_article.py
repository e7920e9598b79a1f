"""What the article says: clauses in its own words, and nothing that the book puts into its mouth."""

import re
import tomllib

import nbformat
import pytest

from llmasos_edu.book import notebook_paths
from llmasos_edu.book.article import CHINESE, LONGEST, MARK, PLACE, Clause, clause, clauses
from llmasos_edu.book.evidence.results import files, statements

QUOTED = re.compile(r"“([^”]*[\u4e00-\u9fff][^”]*)”")


def test_every_clause_has_its_section_its_words_and_english():
    found = clauses()
    assert list(found) == [each.zh for each in found.values()]
    sections = [each.section for each in found.values()]
    assert sections == sorted(sections), "in the order of the article"
    for each in found.values():
        assert CHINESE.search(each.zh)
        assert not CHINESE.search(each.en)
        assert len(each.zh) <= LONGEST


@pytest.mark.parametrize(
    ("section", "zh", "en", "words"),
    [
        ("4.1.x", "可解释性好", "easy to interpret", "a section of the article, not in '4.1.x'"),
        ("", "可解释性好", "easy to interpret", "a section of the article, not in ''"),
        ("4.1.2", "interpretable", "easy to interpret", "a few words of Chinese"),
        ("4.1.2", "可解释性好", " ", "and what they are in English"),
        ("4.1.2", "好" * (LONGEST + 1), "good", f"{LONGEST} characters at most"),
    ],
)
def test_what_is_no_clause_is_refused(section, zh, en, words):
    with pytest.raises(ValueError, match=words):
        Clause(section, zh, en)


def test_what_the_article_is_not_known_to_say_is_refused():
    with pytest.raises(ValueError, match="has no clause '注意力很快': does the article say so"):
        clause("注意力很快")


def test_a_mark_is_read_back():
    for each in clauses().values():
        assert MARK.search(f"attention is fast {each.mark}")[1] == each.zh


def quotations():
    """(notebook and cell, the article's words in it), in prose and in claims."""
    for path in notebook_paths():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                yield from ((f"{path.stem} {cell.id}", words) for words in QUOTED.findall(cell.source))


def test_chapters_quote_the_article_as_it_stands():
    """Chinese between quotation marks is the article's title or one of its clauses."""
    article = tomllib.loads(PLACE.read_text(encoding="utf-8"))["article"]
    title = Clause("1", article["zh"], article["en"])
    wrong = [f"{place}: {zh}" for place, zh in quotations() if zh not in clauses() and zh != title.zh]
    assert wrong == []


def test_every_clause_is_examined_or_named_somewhere():
    used = {zh for _, zh in quotations()}
    used |= {each.source.article for path in files() for each in statements(path).values()}
    for path in notebook_paths():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and "article" in cell.source:
                used |= {zh for zh in clauses() if f'"{zh}"' in cell.source}
    assert [zh for zh in clauses() if zh not in used] == []
