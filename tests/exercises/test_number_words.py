"""The words for a wrong number: true of counts, ratios and names alike."""

import math

import pytest
import torch

from llmasos_edu.exercises.checker.decomposing import explain_by_terms
from llmasos_edu.exercises.checker.differences import first_difference, other_length
from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.number_words import number_difference
from llmasos_edu.exercises.checker.running import Outcome


def test_one_too_many_is_said_of_counts_and_not_of_ratios():
    assert number_difference(3.0, 2, []) == "3 is one too many."
    assert "too many" not in number_difference(3.0, 2.0, [])


@pytest.mark.parametrize(("factor", "named"), [(1 / math.log(2), True), (1.003 / math.log(2), False)])
def test_a_logarithm_is_named_where_a_number_is_off_by_just_that(factor, named):
    assert ("nats or bits" in number_difference(7.3 * factor, 7.3, [])) == named


def test_how_far_a_number_is_off_is_a_share_of_the_right_one():
    assert "(by 2.5%)" in number_difference(374_400.0, 384_000, [])


def exercise(reference, **options):
    named = {"key": "9.9-9", "title": "t", "difficulty": 1, "minutes": 5, "statement": "s", "takeaway": "t"}
    named |= {
        "explanation": "e",
        "hints": ("h",),
        "mistakes": (),
        "cases": (Case("two", (2,)), Case("five", (5,))),
    }
    return Exercise(reference=reference, **(named | options))


def told(came, should):
    def names(n):
        """n -> names."""
        return [n]

    return first_difference(torch.tensor(came), torch.tensor(should), "your result", None, exercise(names))


def test_an_entry_of_a_list_and_a_code_below_zero_are_not_counted():
    assert told(1, 2).endswith("is 1 and should be 2, 1 too few.")
    assert told([1], [2]).endswith("is 1 and should be 2.")
    assert told(63, -2).endswith("is 63 and should be -2.")


def test_a_list_that_goes_on_says_how_many_of_it_are_right():
    said = other_length(torch.tensor([4, 5, 6]), torch.tensor([4, 5]), "your result")
    assert said.endswith("2 are asked for: the first 2 are right, and more follow.")


def test_a_term_that_some_cases_lack_is_not_missing_in_every_case():
    def total(n):
        """n -> total."""
        return 10.0 * n + max(0, n - 2)

    cases = tuple(Case(str(n), (n,)) for n in (2, 5, 6, 9))
    item = exercise(total, cases=cases, terms={"the rest": lambda n: float(max(0, n - 2))})
    came = [Outcome(10.0 * case.inputs[0]) for case in cases]
    should = [Outcome(total(*case.inputs)) for case in cases]
    said = explain_by_terms(item, came, should)
    assert "is missing in every case that has one, and all else in it is right." in said
