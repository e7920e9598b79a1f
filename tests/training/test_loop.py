"""Training: schedule and measures against hand computation, and a run that nothing can leave half done."""

import errno
import itertools
import math
import os
import re
import signal
import threading
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from llmasos_edu.training.checkpoint import CheckpointError
from llmasos_edu.training.loop import (
    History,
    TextSampler,
    TrainingError,
    TrainingInterrupted,
    bits_per_byte,
    cosine_schedule,
    make_optimizers,
    next_token_loss,
    train,
)

VOCAB = 11


class Tiny(nn.Module):
    """Embedding, dropout, a hidden matrix, a head: the smallest thing with every kind of parameter."""

    def __init__(self, d_model=8, tie=False):
        super().__init__()
        self.settings = {"d_model": d_model, "tie": tie}
        self.embedding = nn.Embedding(VOCAB, d_model)
        self.dropout = nn.Dropout(0.2)
        self.hidden = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, VOCAB, bias=False)
        self.register_buffer("seen", torch.zeros(()))
        if tie:
            self.head.weight = self.embedding.weight

    def forward(self, tokens):
        self.seen += 1
        return self.head(self.norm(torch.relu(self.hidden(self.dropout(self.embedding(tokens))))))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("LLMASOS_PROGRESS", "0")


@pytest.fixture(autouse=True)
def _interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def model():
    torch.manual_seed(3)
    return Tiny()


TEXT = torch.arange(200) % VOCAB
SAMPLE = TextSampler(TEXT, context=6, batch_size=4)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---- schedule ----


def test_schedule_by_hand():
    values = [cosine_schedule(step, 6, warmup=2, final=0.2) for step in range(7)]
    by_hand = [0.5, 1.0, 1.0, 0.2 + 0.4 * (1 + math.sqrt(0.5)), 0.6, 0.2 + 0.4 * (1 - math.sqrt(0.5)), 0.2]
    assert values == pytest.approx(by_hand, abs=1e-12)


@given(st.integers(1, 500), st.integers(0, 500), st.floats(0, 1))
def test_schedule_rises_then_falls_within_bounds(steps, warmup, final):
    warmup = min(warmup, steps)
    values = [cosine_schedule(step, steps, warmup, final) for step in range(steps + 1)]
    up, down = values[:warmup], values[warmup:]
    assert all(a < b for a, b in itertools.pairwise(up))
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(down))
    assert max(values) == pytest.approx(1.0)
    assert warmup == steps or values[-1] == pytest.approx(final)
    assert min(values) >= 0


# ---- sampler ----


def test_sampler_gives_windows_of_the_text_and_reaches_both_ends():
    sampler = TextSampler(torch.arange(10), context=6, batch_size=200)
    batch = sampler(torch.Generator().manual_seed(0))
    assert batch.shape == (200, 7)
    assert torch.equal(batch - batch[:, :1], torch.arange(7).expand(200, 7))
    assert set(batch[:, 0].tolist()) == {0, 1, 2, 3}
    again = sampler(torch.Generator().manual_seed(0))
    assert torch.equal(batch, again)
    only = TextSampler(list(range(7)), context=6, batch_size=2)(torch.Generator())
    assert torch.equal(only, torch.arange(7).expand(2, 7))


@pytest.mark.parametrize(
    ("tokens", "error", "words"),
    [
        ([], ValueError, "empty"),
        ([1, 2, 3], ValueError, "3 tokens, context=3 needs at least 4"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], TypeError, "torch.float32"),
        (torch.ones(9, dtype=torch.bool), TypeError, "torch.bool"),
        ("some text", TypeError, "encode"),
        (torch.ones(2, 9, dtype=torch.long), ValueError, r"\[2, 9\]"),
    ],
)
def test_sampler_refuses_in_words(tokens, error, words):
    with pytest.raises(error, match=words):
        TextSampler(tokens, context=3, batch_size=2)


