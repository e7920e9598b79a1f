"""Questions that are answered with a value, and inputs that are drawn from a seed."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from question_rules import question_rules_for

from llmasos_edu.exercises import Mistake, Question, check, exercise, find, given, inputs, judge, solution
from llmasos_edu.exercises.checker import catalogue
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks, judge_question


def draw_sizes(seed):
    choose = random.Random(seed).choice
    return {"layers": choose([4, 6, 12]), "d_model": choose([64, 96]), "tokens": choose([100, 250])}


def cache_bytes(layers, d_model, tokens):
    """Keys and values of every layer, 4 bytes a number."""
    return 2 * layers * d_model * tokens * 4


CACHE = Question(
    key="9.9-1",
    title="The size of a cache",
    difficulty=1,
    minutes=5,
    statement="A model has {layers} layers of width {d_model}. How many bytes do {tokens} tokens take?",
    takeaway="It grows with every token.",
    explanation="Two vectors a token and layer.",
    hints=("Count what is kept for one token in one layer, before you count all of them.",) * 3,
    answer=cache_bytes,
    mistakes=(
        Mistake("keys alone", "A cache holds two things for each token, and you count only one.", (
            lambda layers, d_model, tokens: layers * d_model * tokens * 4,
        )),
        Mistake("one layer", "You count the cache of one layer, but each layer has keys of its own here.", (
            lambda layers, d_model, tokens: 2 * d_model * tokens * 4,
        )),
        Mistake("no bytes", "You count numbers. How many bytes does one number take in float32?", (
            lambda layers, d_model, tokens: 2 * layers * d_model * tokens,
        )),
    ),
    draw=draw_sizes,
)  # fmt: skip
CONTROL = Question(
    key="9.9-2",
    title="Judge an experiment",
    difficulty=2,
    minutes=10,
    statement="What does this experiment lack, which heads are idle, how large is the gain?",
    takeaway="Without a control of equal size nothing is shown.",
    explanation="The whole layer was taken out.",
    hints=("What else has changed between the two runs, besides what the title speaks of, and by how much?",)
    * 3,
    answer={
        "lacking": "a control",
        "idle": {1, 3},
        "gain": 0.25,
        "order": ("first", "second", "third"),
        "holds": False,
    },
    mistakes=(
        Mistake("more seeds", "More seeds make the error smaller, but the question stays another one.", (
            {"lacking": "more seeds"},
        )),
        Mistake("per cent", "The gain is asked for as a share; you give per cent. What is the unit here?", (
            {"gain": 25},
        )),
        Mistake("believed", "You believe the title and name the very heads that do the work in it, too.", (
            {"holds": True, "idle": {0, 2}},
        )),
    ),
    options={"lacking": ("a control", "more seeds", "a larger model")},
)  # fmt: skip
RIGHT = CONTROL.answer


@pytest.fixture(autouse=True)
def _one_chapter_more(monkeypatch):
    whole = catalogue._of_chapter
    monkeypatch.setitem(catalogue.CHAPTERS, "9.9", "questions")
    monkeypatch.setattr(catalogue, "_of_chapter", lambda c: (CACHE, CONTROL) if c == "9.9" else whole(c))


class TestRulesOnAnInventedChapter:
    @pytest.mark.parametrize("item", [CACHE, CONTROL])
    def test_the_rules_hold(self, monkeypatch, item):
        monkeypatch.setattr("question_rules.questions_of", lambda chapter: [CACHE, CONTROL])
        rules = question_rules_for("9.9", {"9.9-1": 204800.0, "9.9-2": dict(reversed(RIGHT.items()))}, [])()
        for seed in (None, 7):
            rules.test_the_solution_is_correct(item, seed)
            for mistake in item.mistakes:
                rules.test_each_mistake_is_named(item, mistake, seed)
        rules.test_nothing_filled_in_is_a_blank(item)
        rules.test_a_question_is_complete(item)
        rules.test_a_seed_draws_the_same_data_each_time(item)


@pytest.mark.parametrize("seed", [None, 3, 7])
def test_a_number_is_judged_on_the_data_of_its_seed(seed):
    right = cache_bytes(**draw_sizes(seed or 0))
    for form in (right, float(right), np.int64(right), torch.tensor(right)):
        assert judge("9.9-1", form, seed=seed).status == "correct"
    assert judge("9.9-1", right + 1, seed=seed).message.endswith("is one too many.")
    assert judge("9.9-1", right // 2, seed=seed).mistake == "keys alone"
    assert judge("9.9-1", right * 1024, seed=seed).message.endswith("1,024 times too large: mind the unit.")
    assert "by less than a factor of two" in judge("9.9-1", right * 1.7, seed=seed).message
    assert str(right) not in judge("9.9-1", right * 7, seed=seed).message, "gives nothing away"


def test_another_seed_asks_for_another_number():
    assert len({CACHE.right(seed) for seed in range(20)}) > 5
    other = next(seed for seed in range(20) if CACHE.right(seed) != CACHE.right())
    assert judge("9.9-1", CACHE.right(other)).status != "correct"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, "correct", "control of equal size"),
        ({"lacking": " A  Control "}, "correct", ""),
        ({"idle": [3, 1]}, "correct", ""),
        ({"order": ["first", "second", "third"], "gain": np.float32(0.2501)}, "correct", ""),
        ({"lacking": "more seeds"}, "known mistake", "'lacking': More seeds make"),
        ({"lacking": "more seeds", "gain": 7}, "known mistake", "More seeds make"),
        ({"holds": True, "idle": {0, 2}}, "known mistake", "You believe"),
        ({"holds": True}, "wrong", "'holds': True is not it"),
        ({"lacking": "luck"}, "wrong", "none of the choices: 'a control', 'more seeds'"),
        ({"idle": {1, 2}}, "wrong", "1 of yours belongs there, 1 does not, and 1 is missing"),
        ({"idle": 1}, "wrong", "'idle' should be a set (or a list)"),
        ({"order": ("second", "first", "third")}, "wrong", "in another order; entry 0"),
        ({"order": ("first", "first", "third")}, "wrong", "2 of 3 entries are right; entry 1"),
        ({"order": ("first",)}, "wrong", "should have 3 entries, but has 1"),
        ({"gain": -0.25}, "wrong", "of the right size, with the wrong sign"),
        ({"gain": 0.0625}, "wrong", "the square of what it should be"),
        ({"gain": 0.25 * 0.6931}, "wrong", "(nats or bits?)"),
        ({"gain": 0.75}, "wrong", "one minus what it should be"),
        ({"gain": 0.24}, "wrong", "too small, a little (by 4%)"),
        ({"lacking": "more seeds", "gain": 7}, "known mistake",
         "First the numbers. 'gain': 7 is too large, by a factor of 28. Then 'lacking': More seeds make"),
        ({"lacking": "more seeds", "idle": {1}}, "known mistake", "Besides, not right yet: 'idle'."),
        ({"gain": 25, "holds": True}, "known mistake", "here? Besides, not right yet: 'holds'."),
        ({"gain": "much"}, "wrong", "'gain' should be a number, but is a str ('much')"),
        ({"gain": True}, "wrong", "'gain' should be a number"),
        ({"gain": float("nan")}, "wrong", "'gain' should be a finite number"),
        ({"holds": "no"}, "wrong", "'holds' should be True or False"),
        ({"gain": ..., "holds": True}, "wrong", "not answered yet: 'gain'"),
        ({"more": 1}, "wrong", "Not asked for: 'more'"),
        (dict.fromkeys(RIGHT, ...), "blank", 'hint("9.9-2")'),
    ],
)  # fmt: skip
def test_a_verdict_on_several_parts_in_words(changes, status, said):
    verdict = judge("9.9-2", RIGHT | changes)
    assert verdict.status == status, verdict.message
    assert said in verdict.message


def a_question(answer, mistakes=(), **more):
    texts = dict.fromkeys(("title", "statement", "takeaway", "explanation"), "t") | {"hints": ("h",) * 3}
    return Question(
        key="9.9-3", difficulty=1, minutes=2, answer=answer, mistakes=tuple(mistakes), **texts, **more
    )


def test_each_item_of_a_set_has_words_of_its_own_whatever_else_is_chosen():
    mistakes = (Mistake("min-p", "Too much.", (Holds("c"),)), Mistake("price", "Too little.", (Lacks("a"),)))
    question = a_question({"a", "b"}, mistakes, options=("a", "b", "c", "d"))
    assert judge_question(question, ["b", "a"]).status == "correct"
    for answer, name in (({"a", "b", "c"}, "min-p"), ({"c"}, "min-p"), (["b"], "price"), (set(), "price")):
        assert judge_question(question, answer).mistake == name, answer
    assert judge_question(question, ["b"]).message == "Too little."
    in_all = "Too much. In all, 0 of yours belong there, 1 does not, and 2 are missing."
    assert judge_question(question, {"c"}).message == in_all
    assert "2 of yours belong there, 1 does not" in judge_question(question, {"a", "b", "d"}).message


@pytest.mark.parametrize("right", [{"a", "b"}, {"b"}])
def test_an_item_on_the_wrong_side_is_named_whichever_side_that_is(right):
    question = a_question(right, (Mistake("a", "Look at a.", (Amiss("a"),)),), options=("a", "b"))
    assert judge_question(question, right ^ {"a"}).message == "Look at a."
    assert judge_question(question, right).status == "correct"


def test_of_two_slips_that_come_near_the_nearer_one_is_named():
    mistakes = [Mistake(name, f"{name}.", ({"p": p},)) for name, p in (("sum", 0.76), ("ninth", 0.97**9))]
    question = a_question({"p": 0.97**8}, mistakes)
    for answer, name in ((0.76, "sum"), (0.97**9, "ninth"), (0.763, "sum")):
        assert judge_question(question, {"p": answer}).mistake == name


def test_a_slip_in_a_number_is_named_before_the_choice_that_follows_from_it():
    mistakes = (Mistake("choice", "Read it.", ({"v": "yes"},)), Mistake("sign", "Mind it.", ({"p": -0.5},)))
    question = a_question({"p": 0.5, "v": "no"}, mistakes, options={"v": ("yes", "no")})
    for answer, name in ((-0.501, "sign"), (0.5, "choice"), (0.9, "choice")):
        assert judge_question(question, {"p": answer, "v": "yes"}).mistake == name
    said = judge_question(question, {"p": -0.501, "v": "yes"}).message
    assert said == "'p': Mind it. Besides, not right yet: 'v'."


def test_what_stands_in_the_statement_or_belongs_to_another_part_is_told():
    choices = ("page", "table", "slice")
    question = a_question(
        lambda share, sizes: {"one": "page", "two": "table", "half": share**0.1, "third": share / 3},
        options={"one": choices, "two": choices},
        draw=lambda seed: {"share": 0.97, "sizes": [7.5, 20]},
    )
    right = question.right()

    def said(**parts):
        return judge_question(question, right | parts).message

    assert "'half': 0.97 is a number of the statement" in said(half=0.97)
    assert "'half': 7.5 is a number of the statement" in said(half=7.5)
    assert "'half': 0.3235 is right for 'third': what is asked for here?" in said(half=0.3235)
    assert "'one': 'table' is right for 'two': what is asked for here?" in said(one="table")
    assert "'one': 'table' belongs to another part" in said(one="table", two="slice")
    assert "'two': 'slice' is not it" in said(two="slice")
    assert "'third': 0.568624 is the root of what it should be" in said(third=right["third"] ** 0.5)


@pytest.mark.parametrize("answer", [lambda: 1, "0.25", [1], {}, {"lacking": "a control"}, object(), 1j])
def test_an_answer_of_another_form_is_told_what_is_asked_for(answer):
    for key in ("9.9-1", "9.9-2"):
        verdict = judge(key, answer)
        assert verdict.status in ("wrong", "blank")
        assert "object at 0x" not in verdict.message


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@given_any(values, st.sampled_from(sorted(RIGHT)))
@settings(max_examples=200, deadline=None)
def test_no_value_raises(value, part):
    # Without fixtures: hypothesis runs many examples in one test.
    from llmasos_edu.exercises.checker.question import judge_question

    assert judge_question(CACHE, value).message
    verdict = judge_question(CONTROL, RIGHT | {part: value})
    assert verdict.message.endswith((".", "?"))


def test_what_the_reader_sees(capsys):
    exercise("9.9-1", seed=7)
    text = capsys.readouterr().out
    sizes = given("9.9-1", seed=7)
    assert f"A model has {sizes['layers']} layers" in text
    assert 'check("9.9-1", ...)' in text
    exercise("9.9-2")
    assert "lacking: 'a control', 'more seeds'" in capsys.readouterr().out
    solution("9.9-1", seed=7)
    text = capsys.readouterr().out
    assert f"\n{cache_bytes(**sizes)}\n" in text
    assert "return 2 * layers" in text
    check("9.9-1", cache_bytes(**sizes), seed=7)
    assert capsys.readouterr().out == "✓ 9.9-1: correct. It grows with every token.\n"
    check("9.9-1", 1, seed="seven")
    assert "integer" in capsys.readouterr().out
    with pytest.raises(ValueError, match="answered with a function"):
        given("4.1-3")


# Functions on inputs that a seed draws ---------------------------------------------------------------


def causal(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def test_a_function_is_judged_on_the_drawn_cases_as_well():
    assert "all 8 cases" in judge("4.1-3", causal).message
    assert "all 11 cases" in judge("4.1-3", causal, seed=7).message

    odd = inputs("4.1-3", 8, seed=7)[0]

    def right_on_what_the_book_asks(query, key, value):
        return causal(query, key, value) * (2 if torch.equal(query, odd) else 1)

    assert judge("4.1-3", right_on_what_the_book_asks).status == "correct"
    verdict = judge("4.1-3", right_on_what_the_book_asks, seed=7)
    assert verdict.status == "wrong"
    assert "drawn from seed 7" in verdict.message


def test_known_mistakes_are_known_on_drawn_cases_too():
    for seed in range(5):
        verdict = judge("4.1-3", F.scaled_dot_product_attention, seed=seed)
        assert verdict.status == "known mistake", seed


def test_drawn_cases_are_the_same_for_everybody_and_differ_between_seeds():
    item = find("4.1-3")
    first, again, other = (item.with_seed(seed).cases[len(item.cases) :] for seed in (7, 7, 8))
    for one, two in zip(first, again, strict=True):
        assert one.name == two.name
        assert all(map(torch.equal, one.inputs, two.inputs))
    assert not torch.equal(first[0].inputs[0].flatten()[:4], other[0].inputs[0].flatten()[:4])
    assert item.with_seed(None) is item


def test_an_exercise_that_draws_nothing_says_so():
    verdict = judge("4.1-5", causal, seed=7)
    assert verdict.status == "stopped"
    assert "draws none from a seed" in verdict.message
