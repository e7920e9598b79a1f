"""The drawings of chapter 2.1: what they say is what they were given."""

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.plots.language_models import interval_drawing, ranking_figure, writing_drawing


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def test_the_loop_names_what_flows():
    assert {"the model", "token", "draw"} <= set(words(writing_drawing()))


def test_an_interval_is_as_wide_as_its_text_is_likely():
    shown = words(interval_drawing({"a": 0.5, "b": 0.25, "c": 0.25}, "ba", tail=["1", "0"]))
    assert [word for word in shown if word in ("0", "1")][:2] == ["0", "1"]
    assert "0.5" in shown
    assert "0.625" in shown  # b begins at 1/2, and the first half of it is a's
    assert "1 0" in shown


def test_a_letter_without_probability_is_named():
    with pytest.raises(ValueError, match="without a probability: x"):
        interval_drawing({"a": 1.0}, "ax")


def test_bars_are_ranked_coloured_by_kind_and_begin_at_zero():
    figure = ranking_figure(
        {"one": 2.0, "two": 1.0, "three": 3.0}, kinds={"one": "x", "two": "y", "three": "x"}, unit="bits",
        floor=("none below", 0.5),
    )  # fmt: skip
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["three", "one", "two"]
    assert axes.get_xlim()[0] == 0
    assert sorted(bar.get_width() for bar in axes.patches) == [1.0, 2.0, 3.0]
    by_kind = {round(bar.get_width()): bar.get_facecolor() for bar in axes.patches}
    assert by_kind[2] == by_kind[3] != by_kind[1]
