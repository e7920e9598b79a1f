"""Two slips at once, and what explains every case before what explains most of them."""

import math
from dataclasses import replace

import torch
from small_exercises import make_exercise

from llmasos_edu.exercises import find
from llmasos_edu.exercises.checker.exercise import Case, Mistake
from llmasos_edu.exercises.checker.judging import examine

CASES = tuple((torch.arange(1.0, n + 1),) for n in (2, 3, 4, 5))
ROOT = Mistake("root", "You take the root of the squares.", (lambda x: x.square().mean().sqrt(),))


def examined(item, answer):
    return examine(item, lambda: answer)


def test_a_known_mistake_with_a_factor_on_top_is_two_slips():
    item = replace(
        make_exercise(lambda x: x.mean(), *CASES),
        mistakes=(
            Mistake("root", "You take the root of the squares.", (lambda x: x.square().mean().sqrt(),)),
        ),
    )
    message = examined(item, lambda x: math.log(2) * x.square().mean().sqrt()).message
    assert message.startswith(
        "It comes out as of two slips at once. You take the root of the squares. Besides,"
    )
    assert "0.693 times what that slip alone would give, in every case" in message


def test_a_slip_in_each_of_two_parts_is_two_slips():
    mistakes = (
        Mistake("sum", "Your first number is a sum.", (lambda x: (x.sum(), x.max()),)),
        Mistake("least", "Your second number is the smallest.", (lambda x: (x.mean(), x.min()),)),
    )
    item = make_exercise(lambda x: (x.mean(), x.max()), *CASES, parts=("mean", "largest"), mistakes=mistakes)
    message = examined(item, lambda x: (x.sum(), x.min())).message
    said = "It comes out as of two slips at once. Your first number is a sum. Your second number is the "
    assert message == said + "smallest."


def test_nothing_is_said_of_two_slips_where_one_case_does_not_fit():
    item = replace(
        make_exercise(lambda x: x.mean(), *CASES),
        mistakes=(
            Mistake("root", "You take the root of the squares.", (lambda x: x.square().mean().sqrt(),)),
        ),
    )
    message = examined(item, lambda x: (0.7 if len(x) < 5 else 0.8) * x.square().mean().sqrt()).message
    assert "two slips" not in message


def test_a_number_that_was_cut_to_a_whole_one():
    item = make_exercise(lambda x, k: x * k, *((torch.arange(1.0, 4), k) for k in (1.5, 2.25, 3.75)))
    message = examined(item, lambda x, k: x * int(k)).message
    assert message.endswith("what the solution gives if `k` were cut to a whole number (`int`, `//`).")


def test_one_number_for_a_list_and_a_list_for_one_number():
    verdict = examined(find("2.3-5"), lambda tables, holders, requester, free, wanted: len(tables))
    assert "your result is one number" in verdict.message
    assert "a list is asked for" in verdict.message
    verdict = examined(find("2.3-4"), lambda processes, size: [1, 2])
    assert "your result is a list of 2, and one number is asked for." in verdict.message


def test_a_copied_list_of_lists_still_holds_the_same_lists():
    def give_back(holes, start, size):
        out = []
        for hole in sorted([*holes, [start, size]]):
            if out and sum(out[-1]) == hole[0]:
                out[-1][1] += hole[1]
            else:
                out.append(hole)
        return out

    assert "holds the same inner lists" in examined(find("2.2-7"), give_back).message


def test_groups_are_no_orders_and_sizes_have_no_other_sign():
    item = make_exercise(lambda n: -n if n < 0 else n, *((n,) for n in (1, 2, 3, 4)))
    item = replace(item, cases=tuple(Case(str(n), (n,)) for n in (1, 2, 3, 4)))
    assert "other sign" not in examined(item, lambda n: -n).message
