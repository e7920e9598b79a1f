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
    [([3], ValueError, "a text of 1 token"), ([3, 99], ValueError, "99"), ("ab", TypeError, "str")],
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
    with pytest.raises(ValueError, match="2 pieces and 1 bits"):
        word_bits(["a", "b"], [1.0])
