"""Pictures of chapter 1 show what they are given: landmarks, curves, shares, the timeline."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.records import landmarks, timeline
from llmasos_edu.plots.background import (
    LANES,
    copying_figure,
    idea_drawing,
    landmarks_figure,
    learning_figure,
    step_figure,
    timeline_drawing,
)

CITED = {key: work.short for key, work in load_bibliography().items()}


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def points(axes, marker):
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return {round(line.get_ydata()[0]): line.get_xdata()[0] for line in lines}


def test_landmarks_are_points_at_their_numbers_and_open_where_computed():
    models = landmarks()
    figure = landmarks_figure(models, 1e11, title="the finding", own=("ours", 6e13))
    left, right = figure.axes
    rows = {number: model for number, model in enumerate(models) if model.training_flops}
    assert points(left, "o") == {row: model.training_flops for row, model in rows.items()}
    hollow = {round(line.get_ydata()[0]) for line in left.lines if line.get_markerfacecolor() == "white"}
    assert hollow == {row for row, model in rows.items() if model.flops is None}
    assert points(right, "s") == {row: model.parameters for row, model in enumerate(models)}
    assert points(right, "o") == {row: model.active for row, model in enumerate(models)}
    unknown = [text.get_text() for text in left.texts].count("tokens not stated")
    assert unknown == len(models) - len(rows) > 0
    assert figure.get_suptitle() == "the finding"


def test_the_axis_of_time_is_flops_divided_by_the_rate():
    figure = landmarks_figure(landmarks(), 2e11, title="", own=("ours", 6e13))
    figure.canvas.draw()
    left = figure.axes[0]
    (above,) = left.child_axes
    low, high = left.get_xlim()
    assert above.get_xlim() == pytest.approx((low / 2e11, high / 2e11))


def test_a_machine_that_does_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0 FLOP/s"):
        landmarks_figure(landmarks(), 0, title="", own=("ours", 1e13))


def test_each_idea_stands_in_a_box_in_its_column_with_its_paper():
    ideas = timeline()
    axes = timeline_drawing(ideas, CITED).axes[0]
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(boxes) == len(ideas)
    texts = {text.get_text(): text.get_position() for text in axes.texts}
    heads = {lane: texts[words][0] for lane, (words, _) in LANES.items()}
    for idea in ideas:
        x, y = texts[f"{idea.words}\n{CITED[idea.work]}"]
        assert x == pytest.approx(heads[idea.lane])
        assert any(box.get_y() < y < box.get_y() + box.get_height() for box in boxes)
    heights = [texts[str(year)][1] for year in sorted({idea.year for idea in ideas})]
    assert heights == sorted(heights, reverse=True)
    for one in boxes:
        for other in boxes:
            assert one is other or not one.get_bbox().overlaps(other.get_bbox())


def test_an_empty_timeline_is_refused():
    with pytest.raises(ValueError, match="0 ideas"):
        timeline_drawing([], {})


def test_curves_are_drawn_as_given():
    axes = copying_figure({"twice": [5, 4, 2, 1], "other": [5, 4, 5, 4]}, 2, title="t").axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[5, 4, 2, 1], [5, 4, 5, 4]]
    runs = {"adapted": [([0, 1], [2, 1]), ([0, 2], [2, 1.5])], "from nothing": [([0, 3], [4, 3])]}
    figure = learning_figure({"near": runs, "far": runs}, title="t")
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]
    assert list(figure.axes[1].lines[2].get_xdata()) == [0, 3]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 2


def test_shares_of_a_step_lie_end_to_end():
    ways = {"by hand": {"forward": 0.3, "backward": 0.7}, "profiler": {"forward": 0.4, "backward": 0.6}}
    axes = step_figure(ways, title="t").axes[0]
    bars = [bar for container in axes.containers for bar in container]
    assert [(bar.get_x(), pytest.approx(bar.get_width())) for bar in bars] == [
        (0, 0.3), (0.3, 0.7), (0, 0.4), (0.4, 0.6)
    ]  # fmt: skip
    assert len({bar.get_facecolor() for bar in bars}) == 2


def test_both_ideas_are_drawn_with_the_same_parts():
    words = [text.get_text() for text in idea_drawing().axes[0].texts]
    assert sum(word.startswith("language model") for word in words) == 2
    assert sum(word.startswith("tools, files") for word in words) == 2
