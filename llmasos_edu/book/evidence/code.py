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


def code_digests(path: Path, function: str | None = None) -> dict[str, str]:
    """Digests of a file and of all of the library that it imports, directly or not: {name: 12 hex digits}.

    A change of comments, docstrings or empty lines changes no digest. The book's own room is left out.

    Args:
        path: a declaration.
        function: of the file only what this function reaches, under the name `"file.py:function"`: what else
            stands there (other experiments, statements, what counts) computes none of its figures.
    """
    if function is None:
        found = {path.name: digest(path)}
    else:
        found = {f"{path.name}:{function}": digest(path, function)}
    waiting = list(_imports(path))
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name in found or file is None or name.startswith(JUDGES):
            continue
        found[name] = digest(file)
        waiting += _imports(file)
    return dict(sorted(found.items()))


def same_file(stored: dict[str, str], path: Path, function: str) -> bool:
    """Whether a result's digests name this file as it is: the whole of it, or what the function reaches."""
    part = f"{path.name}:{function}"
    if part in stored:
        return stored[part] == digest(path, function)
    return stored.get(path.name) == digest(path)


def named_by_function(stored: dict[str, str], path: Path, function: str) -> dict[str, str]:
    """A result's digests, the function's own for the whole file's, if they name the file as it is.

    What computed a result is known more exactly then, not anew: the function of an unchanged file.
    """
    if path.name not in stored or not same_file(stored, path, function):
        return stored
    rest = {name: value for name, value in stored.items() if name != path.name}
    return dict(sorted((rest | {f"{path.name}:{function}": digest(path, function)}).items()))


@cache
def digest(path: Path, function: str | None = None) -> str:
    """Twelve hex digits of what a Python file does, or of what one function of it reaches."""
    source = path.read_text(encoding="utf-8")
    lines = [list(line) for line in source.splitlines()]
    if function is not None:
        reached = _reached(ast.parse(source), function)
        lines = [line if number in reached else [] for number, line in enumerate(lines, 1)]
    for start, end in _words(source):
        for number in range(start[0] - 1, end[0]):
            if not lines[number]:
                continue
            begin = start[1] if number == start[0] - 1 else 0
            stop = end[1] if number == end[0] - 1 else len(lines[number])
            lines[number][begin:stop] = " " * (stop - begin)
    kept = [text for text in ("".join(line).rstrip() for line in lines) if text]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def _reached(tree: ast.Module, function: str) -> set[int]:
    """The lines of all top-level statements that a function's figures can hang on, itself included.

    These are what defines a name that it uses, directly or by another one, and what defines no name at all.

    Raises:
        ValueError: the file defines no such function.
    """
    defining = {}
    for node in tree.body:
        for name in _defined(node):
            defining.setdefault(name, []).append(node)
    if function not in defining:
        raise ValueError(f"the file defines no {function!r} at its top level")
    waiting = [*defining[function], *(node for node in tree.body if not _defined(node))]
    seen, lines = [], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.append(node)
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        lines |= set(range(start, node.end_lineno + 1))
        used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        waiting += [other for name in used & defining.keys() for other in defining[name]]
    return lines


def _defined(node: ast.stmt) -> set[str]:
    """The names that a top-level statement gives a meaning to; none for one that only does something."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return {
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        }
    return set()


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
