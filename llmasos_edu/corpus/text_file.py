"""Any text of the reader's own as a corpus."""

from pathlib import Path

from llmasos_edu.corpus.document import Document


def read_text_file(path: str | Path) -> Document:
    """Read a UTF-8 text file as a document named after the file.

    A byte order mark at the start is dropped and every line end becomes '\\n'; nothing else is changed.

    Args:
        path: the file.

    Returns:
        Document(topic=file name without its ending, text=contents).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, is empty, or is not UTF-8 text.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r} (looked in {str(Path.cwd())!r})")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder: give one text file")
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{str(path)!r} is UTF-16 text: save it as UTF-8 in an editor, then read it again")
    if b"\0" in data:
        raise ValueError(
            f"{str(path)!r} is not text: byte {data.index(0)} is zero, as in images and programs"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}."
            " If it is text in an older encoding, save it as UTF-8 in an editor"
        ) from error
    if not text.strip():
        raise ValueError(f"{str(path)!r} is empty: {len(data)} bytes and no text in them")
    return Document(path.stem, text.replace("\r\n", "\n").replace("\r", "\n"))


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
