"""Recognising a known mistake: what is evidence for one, and what two slips have in common by chance."""

import itertools

import torch
from small_exercises import make_exercise

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.judging import examine


def mistaken(implementation):
    return (Mistake("the usual one", "You do the usual.", (implementation,)),)


def named(item, answer):
    return examine(item, lambda: answer).mistake


def by_number(reference, usual):
    """An exercise on the numbers 0 to 5, with one known mistake."""
    return make_exercise(reference, *((n,) for n in range(6)), mistakes=mistaken(usual))


def test_nothing_but_nan_is_no_evidence_for_a_mistake():
    cases = [(torch.tensor([sign * n, -1.0 if sign < 0 else 2.0]),) for sign in (-1, 1) for n in (2.0, 3.0)]
    cases += [(torch.tensor([-5.0, -n]),) for n in (2.0, 3.0)]
    item = make_exercise(lambda x: x.mean(), *cases, mistakes=mistaken(lambda x: x.log().mean()))
    assert named(item, lambda x: x.log().mean()) == "the usual one"
    assert named(item, lambda x: x.sqrt().mean()) is None  # NaN in the same four cases of six


def test_whole_numbers_in_a_list_come_out_alike_by_chance():
    item = by_number(lambda n: [n, n], lambda n: [n, n] if n < 3 else [0, n])
    assert named(item, lambda n: [[0, 0], [1, 1], [9, 2], [0, 3], [0, 4], [7, 5]][n]) is None
    assert named(item, lambda n: [[0, 0], [1, 1], [9, 2], [0, 3], [0, 4], [0, 5]][n]) == "the usual one"


def test_two_cases_are_evidence_only_where_they_are_all():
    item = by_number(lambda n: n + 0.5, lambda n: n + 0.5 if n < 3 else -1.0)
    assert named(item, lambda n: [0.5, 1.5, 2.5, -1.0, -1.0, 7.3][n]) is None
    item = by_number(lambda n: n + 0.5, lambda n: n + 0.5 if n < 4 else -1.0)
    assert named(item, lambda n: [0.5, 1.5, 8.9, 3.5, -1.0, -1.0][n]) == "the usual one"


def test_the_few_cases_that_do_not_stop_name_no_mistake():
    item = by_number(lambda n: n + 0.5, lambda n: n * 0.5)

    def stops_from(first):
        def answer(n):
            if n >= first:
                raise KeyError(n)
            return n * 0.5

        return answer

    assert named(item, stops_from(5)) == "the usual one"
    assert named(item, stops_from(3)) is None


def test_what_is_not_repeatable_may_have_been_left_unfilled():
    item = make_exercise(lambda x: x + 1, (torch.zeros(3),), (torch.ones(3),))
    calls = itertools.count()
    verdict = examine(item, lambda: lambda x: x + next(calls))
    assert verdict.mistake == "not repeatable"
    assert "random numbers" in verdict.message
    assert "`torch.empty`" in verdict.message
