"""Numerals: exact both ways over the whole range, by rules written a second time, and by hand."""

import random
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus import numeral, numeral_batch
from llmasos_edu.corpus.numerals import (
    CHARACTERS,
    CHINESE_DIGITS,
    END,
    MAX_NUMBER,
    PAD,
    SCRIPTS,
    START,
    WORDS,
    from_chinese,
    from_words,
    read_numeral,
)

EVERY = [numeral(number) for number in range(MAX_NUMBER + 1)]

BY_HAND = {
    0: ("zero", "零"),
    2: ("two", "二"),
    10: ("ten", "十"),
    13: ("thirteen", "十三"),
    20: ("twenty", "二十"),
    99: ("ninety nine", "九十九"),
    100: ("one hundred", "一百"),
    110: ("one hundred and ten", "一百一十"),
    202: ("two hundred and two", "二百零二"),
    305: ("three hundred and five", "三百零五"),
    350: ("three hundred and fifty", "三百五十"),
    1000: ("one thousand", "一千"),
    1001: ("one thousand and one", "一千零一"),
    1010: ("one thousand and ten", "一千零一十"),
    1100: ("one thousand one hundred", "一千一百"),
    2345: ("two thousand three hundred and forty five", "二千三百四十五"),
    9090: ("nine thousand and ninety", "九千零九十"),
    9999: ("nine thousand nine hundred and ninety nine", "九千九百九十九"),
}


@pytest.mark.parametrize("number", BY_HAND)
def test_writings_known_by_hand(number):
    words, chinese = BY_HAND[number]
    assert " ".join(numeral(number).words) == words
    assert numeral(number).chinese == chinese
    assert from_words(words) == from_chinese(chinese) == number


def test_every_number_comes_back_from_every_writing():
    for number, each in enumerate(EVERY):
        assert each.number == number
        assert from_words(each.words) == number
        assert from_words(" ".join(each.words)) == number
        assert int(each.digits) == number
        assert from_chinese(each.chinese) == number
    assert len({each.words for each in EVERY}) == len({each.chinese for each in EVERY}) == len(EVERY)


def test_chinese_by_substitution():
    """Another way to the same characters: name every place, then silence what is silent."""
    for each in EVERY[1:]:
        places = ["", "十", "百", "千"][: len(each.digits)][::-1]
        full = "".join(CHINESE_DIGITS[int(d)] + place for d, place in zip(each.digits, places, strict=True))
        short = re.sub("零[十百千]", "零", full)
        short = re.sub("零+", "零", short).rstrip("零")
        short = re.sub("^一十", "十", short)
        assert each.chinese == short


