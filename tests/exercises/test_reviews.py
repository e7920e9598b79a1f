"""Answers that are tests: one helper for all exercises of this kind."""

from dataclasses import replace

import pytest
from small_exercises import make_exercise

from llmasos_edu.exercises import judge
from llmasos_edu.exercises.architecture.blocks import slots_for
from llmasos_edu.exercises.architecture.tiny_kernel import alone
from llmasos_edu.exercises.checker.judging import examine
from llmasos_edu.exercises.checker.reviewing import Reviewed


def reviewer(make):
    """make() -> a function that doubles; False for one that does not [cases]."""
    return make()(2) == 4 and make()(3) == 6 and make()(0) == 0


REVIEWED = Reviewed(
    "doublers",
    {"by a product": lambda: lambda x: 2 * x, "by a sum": lambda: lambda x: x + x},
    {
        "a square": lambda: lambda x: x * x,
        "two more": lambda: lambda x: x + 2,
        "one more": lambda: lambda x: 2 * x + 1,
        "with an error": lambda: lambda x: 2 * x / x,
    },
)
REVIEW = replace(
    make_exercise(reviewer, observe=REVIEWED.accepts, explain=REVIEWED.explain), cases=REVIEWED.cases
)


def message(answer):
    return examine(REVIEW, lambda: answer).message


def inverted(make):
    return make()(2) != 4


def inverted_with_asserts(make):
    assert make()(2) != 4 or make()(3) == 7


def test_an_answer_that_is_turned_round_is_told_so():
    text = message(inverted)
    assert "All right doublers are sent back, and 2 of 4 broken ones pass: turned round" in text
    assert "Do you say the contrary" in text
    assert "turned round" in message(inverted_with_asserts)


def test_what_slips_through_and_what_is_sent_back_is_named():
    text = message(lambda make: make()(2) == 4)
    assert text.startswith("Your review finds 2 of 4 bugs. These doublers pass it: a square; two more.")
    strict = message(lambda make: make is REVIEWED.good["by a sum"])
    assert "Your review finds 4 of 4 bugs. It sends back what is right: by a product." in strict


def test_an_error_on_a_broken_one_alone_is_a_bug_found():
    assert examine(REVIEW, lambda: reviewer).status == "correct"


@pytest.mark.parametrize("key", ["2.3-10", "2.3-11", "5-8"])
def test_a_text_is_an_answer_though_a_wrong_one(key):
    verdict = judge(key, lambda make: "looks good")
    assert verdict.status == "wrong"
    assert "Your review returned a str ('looks good'). Does it pass then, or not?" in verdict.message


def kernel_turned_round(make):
    kernel = make(2, 30)
    wanted = [([1, 2], 12, {"pay"}), ([3], 9, {"read"}), ([4, 4, 4], 12, set())]
    family = [kernel.spawn(*each) for each in wanted]
    kernel.run()
    return not all(p.output == alone(*each) for p, each in zip(family, wanted, strict=True))


def memory_turned_round(make):
    memory = make(8, 2)
    for token in [1, 2, 3][memory.begin("a", [1, 2, 3]) :]:
        memory.write("a", token)
    memory.fork("a", "b")
    memory.write("b", 4)
    memory.write("a", 5)
    assert memory.read("a") != slots_for([1, 2, 3, 5]) or memory.read("b") != slots_for([1, 2, 3, 4])


@pytest.mark.parametrize(
    ("key", "answer"), [("2.3-11", kernel_turned_round), ("2.3-10", memory_turned_round)]
)
def test_the_books_reviews_hear_of_the_contrary_too(key, answer):
    assert "turned round, your review would find" in judge(key, answer).message
