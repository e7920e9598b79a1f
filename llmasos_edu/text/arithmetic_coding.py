"""Compression is prediction: an arithmetic coder, driven by any model of the next token, both ways.

The text becomes one number. Begin with the interval from 0 to 1. Each token narrows it to a part of its own,
as wide as its probability; after the text the interval is as wide as the product of them all, and minus log2
of that product is the number of bits that name a number inside. Who has the same model reads the text out of
the number again.

All arithmetic is in whole numbers, so nothing is lost on the way back. What both sides must share exactly is
the probabilities: floating-point sums that end in another last digit, on another machine or with another
number of threads, can give another text there. So the file carries a checksum, and a wrong text is refused.
"""

import binascii
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

TOTAL_BITS = 32  # probabilities are multiples of 2**-32; a token of probability 0 still gets one
STATE_BITS = 62  # of the interval's ends; what the division below rounds off is at most 2**-28 of a part
TOTAL = 1 << TOTAL_BITS
HALF, QUARTER = 1 << (STATE_BITS - 1), 1 << (STATE_BITS - 2)
MAGIC = b"ac"
CHECKSUM_BYTES = 4

Expect = Callable[[Sequence[int]], np.ndarray]


class Interval:
    """Where the number lies, in whole numbers: `low <= number < high`, always at least a quarter wide.

    When both ends lie in one half, the next bit is known; it goes out and the interval is doubled. When they
    lie in the middle half, on both sides of the middle, the doubling is done and the bit is told later.
    """

    def __init__(self):
        self.low, self.high = 0, 1 << STATE_BITS

    def narrow(self, start: int, end: int) -> None:
        """Keep the part from `start` to `end` of `TOTAL`."""
        width = self.high - self.low
        self.low, self.high = self.low + width * start // TOTAL, self.low + width * end // TOTAL

    def double(self) -> int | None:
        """Double if that is due. Returns what was taken off first: 0, HALF or QUARTER; else None."""
        if self.high <= HALF:
            taken = 0
        elif self.low >= HALF:
            taken = HALF
        elif self.low >= QUARTER and self.high <= HALF + QUARTER:
            taken = QUARTER
        else:
            return None
        self.low, self.high = 2 * (self.low - taken), 2 * (self.high - taken)
        return taken


