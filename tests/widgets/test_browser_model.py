"""A model packed for the browser: what travels, what is refused and how, and that it travels once."""

from __future__ import annotations

import json
import struct

import anywidget
import numpy as np
import pytest
import torch
import traitlets as t
from ipywidgets import widget_serialization

import llmasos_edu
from llmasos_edu.layers.positional import RotaryEmbedding
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer
from llmasos_edu.widgets import embed_widget_state, host_fragment
from llmasos_edu.widgets.shared import language_model
from llmasos_edu.widgets.shared.language_model import BrowserModel, browser_model, pack_model

SMALL = {"d_model": 8, "num_layers": 1, "num_heads": 2}


def small(**settings):
    torch.manual_seed(0)
    return LanguageModel(256, **(SMALL | settings))


def unpack(packed):
    (length,) = struct.unpack_from("<I", packed)
    head = json.loads(packed[4 : 4 + length])
    at, arrays = 4 + length, []
    for count in [3 * head["merges"], *(size for _, size in head["tensors"])]:
        arrays.append(np.frombuffer(packed, "<u2", count, at))
        at += 4 * -(-count // 2)
    assert at == len(packed)
    return head, arrays


def test_the_shipped_model_travels_whole_in_less_than_three_megabytes():
    model, tokenizer, _ = llmasos_edu.load("manual-dense")
    packed = pack_model(model, tokenizer)
    assert 2_600_000 < len(packed) < 3_000_000
    head, (merges, *weights) = unpack(packed)
    assert head["settings"] == {
        "vocab_size": 2048, "d_model": 128, "num_layers": 4, "num_heads": 4, "head_dim": 32, "d_ff": 512,
        "position_base": 10_000.0, "norm_eps": 1e-5,
    }  # fmt: skip
    for (name, size), weight in zip(head["tensors"], weights, strict=True):
        own = model.state_dict()[name].numpy().ravel()
        assert len(own) == size
        assert (weight.view("<f2").astype(np.float32) == own).all(), "stored as halves, and sent as such"
    assert len(head["tensors"]) == len(model.state_dict())
    assert len(merges) == 3 * len(tokenizer.merges)
    assert head["tokenizer"]["names"] == tokenizer.tokens(range(2048))


def test_a_tokenizer_of_bytes_and_one_of_pairs():
    head, (merges, *_) = unpack(pack_model(small(), ByteTokenizer()))
    assert head["tokenizer"]["bytes"] == list(range(256))
    assert len(merges) == 0
    pairs = BytePairTokenizer.train("low lower lowest low low", 259)
    model = LanguageModel(pairs.vocab_size, **SMALL)
    head, (merges, *_) = unpack(pack_model(model, pairs))
    assert head["tokenizer"]["bytes"][:3] == [ord("!"), ord('"'), ord("#")]
    pieces = [bytes([byte]) for byte in head["tokenizer"]["bytes"]]
    for left, right, joined in merges.reshape(-1, 3):
        assert joined == len(pieces)
        pieces.append(pieces[left] + pieces[right])
    assert pieces[256:] == [left + right for left, right in pairs.merges]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_experts": 2}, r"num_experts=2: the model in the browser knows 1 alone"),
        ({"position": "learned"}, r"position='learned': .* knows 'rotary' alone"),
        ({"position": "alibi"}, r"position='alibi'"),
        ({"norm": "rms"}, r"norm='rms': .* knows 'layer' alone"),
        ({"activation": "gelu"}, r"activation='gelu': .* knows 'squared_relu' alone"),
        ({"activation": "swiglu"}, r"activation='swiglu'"),
        ({"qk_norm": False}, r"qk_norm=False: .* knows True alone"),
        ({"qk_norm": "rms"}, r"qk_norm='rms'"),
        ({"bias": True}, r"bias=True: .* knows False alone"),
        ({"num_kv_heads": 1}, r"num_kv_heads=1 with num_heads=2: in the browser each head has"),
        ({"d_ff": 0}, r"d_ff=0: .* a feed-forward network in every layer"),
    ],
)
def test_what_the_browser_cannot_compute_is_refused_by_name(settings, said):
    with pytest.raises(ValueError, match=said):
        pack_model(small(**settings), ByteTokenizer())


