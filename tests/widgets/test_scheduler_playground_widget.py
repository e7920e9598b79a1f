"""The scheduler playground without a browser: what it takes and refuses, its workloads, its still picture."""

import itertools

import matplotlib.pyplot as plt
import pytest
import traitlets

from llmasos_edu.plots.kernel_explorers import playground_figure, run_playground
from llmasos_edu.widgets import SchedulerPlayground
from llmasos_edu.widgets.scheduler_playground.data import POLICIES, draw_jobs


def test_it_says_what_it_holds():
    assert repr(SchedulerPlayground()) == (
        "SchedulerPlayground(FCFS above round robin, 20 jobs on 4 slots, 20 blocks of 4 tokens)"
    )
    alone = SchedulerPlayground([(0, 1, 5)], policy="sjf", beside="sjf", num_blocks=2)
    assert repr(alone) == "SchedulerPlayground(SJF, 1 jobs on 4 slots, 2 blocks of 4 tokens)"


def test_given_jobs_may_be_tuples_or_dictionaries():
    given = [(0, 3, 5), (2, 4, 6, 1.5), {"arrival": 1, "prompt": 2, "max_new": 3}]
    assert SchedulerPlayground(given).workload() == [
        {"arrival": 0, "prompt": 3, "max_new": 5, "priority": 0.0},
        {"arrival": 2, "prompt": 4, "max_new": 6, "priority": 1.5},
        {"arrival": 1, "prompt": 2, "max_new": 3, "priority": 0.0},
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"policy": "lottery"}, "policy='lottery' is not one of fcfs, sjf, round_robin, priority, mlfq"),
        ({"beside": "lottery"}, "beside='lottery' is not one of"),
        ({"admission": "all"}, "admission='all' is not one of optimistic, watermark, future_peak"),
        ({"evict": "burn"}, "evict='burn' is not one of drop, swap"),
        ({"quantum": 0}, "quantum=0 is out of range: 1 to 16"),
        ({"load": 9}, "load=9 is out of range"),
        ({"ageing": float("nan")}, "ageing=nan is out of range"),
        ({"num_blocks": 1}, "num_blocks=1 is too few: the smallest job needs"),
        ({"jobs": [(0, 1, 1)] * 61}, "61 jobs: give 1 to 60"),
        ({"jobs": []}, "0 jobs: give 1 to 60"),
        ({"jobs": [(0, 0, 1)]}, r"jobs\[0\] prompt=0 is out of range"),
        ({"jobs": [{"arrival": 0, "prompt": 1}]}, r"jobs\[0\] has no 'max_new'"),
        ({"jobs": [{"length": 3}]}, r"jobs\[0\] has 'length': a job has arrival, prompt, max_new, priority"),
        ({"jobs": [(0, 10_000, 9_000), (0, 10_000, 9_000)]}, "38,000 tokens together"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(settings, words):
    with pytest.raises(ValueError, match=words):
        SchedulerPlayground(**settings)


@pytest.mark.parametrize("jobs", ["abc", [(1, 2)], [3], [(0, 1.5, 2)]])
def test_what_is_no_job_is_refused(jobs):
    with pytest.raises(TypeError, match="job"):
        SchedulerPlayground(jobs)


def test_traits_are_held_to_their_bounds():
    playground = SchedulerPlayground()
    playground.slots, playground.policy = 8, "mlfq"
    for name, value in (("slots", 0), ("policy", "lottery"), ("load", 0.0), ("step", -1)):
        with pytest.raises(traitlets.TraitError, match=f"{name}="):
            setattr(playground, name, value)


def test_drawn_jobs_bring_the_load_that_is_asked_for():
    for load, slots in itertools.product((0.5, 1.0, 2.0), (1, 4)):
        work = span = 0
        for seed in range(60):
            jobs = draw_jobs(seed, 60, load, slots)
            assert [job["arrival"] for job in jobs] == sorted(job["arrival"] for job in jobs)
            work += sum(job["max_new"] for job in jobs[:-1])
            span += jobs[-1]["arrival"]
        assert work / (span * slots) == pytest.approx(load, rel=0.08)
    assert draw_jobs(1, 20, 1.0, 4) != draw_jobs(2, 20, 1.0, 4) != draw_jobs(3, 20, 1.0, 4)


def test_the_textbook_s_three_jobs():
    """Jobs of 100, 10 and 10 on one slot: mean turnaround 110 under FCFS, 50 under SJF."""
    jobs = [(0, 1, 100), (0, 1, 10), (0, 1, 10)]
    means = {}
    for policy in ("fcfs", "sjf"):
        kernel = run_playground(SchedulerPlayground(jobs, policy=policy, slots=1, num_blocks=100))
        means[policy] = sum(each.finished for each in kernel.processes.values()) / 3
    assert means == {"fcfs": 110, "sjf": 50}


def test_the_still_picture_shows_what_the_kernel_measured():
    playground = SchedulerPlayground(seed=3)
    figure = playground_figure(playground, title="Who waits for whom")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(POLICIES.values())
    widths = [bar.get_width() for bar in axes.patches]
    for place, policy in enumerate(POLICIES):
        done = run_playground(playground, policy).processes.values()
        assert widths[place] == pytest.approx(sum(each.finished - each.arrival for each in done) / 20)
        assert widths[5 + place] == pytest.approx(sum(each.first_token - each.arrival for each in done) / 20)
    plt.close(figure)
