"""The book in passages, and questions whose section is known."""

from dataclasses import replace

import pytest

from llmasos_edu.book import passages
from llmasos_edu.book.outline import load_outline
from llmasos_edu.book.passages import LONGEST, book_passages, document_passages, questions
from llmasos_edu.corpus import manual
from llmasos_edu.corpus.document import Document


def test_passages_are_short_and_know_their_section():
    found = book_passages(["04_1_attention"])
    assert len(found) > 20
    assert {each.source for each in found} == {"book"}
    assert (
        {"4.1", "4.1.1", "4.1.2", "4.1.3"} >= {each.section for each in found} >= {"4.1.1", "4.1.2", "4.1.3"}
    )
    assert max(len(each.text.split()) for each in found) <= LONGEST
    assert not any("★" in each.text for each in found), "exercises are left out"
    assert not any("arxiv.org" in each.text and each.text.startswith("| ") for each in found)


def test_all_ready_chapters_are_read_unless_some_are_named(monkeypatch):
    ready = [each.file for each in load_outline() if each.path().is_file()]
    assert book_passages() == book_passages(ready)
    with pytest.raises(ValueError, match="the book has no chapter '07_none'"):
        book_passages([ready[0], "07_none"])
    planned = [*load_outline(), replace(load_outline()[0], file="07_planned")]
    monkeypatch.setattr(passages, "load_outline", lambda: planned)
    assert book_passages() == book_passages(ready)
    with pytest.raises(FileNotFoundError, match="the chapter 07_planned is not there yet"):
        book_passages(["07_planned"])


def test_a_paragraph_belongs_to_the_shortest_document_that_has_it():
    long, short = Document("long", "One two.\n\nThree four.\n\nFive  six."), Document("short", "Three\nfour.")
    found = document_passages([long, short], "here")
    assert [(each.section, each.text) for each in found] == [
        ("long", "One two. Five six."), ("short", "Three four."),
    ]  # fmt: skip


def test_a_long_paragraph_is_cut_and_nothing_is_lost():
    words = [f"w{at}" for at in range(300)]
    found = document_passages([Document("t", " ".join(words))], "here")
    assert [len(each.text.split()) for each in found] == [120, 120, 60]
    assert " ".join(each.text for each in found).split() == words
    two = document_passages([Document("t", " ".join(words[:70]) + "\n\n" + " ".join(words[70:140]))], "here")
    assert [len(each.text.split()) for each in two] == [70, 70], "paragraphs stay whole where they fit"


def test_every_question_has_its_section():
    asked = questions()
    assert len(asked) >= 30
    assert len({each.text for each in asked}) == len(asked)
    sections = {section.number for chapter in load_outline() for section in (chapter, *chapter.sections)}
    topics = {document.topic for document in manual()}
    for each in asked:
        assert each.section in (sections if each.source == "book" else topics), each
        assert each.text.endswith("?")


@pytest.mark.parametrize("entry", ['text = "a?"', 'text = " "\nsource = "book"\nsection = "1"'])
def test_a_question_that_is_none_is_refused(tmp_path, entry):
    (tmp_path / "q.toml").write_text(f"[[question]]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"question 1 is .*text, source and section are wanted"):
        questions(tmp_path / "q.toml")
