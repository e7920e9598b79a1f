"""Style as a distance: Burrows's Delta by hand, and on texts that differ in nothing but their style."""

import random

import numpy as np
import pytest

from llmasos_edu.text.style import StyleSpace

TEXTS = [["the", "cat", "the", "dog"], ["a", "cat", "a", "bird"], ["the", "bird", "a", "bird"]]


def test_places_are_frequencies_in_standard_deviations():
    space = StyleSpace(TEXTS, num_words=2)
    assert space.words == ["the", "a"]
    frequencies = np.array([[0.5, 0], [0, 0.5], [0.25, 0.25]])
    want = (frequencies - frequencies.mean(0)) / frequencies.std(0)
    assert np.array([space.place(words) for words in TEXTS]) == pytest.approx(want)
    assert space.distance(TEXTS[0], TEXTS[1]) == pytest.approx(np.abs(want[0] - want[1]).mean())
    assert space.distance(TEXTS[0], TEXTS[0]) == 0


def test_a_word_that_all_use_equally_does_not_count():
    assert StyleSpace([["x", "y"], ["x", "z"]], num_words=3).words == ["y", "z"]


def writer(often, seed):
    generator = random.Random(seed)
    return [
        generator.choice(often) if generator.random() < 0.5 else f"topic{generator.randrange(99)}"
        for _ in range(400)
    ]


def test_two_writers_on_the_same_topics_are_told_apart():
    first, second = ["the", "of", "of", "which"], ["the", "you", "you", "and"]
    texts = [writer(first, seed) for seed in range(4)] + [writer(second, seed) for seed in range(4, 8)]
    space = StyleSpace(texts, num_words=5)
    own = space.distance(writer(first, 20), texts[0])
    other = space.distance(writer(first, 20), texts[-1])
    assert own < other / 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StyleSpace([["a"]]), "1 texts are too few"),
        (lambda: StyleSpace([["a"], []]), "a text without words"),
        (lambda: StyleSpace([["a"], ["a", "a"]]), "equally often"),
        (lambda: StyleSpace(TEXTS, num_words=0), "num_words=0"),
        (lambda: StyleSpace(TEXTS).place([]), "a text without words"),
    ],
)
def test_texts_without_a_style_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
