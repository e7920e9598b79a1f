"""What all tokenizers do with ids and bytes: check them, join them, show them."""

import codecs
from collections.abc import Iterable, Iterator

SIGNS = {" ": "·", "\n": "⏎", "\t": "⇥"}


def utf8(text: str) -> bytes:
    """The bytes of a text. Raises TypeError for what is none, ValueError for half of a character."""
    if not isinstance(text, str):
        raise TypeError(f"a tokenizer encodes a str, not {type(text).__name__}")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"character {error.start} of the text is the lone surrogate U+{ord(text[error.start]):04X}: it"
            " has no UTF-8 bytes and comes from a faulty decoding; remove it or read the file again as UTF-8"
        ) from error


def checked_ids(ids: Iterable[int], vocab_size: int) -> list[int]:
    """The ids of one text (a list, a tensor or an array, [seq]) as integers within the vocabulary."""
    ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    for place, i in enumerate(ids):
        if not hasattr(i, "__index__"):
            raise TypeError(f"id {i!r} at place {place} is no integer: give the ids of one text, [seq]")
        if not 0 <= i < vocab_size:
            raise ValueError(f"id {i} at place {place} is outside the vocabulary of {vocab_size}")
    return [int(i) for i in ids]


def whole_characters(pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode UTF-8 piece by piece; bytes that no character can begin with become '\\ufffd' at once."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def readable(piece: bytes) -> str:
    """A token as a reader sees it: '·' for a space, '⏎' for a line end, '\\xe4' for part of a character."""
    shown = piece.decode("utf-8", errors="backslashreplace")
    return "".join(
        SIGNS.get(char) or (char if char.isprintable() else char.encode("unicode_escape").decode())
        for char in shown
    )