@pytest.mark.parametrize(
    ("rotary", "said"),
    [
        (RotaryEmbedding(4, scale=4), "scale=4 and layout='halves'"),
        (RotaryEmbedding(4, layout="pairs"), "'pairs'"),
    ],
)
def test_positions_that_were_changed_later_are_refused(rotary, said):
    model = small()
    model.body.positions.rotary = rotary
    with pytest.raises(ValueError, match=said):
        pack_model(model, ByteTokenizer())


def test_other_models_tokenizers_and_weights_are_refused(monkeypatch):
    with pytest.raises(TypeError, match="model is a Linear: the browser reads with a LanguageModel alone"):
        pack_model(torch.nn.Linear(2, 2), ByteTokenizer())
    with pytest.raises(TypeError, match="tokenizer is a str"):
        pack_model(small(), "bytes")
    with pytest.raises(ValueError, match="the model knows 300 tokens and the tokenizer 256"):
        pack_model(LanguageModel(300, **SMALL), ByteTokenizer())
    for value, said in ((7e4, r"head\.weight holds 70000: float16"), (float("nan"), "holds nan")):
        model = small()
        with torch.no_grad():
            model.head.weight[3, 1] = value
        with pytest.raises(ValueError, match=said):
            pack_model(model, ByteTokenizer())
    monkeypatch.setattr(language_model, "MOST_BYTES", 5000)
    with pytest.raises(ValueError, match="MB in a page: 0 at most"):
        pack_model(small(), ByteTokenizer())


def test_one_model_is_sent_once_and_another_anew():
    model, tokenizer = small(), ByteTokenizer()
    first = browser_model(model, tokenizer)
    assert browser_model(model, tokenizer) is first
    assert repr(first) == "BrowserModel(0.0 MB)"
    with torch.no_grad():
        model.head.weight[0, 0] = 0.5
    second = browser_model(model, tokenizer)
    assert second is not first
    second.close()
    third = browser_model(model, tokenizer)
    assert third is not second
    assert third.comm is not None


class Holder(anywidget.AnyWidget):
    _esm = "export default { render() {} };"
    weights = t.Instance(BrowserModel).tag(sync=True, **widget_serialization)


def held_models(page):
    return page.count('<script type="application/json" data-widget-model="')


def test_a_page_with_several_explorers_holds_the_weights_once():
    weights = browser_model(small(), ByteTokenizer())
    told = set()
    fragments = [host_fragment(Holder._esm, "", {"weights": weights}, told=told) for _ in range(3)]
    assert [held_models(each) for each in fragments] == [1, 0, 0]
    assert all(f'"weights":"IPY_MODEL_{weights.model_id}"' in each for each in fragments)
    assert told == {weights.model_id}


def test_a_notebook_stores_the_weights_once_and_its_page_holds_them_once():
    weights = browser_model(small(), ByteTokenizer())
    holders = [Holder(weights=weights), Holder(weights=weights)]
    stored = {"state": {}}
    for widget in [weights, *holders]:
        document = type(widget).get_manager_state(drop_defaults=False, widgets=[widget])
        stored["state"] |= document["state"]
    buffers = [each for model in stored["state"].values() for each in model.get("buffers", [])]
    assert len(buffers) == 1
    told = set()
    fragments = [embed_widget_state(stored, each.model_id, told=told) for each in holders]
    assert [held_models(each) for each in fragments] == [1, 0]
    assert buffers[0]["data"] in fragments[0]
    del stored["state"][weights.model_id]
    with pytest.raises(KeyError, match=f"no model '{weights.model_id}'"):
        embed_widget_state(stored, holders[0].model_id)
