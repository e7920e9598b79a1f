"""Labels that are true by definition: the kind of each token of Python code, as Python itself sees it."""

import io
import keyword
import tokenize
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.document import Document

KINDS = ("keyword", "name", "number", "string", "comment", "operator")
_PARTS_OF_STRINGS = {f"{letter}STRING_{part}" for letter in "FT" for part in ("START", "MIDDLE", "END")}


class LabelledWindows(NamedTuple):
    """Pieces of code, each with the kind of one of its tokens."""

    tokens: Tensor  # [n, before + 1 + after]; the token in question stands at place `before`
    labels: Tensor  # [n], numbers in KINDS


def character_kinds(source: str) -> list[int]:
    """For each character of a Python source its kind, a number in `KINDS`, or -1 for blank space.

    Args:
        source: a whole module.

    Returns:
        one number for each character.

    Raises:
        ValueError: Python's own tokenizer does not accept the source; the message says where.

    Source: the module `tokenize` of the running Python; the list of keywords is `keyword.kwlist`.
    """
    starts = [0]
    for line in io.StringIO(source, newline=""):  # as Python does: a form feed ends no line
        starts.append(starts[-1] + len(line))
    kinds = [-1] * len(source)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
            kind = _kind(token)
            if kind is None:
                continue
            begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            for place in range(begin, end):
                kinds[place] = -1 if source[place].isspace() else KINDS.index(kind)
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"this is no Python source: {error}") from error
    return kinds


def _kind(token: tokenize.TokenInfo) -> str | None:
    name = tokenize.tok_name[token.type]
    if name == "NAME":
        return "keyword" if keyword.iskeyword(token.string) else "name"
    if name in _PARTS_OF_STRINGS:
        return "string"
    return {"NUMBER": "number", "STRING": "string", "COMMENT": "comment", "OP": "operator"}.get(name)


def labelled_windows(
    documents: Sequence[Document], tokenizer, *, per_kind: int, before: int, after: int, seed: int = 0
) -> LabelledWindows:
    """Random places in code with the kind of the token there, equally many of each kind, in random order.

    A token's kind is that of its first character that is no blank; tokens of blanks alone are left out.

    Args:
        documents: Python modules; one that the running Python cannot read is passed over.
        tokenizer: a `BytePairTokenizer`.
        per_kind: places of each of the six kinds.
        before, after: tokens of context on the left and on the right.
        seed: of the choice.

    Returns:
        LabelledWindows(tokens, labels), `6 * per_kind` rows.

    Raises:
        ValueError: a kind has too few places in these documents.
    """
    windows: list[list[Tensor]] = [[] for _ in KINDS]
    for document in documents:
        for tokens, kind in _places(document.text, tokenizer, before, after):
            windows[kind].append(tokens)
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for name, found in zip(KINDS, windows, strict=True):
        if len(found) < per_kind:
            raise ValueError(f"per_kind={per_kind}, but only {len(found)} tokens are of the kind {name!r}")
        order = torch.randperm(len(found), generator=generator)[:per_kind].tolist()
        chosen += [found[i] for i in order]
    order = torch.randperm(len(chosen), generator=generator)
    labels = torch.arange(len(KINDS)).repeat_interleave(per_kind)
    return LabelledWindows(torch.stack(chosen)[order], labels[order])


def _places(source: str, tokenizer, before: int, after: int):
    """Yield (window, kind) for each token of the source that has a kind and enough neighbours."""
    try:
        kinds = character_kinds(source)
    except ValueError:
        return
    encoding = tokenizer.library.encode(source)
    ids, offsets = torch.tensor(encoding.ids), encoding.offsets
    for place in range(before, len(ids) - after):
        kind = next((kind for kind in kinds[slice(*offsets[place])] if kind >= 0), -1)
        if kind >= 0:
            yield ids[place - before : place + after + 1], kind
