"""Known words are one token each, all else is spelled in bytes; marks are tokens that no text can hold.

For a small world of words that is known beforehand, such as that of chapter 6.1: texts are short, and what
was never seen, a name or a number, is read and written sign by sign.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from llmasos_edu.foundation.files import write_atomically
from llmasos_edu.text.ids import checked_ids, readable, utf8, whole_characters

FORMAT = "llmasos_edu word tokenizer 1"


class WordTokenizer:
    """Words, phrases and characters of a list as tokens, and the 256 bytes for all else.

    A text is cut from left to right: a phrase of the list where one begins, else a run of letters a to z with
    the blank before it, else one character. A part that is in the list is one token, another one its bytes.
    Bytes have the ids 0 to 255, then come the pieces, then the marks.

    Args:
        pieces: words (` order`, `Where`), phrases of several signs (`": "`) and characters (`单`).
        marks: names of tokens that stand for no text: `encode` never gives one, `decode` shows `<name>`.

    Attributes:
        vocab_size: bytes, pieces and marks.
        marks: the id of each mark by its name.

    Raises:
        ValueError: a piece or a mark stands in the list twice, or is empty.
    """

    def __init__(self, pieces: Sequence[str], marks: Sequence[str] = ()):
        for name, given in (("pieces", pieces), ("marks", marks)):
            doubled = [each for at, each in enumerate(given) if not each or each in given[:at]]
            if doubled:
                raise ValueError(f"{name} hold {doubled[0]!r} twice, or it is empty")
        self.pieces = tuple(pieces)
        self.ids = {piece: 256 + at for at, piece in enumerate(self.pieces)}
        self.marks = {mark: 256 + len(self.pieces) + at for at, mark in enumerate(marks)}
        self.vocab_size = 256 + len(self.pieces) + len(self.marks)
        self._bytes = [bytes([byte]) for byte in range(256)]
        self._bytes += [utf8(piece) for piece in self.pieces] + [f"<{mark}>".encode() for mark in self.marks]
        phrases = [piece for piece in self.pieces if not re.fullmatch(" ?[A-Za-z]+|.", piece, re.DOTALL)]
        phrases = [re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True)]
        self._parts = re.compile("|".join([*phrases, " ?[A-Za-z]+", "."]), re.DOTALL)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's tokens. Raises ValueError for a lone surrogate, which is no character."""
        utf8(text)
        ids = []
        for part in self._parts.findall(text):
            known = self.ids.get(part)
            ids += part.encode() if known is None else [known]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these tokens; '\\ufffd' stands for a cut character. Raises ValueError for a bad id."""
        pieces = (self._bytes[i] for i in checked_ids(ids, self.vocab_size))
        return b"".join(pieces).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of `decode` as the ids come: whole characters alone, a cut one waits for its rest."""
        return whole_characters(self._bytes[checked_ids([i], self.vocab_size)[0]] for i in ids)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each token as a reader sees it."""
        return [readable(self._bytes[i]) for i in checked_ids(ids, self.vocab_size)]

    def save(self, path: str | Path) -> None:
        """Write pieces and marks as JSON, whole or not at all."""
        lists = [list(self.pieces), list(self.marks)]
        content = {"format": FORMAT, "sha256": _digest(lists), "pieces": lists[0], "marks": lists[1]}
        write_atomically(Path(path), (json.dumps(content, ensure_ascii=False, indent=0) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> "WordTokenizer":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no file of `save`, or it was cut or changed since.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no tokenizer file {str(path)!r}")
        try:
            content = json.loads(Path(path).read_bytes())
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is no tokenizer file: it is not whole JSON") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"{str(path)!r} was not written by WordTokenizer.save: it is not a {FORMAT!r}")
        lists = [content.get("pieces"), content.get("marks")]
        if content.get("sha256") != _digest(lists):
            raise ValueError(f"{str(path)!r} was changed after it was saved: it does not match its sha256")
        return cls(*lists)

    def __repr__(self) -> str:
        return f"WordTokenizer(vocab_size={self.vocab_size}, marks={len(self.marks)})"


def _digest(lists: list) -> str:
    return hashlib.sha256(json.dumps(lists).encode()).hexdigest()
