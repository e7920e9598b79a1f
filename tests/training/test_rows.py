"""Rows drawn together, none twice."""

import pytest
import torch

from llmasos_edu.training.rows import RowSampler


def test_rows_are_drawn_together_and_none_twice():
    a, b = torch.arange(10), torch.arange(10) * 7
    generator, seen = torch.Generator().manual_seed(0), set()
    for _ in range(30):
        first, second = RowSampler(a, b, batch_size=4)(generator)
        assert torch.equal(second, first * 7)
        assert len(first.unique()) == 4
        seen |= set(first.tolist())
    assert len(seen) == 10
    assert torch.equal(RowSampler(a, batch_size=99)(generator).sort().values, a)


def test_the_generator_alone_decides():
    a, b = torch.arange(10), torch.arange(30).view(10, 3)
    first, second = RowSampler(a, b, batch_size=4)(torch.Generator().manual_seed(0))
    alone = RowSampler(a, batch_size=4)(torch.Generator().manual_seed(0))
    assert torch.equal(alone, first)
    assert torch.equal(second[:, 0], 3 * first)
    assert not torch.equal(RowSampler(a, batch_size=4)(torch.Generator().manual_seed(1)), first)


@pytest.mark.parametrize(
    ("tensors", "sizes"),
    [((), r"\[\]"), ((torch.zeros(0),), r"\[0\]"), ((torch.zeros(2), torch.zeros(3)), r"\[2, 3\]")],
)
def test_rows_that_cannot_be_drawn(tensors, sizes):
    with pytest.raises(ValueError, match=f"tensors with {sizes} rows: all must have equally many"):
        RowSampler(*tensors, batch_size=2)
    with pytest.raises(ValueError, match="batch_size=0"):
        RowSampler(torch.zeros(2), batch_size=0)
