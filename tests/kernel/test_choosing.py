"""From scores to what each process says: the same, whoever else is in the batch and whatever was guessed."""

import math
from types import SimpleNamespace

import pytest
import torch

from llmasos_edu.generation.sampling import choice_probabilities, sample_next, seen_tokens
from llmasos_edu.kernel.choosing import check_sampling, choose, wanted
from llmasos_edu.kernel.drivers import Row

VOCAB = 6


def row(text, guesses=(), *, sampling=None, seed=0, speaks=True):
    """A process that has read `text` but for its last token, and reads that and its guesses now."""
    process = SimpleNamespace(tokens=list(text), sampling=sampling, seed=seed, random=None)
    return Row(process, [text[-1], *guesses], len(text) - 1, [0], len(guesses), speaks)


def scores(count, seed=0):
    return torch.randn(count, VOCAB, generator=torch.Generator().manual_seed(seed))


def test_scores_are_wanted_for_the_last_token_and_for_each_guess():
    rows = [row([1, 2, 3]), row([1], [4, 5]), row([1, 2], speaks=False), row([2])]
    assert wanted(rows) == ([0, 1, 2, 3, 5], [1, 3, 0, 1])


def test_greedy_takes_the_likeliest_and_keeps_guesses_up_to_the_first_wrong_one():
    logits = scores(9)
    best = logits.argmax(dim=-1).tolist()
    wrong = (best[5] + 1) % VOCAB
    rows = [row([1]), row([1], best[1:3]), row([1], [best[4], wrong, best[6]]), row([1], speaks=False)]
    said = choose(rows, [1, 3, 4, 0], logits)
    assert said == [best[:1], best[1:4], best[4:6], []]


def test_temperature_zero_is_greedy_and_needs_no_generator():
    likely, logits = row([1], sampling={"temperature": 0, "top_k": 2}), scores(1)
    assert choose([likely], [1], logits) == [[int(logits.argmax())]]
    assert likely.process.random is None


@pytest.mark.parametrize("penalty", [1.5, 20.0])
def test_greedy_with_a_penalty_says_what_it_would_say_token_by_token(penalty):
    options = {"temperature": 0.0, "repetition_penalty": penalty}
    differs = 0
    for seed in range(20):
        logits, text, alone = scores(4, seed), [seed % VOCAB, 3], []
        for score in logits:
            seen = seen_tokens(torch.tensor([[*text, *alone]]), VOCAB)
            alone.append(int(sample_next(score[None], seen=seen, **options)))
        assert choose([row(text, alone[:3], sampling=options)], [4], logits) == [alone]
        other = [alone[0], (alone[1] + 1) % VOCAB, alone[2]]
        assert choose([row(text, other, sampling=options)], [4], logits) == [alone[:2]]
        differs += alone != logits.argmax(dim=-1).tolist()
    assert differs >= 3, "the penalty changes what is said"


def test_what_is_drawn_does_not_depend_on_the_rows_beside_it():
    options, logits = {"temperature": 1.3, "top_k": 4}, scores(5)
    alone = choose([row([1], sampling=options, seed=7)], [1], logits[2:3])
    beside = [row([2]), row([2], speaks=False), row([3], sampling=options, seed=8)]
    mixed = [beside[0], beside[1], row([1], sampling=options, seed=7), beside[2]]
    assert choose(mixed, [1, 0, 1, 1], logits[[0, 2, 3]])[2] == alone[0]
    assert (
        len({tuple(choose([row([1], sampling=options, seed=s)], [1], logits[:1])[0]) for s in range(40)}) > 2
    )


def test_a_process_goes_on_with_its_own_chance():
    logits, options = scores(1), {"temperature": 2.0}
    once = row([1], sampling=options, seed=3)
    said = [choose([once], [1], logits)[0][0] for _ in range(30)]
    again = row([1], sampling=options, seed=3)
    assert said == [choose([again], [1], logits)[0][0] for _ in range(30)]
    assert len(set(said)) > 2, "one generator, not one that begins anew each time"


@pytest.mark.parametrize("guess", range(VOCAB))
def test_a_guess_leaves_the_distribution_as_it_is(guess):
    logits, options = scores(2, 5), {"temperature": 0.8, "repetition_penalty": 1.2}
    text, drawn = [0, 2], torch.zeros(VOCAB)
    followed = torch.zeros(VOCAB)
    many = row(text, [guess], sampling=options)
    for _ in range(3000):
        said = choose([many], [2], logits)[0]
        drawn[said[0]] += 1
        assert len(said) == 1 + (said[0] == guess)
        if len(said) == 2:
            followed[said[1]] += 1
    right = choice_probabilities(logits[:1], seen=seen_tokens(torch.tensor([text]), VOCAB), **options)[0]
    assert (drawn / 3000 - right).abs().max() < 4 * math.sqrt(0.25 / 3000)
    second = choice_probabilities(
        logits[1:], seen=seen_tokens(torch.tensor([[*text, guess]]), VOCAB), **options
    )[0]
    if followed.sum() > 300:
        assert (followed / followed.sum() - second).abs().max() < 4 * math.sqrt(0.25 / float(followed.sum()))


def test_numbers_that_ran_away_say_nothing():
    for bad in (math.nan, math.inf):
        logits = scores(2)
        logits[1, 2] = bad
        with pytest.raises(ValueError, match="run away"):
            choose([row([1]), row([1])], [1, 1], logits)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([1], r"sampling=\[1\] is no dictionary"),
        ({"topk": 3}, "no option 'topk': min_p, repetition_penalty, temperature, top_k, top_p"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "sampling="),
        ({"top_k": 0}, "top_k"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
    ],
)
def test_bad_options_are_told_before_anything_is_drawn(options, words):
    with pytest.raises(ValueError, match=words):
        check_sampling(options, VOCAB)


def test_good_options_and_none_pass():
    for options in (None, {}, {"temperature": 0.0}, {"top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.1}):
        check_sampling(options, VOCAB)
