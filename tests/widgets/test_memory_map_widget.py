"""The memory map without a browser: what it takes, refuses and says; its still picture."""

import matplotlib.pyplot as plt
import pytest
import traitlets
from kernel_traces import crowded, step_with

from llmasos_edu.plots.kernel_explorers import memory_map_figure
from llmasos_edu.widgets import MemoryMapExplorer


def test_it_says_what_it_holds_and_begins_where_it_is_told():
    explorer = MemoryMapExplorer(crowded())
    steps = len(crowded()["steps"])
    assert repr(explorer) == f"MemoryMapExplorer(14 blocks of 4 tokens, 8 processes, {steps} steps)"
    assert (explorer.step, explorer.block, explorer.process) == (0, 0, -1)
    other = MemoryMapExplorer(crowded(), step=-1, process=3)
    assert (other.step, other.process) == (steps - 1, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step": 10**6}, "step=1000000 is out of range"),
        ({"process": 8}, "process=8 is none of the trace's: 0, 1, 2, 3, 4, 5, 6, 7"),
    ],
)
def test_what_is_not_there_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        MemoryMapExplorer(crowded(), **settings)


def test_traits_are_held_to_the_trace():
    explorer = MemoryMapExplorer(crowded())
    explorer.step, explorer.block, explorer.process = 3, 13, 7
    for name, value in (("step", 10**6), ("block", 14), ("block", -1), ("process", 9)):
        with pytest.raises(traitlets.TraitError, match=f"{name}={value} is"):
            setattr(explorer, name, value)
    assert (explorer.step, explorer.block, explorer.process) == (3, 13, 7)


def test_a_trace_without_tables_is_refused_with_what_to_do():
    trace = crowded()
    for step in trace["steps"]:
        del step["tables"]
    with pytest.raises(ValueError, match=r'make the kernel with trace="memory"'):
        MemoryMapExplorer(trace)


# ---- the still picture ----


def words_of(figure, panel=0):
    return [text.get_text() for text in figure.axes[panel].texts]


def test_the_still_picture_names_every_holder_and_what_is_swapped_out():
    trace = crowded()
    at = [step_with(trace, "shared", "swapped"), len(trace["steps"]) - 1]
    figure = memory_map_figure(trace, [at[0], -1], title="Two moments")
    step = trace["steps"][at[0]]
    holders = {}
    for pid, held in step["tables"].items():
        for block in held["table"]:
            holders.setdefault(block, []).append(pid)
    expected = [f"{len(pids)}×" if len(pids) > 1 else pids[0] for _, pids in sorted(holders.items())]
    expected += [pid for pid, many in step["swapped"].items() for _ in range(many)]
    assert words_of(figure) == expected
    assert words_of(figure, 1) == [], "at the end nobody holds anything"
    ends = [trace["steps"][step]["end"] for step in at]
    assert [axes.get_title("left") for axes in figure.axes] == [
        f"after step {step + 1}, at time {end:g}" for step, end in zip(at, ends, strict=True)
    ]
    plt.close(figure)


def test_the_still_picture_refuses_what_is_not_there():
    with pytest.raises(ValueError, match="steps is empty"):
        memory_map_figure(crowded(), [])
    with pytest.raises(ValueError, match="step=5000 is out of range"):
        memory_map_figure(crowded(), [5000])
