"""Policies: the textbook's figures, and what each promises."""

import math
from collections import Counter
from types import SimpleNamespace

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


def turns(policy, times):
    """The queue and the place in it after each turn of one process, as its key says."""
    process = SimpleNamespace(arrival=0.0, account={})
    seen = []
    for time in times:
        policy.ran(process, time)
        seen.append(policy.key(process, time))
    return seen


def test_the_feedback_queue_counts_each_quantum_from_its_first_turn():
    keys = turns(MultiLevelFeedbackQueue(quanta=(1, 2, 3)), range(1, 10))
    assert [level for level, *_ in keys] == [1, 1, 2, 2, 2, 2, 2, 2, 2]
    # It went to the end after turns 1, 3, 6 and 9.
    assert [back for _, back, _ in keys] == [1, 1, 3, 3, 3, 6, 6, 6, 9]
    assert [order for *_, order in keys] == [0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_a_boost_begins_a_quantum_anew_and_counts_from_the_next_turn():
    policy = MultiLevelFeedbackQueue(quanta=(2, 4), boost=10.0)
    # Two turns and it sinks, three more there; the turn that ends after 10 is the first since the boost.
    keys = turns(policy, [1, 2, 3, 4, 5, 11, 12, 13, 14])
    assert [level for level, *_ in keys] == [0, 1, 1, 1, 1, 0, 0, 1, 1]
    boosted = turns(MultiLevelFeedbackQueue(quanta=(3,), boost=0.5), [0.1, 0.2, 0.7, 0.8, 0.9, 0.95])
    assert [back for _, back, _ in boosted] == [0.0, 0.0, 0.0, 0.0, 0.0, 0.95]


def test_newcomers_stand_before_all_who_went_to_the_end_at_their_arrival():
    for policy in (RoundRobin(), MultiLevelFeedbackQueue(quanta=(1, 1))):
        first, second = (SimpleNamespace(arrival=4.0, account={}) for _ in range(2))
        policy.ran(first, 4.0)
        assert policy.key(second, 4.0) < policy.key(first, 4.0)


def test_what_a_policy_is_unless_told():
    assert RoundRobin().quantum == 1
    assert PriorityWithAgeing().ageing == 0.01
    assert (MultiLevelFeedbackQueue().quanta, MultiLevelFeedbackQueue().boost) == ((1, 2, 4, 8), 200.0)
    with pytest.raises(ValueError, match="ageing=inf"):
        PriorityWithAgeing(math.inf)
