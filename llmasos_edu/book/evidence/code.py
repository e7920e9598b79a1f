"""Which code computed a result: a digest of each module that it went through, blind to words and blanks."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from functools import cache
from pathlib import Path

from llmasos_edu.book.outline import BOOK_ROOT

PACKAGE = "llmasos_edu"
JUDGES = f"{PACKAGE}.book"  # what runs, stores and judges an experiment computes none of its figures


def code_digests(path: Path) -> dict[str, str]:
    """Digests of a file and of all of the library that it imports, directly or not: {name: 12 hex digits}.

    A change of comments, docstrings or empty lines changes no digest. The book's own room is left out.
    """
    found = {path.name: digest(path)}
    waiting = list(_imports(path))
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name in found or file is None or name.startswith(JUDGES):
            continue
        found[name] = digest(file)
        waiting += _imports(file)
    return dict(sorted(found.items()))


@cache
def digest(path: Path) -> str:
    """Twelve hex digits of what a Python file does."""
    source = path.read_text(encoding="utf-8")
    lines = [list(line) for line in source.splitlines()]
    for start, end in _words(source):
        for number in range(start[0] - 1, end[0]):
            begin = start[1] if number == start[0] - 1 else 0
            stop = end[1] if number == end[0] - 1 else len(lines[number])
            lines[number][begin:stop] = " " * (stop - begin)
    kept = [text for text in ("".join(line).rstrip() for line in lines) if text]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def _words(source: str):
    """Where comments and docstrings stand: ((line, column), (line, column)), columns in characters."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if (
            not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            or not body
        ):
            continue
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
            # The syntax tree counts columns in bytes.
            at = [
                (line, len(lines[line - 1].encode()[:column].decode()))
                for line, column in (
                    (first.lineno, first.col_offset),
                    (first.end_lineno, first.end_col_offset),
                )
            ]
            yield at[0], at[1]


@cache
def _imports(path: Path) -> tuple[str, ...]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(name for name in names if name.split(".")[0] == PACKAGE))


def _file_of(name: str) -> Path | None:
    place = BOOK_ROOT.joinpath(*name.split("."))
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None
