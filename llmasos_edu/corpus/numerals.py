"""Numbers in English words, in digits and in Chinese: translation with an exact truth (chapter 4.2.2).

"three hundred and five" is 305 is 三百零五. Three writing systems, three orders of information: the
words name places (hundred) and skip zeros, the digits name no place and write every zero, the
Chinese numerals name places and write one 零 for any run of zeros inside.
"""

from typing import NamedTuple

import torch
from torch import Tensor

MAX_NUMBER = 9999

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = (*SMALL, *TENS, "hundred", "thousand", "and")

DIGITS = tuple("0123456789")
CHINESE_DIGITS = "零一二三四五六七八九"
CHINESE_PLACES = ("", "十", "百", "千")
CHARACTERS = (*CHINESE_DIGITS, *CHINESE_PLACES[1:])

# Token ids 0, 1, 2 of every vocabulary below; the symbols follow in the order of their tuple.
PAD, START, END = 0, 1, 2
SPECIAL = ("<pad>", "<start>", "<end>")
SCRIPTS = {"words": (*SPECIAL, *WORDS), "digits": (*SPECIAL, *DIGITS), "chinese": (*SPECIAL, *CHARACTERS)}


class Numeral(NamedTuple):
    """One number written three ways, and which words say which symbol."""

    number: int
    words: tuple[str, ...]
    digits: str
    chinese: str
    digit_sources: tuple[int | None, ...]
    """For each digit the index of the word that gives its value; None for a zero that no word says."""
    chinese_sources: tuple[int | None, ...]
    """For each character the index of the word that gives its value, or, for 十 百 千, its place;
    None for a 零 that no word says."""


def numeral(number: int) -> Numeral:
    """Write a number in words, in digits and in Chinese.

    Words: British English, "and" before the last two digits: "one thousand and five". Chinese: the
    standard of arithmetic books: 二 and never 两; 十 to 十九 without a leading 一, but 一百一十; a run of
    zeros inside is one 零, at the end none.

    Args:
        number: 0 to 9999.

    Raises:
        ValueError: a number out of range or no integer.
    """
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"number={number!r} must be an integer from 0 to {MAX_NUMBER}")
    words, value_word, place_word = _say(number)
    digits = str(number)
    chinese, chinese_sources = _write_chinese(digits, value_word, place_word)
    digit_sources = tuple(value_word.get(place) for place in reversed(range(len(digits))))
    return Numeral(number, tuple(words), digits, chinese, digit_sources, chinese_sources)


def from_words(words: str | tuple[str, ...]) -> int:
    """The number that English words say, in the standard of `numeral` and no other.

    Raises:
        ValueError: words that are not the standard writing of a number from 0 to 9999.
    """
    words = tuple(words.split() if isinstance(words, str) else words)
    total = part = 0
    for word in words:
        if word in SMALL:
            part += SMALL.index(word)
        elif word in TENS:
            part += 10 * (TENS.index(word) + 2)
        elif word == "hundred":
            part *= 100
        elif word == "thousand":
            total, part = total + 1000 * part, 0
        elif word != "and":
            raise ValueError(f"{word!r} is not a number word")
    return _standard(total + part, words, " ".join(words), lambda n: n.words)


def from_chinese(chinese: str) -> int:
    """The number that a Chinese numeral says, in the standard of `numeral` and no other.

    Raises:
        ValueError: characters that are not the standard writing of a number from 0 to 9999.
    """
    total = digit = 0
    for place, character in enumerate(chinese):
        if character in CHINESE_DIGITS:
            digit = CHINESE_DIGITS.index(character)
        elif character in CHINESE_PLACES:
            # 十 at the start stands for 一十.
            total += (1 if place == 0 else digit) * 10 ** CHINESE_PLACES.index(character)
            digit = 0
        else:
            raise ValueError(f"{character!r} is not a Chinese digit or place: {''.join(CHARACTERS)}")
    return _standard(total + digit, chinese, chinese, lambda n: n.chinese)


