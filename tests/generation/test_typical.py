"""Locally typical sampling, against transformers and by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TypicalLogitsWarper

from llmasos_edu.generation.typical import keep_typical

VOCAB = 23


def draw(seed=0, batch=5, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(batch, VOCAB, dtype=torch.float64, generator=generator)


def kept(logits):
    return (logits[0] > -torch.inf).nonzero().flatten().tolist()


@given(seed=st.integers(0, 10_000), mass=st.floats(0.01, 0.999), scale=st.sampled_from([0.1, 2.0, 20.0]))
@settings(max_examples=60, deadline=None)
def test_it_equals_transformers(seed, mass, scale):
    logits = draw(seed, scale=scale)
    assert torch.equal(keep_typical(logits, mass), TypicalLogitsWarper(mass)(None, logits))


def test_the_likeliest_token_goes_where_more_surprise_was_expected():
    # p = 0.3 and seven of 0.1: H = 0.3 log(1/0.3) + 0.7 log 10 = 1.973; distances 0.769 and 0.330.
    logits = torch.tensor([[0.3, *[0.1] * 7]], dtype=torch.float64).log()
    assert kept(keep_typical(logits, 0.2)) == [1, 2]
    assert kept(keep_typical(logits, 0.7)) == [1, 2, 3, 4, 5, 6, 7]
    assert kept(keep_typical(logits, 0.71)) == list(range(8))


def test_what_is_ruled_out_stays_so_and_does_not_count():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]], dtype=torch.float64).log()
    logits[0, 0] = -torch.inf  # the rest: 0.6, 0.3, 0.1, entropy 1.295 bits; distances 0.56, 0.44, 2.03
    assert kept(keep_typical(logits, 0.25)) == [2]
    assert kept(keep_typical(logits, 0.5)) == [1, 2]
    assert kept(keep_typical(logits, 0.95)) == [1, 2, 3]


def test_one_token_always_stays_and_mass_one_changes_nothing():
    logits = draw(1)
    assert len(kept(keep_typical(logits, 1e-9))) == 1
    assert keep_typical(logits, 1) is logits
    sure = torch.tensor([[0.0, -math.inf]])
    assert torch.equal(keep_typical(sure, 0.5), sure)


def test_equal_distances_are_taken_in_the_vocabularys_order():
    assert kept(keep_typical(torch.zeros(1, 4), 0.5)) == [0, 1]
    assert kept(keep_typical(torch.zeros(1, 10), 0.3)) == [0, 1, 2], "rounding adds no token"


def test_any_leading_shape_and_kind_of_number():
    logits = draw(3)
    assert torch.equal(keep_typical(logits[None], 0.5)[0], keep_typical(logits, 0.5))
    assert keep_typical(logits.float(), 0.5).dtype == torch.float32


@pytest.mark.parametrize(
    ("logits", "error", "words"),
    [
        ([0.5, 0.5], TypeError, "^logits must be a tensor of numbers .*, got list"),
        (torch.tensor([1, 2]), ValueError, "^logits must be numbers .*, got torch.int64"),
        (torch.tensor([[0.0, math.nan]]), ValueError, "the largest logit of row 0 is nan"),
        (torch.full((2, 3), -math.inf), ValueError, "the largest logit of row 0 is -inf"),
    ],
)
@pytest.mark.parametrize("mass", [0.5, 1])
def test_scores_that_are_none_are_refused(logits, error, words, mass):
    with pytest.raises(error, match=words):
        keep_typical(logits, mass)


@pytest.mark.parametrize("mass", [0, -0.1, 1.5, math.nan])
def test_a_mass_that_is_none_is_refused(mass):
    with pytest.raises(ValueError, match=f"typical mass={mass}"):
        keep_typical(draw(), mass)
