"""Cut bytes and odd names."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.foundation.characters import decode_whole, shown

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.integers(0, 8))
def test_a_text_cut_anywhere_keeps_its_whole_characters(text, missing):
    data = text.encode()
    data = data[: max(0, len(data) - missing)]
    whole, rest = decode_whole(data)
    assert whole.encode() == data[: len(data) - rest]
    assert text.startswith(whole)
    assert 0 <= rest <= 3


@pytest.mark.parametrize("data", [b"caf\xe9 noir", b"\xff", b"a\x80b"])
def test_what_is_no_utf_8_elsewhere_than_at_the_end_is_refused(data):
    with pytest.raises(UnicodeDecodeError):
        decode_whole(data)


@given(st.binary(max_size=40))
def test_every_file_name_can_be_printed_and_stored(name):
    readable = shown(os.fsdecode(name))
    assert readable.encode().decode() == readable
    assert all(sign.isprintable() or sign in "\n\t" or ord(sign) > 127 for sign in readable)


def test_names_are_shown_as_they_are_but_for_what_cannot_be_printed():
    assert shown("größe 语言.txt") == "größe 语言.txt"
    assert shown(os.fsdecode(b"caf\xe9.txt")) == r"caf\xe9.txt"
    assert shown("red\x1b[31m\ud800\n") == "red\\x1b[31m\\ud800\n"
