"""Rules in an order of one's own: against the fixed order, transformers' list, and by hand."""

import itertools

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
    TypicalLogitsWarper,
)

from llmasos_edu.generation.rules import RULES, rule_steps, warm
from llmasos_edu.generation.sampling import choice_probabilities, seen_tokens

VOCAB = 23
THEIRS = {
    "repetition_penalty": RepetitionPenaltyLogitsProcessor,
    "temperature": TemperatureLogitsWarper,
    "top_k": TopKLogitsWarper,
    "top_p": TopPLogitsWarper,
    "min_p": MinPLogitsWarper,
    "typical": TypicalLogitsWarper,
}
VALUES = {
    "repetition_penalty": 1.3,
    "temperature": 0.7,
    "top_k": 9,
    "top_p": 0.8,
    "min_p": 0.03,
    "typical": 0.9,
}


def draw(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(4, VOCAB, dtype=torch.float64, generator=generator)
    return logits, torch.randint(VOCAB, (4, 7), generator=generator)


@given(seed=st.integers(0, 10_000), order=st.permutations(list(VALUES)))
@settings(max_examples=80, deadline=None)
def test_any_order_equals_transformers_list_of_that_order(seed, order):
    logits, tokens = draw(seed)
    theirs = LogitsProcessorList([THEIRS[name](VALUES[name]) for name in order])(tokens, logits.clone())
    steps = rule_steps(logits, [(name, VALUES[name]) for name in order], seen=seen_tokens(tokens, VOCAB))
    torch.testing.assert_close(steps[-1].probabilities, theirs.softmax(dim=-1))
    assert torch.equal(steps[-1].kept, theirs > -torch.inf)
    assert [step.name for step in steps] == list(order)


def test_the_usual_order_is_that_of_choice_probabilities():
    logits, tokens = draw(1)
    options = {name: value for name, value in VALUES.items() if name != "typical"}
    seen = seen_tokens(tokens, VOCAB)
    want = choice_probabilities(logits, seen=seen, **options)
    got = rule_steps(logits, options.items(), seen=seen)[-1].probabilities
    torch.testing.assert_close(got, want)


def test_what_is_lost_is_measured_by_what_the_rules_before_left():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]], dtype=torch.float64).log()
    first, second = rule_steps(logits, [("top_k", 3), ("top_p", 0.8)])
    assert first.kept.tolist() == [[True, True, True, False]]
    assert first.lost.item() == pytest.approx(0.05)
    assert second.kept.tolist() == [[True, True, False, False]]
    assert second.lost.item() == pytest.approx(0.15 / 0.95)
    assert second.probabilities.tolist()[0] == pytest.approx([0.625, 0.375, 0, 0])
    assert second.value == 0.8


@pytest.mark.parametrize("order", [list(VALUES), list(VALUES)[::-1]])
def test_each_row_is_judged_for_itself_whatever_stands_before_it(order):
    logits, tokens = draw(4)
    seen, rules = seen_tokens(tokens, VOCAB), [(name, VALUES[name]) for name in order]
    alone = [rule_steps(logits[row], rules, seen=seen[row]) for row in range(4)]
    for shape in ((4, VOCAB), (2, 1, 2, VOCAB)):
        together = rule_steps(logits.view(shape), rules, seen=seen.view(shape))
        for number, step in enumerate(together):
            for name in ("kept", "lost", "probabilities"):
                got = getattr(step, name)
                want = torch.stack([getattr(steps[number], name) for steps in alone])
                torch.testing.assert_close(got.reshape(want.shape), want)


def test_the_order_of_two_rules_matters():
    logits = torch.tensor([[0.4, 0.35, 0.15, 0.1]], dtype=torch.float64).log()
    rules = [("temperature", 3.0), ("top_p", 0.7)]
    kept = [rule_steps(logits, order)[-1].kept.sum().item() for order in itertools.permutations(rules)]
    assert kept == [3, 2], "warmed first, more tokens are needed for the same share"


def test_no_rule_does_nothing():
    assert rule_steps(torch.zeros(1, 3), []) == []


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([("top_q", 1)], "there is no rule 'top_q': repetition_penalty, temperature, top_k"),
        ([("top_k", 2), ("top_k", 3)], "the rule top_k stands twice"),
        ([("repetition_penalty", 1.2)], "repetition_penalty=1.2 needs `seen`"),
        ([("top_k", 99)], "top_k=99 must be a whole number from 1 to vocab_size=23"),
        ([("temperature", -1)], "temperature=-1 must be"),
    ],
)
def test_bad_rules_are_refused_in_words(rules, words):
    with pytest.raises(ValueError, match=words):
        rule_steps(draw(0)[0], rules)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("top_k", "rules='top_k': pairs of a name and a value are wanted"),
        (None, "rules=None: pairs"),
        ({"top_k": 3}, "the rule 'top_k' is no pair of a name and a value"),
        ([("top_k", 3), ("top_p",)], r"the rule \('top_p',\) is no pair"),
        ([("top_k", "3")], "top_k='3' must be a number"),
        ([("min_p", None)], "min_p=None must be a number"),
        ([("top_k", True)], "top_k=True must be a number"),
    ],
)
def test_what_is_no_rule_is_refused_in_words(rules, words):
    with pytest.raises(TypeError, match=words):
        rule_steps(draw(0)[0], rules)
    with pytest.raises(ValueError, match=r"there is no rule \['top_k'\]"):
        rule_steps(draw(0)[0], [(["top_k"], 3)])


def test_what_was_said_is_a_table_of_truths():
    logits, tokens = draw(0)
    for seen in ([[True]], seen_tokens(tokens, VOCAB).double()):
        with pytest.raises(TypeError, match="is no boolean tensor: it comes from `seen_tokens`"):
            rule_steps(logits, [("repetition_penalty", 1.2)], seen=seen)
    with pytest.raises(ValueError, match=r"seen \[4, 22\] must have the shape of logits \[4, 23\]"):
        rule_steps(logits, [("repetition_penalty", 1.2)], seen=seen_tokens(tokens, VOCAB)[:, :-1])


def test_scores_that_name_no_token_are_refused():
    broken = torch.tensor([[1.0, 2.0], [1.0, float("nan")]])
    for ask in (lambda: rule_steps(broken, []), lambda: warm(broken, 1.0)):
        with pytest.raises(ValueError, match="the largest logit of row 1 is nan"):
            ask()
    for ask in (lambda: rule_steps([[1.0]], []), lambda: warm([[1.0]], 1.0)):
        with pytest.raises(TypeError, match=r"^logits must be a tensor of numbers"):
            ask()


@pytest.mark.parametrize("temperature", [0.01, 0.02, 0.5, 1.0, 3.0])
def test_warming_divides_without_a_shift(temperature):
    logits = draw(2)[0]
    torch.testing.assert_close(warm(logits, temperature), logits / temperature)
    torch.testing.assert_close(
        warm(logits.view(2, 2, VOCAB), temperature).view(4, VOCAB), logits / temperature
    )


@pytest.mark.parametrize("temperature", [0.001, 1e-300, 0])
def test_the_coldest_leaves_the_likeliest_with_its_sign(temperature):
    logits = torch.tensor([[2.0, 1.0], [-2.0, -3.0]])
    got = warm(logits, temperature)
    assert got[:, 0].tolist() == pytest.approx([200.0, -200.0])
    assert got.softmax(dim=-1).tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_every_rule_is_one_of_transformers():
    assert RULES.keys() == THEIRS.keys()
