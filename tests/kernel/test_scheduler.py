"""Policies: the textbook's figures, and what each promises."""

from collections import Counter

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import (
    POLICIES,
    FirstComeFirstServed,
    MultiLevelFeedbackQueue,
    PriorityWithAgeing,
    RoundRobin,
    ShortestJobFirst,
)


def finished(policy, jobs, slots=1, **options):
    """When each job of `(length, arrival)` ends, and the kernel."""
    kernel = Kernel(IntegerDriver(), num_blocks=100, slots=slots, policy=policy)
    jobs = [kernel.spawn([1], length, arrival=arrival, **options) for length, arrival in jobs]
    kernel.run()
    return [job.finished for job in jobs], kernel


def order(kernel):
    """Who ran in each step."""
    return [[row["pid"] for row in step["batch"]] for step in kernel.trace.steps]


@pytest.mark.parametrize(("policy", "mean"), [(FirstComeFirstServed(), 110), (ShortestJobFirst(), 50)])
def test_a_long_job_before_two_short_ones(policy, mean):
    ends, _ = finished(policy, [(100, 0), (10, 0), (10, 0)])
    assert sum(ends) / 3 == mean


def test_a_shorter_job_that_arrives_later_takes_over():
    ends, _ = finished(ShortestJobFirst(), [(100, 0), (10, 10), (10, 10)])
    assert ends == [120, 20, 30]  # Three Easy Pieces, figure 7.5: mean turnaround 50


@pytest.mark.parametrize("quantum", [1, 3])
def test_round_robin_gives_everyone_a_quantum_in_turn(quantum):
    _, kernel = finished(RoundRobin(quantum), [(6, 0), (6, 0), (6, 0)])
    turns = [pid for (pid,) in order(kernel)]
    assert turns == [pid for _ in range(6 // quantum) for pid in (0, 1, 2) for _ in range(quantum)]


def test_round_robin_lets_a_newcomer_in_after_those_who_wait():
    _, kernel = finished(RoundRobin(1), [(3, 0), (3, 0), (2, 2)])
    assert [pid for (pid,) in order(kernel)] == [0, 1, 0, 2, 1, 0, 2, 1]


def waits(ageing):
    kernel = Kernel(IntegerDriver(), num_blocks=100, slots=1, policy=PriorityWithAgeing(ageing))
    low = kernel.spawn([1], 1, priority=0)
    high = [kernel.spawn([1], 20, priority=5) for _ in range(2)]
    kernel.run()
    return low.finished, max(process.finished for process in high)


@pytest.mark.parametrize(
    "policy", [RoundRobin(), RoundRobin(2), PriorityWithAgeing(1.0), MultiLevelFeedbackQueue(quanta=(1,))]
)
@pytest.mark.parametrize(("jobs", "slots"), [(3, 2), (5, 3), (4, 1)])
def test_nobody_has_more_turns_than_others_where_a_step_has_several_slots(policy, jobs, slots):
    _, kernel = finished(policy, [(300, 0)] * jobs, slots=slots)
    turns = Counter(pid for step in order(kernel)[:60] for pid in step)
    assert len(turns) == jobs
    assert max(turns.values()) - min(turns.values()) <= 2, "a tie is always won by the same"


def test_without_ageing_the_low_priority_waits_for_the_last_high_one():
    assert waits(0.0) == (41, 40)


def test_with_ageing_it_waits_until_its_age_has_made_up_for_it():
    low, _ = waits(0.5)
    assert 5 / 0.5 <= low <= 5 / 0.5 + 3


def test_the_feedback_queue_serves_short_ones_first_without_knowing_them():
    ends, kernel = finished(MultiLevelFeedbackQueue((2, 4, 8)), [(30, 0), (2, 5), (2, 9)])
    assert ends[1:] == [7, 11]
    assert [pid for (pid,) in order(kernel)][:11] == [0] * 5 + [1] * 2 + [0] * 2 + [2] * 2


def test_who_uses_up_a_quantum_sinks_and_a_boost_lifts_all():
    policy = MultiLevelFeedbackQueue((1, 2), boost=10)
    kernel = Kernel(IntegerDriver(), num_blocks=100, slots=1, policy=policy)
    process = kernel.spawn([1], 30)
    levels = []
    while kernel.step():
        levels.append(policy.key(process, kernel.now)[0])
    assert levels[:9] == [1] * 9
    assert levels[9] == 0


def test_with_as_many_slots_as_jobs_the_policy_does_not_show():
    jobs = [(30, 0), (10, 0), (10, 0)]
    assert len({tuple(finished(make(), jobs, slots=3)[0]) for make in POLICIES.values()}) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RoundRobin(0), "quantum=0"),
        (lambda: PriorityWithAgeing(-1), "ageing=-1"),
        (lambda: PriorityWithAgeing(float("nan")), "ageing=nan"),
        (lambda: MultiLevelFeedbackQueue(()), "no queue"),
        (lambda: MultiLevelFeedbackQueue((1, 0)), "quantum=0"),
        (lambda: MultiLevelFeedbackQueue(boost=0), "boost=0"),
    ],
)
def test_bad_settings_are_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()
