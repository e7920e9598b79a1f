"""What the shipped models have read, and what is kept from them to measure on."""

from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus import Split, library_code, manual, split_documents
from llmasos_edu.corpus.split import join
from llmasos_edu.text.compression import compressed_bits_per_byte
from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.tokenizer import BytePairTokenizer

CODE_BYTES = 6_000_000
MANUAL_READINGS = 2  # the manual is a twentieth of the text; it is read twice for each reading of the code


class HeldOut(NamedTuple):
    """A text that no shipped model has read."""

    text: str
    tokens: Tensor  # [n]
    num_bytes: int


def reading_split() -> Split:
    """Python's manual and part of its library, split by document with nothing shared between the sides."""
    return split_documents(manual() + library_code(CODE_BYTES), seed=0)


def train_tokenizer(split: Split, vocab_size: int) -> BytePairTokenizer:
    """Learn a vocabulary from the training side."""
    return BytePairTokenizer.train([document.text for document in split.train], vocab_size)


def training_tokens(split: Split, tokenizer: BytePairTokenizer) -> Tensor:
    """The training side as one row of tokens `[n]`, the manual several times."""
    prose, code = _by_kind(split.train)
    return torch.tensor(tokenizer.encode(join(prose * MANUAL_READINGS + code)))


def held_out_texts(split: Split, tokenizer: BytePairTokenizer) -> dict[str, HeldOut]:
    """The held-out side by kind: `manual` and `code`."""
    texts = dict(zip(("manual", "code"), map(join, _by_kind(split.held_out)), strict=True))
    return {
        kind: HeldOut(text, torch.tensor(tokenizer.encode(text)), len(text.encode()))
        for kind, text in texts.items()
    }


def baselines(split: Split, held_out: dict[str, HeldOut], order: int = 6) -> dict[str, dict[str, float]]:
    """What counting and compressing reach on the same split, in bits per byte, by kind of held-out text.

    Compressors are primed: they have read the training side first. Where a window limits how far back they
    look (gzip, bz2) they have forgotten most of it.
    """
    train = split.train_text
    ngram = NGram.kneser_ney(torch.tensor(list(train.encode())), 256, order)
    found = {}
    for kind, x in held_out.items():
        found[kind] = {f"{order}-gram": ngram.bits_per_byte(torch.tensor(list(x.text.encode())), x.num_bytes)}
        for method in ("gzip", "bz2", "xz"):
            found[kind][f"{method}, primed"] = compressed_bits_per_byte(x.text, method, train)
    return found


def _by_kind(documents) -> tuple[list, list]:
    topics = {document.topic for document in manual()}
    return (
        [document for document in documents if document.topic in topics],
        [document for document in documents if document.topic not in topics],
    )
