"""Four kinds of text in one corpus, prose, code, arithmetic and number words: sub-tasks for a mixture."""

import random
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.library import library_code
from llmasos_edu.corpus.manual import manual
from llmasos_edu.corpus.numerals import numeral
from llmasos_edu.corpus.split import split_documents
from llmasos_edu.foundation.tensors import digest

DOMAINS = ("prose", "code", "arithmetic", "numerals")


class Domain(NamedTuple):
    """One kind of text, as bytes, in two parts that share no document and no exercise."""

    train: Tensor  # [n], integers below 256
    held_out: Tensor  # [m]


def domain_corpus(num_bytes: int = 200_000, seed: int = 0) -> dict[str, Domain]:
    """Python's manual, Python's library, sums such as `27+58=85`, and number words such as `sixty two = 62`.

    Args:
        num_bytes: about so many bytes a kind, held-out part (a tenth) included.
        seed: of the sums, the numbers and the splits.

    Returns:
        {kind: Domain} in the order of `DOMAINS`. A held-out sum or number never stands in training.

    Raises:
        ValueError: `num_bytes` below 10,000: the split would be too small to measure on.
    """
    if num_bytes < 10_000:
        raise ValueError(f"num_bytes={num_bytes} must be at least 10,000")
    prose = split_documents(_at_most(manual(), num_bytes), seed=seed)
    code = split_documents(library_code(num_bytes), seed=seed)
    texts = {
        "prose": (prose.train_text, prose.held_out_text),
        "code": (code.train_text, code.held_out_text),
        "arithmetic": _lines(_sum, 100 * 100, num_bytes, seed),
        "numerals": _lines(_words, 10_000, num_bytes, seed),
    }
    return {kind: Domain(*map(_as_bytes, texts[kind])) for kind in DOMAINS}


class DomainSampler:
    """Windows of all kinds in equal shares: row i of a batch is of kind `i % kinds`.

    Calling it with a generator gives a LongTensor `[batch, context + 1]`, as `train` wants it.

    Args:
        texts: one row of tokens a kind.
        context: tokens that the model sees.
        batch_size: rows; a multiple of the number of kinds.

    Raises:
        ValueError: a batch that cannot be shared equally, a text that is too short.
    """

    def __init__(self, texts: list[Tensor], *, context: int, batch_size: int):
        if not texts or batch_size < 1 or batch_size % len(texts):
            raise ValueError(f"batch_size={batch_size} is no multiple of the {len(texts)} kinds of text")
        shortest = min(map(len, texts))
        if shortest <= context:
            raise ValueError(f"a text of {shortest} tokens is too short for context={context}")
        self.texts, self.context, self.batch_size = texts, context, batch_size

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(*self.texts, self.context, self.batch_size)

    def __call__(self, generator: torch.Generator) -> Tensor:
        rows = []
        for row in range(self.batch_size):
            text = self.texts[row % len(self.texts)]
            start = int(torch.randint(len(text) - self.context, (), generator=generator))
            rows.append(text[start : start + self.context + 1])
        return torch.stack(rows)


def _sum(number: int) -> str:
    first, second = divmod(number, 100)
    return f"{first}+{second}={first + second}"


def _words(number: int) -> str:
    said = numeral(number)
    return f"{' '.join(said.words)} = {said.digits}"


def _lines(say, count: int, num_bytes: int, seed: int) -> tuple[str, str]:
    """Exercises in random order, again and again until there are enough bytes; a tenth is held out."""
    order = list(range(count))
    rng = random.Random(seed)
    rng.shuffle(order)
    texts = []
    sides = (order[count // 10 :], num_bytes * 9 // 10), (order[: count // 10], num_bytes // 10)
    for numbers, size in sides:
        lines, length = [], 0
        while length < size:
            lines.append(say(numbers[len(lines)]) if len(lines) < len(numbers) else say(rng.choice(numbers)))
            length += len(lines[-1]) + 1
        texts.append("\n".join(lines))
    return texts[0], texts[1]


def _at_most(documents, num_bytes: int):
    """The first documents that fit, at least two."""
    kept, total = [], 0
    for document in documents:
        total += len(document.text.encode())
        if total > num_bytes and len(kept) >= 2:
            break
        kept.append(document)
    return kept


def _as_bytes(text: str) -> Tensor:
    return torch.tensor(list(text.encode()))
