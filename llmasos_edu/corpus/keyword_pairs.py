"""Pairs of keywords and a sentence: what the copywriter of chapter 6.2.1 learns from, and is judged on."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.corpus.document import Document
from llmasos_edu.corpus.manual import manual
from llmasos_edu.corpus.sentences import Keywords
from llmasos_edu.corpus.split import hold_out
from llmasos_edu.foundation.arguments import check_count, check_names

END = "\n"


class Brief(NamedTuple):
    """An order for a sentence: its keywords, and a sentence that somebody has written with them."""

    words: list[str]
    sentence: str


def manual_sides(held_out_topics: Sequence[str], width: int = 50) -> tuple[list[Document], list[Document]]:
    """The manual in two sides that share no passage: to learn from, and to be judged on.

    Args:
        held_out_topics: topics of `manual()`, such as those that a shipped model's card names; what is no
            topic of it is passed over.
        width: passages of so many bytes that stand on both sides are cut from the first.

    Returns:
        All other topics, without what the held-out ones have as well; and the held-out topics.

    Raises:
        ValueError: no topic of the manual is held out, or none is left to learn from.
    """
    documents = manual()
    split = hold_out(documents, {each.topic for each in documents} & set(held_out_topics), width)
    return split.train, split.held_out


def briefs(texts: Sequence[str], keywords: Keywords, count: int, *, seed: int = 0) -> list[Brief]:
    """For each sentence that has `count` keywords an order for it.

    Args:
        texts: sentences.
        keywords: what counts as a keyword.
        count: keywords of an order.
        seed: of the choice of keywords.

    Returns:
        The orders, in the order of the sentences.

    Raises:
        ValueError: no sentence has so many keywords.
    """
    check_count("count", count)
    found = [Brief(words, text) for text in texts if (words := keywords.draw(text, count, seed))]
    if not found:
        raise ValueError(f"none of {len(texts)} sentences has {count} keywords")
    return found


def keyword_prompt(tokenizer, words: Sequence[str]) -> list[int]:
    """What the copywriter goes on from: the keywords with commas, a colon, the end of the line.

    Args:
        tokenizer: of the model.
        words: one or more.

    Raises:
        TypeError, ValueError: no words, or one that holds blanks.
    """
    words = check_names(words, "keywords", 1, 64)
    for word in words:
        if len(word.split()) != 1 or word != word.strip():
            raise ValueError(f"the keyword {word!r} is no single word")
    return tokenizer.encode(", ".join(words) + ":") + tokenizer.encode(END)


def pair_rows(tokenizer, orders: Sequence[Brief], length: int) -> tuple[Tensor, Tensor]:
    """Orders and their sentences as rows to train on; only the sentence and its end are scored.

    Args:
        tokenizer: of the model.
        orders: from `briefs`.
        length: tokens of a row; pairs that are longer are left out.

    Returns:
        Inputs and targets `[rows, length]`, -100 where nothing is scored.

    Raises:
        ValueError: no pair is short enough.
    """
    check_count("length", length)
    inputs, targets = [], []
    for words, text in orders:
        prompt, said = keyword_prompt(tokenizer, words), tokenizer.encode(text) + tokenizer.encode(END)
        free = length + 1 - len(prompt) - len(said)
        if free >= 0:
            inputs.append((prompt + said)[:-1] + [0] * free)
            targets.append([-100] * (len(prompt) - 1) + said + [-100] * free)
    if not inputs:
        raise ValueError(f"none of {len(orders)} pairs fits into {length} tokens")
    return torch.tensor(inputs), torch.tensor(targets)
