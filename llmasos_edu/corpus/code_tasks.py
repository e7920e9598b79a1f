"""Four tasks on the same code, with answers true by definition: Python's own tokenizer and parser give them.

For each character: which kind of token it belongs to, how many brackets are open around it, whether its word
is a name or a keyword, and whether it stands in a docstring (chapter 3.4).
"""

import ast
import io
import tokenize
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.document import Document
from llmasos_edu.corpus.kinds import KINDS, character_kinds
from llmasos_edu.foundation.tensors import digest

UNLABELLED = -100  # what torch's cross_entropy leaves out
DEPTHS = ("0", "1", "2", "3 or more")
CODE_TASKS = {
    "kind": KINDS,
    "depth": DEPTHS,
    "word": ("name", "keyword"),
    "docstring": ("code", "docstring"),
}


class LabelledText(NamedTuple):
    """A text in tokens, and for each task the label of each token."""

    tokens: Tensor  # [n]
    labels: dict[str, Tensor]  # {task: [n]}, UNLABELLED where the task asks nothing


def character_labels(source: str) -> dict[str, list[int]]:
    """For each character of a Python source its label in each of `CODE_TASKS`.

    - `kind`: the kind of its token, a number in `KINDS`.
    - `depth`: brackets that are open around it, 3 for three or more. A bracket stands outside of itself, and
      those in strings (f-strings too) and comments are none.
    - `word`: 1 in a keyword, 0 in any other name; other characters are not asked.
    - `docstring`: 1 in the docstring of a module, class or function, 0 elsewhere.

    Blank space, and what is in no token, is `UNLABELLED` in all of them.

    Args:
        source: a whole module.

    Returns:
        {task: one number for each character}.

    Raises:
        ValueError: Python's own tokenizer or parser does not accept the source.

    Source: the modules `tokenize` and `ast` of the running Python.
    """
    kinds = character_kinds(source)
    depths, inside = _depths(source), _in_docstring(source)
    word = {KINDS.index("name"): 0, KINDS.index("keyword"): 1}
    asked = [kind >= 0 for kind in kinds]

    def where_asked(values):
        return [value if ask else UNLABELLED for value, ask in zip(values, asked, strict=True)]

    return {
        "kind": where_asked(kinds),
        "depth": where_asked(min(depth, len(DEPTHS) - 1) for depth in depths),
        "word": [word.get(kind, UNLABELLED) for kind in kinds],
        "docstring": where_asked(inside),
    }


def labelled_text(documents: Sequence[Document], tokenizer=None) -> LabelledText:
    """Code in one row of tokens, each with its labels; an empty line between two documents.

    A token's label is that of its first character that has one.

    Args:
        documents: Python modules; one that the running Python cannot read is passed over.
        tokenizer: a `BytePairTokenizer`; unless given the tokens are the bytes, integers below 256.

    Returns:
        LabelledText(tokens, labels).

    Raises:
        ValueError: not one of the documents can be read.
    """
    ids: list[int] = []
    labels: dict[str, list[int]] = {task: [] for task in CODE_TASKS}
    cut = _bytes if tokenizer is None else partial(_pieces, tokenizer)
    for document in documents:
        text = document.text + "\n\n"
        try:
            found = character_labels(text)
        except ValueError:
            continue
        tokens, label = cut(text)
        ids += tokens
        for task, values in found.items():
            labels[task] += label(values)
    if not ids:
        raise ValueError(f"none of the {len(documents)} documents is a Python source")
    return LabelledText(torch.tensor(ids), {task: torch.tensor(values) for task, values in labels.items()})


class LabelledTextSampler:
    """Random windows of a labelled text: `sampler(generator)` gives (tokens, {task: labels}).

    All are [batch, context].

    Args:
        text: a `LabelledText`.
        context: tokens of a window.
        batch_size: windows of a batch.
        tasks: names of the tasks whose labels are given; all unless named.
        windows: as many windows are drawn once, and no other is ever shown; without limit unless given.
        seed: of these windows.

    Raises:
        ValueError: a text that is too short, an unknown task, sizes below 1.
    """

    def __init__(self, text, *, context, batch_size, tasks=None, windows=None, seed=0):
        sizes = {"context": context, "batch_size": batch_size}
        for name, value in (sizes if windows is None else sizes | {"windows": windows}).items():
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if len(text.tokens) < context:
            raise ValueError(f"the text has {len(text.tokens)} tokens, context={context} needs as many")
        unknown = [task for task in tasks or () if task not in text.labels]
        if unknown:
            raise ValueError(f"there is no task {unknown[0]!r}, only {', '.join(text.labels)}")
        self.text, self.context, self.batch_size = text, context, batch_size
        self.tasks = list(text.labels) if tasks is None else list(tasks)
        self.starts = None
        if windows is not None:
            self.starts = self._draw(windows, torch.Generator().manual_seed(seed))

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        labels = [part for task in self.tasks for part in (task, self.text.labels[task])]
        return digest(self.text.tokens, *labels, self.context, self.batch_size, self.starts)

    def _draw(self, count, generator):
        return torch.randint(len(self.text.tokens) - self.context + 1, (count,), generator=generator)

    def __call__(self, generator):
        if self.starts is None:
            starts = self._draw(self.batch_size, generator)
        else:
            starts = self.starts[torch.randint(len(self.starts), (self.batch_size,), generator=generator)]
        places = starts[:, None] + torch.arange(self.context)
        return self.text.tokens[places], {task: self.text.labels[task][places] for task in self.tasks}


def _depths(source: str) -> list[int]:
    """For each character the number of open brackets around it."""
    steps, inside_f_string = [0] * (len(source) + 1), 0
    place = _places(source)
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        name = tokenize.tok_name[token.type]
        inside_f_string += name.endswith("STRING_START") - name.endswith("STRING_END")
        if name == "OP" and not inside_f_string:
            if token.string in ("(", "[", "{"):
                steps[place(*token.end)] += 1
            elif token.string in (")", "]", "}"):
                steps[place(*token.start)] -= 1
    return list(accumulate(steps))[: len(source)]


def _in_docstring(source: str) -> list[int]:
    """For each character 1 in a docstring and 0 elsewhere."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"this is no Python source: {error}") from error
    inside, place = [0] * len(source), _places(source)
    lines = _lines(source)

    def character(row, column):  # ast counts the columns in bytes
        return place(row, len(lines[row - 1].encode()[:column].decode()))

    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                text = first.value
                begin = character(text.lineno, text.col_offset)
                end = character(text.end_lineno, text.end_col_offset)
                inside[begin:end] = [1] * (end - begin)
    return inside


def _places(source: str):
    """A function (row from 1, column) -> place in the source."""
    starts = [0, *accumulate(map(len, _lines(source)))]
    return lambda row, column: starts[row - 1] + column


def _lines(source: str) -> list[str]:
    # not splitlines(): that one ends a line at a form feed too, Python does not
    return list(io.StringIO(source, newline=""))


def _bytes(text: str):
    """The bytes of a text, and a function: labels of characters -> labels of bytes."""
    sizes = [len(character.encode()) for character in text]
    return list(text.encode()), lambda values: [
        value for value, size in zip(values, sizes, strict=True) for _ in range(size)
    ]


def _pieces(tokenizer, text: str):
    """The tokens of a text, and a function: labels of characters -> labels of tokens."""
    encoding = tokenizer.library.encode(text)
    return encoding.ids, lambda values: [
        next((value for value in values[begin:end] if value != UNLABELLED), UNLABELLED)
        for begin, end in encoding.offsets
    ]
