"""The pictures of chapter 6.1 show what they are given."""

import matplotlib.pyplot as plt
import pytest
from scipy.stats import binomtest

from llmasos_edu.plots import dialogue


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_program_has_its_five_boxes_and_says_who_is_trusted():
    said = " ".join(words(dialogue.program_drawing()))
    for name in ("user", "program", "kernel", "model", "orders", "notes", "calendar", "trusted", "untrusted"):
        assert name in said


def test_a_turn_s_own_tokens_are_filled():
    figure = dialogue.turn_drawing(
        ["<user>", "Hi", "Hello", "<end>"] * 9, [False, False, True, True] * 9, title="x"
    )
    boxes = figure.axes[0].patches
    filled = [box.get_facecolor()[:3] != (1.0, 1.0, 1.0) for box in boxes]
    assert filled == [False, False, True, True] * 9
    assert words(figure) == ["<user>", "Hi", "Hello", "<end>"] * 9
    assert max(box.get_x() + box.get_width() for box in boxes) <= 9.4
    assert len({box.get_y() for box in boxes}) > 1
    with pytest.raises(ValueError, match="1 strings for 2 marks"):
        dialogue.turn_drawing(["a"], [True, False], title="x")


def test_recall_has_a_line_and_wilson_s_interval_for_each_way():
    right = {"alone": {1: 20, 8: 0}, "search": {1: 20, 8: 19}}
    figure = dialogue.recall_figure(right, 20, window=(4, 6), title="It forgets")
    axes = figure.axes[0]
    assert "It forgets" in (axes.get_title(), axes.get_title(loc="left"))
    for container, counts in zip(axes.containers, right.values(), strict=True):
        shares = container[0].get_ydata()
        assert list(shares) == [count / 20 for count in counts.values()]
        for segment, count in zip(container[2][0].get_segments(), counts.values(), strict=True):
            ends = binomtest(count, 20).proportion_ci(method="wilson")
            assert segment[:, 1] == pytest.approx([max(0, ends.low), min(1, ends.high)], abs=1e-9)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["the window ends here", "alone", "search"]


def test_the_table_of_calls_has_a_row_for_each_and_marks_the_refused():
    call = {"call": "find", "arguments": "{}", "right": "find", "held": True, "errno": "OK", "answer": "lamp"}
    turns = [{"said": "a", "parts": [call, {"text": "x"}, call | {"held": False, "errno": "EPERM"}]}]
    figure = dialogue.calls_figure({"one": {"user": "ada", "rights": [], "turns": turns}}, title="x")
    assert words(figure)[4:] == [
        "ada",
        "find {}",
        "held",
        "OK lamp",
        "ada",
        "find {}",
        "not held",
        "EPERM lamp",
    ]
    assert len(figure.axes[0].patches) == 1
