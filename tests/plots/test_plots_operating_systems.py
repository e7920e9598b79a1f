"""Pictures of schedules, frames and memory show what was computed; drawings carry their thing's numbers."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from llmasos_edu.kernel.allocator import FreeList, Piece
from llmasos_edu.kernel.paging import FirstInFirstOut, PageFault, PageTable, replace_pages
from llmasos_edu.kernel.processor import Job, run
from llmasos_edu.kernel.scheduler import FirstComeFirstServed, RoundRobin
from llmasos_edu.plots.drawing import Drawing, ink_on
from llmasos_edu.plots.operating_systems import (
    frames_figure,
    machine_drawing,
    memory_figure,
    schedule_figure,
    states_drawing,
    translation_drawing,
)

WORKLOAD = [Job("long", 6), Job("short", 1, 1, deadline=3), Job("short", 1, 9, deadline=20)]


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def bars(axes):
    """(line, start, end) of every bar."""
    found = [bar for container in axes.containers for bar in container]
    return [
        (round(bar.get_y() + bar.get_height() / 2), bar.get_x(), bar.get_x() + bar.get_width())
        for bar in found
    ]


def test_bars_are_the_turns_on_the_line_of_their_name():
    schedules = {"first": run(WORKLOAD, FirstComeFirstServed()), "turns": run(WORKLOAD, RoundRobin(2))}
    figure = schedule_figure(schedules, title="the finding")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["first", "turns"]
    for axes, schedule in zip(figure.axes, schedules.values(), strict=True):
        lines = [label.get_text() for label in axes.get_yticklabels()]
        assert lines == ["long", "short"]
        assert bars(axes) == [(lines.index(t.job.name), t.start, t.end) for t in schedule.turns]
        assert axes.get_xlim() == (0, max(each.end for each in schedules.values()))
    assert figure.get_suptitle() == "the finding"


def test_a_deadline_is_marked_by_whether_it_was_met():
    for policy, marks in ((FirstComeFirstServed(), ["X", "v"]), (RoundRobin(1), ["v", "v"])):
        axes = schedule_figure({"one": run(WORKLOAD, policy)}).axes[0]
        drawn = [
            (line.get_xdata()[0], line.get_marker()) for line in axes.lines if line.get_marker() != "None"
        ]
        assert drawn == list(zip([3, 20], marks, strict=True))


def test_the_legend_names_only_what_is_there():
    def entries(jobs, **settings):
        figure = schedule_figure({"one": run(jobs, RoundRobin(1), **settings)})
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert entries([Job("a", 2)]) == ["there, not running"]
    assert entries(WORKLOAD) == ["there, not running", "deadline, met"]
    assert entries([Job("a", 2), Job("b", 2)], switch_cost=1)[-1] == "changing over"


def test_schedules_of_different_workloads_are_refused():
    with pytest.raises(ValueError, match="must be of one workload"):
        schedule_figure({"one": run(WORKLOAD, RoundRobin()), "other": run([Job("x", 1)], RoundRobin())})
    with pytest.raises(ValueError, match="must be of one workload"):
        schedule_figure({})


def test_cells_are_the_frames_and_colour_is_a_page_that_came_in():
    steps = replace_pages([1, 2, 1, 3], 2, FirstInFirstOut())
    figure = frames_figure({"mine": steps}, title="t")
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "mine: 3 faults"
    assert texts(figure) == ["1", "", "1", "2", "1", "2", "3", "2"]
    colours = [patch.get_facecolor() for patch in axes.patches if isinstance(patch, Rectangle)]
    came = [number for number, colour in enumerate(colours) if colour == colours[0]]
    assert came == [0, 3, 6]  # page 1 into frame 0, 2 into frame 1, 3 into frame 0
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "1", "3"]


def test_strips_are_the_pieces_and_holes_are_hatched():
    memory = FreeList(30)
    starts = [memory.allocate(10) for _ in range(3)]
    memory.free(starts[1])
    axes = memory_figure({"mine": memory.pieces(), "other": [Piece(0, 30, False)]}, unit="bytes").axes[0]
    assert bars(axes) == [(0, 0, 10), (0, 10, 20), (0, 20, 30), (1, 0, 30)]
    hatched = [bar.get_hatch() is not None for container in axes.containers for bar in container]
    assert hatched == [False, True, False, True]
    assert axes.get_xlabel() == "address, bytes"


def test_a_translation_is_drawn_with_its_numbers():
    table = PageTable(16, 4)
    table.map(1, 7)
    said = texts(translation_drawing(table, 21))
    assert {"address 21", "page 1", "offset 5", "page 1:  frame 7", "page 2:  no frame"} <= set(said)
    assert "7 · 16 + 5\n= 117" in said
    with pytest.raises(PageFault):
        translation_drawing(table, 40)


def test_drawings_stay_on_their_sheet_and_words_in_their_boxes():
    table = PageTable(16, 4)
    for page in range(4):
        table.map(page, page + 100)
    for figure in (machine_drawing(), states_drawing(), translation_drawing(table, 21)):
        figure.canvas.draw()
        sheet = figure.bbox
        boxes = [
            patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, Rectangle)
        ]
        for text in figure.axes[0].texts:
            extent = text.get_window_extent()
            assert sheet.x0 <= extent.x0 <= extent.x1 <= sheet.x1, text.get_text()
            assert sheet.y0 <= extent.y0 <= extent.y1 <= sheet.y1, text.get_text()
            for box in boxes:
                if box.contains(*extent.get_points().mean(axis=0)):
                    assert box.x0 <= extent.x0 <= extent.x1 <= box.x1, text.get_text()
                else:
                    assert not box.overlaps(extent), f"{text.get_text()} touches a box"


def test_boxes_know_the_middles_of_their_sides():
    box = Drawing(4, 3).box(1, 1, 2, 1, "word")
    assert (box.left, box.right, box.top, box.bottom) == ((1, 1.5), (3, 1.5), (2, 2), (2, 1))


@pytest.mark.parametrize(
    ("colour", "light"), [("white", False), ("#F0E442", False), ("#0072B2", True), ("black", True)]
)
def test_words_can_be_read_on_their_box(colour, light):
    assert (ink_on(colour) == "white") == light
