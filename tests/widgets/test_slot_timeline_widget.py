"""The slot timeline without a browser: what it takes, refuses and says; its still picture."""

import matplotlib.pyplot as plt
import pytest
import traitlets
from kernel_traces import crowded

from llmasos_edu.plots.kernel_explorers import slot_timeline_figure
from llmasos_edu.widgets import SlotTimelineExplorer


def test_it_is_called_by_its_policies_and_says_what_it_holds():
    one, two = crowded("fcfs"), crowded("round_robin")
    explorer = SlotTimelineExplorer(one, two)
    assert explorer.names == ["FCFS", "round robin"]
    assert repr(explorer) == (
        f"SlotTimelineExplorer(FCFS: 8 processes in {len(one['steps'])} steps on 3 slots; "
        f"round robin: 8 processes in {len(two['steps'])} steps on 3 slots)"
    )
    assert SlotTimelineExplorer(one, one).names == ["FCFS, 1", "FCFS, 2"]
    assert SlotTimelineExplorer(one, step=-1).step == len(one["steps"]) - 1
    own = SlotTimelineExplorer(one | {"meta": one["meta"] | {"policy": {"name": "Lottery"}}})
    assert own.names == ["Lottery"]
    del one["meta"]["policy"]
    assert SlotTimelineExplorer(one).names == ["trace"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"names": ["a", "b"]}, "names"),
        ({"step": 5000}, "step=5000 is out of range"),
        ({"other": {"meta": {}}}, "other has no 'steps'"),
    ],
)
def test_what_does_not_fit_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        SlotTimelineExplorer(crowded(), **settings)


def test_traits_are_held_to_the_traces():
    explorer = SlotTimelineExplorer(crowded("fcfs"), crowded("sjf"))
    explorer.lane = 5
    for name, value in (("lane", 6), ("lane", -1), ("step", 5000)):
        with pytest.raises(traitlets.TraitError, match=f"{name}={value} is out of range"):
            setattr(explorer, name, value)
    assert SlotTimelineExplorer(crowded()).other == {}


def test_a_trace_without_tables_is_enough():
    trace = crowded()
    for step in trace["steps"]:
        for name in ("tables", "swapped", "cached", "states"):
            del step[name]
    assert SlotTimelineExplorer(trace).trace["steps"] == SlotTimelineExplorer(crowded()).trace["steps"]


# ---- the still picture ----


def test_the_still_picture_has_every_stay_with_its_number():
    trace = crowded("fcfs")
    figure = slot_timeline_figure(trace, crowded("round_robin"), title="Two policies")
    first, second = figure.axes
    pids = [text.get_text() for text in first.texts]
    assert sorted(map(int, pids)) == sorted({row["pid"] for step in trace["steps"] for row in step["batch"]})
    shown = sum(patch.get_width() for patch in first.patches if patch.get_fill())
    assert shown == pytest.approx(
        sum(len(step["batch"]) * (step["end"] - step["time"]) for step in trace["steps"])
    )
    reading = sum(patch.get_hatch() is not None for patch in first.patches)
    assert reading == sum(row["read"] > 1 for step in trace["steps"] for row in step["batch"])
    assert [axes.get_title("left") for axes in figure.axes] == ["FCFS", "round robin"]
    assert first.get_xlim() == second.get_xlim()
    evicted = [
        step["time"]
        for step in crowded("round_robin")["steps"]
        if any(event[0] == "evict" for event in step["events"])
    ]
    assert list(second.lines[-1].get_xdata()) == evicted != []
    plt.close(figure)


def test_the_still_picture_refuses_names_that_do_not_fit():
    with pytest.raises(ValueError, match="names"):
        slot_timeline_figure(crowded(), names=["a", "b"])
