"""Choosing tokens: each rule against its definition and transformers, then the loop that writes."""

import re
import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from llmasos_edu.foundation.code import code_of
from llmasos_edu.generation import sampling
from llmasos_edu.generation.decoding_step import DecodingStep
from llmasos_edu.generation.sampling import (
    apply_temperature,
    choice_probabilities,
    generate,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    sample_next,
    seen_tokens,
    stream,
)
from llmasos_edu.models import language_model
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.llmasos import LLMasOS

QUICK = settings(max_examples=60, deadline=None)
VOCAB = 23


def draw(seed=0, batch=5, vocab=VOCAB, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(batch, vocab, dtype=torch.float64, generator=generator)


def some_tokens(*shape, seed=0, vocab=VOCAB):
    return torch.randint(vocab, shape, generator=torch.Generator().manual_seed(seed))


def kept(logits):
    """The tokens of the first row that are left."""
    return (logits[0] > -torch.inf).nonzero().flatten().tolist()


def table(*probs):
    """Logits of these probabilities."""
    return torch.tensor([probs], dtype=torch.float64).log()


# The rules, against transformers

# Nearer to 1 than the sums' rounding errors the two may differ by a token that is no likelier than these.
TOP_P = st.floats(0.01, 1 - 1e-9) | st.just(1.0)


@given(seed=st.integers(0, 10_000), top_k=st.integers(1, VOCAB), scale=st.sampled_from([0.1, 2.0, 20.0]))
@QUICK
def test_top_k_equals_transformers(seed, top_k, scale):
    logits = draw(seed, scale=scale)
    assert torch.equal(keep_top_k(logits, top_k), TopKLogitsWarper(top_k)(None, logits))


@given(seed=st.integers(0, 10_000), top_p=TOP_P, scale=st.sampled_from([0.1, 2.0, 20.0]))
@QUICK
def test_top_p_equals_transformers(seed, top_p, scale):
    logits = draw(seed, scale=scale)
    assert torch.equal(keep_top_p(logits, top_p), TopPLogitsWarper(top_p)(None, logits))


@given(seed=st.integers(0, 10_000), min_p=st.floats(0, 1), scale=st.sampled_from([0.1, 2.0, 20.0]))
@QUICK
def test_min_p_equals_transformers(seed, min_p, scale):
    logits = draw(seed, scale=scale)
    assert torch.equal(keep_min_p(logits, min_p), MinPLogitsWarper(min_p)(None, logits))


@given(seed=st.integers(0, 10_000), penalty=st.floats(0.2, 5), length=st.integers(1, 30))
@QUICK
def test_repetition_penalty_equals_transformers(seed, penalty, length):
    logits, past = draw(seed), some_tokens(5, length, seed=seed)
    want = RepetitionPenaltyLogitsProcessor(penalty)(past, logits.clone())
    assert torch.equal(penalize_repetition(logits, seen_tokens(past, VOCAB), penalty), want)


@given(
    seed=st.integers(0, 10_000),
    temperature=st.floats(0.1, 5),
    top_k=st.none() | st.integers(1, VOCAB),
    top_p=st.none() | st.floats(0.05, 1),
    min_p=st.none() | st.floats(0, 1),
    penalty=st.none() | st.floats(0.5, 3),
)
@QUICK
def test_all_rules_together_equal_transformers_in_its_order(seed, temperature, top_k, top_p, min_p, penalty):
    logits, past = draw(seed), some_tokens(5, 9, seed=seed)
    theirs = LogitsProcessorList()
    for value, processor in [
        (penalty, RepetitionPenaltyLogitsProcessor), (temperature, TemperatureLogitsWarper),
        (top_k, TopKLogitsWarper), (top_p, TopPLogitsWarper), (min_p, MinPLogitsWarper),
    ]:  # fmt: skip
        if value is not None:
            theirs.append(processor(value))
    ours = choice_probabilities(
        logits, seen=seen_tokens(past, VOCAB), temperature=temperature, top_k=top_k, top_p=top_p,
        min_p=min_p, repetition_penalty=penalty,
    )  # fmt: skip
    torch.testing.assert_close(ours, theirs(past, logits.clone()).softmax(-1), atol=1e-12, rtol=1e-12)


# The rules, by hand


def test_the_rules_on_a_table_small_enough_to_do_by_hand():
    logits = table(0.1, 0.4, 0.2, 0.3)
    assert kept(keep_top_k(logits, 2)) == [1, 3]
    assert kept(keep_top_p(logits, 0.4 - 1e-9)) == [1]
    assert kept(keep_top_p(logits, 0.4 + 1e-9)) == [1, 3]
    assert kept(keep_top_p(logits, 0.71)) == [1, 2, 3]
    assert kept(keep_top_p(logits, 0.91)) == [0, 1, 2, 3]
    assert kept(keep_min_p(logits, 0.49)) == [1, 2, 3]
    assert kept(keep_min_p(logits, 0.76)) == [1]
    cooled = apply_temperature(logits, 0.5).softmax(-1)
    torch.testing.assert_close(cooled, torch.tensor([[0.01, 0.16, 0.04, 0.09]]).double() / 0.3)
    rows = apply_temperature(torch.tensor([[3.0, 1.0], [-5.0, -4.0]]), 0.5)
    assert rows.tolist() == [[0.0, -4.0], [-2.0, 0.0]]  # each row by its own likeliest
    seen = torch.tensor([[True, False, True, False]])
    punished = penalize_repetition(torch.tensor([[3.0, 3.0, -3.0, -3.0]]), seen, 1.5)
    assert punished.tolist() == [[2.0, 3.0, -4.5, -3.0]]


def test_what_is_kept_keeps_its_score():
    logits = draw()
    for cut in (keep_top_k(logits, 5), keep_top_p(logits, 0.6), keep_min_p(logits, 0.2)):
        stays = cut > -torch.inf
        assert torch.equal(cut[stays], logits[stays])
        assert 0 < stays.sum() < stays.numel()


def test_among_equals_the_first_in_the_vocabulary_stays():
    equal = torch.zeros(1, 40)
    assert kept(keep_top_k(equal, 3)) == [0, 1, 2]
    assert kept(keep_top_p(equal, 0.1)) == [0, 1, 2, 3]
    assert kept(keep_min_p(equal, 1.0)) == list(range(40))
    assert kept(keep_top_p(torch.zeros(1, 4), 0.5)) == [0, 1]  # two quarters are half, exactly
    assert kept(apply_temperature(equal, 0)) == [0]
    late = torch.zeros(1, 40).index_fill(1, torch.tensor([7, 31]), 1.0)
    assert kept(keep_top_k(late, 3)) == [0, 7, 31]
    assert kept(apply_temperature(late, 0)) == [7]
    assert sample_next(late, temperature=0).tolist() == [7]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_the_ranges_keep_one_or_all(dtype):
    logits = draw(scale=30.0).to(dtype)  # probabilities far below one rounding step
    for whole in (keep_top_k(logits, VOCAB), keep_top_p(logits, 1.0), keep_min_p(logits, 0.0)):
        assert torch.equal(whole, logits)
    best = logits.argmax(dim=-1, keepdim=True)
    for one in (keep_top_k(logits, 1), keep_top_p(logits, 1e-30), keep_min_p(logits, 1.0)):
        assert torch.equal((one > -torch.inf).nonzero()[:, 1:], best)
        assert torch.equal(one.gather(1, best), logits.gather(1, best))
    assert torch.equal(penalize_repetition(logits, logits > 0, 1.0), logits)
    torch.testing.assert_close(apply_temperature(logits, 1.0).softmax(-1), logits.softmax(-1))


@pytest.mark.parametrize("temperature", [1e-300, 1e-30, 1e-6])
def test_no_temperature_is_too_small(temperature):
    logits = draw().float()
    probs = choice_probabilities(logits, temperature=temperature)
    assert torch.equal(probs, choice_probabilities(logits, temperature=0))
    assert torch.equal(probs.argmax(-1), logits.argmax(-1))
    assert (probs.amax(-1) == 1).all()


def test_a_rule_changes_no_input():
    logits, seen = draw(), draw(1) > 0
    before = logits.clone(), seen.clone()
    choice_probabilities(
        logits, seen=seen, temperature=0.3, top_k=5, top_p=0.5, min_p=0.1, repetition_penalty=2.0
    )
    sample_next(logits, seen=seen, temperature=0, repetition_penalty=2.0)
    assert torch.equal(logits, before[0])
    assert torch.equal(seen, before[1])


def test_seen_tokens_leaves_padding_out():
    tokens = torch.tensor([[3, 1, 1], [0, 4, 2]])
    assert seen_tokens(tokens, 5).int().tolist() == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]
    assert seen_tokens(tokens, 5, [3, 1]).int().tolist() == [[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]]
    assert seen_tokens(tokens.int(), 5, [1, 2]).int().tolist() == [[0, 0, 0, 1, 0], [1, 0, 0, 0, 1]]
    assert seen_tokens(tokens, 5).dtype == torch.bool
    for counts in (None, [1, 2]):
        assert seen_tokens(tokens.to("meta"), 5, counts).device.type == "meta"


