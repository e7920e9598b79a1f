"""An honest split: nothing that is measured on has been read in training.

A corpus repeats itself. If a passage stands in the training text and again in the held-out text, a model that
merely memorises looks as if it understood. So the split is by whole document, copies are dropped, and
passages that still stand on both sides are cut from the training side. Passages are compared as windows of
`width` bytes.
"""

import hashlib
import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llmasos_edu.corpus.document import Document

COPY_SHARE = 0.5  # a document is a copy when at least this share of its windows stands in larger documents
LONG_LINE = 2  # windows: a line up to this length goes whole, so that prose and code keep whole lines
SEPARATOR = "\n\n"
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BYTE_CODES = np.frombuffer(hashlib.shake_256(b"windows of bytes").digest(8 * 256), "<u8").astype(np.uint64)


class Dropped(NamedTuple):
    """What of a corpus stands on neither side of its split; as a text it says so in one line."""

    copies: int  # bytes of the documents that repeat others
    cut: int  # bytes of the passages that the held-out text has too, with the short lines around them
    total: int  # bytes of the corpus

    @property
    def share(self) -> float:
        """Share of the corpus that is left out, between 0 and 1."""
        return (self.copies + self.cut) / self.total

    def __str__(self) -> str:
        return (
            f"{self.copies + self.cut:,} of {self.total:,} bytes ({self.share:.1%}): {self.copies:,} in what "
            f"repeats other parts, {self.cut:,} in passages that the held-out part has too"
        )


@dataclass(frozen=True)
class Split:
    """Two sides of a corpus without a common passage, and the account of how they came about.

    Args:
        train: documents to learn from, in the corpus' order, without what was cut.
        held_out: documents to measure on, in the corpus' order, whole.
        copies: (topic, share) of each document dropped as a copy, with the share of its windows that stand in
            larger documents.
        cut: (topic, bytes) of each training document that lost passages that repeat the held-out text.
        leak: share of held-out windows that stand in the training text, measured after all this.
        naive_leak: the same share for a split of the same corpus by document that drops and cuts nothing.
        dropped: what stands on neither side, in bytes.
    """

    train: list[Document]
    held_out: list[Document]
    copies: list[tuple[str, float]]
    cut: list[tuple[str, int]]
    leak: float
    naive_leak: float
    dropped: Dropped

    @property
    def train_text(self) -> str:
        """All training documents as one text."""
        return join(self.train)

    @property
    def held_out_text(self) -> str:
        """All held-out documents as one text."""
        return join(self.held_out)


def join(documents: Sequence[Document]) -> str:
    """The documents as one text, a blank line between them."""
    return SEPARATOR.join(document.text for document in documents)


