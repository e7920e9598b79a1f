"""Real code without a download: the source of Python's own standard library."""

import hashlib
import sysconfig
from pathlib import Path

from llmasos_edu.corpus.document import Document

# Not the library's own running code: installed packages, tests, programs beside the library, data tables in
# the shape of code, and the manual, which is a corpus of its own.
INSTALLED = {"site-packages", "dist-packages", "__pycache__", "lib-dynload", "ensurepip"}
BESIDE = {"test", "tests", "idle_test", "idlelib", "lib2to3", "distutils", "turtledemo"}
TABLES = {"encodings", "pydoc_data"}
SKIPPED_FOLDERS = INSTALLED | BESIDE | TABLES
SKIPPED_PREFIXES = ("_sysconfigdata", "__phello__", "__hello__", "sitecustomize", "usercustomize", "config-")


def library_code(max_bytes: int = 1_000_000) -> list[Document]:
    """Read the standard library's own Python source, one document per module, up to a limit in bytes.

    Which modules come in is decided by a hash of the module's name: the choice is the same in every run and
    on every machine with the same Python, and a small limit is a sample of the whole library, not its letter
    'a'.
    A module comes whole or not at all.

    Args:
        max_bytes: upper limit for the sum of the texts in UTF-8 bytes; the whole is some 8 MB.

    Returns:
        documents in the order of their modules' names ('asyncio.base_events'), none empty.

    Raises:
        ValueError: `max_bytes` is not positive, or so small that no module fits.
        FileNotFoundError: this Python carries its library without source files.

    Source: the Python Standard Library (docs.python.org/library), from `sysconfig.get_path('stdlib')`.
    """
    if max_bytes <= 0:
        raise ValueError(f"max_bytes={max_bytes} must be positive")
    root = Path(sysconfig.get_path("stdlib"))
    modules = dict(_modules(root))
    if not modules:
        raise FileNotFoundError(
            f"no source of the standard library under {root}: it is packed or compiled."
            " Use the Python from python.org or conda, or a text of your own: read_text_file('my_code.py')"
        )
    chosen, total = [], 0
    for name in sorted(modules, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if modules[name].stat().st_size > max_bytes - total:
            continue
        text = _source(modules[name])
        if text:
            chosen.append(Document(name, text))
            total += len(text.encode())
    if not chosen:
        raise ValueError(f"max_bytes={max_bytes} is smaller than the smallest module of the standard library")
    return sorted(chosen, key=lambda document: document.topic)


def _modules(root: Path):
    """Yield (module name, file) for the library's own modules under `root`."""
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        skipped = SKIPPED_FOLDERS.intersection(parts) or any(
            part.startswith(SKIPPED_PREFIXES) for part in parts
        )
        if not skipped:
            yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


def _source(path: Path) -> str:
    """The file's text with '\\n' line ends, or '' for the few that are not UTF-8."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        return ""
