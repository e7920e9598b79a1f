"""Domains in turn: a course, ways to remember in their mould, trials on text that nobody is scored on."""

import copy
import itertools

import pytest
import torch
from torch.testing import assert_close

from llmasos_edu.learning import in_turn
from llmasos_edu.learning.elastic import fisher_diagonal
from llmasos_edu.learning.in_turn import Course, go_through
from llmasos_edu.learning.incremental import backward_transfer, num_bytes
from llmasos_edu.training.loop import make_optimizers, train

SHORT = Course(steps=3, first_steps=4, d_model=16)


@pytest.fixture(scope="module")
def start():
    return SHORT.first_stage(0)


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_plain_training_is_one_stage_after_the_other(start):
    before, passed = state(start), go_through(in_turn.Naive(SHORT), start)
    by_hand, rows = copy.deepcopy(start), [SHORT.scores(start)]
    for stage, domain in enumerate(SHORT.order[1:]):
        optimizers = make_optimizers(by_hand, name="adamw", matrix_lr=0.005, other_lr=0.02)
        train(by_hand, SHORT.text(domain), steps=3, optimizers=optimizers, seed=stage, progress=False)
        rows.append(SHORT.scores(by_hand))
    assert same(state(passed.model), state(by_hand))
    assert torch.equal(passed.matrix, torch.stack(rows))
    assert same(state(start), before)


@pytest.mark.parametrize("name", in_turn.WAYS)
def test_every_way_goes_through_a_course_and_repeats_itself(name, start):
    first, second = (go_through(in_turn.WAYS[name](SHORT), start).matrix for _ in range(2))
    assert first.shape == (3, 3)
    assert ((first >= 0) & (first <= 1)).all()
    assert torch.equal(first, second)


def test_what_each_way_carries_and_spends(start):
    model_bytes = num_bytes(dict(start.named_parameters()))
    corpus, stored, spent = in_turn.texts(trial=False), {}, {}
    for name, make in in_turn.WAYS.items():
        go_through(way := make(SHORT), start)
        stored[name], spent[name] = way.stored, way.spent
    assert stored["naive"] == 0
    assert 8192 - 33 < stored["replay"] <= 8192
    assert (stored["EWC"], stored["online EWC"]) == (4 * model_bytes, 2 * model_bytes)
    assert stored["LwF"] == model_bytes
    assert stored["retrained"] == len(corpus["prose"].train) + len(corpus["code"].train)
    assert spent.pop("retrained") == (4 + 3) + (4 + 3 + 3)
    assert set(spent.values()) == {6}


def test_online_springs_add_up_and_their_anchor_moves(start):
    way, moved = in_turn.OnlineElastic(SHORT), SHORT.first_stage(1)
    way.keep(start, "prose")
    first = way.penalties[0].fisher
    way.keep(moved, "code")
    (penalty,) = way.penalties
    generator = torch.Generator().manual_seed(0)
    SHORT.text("prose", 32)(generator)
    second = fisher_diagonal(moved, SHORT.text("code", 32)(generator), seed=0)
    for name, parameter in moved.named_parameters():
        assert_close(penalty.fisher[name], first[name] + second[name])
        assert torch.equal(penalty.anchor[name], parameter)


def test_told_adapters_forget_nothing_and_leave_the_model_below_alone(start):
    told = go_through(way := in_turn.Adapters(SHORT, told=True, rate=4), start)
    assert backward_transfer(told.matrix) == 0
    assert list(way.adapters) == list(SHORT.order)
    below = {name: value for name, value in state(told.model).items() if "lora_" not in name}
    assert same(below, state(start))
    assert way.stored == 2 * num_bytes(way.adapters["code"])
    way.told = False
    chosen = way.scores(told.model)
    assert not torch.equal(chosen, told.matrix[-1])


def test_replay_mixes_in_as_many_old_rows_as_it_is_told(start):
    way = in_turn.Replay(SHORT, replayed=5)
    way.keep(start, "prose")
    batch = way.batches("code")(torch.Generator().manual_seed(0))
    held = {tuple(row) for row in way.buffer.sample(4000, torch.Generator().manual_seed(1)).tolist()}
    assert batch.shape == (12, 33)
    assert all(tuple(row) in held for row in batch[-5:].tolist())


def test_what_knowing_little_gives_by_loops():
    little = SHORT.knowing_little()
    for place, domain in enumerate(SHORT.order):
        seen, held_out = (part.tolist() for part in in_turn.texts(trial=False)[domain])
        after = {}
        for a, b in itertools.pairwise(seen):
            after.setdefault(a, {}).setdefault(b, 0)
            after[a][b] += 1
        best = {a: max(sorted(counts), key=counts.get) for a, counts in after.items()}
        right = sum(best.get(a, 0) == b for a, b in itertools.pairwise(held_out[:2000]))
        assert little["table of pairs"][place].item() == pytest.approx(right / 1999)
        commonest = max(set(seen), key=seen.count)
        right = held_out[1:2000].count(commonest)
        assert little["commonest byte"][place].item() == pytest.approx(right / 1999)


def test_trials_are_scored_on_text_that_is_neither_trained_on_nor_held_out():
    whole, trial = in_turn.texts(trial=False), in_turn.texts(trial=True)
    for domain in SHORT.order:
        assert torch.equal(torch.cat(trial[domain]), whole[domain].train)
        assert len(trial[domain].held_out) > in_turn.SCORED


def test_all_have_equally_many_trials_and_the_chosen_knobs_are_among_them():
    assert in_turn.GRIDS.keys() == in_turn.TUNED.keys() == in_turn.WAYS.keys()
    assert {len(grid) for grid in in_turn.GRIDS.values()} == {6}
    assert all(in_turn.TUNED[name] in grid for name, grid in in_turn.GRIDS.items())
    assert in_turn.tuned("EWC", SHORT, 3).strength == in_turn.TUNED["EWC"]["strength"]
    with pytest.raises(ValueError, match="no way to remember called 'ewc', only naive, replay"):
        in_turn.tuned("ewc", SHORT)


def test_tuning_puts_the_best_trial_first(monkeypatch):
    monkeypatch.setattr(in_turn, "GRIDS", {"naive": [{"rate": 0.01}, {"rate": 2.0}]})
    ((best, _), (worst, _)) = in_turn.tune(SHORT._replace(first_steps=20))["naive"]
    assert best >= worst
