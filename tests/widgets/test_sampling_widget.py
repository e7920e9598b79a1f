"""The sampling explorer in Python: what it sends, takes and refuses."""

from __future__ import annotations

import pytest
import torch
import traitlets as t
from every_explorer import byte_model

from llmasos_edu.generation.rules import RULES
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import NextTokenExplorer, SamplingExplorer
from llmasos_edu.widgets.sampling.explorer import RANGES


def make(**settings):
    return SamplingExplorer(byte_model(torch.float32), ByteTokenizer(), **settings)


def test_it_knows_the_library_s_rules_in_their_order():
    assert list(RANGES) == list(RULES)
    usual = make()
    assert [name for name, _, on in usual.rules if on] == ["temperature", "top_p"]
    for name, (least, most, value, _) in RANGES.items():
        assert least <= value <= most, name


def test_rules_that_are_given_come_first_and_are_on():
    given = make(rules=[("min_p", 0.2), ("temperature", 1.5)])
    assert given.rules[:2] == [["min_p", 0.2, True], ["temperature", 1.5, True]]
    assert not any(on for _, _, on in given.rules[2:])
    assert len(given.rules) == len(RANGES)
    assert [on for _, _, on in make(rules=[]).rules] == [False] * len(RANGES)


def test_text_place_and_words():
    explorer = make(text="the theme", rules=[("top_k", 5)])
    assert (explorer.text, explorer.place) == ("the theme", 9)
    assert repr(explorer) == "SamplingExplorer(9 tokens, top_k)"
    assert repr(make(text="", rules=[])) == "SamplingExplorer(0 tokens, no rule)"
    assert len(make(text="x" * 200).tokens) == 96


def test_the_model_is_sent_once():
    model = byte_model(torch.float32)
    first, second = (SamplingExplorer(model, ByteTokenizer()) for _ in range(2))
    assert first.language_model is second.language_model
    assert isinstance(first, SamplingExplorer)
    assert not isinstance(first, NextTokenExplorer)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"text": 3}, TypeError, "text is a int"),
        ({"rules": [("top_q", 1)]}, ValueError, "there is no rule 'top_q'"),
        ({"rules": [("top_k", 5), ("top_k", 6)]}, ValueError, "the rule top_k stands twice"),
        ({"rules": [("top_k",)]}, ValueError, "pairs of a name and a value"),
        ({"rules": [5]}, ValueError, r"rules=\[5\]: pairs of a name and a value"),
        ({"rules": 5}, ValueError, "rules=5: pairs of a name and a value"),
        ({"rules": "ab"}, ValueError, "rules='ab': pairs of a name and a value"),
        ({"rules": ["ab"]}, ValueError, "pairs of a name and a value"),
        ({"rules": {"top_k": 5}}, ValueError, "pairs of a name and a value"),
        ({"rules": [([], 5)]}, ValueError, "pairs of a name and a value"),
        ({"rules": [("top_k", 2.5)]}, TypeError, "top_k=2.5 must be a whole number"),
        ({"rules": [("top_k", 0)]}, ValueError, "top_k=0 is out of range: 1 to 100"),
        ({"rules": [("temperature", 3)]}, ValueError, "temperature=3 is out of range: 0 to 2"),
        ({"rules": [("top_p", float("nan"))]}, ValueError, "top_p=nan is out of range"),
        ({"seed": 100}, t.TraitError, "seed=100 is out of range: 0 to 99"),
    ],
)
def test_what_it_cannot_show_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        make(**settings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("place", 99, "place=99"),
        ("tokens", [1] * 97, "number of tokens=97"),
        ("tokens", [999], "999"),
        ("rules", [["top_k", 5, True]], "1 of 6 rules"),
        ("rules", [[n, v, 1] for n, (_, _, v, _) in RANGES.items()], "repetition_penalty is on=1"),
    ],
)
def test_traits_are_checked(name, value, words):
    with pytest.raises(t.TraitError, match=words):
        setattr(make(), name, value)
