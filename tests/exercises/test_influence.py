"""What an answer does not look at, how it calls what it is given, and what is said by chance no longer."""

import time

import pytest
import torch
import torch.nn.functional as F
from small_exercises import make_exercise, words

from llmasos_edu.exercises import Mistake, judge
from llmasos_edu.exercises.checker.exercise import random_tensors
from llmasos_edu.exercises.checker.judging import examine
from llmasos_edu.exercises.checker.running import within


def weigh(x, scale):
    """x [batch, seq], scale [seq] -> sums [batch]."""
    return (x * scale).sum(-1).tanh() + x.mean(-1)


WEIGH = make_exercise(weigh, *[random_tensors(n, (1 + n % 3, 2 + n), (2 + n,)) for n in range(1, 5)])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x, scale: x.mean(-1).exp(), "Whatever was put into `scale`, your result stayed the same"),
        (lambda x, scale: x[:, -1] * scale[-1], "`x` anywhere but at the last token, your result stayed"),
    ],
)
def test_what_is_not_looked_at_is_named(answer, said):
    assert said in words(WEIGH, answer)


def test_what_is_looked_at_too_much_is_named():
    def later(x):
        """x [batch, seq] -> sums [batch]."""
        return x[:, 1:].square().sum(-1).tanh()

    item = make_exercise(later, *[random_tensors(n, (1 + n % 3, 2 + n)) for n in range(1, 5)])
    text = words(item, lambda x: x.sin().sum(-1))
    assert (
        "Your result changes with what stands in `x` at the first token, and the right one does not" in text
    )


def test_what_does_not_move_by_chance_is_not_said_to_stand_still():
    def attend(x):
        """x [batch, seq] -> weights [batch, seq]."""
        return x.softmax(-1)

    small = [random_tensors(n, (1, 3)) for n in range(1, 4)]
    large = [(torch.tensor([[9e4, 3e4, n]]),) for n in (1.0, 2.0)]

    def cut(x):
        return x.softmax(-1) if x.amax() < 9 else x.clamp(max=30.0).softmax(-1) + x[:, -1:].tanh()

    text = words(make_exercise(attend, *small, *large), cut)
    assert "Right in 3 of 5 cases" in text
    assert "the right one does not" not in text


def test_what_is_said_of_a_change_is_said_of_the_case_that_is_named():
    def total(x, scale):
        """x [batch, seq], scale [seq] -> sums [batch]."""
        return (x * scale).sum(-1).tanh() + x.mean(-1)

    cases = [random_tensors(n, (1, 2 + n), (2 + n,)) for n in range(1, 4)]
    item = make_exercise(total, *cases)
    blind = words(item, lambda x, scale: x.mean(-1).exp())
    assert "`scale`, your result stayed the same" in blind
    named = words(item, lambda x, scale: x.mean(-1).exp() / (x.shape[1] != 3))
    assert named.startswith("For case 0, your result is infinity")
    assert "stayed the same" not in named


def test_a_result_that_moves_in_steps_is_not_said_to_stay_the_same():
    def shares(x):
        """x [batch, seq] -> shares [batch, seq]."""
        return x.softmax(-1)

    item = make_exercise(shares, *[(3 * random_tensors(n, (2, 2 + n))[0],) for n in range(1, 5)])
    assert "stayed the same" not in words(item, lambda x: F.one_hot(x.argmax(-1), x.shape[1]).float())


def test_a_part_that_right_cases_look_at_is_not_said_to_be_left_out():
    def sums(x):
        """x [batch, seq] -> sums [batch]."""
        return x.exp().sum(-1)

    near = [random_tensors(n, (2, 2 + n)) for n in range(1, 4)]
    large = (torch.tensor([[0.5, 12.0, 0.2], [0.1, 0.3, 11.0]]),)
    text = words(make_exercise(sums, *near, large), lambda x: x.exp().sum(-1).clamp(max=500.0))
    assert "Right in 3 of 4 cases" in text
    assert "stayed the same" not in text
    alone = words(make_exercise(sums, large, large), lambda x: x.exp().sum(-1).clamp(max=500.0))
    assert "stayed the same" in alone, "without them it would be said"


def test_the_first_wrong_call_is_named_in_another_order_too():
    def twice(x, parts):
        """x [batch, seq], parts: pairs of functions -> as x."""
        for first, second in parts:
            x = second(first(x).tanh())
        return x

    def exchanged(x, parts):
        for first, second in parts:
            x = first(second(x).tanh())
        return x

    def pair(n):
        return [(lambda x: n * x + 1, lambda x: x - n)]

    item = make_exercise(twice, *[(*random_tensors(n, (2, 2 + n)), pair(n)) for n in range(1, 5)])
    text = words(item, exchanged)
    assert "`parts[0][1]` is the first that gets another argument than it should" in text
    assert "In its place the solution calls `parts[0][0]`" in text


