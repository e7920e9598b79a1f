"""Bytes and names as they can be read: what is cut, what is no UTF-8, what cannot be printed."""

import codecs
import unicodedata
from pathlib import Path


def decode_whole(data: bytes) -> tuple[str, int]:
    """The text of UTF-8 bytes up to the last whole character, and how many bytes of a cut one follow it.

    Raises:
        UnicodeDecodeError: elsewhere than in a last character that was cut off the bytes are no UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = decoder.decode(data)
    return text, len(decoder.getstate()[0])


def shown(name: str | Path) -> str:
    """A name, or a message with names in it, as it can be printed and stored.

    Python reads a byte of a file name that is no UTF-8 as a lone surrogate, which no output takes: it becomes
    `\\xe9`. So do control signs; line ends and tabs stay.
    """
    return "".join(sign if sign in "\n\t" else _visible(sign) for sign in str(name))


def _visible(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode() if unicodedata.category(sign) in ("Cc", "Cs") else sign
