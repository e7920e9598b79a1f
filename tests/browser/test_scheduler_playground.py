"""The scheduler playground in a real Chromium: the kernel's rules in JavaScript, held equal to the kernel."""

import itertools
import json
import random
from itertools import zip_longest

import pytest
from latency import report_latency

from llmasos_edu.plots.kernel_explorers import run_playground
from llmasos_edu.widgets import SchedulerPlayground
from llmasos_edu.widgets.scheduler_playground.data import ADMISSIONS, POLICIES, draw_jobs, least_blocks

WORKLOADS = 100
SHOWN = ("pid", "arrival", "state", "first_token", "finished", "computed", "evictions")
SETTINGS = ("policy", "admission", "evict", "quantum", "ageing", "slots", "load", "num_blocks", "block_size",
            "count", "chunk", "token_cost", "copy_cost", "seed")  # fmt: skip


@pytest.fixture
def show(explorer_page):
    def show(jobs=None, *, dark=False, width=900, **settings):
        playground = SchedulerPlayground(jobs, **settings)
        return explorer_page(playground, dark=dark, width=width), playground

    return show


def at_random(seed):
    """A playground with every setting drawn, given jobs in every second one, memory often too small."""
    draw = random.Random(seed)
    settings = {
        "policy": draw.choice(list(POLICIES)), "admission": draw.choice(ADMISSIONS), "beside": "",
        "evict": draw.choice(("drop", "swap")), "quantum": draw.randint(1, 4), "slots": draw.randint(1, 6),
        "ageing": draw.choice((0.0, 0.01, 0.1, 0.7)), "load": draw.choice((0.3, 1.0, 1.7, 3.0)),
        "block_size": draw.randint(1, 5), "count": draw.randint(1, 30), "chunk": draw.choice((0, 0, 1, 2, 5)),
        "token_cost": draw.choice((0.0, 0.1, 0.37)), "copy_cost": draw.choice((0.0, 0.3, 2.0)), "seed": seed,
    }  # fmt: skip
    jobs = None
    if seed % 2:
        jobs = [
            (
                draw.randint(0, 400 if seed % 8 == 1 else 30),
                draw.randint(1, 25),
                draw.randint(1, 30),
                draw.randint(0, 3),
            )
            for _ in range(draw.randint(1, 25))
        ]
    made = SchedulerPlayground(jobs, num_blocks=256, **settings).workload()
    largest = max(-(-(job["prompt"] + job["max_new"] - 1) // settings["block_size"]) for job in made)
    least = least_blocks(made, settings["block_size"])
    blocks = draw.choice((least, largest, largest + draw.randint(0, 12)))
    return SchedulerPlayground(jobs, num_blocks=min(256, blocks), **settings)


def in_the_browser(view, playgrounds):
    cases = [
        {name: getattr(each, name) for name in SETTINGS} | {"jobs": each.workload()} for each in playgrounds
    ]
    found = view.module(  # as one string: Playwright takes seconds to hand over so many values one by one
        """(module, model, cases) => JSON.stringify(
               cases.map(({ jobs, ...given }) => module.runTinyKernel(given, jobs)))""",
        cases,
    )
    return json.loads(found)


def first_difference(found, expected):
    """Number and both forms of the first step that differs: all of them together nobody could read."""
    for number, (one, other) in enumerate(zip_longest(found, expected)):
        if one != other:
            return number, one, other
    return None


def test_random_workloads_go_as_in_the_kernel(show):
    """Every step, every number: who ran, read, spoke, what was copied, is free, who was evicted for whom."""
    view, _ = show()
    playgrounds = [at_random(seed) for seed in range(WORKLOADS)]
    evictions = refused = copied = pieces = 0
    for seed, (playground, found) in enumerate(
        zip(playgrounds, in_the_browser(view, playgrounds), strict=True)
    ):
        trace = run_playground(playground).trace.as_dict()
        expected = [
            step | {"batch": [row | {"said": len(row["said"])} for row in step["batch"]]}
            for step in trace["steps"]
        ]
        assert first_difference(found["steps"], expected) is None, seed
        procs = [{name: each[name] for name in SHOWN} for each in trace["procs"]]
        assert [{name: each[name] for name in SHOWN} for each in found["procs"]] == procs, seed
        evictions += sum(each["evictions"] for each in procs)
        refused += sum(each["state"] == "rejected" for each in procs)
        copied += sum(step["copied"] for step in expected)
        pieces += sum(row["said"] == 0 for step in expected for row in step["batch"])
    assert min(evictions, refused, copied, pieces) > 100, "the workloads do not reach every rule"


def test_drawn_jobs_are_the_same_in_both_languages(show):
    view, _ = show()
    cases = [
        {"seed": seed, "count": count, "load": load, "slots": slots}
        for seed, (count, load, slots) in enumerate(
            itertools.product((1, 20, 60), (0.1, 0.35, 0.9, 1.05, 3.0), (1, 3, 16))
        )
    ] + [{"seed": 2**31 - 1, "count": 60, "load": 1.0, "slots": 4}]
    found = view.module("(module, model, cases) => cases.map(module.drawJobs)", cases)
    assert found == [draw_jobs(**case) for case in cases]


def test_floor_division_is_python_s(show):
    view, _ = show()
    draw = random.Random(0)
    cases = [(draw.uniform(0, 1e4), draw.choice((0.1, 0.3, 1.0, 7.0, 200.0))) for _ in range(2000)]
    cases += [(k * 0.1, 0.1) for k in range(500)] + [(199.99999999999997, 200.0), (0.0, 200.0)]
    found = view.module("(module, model, cases) => cases.map(([a, b]) => module.floorDivide(a, b))", cases)
    assert found == [value // by for value, by in cases]


# ---- what one sees and does ----


def measures(view, number=0):
    view.settle()
    rows = view.locator(".lm-table").first.locator("tbody tr").all()
    table = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
    return {name: values[number] for name, *values in table}


def test_the_textbook_s_three_jobs(show):
    jobs = [(0, 1, 100), (0, 1, 10), (0, 1, 10)]
    view, _ = show(jobs, policy="fcfs", beside="sjf", slots=1, num_blocks=100)
    assert [measures(view, number)["mean turnaround"] for number in (0, 1)] == ["110.0", "50.0"]
    told = view.locator(".lm-policies canvas").get_attribute("aria-label")
    assert told.startswith("FCFS: mean turnaround 110.0, mean response ")
    assert "; SJF: mean turnaround 50.0, mean response " in told
    assert view.get_by_label("Load", exact=True).is_disabled()
    assert view.get_by_role("button", name="Another workload").is_disabled()


@pytest.mark.parametrize(
    ("label", "value", "name"),
    [
        ("Slots", 2, "slots"), ("Load", 2.5, "load"), ("Memory", 40, "num_blocks"), ("Jobs", 35, "count"),
        ("Chunk", 3, "chunk"), ("Token's cost", 0.5, "token_cost"),
    ],
)  # fmt: skip
def test_every_knob_runs_the_rules_anew(show, label, value, name):
    view, _ = show()
    before = view.pixels(".lm-map canvas >> nth=0")
    view.set_slider(label, value)
    assert view.state(name) == value
    assert view.pixels(".lm-map canvas >> nth=0") != before
    kernel = run_playground(SchedulerPlayground(**{name: value}))
    done = [each for each in kernel.processes.values() if each.state.value == "done"]
    mean = sum(each.finished - each.arrival for each in done) / len(done)
    assert float(measures(view)["mean turnaround"]) == pytest.approx(mean, abs=0.051)
    assert measures(view)["steps"] == str(len(kernel.trace.steps))
    view.get_by_role("button", name="As given").click()
    assert view.pixels(".lm-map canvas >> nth=0") == before


def test_quantum_ageing_and_evictions_reach_their_policies(show):
    view, _ = show(policy="round_robin", beside="priority", num_blocks=16)
    given = [measures(view, number) for number in (0, 1)]
    view.set_slider("Quantum", 9)
    assert measures(view, 0) != given[0]
    assert measures(view, 1) == given[1]
    view.set_slider("Ageing", 0.9)
    assert measures(view, 1) != given[1]
    view.set_slider("Copy's cost", 2)
    dropped = measures(view, 0)
    view.get_by_label("Eviction").select_option("swap")
    assert measures(view, 0) != dropped
    view.get_by_label("Admission").select_option("future_peak")
    assert [measures(view, number)["evictions"] for number in (0, 1)] == ["0", "0"]


def test_policies_are_chosen_and_never_stand_beside_themselves(show):
    view, _ = show()
    view.get_by_label("Policy", exact=True).select_option("round_robin")
    view.settle()
    assert view.state("policy", "beside") == ["round_robin", "fcfs"], "they change places"
    view.get_by_label("Beside it").select_option("")
    view.settle()
    assert view.locator(".lm-table").first.locator("thead th").count() == 1
    assert view.get_by_label("Beside it").locator("option[value=round_robin]").is_disabled()


def test_memory_never_falls_below_the_smallest_job(show):
    view, playground = show()
    view.put(num_blocks=1)
    view.set_slider("Memory", 1)
    assert view.state("num_blocks") == least_blocks(playground.workload(), 4)
    assert "–" not in measures(view)["mean response"]


def test_another_workload_and_the_cursor_by_keys(show):
    view, _ = show(seed=5)
    before = measures(view)
    view.get_by_role("button", name="Another workload").click()
    assert view.state("seed") == 6
    assert measures(view) != before
    view.locator(".lm-map").focus()
    view.press("End")
    last = view.state("step")
    assert last == int(measures(view)["steps"]) - 1
    view.set_slider("Jobs", 3)
    assert view.state("step") < last, "the cursor stays within the steps"
    view.press("Home", "ArrowDown")


def test_png_and_svg_are_downloaded(show, tmp_path):
    view, _ = show(policy="priority", beside="mlfq")
    name, size, words = view.saved_picture(tmp_path)
    assert (name, size[0]) == ("scheduler-priority-mlfq", 1720)
    assert {"priority with ageing", "MLFQ", "20 jobs, 4 slots, 20 blocks of 4, quantum 2"} <= set(words)


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    view, _ = show(count=60, slots=8)
    report_latency(view.page, record_property, "scheduler playground, 60 jobs, 8 slots",
                   keys=("ArrowRight", "ArrowLeft"))  # fmt: skip
