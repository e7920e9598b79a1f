"""Text while it is written: whole characters, stop texts that are spread over tokens."""

from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.serving.text import TextStream
from llmasos_edu.text.tokenizer import ByteTokenizer

decode = ByteTokenizer().decode


def pushed(stream, pieces):
    return "".join([stream.push(piece) for piece in pieces] + [stream.finish()])


@given(st.text(max_size=30), st.lists(st.integers(1, 5), max_size=40))
def test_the_pieces_joined_are_the_text(text, sizes):
    left, pieces = list(text.encode()), []
    for size in [*sizes, 1000]:
        pieces.append(left[:size])
        left = left[size:]
    assert pushed(TextStream(decode), pieces) == text


def test_a_character_waits_for_its_bytes():
    stream = TextStream(decode)
    assert [stream.push([byte]) for byte in "é智".encode()] == ["", "é", "", "", "智"]


def test_bytes_that_are_no_text_come_out_in_the_end():
    assert pushed(TextStream(decode), [[0xE4]]) == "\ufffd"
    assert pushed(TextStream(decode), [[0xFF]] * 30).count("\ufffd") == 30


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_stop_text_cuts_where_it_would_in_the_whole(text, stops):
    stream = TextStream(decode, stops)
    ends = [i for i in range(1, len(text) + 1) if any(text[:i].endswith(stop) for stop in stops)]
    wanted = text
    if ends:  # the first letter at which some stop text is complete; of those the one that begins first
        seen = text[: ends[0]]
        wanted = seen[: min(seen.index(stop) for stop in stops if seen.endswith(stop))]
    assert pushed(stream, [[byte] for byte in text.encode()]) == wanted
    assert stream.stopped == bool(ends)


def test_nothing_follows_a_stop():
    stream = TextStream(decode, ["END"])
    assert stream.push(b"one EN") == "one "
    assert stream.push(b"D two") == ""
    assert stream.push(b" three") == ""
    assert stream.finish() == ""


def test_what_only_began_like_a_stop_is_handed_out():
    stream = TextStream(decode, ["END"])
    assert stream.push(b"EN") == ""
    assert stream.push(b"GINE") == "ENGIN"
    assert stream.finish() == "E"
