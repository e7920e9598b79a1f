"""From text to numbers and back: bytes, byte pairs by the `tokenizers` library, and byte pairs from scratch.

All three share one face: `vocab_size`, `encode(text) -> ids`, `decode(ids) -> text`, and `tokens(ids)`, which
shows each token as a reader sees it: '·' for a space, '⏎' for a line end, '⇥' for a tab, '\\xe4' for a byte
that is only part of a character.

Both byte-pair tokenizers first cut a text into words by GPT-2's rule, then join the most frequent neighbours.
Ids 0 to 255 are single bytes in GPT-2's order: first the printable ones ('!' is 0), then the others.
"""

import functools
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import tokenizers

from llmasos_edu.foundation.files import write_atomically
from llmasos_edu.text.ids import checked_ids, readable, utf8, whole_characters
from llmasos_edu.text.merges import has_long_words, learn_merges

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTE_ORDER = _PRINTABLE + [byte for byte in range(256) if byte not in _PRINTABLE]
# The library writes bytes as characters: a printable one as itself, the others as those from U+0100 on.
_CHAR_OF_BYTE = {
    byte: chr(byte if i < len(_PRINTABLE) else 256 + i - len(_PRINTABLE)) for i, byte in enumerate(BYTE_ORDER)
}
_BYTE_OF_CHAR = {char: byte for byte, char in _CHAR_OF_BYTE.items()}
_FORMAT = "llmasos_edu byte-pair tokenizer 1"


