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
    ruled_out = torch.tensor([[3.0, 2.0, -torch.inf, 1.0]])
    assert torch.equal(forbid_repeats(ruled_out, torch.tensor([[0, 1, 3]]), 1), ruled_out)


def test_a_text_shorter_than_a_run_forbids_nothing():
    assert not repeating_tokens(torch.tensor([[4, 4]]), 3, VOCAB).any()


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match=f"size={size}"):
        repeating_tokens(torch.tensor([[1]]), size, VOCAB)
