"""Every chapter that is ready keeps every rule."""

import chapter_rules
import nbformat
import pytest

from llmasos_edu.book import BOOK_ROOT, load_outline

READY = [chapter for chapter in load_outline() if chapter.status == "ready" and chapter.path().exists()]


@pytest.mark.parametrize("chapter", READY, ids=lambda chapter: chapter.file)
@pytest.mark.parametrize("rule", chapter_rules.RULES, ids=lambda rule: rule.__name__)
def test_chapter(chapter, rule):
    complaints = rule(nbformat.read(chapter.path(), as_version=4), chapter)
    assert not complaints, "\n".join([chapter.file, *complaints])


@pytest.mark.parametrize("chapter", READY, ids=lambda chapter: chapter.file)
def test_size(chapter):
    assert chapter.path().stat().st_size < chapter_rules.LARGEST_FILE


@pytest.mark.parametrize("chapter", READY, ids=lambda chapter: chapter.file)
def test_format(chapter):
    text = chapter.path().read_text(encoding="utf-8")
    assert text.endswith("}\n")
    nbformat.validate(nbformat.reads(text, as_version=4))


def test_almost_every_cell_is_compared():
    notebooks = [nbformat.read(chapter.path(), as_version=4) for chapter in READY]
    assert chapter_rules.skips_little(notebooks) == []


def test_no_notebook_stands_outside_the_outline():
    known = {chapter.path() for chapter in load_outline()}
    assert set((BOOK_ROOT / "notebooks" / "en").glob("*.ipynb")) <= known
