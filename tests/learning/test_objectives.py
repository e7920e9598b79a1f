"""The race of two objectives: signs, snapshots of one training, budgets, and what knowing nothing gives."""

import math

import pytest
import torch

from llmasos_edu.learning import objectives
from llmasos_edu.learning.objectives import Language


def a_language(seed=0, vocab=5):
    generator = torch.Generator().manual_seed(seed)
    return Language(
        torch.randint(vocab, (400,), generator=generator),
        torch.randint(vocab, (40, 8), generator=generator),
        4,
        vocab,
        16,
    )


def test_a_sign_for_each_byte():
    ids = objectives.encode("Ab 42!\nü")
    assert "".join(objectives.SIGNS[i] for i in ids) == "ab 00 \n  "
    assert len(ids) == len("Ab 42!\nü".encode())


def test_a_long_training_passes_through_the_short_one():
    for kind in ("masked", "causal"):
        (short,) = objectives.trained(kind, a_language(), [4], seed=3)
        early, late = objectives.trained(kind, a_language(), [4, 7], seed=3)
        state = short.state_dict()
        assert all(torch.equal(state[name], each) for name, each in early.state_dict().items())
        assert any(not torch.equal(state[name], each) for name, each in late.state_dict().items())


def test_both_kinds_have_one_shape():
    masked, causal = (objectives.make_model(kind, a_language(), seed=0) for kind in ("masked", "causal"))
    own = [
        sum(p.numel() for name, p in m.named_parameters() if "feed_forward" in name) for m in (masked, causal)
    ]
    assert own[0] == own[1] > 0
    with pytest.raises(ValueError, match="'both'"):
        objectives.make_model("both", a_language(), seed=0)


def test_equal_questions_are_equal():
    steps = objectives.budgets(60, share=0.15)
    assert steps == {"equal steps": 60, "equal questions": 400}


def test_shares_cost_their_cross_entropy():
    language = a_language()._replace(train=torch.tensor([0, 0, 0, 1]), vocab=2)
    language = language._replace(texts=torch.tensor([[0, 0], [1, 1]]), place=1)
    expected = -(math.log2(4 / 6) + math.log2(2 / 6)) / 2  # with one more of each
    assert objectives.bits_of_shares(language) == pytest.approx(expected)


def test_what_is_asked_is_asked_at_the_place():
    language, change = a_language(), a_language(1)
    (model,) = objectives.trained("causal", language, [20], seed=0)
    asked = objectives.ask_causal(model, language)
    texts = language.texts.clone()
    texts[:, 5:] = change.texts[:, 5:]  # what stands on the right
    other = objectives.ask_causal(model, language._replace(texts=texts))
    assert other["left"] == pytest.approx(asked["left"])
    assert other["trying, few"] != pytest.approx(asked["trying, few"], abs=1e-6)
    (model,) = objectives.trained("masked", language, [20], seed=0)
    asked, other = (objectives.ask_masked(model, language._replace(texts=t)) for t in (language.texts, texts))
    assert other["end"] == pytest.approx(asked["end"])
    assert other["gap"] != pytest.approx(asked["gap"], abs=1e-6)


def test_a_race_names_every_figure():
    figures = objectives.race(a_language(), steps=3, seed=0)
    assert figures.keys() == {
        "left", "left, few", "trying, few", "shares", "masked gap, equal steps", "masked end, equal steps",
        "masked gap, equal questions", "masked end, equal questions",
    }  # fmt: skip
    assert all(0 < value < 10 for value in figures.values())


def test_the_exact_language_is_its_source():
    language, source = objectives.exact_language(), objectives.exact_source()
    pairs = torch.zeros(8, 8)
    for a, b in zip(language.train[:-1].tolist(), language.train[1:].tolist(), strict=True):
        pairs[a, b] += 1
    seen = pairs / pairs.sum(1, keepdim=True)
    assert (seen - source.transition).abs().max() < 0.03
