"""The next-token explorer in Python: what it sends, takes and refuses, its tables and its still picture."""

from __future__ import annotations

import json
import struct

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets as t
from every_explorer import byte_model

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.plots.next_token import next_token_figure
from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import NextTokenExplorer
from llmasos_edu.widgets.next_token import data
from llmasos_edu.widgets.next_token.data import pack_ngram

READ = list(b"the list and the text and the theme of the test")


def counts(order=3, vocab=256):
    return NGram.kneser_ney(READ, vocab, order)


def make(**settings):
    return NextTokenExplorer(byte_model(torch.float32), ByteTokenizer(), counts(), **settings)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_tables_travel_whole(order):
    ngram = counts(order)
    packed = pack_ngram(ngram)
    (length,) = struct.unpack_from("<I", packed)
    head, at = json.loads(packed[4 : 4 + length]), 4 + length
    assert head["vocab"] == 256
    assert len(head["levels"]) == order
    for (contexts, ngrams), level in zip(head["levels"], ngram.levels, strict=True):
        arrays = []
        for kind, count in (
            ("<u4", contexts),
            ("<u4", contexts + 1),
            ("<f4", contexts),
            ("<f4", ngrams),
            ("<u2", ngrams),
        ):
            arrays.append(np.frombuffer(packed, kind, count, at))
            at += -(-arrays[-1].nbytes // 4) * 4
        keys, starts, backoff, share, tokens = arrays
        assert (keys == level.contexts).all()
        owners = np.repeat(np.arange(contexts), np.diff(starts))
        assert (owners * 256 + tokens == level.ngrams).all()
        assert np.allclose(backoff, level.backoff)
        assert np.allclose(share, level.share)
    assert at == len(packed)


def test_tables_too_large_and_what_is_no_ngram_are_refused(monkeypatch):
    with pytest.raises(TypeError, match=r"ngram is a dict: give an NGram"):
        pack_ngram({})
    with pytest.raises(ValueError, match="a vocabulary of 70000 tokens: in the browser 65536 at most"):
        pack_ngram(counts(vocab=70_000))
    monkeypatch.setattr(data, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match=r"the 3-gram takes 0\.0 MB .* let it read less text"):
        pack_ngram(counts())


def test_models_and_texts_that_do_not_fit_are_refused():
    tokenizer = ByteTokenizer()
    with pytest.raises(ValueError, match="the n-gram counts 300 different tokens and the tokenizer has 256"):
        NextTokenExplorer(byte_model(torch.float32), tokenizer, counts(vocab=300))
    model = LanguageModel(256, d_model=8, num_layers=1, num_heads=2, norm="rms")
    with pytest.raises(ValueError, match="norm='rms'"):
        NextTokenExplorer(model, tokenizer, counts())
    with pytest.raises(TypeError, match="text is a list: a string is wanted"):
        make(text=[1, 2])
    for name, value, said in (
        ("temperature", 2.1, "temperature=2.1 is out of range: 0 to 2"), ("temperature", float("nan"), "nan"),
        ("seed", 100, "seed=100 is out of range: 0 to 99"), ("seed", -1, "seed=-1"),
    ):  # fmt: skip
        with pytest.raises(t.TraitError, match=said):
            make(**{name: value})
    explorer = make(text="the")
    for name, value, said in (
        ("place", 4, "place=4 is out of range: 0 to 3"), ("tokens", [1, 256], "id 256 at place 1 is outside"),
        ("tokens", [1] * 257, "number of tokens=257 is out of range: 0 to 256"), ("writer", "me", "writer"),
    ):  # fmt: skip
        with pytest.raises(t.TraitError, match=said):
            setattr(explorer, name, value)
    assert explorer.text == "the"


def test_the_text_is_read_and_set_from_python():
    explorer = make(text="the list")
    assert (explorer.tokens, explorer.place) == (list(b"the list"), 8)
    assert repr(explorer) == "NextTokenExplorer(8 tokens, 2 layers x 4 heads beside a 3-gram)"
    explorer.text = "le th\u00e9"
    assert (explorer.tokens, explorer.place, explorer.text) == (
        list("le th\u00e9".encode()),
        7,
        "le th\u00e9",
    )
    explorer.text = ""
    assert (explorer.tokens, explorer.place) == ([], 0)
    explorer.text = "x" * 300
    assert len(explorer.tokens) == explorer.place == 256


def test_two_explorers_of_one_model_send_it_once():
    first, second = make(), make(text="another")
    assert first.language_model is second.language_model
    assert first.get_state("language_model") == {
        "language_model": f"IPY_MODEL_{first.language_model.model_id}"
    }


@pytest.mark.parametrize("temperature", [0, 0.5, 1])
def test_expectations_are_the_models_own(temperature):
    explorer = make(text="the tex", temperature=temperature)
    explorer.place = 4
    seen = explorer.expectations()
    model, ngram, tokens = byte_model(torch.float32).eval(), counts(), explorer.tokens
    with torch.no_grad():
        logits = model(torch.tensor([tokens]))[0].double()
    for i in range(1, len(tokens)):
        own = logits[i - 1].softmax(-1)[tokens[i]].log2()
        counted = ngram.probabilities(tokens[:i])[tokens[i]].log2()
        assert seen.bits[i - 1] == pytest.approx((-own.item(), -counted.item()), abs=1e-5)
    for proposals, from_logits in zip(seen.proposals, (logits[3], ngram.logits(tokens[:4])), strict=True):
        warm = (from_logits / (temperature or 1e-6)).softmax(-1)
        assert proposals.shares == pytest.approx(warm.topk(8).values.tolist(), abs=1e-6)
        assert proposals.ids[0] == from_logits.argmax()
        assert len(set(proposals.ids)) == 8
    explorer.place = 0
    assert explorer.expectations().proposals is None
    explorer.text = ""
    assert explorer.expectations() == ([], None)


def test_the_still_picture_shows_bits_and_shares():
    explorer = make(text="the lis")
    figure = next_token_figure(explorer, title="A finding")
    above, *below = figure.axes
    seen = explorer.expectations()
    heights = [bar.get_height() for bar in above.patches]
    assert heights == pytest.approx([pair[0] for pair in seen.bits] + [pair[1] for pair in seen.bits])
    for axes, proposals in zip(below, seen.proposals, strict=True):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(proposals.shares)
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == ByteTokenizer().tokens(proposals.ids)
    assert figure.get_suptitle() == "A finding"
    explorer.place = 0
    empty = next_token_figure(explorer)
    assert "nothing stands before it" in [text.get_text() for text in empty.axes[1].texts]
    plt.close("all")
