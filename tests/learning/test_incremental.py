"""Transfer by hand as GEM defines it, a fair reservoir, and answers held against the old model."""

import math
import re
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmasos_edu.learning.distillation import distillation_loss
from llmasos_edu.learning.divergences import soft_cross_entropy
from llmasos_edu.learning.incremental import (
    ReplayBuffer,
    ReplaySampler,
    ResponseLoss,
    average_accuracy,
    backward_transfer,
    forward_transfer,
    next_token_accuracy,
    num_bytes,
)
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import TextSampler, train
from llmasos_edu.training.next_token import next_token_loss

exact = {"rtol": 1e-10, "atol": 1e-10}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small_model(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    model = LanguageModel(11, d_model=8, num_layers=1, num_heads=2, dropout=dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return model


# ---- accuracy ----


class Table(nn.Module):
    """Guesses by a fixed table: after token t comes `follows[t]`; remembers the sizes that it was asked."""

    def __init__(self, follows):
        super().__init__()
        self.follows, self.asked = torch.tensor(follows), []

    def forward(self, tokens):
        assert not self.training
        self.asked.append(list(tokens.shape))
        return F.one_hot(self.follows[tokens], len(self.follows)).double()


def test_accuracy_counts_every_token_but_the_first_once():
    model = Table([1, 2, 0])  # 0 1 2 0 1 2 ...
    text = [0, 1, 2, 0, 2, 2, 0]  # right: 1, 2, 0, then 2 after 0 is wrong, 2 after 2 is wrong, 0 is right
    for context in (1, 2, 3, 4, 6, 50):
        assert next_token_accuracy(model, text, context=context) == pytest.approx(4 / 6)
    for stride in (1, 2, 3):
        assert next_token_accuracy(model, torch.tensor(text), context=3, stride=stride) == pytest.approx(
            4 / 6
        )
    assert model.training
    assert next_token_accuracy(model, [0, 1], context=5) == 1.0
    assert next_token_accuracy(model, [0, 2], context=5) == 0.0


def test_accuracy_is_that_of_a_model_window_by_window():
    model = small_model(dropout=0.5)
    text = torch.randint(11, (50,), generator=generator())
    right = 0
    model.eval()
    for start in range(0, 49, 8):
        window = text[start : start + 9]
        right += (model(window[None, :-1])[0].argmax(-1) == window[1:]).sum().item()
    model.train()
    assert next_token_accuracy(model, text, context=8) == right / 49
    assert next_token_accuracy(model, text, context=8, batch_size=1) == right / 49
    assert model.training
    overlapping = next_token_accuracy(model, text, context=8, stride=2)
    model.eval()
    right = (model(text[None, :8])[0].argmax(-1) == text[1:9]).sum().item()
    for end in range(9, 49, 2):
        seen = text[end - 6 : end + 2][None]
        right += (model(seen)[0, -2:].argmax(-1) == text[end + 1 : end + 3])[: 49 - end].sum().item()
    assert overlapping == right / 49


def test_accuracy_takes_windows_in_batches():
    model = Table([1, 2, 0])
    next_token_accuracy(model, [0] * 141, context=2, batch_size=7)
    assert max(batch for batch, _ in model.asked) == 7
    model.asked.clear()
    next_token_accuracy(model, [0] * 201, context=2)
    assert max(batch for batch, _ in model.asked) == 32


def test_accuracy_refuses_what_it_cannot_score():
    model = Table([1, 0])
    with pytest.raises(ValueError, match="1 token, at least 2"):
        next_token_accuracy(model, [0], context=2)
    with pytest.raises(ValueError, match="stride=4 is longer than context=3"):
        next_token_accuracy(model, [0, 1, 0], context=3, stride=4)
    for wrong in ({"context": 0}, {"context": 2, "stride": 0}, {"context": 2, "batch_size": 0}):
        name = list(wrong)[-1]
        with pytest.raises(ValueError, match=f"{name}=0 is not a whole number of at least 1"):
            next_token_accuracy(model, [0, 1, 0], **wrong)


# ---- the matrix ----

MATRIX = [[0.6, 0.3, 0.1], [0.5, 0.7, 0.2], [0.2, 0.6, 0.9]]


def test_average_backward_and_forward_by_hand():
    assert average_accuracy(MATRIX) == pytest.approx((0.2 + 0.6 + 0.9) / 3)
    assert backward_transfer(MATRIX) == pytest.approx(((0.2 - 0.6) + (0.6 - 0.7)) / 2)
    assert forward_transfer(MATRIX, [0.9, 0.1, 0.05]) == pytest.approx(((0.3 - 0.1) + (0.2 - 0.05)) / 2)


def test_the_matrix_may_be_a_tensor_of_any_kind():
    matrix = torch.tensor(MATRIX)
    assert average_accuracy(matrix) == pytest.approx(1.7 / 3)
    assert isinstance(backward_transfer(matrix), float)
    assert average_accuracy([[1]]) == 1.0
    assert backward_transfer([[1, 0], [0, 1]]) == -1.0
    assert forward_transfer(torch.tensor([[1, 1], [0, 1]]), torch.tensor([1, 0])) == 1.0


def test_a_matrix_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"must be \[tasks, tasks\], got \[2, 3\]"):
        average_accuracy([[1, 2, 3], [1, 2, 3]])
    with pytest.raises(ValueError, match=r"got \[3\]"):
        average_accuracy([1, 2, 3])
    with pytest.raises(ValueError, match=r"got \[0, 0\]"):
        average_accuracy(torch.zeros(0, 0))
    for function in (backward_transfer, lambda m: forward_transfer(m, [0.0])):
        with pytest.raises(ValueError, match="transfer needs 2 tasks or more, the matrix has 1"):
            function([[1.0]])
    with pytest.raises(ValueError, match="not a finite number"):
        backward_transfer([[1.0, math.nan], [1.0, 1.0]])
    with pytest.raises(
        ValueError, match=re.escape("untrained has shape [2], one score a task is wanted: [3]")
    ):
        forward_transfer(MATRIX, [0.1, 0.2])


# ---- replay ----


def test_every_row_has_the_same_chance_to_stay():
    kept = Counter()
    for trial in range(2000):
        buffer = ReplayBuffer(max_bytes=9)  # three rows of three bytes
        rows = torch.arange(10)[:, None].expand(10, 3)
        g = generator(trial)
        buffer.add(rows[:4], g)
        buffer.add(rows[4:], g)
        assert len(buffer) == 3
        assert buffer.seen == 10
        held = {int(row[0]) for row in buffer._rows}
        assert len(held) == 3
        kept.update(held)
    assert set(kept) == set(range(10))
    for count in kept.values():  # 600 expected, a standard deviation is 20
        assert 520 < count < 680


def test_a_buffer_with_room_keeps_everything_in_order():
    buffer = ReplayBuffer(max_bytes=25, vocab_size=256)
    assert len(buffer) == 0
    assert buffer.num_bytes == 0
    rows = torch.randint(256, (6, 4), generator=generator())
    before = generator(5).get_state()
    g = generator(5)
    buffer.add(rows, g)
    assert torch.equal(g.get_state(), before)  # nothing had to be decided
    assert torch.equal(buffer._rows.long(), rows)
    assert buffer.num_bytes == 24
    buffer.add(rows, g)
    assert len(buffer) == 6
    assert buffer.num_bytes == 24


@pytest.mark.parametrize(
    ("vocab_size", "size"), [(2, 1), (256, 1), (257, 2), (32768, 2), (32769, 4), (100_000, 4)]
)
def test_bytes_of_a_token_follow_the_vocabulary(vocab_size, size):
    buffer = ReplayBuffer(max_bytes=40, vocab_size=vocab_size)
    rows = torch.full((50, 5), vocab_size - 1)
    buffer.add(rows, generator())
    assert len(buffer) == 40 // (5 * size)
    assert buffer.num_bytes == len(buffer) * 5 * size <= 40
    drawn = buffer.sample(3, generator())
    assert drawn.dtype == torch.long
    assert torch.equal(drawn, rows[:3])


def test_samples_are_rows_of_the_memory_with_replacement():
    buffer = ReplayBuffer(max_bytes=6)
    buffer.add(torch.tensor([[1, 2], [3, 4], [5, 6]]), generator())
    drawn = buffer.sample(300, generator(1))
    counts = Counter(tuple(row) for row in drawn.tolist())
    assert set(counts) == {(1, 2), (3, 4), (5, 6)}
    assert min(counts.values()) > 70
    assert torch.equal(drawn, buffer.sample(300, generator(1)))
    drawn[:] = 0
    assert buffer.sample(1, generator()).sum() > 0


def test_the_memory_is_a_copy_of_what_was_added():
    rows = torch.tensor([[1, 2], [3, 4]])
    buffer = ReplayBuffer(max_bytes=4)
    buffer.add(rows, generator())
    rows[:] = 9
    assert buffer._rows.max() == 4


def test_a_buffer_refuses_rows_that_do_not_fit():
    buffer = ReplayBuffer(max_bytes=10, vocab_size=50)
    with pytest.raises(ValueError, match="empty"):
        buffer.sample(1, generator())
    buffer.add(torch.tensor([[0, 49]]), generator())
    with pytest.raises(ValueError, match="rows of 3 tokens in a buffer of rows of 2"):
        buffer.add(torch.zeros(1, 3, dtype=torch.long), generator())
    for token in (50, -1):
        with pytest.raises(ValueError, match=f"token {token} is outside the vocabulary of 50"):
            buffer.add(torch.tensor([[0, token]]), generator())
    for rows in (torch.zeros(2), torch.zeros(1, 2), torch.zeros(0, 2, dtype=torch.long)):
        with pytest.raises(ValueError, match=re.escape(f"got {rows.dtype} {list(rows.shape)}")):
            buffer.add(rows, generator())
    with pytest.raises(ValueError, match="count=0"):
        buffer.sample(0, generator())
    with pytest.raises(ValueError, match="max_bytes=5 has no room for one row of 6 bytes"):
        ReplayBuffer(5).add(torch.zeros(1, 6, dtype=torch.long), generator())
    with pytest.raises(ValueError, match="no room for one row of 6 bytes"):
        ReplayBuffer(5, vocab_size=300).add(torch.zeros(1, 3, dtype=torch.long), generator())
    with pytest.raises(ValueError, match="max_bytes=0"):
        ReplayBuffer(0)
    with pytest.raises(ValueError, match="vocab_size=0"):
        ReplayBuffer(5, vocab_size=0)


def test_replay_puts_old_rows_behind_new_ones():
    buffer = ReplayBuffer(max_bytes=40)
    buffer.add(torch.full((5, 4), 9), generator())
    sample = ReplaySampler(TextSampler([1, 2] * 20, context=3, batch_size=2), buffer, replayed=3)
    batch = sample(generator(3))
    assert batch.shape == (5, 4)
    assert (batch[:2] < 3).all()
    assert (batch[2:] == 9).all()
    assert torch.equal(batch, sample(generator(3)))
    with pytest.raises(ValueError, match="replayed=0"):
        ReplaySampler(sample, buffer, 0)


def test_replay_remembers_where_naive_training_forgets():
    first, second = [1, 2] * 100, [1, 3] * 100
    model = small_model()
    train(model, TextSampler(first, context=4, batch_size=8), steps=60, progress=False)
    learned = next_token_accuracy(model, first, context=4)
    new = TextSampler(second, context=4, batch_size=8)
    buffer = ReplayBuffer(max_bytes=60, vocab_size=11)
    buffer.add(TextSampler(first, context=4, batch_size=50)(generator()), generator())
    losses = []
    for sample in (new, ReplaySampler(new, buffer, 8)):
        own = small_model()
        own.load_state_dict(model.state_dict())
        train(own, sample, steps=60, progress=False)
        losses.append(next_token_loss(own, TextSampler(first, context=4, batch_size=50)(generator())).item())
    assert learned > 0.9
    assert losses[1] < 1 < losses[0]


# ---- LwF ----


def test_the_loss_is_new_text_plus_old_answers():
    model = small_model(dropout=0.3)
    loss = ResponseLoss(model, strength=0.7, temperature=4.0)
    old = small_model().eval()
    moved = small_model(seed=1)
    batch = torch.randint(11, (3, 7), generator=generator())
    by_hand = next_token_loss(moved, batch) + 0.7 * 16 * soft_cross_entropy(
        moved(batch[:, :-1]), old(batch[:, :-1]), temperature=4.0
    )
    assert_close(loss(moved, batch), by_hand)
    pair = (batch[:, :-1], batch[:, -1])
    by_hand = next_token_loss(moved, pair) + 0.7 * 16 * soft_cross_entropy(
        moved(pair[0]), old(pair[0]), temperature=4.0
    )
    assert_close(loss(moved, pair), by_hand)
    defaults = ResponseLoss(model)
    assert (defaults.strength, defaults.temperature) == (1.0, 2.0)
    assert_close(ResponseLoss(model, 0)(moved, batch), next_token_loss(moved, batch))
    with pytest.raises(ValueError, match=r"strength=-0.5 must be at least 0"):
        ResponseLoss(model, -0.5)


@pytest.mark.parametrize(("strength", "temperature"), [(1.0, 2.0), (16.0, 2.0), (0.3, 1.0)])
def test_remembering_is_distillation_from_the_model_as_it_was(strength, temperature):
    old, model = small_model().eval(), small_model(seed=1)
    batch = torch.randint(11, (3, 7), generator=generator())
    ours = ResponseLoss(old, strength, temperature)(model, batch)
    logits, old_logits = model(batch[:, :-1]), old(batch[:, :-1])
    alpha = strength / (strength + 1)
    theirs = distillation_loss(logits, old_logits, batch[:, 1:], temperature=temperature, alpha=alpha)
    parameters = list(model.parameters())
    slopes = torch.autograd.grad(theirs * (1 + strength), parameters)
    for mine, other in zip(torch.autograd.grad(ours, parameters), slopes, strict=True):
        assert_close(mine, other, atol=1e-6, rtol=1e-4)


def test_the_old_model_is_a_frozen_copy():
    model = small_model(dropout=0.3)
    loss = ResponseLoss(model)
    assert not loss.old_model.training
    assert all(not p.requires_grad for p in loss.old_model.parameters())
    before = [p.clone() for p in loss.old_model.parameters()]
    train(model, TextSampler([1, 2, 3] * 20, context=4, batch_size=4), steps=3, loss=loss, progress=False)
    assert all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, loss.old_model.parameters(), strict=True))
    assert not torch.equal(before[0], next(model.parameters()))
    assert loss.num_bytes == 4 * sum(p.numel() for p in model.parameters())


def test_num_bytes_counts_elements_by_their_size():
    assert num_bytes({}) == 0
    assert num_bytes({"a": torch.zeros(3, 2), "b": torch.zeros(5, dtype=torch.uint8)}) == 29


def test_where_nothing_is_asked_nothing_is_remembered():
    old, model = small_model().eval(), small_model(seed=1)
    inputs = torch.randint(11, (3, 4), generator=generator())
    targets = torch.randint(11, (3, 4), generator=generator())
    padded = torch.cat((inputs, torch.zeros(3, 3, dtype=torch.long)), dim=1)
    unscored = torch.cat((targets, torch.full((3, 3), -100)), dim=1)
    loss = ResponseLoss(old, 0.7)
    assert_close(loss(model, (padded, unscored)), loss(model, (inputs, targets)))