def cumulative(probabilities) -> np.ndarray:
    """Probabilities as whole parts of `TOTAL`: token s has that from `[s]` to `[s + 1]`, never an empty one.

    Args:
        probabilities: of each token, `[vocab]`, a tensor, array or list; their sum is 1 but for rounding.

    Returns:
        int64 `[vocab + 1]`, from 0 to `TOTAL`.

    Raises:
        ValueError: no probabilities: a wrong shape or sum, a negative one, NaN, too many tokens.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    if shares.ndim != 1 or not 1 <= len(shares) <= 1 << 24:
        raise ValueError(
            f"probabilities have the shape {list(shares.shape)}, not [vocab] of 1 to 2**24 tokens"
        )
    total = float(shares.sum())
    if not (abs(total - 1) < 1e-3 and shares.min() >= 0):
        least = float(shares.min())
        raise ValueError(f"these are no probabilities: their sum is {total:g} and the smallest is {least:g}")
    parts = np.floor(shares / total * (TOTAL - len(shares))).astype(np.int64) + 1
    parts[parts.argmax()] += TOTAL - int(parts.sum())
    return np.concatenate([[0], parts.cumsum()])


def compress(tokens: Iterable[int], expect: Expect) -> bytes:
    """Write a text down in as many bits as its model is surprised, and a few bytes around them.

    Args:
        tokens: the text, whole numbers below the model's vocabulary.
        expect: the model: the tokens so far, a list -> the probability of each token to come next, `[vocab]`.

    Returns:
        the file: two bytes that say what it is, the number of tokens, a checksum, the number's bits.

    Raises:
        ValueError: a token outside the vocabulary, or what `expect` gives are no probabilities.
        TypeError: a token that is no whole number.

    Source: Witten, Neal and Cleary 1987, "Arithmetic Coding for Data Compression"; Rissanen 1976; for models
    of language Delétang et al. 2024, "Language Modeling Is Compression"; article 2.1.1.
    """
    interval, bits, later, past = Interval(), [], 0, []
    for token in (tokens := _whole(tokens)):
        parts = cumulative(expect(past))
        _check_known(token, len(past), len(parts) - 1)
        past.append(token)
        interval.narrow(int(parts[token]), int(parts[token + 1]))
        while (taken := interval.double()) is not None:
            if taken == QUARTER:
                later += 1
            else:
                bits += _told(taken == HALF, later)
                later = 0
    if tokens:
        bits += _told(interval.low >= QUARTER, later + 1)  # a number that lies inside, whatever follows
    return MAGIC + _number(len(tokens)) + _checksum(tokens) + _packed(bits)


def decompress(data: bytes, expect: Expect, *, longest: int = 1_000_000) -> list[int]:
    """Read the text out of a file of `compress`, with the same model.

    Args:
        data: the file.
        expect: the model that `compress` had; its probabilities must be the same to the last bit.
        longest: a file that claims more tokens is refused. To a model that is sure of itself tokens cost no
            bits, so a number of tokens that was changed would else be followed for ever.

    Returns:
        the tokens.

    Raises:
        ValueError: it is no such file; it was cut or changed; the model is another one.
    """
    count, checksum, bits = _opened(bytes(data))
    if count > longest:
        raise ValueError(_cut(f"it claims {count} tokens, and longest={longest}"))
    tokens, interval, read, taken_in = [], Interval(), iter(bits), 0
    number = 0
    for _ in range(STATE_BITS):
        number = 2 * number + next(read, 0)
    while len(tokens) < count:
        parts = cumulative(expect(tokens))
        width, above = interval.high - interval.low, number - interval.low
        token = int(np.searchsorted(parts, ((above + 1) * TOTAL - 1) // width, side="right")) - 1
        tokens.append(token)
        interval.narrow(int(parts[token]), int(parts[token + 1]))
        while (taken := interval.double()) is not None:
            number, taken_in = 2 * (number - taken) + next(read, 0), taken_in + 1
        if taken_in > len(bits):
            raise ValueError(_cut(f"its {len(data)} bytes end at token {len(tokens)} of {count}"))
    if _checksum(tokens) != checksum:
        raise ValueError(_cut(f"the checksum of its {count} tokens is not the one that was written"))
    if count and -(-(taken_in + 2) // 8) < len(bits) // 8:
        raise ValueError(_cut(f"{len(bits) // 8 - -(-(taken_in + 2) // 8)} bytes stand behind its end"))
    return tokens


def ideal_bits(tokens: Iterable[int], expect: Expect) -> float:
    """The bits that the model itself needs, `-sum_t log2 p(token_t | token_<t)`: what no coder can undercut.

    Args:
        tokens, expect: as for `compress`.

    Returns:
        bits; infinite where a token had probability 0.

    Raises:
        ValueError, TypeError: a token outside the vocabulary, or that is no whole number.
    """
    bits, past = 0.0, []
    for token in _whole(tokens):
        shares = np.asarray(expect(past))
        _check_known(token, len(past), shares.size)
        share = float(shares[token])
        bits += -math.log2(share) if share > 0 else math.inf
        past.append(token)
    return bits


# ---- the file ----


def _told(bit: bool, later: int) -> list[int]:
    """A bit, and the opposite one for each doubling about the middle that waited for it."""
    return [int(bit)] + [1 - int(bit)] * later


def _packed(bits: list[int]) -> bytes:
    return np.packbits(np.array(bits, dtype=np.uint8)).tobytes()


def _number(value: int) -> bytes:
    """A whole number in as few bytes as it needs: seven bits each, the highest bit says that more follow."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))


def _checksum(tokens: list[int]) -> bytes:
    return binascii.crc32(np.array(tokens, dtype="<i8").tobytes()).to_bytes(CHECKSUM_BYTES, "big")


def _opened(data: bytes) -> tuple[int, bytes, list[int]]:
    """Number of tokens, checksum and bits of a file, or an error in words."""
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"this is no file of `compress`: it begins with {data[:2]!r}, not with {MAGIC!r}")
    count, place = 0, len(MAGIC)
    while place < len(data) and place < len(MAGIC) + 9:
        count, place = count << 7 | data[place] & 127, place + 1
        if data[place - 1] < 128:
            break
    else:
        raise ValueError(_cut(f"its {len(data)} bytes end before the number of tokens does"))
    start = place + CHECKSUM_BYTES
    if len(data) < start:
        raise ValueError(_cut(f"its {len(data)} bytes end before the checksum does"))
    if not count and len(data) > start:
        raise ValueError(_cut(f"{len(data) - start} bytes stand behind an empty text"))
    return count, data[place:start], np.unpackbits(np.frombuffer(data[start:], np.uint8)).tolist()


def _cut(what: str) -> str:
    return f"the file was cut or changed, or another model wrote it: {what}"


def _check_known(token: int, place: int, vocab_size: int) -> None:
    if not 0 <= token < vocab_size:
        raise ValueError(f"token {token} at place {place} is outside the vocabulary of {vocab_size}")


def _whole(tokens: Iterable[int]) -> list[int]:
    tokens = tokens.tolist() if hasattr(tokens, "tolist") else list(tokens)
    for place, token in enumerate(tokens):
        if isinstance(token, bool) or not hasattr(token, "__index__"):
            raise TypeError(f"token {token!r} at place {place} is no whole number")
    return [int(token) for token in tokens]
