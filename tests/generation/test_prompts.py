"""Prompts and stop tokens at the door: rows of any lengths, and what is none refused in words."""

import re

import numpy as np
import pytest
import torch

from llmasos_edu.generation.prompts import as_batch, stop_table, unpadded


def test_rows_of_any_lengths_are_one_tensor_and_come_back():
    rows = [[1, 2, 3], (4,), torch.tensor([2, 0], dtype=torch.int16)]
    tokens, counts = as_batch(rows, 5)
    assert tokens.tolist() == [[1, 2, 3], [4, 0, 0], [2, 0, 0]]
    assert (tokens.dtype, counts) == (torch.long, [3, 1, 2])
    assert unpadded(tokens, counts) == [[1, 2, 3], [4], [2, 0]]
    assert as_batch([[1, 2], [3]], 5)[1] == [2, 1]


def test_rows_of_one_length_need_no_counts():
    for given in ([[1, 2], [3, 4]], torch.tensor([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]])):
        tokens, counts = as_batch(given, 5)
        assert (tokens.tolist(), counts) == ([[1, 2], [3, 4]], None)
        assert unpadded(tokens, counts) == [[1, 2], [3, 4]]


def test_a_count_belongs_to_each_row():
    with pytest.raises(ValueError, match="shorter"):
        unpadded(torch.tensor([[1, 2], [3, 4]]), [2])


@pytest.mark.parametrize(
    ("prompts", "error", "words"),
    [
        (None, TypeError, "prompts=None: rows of token ids are wanted"),
        (3, TypeError, "prompts=3: rows"),
        (iter([[1]]), TypeError, "rows of token ids are wanted, [[1, 2], [3]]"),
        ([], ValueError, "there are no prompts: the list is empty"),
        ("text", TypeError, "prompts are text, but token ids are wanted"),
        (b"text", TypeError, "prompts are text"),
        (torch.tensor([1, 2]), ValueError, "prompts must be integers [batch, seq], got torch.int64 [2]"),
        (torch.tensor([[9]]), ValueError, "prompts: token 9 is outside the vocabulary of 5"),
        ([[1], "ab"], TypeError, "prompt 1 is text, but token ids are wanted: encode it"),
        ([b"ab"], TypeError, "prompt 0 is text"),
        ([[1], []], ValueError, "prompt 1 is empty: there is nothing to continue"),
        ([[1], None], TypeError, "prompt 1=None is no row [seq] of token ids"),
        ([["a"]], TypeError, "prompt 0=['a'] is no row [seq] of token ids"),
        ([[1, [2]]], TypeError, "prompt 0=[1, [2]] is no row"),
        ([[list(range(40))], ["a" * 99]], ValueError, "prompt 0 must be integers"),
        ([["a" * 99]], TypeError, f"prompt 0=['{'a' * 58} is no row"),
        ([1, 2], ValueError, "prompt 0 must be integers"),
        ([[1], [1.5]], ValueError, "prompt 1 must be integers"),
        ([[1], [5]], ValueError, "prompt 1: token 5 is outside the vocabulary of 5"),
        ([[-1]], ValueError, "prompt 0: token -1"),
    ],
)  # fmt: skip
def test_what_is_no_prompt_is_refused_in_words(prompts, error, words):
    with pytest.raises(error, match=re.escape(words)):
        as_batch(prompts, 5)


@pytest.mark.parametrize(
    ("stop", "tokens"),
    [(0, [0]), (4, [4]), ((), []), ([1, 3, 1], [1, 3]), (np.int64(2), [2]), (np.array([2, 4]), [2, 4]),
     (torch.tensor(3), [3]), (torch.tensor([3, 0]), [0, 3]), (iter([1]), [1])],
)  # fmt: skip
def test_stop_tokens_are_marked(stop, tokens):
    table = stop_table(stop, 5)
    assert (table.dtype, list(table.shape)) == (torch.bool, [5])
    assert table.nonzero()[:, 0].tolist() == tokens


@pytest.mark.parametrize(
    ("stop", "error", "words"),
    [
        (None, TypeError, "stop=None is no token: a whole number is wanted"),
        (1.0, TypeError, "stop=1.0 is no token"),
        (True, TypeError, "stop=True is no token"),
        ("3", TypeError, "stop='3' is no token"),
        ([1, None], TypeError, "stop=None is no token"),
        (torch.tensor([1.5]), TypeError, "stop=1.5 is no token"),
        (-1, ValueError, "stop=-1 is no token: 0 to 4"),
        ([1, 5], ValueError, "stop=5 is no token: 0 to 4"),
    ],
)
def test_a_stop_that_is_no_token_is_refused_in_words(stop, error, words):
    with pytest.raises(error, match=re.escape(words)):
        stop_table(stop, 5)
