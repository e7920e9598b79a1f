"""The objectives against their definitions: who is hidden, what is scored, how a gap is filled."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from llmasos_edu.learning.pretraining import (
    IGNORED,
    MaskedSampler,
    causal_gap,
    corrupt_spans,
    fit_power_law,
    mask_tokens,
    masked_gap,
    masked_token_loss,
    word_numbers,
)
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import BytePairTokenizer
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import bits_per_byte, next_token_loss

VOCAB, MASK = 50, 50
exact = {"rtol": 1e-10, "atol": 1e-10}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def texts(*shape, seed=0):
    return torch.randint(VOCAB, shape, generator=seeded(seed))


def filled(model, seed=1):
    """A model whose every parameter is random: those that start at zero would hide mistakes."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.4)
    return model.eval()


@pytest.fixture
def masked():
    return filled(MaskedLanguageModel(VOCAB + 1, d_model=8, num_layers=2, num_heads=2, max_len=32).double())


@pytest.fixture
def causal():
    return filled(LanguageModel(VOCAB, d_model=8, num_layers=2, num_heads=2).double())


# ---- masking ----


def within(count, total, share):
    """Whether a count is within four standard deviations of what a coin of this share would give."""
    return abs(count - share * total) < 4 * math.sqrt(total * share * (1 - share))


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_each_token_is_chosen_on_its_own_with_the_share(share):
    tokens = texts(200, 500)
    _, targets = mask_tokens(tokens, VOCAB, MASK, share=share, generator=seeded())
    chosen = targets != IGNORED
    assert within(chosen.sum().item(), tokens.numel(), share)
    # On its own: as many neighbours are both chosen as chance has it, and no two rows are alike.
    both = (chosen[:, 1:] & chosen[:, :-1]).sum().item()
    assert within(both, chosen[:, 1:].numel(), share**2)
    assert len(chosen.unique(dim=0)) == 200
    assert chosen.sum(1).double().std() == pytest.approx(math.sqrt(500 * share * (1 - share)), rel=0.2)


def test_of_the_chosen_80_percent_are_masked_10_random_10_as_they_were():
    tokens = texts(300, 400)
    inputs, targets = mask_tokens(tokens, VOCAB, MASK, generator=seeded(1))
    chosen = targets != IGNORED
    total = chosen.sum().item()
    assert torch.equal(targets[chosen], tokens[chosen])
    assert torch.equal(inputs[~chosen], tokens[~chosen]), "a token that is not scored was changed"
    seen, true = inputs[chosen], tokens[chosen]
    assert within((seen == MASK).sum().item(), total, 0.8)
    kept = (seen == true).sum().item()  # a random token is the true one in 1 of 50 cases
    assert within(kept, total, 0.1 + 0.1 / VOCAB)
    others = seen[(seen != true) & (seen != MASK)]
    assert within(len(others), total, 0.1 * (1 - 1 / VOCAB))
    counts = others.bincount(minlength=VOCAB).double()
    assert counts.shape == (VOCAB,), "a random token lies outside the vocabulary"
    assert counts.min() > counts.mean() * 0.5, "some token is never drawn"


@pytest.mark.parametrize(
    ("fates", "seen"),
    [((1, 0, 0), {"mask"}), ((0, 0, 1), {"same"}), ((0.5, 0, 0.5), {"mask", "same"})],
)
def test_fates_that_are_certain(fates, seen):
    tokens = texts(40, 40)
    inputs, targets = mask_tokens(tokens, VOCAB, MASK, share=0.5, fates=fates, generator=seeded())
    chosen = targets != IGNORED
    kinds = {"mask" if i == MASK else "same" if i == t else "other"
             for i, t in zip(inputs[chosen].tolist(), tokens[chosen].tolist(), strict=True)}  # fmt: skip
    assert kinds == seen


def test_random_fate_alone_draws_from_the_whole_vocabulary():
    inputs, targets = mask_tokens(texts(50, 60), VOCAB, MASK, share=1, fates=(0, 1, 0), generator=seeded())
    assert (targets != IGNORED).all()
    assert set(inputs.flatten().tolist()) == set(range(VOCAB))


