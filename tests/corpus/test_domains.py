"""Four kinds of text: repeatable, no held-out sum or number in training, equal shares in a batch."""

import pytest
import torch

from llmasos_edu.corpus import DOMAINS, DomainSampler, domain_corpus
from llmasos_edu.corpus.numerals import from_words


@pytest.fixture(scope="module")
def corpus():
    return domain_corpus(100_000)


def lines_of(tokens):
    return bytes(tokens.tolist()).decode().split("\n")


def test_there_are_four_kinds_of_about_the_size_asked_for(corpus):
    assert tuple(corpus) == DOMAINS
    for kind in corpus.values():
        assert 60_000 < len(kind.train) + len(kind.held_out) < 110_000
        assert 0.02 < len(kind.held_out) / len(kind.train) < 0.2
        assert kind.train.min() >= 0
        assert kind.train.max() < 256


def test_the_corpus_is_the_same_in_every_call_and_another_with_another_seed(corpus):
    again, other = domain_corpus(100_000), domain_corpus(100_000, seed=1)
    for kind in DOMAINS:
        assert torch.equal(corpus[kind].train, again[kind].train)
    for kind in ("prose", "arithmetic", "numerals"):
        assert not torch.equal(corpus[kind].held_out, other[kind].held_out)


@pytest.mark.parametrize("kind", ["arithmetic", "numerals"])
def test_no_held_out_exercise_stands_in_training(corpus, kind):
    train, held_out = lines_of(corpus[kind].train), lines_of(corpus[kind].held_out)
    assert len(held_out) > 50
    assert not set(train) & set(held_out)


def test_sums_are_right(corpus):
    for line in lines_of(corpus["arithmetic"].train)[:500] + lines_of(corpus["arithmetic"].held_out):
        question, answer = line.split("=")
        assert sum(map(int, question.split("+"))) == int(answer)


def test_number_words_are_right(corpus):
    for line in lines_of(corpus["numerals"].train)[:500] + lines_of(corpus["numerals"].held_out):
        words, digits = line.split(" = ")
        assert from_words(words) == int(digits)


def test_a_batch_holds_windows_of_every_kind_in_turn():
    texts = [torch.arange(100) + 1000 * kind for kind in range(3)]
    sampler = DomainSampler(texts, context=7, batch_size=6)
    batch = sampler(torch.Generator().manual_seed(0))
    assert batch.shape == (6, 8)
    assert (batch[:, 0] // 1000).tolist() == [0, 1, 2, 0, 1, 2]
    assert (batch.diff(dim=1) == 1).all()  # windows, not loose tokens
    assert torch.equal(batch, sampler(torch.Generator().manual_seed(0)))
    assert not torch.equal(batch, sampler(torch.Generator().manual_seed(1)))


def test_every_place_of_a_text_can_be_drawn():
    sampler = DomainSampler([torch.arange(6)], context=3, batch_size=300)
    batch = sampler(torch.Generator().manual_seed(0))
    assert set(batch[:, 0].tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: domain_corpus(9_999), "num_bytes=9999"),
        (
            lambda: DomainSampler([torch.arange(9)] * 4, context=4, batch_size=6),
            "batch_size=6 is no multiple of the 4",
        ),
        (lambda: DomainSampler([torch.arange(9)], context=4, batch_size=0), "batch_size=0"),
        (
            lambda: DomainSampler([torch.arange(9), torch.arange(4)], context=4, batch_size=2),
            "4 tokens .* context=4",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