class NumeralBatch(NamedTuple):
    """Numbers as token ids, ready for an `EncoderDecoder`; the ids are indices into `SCRIPTS`."""

    source: Tensor  # [batch, source], the words, padded at the end
    source_keep: Tensor  # [batch, source], False where padded
    target: Tensor  # [batch, target + 1]: START, the symbols, END, padded at the end
    alignment: Tensor  # [batch, target]: the word behind target[:, 1:], -1 where there is none


def numeral_batch(numbers, script: str = "digits") -> NumeralBatch:
    """Token ids of some numbers: English words as source, `digits` or `chinese` as target.

    The decoder reads `target[:, :-1]` and is to write `target[:, 1:]`.

    Raises:
        ValueError: no numbers, a number out of range, an unknown script.
    """
    if script not in ("digits", "chinese"):
        raise ValueError(f"script={script!r} is not one of digits, chinese")
    numerals = [numeral(int(number)) for number in numbers]
    if not numerals:
        raise ValueError("there are no numbers to write")
    sources = [[SCRIPTS["words"].index(word) for word in each.words] for each in numerals]
    targets, alignments = [], []
    for each in numerals:
        symbols, aligned = (
            (each.digits, each.digit_sources) if script == "digits" else (each.chinese, each.chinese_sources)
        )
        targets.append([START, *(SCRIPTS[script].index(symbol) for symbol in symbols), END])
        alignments.append([-1 if word is None else word for word in aligned] + [-1])
    source = _pad(sources, PAD)
    return NumeralBatch(source, source != PAD, _pad(targets, PAD), _pad(alignments, -1))


def read_numeral(tokens, script: str = "digits") -> str:
    """The symbols of target ids `[target]` up to the first END, without START and padding."""
    ids = [int(token) for token in tokens]
    ids = ids[: ids.index(END)] if END in ids else ids
    return "".join(SCRIPTS[script][token] for token in ids if token not in (PAD, START))


def _say(number: int) -> tuple[list[str], dict[int, int], dict[int, int]]:
    """The words, and by place (0 ones ... 3 thousands) the index of the word for its value and its name."""
    words, value_word, place_word = [], {}, {}
    rest = number
    for place, name in ((3, "thousand"), (2, "hundred")):
        digit, rest = divmod(rest, 10**place)
        if digit:
            value_word[place], place_word[place] = len(words), len(words) + 1
            words += [SMALL[digit], name]
    if words and rest:
        words.append("and")
    if rest >= 20:
        value_word[1] = place_word[1] = len(words)
        words.append(TENS[rest // 10 - 2])
        rest %= 10
    elif rest >= 10:  # "thirteen" says both digits
        value_word[1] = place_word[1] = len(words)
    if rest or not words:
        value_word[0] = len(words)
        words.append(SMALL[rest])
    if rest == 10:  # "ten" says 十 and leaves the ones silent
        del value_word[0]
    return words, value_word, place_word


def _write_chinese(digits: str, value_word: dict[int, int], place_word: dict[int, int]):
    """The characters, and the word behind each."""
    if digits == "0":
        return CHINESE_DIGITS[0], (0,)
    written, sources, skipped = "", [], False
    for place, digit in zip(reversed(range(len(digits))), map(int, digits), strict=True):
        if digit == 0:
            skipped = True
            continue
        if skipped:
            written, skipped = written + CHINESE_DIGITS[0], False
            sources.append(None)
        if not (place == 1 and digit == 1 and not written):
            written += CHINESE_DIGITS[digit]
            sources.append(value_word[place])
        if place:
            written += CHINESE_PLACES[place]
            sources.append(place_word[place])
    return written, tuple(sources)


def _standard(number: int, given, shown: str, write) -> int:
    """The number, if it is in range and its standard writing is what was given."""
    if not given or number > MAX_NUMBER:
        raise ValueError(f"{shown!r} is not a number from 0 to {MAX_NUMBER}")
    if write(numeral(number)) != given:
        standard = write(numeral(number))
        standard = standard if isinstance(standard, str) else " ".join(standard)
        raise ValueError(f"{shown!r} is not the standard writing; {number} is {standard!r}")
    return number


def _pad(rows: list[list[int]], filler: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])