@pytest.mark.parametrize(("context", "batch_size"), [(0, 1), (1, 0), (-1, 2), (2.0, 2), (True, 2)])
def test_sampler_refuses_sizes(context, batch_size):
    with pytest.raises(ValueError, match="whole number of at least 1"):
        TextSampler([1, 2, 3, 4], context=context, batch_size=batch_size)


def test_sampler_takes_bytes_as_numpy():
    tokens = np.frombuffer(b"hello world", dtype=np.uint8).copy()
    assert TextSampler(tokens, context=4, batch_size=3)(torch.Generator()).dtype == torch.long


# ---- loss and measure ----


class Pair(NamedTuple):
    inputs: torch.Tensor
    targets: torch.Tensor


def test_next_token_loss_by_hand(model):
    model.eval()
    batch = torch.tensor([[1, 2, 3], [4, 5, 6]])
    logp = model(batch[:, :-1]).log_softmax(-1)
    by_hand = -sum(logp[b, t, batch[b, t + 1]] for b in range(2) for t in range(2)) / 4
    torch.testing.assert_close(next_token_loss(model, batch), by_hand)
    torch.testing.assert_close(next_token_loss(model, (batch[:, :-1], batch[:, 1:])), by_hand)
    last = -(logp[0, 1, 7] + logp[1, 1, 8]) / 2
    torch.testing.assert_close(next_token_loss(model, Pair(batch[:, :-1], torch.tensor([7, 8]))), last)
    masked = torch.tensor([[2, -100], [-100, -100]])
    torch.testing.assert_close(next_token_loss(model, (batch[:, :-1], masked)), -logp[0, 0, 2])
    with pytest.raises(ValueError, match=r"logits \[2, 2, 11\], targets \[2, 3\]"):
        next_token_loss(model, (batch[:, :-1], batch))


