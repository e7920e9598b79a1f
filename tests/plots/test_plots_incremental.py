"""Ways to remember side by side, and what the accuracy matrices' scale and baselines show."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from llmasos_edu.plots.incremental import accuracy_matrices, ways_figure


def test_the_scale_ends_where_the_scores_do():
    for largest, end in ((0.4, 0.4), (0.41, 0.45), (0.97, 1.0), (0.0, 0.05)):
        figure = accuracy_matrices({"a": np.array([[largest, 0.0], [0.0, 0.0]])}, ["x", "y"])
        assert figure.axes[0].images[0].get_clim() == pytest.approx((0, end))
        plt.close(figure)


def test_baselines_stand_below_the_tasks_on_the_same_scale():
    grid = np.array([[0.3, 0.1], [0.2, 0.4]])
    figure = accuracy_matrices({"a": grid}, ["x", "y"], baselines={"table": [0.25, 0.55]})
    axes = figure.axes[0]
    assert np.allclose(axes.images[0].get_array(), [[0.3, 0.1], [0.2, 0.4], [0.25, 0.55]])
    assert axes.images[0].get_clim() == pytest.approx((0, 0.55))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y", "table"]
    assert axes.get_title(loc="left") == "a\naverage 0.30"
    plt.close(figure)
    with pytest.raises(ValueError, match=r"baselines\['table'\] has shape \[3\], expected \[2\]"):
        accuracy_matrices({"a": grid}, ["x", "y"], baselines={"table": [1, 2, 3]})


def test_ways_are_drawn_with_their_seeds_means_lines_and_this_run():
    figure = ways_figure(
        {"naive": [0.1, 0.3], "replay": [0.35, 0.37]},
        lines={"table of pairs": 0.22},
        live={"replay": 0.4},
        label="accuracy",
        title="Replay keeps more",
    )
    axis = figure.axes[0]
    drawn = [(line.get_marker(), list(line.get_xdata())) for line in axis.lines if len(line.get_xdata())]
    assert drawn[:5] == [
        (".", [0.1, 0.3]),
        ("|", [pytest.approx(0.2)]),
        (".", [0.35, 0.37]),
        ("|", [pytest.approx(0.36)]),
        ("*", [0.4]),
    ]
    assert drawn[5] == ("None", [0.22, 0.22])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["naive", "replay"]
    assert axis.get_ylim() == (1.5, -0.5)
    assert figure.get_suptitle() == "Replay keeps more"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["table of pairs", "a seed", "their mean", "this notebook's run"]
    plt.close(figure)


def test_ways_without_scores_or_unknown_ones_are_told():
    with pytest.raises(ValueError, match="no scores to draw"):
        ways_figure({"naive": []}, label="accuracy")
    with pytest.raises(ValueError, match=r"live scores of \['EWC'\]"):
        ways_figure({"naive": [0.1]}, live={"EWC": 0.2}, label="accuracy")
