"""What tells one set of data from another."""

import pytest
import torch

from llmasos_edu.corpus import DomainSampler
from llmasos_edu.foundation.tensors import check_sequence, digest, token_vector
from llmasos_edu.learning.pretraining import MaskedSampler
from llmasos_edu.training.next_token import TextSampler

TEXT = torch.arange(60) % 7
MASKED = {"context": 8, "batch_size": 4, "vocab_size": 8, "mask_id": 7}


def test_a_digest_differs_in_values_shapes_types_and_order_only():
    parts = [TEXT, TEXT.view(6, 10), TEXT.int(), TEXT.flip(0), None, 1, "1"]
    assert len({digest(part) for part in parts}) == len(parts)
    assert digest(TEXT, 1) != digest(1, TEXT)
    assert digest(TEXT.view(6, 10).T) == digest(TEXT.view(6, 10).T.clone())


@pytest.mark.parametrize(
    "make",
    [
        lambda text=TEXT, size=4: TextSampler(text, context=8, batch_size=size),
        lambda text=TEXT, size=4: DomainSampler([text, TEXT], context=8, batch_size=size),
        lambda text=TEXT, size=4: MaskedSampler(text, **MASKED | {"batch_size": size}),
    ],
    ids=["text", "domains", "masked"],
)
def test_a_sampler_is_known_by_all_that_decides_its_batches(make):
    assert make().identity() == make(TEXT.clone()).identity()
    assert len({make().identity(), make(TEXT.flip(0)).identity(), make(size=2).identity()}) == 3


def test_another_way_to_mask_is_other_data():
    rules = [{}, {"share": 0.3}, {"fates": (1, 0, 0)}, {"words": TEXT // 2}]
    assert len({MaskedSampler(TEXT, **MASKED, **rule).identity() for rule in rules}) == 4


@pytest.mark.parametrize("tokens", [None, ["a"], [[1], [2, 3]], [2**70], object()])
def test_what_no_tensor_can_hold_is_told_in_words(tokens):
    with pytest.raises(TypeError, match="are no row"):
        token_vector(tokens)


def test_a_list_is_no_sequence_of_vectors():
    with pytest.raises(TypeError, match=r"x must be a tensor \[batch, seq, 4\], got list"):
        check_sequence("x", [[[1.0]]], 4)


def test_a_digest_tells_short_fractions_apart():
    ones = torch.ones(2, dtype=torch.bfloat16)
    assert digest(ones) == digest(ones.clone())
    assert digest(ones) != digest(2 * ones)
    assert digest(ones) != digest(ones.float())
    assert digest(ones[0]) != digest(ones[:1])
