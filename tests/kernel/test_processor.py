"""One processor: the textbook's figures under the kernel's own policies, deadlines, waits, and invariants."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.kernel.processor import EarliestDeadlineFirst, Job, periodic, run
from llmasos_edu.kernel.scheduler import (
    FirstComeFirstServed,
    MultiLevelFeedbackQueue,
    PriorityWithAgeing,
    RoundRobin,
    ShortestJobFirst,
)

POLICIES = {
    "fcfs": FirstComeFirstServed,
    "sjf": ShortestJobFirst,
    "round_robin": lambda: RoundRobin(2),
    "priority": PriorityWithAgeing,
    "mlfq": MultiLevelFeedbackQueue,
    "edf": EarliestDeadlineFirst,
}
WORKLOADS = st.lists(
    st.builds(
        Job,
        name=st.sampled_from("ab"),
        length=st.integers(1, 8),
        arrival=st.integers(0, 12),
        priority=st.integers(0, 3),
        deadline=st.one_of(st.just(math.inf), st.integers(12, 40)),
        burst=st.one_of(st.none(), st.integers(1, 3)),
        wait=st.integers(0, 4),
    ),
    min_size=1,
    max_size=6,
)


def jobs(*lengths):
    return [Job(name, length) for name, length in zip("ABCDE", lengths, strict=False)]


def order(schedule):
    return [(turn.job and turn.job.name, turn.start, turn.end) for turn in schedule.turns]


# Three Easy Pieces, chapter 7 --------------------------------------------------------


@pytest.mark.parametrize(("policy", "mean"), [(FirstComeFirstServed, 110), (ShortestJobFirst, 50)])
def test_jobs_of_100_10_10(policy, mean):
    assert run(jobs(100, 10, 10), policy()).mean("turnaround") == mean


def test_short_jobs_that_come_later_take_the_turn_over():
    workload = [Job("A", 100), Job("B", 10, 10), Job("C", 10, 10)]
    schedule = run(workload, ShortestJobFirst())
    assert order(schedule) == [("A", 0, 10), ("B", 10, 20), ("C", 20, 30), ("A", 30, 120)]
    assert schedule.mean("turnaround") == 50
    assert run(workload, FirstComeFirstServed()).mean("turnaround") == pytest.approx(103.3, abs=0.04)


@pytest.mark.parametrize(
    ("policy", "response", "turnaround"), [(ShortestJobFirst, 5, 10), (lambda: RoundRobin(1), 1, 14)]
)
def test_round_robin_answers_soon_and_ends_late(policy, response, turnaround):
    schedule = run(jobs(5, 5, 5), policy())
    assert schedule.mean("response") == response
    assert schedule.mean("turnaround") == turnaround


def test_a_quantum_is_used_to_its_end():
    assert order(run(jobs(3, 5), RoundRobin(2))) == [("A", 0, 2), ("B", 2, 4), ("A", 4, 5), ("B", 5, 8)]


def test_mlfq_serves_a_short_newcomer_first_without_knowing_its_length():
    schedule = run([Job("long", 40), Job("short", 2, 20)], MultiLevelFeedbackQueue())
    assert schedule.mean("turnaround", "short") <= 3
    assert schedule.mean("turnaround", "long") == 42


# Deadlines ---------------------------------------------------------------------------


def test_rate_monotonic_misses_where_the_earliest_deadline_does_not():
    """Periods 50 and 80, lengths 25 and 35, 94 % load: Operating System Concepts, real-time scheduling."""
    tasks = periodic("fast", 25, 50, 400) + periodic("slow", 35, 80, 400)
    fixed = run(tasks, PriorityWithAgeing(ageing=0))
    assert order(fixed)[:4] == [("fast", 0, 25), ("slow", 25, 50), ("fast", 50, 75), ("slow", 75, 85)]
    assert fixed.misses > 0
    assert run(tasks, EarliestDeadlineFirst()).misses == 0


def test_under_the_bound_rate_monotonic_misses_nothing():
    tasks = periodic("fast", 20, 50, 400) + periodic("slow", 35, 100, 400)
    assert run(tasks, PriorityWithAgeing(ageing=0)).misses == 0


@given(st.lists(st.sampled_from([2, 3, 4, 6, 12]), min_size=1, max_size=4), st.data())
def test_up_to_full_load_the_earliest_deadline_misses_nothing(periods, data):
    """Liu and Layland 1973, theorem 7; over a common multiple of the periods every case has occurred."""
    tasks, left = [], 1.0
    for period in periods:
        length = data.draw(st.integers(0, math.floor(left * period + 1e-9)))
        left -= length / period
        tasks += periodic("task", length, period, 24) if length else []
    if tasks:
        assert run(tasks, EarliestDeadlineFirst()).misses == 0


def test_above_full_load_somebody_misses_under_every_policy():
    tasks = periodic("a", 3, 5, 100) + periodic("b", 3, 6, 100)  # 110 %
    for policy in POLICIES.values():
        assert run(tasks, policy()).misses > 0


def test_periodic_jobs_come_again_and_again():
    assert [(job.arrival, job.deadline, job.priority) for job in periodic("x", 1, 4, 12, start=2)] == [
        (2, 6, 0.25),
        (6, 10, 0.25),
        (10, 14, 0.25),
    ]


# Waiting for a device, and the cost of a change ---------------------------------------


def test_while_one_waits_for_its_device_another_runs():
    reader = Job("reader", 3, burst=1, wait=2)
    alone = run([reader], FirstComeFirstServed())
    assert order(alone) == [("reader", 0, 1), ("reader", 3, 4), ("reader", 6, 7)]
    assert alone.utilisation == pytest.approx(3 / 7)
    both = run([reader, Job("adder", 4, 0)], FirstComeFirstServed())
    assert order(both) == [
        ("reader", 0, 1), ("adder", 1, 3), ("reader", 3, 4), ("adder", 4, 6), ("reader", 6, 7),
    ]  # fmt: skip
    assert both.utilisation == 1
    assert (both.jobs[0].blocked, both.jobs[0].waiting) == (4, 0)


def test_a_change_costs_time_and_no_change_costs_none():
    schedule = run(jobs(2, 2), RoundRobin(1), switch_cost=3)
    assert order(schedule)[:4] == [("A", 0, 1), (None, 1, 4), ("B", 4, 5), (None, 5, 8)]
    assert schedule.end == 4 + 3 * 3
    assert run(jobs(4), RoundRobin(1), switch_cost=3).end == 4


# For every workload ------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@given(workload=WORKLOADS, switch_cost=st.integers(0, 2))
def test_every_job_gets_its_units_one_at_a_time(policy, workload, switch_cost):
    schedule = run(workload, policy(), switch_cost=switch_cost)
    now = 0
    for turn in schedule.turns:
        assert now <= turn.start < turn.end
        now = turn.end
    for job in schedule.jobs:
        own = [turn for turn in schedule.turns if turn.job is job]
        assert sum(turn.end - turn.start for turn in own) == job.length
        assert job.arrival <= own[0].start == job.started
        assert own[-1].end == job.finished
        assert job.waiting >= 0
    assert schedule.end == now
    assert all(job.done == 0 and job.finished is None for job in workload)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@given(workload=WORKLOADS)
def test_the_processor_never_idles_while_a_job_could_run(policy, workload):
    schedule = run(workload, policy())
    busy = {unit for turn in schedule.turns for unit in range(turn.start, turn.end)}
    plain = [job for job in schedule.jobs if job.burst is None]
    for unit in set(range(schedule.end)) - busy:
        assert not any(job.arrival <= unit < job.finished for job in plain)


@given(workload=st.lists(st.builds(Job, st.just("x"), st.integers(1, 9)), min_size=1, max_size=6))
def test_nothing_ends_sooner_on_average_than_the_shortest_first(workload):
    best = run(workload, ShortestJobFirst()).mean("turnaround")
    for policy in POLICIES.values():
        assert run(workload, policy()).mean("turnaround") >= best


# At the door -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"length": 0}, "length=0"),
        ({"length": 2.5}, "length=2.5"),
        ({"length": 1, "burst": 0}, "burst=0"),
        ({"length": 1, "arrival": -1}, "arrival=-1"),
        ({"length": 1, "wait": -2}, "wait=-2"),
        ({"length": 1, "arrival": 5, "deadline": 4}, "deadline=4 lies before arrival=5"),
    ],
)
def test_an_impossible_job_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Job("x", **arguments)


def test_an_impossible_run_is_refused():
    with pytest.raises(ValueError, match="0 jobs"):
        run([], RoundRobin())
    with pytest.raises(ValueError, match="switch_cost=-1"):
        run(jobs(1), RoundRobin(), switch_cost=-1)
    with pytest.raises(ValueError, match="no job is called 'Z'"):
        run(jobs(1), RoundRobin()).mean("turnaround", "Z")
