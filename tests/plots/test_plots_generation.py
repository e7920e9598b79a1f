"""The pictures of chapter 6.2: what stands in them is what they were given."""

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.plots import generation as pictures


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def words_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_tree_tells_every_product_and_fills_what_is_kept():
    figure = pictures.beam_tree({"a": 0.6, "b": 0.4}, {"a": {"c": 0.5, "d": 0.5}, "b": {"c": 1.0}}, width=1)
    said = words_of(figure)
    assert {"0.6 · 0.5 = 0.30", "0.4 · 1 = 0.40", "a  0.6", "b  0.4"} <= set(said)
    filled = [patch for patch in figure.axes[0].patches if patch.get_facecolor()[:3] != (1, 1, 1)]
    boxes = [patch for patch in filled if patch.__class__.__name__ == "Rectangle"]
    assert len(boxes) == 2, "one beginning, one text of it"


def test_rules_show_a_bar_for_each_token_and_say_what_is_cut():
    figure = pictures.rules_figure(["x", "y"], {"before": [0.6, 0.4], "after": [1.0, 0.0]}, title="found")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["before", "after"]
    assert words_of(figure) == ["60 %", "40 %", "100 %", "cut"]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [1.0, 0.0]


def test_the_frontier_draws_every_seed_the_means_and_this_run():
    runs = [{"T1_alike": 0.1 * n, "T1_bits": 5.0 + n, "b_alike": 0.8, "b_bits": 3.0} for n in (1, 2)]
    figure = pictures.frontier_figure(
        runs, {"T1": "temperature 1", "b": "beams"}, ["T1"], live={"b": (0.7, 2.0)}
    )
    (axes,) = figure.axes
    assert axes.lines[0].get_xydata()[0].tolist() == pytest.approx([0.15, 6.5])
    offsets = [tuple(point) for cloud in axes.collections for point in cloud.get_offsets()]
    assert len(offsets) == 2 * (2 + 1) + 1
    assert (0.7, 2.0) in offsets
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["temperature 1", "beams", "this notebook"]


@pytest.mark.parametrize("draw", [pictures.copywriter_drawing, pictures.essay_drawing])
def test_drawings_name_their_parts(draw):
    assert sum(len(words) > 3 for words in words_of(draw())) >= 5
