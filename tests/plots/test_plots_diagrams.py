"""The drawings of what chapters 3 to 5 build: nothing cut off, no words on words, told in words as drawn."""

import itertools

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.plots import diagrams
from llmasos_edu.plots.flow_chart import FILLS, FlowChart

EVERY = pytest.mark.parametrize("make", diagrams.ALL.values(), ids=diagrams.ALL)


@pytest.fixture
def chart(make):
    chart = make()
    chart.figure.canvas.draw()
    yield chart
    plt.close(chart.figure)


def words_of(chart):
    """Each piece of text with the rectangle of pixels that it covers."""
    texts = [*chart.drawing.axes.texts, *chart.figure.texts]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


@EVERY
def test_all_words_stand_on_the_paper_and_none_on_another(chart):
    paper, words = chart.figure.bbox, words_of(chart)
    for text, place in words:
        assert place.x0 >= 0, text
        assert place.y0 >= 0, text
        assert place.x1 <= paper.width, text
        assert place.y1 <= paper.height, text
    for (text, place), (other, there) in itertools.combinations(words, 2):
        assert not place.overlaps(there), (text, other)


@EVERY
def test_words_fit_into_their_boxes_and_boxes_onto_the_paper(chart):
    for name, box in chart.boxes.items():
        assert box.x >= 0, name
        assert box.y >= 0, name
        assert box.x + box.width <= chart.figure.get_figwidth(), name
    to_inches = chart.drawing.axes.transData.inverted()
    boxes = {" ".join(text.split()): chart.boxes[name] for name, text in chart.texts.items()}
    for text, place in words_of(chart):
        if (box := boxes.get(" ".join(text.split()))) is None:
            continue
        (x0, y0), (x1, y1) = to_inches.transform([(place.x0, place.y0), (place.x1, place.y1)])
        assert x1 - x0 <= box.width - 0.04, text
        assert y1 - y0 <= box.height - 0.02, text


@EVERY
def test_boxes_do_not_overlap(chart):
    for (name, a), (other, b) in itertools.combinations(chart.boxes.items(), 2):
        apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
        assert apart, (name, other)


@EVERY
def test_it_is_narrow_enough_for_a_telephone(chart):
    assert chart.figure.get_figwidth() <= 4.6


@EVERY
def test_the_words_tell_every_box_and_every_shape(chart):
    told = chart.describe()
    linked = [text for text in chart.texts.values() if text not in ("E0", "E2")]  # experts that nobody asks
    assert all(text in told for text in linked)
    assert told.startswith(f"Drawing: {chart.title}. ")
    assert "[" in told


def test_a_chart_refuses_what_would_be_wrong():
    chart = FlowChart(3, 2, title="a chart")
    chart.node("a", 1, 0.3)
    with pytest.raises(ValueError, match="a box 'a' already"):
        chart.node("a", 1, 1)
    with pytest.raises(ValueError, match=f"kind='odd' is not one of {', '.join(FILLS)}"):
        chart.node("b", 1, 1, kind="odd")
    with pytest.raises(KeyError, match="nowhere"):
        chart.flow("a", "nowhere")
    plt.close(chart.figure)


def test_what_flows_is_told_in_the_order_of_drawing():
    chart = FlowChart(3, 3, title="a chart")
    chart.node("a", 1, 0.3, "one\nthing")
    chart.node("b", 1, 1.5, "another")
    chart.flow("a", "b", "[seq]")
    chart.flow("b", "a", dashed=True, via=0.1)
    assert chart.describe() == (
        "Drawing: a chart. one thing goes to another as [seq]; another goes to one thing in training."
    )
    plt.close(chart.figure)


def test_a_table_of_cells_is_filled_as_it_is_told():
    chart = FlowChart(3, 2, title="a table")
    filled = [[True, False, True], [True, True, False], [False, False, False]]
    chart.cells("mask", 1.5, 1, filled)
    fills = [patch.get_facecolor()[:3] != (1, 1, 1) for patch in chart.drawing.axes.patches]
    assert fills == [full for row in filled for full in row]
    assert chart.describe() == (
        "Drawing: a table. mask: query 1 sees keys 1 and 3, query 2 sees keys 1 to 2, query 3 sees no key."
    )
    for wrong in ([], [[]], [[True], [True, False]]):
        with pytest.raises(ValueError, match="one length above 0"):
            chart.cells("mask", 1.5, 1, wrong)
    plt.close(chart.figure)
