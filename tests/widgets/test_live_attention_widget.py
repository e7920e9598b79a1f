"""Live attention in Python: what it sends, and what it takes from the browser."""

from __future__ import annotations

import pytest
import torch
import traitlets as t
from every_explorer import byte_model

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import AttentionExplorer


def live(**settings):
    return AttentionExplorer.live(byte_model(torch.float32), ByteTokenizer(), **settings)


def test_the_model_travels_and_no_map_does():
    explorer = live(text="the theme", layer=1, head=3)
    assert repr(explorer) == "LiveAttentionExplorer(2 layers x 4 heads, 9 tokens, causal, with scores, live)"
    assert explorer.data == b""
    assert (explorer.layer, explorer.head, explorer.text) == (1, 3, "the theme")
    assert explorer.language_model is live(text="another text").language_model, "one model, sent once"


def test_positions_follow_the_text():
    explorer = live(text="abc")
    with pytest.raises(t.TraitError, match="query=3 does not exist: 0 to 2"):
        explorer.query = 3
    explorer.text = "abcdé"
    explorer.query = 5
    with pytest.raises(t.TraitError, match="key=6 does not exist: 0 to 5"):
        explorer.key = 6
    explorer.set_state({"query": 9, "text": "ten letter", "key": 9, "decoded": 7})  # as the browser tells
    assert (explorer.query, explorer.key, explorer.text) == (9, 9, "ten letter")
    explorer.text = "x" * 100
    explorer.query = 63
    with pytest.raises(t.TraitError, match="query=64 does not exist: 0 to 63"):
        explorer.query = 64


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="text is empty: there is nothing to attend to"):
        live(text="")
    model = LanguageModel(256, d_model=8, num_layers=1, num_heads=2, position="alibi")
    with pytest.raises(ValueError, match="position='alibi': the model in the browser knows 'rotary' alone"):
        AttentionExplorer.live(model, ByteTokenizer())
    with pytest.raises(t.TraitError, match="layer=2 does not exist: 0 to 1"):
        live(layer=2)
