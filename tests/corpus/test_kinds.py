"""Kinds of Python tokens: against the eye on small sources, and windows that carry their label."""

import pytest
import torch

from llmasos_edu.corpus import Document
from llmasos_edu.corpus.kinds import KINDS, character_kinds, labelled_windows
from llmasos_edu.text.tokenizer import BytePairTokenizer

SOURCE = '''def area(radius):  # of a circle
    if radius > 0.5:
        return 3 * radius ** 2
    text = """two
lines"""
    return "none"
'''


def by_eye(source):
    """The characters of each kind, joined."""
    kinds = character_kinds(source)
    assert len(kinds) == len(source)
    return {name: "".join(c for c, k in zip(source, kinds, strict=True) if k == number)
            for number, name in enumerate(KINDS)}  # fmt: skip


def test_each_character_has_the_kind_that_python_gives_it():
    found = by_eye(SOURCE)
    assert found["keyword"] == "defifreturnreturn"
    assert found["name"] == "arearadiusradiusradiustext"
    assert found["number"] == "0.532"
    assert found["string"] == '"""twolines""""none"'
    assert found["comment"] == "#ofacircle"
    assert found["operator"] == "():>:***="
    assert [k for c, k in zip(SOURCE, character_kinds(SOURCE), strict=True) if c.isspace()] == [-1] * sum(
        c.isspace() for c in SOURCE
    )


def test_words_beyond_ascii_and_line_ends_keep_their_places():
    found = by_eye("größe = 'ü'  # Maß\r\nx = 1\r\n")
    assert (found["name"], found["string"], found["comment"], found["number"]) == (
        "größex",
        "'ü'",
        "#Maß",
        "1",
    )


def test_an_f_string_is_string_in_every_python():
    kinds = by_eye("f'value: {x + 1}'\n")
    assert kinds["string"].startswith("f'value:")


def test_what_is_no_python_is_refused():
    for source in ("x = (1,\n", "'''never closed\n"):
        with pytest.raises(ValueError, match="this is no Python source"):
            character_kinds(source)


@pytest.fixture
def documents():
    return [
        Document("a", SOURCE * 8),
        Document("bad", "x = (1,\n"),
        Document("b", SOURCE.replace("r", "q") * 3),
    ]


@pytest.fixture
def tokenizer(documents):
    return BytePairTokenizer.train([d.text for d in documents], 290)


def test_windows_carry_the_kind_of_their_token(documents, tokenizer):
    tokens, labels = labelled_windows(documents, tokenizer, per_kind=9, before=4, after=2)
    assert tokens.shape == (54, 7)
    assert labels.bincount().tolist() == [9] * 6
    assert len(labels[:9].unique()) > 2, "the kinds are not shuffled"
    text = documents[0].text + "\n" + documents[2].text
    for row, label in zip(tokens, labels, strict=True):
        whole, left = tokenizer.decode(row.tolist()), tokenizer.decode(row[:4].tolist())
        kinds = set()
        at = text.find(whole)
        while at >= 0:
            here = tokenizer.decode([int(row[4])])
            place = at + len(left) + len(here) - len(here.lstrip())
            kinds.add(_kind_at(documents, text, place))
            at = text.find(whole, at + 1)
        assert int(label) in kinds


def _kind_at(documents, text, place):
    first = documents[0].text
    if place < len(first):
        return character_kinds(first)[place]
    return character_kinds(documents[2].text)[place - len(first) - 1]


def test_the_choice_is_the_seed_s_and_a_rare_kind_is_named(documents, tokenizer):
    one, again, other = (
        labelled_windows(documents, tokenizer, per_kind=5, before=3, after=0, seed=s) for s in (0, 0, 1)
    )
    assert torch.equal(one.tokens, again.tokens)
    assert torch.equal(one.labels, again.labels)
    assert not torch.equal(one.tokens, other.tokens)
    with pytest.raises(ValueError, match=r"per_kind=500, but only .* tokens are of the kind 'keyword'"):
        labelled_windows(documents, tokenizer, per_kind=500, before=3, after=0)
