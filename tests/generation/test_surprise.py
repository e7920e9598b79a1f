"""Surprise: against the model's own probabilities, and gathered into words."""

import math

import pytest
import torch

from llmasos_edu.generation.surprise import WordSurprise, token_bits, word_bits
from llmasos_edu.models.language_model import LanguageModel


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = LanguageModel(11, d_model=16, num_layers=1, num_heads=2, dropout=0.5)
    with torch.no_grad():
        model.head.weight.normal_(std=0.5)
    return model


def test_bits_are_those_of_the_models_probabilities(model):
    tokens = [3, 1, 4, 1, 5]
    got = token_bits(model, tokens)
    assert model.training, "its mode comes back"
    model.eval()
    for place in range(1, 5):
        with torch.no_grad():
            probs = model(torch.tensor([tokens[:place]]))[0, -1].softmax(-1)
        assert got[place - 1].item() == pytest.approx(-math.log2(probs[tokens[place]].item()), abs=1e-5)


@pytest.mark.parametrize(
    ("tokens", "error", "words"),
    [
        ([3], ValueError, "a text of 1 token"),
        ([3, 99], ValueError, "^tokens: token 99 is outside"),
        ("ab", TypeError, "tokens are text"),
        (None, TypeError, "tokens=None are no row"),
        ([[1, 2]], ValueError, r"shape \[1, 2\], one row"),
        ([1.0, 2.0], TypeError, "token ids are whole numbers"),
        ([], ValueError, "the text is empty"),
    ],
)
def test_a_text_that_cannot_be_judged_is_refused(model, tokens, error, words):
    with pytest.raises(error, match=words):
        token_bits(model, tokens)


def test_words_take_their_tokens_bits_together():
    pieces, bits = ["The", " un", "happy", " cat", "."], [1.0, 2.0, 4.0, 0.5, 0.25]
    assert word_bits(pieces, bits) == [
        WordSurprise("The", 1.0, 1), WordSurprise("unhappy", 6.0, 2), WordSurprise("cat.", 0.75, 2),
    ]  # fmt: skip
    assert [word.per_token for word in word_bits(pieces, bits)] == [1.0, 3.0, 0.375]
    lines = word_bits(["\nif", " x"], torch.tensor([1.0, 2.0]))
    assert lines == [WordSurprise("if", 1.0, 1), WordSurprise("x", 2.0, 1)]
    assert word_bits([], []) == []


@pytest.mark.parametrize(
    ("pieces", "bits", "error", "words"),
    [
        (["a", "b"], [1.0], ValueError, "pieces has 2 strings for 1 bits: give one each"),
        ("ab", [1.0, 2.0], TypeError, "pieces is one string"),
        (["a", 3], [1.0, 2.0], TypeError, r"pieces\[1\] is 3, expected a string"),
        (["a"], ["much"], TypeError, r"bits=\['much'\] are no list of numbers"),
        (["a"], None, TypeError, "bits=None are no list of numbers"),
        (["a", "b"], [1.0, math.nan], ValueError, r"bits\[1\] is NaN"),
    ],
)
def test_what_is_no_surprise_is_refused_in_words(pieces, bits, error, words):
    with pytest.raises(error, match=words):
        word_bits(pieces, bits)


def test_a_word_that_could_not_be_surprises_without_end():
    assert word_bits(["a", "b"], [1.0, math.inf])[0].bits == math.inf


def test_of_two_tokens_the_second_is_guessed(model):
    (alone,), (first, _) = token_bits(model, torch.tensor([3, 1])), token_bits(model, [3, 1, 4])
    assert alone.item() == pytest.approx(first.item(), abs=1e-5)


def test_no_model_is_no_reader():
    with pytest.raises(TypeError, match="model=None has no method forward"):
        token_bits(None, [1, 2])
