"""How much texts share: keywords that occur, runs of words that repeat, one text against others (6.2.1)."""

import math
from collections import Counter
from collections.abc import Sequence

from llmasos_edu.foundation.arguments import check_count

Words = Sequence


def ngrams(words: Words, size: int) -> list[tuple]:
    """All runs of `size` neighbours, in order.

    Raises:
        ValueError: a size below 1.
    """
    check_count("size", size)
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def coverage(words: Words, keywords: Sequence) -> float:
    """Share of the keywords that occur among the words.

    Raises:
        ValueError: no keyword.
    """
    if not keywords:
        raise ValueError("coverage needs at least one keyword")
    return sum(keyword in set(words) for keyword in keywords) / len(keywords)


def distinct(texts: Sequence[Words], size: int) -> float:
    """Different runs of `size` words in all texts together, divided by all runs: 1 where none repeats.

    The more text, the more must repeat: compare equal amounts.

    Raises:
        ValueError: no text is that long.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models".
    """
    runs = [run for words in texts for run in ngrams(words, size)]
    if not runs:
        raise ValueError(f"none of {len(texts)} texts has {size} words")
    return len(set(runs)) / len(runs)


def bleu(words: Words, others: Sequence[Words], order: int = 4) -> float:
    """How much of a text stands in others: the geometric mean of shared runs of 1 to `order` words.

        BLEU = exp(min(0, 1 - r / c)) * (prod_n p_n) ** (1 / order)

    p_n is the share of the text's runs of n words that stand in one of the others, each at most as often as
    there; for n > 1 both counts are one larger, so that one missing run is not everything. c is the text's
    length, r the nearest of the others' lengths (of two equally near, the shorter).

    Args:
        words: the text.
        others: what it is held against, one or more.
        order: longest runs that count.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: an empty text, or nothing to hold it against.

    Source: Papineni et al. 2002, "BLEU", section 2; smoothing of Lin & Och 2004, "ORANGE".
    """
    if not words or not others:
        raise ValueError(f"bleu of {len(words)} words against {len(others)} texts: both must be at least 1")
    logs = 0.0
    for size in range(1, order + 1):
        own, most = Counter(ngrams(words, size)), Counter()
        for other in others:
            most |= Counter(ngrams(other, size))
        shared, total = (own & most).total(), own.total()
        if size > 1:
            shared, total = shared + 1, total + 1
        if shared == 0:
            return 0.0
        logs += math.log(shared / total) / order
    nearest = min((abs(len(other) - len(words)), len(other)) for other in others)[1]
    return math.exp(logs + min(0.0, 1 - nearest / len(words)))


def self_bleu(texts: Sequence[Words], order: int = 4) -> float:
    """How alike texts are: the mean BLEU of each against all others. 1 where all are the same.

    Raises:
        ValueError: fewer than two texts, or an empty one.

    Source: Zhu et al. 2018, "Texygen: A Benchmarking Platform for Text Generation Models".
    """
    if len(texts) < 2:
        raise ValueError(f"self-BLEU compares texts with each other: {len(texts)} are too few")
    return sum(bleu(words, [*texts[:at], *texts[at + 1 :]], order) for at, words in enumerate(texts)) / len(
        texts
    )