class Recorder(nn.Module):
    """A model that knows the text's positions: it logs what it was asked and answers with fixed odds."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(50, 50, dtype=torch.float64))
        self.windows = []

    def forward(self, tokens):
        self.windows += tokens.tolist()
        return self.table[tokens]


@given(st.integers(2, 45), st.integers(1, 50), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_bits_per_byte_scores_every_token_but_the_first_once(length, context, batch_size):
    torch.manual_seed(length)
    model, tokens = Recorder(), torch.randperm(50)[:length]
    found = bits_per_byte(model, tokens, context=context, num_bytes=123, batch_size=batch_size)
    logp = model.table.log_softmax(-1)
    by_hand = -sum(logp[a, b] for a, b in itertools.pairwise(tokens)) / math.log(2) / 123
    assert found == pytest.approx(by_hand.item(), rel=1e-12)
    assert [t for window in model.windows for t in window] == tokens[:-1].tolist()
    assert {len(window) for window in model.windows[:-1]} <= {context}


@given(st.integers(2, 45), st.integers(1, 12), st.integers(1, 12), st.integers(1, 7))
@settings(max_examples=80, deadline=None)
def test_overlapping_windows_score_every_token_once_behind_at_least_the_overlap(
    length, context, stride, batch_size
):
    stride = min(stride, context)
    seen = []

    class Counting(nn.Module):
        def forward(self, windows):
            return torch.zeros(*windows.shape, 50)

    def total_nats(logits, targets):
        seen.extend(targets.flatten().tolist())
        return float(targets.numel())

    tokens = torch.randperm(50)[:length]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmasos_edu.training.next_token._total_nats", total_nats)
        found = bits_per_byte(
            Counting(), tokens, context=context, stride=stride, num_bytes=1, batch_size=batch_size
        )
    assert sorted(seen) == sorted(tokens[1:].tolist())
    assert found == pytest.approx((length - 1) / math.log(2))


def test_overlapping_windows_give_what_a_walk_through_the_text_gives():
    """A model whose guess depends on how much it has seen: p(next = 0) = sigmoid(number of tokens seen)."""

    class Watching(nn.Module):
        def forward(self, windows):
            seen = torch.arange(1.0, windows.shape[1] + 1).expand(windows.shape)
            return torch.stack((seen, torch.zeros_like(seen)), dim=-1)

    tokens = torch.zeros(12, dtype=torch.long)

    def surprise(seen):
        return math.log2(1 + math.exp(-seen))

    # windows of 4 inputs, 2 apart: targets 1 to 4 whole, then two new ones each, and the last one behind 4
    by_hand = sum(map(surprise, [1, 2, 3, 4])) + 3 * sum(map(surprise, [3, 4])) + surprise(4)
    found = bits_per_byte(Watching(), tokens, context=4, stride=2, num_bytes=1)
    assert found == pytest.approx(by_hand)
    with pytest.raises(ValueError, match="stride=5 is longer than context=4"):
        bits_per_byte(Watching(), tokens, context=4, stride=5, num_bytes=1)


def test_bits_per_byte_of_a_uniform_model_is_the_same_in_any_vocabulary():
    class Uniform(nn.Module):
        def __init__(self, vocab):
            super().__init__()
            self.vocab = vocab

        def forward(self, tokens):
            return torch.zeros(*tokens.shape, self.vocab)

    one = bits_per_byte(Uniform(256), torch.randint(256, (401,)), context=30, num_bytes=400)
    two = bits_per_byte(Uniform(65536), torch.randint(65536, (201,)), context=30, num_bytes=400)
    assert one == pytest.approx(8)
    assert two == pytest.approx(8)


def test_bits_per_byte_measures_without_dropout_and_leaves_the_modes(model):
    model.train()
    model.norm.eval()
    first, second = (bits_per_byte(model, TEXT, context=9, num_bytes=200) for _ in range(2))
    assert first == second
    assert model.training
    assert model.dropout.training
    assert not model.norm.training
    with pytest.raises(ValueError, match="at least 2"):
        bits_per_byte(model, [3], context=9, num_bytes=1)
    with pytest.raises(ValueError, match="num_bytes=0"):
        bits_per_byte(model, TEXT, context=9, num_bytes=0)


# ---- optimizers ----


def members(model, optimizers):
    names = {id(p): name for name, p in model.named_parameters()}
    rows = [(type(o).__name__, g["lr"], g["weight_decay"], names[id(p)])
            for o in optimizers for g in o.param_groups for p in g["params"]]  # fmt: skip
    return {name: (kind, lr, decay) for kind, lr, decay, name in rows}, len(rows)


@pytest.mark.parametrize("tie", [False, True])
def test_muon_moves_hidden_matrices_adamw_the_rest_each_once(tie):
    model = Tiny(tie=tie)
    model.position = nn.Parameter(torch.zeros(5, 8))
    model.experts = nn.Parameter(torch.zeros(2, 8, 8))
    found, count = members(model, make_optimizers(model, weight_decay=0.1))
    assert found["hidden.weight"] == ("Muon", 0.02, 0.1)
    for name in ("embedding.weight", "position", "experts", *(() if tie else ("head.weight",))):
        assert found[name] == ("AdamW", 0.01, 0.1)
    for name in ("hidden.bias", "norm.weight", "norm.bias"):
        assert found[name] == ("AdamW", 0.01, 0.0)
    assert count == len(found) == len(list(model.parameters()))


def test_a_head_under_another_name_is_known_by_its_tie():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.Linear(4, 5, bias=False))
    assert members(model, make_optimizers(model))[0]["2.weight"][0] == "Muon"
    model[2].weight = model[0].weight
    found, _ = members(model, make_optimizers(model))
    assert found["0.weight"][0] == "AdamW"
    assert "2.weight" not in found


def test_adamw_alone_and_frozen_parameters():
    model = Tiny()
    model.embedding.weight.requires_grad_(False)
    found, _ = members(
        model, make_optimizers(model, name="adamw", matrix_lr=0.1, other_lr=0.2, weight_decay=0.3)
    )
    assert found["hidden.weight"] == ("AdamW", 0.1, 0.3)
    assert found["head.weight"] == ("AdamW", 0.2, 0.3)
    assert found["norm.bias"] == ("AdamW", 0.2, 0.0)
    assert "embedding.weight" not in found
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ValueError, match="no trainable parameter"):
        make_optimizers(model)
    with pytest.raises(ValueError, match="sgd"):
        make_optimizers(model, name="sgd")


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (32, 8), (8, 32)])
def test_matrix_lr_is_the_distance_along_each_direction(rows, columns):
    model = nn.Sequential(nn.Linear(columns, rows, bias=False))
    (muon,) = make_optimizers(model, matrix_lr=0.02, weight_decay=0.0)
    before = model[0].weight.detach().clone()
    model[0].weight.grad = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))
    muon.step()
    distances = torch.linalg.svdvals(model[0].weight.detach() - before)
    factor = 0.02 * math.sqrt(max(1, rows / columns))
    assert 0.3 * factor < distances.min()
    assert distances.max() < 1.5 * factor


# ---- train ----


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_training_learns_and_says_how(model, name, capsys):
    history = train(
        model, SAMPLE, steps=120, optimizers=make_optimizers(model, name=name, matrix_lr=0.02, other_lr=0.02),
        evaluate=lambda m: bits_per_byte(m, TEXT, context=6, num_bytes=200), evaluate_every=50,
    )  # fmt: skip
    assert history.stopped == "finished"
    assert len(history.losses) == len(history.learning_rates) == 120
    assert [step for step, _ in history.evaluations] == [50, 100, 120]
    assert history.evaluations[-1][1] < 0.8 * history.evaluations[0][1]
    assert history.losses[-1] < 1.5 < 2 < history.losses[0]
    shares = [cosine_schedule(step, 120, 12, 0.1) for step in range(120)]
    assert history.learning_rates == pytest.approx([0.02 * share for share in shares])
    assert repr(history) == "History(steps=120, evaluations=3, stopped='finished')"
    assert history.seconds > 0
    assert capsys.readouterr() == ("", "")


def test_a_step_is_the_one_written_by_hand():
    torch.manual_seed(0)
    one, two = Tiny(), Tiny()
    two.load_state_dict(one.state_dict())
    for model in (one, two):
        model.dropout.p = 0.0
    sgd = torch.optim.SGD(one.parameters(), lr=0.5)
    train(one, SAMPLE, steps=3, optimizers=sgd, seed=5, clip=0.1, warmup=0, final_lr_fraction=0.0)
    generator = torch.Generator().manual_seed(5)
    for lr in (0.5, 0.375, 0.125):
        batch = SAMPLE(generator)
        loss = F.cross_entropy(two(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        gradients = torch.autograd.grad(loss, list(two.parameters()))
        norm = torch.sqrt(sum(g.square().sum() for g in gradients))
        assert norm > 0.1
        with torch.no_grad():
            for p, g in zip(two.parameters(), gradients, strict=True):
                p -= lr * 0.1 / norm * g
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_same_seed_same_bits_other_seed_other_bits():
    def run(seed, disturb):
        torch.manual_seed(1)
        model = Tiny()
        torch.manual_seed(disturb)
        history = train(model, SAMPLE, steps=15, seed=seed)
        return weights(model), history

    (a, ha), (b, hb), (c, hc) = run(0, 10), run(0, 20), run(1, 10)
    assert same(a, b)
    assert ha == hb
    assert not torch.equal(a["hidden.weight"], c["hidden.weight"])
    assert ha != hc


def test_the_caller_finds_everything_as_it_was(model):
    optimizers = make_optimizers(model)
    model.train()
    model.norm.eval()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(model, SAMPLE, steps=4, optimizers=optimizers)
    assert torch.equal(torch.rand(3), expected)
    assert model.training
    assert not model.norm.training
    assert [g["lr"] for o in optimizers for g in o.param_groups] == [0.02, 0.01, 0.01]
    assert all(p.grad is None for p in model.parameters())


def test_a_model_in_evaluation_mode_trains_with_dropout_and_stays_in_its_mode(model):
    modes = []
    model.dropout.register_forward_hook(lambda module, *_: modes.append(module.training))
    train(model.eval(), SAMPLE, steps=2)
    assert modes == [True, True]
    assert not model.training


def test_watching_changes_nothing(model):
    start = weights(model)
    train(model, SAMPLE, steps=12)
    alone = weights(model)
    model.load_state_dict(start)
    calls, modes = [], []

    def evaluate(m):
        modes.append((m.training, torch.is_grad_enabled()))
        return torch.rand(()).item()

    def on_step(step, m):
        calls.append(step)
        m.eval()
        torch.rand(5)

    history = train(model, SAMPLE, steps=12, evaluate=evaluate, evaluate_every=5, on_step=on_step)
    assert same(weights(model), alone)
    assert calls == list(range(1, 13))
    assert modes == [(False, False)] * 3
    assert [step for step, _ in history.evaluations] == [5, 10, 12]


def test_early_stop_by_patience(model):
    values = iter([5.0, float("nan"), 3.0, 3.0, 4.0, 1.0])
    history = train(model, SAMPLE, steps=60, evaluate=lambda m: next(values), evaluate_every=2, patience=2)
    assert history.stopped == "early stop"
    assert len(history.losses) == 10
    assert len(history.evaluations) == 5


def test_early_stop_by_a_function(model):
    history = train(model, SAMPLE, steps=60, stop_when=lambda h: len(h.losses) == 7)
    assert history.stopped == "early stop"
    assert len(history.losses) == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": 0}, "steps=0"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"steps": 5, "patience": 2}, "patience=2 needs a function"),
        ({"steps": 5, "evaluate_every": 2}, "evaluate_every=2 needs a function"),
        ({"steps": 5, "evaluate_every": 0, "evaluate": len}, "evaluate_every=0"),
        ({"steps": 5, "checkpoint_every": 2}, "checkpoint_every=2 needs a path"),
        ({"steps": 5, "optimizers": []}, "empty"),
        ({"steps": 5, "loss": lambda m, b: m(b).sum(-1)}, r"returned \[4, 7\]"),
        ({"steps": 5, "loss": lambda m, b: 3.0}, "returned float"),
        ({"steps": 5, "loss": lambda m, b: torch.tensor(3.0)}, "does not depend"),
    ],
)
def test_bad_arguments_are_named(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        train(model, SAMPLE, **arguments)


# ---- what goes wrong on the way ----


def after_whole_steps(number, **arguments):
    """The weights after so many whole steps of the run that the tests below disturb."""
    torch.manual_seed(3)
    model, states = Tiny(), {}
    train(model, SAMPLE, steps=20, on_step=lambda step, m: states.update({step: weights(m)}), **arguments)
    return states[number]


@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_never_reaches_the_weights(model, kind, value):
    count = iter(range(100))
    what = {"loss": "loss", "gradient": "norm of the gradient"}[kind]

    def loss(m, batch):
        exact = next_token_loss(m, batch)
        if next(count) != 6:
            return exact
        if kind == "loss":
            return exact * value
        exact.register_hook(lambda g: g * value)
        return exact

    with pytest.raises(TrainingError, match=rf"in step 7 the {what} is (nan|{value})") as caught:
        train(model, SAMPLE, steps=20, loss=loss)
    assert "the loss before was" in str(caught.value)
    assert len(caught.value.history.losses) == 6
    assert same(weights(model), after_whole_steps(6))
    assert all(p.grad is None for p in model.parameters())


def test_a_failing_sample_leaves_whole_steps_and_the_callers_state(model):
    count = iter(range(100))

    def sample(generator):
        if next(count) == 4:
            raise OSError("the disk is gone")
        return SAMPLE(generator)

    state = torch.get_rng_state()
    with pytest.raises(OSError, match="disk"):
        train(model, sample, steps=20)
    assert same(weights(model), after_whole_steps(4))
    assert torch.equal(state, torch.get_rng_state())


class CtrlC:
    """Send SIGINT to ourselves at the n-th passage through a place of the training."""

    def __init__(self, at):
        self.left = at

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def interrupted_at(place, model, ctrl_c, monkeypatch):
    arguments = {"sample": SAMPLE, "loss": next_token_loss}
    if place == "sample":

        def sample(generator):
            ctrl_c()
            return SAMPLE(generator)

        sample.identity = SAMPLE.identity  # the same data
        arguments["sample"] = sample
    elif place == "forward":
        model.hidden.register_forward_hook(lambda *_: ctrl_c())
    elif place == "backward":
        model.hidden.weight.register_hook(lambda g: ctrl_c())
    elif place in ("Muon", "AdamW"):
        model_optimizers = make_optimizers(model)
        (chosen,) = [o for o in model_optimizers if type(o).__name__ == place]
        chosen.register_step_pre_hook(lambda *_: ctrl_c())
        arguments["optimizers"] = model_optimizers
    elif place == "evaluate":
        arguments |= {"evaluate": lambda m: (ctrl_c(), 1.0)[1], "evaluate_every": 1}
    elif place == "on_step":
        arguments["on_step"] = ctrl_c
    elif place == "stop_when":
        arguments["stop_when"] = lambda h: bool(ctrl_c())
    elif place == "fsync":
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda f: (real(f), ctrl_c())[0])
    yield arguments


PLACES = {"sample": 5, "forward": 5, "backward": 5, "Muon": 6, "AdamW": 6, "evaluate": 6, "on_step": 6,
          "stop_when": 6, "fsync": 2}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_anywhere_leaves_whole_steps_and_resumes_bit_for_bit(
    place, tmp_path, monkeypatch, capsys
):
    whole = after_whole_steps(20)
    torch.manual_seed(3)
    model = Tiny()
    file = tmp_path / "run.safetensors"
    every = {"checkpoint_every": 2} if place == "fsync" else {}
    place_is_hit = interrupted_at(place, model, CtrlC(at=6), monkeypatch)
    with place_is_hit as arguments, pytest.raises(KeyboardInterrupt) as stopped:
        train(model, **arguments, steps=20, checkpoint=file, **every)
    # fsync: two per save, one save every second step, so the sixth is that of step 6
    history = stopped.value.history
    done = len(history.losses)
    assert (history.stopped, done) == ("interrupted", PLACES[place] if place != "fsync" else 6)
    words = f"Interrupted after {done} of 20 steps: the model keeps what they taught it."
    assert (str(stopped.value), capsys.readouterr().out) == (words, "")
    assert same(weights(model), after_whole_steps(done))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    torch.manual_seed(99)
    fresh = Tiny()
    again = train(fresh, SAMPLE, steps=20, checkpoint=file)
    assert again.stopped == "finished"
    assert len(again.losses) == 20
    assert same(weights(fresh), whole)


def test_an_interrupt_in_evaluation_loses_no_evaluation(model, tmp_path):
    file, ctrl_c = tmp_path / "run.safetensors", CtrlC(at=2)

    def evaluate(m):
        ctrl_c()
        return float(m.hidden.weight.sum())

    with pytest.raises(TrainingInterrupted) as stopped:
        train(model, SAMPLE, steps=20, evaluate=evaluate, evaluate_every=5, checkpoint=file)
    first = stopped.value.history
    assert len(first.losses) == 10
    assert len(first.evaluations) == 1
    full = train(model, SAMPLE, steps=20, evaluate=evaluate, evaluate_every=5, checkpoint=file)
    assert [step for step, _ in full.evaluations] == [5, 10, 15, 20]
    assert full == train(Tiny(), SAMPLE, steps=20, evaluate=evaluate, evaluate_every=5, checkpoint=file)


def test_a_keyboard_interrupt_that_is_raised_counts_as_one(model):
    def sample(generator):
        raise KeyboardInterrupt

    before = weights(model)
    with pytest.raises(TrainingInterrupted, match="after 0 of 3 steps") as stopped:
        train(model, sample, steps=3)
    assert stopped.value.history.stopped == "interrupted"
    assert stopped.value.history.losses == []
    assert same(before, weights(model))


IN_A_NOTEBOOK = """\
import torch
from llmasos_edu.training.loop import train
model = torch.nn.Linear(1, 1)
before = model.weight.clone()
said = lambda done, model: print("step 3") if done == 3 else None
train(model, lambda generator: torch.rand(4, 1, generator=generator), steps=10**9,
      loss=lambda model, batch: (model(batch) - 1).square().mean(), on_step=said, progress=False,
      optimizers=torch.optim.SGD(model.parameters(), 0.1))"""


def _reply(kernel, message):
    """What the kernel answers to a message; answers to older ones are passed over."""
    while True:
        reply = kernel.get_shell_msg(timeout=120)
        if reply["parent_header"].get("msg_id") == message:
            return reply["content"]


def test_interrupting_a_training_ends_run_all_and_keeps_what_was_learnt():
    """As JupyterLab does it: all cells are sent at once, then the stop button is pressed once."""
    jupyter_client = pytest.importorskip("jupyter_client")
    manager, kernel = jupyter_client.manager.start_new_kernel(startup_timeout=120)
    try:
        cells = [kernel.execute(IN_A_NOTEBOOK), kernel.execute("model = None")]
        while kernel.get_iopub_msg(timeout=120)["content"].get("text") != "step 3\n":
            pass
        manager.interrupt_kernel()
        training, later = (_reply(kernel, cell) for cell in cells)
        assert training["ename"] == "TrainingInterrupted"
        assert training["evalue"].endswith("the model keeps what they taught it.")
        assert later["status"] == "aborted"
        asked = kernel.execute("", user_expressions={"changed": "bool(model.weight != before)"})
        assert _reply(kernel, asked)["user_expressions"]["changed"]["data"]["text/plain"] == "True"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


def test_training_works_in_another_thread_and_where_interrupts_are_ignored(model):
    histories = []
    thread = threading.Thread(target=lambda: histories.append(train(model, SAMPLE, steps=3)))
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        histories.append(train(model, SAMPLE, steps=3, on_step=CtrlC(at=1)))
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert [h.stopped for h in histories] == ["finished", "finished"]


# ---- resume ----


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_a_stopped_run_goes_on_bit_for_bit(model, tmp_path, name):
    def fresh():
        torch.manual_seed(3)
        model = Tiny()
        return model, make_optimizers(model, name=name)

    reference, optimizers = fresh()
    history = train(reference, SAMPLE, steps=20, optimizers=optimizers)
    for at in (4, 7, 9, 19):
        file = tmp_path / f"{at}.safetensors"

        def fail(step, m, at=at):
            if step == at:
                raise OSError("power cut")

        model, optimizers = fresh()
        with pytest.raises(OSError, match="power"):
            train(
                model,
                SAMPLE,
                steps=20,
                optimizers=optimizers,
                checkpoint=file,
                checkpoint_every=3,
                on_step=fail,
            )
        torch.manual_seed(at)
        model = Tiny()
        optimizers = make_optimizers(model, name=name)
        again = train(model, SAMPLE, steps=20, optimizers=optimizers, checkpoint=file, checkpoint_every=3)
        assert file.exists()
        assert again == history
        assert same(weights(model), weights(reference))
        peaks = [g["lr"] for o in optimizers for g in o.param_groups]
        assert peaks == [g["lr"] for o in make_optimizers(model, name=name) for g in o.param_groups]


def test_a_finished_run_is_not_repeated_and_resume_false_is(model, tmp_path):
    file = tmp_path / "run.safetensors"
    steps = []
    first = train(model, SAMPLE, steps=5, checkpoint=file)
    again = train(Tiny(), SAMPLE, steps=5, checkpoint=file, on_step=lambda s, m: steps.append(s))
    assert again == first
    assert steps == []
    train(Tiny(), SAMPLE, steps=5, checkpoint=file, resume=False, on_step=lambda s, m: steps.append(s))
    assert steps == [1, 2, 3, 4, 5]


def test_an_early_stop_stays_one(model, tmp_path):
    arguments = {
        "steps": 9,
        "checkpoint": tmp_path / "run.safetensors",
        "stop_when": lambda h: len(h.losses) >= 4,
    }
    first = train(model, SAMPLE, **arguments)
    again = train(Tiny(), SAMPLE, **arguments)
    assert first == again
    assert again.stopped == "early stop"


@pytest.mark.parametrize("change", [{"steps": 6}, {"seed": 1}, {"clip": 2.0}, {"lr": 0.3}])
def test_resuming_another_run_is_refused(model, tmp_path, change):
    file = tmp_path / "run.safetensors"
    train(model, SAMPLE, steps=5, checkpoint=file)
    other = Tiny()
    before = weights(other)
    optimizers = make_optimizers(other, matrix_lr=change.pop("lr", None))
    with pytest.raises(CheckpointError, match=r"run.safetensors was written with other training arguments"):
        train(other, SAMPLE, **{"steps": 5, "optimizers": optimizers, "checkpoint": file} | change)
    assert same(before, weights(other))


@pytest.mark.parametrize(
    "other", [TextSampler(SAMPLE.tokens.flip(0), context=SAMPLE.context, batch_size=SAMPLE.batch_size),
              TextSampler(SAMPLE.tokens, context=SAMPLE.context - 1, batch_size=SAMPLE.batch_size),
              TextSampler(SAMPLE.tokens, context=SAMPLE.context, batch_size=SAMPLE.batch_size + 1)],
    ids=["another text", "another context", "another batch"],
)  # fmt: skip
def test_resuming_on_other_data_is_refused(model, tmp_path, other):
    file = tmp_path / "run.safetensors"
    train(model, SAMPLE, steps=5, checkpoint=file)
    same_again = TextSampler(SAMPLE.tokens.tolist(), context=SAMPLE.context, batch_size=SAMPLE.batch_size)
    assert len(train(Tiny(), same_again, steps=5, checkpoint=file).losses) == 5
    with pytest.raises(CheckpointError, match=r"was written with other training arguments: .*'data'"):
        train(Tiny(), other, steps=5, checkpoint=file)


def test_on_a_full_disk_training_goes_on_and_the_last_whole_checkpoint_stays(model, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "run.safetensors"
    arguments = {"steps": 6, "checkpoint": file, "checkpoint_every": 2}

    def fill(done, _):
        if done == 3:
            monkeypatch.setattr(os, "fsync", full)

    with pytest.warns(UserWarning, match=r"run\.safetensors could not be written after step") as met:
        history = train(model, SAMPLE, **arguments, on_step=fill)
    assert [re.search(r"step (\d)", str(one.message))[1] for one in met] == ["4", "6"]
    assert history.stopped == "finished"
    assert os.listdir(tmp_path) == ["run.safetensors"]
    monkeypatch.undo()
    again = Tiny()
    assert train(again, SAMPLE, **arguments) == history  # from step 2
    assert same(weights(again), weights(model))


def test_a_checkpoint_in_a_place_that_cannot_be_is_no_full_disk(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        train(model, SAMPLE, steps=2, checkpoint=tmp_path / "file" / "run.safetensors")


def test_the_bar_shows_and_vanishes(model, monkeypatch, capsys):
    monkeypatch.delenv("LLMASOS_PROGRESS")
    train(model, SAMPLE, steps=5)
    shown = capsys.readouterr()
    assert "training" in shown.out
    assert shown.err == ""
    assert shown.out.split("\r")[-1].strip() == ""
    assert shown.out.split("\r")[-2].strip() == ""
    train(model, SAMPLE, steps=5, progress=False)
    assert capsys.readouterr().out == ""


def test_no_warning_comes_from_a_run(model, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, SAMPLE, steps=4, checkpoint=tmp_path / "a", checkpoint_every=2)


def test_histories_compare_without_times():
    assert History([1.0], [(1, 2.0)], [0.1], seconds=3.0) == History([1.0], [(1, 2.0)], [0.1], seconds=4.0)
    assert History([1.0]) != History([2.0])
