"""Known words as tokens, all else as bytes, marks that no text can hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.text.words import WordTokenizer

WORDS = WordTokenizer(["Where", " is", "order", '{"', '": "', "a.b", "订"], ["end", "user"])


def test_ids_are_bytes_then_pieces_then_marks():
    assert WORDS.vocab_size == 256 + 7 + 2
    assert WORDS.encode("Where is") == [256, 257]
    assert WORDS.marks == {"end": 263, "user": 264}
    assert WORDS.ids["订"] == 262
    assert repr(WORDS) == "WordTokenizer(vocab_size=265, marks=2)"


def test_a_word_is_whole_or_spelled():
    assert WORDS.encode("order") == [258]
    assert WORDS.encode("orders") == list(b"orders")
    assert WORDS.encode("border") == list(b"border")
    assert WORDS.encode(" order") == list(b" order")  # only the word without a blank is known
    assert WORDS.encode("Whereis") == list(b"Whereis")
    assert WORDS.encode("is") == list(b"is")
    assert WORDS.encode("Where订 is") == [256, 262, 257]


def test_phrases_go_first_and_the_longest_of_them():
    both = WordTokenizer(["a.", "a.b", "a.bc"])
    assert both.encode("a.bc") == [258]
    assert both.encode("a.bd") == [257, ord("d")]
    assert both.encode("a.") == [256]
    assert WORDS.encode('{"order": "a.b') == [259, 258, 260, 261]
    assert WordTokenizer(["a.b"]).encode("axb") == list(b"axb")  # a dot is a dot


def test_marks_are_shown_and_never_made_from_text():
    assert WORDS.decode([264, 256, 263]) == "<user>Where<end>"
    assert WORDS.encode("<end>") == list(b"<end>")
    assert WORDS.tokens([264, 257, 10]) == ["<user>", "·is", "⏎"]


@given(st.text())
def test_every_text_comes_back(text):
    tokens = WORDS.encode(text)
    assert WORDS.decode(tokens) == text
    assert "".join(WORDS.decode_stream(tokens)) == text
    assert max(tokens, default=0) < 263


def test_half_characters():
    assert list(WORDS.decode_stream([0xE8, 0xAE, 0xA2, 262])) == ["订", "订"]
    assert WORDS.decode([0xE8]) == "\ufffd"
    with pytest.raises(ValueError, match="lone surrogate"):
        WORDS.encode("\ud800")
    with pytest.raises(ValueError, match="id 265 at place 1 is outside the vocabulary of 265"):
        WORDS.decode([0, 265])
    with pytest.raises(TypeError, match="a tokenizer encodes a str, not int"):
        WORDS.encode(3)


@pytest.mark.parametrize(("pieces", "marks", "words"), [
    (["a", "b", "a"], [], "pieces hold 'a' twice"), (["", "a"], [], "pieces hold '' twice, or it is empty"),
    (["a"], ["x", "x"], "marks hold 'x' twice"),
])  # fmt: skip
def test_a_list_with_one_twice_is_refused(pieces, marks, words):
    with pytest.raises(ValueError, match=words):
        WordTokenizer(pieces, marks)


def test_a_tokenizer_is_kept_in_a_file(tmp_path):
    path = tmp_path / "tokenizer.json"
    WORDS.save(path)
    again = WordTokenizer.load(path)
    assert (again.pieces, again.marks) == (WORDS.pieces, WORDS.marks)
    assert "订" in path.read_text(encoding="utf-8")


def test_a_file_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(FileNotFoundError, match="there is no tokenizer file"):
        WordTokenizer.load(path)
    WORDS.save(path)
    whole = path.read_text(encoding="utf-8")
    for text, words in ((whole[:-5], "not whole JSON"), ("[]", "was not written by WordTokenizer.save"),
                        (json.dumps({"format": "x"}), "was not written by"),
                        (whole.replace("Where", "There"), "was changed after it was saved")):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            WordTokenizer.load(path)