class ByteTokenizer:
    """Every byte of the UTF-8 text is a token; its id is its value.

    Source: Xue et al. 2022, "ByT5: Towards a Token-Free Future", section 3; article 3.1.
    """

    vocab_size = 256

    @property
    def pieces(self) -> list[bytes]:
        """The bytes behind each token."""
        return [bytes([token]) for token in range(self.vocab_size)]

    def encode(self, text: str) -> list[int]:
        """The text's UTF-8 bytes. Raises ValueError for a lone surrogate, which is no character."""
        return list(utf8(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these bytes; '\\ufffd' stands for a cut character. Raises ValueError for a bad id."""
        return bytes(checked_ids(ids, self.vocab_size)).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of `decode` as the ids come: whole characters alone, a cut one waits for its rest."""
        return whole_characters(bytes(checked_ids([i], self.vocab_size)) for i in ids)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each token as a reader sees it."""
        return [readable(bytes([i])) for i in checked_ids(ids, self.vocab_size)]

    def __repr__(self) -> str:
        return "ByteTokenizer()"


class BytePairTokenizer:
    """Byte-pair encoding by the `tokenizers` library: fast, byte level, lossless for every text.

    Args:
        merges: pairs of byte strings to join, the earliest first.

    Attributes:
        vocab_size: 256 and one for each new token.
        merges: as given.
        library: the `tokenizers.Tokenizer` that does the work, to hand to other tools.

    Raises:
        ValueError: a merge joins a token that does not exist yet.

    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2;
    Radford et al. 2019 (GPT-2), section 2.2 (bytes and the rule for words); article 3.1.
    """

    def __init__(self, merges: Sequence[tuple[bytes, bytes]]):
        self.merges = [(bytes(left), bytes(right)) for left, right in merges]
        self._pieces = _vocabulary(self.merges)
        ids = {_as_chars(piece): i for i, piece in enumerate(self._pieces)}
        pairs = [(_as_chars(left), _as_chars(right)) for left, right in self.merges]
        self.library = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=ids, merges=pairs))
        self.library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.library.decoder = tokenizers.decoders.ByteLevel()

    @classmethod
    def train(cls, texts: str | Iterable[str], vocab_size: int) -> "BytePairTokenizer":
        """Learn the merges: join the most frequent pair of neighbours, again and again.

        Args:
            texts: a text, or several.
            vocab_size: tokens wanted, 256 or more. There are fewer when no pair occurs twice any more.

        Returns:
            the tokenizer, the same in every run.

        Raises:
            ValueError: `vocab_size` is below 256, or a text holds a lone surrogate.
        """
        if vocab_size < 256:
            raise ValueError(f"vocab_size={vocab_size}: a byte-level vocabulary has at least the 256 bytes")
        texts = [texts] if isinstance(texts, str) else list(texts)
        for text in texts:
            utf8(text)
        if has_long_words(texts):
            rule = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
            words = Counter(word for text in texts for word, _ in rule.pre_tokenize_str(text))
            counts = {_as_bytes(word): count for word, count in words.items()}
            return cls(learn_merges(counts, _vocabulary([]), vocab_size))
        learner = tokenizers.Tokenizer(tokenizers.models.BPE())
        learner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            show_progress=False,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        )
        learner.train_from_iterator(texts, trainer)
        pairs = json.loads(learner.to_str())["model"]["merges"]
        return cls([(_as_bytes(left), _as_bytes(right)) for left, right in pairs])

    @property
    def vocab_size(self) -> int:
        return len(self._pieces)

    @property
    def pieces(self) -> list[bytes]:
        """The bytes behind each token."""
        return list(self._pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's tokens. Raises ValueError for a lone surrogate, which is no character."""
        utf8(text)
        return self.library.encode(text).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these tokens; '\\ufffd' stands for a cut character. Raises ValueError for a bad id."""
        pieces = (self._pieces[i] for i in checked_ids(ids, self.vocab_size))
        return b"".join(pieces).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of `decode` as the ids come: whole characters alone, a cut one waits for its rest."""
        return whole_characters(self._pieces[checked_ids([i], self.vocab_size)[0]] for i in ids)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each token as a reader sees it."""
        return [readable(self._pieces[i]) for i in checked_ids(ids, self.vocab_size)]

    def save(self, path: str | Path) -> None:
        """Write the merges as JSON, whole or not at all."""
        path = Path(path)
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to save {path.name!r} in")
        merges = [[_as_chars(left), _as_chars(right)] for left, right in self.merges]
        content = {"format": _FORMAT, "sha256": _digest(merges), "merges": merges}
        write_atomically(path, (json.dumps(content, ensure_ascii=False, indent=0) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> "BytePairTokenizer":
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            the tokenizer.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no file of `save`, or it was cut or changed since.
        """
        name = str(path)
        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no tokenizer file {name!r}")
        try:
            content = json.loads(Path(path).read_bytes().decode("utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{name!r} is no tokenizer file, or was cut off: it is not whole JSON"
            ) from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"{name!r} was not written by BytePairTokenizer.save: it is not a {_FORMAT!r}")
        merges = content.get("merges")
        if content.get("sha256") != _digest(merges):
            raise ValueError(f"{name!r} was changed after it was saved: its merges do not match their sha256")
        try:
            return cls([(_as_bytes(left), _as_bytes(right)) for left, right in merges])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{name!r} holds merges that do not fit together: {error}") from error

    def __repr__(self) -> str:
        return f"BytePairTokenizer(vocab_size={self.vocab_size})"


class TinyBytePair:
    """Byte-pair encoding from scratch, for reading: same merges and same ids as BytePairTokenizer, only
    slower.

    Learning: cut the text into words, words into bytes; join the most frequent pair of neighbours everywhere;
    again.
    When pairs are equally frequent, the one with the smaller ids goes first: the library's rule.
    Encoding: in each word, join the pair that was learnt first, leftmost first, until no known pair is left.

    Args:
        merges: pairs of byte strings to join, the earliest first.

    Source: Gage 1994, "A New Algorithm for Data Compression"; Sennrich et al. 2016, section 3.2; article 3.1.
    """

    def __init__(self, merges: Sequence[tuple[bytes, bytes]]):
        self.merges = list(merges)
        self.pieces = _vocabulary(self.merges)  # id -> bytes
        self.vocab_size = len(self.pieces)
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}
        self.ranks = {
            (self.ids[left], self.ids[right]): rank for rank, (left, right) in enumerate(self.merges)
        }

    @classmethod
    def train(cls, text: str, num_merges: int) -> "TinyBytePair":
        """Learn at most `num_merges` merges; it ends early when no pair occurs twice."""
        tiny = cls([])
        counts = Counter(split_words(text))
        words = {word: tiny._bytes(word) for word in counts}  # word -> ids of its pieces so far
        for _ in range(num_merges):
            pairs = Counter()
            for word, ids in words.items():
                for pair in pairwise(ids):
                    pairs[pair] += counts[word]
            best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
            if best is None or pairs[best] < 2:
                break
            tiny = cls([*tiny.merges, (tiny.pieces[best[0]], tiny.pieces[best[1]])])
            words = {word: tiny._join(ids, best) for word, ids in words.items()}
        return tiny

    def encode(self, text: str) -> list[int]:
        """The ids of the text's tokens."""
        encoded = []
        for word in split_words(text):
            ids = self._bytes(word)
            while known := [pair for pair in pairwise(ids) if pair in self.ranks]:
                ids = self._join(ids, min(known, key=self.ranks.get))
            encoded += ids
        return encoded

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these tokens."""
        return b"".join(self.pieces[i] for i in checked_ids(ids, self.vocab_size)).decode(
            "utf-8", errors="replace"
        )

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each token as a reader sees it."""
        return [readable(self.pieces[i]) for i in checked_ids(ids, self.vocab_size)]

    def _bytes(self, word: str) -> list[int]:
        return [self.ids[bytes([byte])] for byte in utf8(word)]

    def _join(self, ids: list[int], pair: tuple[int, int]) -> list[int]:
        """Put the joined token wherever the pair stands, from left to right."""
        joined, i = [], 0
        new = self.ids[self.pieces[pair[0]] + self.pieces[pair[1]]]
        while i < len(ids):
            found = tuple(ids[i : i + 2]) == pair
            joined.append(new if found else ids[i])
            i += 2 if found else 1
        return joined

    def __repr__(self) -> str:
        return f"TinyBytePair(vocab_size={self.vocab_size})"


def split_words(text: str) -> list[str]:
    """Cut a text into words by GPT-2's rule; joined again they are the text.

    A word is a run of letters, of digits or of other signs, with one space before it where there is one;
    English endings ('s, 'll) stand alone; blank space is its own word, but for the last space before a word.

    Args:
        text: any text.

    Returns:
        the words, in order.

    Raises:
        ValueError: the text holds a lone surrogate, which is no character.

    Source: Radford et al. 2019 (GPT-2), section 2.2; article 3.1.
    """
    utf8(text)
    return _word_pattern().findall(text)


@functools.cache
def _word_pattern() -> re.Pattern:
    """GPT-2's pattern in Python's own `re`, which has no classes for 'any letter' and 'any number'.

    `\\w` holds letters, numbers and '_'; `\\d` only decimal digits. The numbers that are not digits ('²',
    'Ⅷ') are listed. Python counts four control characters as blank that Unicode does not.
    """
    other_numbers = "".join(chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Nl", "No"))
    letter, number = rf"[^\W\d_{other_numbers}]", rf"[\d{other_numbers}]"
    blank, sign = r"[^\S\x1c-\x1f]", r"(?:[^\s\w]|[_\x1c-\x1f])"
    runs = f" ?{letter}+| ?{number}+| ?{sign}+"
    return re.compile(f"'(?:[stmd]|re|ve|ll)|{runs}|{blank}+(?={blank}|\\Z)|{blank}+")


def _vocabulary(merges: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Bytes first, then each merge's result, once: two merges may make the same token."""
    pieces = [bytes([byte]) for byte in BYTE_ORDER]
    known = set(pieces)
    for rank, (left, right) in enumerate(merges):
        for part in (left, right):
            if part not in known:
                raise ValueError(f"merge {rank} joins {left!r} and {right!r}, but {part!r} is no token yet")
        if left + right not in known:
            known.add(left + right)
            pieces.append(left + right)
    return pieces


def _as_chars(piece: bytes) -> str:
    return "".join(_CHAR_OF_BYTE[byte] for byte in piece)


def _as_bytes(chars: str) -> bytes:
    return bytes(_BYTE_OF_CHAR[char] for char in chars)


def _digest(merges: object) -> str:
    return hashlib.sha256(json.dumps(merges).encode()).hexdigest()