# Choosing


def test_later_rules_see_what_earlier_ones_left():
    """Of 0.4, 0.3, 0.2, 0.1 top-k leaves 4/7 and 3/7: the first is a nucleus of 0.5, which it was not."""
    logits = table(0.4, 0.3, 0.2, 0.1)
    both = {"top_k": 2, "top_p": 0.5}
    assert choice_probabilities(logits, **both).tolist() == [[1, 0, 0, 0]]
    assert kept(keep_top_p(logits, 0.5)) == [0, 1]
    roots = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).double().sqrt()
    torch.testing.assert_close(choice_probabilities(logits, temperature=2.0), roots / roots.sum())
    hot = choice_probabilities(logits, temperature=2.0, top_p=0.5)  # the temperature comes before the nucleus
    assert (hot > 0).tolist() == [[True, True, False, False]]
    cold = choice_probabilities(logits, temperature=0.1, top_p=0.5)
    assert (cold > 0).tolist() == [[True, False, False, False]]
    seen = torch.tensor([[True, False, False, False]])
    assert kept(choice_probabilities(logits, seen=seen, repetition_penalty=3.0, top_k=1).log()) == [1]


def test_without_rules_the_choice_is_the_softmax():
    logits = draw()
    assert torch.equal(choice_probabilities(logits), logits.softmax(-1))


