"""Finding passages by their words or by vectors, both rankings together, and how good they are (6.2.2)."""

from collections.abc import Hashable, Sequence

import bm25s
import numpy as np

from llmasos_edu.foundation.arguments import check_count, check_number


class WordIndex:
    """Passages found by the words that they share with a question: BM25, computed by the library bm25s.

        score(q, d) = sum_{w in q} idf(w) * tf / (tf + k1 * (1 - b + b * |d| / mean |d|))

    tf is how often w stands in d, |d| the length of d. idf(w) = ln(1 + (N - n + 0.5) / (n + 0.5)) is large
    where few of the N passages, n of them, have the word at all.

    Args:
        passages: lists of words.
        k1: how soon a word that comes again counts no more.
        b: how much long passages are held back, 0 to 1.

    Raises:
        ValueError: no passages, none with a word, or settings out of range.

    Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond";
    Lù 2024, "BM25S", for the library, whose method "lucene" is this formula.
    """

    def __init__(self, passages: Sequence[Sequence[str]], *, k1: float = 1.5, b: float = 0.75):
        check_number("k1", k1, 0, 100)
        check_number("b", b, 0, 1)
        passages = [list(words) for words in passages]
        if not any(passages):
            raise ValueError(f"{len(passages)} passages without a word: there is nothing to find")
        self.size, self._known = len(passages), {word for words in passages for word in words}
        self._index = bm25s.BM25(method="lucene", k1=k1, b=b)
        self._index.index(passages, show_progress=False)

    def scores(self, question: Sequence[str]) -> np.ndarray:
        """The score of each passage, `[passages]`; words that no passage has are passed over."""
        known = [word for word in question if word in self._known]
        if not known:
            return np.zeros(self.size)
        return np.asarray(self._index.get_scores(known), dtype=float)


def ranking(scores: Sequence[float]) -> list[int]:
    """Places of the passages, the best first; of equals the first."""
    return np.argsort(-np.asarray(scores, dtype=float), kind="stable").tolist()


def cosines(vectors: np.ndarray, question: np.ndarray) -> np.ndarray:
    """The cosine of each passage's vector with the question's; 0 for a vector without length.

    Args:
        vectors: `[passages, dim]`.
        question: `[dim]`.

    Raises:
        ValueError: shapes that do not fit.
    """
    vectors, question = np.asarray(vectors, dtype=float), np.asarray(question, dtype=float)
    if vectors.ndim != 2 or question.shape != vectors.shape[1:]:
        raise ValueError(f"vectors {list(vectors.shape)} and question {list(question.shape)} do not fit")
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(question)
    return np.divide(vectors @ question, lengths, out=np.zeros(len(vectors)), where=lengths > 0)


def fused(rankings: Sequence[Sequence[int]], k: int = 60) -> list[int]:
    """One ranking from several: the sum of `1 / (k + rank)`, ranks from 1.

    Args:
        rankings: each holds the same places.
        k: how much the first ranks count more than the next.

    Raises:
        ValueError: no ranking, or such that hold different places.

    Source: Cormack et al. 2009, "Reciprocal Rank Fusion Outperforms Condorcet".
    """
    check_count("k", k)
    if not rankings or any(sorted(each) != sorted(rankings[0]) for each in rankings):
        raise ValueError(f"{len(rankings)} rankings must hold the same places, each once")
    scores = dict.fromkeys(sorted(rankings[0]), 0.0)
    for each in rankings:
        for rank, place in enumerate(each, 1):
            scores[place] += 1 / (k + rank)
    return sorted(scores, key=lambda place: -scores[place])


def found_within(order: Sequence[int], labels: Sequence[Hashable], wanted: Hashable, k: int) -> bool:
    """Whether one of the first `k` passages has the label that is wanted.

    Args:
        order: a ranking.
        labels: of each passage, such as its section.

    Raises:
        ValueError: a label that no passage has: it could not be found.
    """
    check_count("k", k)
    if wanted not in labels:
        raise ValueError(f"no passage has the label {wanted!r}")
    return wanted in [labels[place] for place in order[:k]]


def chance_within(labels: Sequence[Hashable], wanted: Hashable, k: int) -> float:
    """The probability that `k` passages drawn at random hold one of the label that is wanted."""
    check_count("k", k)
    others, total, missed = sum(label != wanted for label in labels), len(labels), 1.0
    for drawn in range(min(k, total)):
        missed *= max(0, others - drawn) / (total - drawn)
    return 1 - missed


def spread_out(relevance: Sequence[float], alike: np.ndarray, count: int, trade: float = 0.5) -> list[int]:
    """Passages that are near the question and far from each other, in the order in which they are taken.

        next = argmax_i  trade * relevance_i - (1 - trade) * max_{j taken} alike_ij

    Args:
        relevance: of each passage, about 0 to 1.
        alike: similarity of two passages `[passages, passages]`.
        count: how many are taken; all where there are fewer.
        trade: 1 looks at the question alone.

    Raises:
        ValueError: shapes that do not fit, a trade outside of 0 to 1.

    Source: Carbonell & Goldstein 1998, "The Use of MMR, Diversity-Based Reranking".
    """
    check_count("count", count)
    check_number("trade", trade, 0, 1)
    relevance, alike = np.asarray(relevance, dtype=float), np.asarray(alike, dtype=float)
    if alike.shape != (len(relevance), len(relevance)):
        raise ValueError(f"alike {list(alike.shape)} does not fit {len(relevance)} passages")
    taken: list[int] = []
    while len(taken) < min(count, len(relevance)):
        nearest = alike[:, taken].max(axis=1) if taken else np.zeros(len(relevance))
        gain = trade * relevance - (1 - trade) * nearest
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
    return taken