def test_whole_numbers_beside_fractions_cost_no_verdict():
    def total(counts):
        """counts [rows, columns] -> sum of roots []."""
        return counts.double().sqrt().sum()

    cases = [
        (torch.tensor([[1.0, 2.0]]),),
        (torch.tensor([[4, 9], [1, 7]]),),
        (torch.tensor([[3.0], [5.0]]),),
    ]
    assert "should be" in words(make_exercise(total, *cases), lambda counts: counts.double().log1p().amax())


def test_not_a_number_is_not_said_to_stay_the_same():
    text = words(WEIGH, lambda x, scale: weigh(x, scale) * torch.nan)
    assert "is NaN" in text
    assert "stayed the same" not in text


def chain(x, first, second):
    """x [batch, dim], two functions of x -> as x."""
    y = x + first(x)
    return y + second(y)


def times(factor):
    return lambda x: (factor * x).tanh()


CHAIN = make_exercise(chain, *[(random_tensors(n, (2, 3))[0], times(2.0), times(-0.7)) for n in range(4)])


def test_the_first_call_that_gets_something_else_is_named():
    late = words(CHAIN, lambda x, first, second: x + first(x) + second(x))
    assert "Your call of `second` is the first that gets another argument than it should" in late
    after = words(CHAIN, lambda x, first, second: (y := x + first(x)) * 0.5 + second(y))
    assert "Here all functions are called just as they should be" in after
    twice = words(CHAIN, lambda x, first, second: chain(x, first, second) + first(x) * second(x))
    assert "called just as" not in twice, "other calls are no mistake by themselves"


def test_a_rule_of_two_numbers_is_none():
    def count(rows):
        """rows: lists of numbers -> how many rows are positive."""
        return sum(min(row) > 0 for row in rows)

    cases = [([[1], [2, -1]],), ([[0], [3]],), ([[1]],), ([[2], [5]],), ([[1, 0]],)]
    item = make_exercise(count, *cases)
    text = words(item, lambda rows: sum(min(row) >= 0 for row in rows))
    assert "1 too many" in text
    assert "every other case that fails" not in text


def test_a_solution_that_never_ends_on_changed_inputs_is_no_loop_of_the_readers():
    def steps(x, step):
        """x [seq], step a number -> how often it fits below 10, times x [seq]."""
        place, count = 0.0, 0
        while place + step <= 10:
            place, count = place + step, count + 1
        return x * count

    item = make_exercise(steps, *[(random_tensors(n, (3 + n,))[0], 1.0 + n) for n in range(4)])
    begin = time.process_time()
    assert "differs" in words(item, lambda x, step: x.sin() * step + x.cos())
    assert time.process_time() - begin < 3
    begin = time.process_time()
    with within(0.05):
        while True:
            pass
    assert time.process_time() - begin < 1


def test_a_mistake_is_named_beside_an_error_in_one_case():
    def largest(numbers):
        """numbers: a list -> the largest, 0 where there is none."""
        return max(numbers, default=0)

    smallest = Mistake("the smallest", "You return the smallest.", (lambda n: min(n, default=0),))
    item = make_exercise(largest, *[(list(n),) for n in ([1, 5], [2, 7, 3], [4], [])], mistakes=(smallest,))
    verdict = examine(item, lambda: lambda numbers: min(numbers))
    assert verdict.mistake == "the smallest"
    assert "Besides, for case 3 it stops with ValueError" in verdict.message


def test_few_right_cases_are_named_and_sizes_compared():
    def project(x, w):
        """x [batch, d_in], w [d_in, d_out] -> [batch, d_out]."""
        return x @ w / w.shape[0] ** 0.5

    shapes = [((2, 3), (3, 5)), ((2, 4), (4, 4)), ((1, 6), (6, 2)), ((3, 5), (5, 5))]
    item = make_exercise(project, *[random_tensors(n, *shape) for n, shape in enumerate(shapes)])
    text = words(item, lambda x, w: (x @ w) / w.shape[1] ** 0.5 + 0 * x.sum())
    assert text.startswith("Right in 2 of 4 cases (case 1; case 3).")


def nan_to_num_at_the_end(query, key, value, is_token):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return (scores.masked_fill(~is_token[:, None], -torch.inf).softmax(-1) @ value).nan_to_num()


def test_the_gradient_of_the_values_is_looked_at():
    assert judge("4.1-4", nan_to_num_at_the_end).mistake == "NaN in the gradient"
