"""Milestones at one budget: equal questions, equal work; BERT sees nothing behind the place asked for."""

import math

import pytest
import torch

from llmasos_edu.corpus import Document, split_documents
from llmasos_edu.learning import one_budget
from llmasos_edu.learning.one_budget import SCORED, VOCAB, WINDOW
from llmasos_edu.models.budget import Budget


@pytest.fixture(scope="module")
def text():
    words = [
        "the",
        "a",
        "model",
        "text",
        "counts",
        "token",
        "next",
        "window",
        "state",
        "layer",
        "of",
        "in",
        "is",
        "and",
    ]
    generator = torch.Generator().manual_seed(0)
    draws = torch.randint(len(words), (40, 160), generator=generator).tolist()
    documents = [Document(f"d{n}", " ".join(words[w] for w in row)) for n, row in enumerate(draws)]
    return one_budget.prepared(split_documents(documents))


class Even(torch.nn.Module):
    """Every token is as likely as any other."""

    def forward(self, tokens):
        return torch.zeros(*tokens.shape, VOCAB)


def test_each_held_out_token_is_scored_once(text):
    scored = text.windows[:, -SCORED:].flatten()
    whole = torch.cat([text.windows[0], *text.windows[1:, -SCORED:]])
    assert torch.equal(scored, whole[WINDOW + 1 - SCORED :])
    assert text.windows.shape[1] == WINDOW + 1


def test_who_knows_nothing_needs_nine_bits_a_token(text):
    assert one_budget.bits(Even(), text) == pytest.approx(9 / text.bytes_a_token)


def test_counts_know_more_than_nothing_and_are_asked_the_same(text):
    assert 0 < one_budget.bits_of_counts(text, 2) < 9 / text.bytes_a_token


@pytest.mark.parametrize("name", one_budget.milestones())
def test_a_budget_pays_for_as_many_steps_as_its_work(text, name):
    make = one_budget.milestones(16)[name]
    a_step = one_budget.work_of_a_step(make, text.train)
    assert one_budget.steps_for(make, text.train, 7.4 * a_step / 1e9) == 7
    assert one_budget.steps_for(make, text.train, 0) == 1


def test_the_work_of_a_step_holds_what_the_formulas_say(text):
    make = one_budget.milestones(32)["gpt"]
    by_hand = Budget(make(), batch=8, seq=WINDOW)
    forward_and_back = sum(part.training for part in by_hand.parts)
    counted = one_budget.work_of_a_step(make, text.train)
    assert forward_and_back < counted < 1.6 * forward_and_back  # the rest is Muon's


@pytest.mark.parametrize("name", one_budget.milestones())
def test_each_learns_and_the_seed_decides(text, name):
    make = one_budget.milestones(16)[name]
    figures = [
        one_budget.bits(one_budget.trained(make, text.train, steps=12, rate=2, seed=seed)[0], text)
        for seed in (0, 0, 1)
    ]
    assert figures[0] == figures[1] != figures[2]
    assert figures[0] < 9.2 / text.bytes_a_token


def test_bert_sees_nothing_behind_the_place_that_it_is_asked_for(text):
    make = one_budget.milestones(16)["bert"]
    model, _ = one_budget.trained(make, text.train, steps=3, rate=2, seed=0)
    last = text.windows[:, -1:]
    changed = text._replace(windows=torch.cat([text.windows[:, :-1], (last + 1) % VOCAB], 1))
    assert one_budget.bits(model, changed) == one_budget.bits(model, text)  # place 64 is not asked for
    assert one_budget.bits_from_both_sides(model, changed) != one_budget.bits_from_both_sides(model, text)


def test_tuning_tries_eight_only_where_four_was_best(text, monkeypatch):
    tried = []

    def trained(make, tokens, *, steps, rate, seed):
        tried.append(rate)
        return rate, 0.0

    monkeypatch.setattr(one_budget, "trained", trained)
    monkeypatch.setattr(one_budget, "steps_for", lambda *arguments: 1)
    monkeypatch.setattr(one_budget, "milestones", lambda: {"gpt": None, "moe": None})
    monkeypatch.setattr(one_budget, "bits", lambda rate, text: abs(rate - (2 if len(tried) < 4 else 4)))
    found = one_budget.tune(text)
    assert list(found["gpt"]) == [1, 2, 4]
    assert list(found["moe"]) == [1, 2, 4, 8]
    assert all(math.isfinite(value) for value in found["counts"].values())
