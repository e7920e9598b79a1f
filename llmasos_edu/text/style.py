"""Style as a distance: how often a text uses the most common words (chapter 6.2.2)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from llmasos_edu.foundation.arguments import check_count


class StyleSpace:
    """A place for each text: the frequencies of common words, measured in standard deviations.

    What a text is about shows in its rare words; how it is written in its common ones (the, of, which, you).

    Args:
        texts: lists of words, the references; two or more.
        num_words: how many of the most frequent words count; fewer where all texts use one equally often.

    Attributes:
        words: those that count, most frequent first.

    Raises:
        ValueError: fewer than two texts, an empty one, or no word whose frequency differs.

    Source: Burrows 2002, "'Delta': A Measure of Stylistic Difference and a Guide to Likely Authorship".
    """

    def __init__(self, texts: Sequence[Sequence[str]], num_words: int = 100):
        check_count("num_words", num_words)
        if len(texts) < 2:
            raise ValueError(f"a style needs others to differ from: {len(texts)} texts are too few")
        counts = Counter(word for words in texts for word in words)
        self.words = [word for word, _ in counts.most_common(num_words)]
        frequencies = np.array([self._frequencies(words) for words in texts])  # [texts, words]
        spread = frequencies.std(axis=0)
        self.words = [word for word, each in zip(self.words, spread, strict=True) if each > 0]
        if not self.words:
            raise ValueError("all texts use all of these words equally often: no style shows")
        self._mean, self._spread = frequencies.mean(axis=0)[spread > 0], spread[spread > 0]

    def place(self, words: Sequence[str]) -> np.ndarray:
        """How far above or below the references' mean each common word's frequency is, `[num_words]`.

        Raises:
            ValueError: a text without words.
        """
        return (self._frequencies(words) - self._mean) / self._spread

    def distance(self, first: Sequence[str], second: Sequence[str]) -> float:
        """Burrows's Delta: the mean absolute difference of two texts' places.

        Raises:
            ValueError: a text without words.
        """
        return float(np.abs(self.place(first) - self.place(second)).mean())

    def _frequencies(self, words: Sequence[str]) -> np.ndarray:
        if not len(words):
            raise ValueError("a text without words has no style")
        counts = Counter(words)
        return np.array([counts[word] / len(words) for word in self.words])