def split_documents(
    documents: Sequence[Document], held_out: float = 0.1, seed: int = 0, width: int = 50
) -> Split:
    """Split a corpus by whole document so that no passage of `width` bytes stands on both sides.

    1. Documents are read from the largest to the smallest; one that mostly repeats larger ones is dropped.
    2. Documents are held out in the order of a hash of seed and topic, until their share of the bytes is
       within a tenth of `held_out`. Those larger than a third of the held-out side come last, so that it
       holds several topics. The hash keeps a topic on its side when other documents come or go, as between
       versions of Python.
    3. Passages of the training side are cut until no window of the held-out text is left in any document:
       with the whole line in which one stands where that has at most `2 width` bytes, from a longer line
       alone.

    What is lost on the way is counted in `dropped`.

    Args:
        documents: the corpus.
        held_out: share of the bytes to hold out, between 0 and 1.
        seed: another seed holds out other documents.
        width: length of a window in bytes.

    Returns:
        the Split; `leak` is 0 but for windows that span two training documents.

    Raises:
        ValueError: an argument is out of range, or fewer than two documents are left to part.

    Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section 4.1 (exact
    substrings of 50 tokens); article 3.1.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out={held_out} must lie between 0 and 1")
    _check_width(width)
    documents = [document for document in documents if document.text]
    copies = _copies(documents, width)
    originals = [document for i, document in enumerate(documents) if i not in copies]
    if len(originals) < 2:
        raise ValueError(
            f"a split needs two documents that do not repeat each other: of {len(documents)} given,"
            f" {len(copies)} are copies and {len(originals)} is left"
        )
    train, held = _choose(originals, held_out, seed)
    naive_train, naive_held = _choose(documents, held_out, seed)
    train, cut = _cut_passages(train, join(held), width)
    if not train:
        raise ValueError("nothing is left to train on: all of it stands in the held-out text too")
    sizes = [len(document.text.encode()) for document in documents]
    return Split(
        train=train,
        held_out=held,
        copies=[(documents[i].topic, share) for i, share in sorted(copies.items())],
        cut=cut,
        leak=leak_share(join(train), join(held), width),
        naive_leak=leak_share(join(naive_train), join(naive_held), width),
        dropped=Dropped(sum(sizes[i] for i in copies), sum(size for _, size in cut), sum(sizes)),
    )


def hold_out(documents: Sequence[Document], topics: Collection[str], width: int = 50) -> Split:
    """Split a corpus so that these topics are held out, and no passage of `width` bytes stands on both sides.

    For measuring beside a model that was trained elsewhere: hold out what was kept from it as well. Passages
    of the held-out topics are cut from all others, as `split_documents` cuts them; no document is dropped.

    Args:
        documents: the corpus.
        topics: of the documents to hold out.
        width: length of a window in bytes.

    Returns:
        the Split; `naive_leak` is that of the same topics with nothing cut.

    Raises:
        ValueError: a topic that no document has, or nothing is left on one side.
    """
    _check_width(width)
    documents = [document for document in documents if document.text]
    if unknown := sorted(set(topics) - {document.topic for document in documents}):
        raise ValueError(f"no document has the topic {', '.join(map(repr, unknown))}")
    held = [document for document in documents if document.topic in topics]
    others = [document for document in documents if document.topic not in topics]
    train, cut = _cut_passages(others, join(held), width) if held else (others, [])
    if not (held and train):
        raise ValueError(f"{len(held)} documents are held out and {len(train)} are left to train on")
    total = sum(len(document.text.encode()) for document in documents)
    return Split(
        train=train,
        held_out=held,
        copies=[],
        cut=cut,
        leak=leak_share(join(train), join(held), width),
        naive_leak=leak_share(join(others), join(held), width),
        dropped=Dropped(0, sum(size for _, size in cut), total),
    )


def leak_share(train_text: str, held_out_text: str, width: int = 50) -> float:
    """Share of the held-out text's windows that stand verbatim in the training text.

        leak = |{i : held_out[i : i + width] occurs in train}| / (len(held_out) - width + 1)

    Args:
        train_text: the text that a model learns from.
        held_out_text: the text that it is measured on; where it is shorter than `width`, nothing leaks.
        width: length of a window in UTF-8 bytes.

    Returns:
        a share between 0 and 1. 0 means that nothing of `width` bytes can be had by memorising.

    Raises:
        ValueError: `width` is not positive, or the held-out text is empty.

    Source: Lee et al. 2022, section 4.1 (there in tokens, here in bytes); article 3.1.
    """
    _check_width(width)
    if not held_out_text:
        raise ValueError("the held-out text is empty: there is no window to look for")
    codes = _windows(held_out_text.encode(), width)
    return float(_found(codes, np.unique(_windows(train_text.encode(), width))).mean()) if len(codes) else 0.0


def _check_width(width: int) -> None:
    if width < 1:
        raise ValueError(f"width={width} must be at least 1 byte")


def _windows(data: bytes, width: int) -> np.ndarray:
    """One 64-bit code per window of `width` bytes: equal windows have equal codes, others practically never.

    Polynomial in a fixed multiplier modulo 2**64 (Karp and Rabin 1987) over random codes of the bytes; for a
    megabyte against a megabyte the chance of a single false match is about 1e-7. Returns [len(data) - width +
    1].
    """
    count = max(len(data) - width + 1, 0)
    byte_codes = _BYTE_CODES[np.frombuffer(data, np.uint8)]
    codes = np.zeros(count, np.uint64)
    for offset in range(width if count else 0):
        codes *= _MULTIPLIER
        codes += byte_codes[offset : offset + count]
    return codes


def _found(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which codes are among the known ones, which are sorted. Returns booleans, as many as codes."""
    if not len(known):
        return np.zeros(len(codes), bool)
    return known[np.searchsorted(known, codes).clip(max=len(known) - 1)] == codes


