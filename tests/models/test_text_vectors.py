"""Vectors of texts: by hand, and nearer for texts that share words."""

import pytest
import torch

from llmasos_edu.models.text_vectors import TextVectors

EMBEDDING = torch.eye(5, dtype=torch.float64)


def test_a_vector_is_the_weighted_mean_less_the_mean_of_all():
    found = TextVectors(EMBEDDING, [[0, 1], [0, 2, 2]], a=0.1)
    # token 0: 2 of 5, weight 0.1 / 0.5; token 1: 1 of 5, 0.1 / 0.3; token 2: 2 of 5, 0.2
    first = torch.tensor([0.2 / 2, (1 / 3) / 2, 0, 0, 0], dtype=torch.float64)
    second = torch.tensor([0.2 / 3, 0, 2 * 0.2 / 3, 0, 0], dtype=torch.float64)
    mean = (first + second) / 2
    torch.testing.assert_close(found.vectors, torch.stack([first, second]) - mean)
    torch.testing.assert_close(found([0, 1]), first - mean)
    unseen = torch.tensor([0, 0, 0, 1.0, 0], dtype=torch.float64)
    torch.testing.assert_close(found([3]), unseen - mean), "a token that never came has the whole weight"


def test_texts_that_share_a_rare_word_are_near():
    texts = [[0, 0, 1], [0, 0, 2], [0, 0, 3]]
    found = TextVectors(EMBEDDING, texts)
    cosine = torch.cosine_similarity(found.vectors, found([0, 2])[None])
    assert cosine.argmax() == 1
    assert found.vectors.requires_grad is False


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TextVectors(EMBEDDING, []), "there are no passages"),
        (lambda: TextVectors(EMBEDDING, [[1], []]), "a text without tokens"),
        (lambda: TextVectors(EMBEDDING, [[1]], a=0), "a=0"),
        (lambda: TextVectors(EMBEDDING, [[1], [9]]), "9"),
        (lambda: TextVectors(EMBEDDING, [[1]])([]), "a text without tokens"),
    ],
)
def test_texts_without_a_vector_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
