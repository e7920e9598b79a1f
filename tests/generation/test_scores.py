"""Scores at the door of a rule: what is none is refused with what it is instead."""

import re

import pytest
import torch

from llmasos_edu.generation.scores import check_scores


@pytest.mark.parametrize(
    ("scores", "error", "words"),
    [
        ([1.0, 2.0], TypeError, "logits must be a tensor of numbers [..., vocab], got list"),
        (None, TypeError, "got NoneType"),
        (torch.tensor([1, 2]), ValueError, "logits must be numbers [..., vocab], got torch.int64 [2]"),
        (torch.tensor(1.0), ValueError, "got torch.float32 []"),
        (torch.zeros(2, 0), ValueError, "got torch.float32 [2, 0]"),
        (torch.zeros(0, 2), ValueError, "got torch.float32 [0, 2]"),
        (torch.tensor([[1.0, 2.0], [0.0, torch.nan]]), ValueError, "largest logit of row 1 is nan"),
        (torch.full((1, 2, 3), -torch.inf), ValueError, "largest logit of row 0 is -inf"),
        (torch.tensor([torch.inf, 0.0]), ValueError, "largest logit of row 0 is inf"),
    ],
)
def test_what_is_no_score_is_refused_in_words(scores, error, words):
    with pytest.raises(error, match=re.escape(words)):
        check_scores("logits", scores)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3)])
def test_where_a_batch_is_wanted_nothing_else_will_do(shape):
    with pytest.raises(
        ValueError, match=re.escape(f"must be numbers [batch, vocab], got torch.float32 {list(shape)}")
    ):
        check_scores("logits", torch.zeros(shape), batch=True)
    with pytest.raises(TypeError, match=re.escape("a tensor of numbers [batch, vocab], got int")):
        check_scores("logits", 3, batch=True)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 2, 3)])
def test_scores_come_back_as_they_are(shape):
    scores = torch.zeros(shape, dtype=torch.float64)
    scores[..., 0] = -torch.inf  # ruled out, but something is left
    assert check_scores("logits", scores) is scores
