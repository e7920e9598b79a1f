"""What a folder of a model cannot hold."""

import pytest
import torch

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import store
from llmasos_edu.text.tokenizer import BytePairTokenizer


@pytest.mark.parametrize("weight", [1e5, -torch.inf, torch.nan])
def test_a_weight_that_half_the_bytes_cannot_hold_is_refused_before_anything_is_lost(tmp_path, weight):
    model = LanguageModel(256, d_model=8, num_layers=1, num_heads=2)
    with torch.no_grad():
        model.embedding.weight[3, 1] = weight
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"embedding.weight holds .*: float16, as models are stored, ends at"
    ):
        store(tmp_path / "out", model, BytePairTokenizer([]))
    assert not (tmp_path / "out").exists()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, equal_nan=True)
