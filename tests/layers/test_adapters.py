"""Many adapters beside one matrix: each row as if it were alone with its own."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from llmasos_edu.layers.adapters import AdapterChoice, BatchedLoRALinear


def make(adapters=3, rank=2, bias=True, scale=1.5):
    """A linear layer [5, 4], pairs of factors, the batched layer, its choice."""
    torch.manual_seed(0)
    linear = nn.Linear(4, 5, bias=bias).double()
    pairs = [(torch.randn(rank, 4).double(), torch.randn(5, rank).double()) for _ in range(adapters)]
    choice = AdapterChoice(["ann", "ben", "cho"][:adapters])
    return linear, pairs, BatchedLoRALinear(linear, pairs, scale=scale, choice=choice), choice


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 4), (6, 2, 3, 4)])
def test_every_row_goes_through_its_own_adapter_and_no_other(shape, bias):
    linear, pairs, layer, choice = make(bias=bias)
    x = torch.randn(shape, dtype=torch.float64)
    names = ["cho", None, "ann", "ben", "ann", None]
    choice.choose(names)
    found = layer(x)
    for row, name in enumerate(names):
        alone = linear(x[row])
        if name is not None:
            a, b = pairs[choice.numbers[name]]
            alone = alone + 1.5 * x[row] @ a.T @ b.T
        assert_close(found[row], alone, rtol=1e-12, atol=1e-12)


def test_a_neighbour_s_numbers_never_reach_a_row_even_if_they_are_infinite():
    linear, pairs, _, _ = make()
    pairs[1][0].fill_(torch.inf)
    choice = AdapterChoice(["ann", "ben", "cho"])
    layer = BatchedLoRALinear(linear, pairs, scale=1.5, choice=choice)
    choice.choose(["ann", "cho"])
    assert layer(torch.ones(2, 4, dtype=torch.float64)).isfinite().all()


def test_the_matrix_is_shared_and_the_adapters_are_copies():
    linear, pairs, layer, choice = make()
    assert layer.weight is linear.weight
    assert layer.bias is linear.bias
    choice.choose(["ann"])
    x = torch.ones(1, 4, dtype=torch.float64)
    before = layer(x)
    pairs[0][0].zero_()
    assert_close(layer(x), before)


def test_bad_choices_and_shapes_are_told():
    linear, pairs, layer, choice = make()
    x = torch.ones(2, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match="2 rows, but adapters were chosen for none"):
        layer(x)
    choice.choose(["ann"])
    with pytest.raises(ValueError, match="2 rows, but adapters were chosen for 1"):
        layer(x)
    with pytest.raises(ValueError, match="no adapter 'dan', only ann, ben, cho"):
        choice.choose(["ann", "dan"])
    with pytest.raises(ValueError, match="names of their own"):
        AdapterChoice(["ann", "ann"])
    with pytest.raises(ValueError, match="names of their own"):
        AdapterChoice([])
    other = [pairs[0], (torch.ones(3, 4), torch.ones(5, 3))]
    with pytest.raises(ValueError, match=r"an adapter of \[3, 4\] and \[5, 3\] beside a 5 x 4 matrix"):
        BatchedLoRALinear(linear, other, scale=1.0, choice=choice)
