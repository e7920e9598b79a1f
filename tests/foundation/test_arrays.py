"""Arrays that a picture starts from."""

import numpy as np
import pytest
import torch

from llmasos_edu.foundation.arrays import read_array


@pytest.mark.parametrize("values", [np.array([1j]), torch.tensor([1j])])
def test_complex_numbers_do_not_lose_half_of_themselves(values):
    with pytest.raises(TypeError, match="scores holds complex numbers"):
        read_array(values, "scores")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_short_fractions_are_read_and_told(kind):
    array, coarse = read_array(torch.tensor([0.5, 2.0]).to(kind), "scores")
    assert array.tolist() == [0.5, 2.0]
    assert coarse