OPTIONS = {
    "plain": {},
    "hot": {"temperature": 3.0},
    "top-k": {"temperature": 2.0, "top_k": 4},
    "nucleus": {"temperature": 2.0, "top_p": 0.7},
    "min-p": {"temperature": 2.0, "min_p": 0.2},
    "penalty": {"repetition_penalty": 3.0},
    "all": {"temperature": 1.5, "top_k": 9, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.5},
}


@pytest.mark.parametrize("case", OPTIONS)
def test_draws_follow_the_probabilities(case):
    copies = 40_000
    logits, seen = draw(3, batch=1), draw(4, batch=1) > 0
    probs = choice_probabilities(logits, seen=seen, **OPTIONS[case])[0]
    drawn = sample_next(
        logits.expand(copies, -1), seen=seen.expand(copies, -1), **OPTIONS[case],
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert drawn.shape == (copies,)
    assert drawn.dtype == torch.long
    share = drawn.bincount(minlength=VOCAB) / copies
    assert (share - probs).abs().max() < 5 * (0.25 / copies) ** 0.5
    assert (share[probs == 0] == 0).all()
    assert (probs == 0).any() == (case not in ("plain", "hot", "penalty"))


def test_temperature_zero_takes_the_likeliest_without_a_draw():
    logits, seen = draw(), draw(1) > 0
    before = torch.get_rng_state()
    assert torch.equal(sample_next(logits, temperature=0), logits.argmax(-1))
    assert torch.equal(sample_next(logits, top_k=1), logits.argmax(-1))
    torch.set_rng_state(before)
    assert torch.equal(sample_next(logits, temperature=0, top_k=3, top_p=0.5, min_p=0.5), logits.argmax(-1))
    punished = sample_next(logits, seen=seen, temperature=0, repetition_penalty=10.0)
    assert torch.equal(punished, penalize_repetition(logits, seen, 10.0).argmax(-1))
    assert not torch.equal(punished, logits.argmax(-1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_repeats_and_leaves_the_global_one_alone():
    logits, before = draw(batch=50), torch.get_rng_state()
    outs = [sample_next(logits, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_numbers_are_added_up_in_float32(dtype):
    logits = draw(vocab=5_000, batch=2).to(dtype)
    probs = choice_probabilities(logits, top_p=0.9)
    assert probs.dtype == torch.float32
    torch.testing.assert_close(probs, choice_probabilities(logits.float(), top_p=0.9))
    torch.testing.assert_close(probs.sum(-1), torch.ones(2))
    assert sample_next(logits).dtype == torch.long


def test_as_many_tokens_may_be_kept_as_there_are_in_the_vocabulary_at_any_temperature():
    logits = draw(vocab=9, batch=2)
    assert torch.equal(sample_next(logits, temperature=0, top_k=9), logits.argmax(-1))
    with pytest.raises(ValueError, match="top_k=10"):
        sample_next(logits, temperature=0, top_k=10)


def test_an_option_that_writing_does_not_have_is_told_as_one_of_writing():
    with pytest.raises(ValueError, match=r"^options of writing: 'top_q' \(did you mean 'top_[kp]'\?\)"):
        list(stream(build(), some_tokens(1, 2), 3, top_q=0.5))


# Writing

MODELS = {
    "the book's": {},
    "GPT-2's": {"position": "learned", "max_len": 60, "activation": "gelu", "qk_norm": False, "bias": True},
    "alibi": {"position": "alibi", "num_kv_heads": 2},
    "experts": {"num_experts": 4, "moe": {"top_k": 2}},
}


def build(case="the book's", **options):
    """Every parameter random, so that texts differ and do not stand still."""
    torch.manual_seed(1)
    model = (
        LanguageModel(VOCAB, d_model=16, num_layers=2, num_heads=4, **(MODELS[case] | options))
        .double()
        .eval()
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.7 * torch.randn(parameter.shape, dtype=torch.float64))
    return model


@torch.no_grad()
def alone(model, prompt, count, stop=(), **choice):
    """One row, everything read again at every step, until a token of `stop`."""
    tokens = torch.as_tensor(prompt)[None]
    for _ in range(count):
        seen = seen_tokens(tokens, VOCAB)
        probs = choice_probabilities(model(tokens)[:, -1], seen=seen, **choice)
        tokens = torch.cat((tokens, probs.argmax(-1, keepdim=True)), dim=1)
        if int(tokens[0, -1]) in stop:
            break
    return tokens[0]


GREEDY = {"temperature": 0}


@given(
    case=st.sampled_from(list(MODELS)),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    count=st.integers(0, 9),
    seed=st.integers(0, 10_000),
    penalty=st.none() | st.floats(0.5, 3),
    stop=st.sets(st.integers(0, VOCAB - 1), max_size=4),
)
@QUICK
def test_rows_of_any_length_equal_each_row_alone_without_cache(case, lengths, count, seed, penalty, stop):
    model = build(case)
    prompts = [some_tokens(length, seed=seed + row) for row, length in enumerate(lengths)]
    choice = {"temperature": 0, "repetition_penalty": penalty}
    rows = generate(model, prompts, count, stop=stop, **choice)
    assert len(rows) == len(prompts)
    for prompt, row in zip(prompts, rows, strict=True):
        assert torch.equal(row, alone(model, prompt, count, stop, **choice))


@pytest.mark.parametrize("case", MODELS)
def test_cached_equals_uncached_over_many_prompts(case):
    model, prompts = build(case), some_tokens(200, 7)
    choice = {"temperature": 0, "repetition_penalty": 1.3}
    out, tokens = generate(model, prompts, 24, **choice), prompts
    for _ in range(24):
        with torch.no_grad():
            logits = model(tokens)[:, -1]
        probs = choice_probabilities(logits, seen=seen_tokens(tokens, VOCAB), **choice)
        tokens = torch.cat((tokens, probs.argmax(-1, keepdim=True)), dim=1)
    assert torch.equal(out, tokens)
    assert len({tuple(row.tolist()) for row in out[:, 7:]}) > 50  # and they did say different things


def test_rows_that_have_ended_repeat_their_last_token_until_all_have():
    model, prompts, stop = build(), some_tokens(6, 4), {2, 5, 7}

    def write(**options):  # the draws of a row are the same until it ends
        generator = torch.Generator().manual_seed(2)
        return generate(model, prompts, 60, temperature=12.0, generator=generator, **options)[:, 4:]

    free, out = write(), write(stop=stop)
    ends = []
    for row, unstopped in zip(out, free, strict=True):
        end = next(place for place, token in enumerate(unstopped.tolist()) if token in stop)
        assert torch.equal(row[: end + 1], unstopped[: end + 1])
        assert (row[end:] == row[end]).all()
        ends.append(end)
    assert out.shape[1] == max(ends) + 1 < 60  # the last to end ends the text
    assert len(set(ends)) > 3


def test_one_stop_token_may_stand_alone_and_ends_a_row_at_once():
    model, prompts = build(), some_tokens(1, 4)
    first = generate(model, prompts, 1, **GREEDY)[0, -1].item()
    for stop in (first, [first], {first}, (token for token in [first]), torch.tensor([first])):
        assert generate(model, prompts, 9, stop=stop, **GREEDY).shape == (1, 5)
    (row,) = generate(model, [prompts[0].tolist()], 9, stop=(token for token in [first]), **GREEDY)
    assert row.tolist() == [*prompts[0].tolist(), first]


def test_a_stop_token_in_the_prompt_ends_nothing():
    model = build()
    free = generate(model, some_tokens(1, 4), 3, **GREEDY)
    stop = next(token for token in range(VOCAB) if token not in free[0, 4:])
    prompt = torch.cat((some_tokens(1, 4), torch.tensor([[stop]])), dim=1)
    assert generate(model, prompt, 1, stop=stop, **GREEDY).shape == (1, 6)
    (row,) = generate(model, [[stop, stop]], 4, stop=stop, **GREEDY)
    assert torch.equal(row, alone(model, [stop, stop], 4, [stop], **GREEDY))


def test_a_stream_hands_out_the_tokens_one_by_one():
    model, prompts = build(), some_tokens(3, 5)
    options = {"temperature": 0.8, "top_k": 9}
    whole = model.generate(prompts, 12, generator=torch.Generator().manual_seed(3), **options)
    steps = list(model.stream(prompts, 12, generator=torch.Generator().manual_seed(3), **options))
    assert all(step.shape == (3,) and step.dtype == torch.long for step in steps)
    assert torch.equal(torch.stack(steps, dim=1), whole[:, 5:])


def listen(monkeypatch, model, note, made=lambda step: None):
    """Tell `note` what the model reads, the prompt and every token after it; `made` of each fast step."""

    class Listening(LanguageModel):
        def next_logits(self, tokens, *, cache, counts=None):
            note(tokens, counts)
            return super().next_logits(tokens, cache=cache, counts=counts)

        def decoding_step(self, cache):
            step = super().decoding_step(cache)
            assert isinstance(step, DecodingStep)
            made(step)
            return lambda tokens: note(tokens, None) or step(tokens)

    monkeypatch.setattr(language_model, "OWN", code_of(Listening, LLMasOS))
    monkeypatch.setattr(model, "__class__", Listening)


def test_a_stream_reads_no_further_than_it_is_asked(monkeypatch):
    model, reads = build(), []
    listen(monkeypatch, model, lambda tokens, counts: reads.append(tokens.shape))
    writing = model.stream(some_tokens(2, 6), 10, temperature=0)
    assert not reads
    next(writing), next(writing)
    assert reads == [(2, 6), (2, 1)]  # the prompt once, then one token at a time
    writing.close()
    assert len(list(model.stream(some_tokens(2, 6), 4))) == 4
    assert len(reads) == 6


def test_an_open_stream_evaluates_and_gives_each_module_its_mode_back():
    model = build(dropout=0.5).train()
    model.blocks[0].eval()  # as one who freezes a layer would
    modes = [module.training for module in model.modules()]
    writing = model.stream(some_tokens(1, 3), 5, temperature=0)
    assert model.training
    next(writing)
    assert not model.training
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    writing.close()
    assert [module.training for module in model.modules()] == modes
    quiet = build(dropout=0.0).generate(some_tokens(1, 3), 9, temperature=0)
    assert torch.equal(model.generate(some_tokens(1, 3), 9, temperature=0), quiet)
    assert [module.training for module in model.modules()] == modes


def test_the_fast_step_is_made_once_and_only_where_there_is_a_second_token(monkeypatch):
    model, made, read = build(), [], []
    listen(monkeypatch, model, lambda tokens, counts: read.append(tokens), made.append)
    for new, steps in ((0, 0), (1, 0), (2, 1), (5, 1)):
        made.clear(), read.clear()
        model.generate([[1, 2, 3], [4]], new)
        assert (len(read), len(made)) == (new, steps)
    assert (
        model.generate([[1, 2, 3], [4]], 5, temperature=0)[1].tolist()
        == model.generate([[4]], 5, temperature=0)[0].tolist()
    )


def test_what_was_written_can_be_trained_on():
    model = build().train()
    for written in (model.generate(some_tokens(2, 3), 4), model.generate([[1, 2], [3]], 4)[0][None]):
        assert not written.is_inference()
        model(written).sum().backward()
    assert model.embedding.weight.grad.abs().sum() > 0


def test_prompts_come_back_in_the_form_they_had():
    model = build()
    assert model.generate(some_tokens(2, 3), 4).shape == (2, 7)
    rows = model.generate([[1, 2, 3], torch.tensor([4])], 4)
    assert [type(row) for row in rows] == [torch.Tensor] * 2
    assert [len(row) for row in rows] == [7, 5]
    assert rows[0][:3].tolist() == [1, 2, 3]
    assert rows[1][:1].tolist() == [4]
    nothing = model.generate([[1, 2], [3]], 0)
    assert [row.tolist() for row in nothing] == [[1, 2], [3]]
    assert [row.dtype for row in nothing + rows] == [torch.long] * 4
    assert torch.equal(model.generate(some_tokens(2, 3).int(), 0), some_tokens(2, 3).int())


def test_rows_of_equal_length_take_the_fast_path(monkeypatch):
    model, seen = build(), []
    listen(monkeypatch, model, lambda tokens, counts: seen.append(counts))
    model.generate([[1, 2], [3, 4]], 2)
    model.generate([[1, 2], [3]], 2)
    assert seen == [None, None, [2, 1], None]


class Stubborn(torch.nn.Module):
    """Says the same, whatever it reads: token 0 is the likeliest, the last one the least likely."""

    vocab_size = VOCAB

    def new_cache(self, batch_size, max_len):
        return None

    def next_logits(self, tokens, *, cache, counts=None):
        return torch.linspace(2.0, 1.0, VOCAB).expand(len(tokens), -1)

    def decoding_step(self, cache):
        return lambda tokens: self.next_logits(tokens, cache=cache)


def test_a_penalty_counts_the_prompt_and_what_was_written_but_no_padding():
    options = {"temperature": 0, "repetition_penalty": 1e9}
    out = generate(Stubborn(), torch.tensor([[1, 9], [2, 2]]), 5, **options)
    assert out.tolist() == [[1, 9, 0, 2, 3, 4, 5], [2, 2, 0, 1, 3, 4, 5]]
    rows = generate(Stubborn(), [[1, 9, 3], [2]], 4, **options)  # the second is padded with token 0
    assert [row.tolist() for row in rows] == [[1, 9, 3, 0, 2, 4, 5], [2, 0, 1, 3, 4]]
    again = generate(Stubborn(), [[1], [9, 2]], 3, temperature=0, repetition_penalty=1e-9)  # what was said
    assert [row.tolist() for row in again] == [[1, 1, 1, 1], [9, 2, 2, 2, 2]]


def test_next_logits_equal_the_forward_pass_at_the_last_real_position():
    model, tokens, counts = build(), some_tokens(3, 6), [2, 6, 1]
    with torch.inference_mode():
        logits = model.next_logits(tokens, cache=model.new_cache(3, 6))
        torch.testing.assert_close(logits, model(tokens)[:, -1], atol=1e-10, rtol=1e-10)
        logits = model.next_logits(tokens, cache=model.new_cache(3, 6), counts=counts)
        for row, count in enumerate(counts):
            want = model(tokens[row : row + 1, :count])[0, -1]
            torch.testing.assert_close(logits[row], want, atol=1e-10, rtol=1e-10)


def test_a_text_may_fill_the_learned_positions_to_the_last():
    model = build("GPT-2's")
    assert model.generate(some_tokens(1, 50), 11, temperature=0).shape == (1, 61)  # the last is never read
    with pytest.raises(ValueError, match="position 60"):
        model.generate(some_tokens(1, 50), 12, temperature=0)


def test_large_scores_are_scores_even_where_their_sum_is_none():
    for dtype, large in ((torch.float16, 6e4), (torch.float32, 3e38)):
        logits = torch.full((4, 3), -large, dtype=dtype)
        logits[:, 1] = large
        assert sample_next(logits, temperature=0).tolist() == [1] * 4
        assert sample_next(logits).tolist() == [1] * 4


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_row_without_a_likeliest_token_is_named(bad):
    logits = torch.zeros(3, 4)
    logits[2] = bad
    words = (
        f"the largest logit of row 2 is {bad}, so no token is the likeliest: the model's numbers have run "
        "away, or every token was ruled out"
    )
    for temperature in (0, 1.0):
        with pytest.raises(ValueError, match="row 2") as error:
            sample_next(logits, temperature=temperature)
        assert str(error.value) == words


# Errors

RULES = {
    "top_k": {"top_k": 0},
    "top_k high": {"top_k": VOCAB + 1},
    "top_k broken": {"top_k": 2.5},
    "top_p zero": {"top_p": 0.0},
    "top_p high": {"top_p": 1.01},
    "top_p nan": {"top_p": float("nan")},
    "min_p low": {"min_p": -0.1},
    "min_p high": {"min_p": 1.1},
    "penalty zero": {"repetition_penalty": 0.0},
    "penalty negative": {"repetition_penalty": -1.0},
    "penalty infinite": {"repetition_penalty": float("inf")},
    "temperature": {"temperature": -0.1},
    "temperature infinite": {"temperature": float("inf")},
    "temperature nan": {"temperature": float("nan")},
}
SINGLE = {
    "top_k": keep_top_k,
    "top_p": keep_top_p,
    "min_p": keep_min_p,
    "temperature": apply_temperature,
    "repetition_penalty": lambda logits, penalty: penalize_repetition(logits, logits > 0, penalty),
}


@pytest.mark.parametrize("case", RULES)
def test_a_setting_out_of_range_is_refused_everywhere_and_at_once(case):
    ((name, value),) = RULES[case].items()
    words, logits = re.escape(f"{name}={value} must be"), draw()
    with pytest.raises(ValueError, match=words):
        SINGLE[name](logits, value)
    calls = [
        lambda **options: choice_probabilities(logits, seen=logits > 0, **options),
        lambda **options: sample_next(logits, seen=logits > 0, **options),
        lambda **options: stream(build(), some_tokens(1, 2), 0, **options),  # before anything is written
        lambda **options: build().generate(some_tokens(1, 2), 0, **options),
    ]
    if name != "temperature":
        calls += [lambda **options: sample_next(logits, seen=logits > 0, temperature=0, **options)]
    for call in calls:
        with pytest.raises(ValueError, match=words):
            call(**{name: value})


def choose(logits, **options):
    return sample_next(torch.tensor(logits), **options)


INF, NAN = float("inf"), float("nan")
ERRORS = {
    "one row": (lambda: choose([1.0, 2.0]), ["numbers [batch, vocab]", "float32 [2]"]),
    "integers": (lambda: choose([[1, 2]]), ["numbers [batch, vocab]", "int64 [1, 2]"]),
    "nothing": (lambda: choose([[]]), ["numbers [batch, vocab]", "[1, 0]"]),
    "nan": (lambda: choose([[1.0, 2.0], [1.0, NAN]]), ["row 1 is nan", "run away"]),
    "nan, greedy": (lambda: choose([[1.0, NAN]], temperature=0), ["row 0 is nan"]),
    "infinite": (lambda: choose([[INF, 1.0]]), ["row 0 is inf"]),
    "all ruled out": (lambda: choose([[0.0, 1.0], [-INF, -INF]]), ["row 1 is -inf", "ruled out"]),
    "seen is missing": (lambda: choose([[1.0]], repetition_penalty=2.0), ["repetition_penalty=2.0", "seen"]),
    "seen is short": (
        lambda: penalize_repetition(draw(), draw()[:, 1:] > 0, 2.0),
        [f"seen [5, {VOCAB - 1}]", f"logits [5, {VOCAB}]"],
    ),
    "no prompts": (lambda: build().generate([], 3), ["no prompts", "empty"]),
    "an empty row": (lambda: build().generate([[1], []], 3), ["prompt 1", "empty", "nothing to continue"]),
    "a token too high": (lambda: build().generate([[1], [2, VOCAB]], 3), ["prompt 1", f"token {VOCAB}"]),
    "floats": (lambda: build().generate([[1.5]], 3), ["prompt 0", "integers"]),
    "a flat list": (lambda: build().generate([1, 2], 3), ["prompt 0", "integers [batch, seq]"]),
    "one dimension": (
        lambda: build().generate(some_tokens(3), 3),
        ["prompts", "integers [batch, seq]", "[3]"],
    ),
    "count": (lambda: build().stream(some_tokens(1, 2), -1), ["max_new_tokens=-1", "whole number"]),
    "half a count": (lambda: build().stream(some_tokens(1, 2), 2.0), ["max_new_tokens=2.0", "whole number"]),
    "a yes": (lambda: build().stream(some_tokens(1, 2), True), ["max_new_tokens=True", "whole number"]),
    "stop": (
        lambda: build().stream(some_tokens(1, 2), 3, stop=VOCAB),
        [f"stop={VOCAB}", f"0 to {VOCAB - 1}"],
    ),
    "stop too low": (lambda: build().stream(some_tokens(1, 2), 3, stop={3, -1}), ["stop=-1"]),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_values(case):
    provoke, words = ERRORS[case]
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        provoke()
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_model_whose_numbers_ran_away_says_so():
    model = build()
    with torch.no_grad():
        model.head.weight[3, 3] = NAN
    with pytest.raises(ValueError, match="run away"):
        model.generate(some_tokens(2, 3), 4)


def test_an_unknown_setting_is_refused_at_the_call():
    words = r"'top_q' \(did you mean 'top_p'\?\) is not one of temperature, top_k, top_p, min_p"
    with pytest.raises(ValueError, match=words):
        build().stream(some_tokens(1, 2), 3, top_q=0.5)


def test_the_defaults_change_nothing():
    logits = draw()
    everything = {"temperature": 1.0, "top_k": None, "top_p": None, "min_p": None, "repetition_penalty": None}
    assert torch.equal(choice_probabilities(logits, **everything), logits.softmax(-1))
    model, prompts = build(), some_tokens(2, 3)
    torch.manual_seed(0)
    plain = model.generate(prompts, 6)
    for write in (model.generate, lambda *args, **options: sampling.generate(model, *args, **options)):
        torch.manual_seed(0)
        assert torch.equal(write(prompts, 6, stop=(), generator=None, **everything), plain)


TENTHS = [
    [3, 1, 1, 5],
    [1, 2, 3, 4],
    [5, 5],
    [2, 2, 2, 2, 2],
    [7, 1, 1, 1],
    [1] * 10,
    [4, 3, 2, 1],
    [6, 3, 1],
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tenths", TENTHS, ids=str)
def test_the_nucleus_ends_where_exact_fractions_say(tenths, dtype):
    """A sum that reaches p ends it: 1/2 + 3/10 is 8/10, whatever binary rounding makes of it."""
    exact = [Fraction(each, 10) for each in tenths]
    rows = torch.tensor(tenths, dtype=torch.float64).div(10).log().to(dtype)
    order = sorted(range(len(exact)), key=lambda place: -exact[place])  # stable, as in the vocabulary's order
    for top_p in (k / 20 for k in range(1, 20)):
        wanted, held = set(), Fraction(0)
        for place in order:
            if held >= Fraction(round(20 * top_p), 20):
                break
            wanted.add(place)
            held += exact[place]
        kept = set(keep_top_p(rows, top_p).isfinite().nonzero().flatten().tolist())
        assert kept == wanted, top_p


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_share_of_the_likeliest_that_is_just_enough_is_enough(dtype):
    for tenths in TENTHS:
        rows = torch.tensor(tenths, dtype=torch.float64).div(10).log().to(dtype)
        for place, each in enumerate(tenths):
            kept = keep_min_p(rows, each / max(tenths)).isfinite()
            assert kept.tolist() == [other >= each for other in tenths], (tenths, place)


INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32]


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_tokens_of_any_integers_are_read(dtype):
    model, tokens = build(), some_tokens(2, 4)
    expected = model.generate(tokens, 5, temperature=0)
    assert torch.equal(model.generate(tokens.to(dtype), 5, temperature=0), expected)
    rows = model.generate([row.to(dtype) for row in tokens], 5, temperature=0)
    assert [row.tolist() for row in rows] == expected.tolist()
    assert torch.equal(model(tokens.to(dtype)), model(tokens))


@pytest.mark.parametrize("prompts", ["the cat", b"the cat", ["the", "cat"], [b"the"]], ids=str)
def test_a_string_is_no_prompt_and_is_told_so(prompts):
    with pytest.raises(TypeError, match="text, but token ids are wanted: encode it with a tokenizer first"):
        build().generate(prompts, 3)
    with pytest.raises(TypeError, match=r"text, but token ids|must be a tensor of integers"):
        build()(prompts)


@pytest.mark.parametrize("prompt", [[5], [5, 3]])
def test_a_long_prompt_takes_no_memory_for_its_square(prompt, monkeypatch):
    """No mask of all pairs is built where a prompt is read first: the kernel's own causal one will do."""
    made = []
    real = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention",
        lambda *args, **options: made.append(options) or real(*args, **options),
    )  # fmt: skip
    model = build()
    prompts = [some_tokens(1, length)[0] for length in prompt]
    model.generate(prompts, 2, temperature=0)
    read = made[: len(model.blocks)]
    assert all(call["attn_mask"] is None and call["is_causal"] for call in read)


PEAK = """
import resource, sys, torch
from llmasos_edu.models.language_model import LanguageModel

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def make(position):
    return LanguageModel(11, d_model=16, num_layers=1, num_heads=2, position=position).eval()

def fill(model, half):
    cache = model.new_cache(1, 2 * half)
    for _ in range(2):
        model(torch.zeros(1, half, dtype=torch.long), cache=cache)

with torch.inference_mode():
    for position in ("alibi", "rotary"):
        make(position)(torch.zeros(1, 40, dtype=torch.long))
        make(position).generate(torch.zeros(1, 40, dtype=torch.long), 2)  # what torch itself takes
    before = peak()
    make("alibi").generate(torch.zeros(1, 4000, dtype=torch.long), 2)
    make("alibi")(torch.zeros(1, 4000, dtype=torch.long))
    alibi = peak()
    fill(make("rotary"), 6000)
    rows = [torch.zeros(length, dtype=torch.long) for length in (4000, 2000)]
    make("alibi").generate(rows, 2)
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, kilobytes elsewhere
print(*((after - before) / unit for after in (alibi, peak())))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not say what a process took")
def test_the_peak_of_a_long_prompt_is_far_below_a_mask_of_all_pairs():
    """2 x 4,000 x 4,000 distances in float64 take 244 MiB, a mask of 6,000 x 12,000 in float32 275 MiB."""
    run = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, timeout=120)
    assert not run.stderr
    alibi, all_of_them = map(float, run.stdout.split())
    assert alibi < 250
    assert all_of_them < 300
