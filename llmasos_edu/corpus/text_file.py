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
