"""Coverage, distinct runs, BLEU and self-BLEU, by hand and by what must hold."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.text.overlap import bleu, coverage, distinct, ngrams, self_bleu


def test_runs_of_neighbours():
    assert ngrams("abcd", 2) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert ngrams("ab", 3) == []
    with pytest.raises(ValueError, match="size=0"):
        ngrams("ab", 0)


def test_coverage_is_a_share_of_the_keywords():
    assert coverage(["the", "cat"], ["cat", "dog", "the"]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="at least one keyword"):
        coverage(["a"], [])


def test_distinct_counts_over_all_texts():
    assert distinct([list("abab"), list("ab")], 2) == Fraction(2, 4)
    assert distinct([list("abc")], 1) == 1
    with pytest.raises(ValueError, match="none of 1 texts has 3 words"):
        distinct([list("ab")], 3)


def test_bleu_by_hand():
    words, other = ["the", "cat", "sat", "on", "the", "mat"], ["the", "cat", "is", "on", "the", "mat"]
    # p1 = 5/6; p2 = (3+1)/(5+1), p3 = (1+1)/(4+1), p4 = (0+1)/(3+1); equal length
    want = (5 / 6 * 4 / 6 * 2 / 5 * 1 / 4) ** 0.25
    assert bleu(words, [other]) == pytest.approx(want)
    assert bleu(words, [other], order=1) == pytest.approx(5 / 6)


def test_a_run_counts_as_often_as_in_one_other_text():
    assert bleu(list("aaaa"), [list("aabb")], order=1) == pytest.approx(0.5)
    assert bleu(list("aaaa"), [list("aabb"), list("abbb")], order=1) == pytest.approx(0.5)


def test_short_texts_are_held_back_by_the_nearest_length():
    assert bleu(list("ab"), [list("abcd")], order=1) == pytest.approx(math.exp(1 - 2))
    assert bleu(list("abcd"), [list("ab")], order=1) == pytest.approx(0.5), "long ones are not"
    assert bleu(list("abc"), [list("abcd"), list("ab")], order=1) == pytest.approx(1.0), "the shorter of two"


def test_nothing_in_common_is_zero_and_the_same_is_one():
    assert bleu(list("ab"), [list("cd")]) == 0
    assert bleu(list("abcdef"), [list("abcdef"), list("xy")]) == pytest.approx(1)


@given(st.lists(st.text("ab", min_size=1, max_size=8), min_size=2, max_size=4))
def test_self_bleu_lies_between_zero_and_one_and_is_one_for_copies(texts):
    assert 0 <= self_bleu(texts) <= 1 + 1e-12
    assert self_bleu([texts[0]] * 3) == pytest.approx(1)


def test_self_bleu_is_the_mean_over_the_texts():
    texts = [list("abcd"), list("abcx"), list("qrst")]
    want = sum(bleu(texts[i], texts[:i] + texts[i + 1 :]) for i in range(3)) / 3
    assert self_bleu(texts) == pytest.approx(want)
    assert self_bleu(texts, order=1) == pytest.approx((0.75 + 0.75 + 0) / 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bleu([], [["a"]]), "bleu of 0 words"),
        (lambda: bleu(["a"], []), "against 0 texts"),
        (lambda: self_bleu([["a"]]), "1 are too few"),
    ],
)
def test_what_cannot_be_compared_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