def test_masking_is_the_generator_s_and_leaves_its_input():
    tokens = texts(4, 30)
    before = tokens.clone()
    first, again, other = (mask_tokens(tokens, VOCAB, MASK, generator=seeded(s)) for s in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(tokens, before)
    torch.manual_seed(7)
    one = mask_tokens(tokens, VOCAB, MASK)
    torch.manual_seed(7)
    assert torch.equal(one[0], mask_tokens(tokens, VOCAB, MASK)[0])


def test_whole_words_are_chosen_together_each_with_the_share():
    words = torch.arange(900).repeat_interleave(torch.arange(900) % 4 + 1)  # words of 1 to 4 tokens
    words = words[:2000].view(4, 500)
    tokens = texts(4, 500)
    seen = torch.zeros(4, 500)
    for seed in range(60):
        _, targets = mask_tokens(tokens, VOCAB, MASK, words=words, generator=seeded(seed))
        chosen = targets != IGNORED
        for row in range(4):
            for word in words[row].unique():
                assert len(chosen[row][words[row] == word].unique()) == 1, "half a word is hidden"
        seen += chosen
    assert seen.mean().item() / 60 == pytest.approx(0.15, abs=0.015)
    inputs, targets = mask_tokens(tokens, VOCAB, MASK, words=words, generator=seeded())
    chosen = targets != IGNORED
    assert torch.equal(inputs[~chosen], tokens[~chosen])
    fates = {word.item(): (inputs == MASK)[words == word].tolist() for word in words[chosen].unique()}
    assert any(len(set(fate)) == 2 for fate in fates.values()), "within a word each token has its own fate"


def test_neighbouring_words_with_the_same_draw_stay_two_words():
    words = torch.tensor([[0, 0, 1, 2, 2, 2, 0, 0]])  # a window may show one number twice: two words
    together = set()
    for seed in range(80):
        _, targets = mask_tokens(texts(1, 8), VOCAB, MASK, share=0.5, words=words, generator=seeded(seed))
        chosen = (targets[0] != IGNORED).tolist()
        assert chosen[0] == chosen[1]
        assert chosen[3] == chosen[4] == chosen[5]
        assert chosen[6] == chosen[7]
        together.add((chosen[0], chosen[6]))
    assert len(together) == 4, "the two words with number 0 are not drawn apart"


def test_word_numbers_are_gpt2_s_words():
    text = "def  tokenise(the_words):\n    return the_words  # twice"
    tokenizer = BytePairTokenizer.train(text * 3, 280)
    ids, words = tokenizer.encode(text), word_numbers(tokenizer, text)
    assert len(words) == len(ids) > words.max().item() + 1
    pieces = [tokenizer.decode([i for i, w in zip(ids, words.tolist(), strict=True) if w == n])
              for n in range(int(words.max()) + 1)]  # fmt: skip
    assert "".join(pieces) == text
    assert pieces[:4] == ["def", " ", " tokenise", "("]
    assert pieces[-1] == " twice"
    with pytest.raises(ValueError, match="the text is empty"):
        word_numbers(tokenizer, "")


BAD_MASKING = [
    ({"tokens": torch.zeros(3, dtype=torch.long)}, r"\[batch, seq\], got torch.int64 \[3\]"),
    ({"tokens": torch.zeros(2, 3)}, r"tokens must be integers .* got torch.float32"),
    ({"tokens": torch.zeros(2, 3, dtype=torch.bool)}, "got torch.bool"),
    ({"vocab_size": 0}, "vocab_size=0 is not a whole number"),
    ({"mask_id": -1}, "mask_id=-1 is not a token"),
    ({"mask_id": True}, "mask_id=True is not a token"),
    ({"mask_id": 2.0}, "mask_id=2.0 is not a token"),
    ({"share": 0}, "share=0 must be above 0"),
    ({"share": 1.1}, "share=1.1 must be above 0 and at most 1"),
    ({"share": float("nan")}, "share=nan"),
    ({"fates": (0.8, 0.1)}, r"fates=\(0.8, 0.1\) must be three"),
    ({"fates": (0.8, 0.1, 0.2)}, "three probabilities with sum 1"),
    ({"fates": (1.2, -0.1, -0.1)}, "three probabilities"),
    ({"words": torch.zeros(2, 2)}, r"words \[2, 2\] must have the shape of tokens, \[2, 3\]"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_MASKING, ids=[m for _, m in BAD_MASKING])
def test_bad_masking_meets_words_with_values(changes, message):
    given = {"tokens": texts(2, 3), "vocab_size": VOCAB, "mask_id": MASK} | changes
    with pytest.raises(ValueError, match=message):
        mask_tokens(given.pop("tokens"), given.pop("vocab_size"), given.pop("mask_id"), **given)


# ---- batches ----


def test_the_sampler_hides_tokens_of_true_windows():
    text = torch.arange(40)
    sampler = MaskedSampler(text, context=8, batch_size=300, vocab_size=VOCAB, mask_id=MASK, fates=(1, 0, 0))
    inputs, targets = sampler(seeded())
    assert inputs.shape == targets.shape == (300, 8)
    whole = torch.where(targets == IGNORED, inputs, targets)
    assert torch.equal(whole.diff(dim=1), torch.ones(300, 7, dtype=torch.long))
    assert set(whole[:, 0].tolist()) == set(range(33)), "some window is never drawn, or one reaches beyond"
    assert torch.equal((inputs == MASK), targets != IGNORED)
    again = sampler(seeded())
    assert torch.equal(inputs, again[0])
    assert torch.equal(targets, again[1])


def test_the_sampler_never_returns_a_batch_with_nothing_hidden():
    sampler = MaskedSampler(
        torch.arange(6), context=3, batch_size=1, vocab_size=VOCAB, mask_id=MASK, share=0.05
    )
    generator = seeded()
    assert all((sampler(generator)[1] != IGNORED).any() for _ in range(100))


def test_the_sampler_takes_words_along():
    words = torch.arange(30).repeat_interleave(3)
    sampler = MaskedSampler(
        torch.arange(90) % VOCAB,
        context=9,
        batch_size=60,
        vocab_size=VOCAB,
        mask_id=MASK,
        words=words,
        fates=(1, 0, 0),
    )
    _, targets = sampler(seeded())
    edges = (targets != IGNORED).int().diff(dim=1).ne(0)  # where a hidden run begins or ends
    for row in range(60):
        places = edges[row].nonzero()[:, 0]
        assert len({int(place) % 3 for place in places}) <= 1, "a hidden run ends within a word"


def test_a_text_as_long_as_the_window_is_enough_and_a_shorter_one_is_not():
    one = MaskedSampler(
        [1, 2, 3], context=3, batch_size=2, vocab_size=VOCAB, mask_id=MASK, share=1, fates=(0, 0, 1)
    )
    assert one(seeded())[0].tolist() == [[1, 2, 3]] * 2
    with pytest.raises(ValueError, match="too short: 3 tokens, context=4"):
        MaskedSampler([1, 2, 3], context=4, batch_size=2, vocab_size=VOCAB, mask_id=MASK)
    with pytest.raises(ValueError, match=r"words \[2\] belong to another text: tokens \[3\]"):
        MaskedSampler([1, 2, 3], context=2, batch_size=2, vocab_size=VOCAB, mask_id=MASK, words=[0, 1])
    with pytest.raises(ValueError, match="batch_size=0"):
        MaskedSampler([1, 2, 3], context=2, batch_size=0, vocab_size=VOCAB, mask_id=MASK)
    with pytest.raises(ValueError, match="context=0"):
        MaskedSampler([1, 2, 3], context=0, batch_size=1, vocab_size=VOCAB, mask_id=MASK)
    with pytest.raises(ValueError, match="share=2"):
        MaskedSampler([1, 2, 3], context=2, batch_size=1, vocab_size=VOCAB, mask_id=MASK, share=2)


# ---- spans ----


@settings(max_examples=60, deadline=None)
@given(length=st.integers(8, 80), share=st.floats(0.05, 0.6), mean=st.floats(1, 5), seed=st.integers(0, 99))
def test_spans_put_every_token_in_one_of_the_two(length, share, mean, seed):
    tokens, sentinels = torch.arange(length), list(range(200, 300))
    inputs, targets = corrupt_spans(tokens, sentinels, share=share, mean_length=mean, generator=seeded(seed))
    hidden = max(round(length * share), 1)
    gaps = [i for i in inputs.tolist() if i >= 200]
    assert gaps == sentinels[: len(gaps)], "the gaps are not numbered in order"
    assert len(gaps) == min(max(round(hidden / mean), 1), length - hidden)
    assert (targets < 200).sum() == hidden
    answers, current = {}, None
    for token in targets.tolist():
        if token >= 200:
            answers[current := token] = []
        else:
            answers[current].append(token)
    assert list(answers) == sentinels[: len(gaps) + 1]
    assert answers[targets[-1].item()] == []
    assert all(answers[gap] for gap in gaps), "an empty gap"
    whole = [t for i in inputs.tolist() for t in (answers[i] if i >= 200 else [i])]
    assert whole == tokens.tolist()
    assert inputs[0] < 200, "the text begins with a gap"


def test_spans_differ_and_are_the_generator_s():
    tokens = torch.arange(60)
    made = [corrupt_spans(tokens, range(100, 140), generator=seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(made[0].inputs, made[1].inputs)
    assert not torch.equal(made[0].inputs, made[2].inputs)
    assert made[0].inputs.dtype == made[0].targets.dtype == torch.long
    starts = {tuple((corrupt_spans(tokens, range(100, 140), generator=seeded(seed)).inputs >= 100)
                    .nonzero()[:, 0].tolist()) for seed in range(30)}  # fmt: skip
    assert len(starts) > 25


def test_spans_that_cannot_be_meet_words():
    for changes, message in (
        ({"share": 0}, "share=0 must lie between 0 and 1"),
        ({"share": 1}, "share=1 must lie"),
        ({"mean_length": 0.5}, "mean_length=0.5 be at least 1"),
        ({"sentinels": [60]}, "20 tokens with 1 gaps need at least 2 tokens and 2 sentinels, got 1"),
    ):
        given = {"tokens": texts(20), "sentinels": [60, 61, 62]} | changes
        with pytest.raises(ValueError, match=message):
            corrupt_spans(given.pop("tokens"), given.pop("sentinels"), **given)
    with pytest.raises(ValueError, match="1 tokens"):
        corrupt_spans([3], [60, 61])
    shortest = corrupt_spans([3, 4], [60, 61], generator=seeded())
    assert (shortest.inputs.tolist(), shortest.targets.tolist()) == ([3, 60], [60, 4, 61])


# ---- losses ----


def test_the_masked_loss_is_torch_s_over_the_hidden_positions_alone(masked):
    inputs, targets = mask_tokens(texts(5, 12), VOCAB, MASK, share=0.3, generator=seeded())
    loss = masked_token_loss(masked, (inputs, targets))
    logits = masked(inputs)
    composed = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED)
    assert_close(loss, composed, **exact)
    ours = torch.autograd.grad(loss, list(masked.parameters()))
    theirs = torch.autograd.grad(composed, list(masked.parameters()))
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, **exact)
    hidden = (targets != IGNORED).nonzero().tolist()
    by_hand = [-logits[i, t].log_softmax(0)[targets[i, t]] for i, t in hidden]
    assert_close(loss, torch.stack(by_hand).mean(), **exact)


def test_no_gradient_comes_from_a_position_that_is_not_hidden(masked):
    inputs, targets = mask_tokens(texts(3, 10), VOCAB, MASK, share=0.3, generator=seeded(2))
    seen = masked.encode(inputs).detach().requires_grad_()

    class Frozen:
        encode, predict = staticmethod(lambda tokens: seen), masked.predict

    (gradient,) = torch.autograd.grad(masked_token_loss(Frozen, (inputs, targets)), seen)
    moved = gradient.abs().sum(-1) > 0
    assert torch.equal(moved, targets != IGNORED)


def test_a_masked_loss_of_nothing_or_of_other_shapes_is_refused(masked):
    with pytest.raises(ValueError, match="none of the 6 positions is hidden: all targets are -100"):
        masked_token_loss(masked, (texts(2, 3), torch.full((2, 3), IGNORED)))
    with pytest.raises(ValueError, match=r"inputs \[2, 3\] and targets \[2, 4\] must be alike"):
        masked_token_loss(masked, (texts(2, 3), texts(2, 4)))


def test_training_on_gaps_learns_what_the_visible_tokens_say():
    text = (torch.arange(400) % 5).repeat_interleave(60)  # long runs of one token
    torch.manual_seed(0)
    model = MaskedLanguageModel(6, d_model=16, num_layers=1, num_heads=2, norm_first=True, max_len=16)
    sampler = MaskedSampler(text, context=10, batch_size=16, vocab_size=5, mask_id=5)
    history = train(model, sampler, loss=masked_token_loss, steps=60, progress=False)
    assert sum(history.losses[:3]) / 3 > 1.3
    assert sum(history.losses[-10:]) / 10 < 0.5


def test_bits_per_byte_compares_tokenizers_where_bits_per_token_do_not():
    """A uniform model over bytes and one over pairs of bytes know equally little."""

    class Uniform(torch.nn.Module):
        def __init__(self, vocab):
            super().__init__()
            self.vocab = vocab

        def forward(self, tokens):
            return torch.zeros(*tokens.shape, self.vocab)

    by_byte = bits_per_byte(Uniform(256), texts(1001), context=50, num_bytes=1000)
    by_pair = bits_per_byte(Uniform(256**2), texts(501), context=50, num_bytes=1000)
    assert by_byte == pytest.approx(8)
    assert by_pair == pytest.approx(8)
    losses = [next_token_loss(Uniform(v), texts(2, 9)).item() / math.log(2) for v in (256, 256**2)]
    assert losses == pytest.approx([8, 16])


# ---- gaps ----


def test_a_masked_model_fills_a_gap_from_both_sides_and_never_looks_into_it(masked):
    tokens = texts(4, 9)
    filled_in = masked_gap(masked, tokens, 3, MASK)
    assert filled_in.shape == (4, VOCAB + 1)
    hidden = tokens.clone()
    hidden[:, 3] = MASK
    assert_close(filled_in, masked(hidden)[:, 3].log_softmax(-1), **exact)
    other = tokens.clone()
    other[:, 3] = (other[:, 3] + 1) % VOCAB
    assert_close(masked_gap(masked, other, 3, MASK), filled_in, **exact)
    for place in (0, 8):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % VOCAB
        assert not torch.allclose(masked_gap(masked, changed, 3, MASK), filled_in)


def test_a_causal_model_fills_from_the_left_or_from_both_sides_by_trying(causal):
    tokens = texts(3, 7)
    left = causal_gap(causal, tokens, 4)
    assert_close(left, causal(tokens)[:, 3].log_softmax(-1), **exact)
    both = causal_gap(causal, tokens, 4, both_sides=True)
    assert_close(both.exp().sum(1), torch.ones(3, dtype=torch.float64), **exact)
    for row in range(3):
        joint = []
        for token in range(VOCAB):
            text = tokens[row].clone()
            text[4] = token
            steps = causal(text[None])[0, :-1].log_softmax(-1)
            joint.append(steps[range(6), text[1:]].sum())
        assert_close(both[row], torch.stack(joint).log_softmax(0), **exact)
    assert_close(causal_gap(causal, tokens, 4, both_sides=True, batch_size=7), both, **exact)
    last = causal_gap(causal, tokens, 6, both_sides=True)
    assert_close(last, causal_gap(causal, tokens, 6), **exact)


def test_filling_changes_neither_the_text_nor_the_mode_and_knows_its_ends(masked, causal):
    tokens = texts(2, 5)
    before = tokens.clone()
    for model in (masked, causal):
        model.train()
    masked_gap(masked, tokens, 0, MASK)
    causal_gap(causal, tokens, 1, both_sides=True)
    assert torch.equal(tokens, before)
    assert masked.training
    assert causal.training
    for position in (-1, 5):
        with pytest.raises(ValueError, match=rf"position={position} must lie from 0 .* got \[2, 5\]"):
            masked_gap(masked, tokens, position, MASK)
    with pytest.raises(ValueError, match="position=0 must lie from 1"):
        causal_gap(causal, tokens, 0)
    with pytest.raises(ValueError, match=r"got \[5\]"):
        masked_gap(masked, tokens[0], 1, MASK)


# ---- the law ----


def test_a_power_law_is_found_again_and_predicts():
    sizes = [1e3, 3e3, 1e4, 5e4]
    law = fit_power_law(sizes, [7 * size**-0.3 for size in sizes])
    assert law.scale == pytest.approx(7)
    assert law.exponent == pytest.approx(0.3)
    assert (law.smallest, law.largest) == (1e3, 5e4)
    assert law.predict(1e6) == pytest.approx(7 * 1e6**-0.3)
    flat = fit_power_law([1, 10], [2, 2])
    assert math.copysign(1, flat.exponent) == 1
    assert flat.exponent == 0


def test_a_power_law_is_the_least_squares_line_of_the_logarithms():
    sizes, losses = [10, 20, 50, 400], [3.0, 2.5, 2.6, 1.0]
    law = fit_power_law(sizes, losses)
    design = torch.tensor([[1.0, math.log(size)] for size in sizes], dtype=torch.float64)
    line = torch.linalg.lstsq(design, torch.tensor([[loss] for loss in losses], dtype=torch.float64).log())
    level, slope = line.solution[:, 0].tolist()
    assert law.scale == pytest.approx(math.exp(level))
    assert law.exponent == pytest.approx(-slope)


@pytest.mark.parametrize(
    ("sizes", "losses"),
    [([1, 2], [1.0]), ([3, 3], [1.0, 2.0]), ([1], [1.0]), ([1, 2], [1.0, 0.0]), ([0, 2], [1, 2])],
)
def test_a_power_law_of_too_little_is_refused(sizes, losses):
    with pytest.raises(ValueError, match="must be equally many positive numbers"):
        fit_power_law(sizes, losses)


def test_tokens_in_bytes_leave_room_for_the_mask_s_number():
    tokens = torch.arange(256, dtype=torch.uint8)[None]
    inputs, targets = mask_tokens(tokens, 300, 299, share=1.0, fates=(1, 0, 0), generator=seeded())
    assert inputs.unique().tolist() == [299]
    assert targets.tolist() == [list(range(256))]
    drawn, _ = mask_tokens(tokens, 300, 299, share=1.0, fates=(0, 1, 0), generator=seeded())
    assert drawn.max() > 255
