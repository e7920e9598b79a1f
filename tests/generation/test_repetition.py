"""Forbidden repetition, against transformers and by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import NoRepeatNGramLogitsProcessor

from llmasos_edu.generation.repetition import forbid_repeats, repeating_tokens

VOCAB = 6


@given(seed=st.integers(0, 10_000), length=st.integers(1, 14), size=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_it_equals_transformers(seed, length, size):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(VOCAB, (3, length), generator=generator)
    logits = torch.randn(3, VOCAB, generator=generator)
    want = NoRepeatNGramLogitsProcessor(size)(tokens, logits.clone())
    again = repeating_tokens(tokens, size, VOCAB)
    assert torch.equal(logits.masked_fill(again, -torch.inf), want)
    free = ~again.all(dim=1)
    assert torch.equal(forbid_repeats(logits, tokens, size)[free], want[free])


def test_a_pair_that_was_said_does_not_come_again():
    tokens = torch.tensor([[1, 2, 3, 1], [1, 2, 3, 4]])
    assert repeating_tokens(tokens, 2, VOCAB).nonzero().tolist() == [[0, 2]]


def test_where_everything_is_forbidden_nothing_is():
    tokens, logits = torch.tensor([[0, 1, 2]]), torch.tensor([[3.0, 2.0, 1.0]])
    assert torch.equal(forbid_repeats(logits, tokens, 1), logits)
    both = torch.tensor([[0, 1, 2], [0, 0, 0]]), torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    alone = forbid_repeats(both[1], both[0], 1)  # each row for itself
    assert alone.tolist() == [[3.0, 2.0, 1.0], [-torch.inf, 2.0, 1.0]]
    ruled_out = torch.tensor([[3.0, 2.0, -torch.inf, 1.0]])
    assert torch.equal(forbid_repeats(ruled_out, torch.tensor([[0, 1, 3]]), 1), ruled_out)


def test_a_text_shorter_than_a_run_forbids_nothing():
    assert not repeating_tokens(torch.tensor([[4, 4]]), 3, VOCAB).any()


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match=f"size={size}"):
        repeating_tokens(torch.tensor([[1]]), size, VOCAB)


@pytest.mark.parametrize(
    ("tokens", "error", "words"),
    [
        (torch.tensor([1, 2]), ValueError, r"^tokens must be integers \[batch, seq\], got torch.int64 \[2\]"),
        (torch.tensor([[1.0]]), ValueError, "got torch.float32"),
        (torch.tensor([[1, 6]]), ValueError, "token 6 is outside the vocabulary of 6"),
        (torch.tensor([[1, -1]]), ValueError, "token -1 is outside"),
        ([[1, 2]], TypeError, "got list"),
        (None, TypeError, "got NoneType"),
        (torch.zeros(0), ValueError, r"got torch.float32 \[0\]"),
        (torch.zeros(0, 2, 2), ValueError, r"got torch.float32 \[0, 2, 2\]"),
        (torch.zeros(0, 2, dtype=torch.long), ValueError, "no tokens to read"),
    ],
)
def test_tokens_that_are_none_are_refused_in_words(tokens, error, words):
    with pytest.raises(error, match=words):
        repeating_tokens(tokens, 1, VOCAB)


@pytest.mark.parametrize("size", [1, 2])
def test_a_row_that_has_said_nothing_yet_repeats_nothing(size):
    again = repeating_tokens(torch.zeros(2, 0, dtype=torch.long), size, VOCAB)
    assert list(again.shape) == [2, VOCAB]
    assert not again.any()


@pytest.mark.parametrize("vocab_size", [0, -1, None])
def test_a_vocabulary_that_is_none_is_refused(vocab_size):
    with pytest.raises(ValueError, match=f"vocab_size={vocab_size}"):
        repeating_tokens(torch.zeros(2, 0, dtype=torch.long), 1, vocab_size)


@pytest.mark.parametrize(
    ("logits", "tokens", "error", "words"),
    [
        (torch.zeros(2, VOCAB), [[1, 2]], ValueError, r"logits \[2, 6\] are not those of 1 rows of tokens"),
        (torch.zeros(VOCAB), [[1, 2]], ValueError, r"logits must be numbers \[batch, vocab\], got .* \[6\]"),
        (torch.full((1, VOCAB), torch.nan), [[1, 2]], ValueError, "the largest logit of row 0 is nan"),
        (torch.zeros(1, VOCAB), [[1, 6]], ValueError, "token 6 is outside the vocabulary of 6"),
        ([[1.0]], [[1, 2]], TypeError, "got list"),
    ],
)
def test_a_row_of_scores_belongs_to_each_row_of_tokens(logits, tokens, error, words):
    with pytest.raises(error, match=words):
        forbid_repeats(logits, torch.tensor(tokens), 1)