def test_words_by_the_rule_of_and():
    for each in EVERY:
        rest = each.number % 100
        assert ("and" in each.words) == (each.number >= 100 and rest > 0)
        assert ("hundred" in each.words) == (each.number // 100 % 10 > 0)
        assert ("thousand" in each.words) == (each.number >= 1000)


def test_vocabularies_are_just_what_is_used():
    assert {word for each in EVERY for word in each.words} == set(WORDS)
    assert {character for each in EVERY for character in each.chinese} == set(CHARACTERS)
    for symbols in SCRIPTS.values():
        assert len(set(symbols)) == len(symbols)
        assert (symbols[PAD], symbols[START], symbols[END]) == ("<pad>", "<start>", "<end>")


VALUES = dict(zip(WORDS[1:10], "123456789", strict=True))
TEENS = WORDS[10:20]
TENS = dict(zip(WORDS[20:28], "23456789", strict=True))


def says(word, digit, from_the_end):
    """Whether a word says this digit at this place, counted from the ones."""
    if word in TEENS:
        return (digit, from_the_end) == ("1", 1) or (digit == str(TEENS.index(word)) and from_the_end == 0)
    if word in TENS:
        return TENS[word] == digit and from_the_end == 1
    return VALUES.get(word) == digit and from_the_end != 1


def test_the_digits_alignment_names_the_word_that_says_the_digit():
    for each in EVERY[1:]:
        assert len(each.digit_sources) == len(each.digits)
        for i, (digit, word) in enumerate(zip(each.digits, each.digit_sources, strict=True)):
            if word is None:
                assert digit == "0"
                continue
            place = len(each.digits) - 1 - i
            assert digit != "0"
            assert says(each.words[word], digit, place)
            following = each.words[word + 1 : word + 2]
            assert (following == ("thousand",)) == (place == 3)
            assert (following == ("hundred",)) == (place == 2)
        assert [w for w in each.digit_sources if w is not None] == sorted(
            w for w in each.digit_sources if w is not None
        )


def test_the_chinese_alignment_names_the_word_of_value_or_place():
    names = {"千": "thousand", "百": "hundred"}
    for each in EVERY[1:]:
        assert len(each.chinese_sources) == len(each.chinese)
        for i, (character, word) in enumerate(zip(each.chinese, each.chinese_sources, strict=True)):
            if character == "零":
                assert word is None
            elif character in names:
                assert each.words[word] == names[character]
            elif character == "十":
                assert each.words[word] in TENS or each.words[word] in TEENS
            else:
                unit = each.chinese[i + 1 : i + 2]
                place = {"千": 3, "百": 2, "十": 1}.get(unit, 0)
                assert says(each.words[word], str(CHINESE_DIGITS.index(character)), place)


def test_alignments_by_hand():
    assert numeral(0).digit_sources == numeral(0).chinese_sources == (0,)
    assert numeral(10).digit_sources == (0, None)
    assert numeral(305).digit_sources == (0, None, 3)
    assert numeral(305).chinese_sources == (0, 1, None, 3)
    assert numeral(2013).digit_sources == (0, None, 3, 3)
    assert numeral(2013).chinese_sources == (0, 1, None, 3, 3, 3)
    assert numeral(9999).chinese_sources == (0, 1, 2, 3, 5, 5, 6)


@given(st.lists(st.integers(0, MAX_NUMBER), min_size=1, max_size=20), st.sampled_from(["digits", "chinese"]))
@settings(max_examples=60, deadline=None)
def test_batches_hold_their_numbers(numbers, script):
    batch = numeral_batch(numbers, script)
    assert batch.source.shape == batch.source_keep.shape
    assert batch.alignment.shape[1] == batch.target.shape[1] - 1
    for row, number in enumerate(numbers):
        each = numeral(number)
        symbols, aligned = (
            (each.digits, each.digit_sources) if script == "digits" else (each.chinese, each.chinese_sources)
        )
        kept = batch.source[row][batch.source_keep[row]]
        assert tuple(SCRIPTS["words"][i] for i in kept) == each.words
        assert (batch.source[row][~batch.source_keep[row]] == PAD).all()
        assert batch.source_keep[row].int().diff().le(0).all()  # padding at the end alone
        target = [i for i in batch.target[row].tolist() if i != PAD]
        assert target[0] == START
        assert target[-1] == END
        assert batch.target[row, : len(target)].tolist() == target
        assert read_numeral(batch.target[row], script) == symbols
        found = batch.alignment[row].tolist()
        assert found[: len(symbols)] == [-1 if word is None else word for word in aligned]
        assert set(found[len(symbols) :]) == {-1}


def test_batches_take_tensors_and_reading_stops_at_the_end():
    assert torch.equal(numeral_batch(torch.tensor([7, 12])).target, numeral_batch([7, 12]).target)
    ids = [SCRIPTS["digits"].index(d) for d in "42"]
    assert read_numeral([START, *ids, END, *ids]) == "42"
    assert read_numeral(ids) == "42"
    assert read_numeral(torch.tensor([END])) == ""


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: numeral(-1), "number=-1 must be an integer from 0 to 9999"),
        (lambda: numeral(10_000), "number=10000 must be an integer from 0 to 9999"),
        (lambda: numeral(3.0), "number=3.0 must be an integer"),
        (lambda: numeral(True), "number=True must be an integer"),
        (lambda: from_words("three hundred and fivve"), "'fivve' is not a number word"),
        (
            lambda: from_words("three hundred five"),
            "not the standard writing; 305 is 'three hundred and five'",
        ),
        (lambda: from_words("five and twenty"), "not the standard writing"),
        (lambda: from_words("hundred"), "not the standard writing"),
        (lambda: from_words("ten thousand"), "'ten thousand' is not a number from 0 to 9999"),
        (lambda: from_words(""), "'' is not a number"),
        (lambda: from_chinese(""), "'' is not a number"),
        (lambda: from_chinese("两百"), "'两' is not a Chinese digit or place"),
        (lambda: from_chinese("一十三"), "'一十三' is not the standard writing; 13 is '十三'"),
        (lambda: from_chinese("三百五"), "not the standard writing; 305 is '三百零五'"),
        (lambda: from_chinese("一百十"), "not the standard writing"),
        (lambda: numeral_batch([]), "there are no numbers to write"),
        (lambda: numeral_batch([1], "roman"), "script='roman' is not one of digits, chinese"),
        (lambda: numeral_batch([1, 12_345]), "number=12345 must be"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_shuffled_words_are_refused_or_say_another_number():
    """No writing but the standard one is read, so a decoder's slip cannot pass for the truth."""
    generator = random.Random(0)
    for each in generator.sample(EVERY, 300):
        shuffled = list(each.words)
        generator.shuffle(shuffled)
        try:
            number = from_words(tuple(shuffled))
        except ValueError:
            continue
        assert numeral(number).words == tuple(shuffled)
