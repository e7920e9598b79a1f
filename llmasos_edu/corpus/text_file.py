"""Any text of the reader's own as a corpus."""

import warnings
from pathlib import Path

from llmasos_edu.corpus.document import Document
from llmasos_edu.foundation.characters import decode_whole, shown


def read_text_file(path: str | Path) -> Document:
    """Read a UTF-8 text file as a document named after the file.

    A byte order mark at the start is dropped and every line end becomes '\\n'. A last character of which
    bytes are missing, as where a file was cut by its size, is dropped with a warning. No other change.

    Args:
        path: the file.

    Returns:
        Document(topic=file name without its ending, text=contents). A byte of the name that is no UTF-8 is
        written `\\xe9` in the topic.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, is empty, or is not UTF-8 text.
    """
    path = Path(path)
    name = f"'{shown(path)}'"
    if not path.exists():
        raise FileNotFoundError(f"there is no file {name} (looked in '{shown(Path.cwd())}')")
    if path.is_dir():
        raise ValueError(f"{name} is a folder: give one text file")
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{name} is UTF-16 text: save it as UTF-8 in an editor, then read it again")
    if b"\0" in data:
        raise ValueError(f"{name} is not text: byte {data.index(0)} is zero, as in images and programs")
    try:
        text, cut = decode_whole(data)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}."
            " If it is text in an older encoding, save it as UTF-8 in an editor"
        ) from error
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ValueError(f"{name} is empty: {len(data)} bytes and no text in them")
    if cut:
        warnings.warn(f"the last character of {name} is cut: its {cut} bytes are left out", stacklevel=2)
    return Document(shown(path.stem), text.replace("\r\n", "\n").replace("\r", "\n"))


def cut_into_passages(document: Document, size: int = 2000) -> list[Document]:
    """Cut a text into passages, so that `split_documents` can hold some of them out.

    A passage has half of `size` characters to `size`, the last up to half more. It ends at the last blank
    line in that range; where there is none at the last line end, else at the last space, else after `size`.

    Args:
        document: the text.
        size: characters of the longest passage but the last.

    Returns:
        passages in order, named 'topic 1', 'topic 2', ..., without blank lines at their ends, none empty.

    Raises:
        ValueError: `size` is below 2.
    """
    if size < 2:
        raise ValueError(f"size={size} must be at least 2 characters")
    text, start, pieces = document.text, 0, []
    while start < len(text):
        end = start + size if len(text) - start > 1.5 * size else len(text)
        if end < len(text):
            ends = (text.rfind(mark, start + size // 2, end) + len(mark) for mark in ("\n\n", "\n", " "))
            end = next((place for place in ends if place > start + size // 2), end)
        pieces.append(text[start:end].strip("\n"))
        start = end
    pieces = [piece for piece in pieces if piece.strip()]
    return [Document(f"{document.topic} {number}", piece) for number, piece in enumerate(pieces, start=1)]