def _copies(documents: list[Document], width: int) -> dict[int, float]:
    """Index of each document that mostly repeats larger ones, with the share of its windows that do."""
    encoded = [document.text.encode() for document in documents]
    codes = [_windows(data, min(width, len(data))) for data in encoded]
    # Number the distinct windows once: looking one up is then indexing, not searching.
    _, numbers = np.unique(np.concatenate(codes), return_inverse=True) if codes else (None, np.zeros(0, int))
    ends = np.cumsum([len(code) for code in codes])
    seen = np.zeros(len(numbers), bool)
    copies = {}
    for i in sorted(range(len(documents)), key=lambda i: -len(encoded[i])):
        own = numbers[ends[i] - len(codes[i]) : ends[i]]
        share = float(seen[own].mean())
        if share >= COPY_SHARE:
            copies[i] = share
        else:
            seen[own] = True
    return copies


def _choose(documents: list[Document], held_out: float, seed: int) -> tuple[list[Document], list[Document]]:
    """Part whole documents into (train, held out) by a hash of seed and topic, one or more on each side."""
    sizes = [len(document.text.encode()) for document in documents]
    target = held_out * sum(sizes)
    keys = [hashlib.sha256(f"{seed} {document.topic}".encode()).digest() for document in documents]
    order = sorted(range(len(documents)), key=lambda i: (sizes[i] > target / 3, keys[i]))
    chosen, total = set(), 0
    for i in order:
        if total >= 0.9 * target or len(chosen) == len(documents) - 1:
            break
        if total + sizes[i] <= 1.1 * target:
            chosen.add(i)
            total += sizes[i]
    chosen = chosen or {sizes.index(min(sizes))}
    train = [document for i, document in enumerate(documents) if i not in chosen]
    return train, [documents[i] for i in sorted(chosen)]


def _cut_passages(
    documents: list[Document], held_out_text: str, width: int
) -> tuple[list[Document], list[tuple[str, int]]]:
    """Cut from each document what repeats the held-out text; also tell how many bytes."""
    forbidden = np.unique(_windows(held_out_text.encode(), width))
    kept, cut = [], []
    for document in documents:
        data = document.text.encode()
        size = len(data)
        # A cut joins what stood apart, so look again until nothing more is found.
        while (hits := np.flatnonzero(_found(_windows(data, width), forbidden))).size:
            data = _without_passages(data, hits, width)
        if data:
            kept.append(document if len(data) == size else Document(document.topic, data.decode()))
        if len(data) < size:
            cut.append((document.topic, size - len(data)))
    return kept, cut


def _without_passages(data: bytes, hits: np.ndarray, width: int) -> bytes:
    """The text without the lines that windows starting at the hits cover; if there are none, that they touch.

    Of a touched line longer than `LONG_LINE` windows only the passage itself goes, in whole characters.
    """
    change = np.bincount(hits, minlength=len(data) + 1) - np.bincount(hits + width, minlength=len(data) + 1)
    touched = change.cumsum()[:-1] > 0
    bounds = [0, *(match.end() for match in re.finditer(rb"\n", data)), len(data)]
    lines = [slice(start, end) for start, end in itertools.pairwise(bounds)]
    covered = [line for line in lines if touched[line].all() and data[line].strip()]
    gone = np.zeros(len(data), bool) if covered else touched
    short = (line for line in lines if touched[line].any() and line.stop - line.start <= LONG_LINE * width)
    for line in covered or short:
        gone[line] = True
    first = np.flatnonzero(np.frombuffer(data, np.uint8) & 0xC0 != 0x80)  # byte of each character
    gone = np.repeat(np.logical_or.reduceat(gone, first), np.diff(first, append=len(data)))
    return np.frombuffer(data, np.uint8)[~gone].tobytes().strip(b"\n")
