"""Finding passages: BM25 against its formula, rankings, recall against chance, and spread."""

import itertools
import math

import numpy as np
import pytest

from llmasos_edu.text.retrieval import (
    WordIndex,
    chance_within,
    cosines,
    found_within,
    fused,
    ranking,
    spread_out,
)

PASSAGES = [
    text.split() for text in ("the cat sat", "the dog sat on the cat", "a bird", "the the the tree fell down")
]


def formula(question, passages, k1, b):
    mean, total = sum(map(len, passages)) / len(passages), len(passages)
    scores = []
    for words in passages:
        score = 0.0
        for word in question:
            have = sum(word in each for each in passages)
            tf = words.count(word)
            idf = math.log(1 + (total - have + 0.5) / (have + 0.5))
            score += idf * tf / (tf + k1 * (1 - b + b * len(words) / mean)) if have else 0.0
        scores.append(score)
    return scores


@pytest.mark.parametrize("settings", [{}, {"k1": 0.9, "b": 0.4}, {"b": 0.0}])
@pytest.mark.parametrize("question", [["cat"], ["the", "cat"], ["bird", "tree", "unheard"], ["sat", "sat"]])
def test_scores_are_those_of_the_formula(question, settings):
    got = WordIndex(PASSAGES, **settings).scores(question)
    want = formula(question, PASSAGES, **({"k1": 1.5, "b": 0.75} | settings))
    assert got == pytest.approx(want, abs=1e-5)


def test_a_question_of_unknown_words_finds_nothing():
    assert WordIndex(PASSAGES).scores(["zebra"]).tolist() == [0, 0, 0, 0]
    assert WordIndex(PASSAGES).scores([]).tolist() == [0, 0, 0, 0]


def test_a_ranking_takes_the_first_of_equals():
    assert ranking([1.0, 3.0, 1.0, 3.0]) == [1, 3, 0, 2]


def test_cosines_and_vectors_without_length():
    vectors = np.array([[1.0, 0], [1, 1], [0, 0], [-2, 0]])
    assert cosines(vectors, np.array([3.0, 0])) == pytest.approx([1, 2**-0.5, 0, -1])
    assert cosines(vectors, np.zeros(2)).tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match=r"\[4, 2\] and question \[3\]"):
        cosines(vectors, np.zeros(3))


def test_two_rankings_become_one():
    assert fused([[0, 1, 2], [2, 1, 0]]) == [0, 2, 1], "first and last together beat the middle twice"
    assert fused([[0, 1, 2], [1, 0, 2], [1, 2, 0]]) == [1, 0, 2]
    assert fused([[2, 0, 1]]) == [2, 0, 1]
    assert fused([[0, 1, 2, 3], [3, 2, 1, 0], [3, 0, 1, 2]], k=1)[0] == 3
    for bad in ([], [[0, 1], [0, 2]], [[0, 0], [0, 1]]):
        with pytest.raises(ValueError, match="must hold the same places"):
            fused(bad)


LABELS = ["x", "y", "y", "z", "z"]


def test_found_within_the_first():
    assert found_within([3, 1, 0, 2, 4], LABELS, "y", 2)
    assert not found_within([3, 1, 0, 2, 4], LABELS, "y", 1)
    with pytest.raises(ValueError, match="no passage has the label 'q'"):
        found_within([0], LABELS, "q", 1)
    with pytest.raises(ValueError, match="k=0"):
        found_within([0], LABELS, "x", 0)


@pytest.mark.parametrize("k", range(1, 7))
@pytest.mark.parametrize("wanted", ["x", "y", "q"])
def test_chance_is_the_share_of_all_draws(k, wanted):
    draws = list(itertools.permutations(range(5), min(k, 5)))
    share = sum(wanted in [LABELS[place] for place in draw] for draw in draws) / len(draws)
    assert chance_within(LABELS, wanted, k) == pytest.approx(share)


def test_spread_takes_what_is_near_the_question_and_far_from_what_it_has():
    alike = np.array([[1, 0.9, 0.0], [0.9, 1, 0.1], [0.0, 0.1, 1]])
    assert spread_out([0.9, 0.8, 0.5], alike, 2) == [0, 2]
    assert spread_out([0.9, 0.8, 0.5], alike, 2, trade=1) == [0, 1]
    assert spread_out([0.9, 0.8, 0.5], alike, 9) == [0, 2, 1]
    with pytest.raises(ValueError, match="does not fit 2 passages"):
        spread_out([1, 1], alike, 1)
    with pytest.raises(ValueError, match="trade=2"):
        spread_out([1, 1, 1], alike, 1, trade=2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WordIndex([]), "0 passages without a word"),
        (lambda: WordIndex([[], []]), "2 passages without a word"),
        (lambda: WordIndex(PASSAGES, b=1.5), "b=1.5"),
        (lambda: WordIndex(PASSAGES, k1=-1), "k1=-1"),
    ],
)
def test_an_index_of_nothing_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
