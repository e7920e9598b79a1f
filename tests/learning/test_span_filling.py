"""T5's objective: batches without padding, the loss over the targets, and answers put back."""

import math

import pytest
import torch
import torch.nn.functional as F

from llmasos_edu.learning import span_filling as own
from llmasos_edu.models.encoder_decoder import shift_right

VOCAB, CONTEXT = 6, 12
TEXT = torch.randint(VOCAB, (300,), generator=torch.Generator().manual_seed(0))


def a_sampler(**settings):
    return own.SpanSampler(TEXT, vocab=VOCAB, context=CONTEXT, batch_size=5, **settings)


def a_model(gaps=2):
    """A model all of whose matrices are random: new layers of this book add nothing yet."""
    model = own.make_model(VOCAB, gaps, seed=0, d_model=16)
    for each in model.parameters():
        if each.ndim == 2:
            torch.nn.init.normal_(each, std=0.3)
    return model


def test_each_token_of_a_window_stands_on_one_side():
    windows = TEXT[:60].view(5, CONTEXT)
    batch = a_sampler().cut(windows, torch.Generator().manual_seed(1))
    assert batch.inputs.shape == (5, CONTEXT - 3 + 1)  # a quarter is hidden, in one gap
    assert batch.targets.shape == (5, 3 + 1 + 1)
    for window, inputs, targets in zip(windows, *batch, strict=True):
        assert torch.equal(own.put_back(inputs, targets, VOCAB), window)


def test_batches_follow_the_generator_and_the_share():
    sampler = a_sampler(share=0.5)
    one, two, other = (sampler(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.inputs, two.inputs)
    assert not torch.equal(one.targets, other.targets)
    assert (one.targets < VOCAB).sum(1).tolist() == [6] * 5
    assert (one.inputs >= VOCAB).sum(1).tolist() == [2] * 5
    assert sampler.identity() == a_sampler(share=0.5).identity() != a_sampler().identity()
    with pytest.raises(ValueError, match="12 tokens, context=13"):
        own.SpanSampler(TEXT[:12], vocab=VOCAB, context=13)


def test_the_loss_asks_for_each_target_given_those_before():
    model, batch = a_model().double(), a_sampler()(torch.Generator().manual_seed(0))
    assert own.start_of(model) == VOCAB + 3
    by_hand = []
    for row in range(5):
        for place, token in enumerate(batch.targets[row]):
            before = torch.tensor([[VOCAB + 3, *batch.targets[row, :place].tolist()]])
            logits = model(batch.inputs[row : row + 1], before)[0, -1]
            by_hand.append(F.cross_entropy(logits, token))
    torch.testing.assert_close(own.span_loss(model, batch), torch.stack(by_hand).mean())


def test_bits_leave_the_sentinels_out():
    model, batch = a_model(), a_sampler()(torch.Generator().manual_seed(0))
    logits = model(batch.inputs, shift_right(batch.targets, VOCAB + 3))
    every = F.cross_entropy(logits.transpose(1, 2), batch.targets, reduction="none")
    want = every[batch.targets < VOCAB].mean().item() / math.log(2)
    assert own.bits_of_hidden(model, batch, VOCAB) == pytest.approx(want, rel=1e-5)
    turned = own.Gaps(batch.inputs.roll(1, 0), batch.targets)
    other = own.bits_of_hidden(model, batch, VOCAB, other_text=True)
    assert other == pytest.approx(own.bits_of_hidden(model, turned, VOCAB), rel=1e-6)
    assert other != pytest.approx(want, rel=1e-4)


def test_shares_cost_their_cross_entropy():
    batch = own.Gaps(torch.tensor([[2]]), torch.tensor([[2, 0, 1, 3]]))
    found = own.bits_of_shares(torch.tensor([0, 0, 0, 1]), batch, 2)
    assert found == pytest.approx(-(math.log2(4 / 6) + math.log2(2 / 6)) / 2)


def test_training_lowers_the_loss_and_fills_a_text_that_repeats():
    text = torch.arange(600) % 3
    sampler = own.SpanSampler(text, vocab=3, context=CONTEXT)
    model = own.make_model(3, 1, seed=0, d_model=32)
    batch = sampler(torch.Generator().manual_seed(9))
    before = own.span_loss(model, batch).item()
    own.trained(sampler, model, steps=80, seed=0)
    assert own.span_loss(model, batch).item() < before / 4
    written = own.fill(model, batch.inputs[0], 3)
    assert torch.equal(written, batch.targets[0])


def test_a_decoder_stops_at_the_last_sentinel_or_at_the_limit():
    model = a_model()
    torch.nn.init.zeros_(model.head.weight)
    assert own.fill(model, torch.tensor([0, VOCAB, 1]), VOCAB, most=7).tolist() == [0] * 7
    biased = torch.nn.Linear(16, VOCAB + 4)
    torch.nn.init.zeros_(biased.weight)
    torch.nn.init.zeros_(biased.bias)
    with torch.no_grad():
        biased.bias[VOCAB + 1], biased.bias[VOCAB + 3] = 1, 2  # the end, and a start, which is never written
    model.head = biased
    assert own.fill(model, torch.tensor([0, VOCAB, 1]), VOCAB).tolist() == [VOCAB + 1]


def test_answers_are_put_back_by_name():
    inputs = torch.tensor([1, 10, 2, 11, 3, 12])
    assert own.put_back(inputs, torch.tensor([11, 7, 7, 10, 8, 13]), 10).tolist() == [1, 8, 2, 7, 7, 3, 12]
    assert own.put_back(inputs, torch.tensor([5, 10, 11, 4]), 10).tolist() == [1, 2, 4, 3, 12]
