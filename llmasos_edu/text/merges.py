"""Learning byte-pair merges in time that grows with a text, not with the square of its longest word.

The library `tokenizers` moves the rest of a word for every pair that it joins. Words of a few letters cost
nothing, but Chinese without punctuation, a genome or a long rule of dashes is one single word. Here all words
lie in one array, and each merge goes over it once.
"""

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

END = -1  # stands after each word: no pair reaches over it
SHIFT = 1 << 32  # a pair is one number, `left * SHIFT + right`, and pairs are ordered as these numbers are
LONG = 2_000  # characters; shorter words are the library's at any number
COSTLY = 10**9  # the sum of the squares of the long words' bytes that takes the library some two seconds

# Letters, digits, signs, blanks. What stands before a run is looked at, so that no search begins inside one.
_KINDS = (r"[^\W\d_]", r"\d", r"(?:[^\w\s]|_)", r"\s")
_RUN = re.compile("|".join(rf"(?<!{kind}){kind}{{{LONG},}}" for kind in _KINDS))


def has_long_words(texts: Iterable[str]) -> bool:
    """Whether the library would take seconds, or hours, for the words of these texts that are long."""
    return sum(len(run.group().encode()) ** 2 for text in texts for run in _RUN.finditer(text)) > COSTLY


def learn_merges(
    words: Mapping[bytes, int], alphabet: Sequence[bytes], vocab_size: int
) -> list[tuple[bytes, bytes]]:
    """Join the most frequent pair of neighbours, again and again; of equally frequent ones the smaller ids.

    Args:
        words: how often each word stands in the text.
        alphabet: the single bytes in the order of their ids.
        vocab_size: tokens wanted, those of the alphabet included.

    Returns:
        the pairs in the order in which they were joined; it ends early when no pair occurs twice.

    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2;
    article 3.1. Equal to what `tokenizers` learns.
    """
    pieces, merges = list(alphabet), []
    ids = {piece: i for i, piece in enumerate(pieces)}
    row = _Row(words, ids)
    while len(pieces) < vocab_size:
        left, right = row.most_frequent()
        if left is None:
            break
        merges.append((pieces[left], pieces[right]))
        joined = pieces[left] + pieces[right]
        if joined not in ids:
            ids[joined] = len(pieces)
            pieces.append(joined)
        row.join(left, right, ids[joined])
    return merges


class _Row:
    """All words one after the other as ids, with the count of each pair of neighbours kept up to date."""

    def __init__(self, words: Mapping[bytes, int], ids: Mapping[bytes, int]):
        order = np.array([ids[bytes([byte])] for byte in range(256)])
        parts = [np.append(order[np.frombuffer(word, np.uint8)], END) for word in words]
        self.ids = np.concatenate([*parts, [END]]).astype(np.int64)
        sizes = [len(part) for part in parts]
        self.times = np.append(np.repeat(np.array([*words.values()], np.int64), sizes), 0)
        self.counts: dict[int, int] = {}
        self.queue: list[tuple[int, int]] = []  # (-count, pair); an entry whose count is past is passed over
        self._count(np.arange(len(self.ids) - 1), 1)

    def most_frequent(self) -> tuple[int, int] | tuple[None, None]:
        """The pair that stands most often, at least twice."""
        while self.queue:
            negative, pair = heapq.heappop(self.queue)
            if self.counts[pair] == -negative:
                return divmod(pair, SHIFT) if negative <= -2 else (None, None)
        return None, None

    def join(self, left: int, right: int, new: int) -> None:
        """Put `new` wherever the pair stands, in each word from left to right."""
        places = np.flatnonzero((self.ids[:-1] == left) & (self.ids[1:] == right))
        if left == right:
            places = _every_other(places)
        self._count(_around(places, (-1, 0, 1)), -1)
        self.ids[places] = new
        stays = np.ones(len(self.ids), bool)
        stays[places + 1] = False
        self.ids, self.times = self.ids[stays], self.times[stays]
        places -= np.arange(len(places))  # each pair before it has become one shorter
        self._count(_around(places, (-1, 0)), 1)

    def _count(self, places: np.ndarray, sign: int) -> None:
        """Add the pairs that begin at these places to the counts, or take them away."""
        left, right = self.ids[places], self.ids[places + 1]
        inside = (left != END) & (right != END)
        pairs, which = np.unique(left[inside] * SHIFT + right[inside], return_inverse=True)
        change = np.zeros(len(pairs), np.int64)
        np.add.at(change, which, sign * self.times[places[inside]])
        for pair, by in zip(pairs.tolist(), change.tolist(), strict=True):
            self.counts[pair] = self.counts.get(pair, 0) + by
            heapq.heappush(self.queue, (-self.counts[pair], pair))


def _every_other(places: np.ndarray) -> np.ndarray:
    """Of places that follow each other without a gap the first, the third, ...: pairs that do not overlap."""
    begins = np.diff(places, prepend=-2) != 1
    first = places[begins][np.cumsum(begins) - 1]  # of the run in which each one stands
    return places[(places - first) % 2 == 0]


def _around(places: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """The places and their neighbours, each once."""
    found = np.unique(np.concatenate([places + step for step in steps]))
    return found[found >= 0]
