"""Sentence pairs: the input of two segments, its two losses, and what a pretraining leaves behind."""

import math

import pytest
import torch
import torch.nn.functional as F

from llmasos_edu.corpus.tales import Pairs, Tales
from llmasos_edu.learning import sentence_pairs as own

TALES = Tales(topics=2, stages=2, length=5)


def a_batch(seed=0, count=16):
    generator = torch.Generator().manual_seed(seed)
    return own.hide_in_pairs(TALES.next_or_random(count, generator), TALES.vocab, generator, share=0.4)


def a_model(**settings):
    torch.manual_seed(0)
    return own.PairModel(TALES.vocab, d_model=16, num_layers=1, **settings)


def test_marks_stand_where_bert_has_them():
    marks = own.Marks(10, 11, 12)
    first, second = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6, 7], [8, 9, 0]])
    tokens = own.join(first, second, marks)
    assert tokens.tolist() == [[11, 1, 2, 12, 5, 6, 7, 12], [11, 3, 4, 12, 8, 9, 0, 12]]
    assert own.segments_of(tokens, 12).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 2
    alone = own.join(first, None, marks)
    assert alone.tolist() == [[11, 1, 2, 12], [11, 3, 4, 12]]
    assert own.segments_of(alone, 12).tolist() == [[0, 0, 0, 0]] * 2


def test_marks_are_never_hidden_and_targets_stand_at_their_places():
    generator = torch.Generator().manual_seed(3)
    pairs = TALES.neighbours(200, generator)
    tokens, targets, labels = own.hide_in_pairs(pairs, TALES.vocab, generator, share=0.5)
    marks, whole = own.marks_of(TALES.vocab), own.join(pairs.first, pairs.second, own.marks_of(TALES.vocab))
    for place, mark in ((0, marks.start), (6, marks.end), (12, marks.end)):
        assert (tokens[:, place] == mark).all()
        assert (targets[:, place] == -100).all()
    asked = targets != -100
    assert torch.equal(targets[asked], whole[asked])
    assert torch.equal(tokens[~asked], whole[~asked])
    assert (tokens[asked] == marks.mask).double().mean().item() == pytest.approx(0.8, abs=0.05)
    assert torch.equal(labels, pairs.labels)


def test_the_loss_is_the_sum_of_both_means():
    model, batch = a_model().double(), a_batch()
    torch.nn.init.normal_(model.body.head.weight, std=0.1)
    torch.nn.init.normal_(model.head.weight)
    states = model.body.encode(batch.tokens, segments=own.segments_of(batch.tokens, TALES.vocab + 2))
    signs = F.cross_entropy(
        model.body.predict(states).flatten(0, 1), batch.targets.flatten(), ignore_index=-100
    )
    pairs = F.cross_entropy(model(batch.tokens), batch.labels)
    torch.testing.assert_close(own.pair_loss(model, batch), signs + pairs)
    torch.testing.assert_close(own.pair_loss(model, batch, ask_pair=False), signs)
    torch.testing.assert_close(model(batch.tokens), model.head(states[:, 0]))


def test_a_new_head_knows_nothing_and_the_segments_count():
    model, batch = a_model(where="mean"), a_batch()  # a new layer mixes nothing: [CLS] sees itself alone
    assert model(batch.tokens).abs().max() == 0
    assert F.cross_entropy(model(batch.tokens), batch.labels).item() == pytest.approx(math.log(2))
    torch.nn.init.normal_(model.head.weight)
    before = model(batch.tokens)
    with torch.no_grad():
        model.body.segment_embedding.weight[1] *= -3
    assert not torch.allclose(model(batch.tokens), before)


def test_the_head_reads_where_it_is_told():
    model, batch = a_model(where="mean"), a_batch()
    torch.nn.init.normal_(model.head.weight)
    torch.testing.assert_close(model(batch.tokens), model.head(model.encode(batch.tokens).mean(1)))


def test_a_long_pretraining_passes_through_the_short_one():
    (short,) = own.pretrained("next", TALES, [3], seed=1, d_model=16)
    early, late = own.pretrained("next", TALES, [3, 5], seed=1, d_model=16)
    assert all(torch.equal(a, b) for a, b in zip(short.parameters(), early.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(early.parameters(), late.parameters(), strict=True))


def test_who_is_not_asked_about_pairs_has_a_head_that_knows_nothing():
    for objective in own.OBJECTIVES:
        (model,) = own.pretrained(objective, TALES, [3], seed=0, d_model=16)
        assert bool(model.head.weight.abs().sum() == 0) == (objective == "masked")


def test_masked_reads_the_pairs_of_next_unless_it_reads_whole_ones(monkeypatch):
    asked = []
    for name in ("next_or_random", "in_order_or_swapped", "neighbours"):
        draw = getattr(Tales, name)
        note = lambda self, *rest, name=name, draw=draw: (asked.append(name), draw(self, *rest))[1]  # noqa: E731
        monkeypatch.setattr(Tales, name, note)
    outer = []
    for settings in ({"objective": "masked"}, {"objective": "next"}, {"objective": "order"}):
        asked.clear()
        own.pretrained(**settings, tales=TALES, steps=[1], seed=0, d_model=16)
        outer.append(asked[0])
    asked.clear()
    own.pretrained("masked", TALES, [1], seed=0, d_model=16, whole=True)
    assert [*outer, *asked] == ["next_or_random", "next_or_random", "in_order_or_swapped", "neighbours"]


def test_right_on_is_a_share():
    model, pairs = a_model(), TALES.same_topic(50, torch.Generator().manual_seed(0))
    share = own.right_on(model, pairs)  # all logits 0: always the first class
    assert share == pytest.approx((pairs.labels == 0).double().mean().item())
    assert own.right_on(model, Pairs(pairs.first, pairs.second, torch.zeros_like(pairs.labels))) == 1


def test_tasks_are_drawn_by_their_seed():
    for task in own.TASKS:
        tokens, labels = own.labelled(TALES, task, 30, seed=4)
        again = own.labelled(TALES, task, 30, seed=4)
        assert torch.equal(tokens, again[0])
        assert torch.equal(labels, again[1])
        assert tokens.shape == (30, 7 if task == "topic of one" else 13)
        assert not torch.equal(tokens, own.labelled(TALES, task, 30, seed=5)[0])


def test_tuning_leaves_the_body_alone_and_learns_an_easy_task():
    model = a_model()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    share = own.right_after_tuning(model, TALES, "topic of one", 60, rate=0.01, seed=0)
    assert share > 0.8
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())


def test_what_there_is_not():
    with pytest.raises(ValueError, match="'both' is none of masked, next, order"):
        own.pretrained("both", TALES, [1], seed=0)
    with pytest.raises(ValueError, match="'rhyme' is none of"):
        own.labelled(TALES, "rhyme", 10, seed=0)
