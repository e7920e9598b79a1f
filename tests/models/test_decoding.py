"""Greedy and beam decoding against plain loops and exhaustive search."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from llmasos_edu.models.decoding import beam_decode, greedy_decode
from llmasos_edu.models.encoder_decoder import EncoderDecoder

START, END = 0, 1
POSITIONS = ("sinusoidal", "learned", "rotary", "alibi", "none")


def translator(position="sinusoidal", target_vocab=6, seed=0, **options):
    torch.manual_seed(seed)
    model = EncoderDecoder(
        9,
        target_vocab=target_vocab,
        d_model=8,
        num_layers=2,
        num_heads=2,
        d_ff=12,
        position=position,
        **options,
    )
    for parameter in model.parameters():
        if parameter.ndim == 2:  # random biases would drown what the source says
            nn.init.normal_(parameter)
    return model.double()


def padded_source(seed=0, rows=6, length=6):
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(9, (rows, length), generator=generator)
    lengths = torch.randint(1, length + 1, (rows, 1), generator=generator)
    return source, torch.arange(length) < lengths


def slow_greedy(model, source, max_len):
    """One row, no cache, no batch: the whole target is read again at every step."""
    target = [START]
    while len(target) <= max_len and END not in target[1:]:
        target.append(int(model(source, torch.tensor([target]))[0, -1].argmax()))
    return target[1:]


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("seed", range(4))
def test_greedy_equals_the_plain_loop_row_by_row(position, seed):
    model = translator(position, seed=seed).eval()
    source, keep = padded_source(seed)
    written = greedy_decode(model, source, start=START, end=END, max_len=7, source_keep=keep)
    expected = [slow_greedy(model, row[kept][None], 7) for row, kept in zip(source, keep, strict=True)]
    longest = max(map(len, expected))
    assert written.tolist() == [row + [END] * (longest - len(row)) for row in expected]


def test_the_rows_above_end_at_different_steps():
    """Else the test above would not see what a finished row does."""
    lengths = set()
    for seed, position in itertools.product(range(4), POSITIONS):
        model = translator(position, seed=seed).eval()
        source, keep = padded_source(seed)
        lengths |= {len(slow_greedy(model, row[k][None], 7)) for row, k in zip(source, keep, strict=True)}
    assert len(lengths) >= 4


@given(seed=st.integers(0, 500), position=st.sampled_from(POSITIONS))
@settings(max_examples=25, deadline=None)
def test_one_beam_is_greedy(seed, position):
    model = translator(position, seed=seed)
    source, keep = padded_source(seed)
    common = {"start": START, "end": END, "max_len": 6, "source_keep": keep}
    tokens, _ = beam_decode(model, source, num_beams=1, **common)
    assert torch.equal(tokens, greedy_decode(model, source, **common))


def score(model, source, target, length_penalty):
    """Log-probability of one target, which ends at its first END, by the plain forward pass."""
    inputs = torch.tensor([[START, *target[:-1]]])
    log_probs = model(source, inputs)[0].log_softmax(dim=-1)
    total = sum(log_probs[i, token].item() for i, token in enumerate(target))
    return total / len(target) ** length_penalty


def exhaustive(model, source, vocab, max_len, length_penalty):
    """The best of all targets: those that end, and those that are cut off at `max_len`."""
    best = None
    for length in range(1, max_len + 1):
        for target in itertools.product(range(vocab), repeat=length):
            if END in target[:-1] or (length < max_len and target[-1] != END):
                continue
            candidate = (score(model, source, target, length_penalty), list(target))
            best = candidate if best is None else max(best, candidate)
    return best


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_enough_beams_find_the_best_of_all_sequences(seed, length_penalty):
    model = translator(target_vocab=3, seed=seed).eval()
    source, keep = padded_source(seed, rows=3)
    tokens, scores = beam_decode(
        model, source, start=START, end=END, max_len=4, num_beams=81, length_penalty=length_penalty,
        source_keep=keep,
    )  # fmt: skip
    for row in range(3):
        best, target = exhaustive(model, source[row][keep[row]][None], 3, 4, length_penalty)
        assert tokens[row, : len(target)].tolist() == target
        assert (tokens[row, len(target) :] == END).all()
        assert scores[row].item() == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("num_beams", [2, 4])
@torch.no_grad()
def test_a_beams_score_is_that_of_its_sequence_and_batches_do_not_mix(num_beams):
    model = translator().eval()
    source, keep = padded_source(5)
    common = {"start": START, "end": END, "max_len": 6, "num_beams": num_beams}
    tokens, scores = beam_decode(model, source, source_keep=keep, **common)
    for row in range(len(source)):
        alone, alone_score = beam_decode(model, source[row][keep[row]][None], **common)
        target = tokens[row].tolist()
        target = target[: target.index(END) + 1] if END in target else target
        assert alone[0, : len(target)].tolist() == target
        assert scores[row].item() == pytest.approx(
            score(model, source[row][keep[row]][None], target, 1.0), abs=1e-5
        )
        assert_close(scores[row], alone_score[0], rtol=0, atol=1e-5)


@torch.no_grad()
def test_beams_find_what_greedy_misses():
    """Over many random models, following four beginnings is never worse on average and often better."""
    better = worse = 0
    for seed in range(25):
        model = translator(seed=seed).eval()
        source, _ = padded_source(seed, rows=1)
        common = {"start": START, "end": END, "max_len": 5}
        wide = beam_decode(model, source, num_beams=4, length_penalty=0.0, **common)[1].item()
        narrow = beam_decode(model, source, num_beams=1, length_penalty=0.0, **common)[1].item()
        better, worse = better + (wide > narrow + 1e-6), worse + (wide < narrow - 1e-6)
    assert better >= 5
    assert worse <= 2


def test_a_length_penalty_favours_longer_sequences():
    lengths = {}
    for penalty in (0.0, 2.0):
        lengths[penalty] = 0
        for seed in range(8):
            model = translator(seed=seed)
            tokens, _ = beam_decode(
                model, padded_source(seed)[0], start=START, end=END, max_len=8, length_penalty=penalty
            )
            lengths[penalty] += (tokens != END).sum().item()
    assert lengths[2.0] > lengths[0.0]


def test_decoding_stops_when_every_row_is_done_and_at_max_len():
    model = translator()
    source, _ = padded_source()
    calls = []
    model.decoder.register_forward_hook(lambda *args: calls.append(1))
    nn.init.zeros_(model.head.weight)
    common = {"start": START, "max_len": 9}
    # Zero logits: greedy takes token 0, so that is either the end at once or never.
    assert greedy_decode(model, source, end=0, **common).shape == (6, 1)
    assert len(calls) == 1
    assert greedy_decode(model, source, end=5, **common).shape == (6, 9)
    assert len(calls) == 10
    tokens, _ = beam_decode(translator(), source, end=END, num_beams=3, **common)
    assert tokens.shape[1] <= 9


def test_the_encoder_runs_once_and_each_memory_is_projected_once():
    model = translator()
    calls = {"encoder": 0, "key": 0, "self": 0}

    def count(name):
        def hook(*args):
            calls[name] += 1

        return hook

    model.encoder.register_forward_hook(count("encoder"))
    model.decoder.layers[0].cross_attention.key_proj.register_forward_hook(count("key"))
    model.decoder.layers[0].attention.key_proj.register_forward_hook(count("self"))
    written = greedy_decode(model, padded_source()[0], start=START, end=END, max_len=5)
    assert calls == {"encoder": 1, "key": 1, "self": written.shape[1]}
    beam_decode(model, padded_source()[0], start=START, end=END, max_len=5)
    assert calls["encoder"] == calls["key"] == 2


@pytest.mark.parametrize("training", [True, False])
def test_decoding_is_without_dropout_and_restores_the_mode(training):
    model = translator(dropout=0.5).train(training)
    source, _ = padded_source()
    common = {"start": START, "end": END, "max_len": 6}
    assert torch.equal(greedy_decode(model, source, **common), greedy_decode(model, source, **common))
    assert torch.equal(beam_decode(model, source, **common)[1], beam_decode(model, source, **common)[1])
    assert model.training == model.encoder.training == training
    with pytest.raises(ValueError, match="outside the vocabulary"):
        greedy_decode(model, source + 9, **common)
    assert model.training == training


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": 6}, "start=6 and end=1 must be target tokens: 0 to 5"),
        ({"end": -1}, "start=0 and end=-1 must be target tokens: 0 to 5"),
        ({"max_len": 0}, "max_len=0 and num_beams=1 must be at least 1"),
        ({"num_beams": 0}, "max_len=6 and num_beams=0 must be at least 1"),
        ({"source": torch.zeros(0, 4, dtype=torch.long)}, "source: there are no tokens to read"),
        ({"source": torch.zeros(1, 4)}, "source must be integers"),
        ({"source_keep": torch.ones(1, 3, dtype=torch.bool)}, "keep must be boolean"),
    ],
)
def test_bad_input_is_refused_in_words(changes, words):
    common = {
        "source": torch.zeros(1, 4, dtype=torch.long),
        "start": START,
        "end": END,
        "max_len": 6,
        **changes,
    }
    calls = [beam_decode] if "num_beams" in common else [greedy_decode, beam_decode]
    for call in calls:
        options = {"num_beams": 1} if call is beam_decode else {}
        with pytest.raises(ValueError, match=words):
            call(translator(), **{**options, **common})
