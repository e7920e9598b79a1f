"""The picture of a sweep: a line a setting, its side by colour and shape, the chapter's own run as a star."""

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.book.evidence import Interval
from llmasos_edu.plots.evidence import (
    arms_figure,
    arms_in_words,
    setting_names,
    sweep_figure,
    sweep_in_words,
)

SETTINGS = [{"steps": 1, "depth": 1}, {"steps": 2, "depth": 1}, {"steps": 2, "depth": 3}]
ROWS = list(
    zip(
        SETTINGS,
        [Interval(0.5, 0.4, 0.6), Interval(0.0, -0.1, 0.05), Interval(0.1, 0.0, 0.3)],
        ["for", "against", "open"],
        strict=True,
    )
)


def draw(**options):
    figure = sweep_figure(ROWS, above=0.1, unit="bits", title="not shown", **options)
    plt.close(figure)
    return figure


def test_a_line_a_setting_from_low_to_high():
    axis = draw().axes[0]
    bars = [list(line.get_xdata()) for line in axis.lines if len(line.get_xdata()) == 2]
    assert bars[1:] == [[0.4, 0.6], [-0.1, 0.05], [0.0, 0.3]]  # after the threshold
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        "steps 1, depth 1",
        "steps 2",
        "steps 2, depth 3",
    ]
    assert axis.figure.get_suptitle() == "not shown"
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the chapter's own setting on top


def test_sides_differ_in_shape_as_well_as_colour():
    axis = draw().axes[0]
    means = [line for line in axis.lines if line.get_marker() not in ("None", None)]
    assert len({line.get_marker() for line in means}) == len({line.get_color() for line in means}) == 3


def test_the_star_is_there_when_something_was_measured():
    stars = [
        [line for line in draw(live=live).axes[0].lines if line.get_marker() == "*"] for live in (None, 0.2)
    ]
    assert [len(found) for found in stars] == [0, 1]
    assert stars[1][0].get_xdata() == [0.2]


def test_names_tell_what_differs():
    assert setting_names(SETTINGS) == ["steps 1, depth 1", "steps 2", "steps 2, depth 3"]


def test_a_sweep_in_words():
    assert sweep_in_words(ROWS, above=0.1, unit="bits") == (
        "Effect in bits with its interval, setting by setting; above 0.1 counts. "
        "steps 1, depth 1: 0.5, from 0.4 to 0.6, the claim is borne out; "
        "steps 2: 0, from -0.1 to 0.05, it is not; "
        "steps 2, depth 3: 0.1, from 0 to 0.3, it could be either."
    )


def test_nothing_to_draw_is_told():
    with pytest.raises(ValueError, match="nothing to draw: 0 rows"):
        sweep_figure([], above=0, unit="bits")
    with pytest.raises(ValueError, match="unknown side"):
        sweep_figure([(SETTINGS[0], Interval(0, 0, 0), "sideways")], above=0, unit="bits")


RUNS = [{"alone": 1.0, "both": 0.5}, {"alone": 3.0, "both": 0.25}]
ARMS = {"both": "in company", "alone": "the task\nalone"}


def test_arms_show_every_seed_their_mean_and_the_live_run():
    figure = arms_figure(RUNS, ARMS, unit="nats", live={"alone": 2.5, "both": 0.4}, title="two arms")
    axis = figure.axes[0]
    found = [list(line.get_xdata()) for line in axis.lines]
    assert found == [[0.5, 0.25], [0.375, 0.375], [0.4], [1.0, 3.0], [2.0, 2.0], [2.5]]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["in company", "the task\nalone"]
    assert axis.get_xlabel() == "nats: a dot a seed, red their mean, a star this run"
    plt.close(figure)


def test_arms_in_words_have_the_same_numbers():
    assert arms_in_words(RUNS, ARMS, unit="nats") == (
        "nats, the mean of 2 seeds and their range. in company: 0.38, from 0.25 to 0.5; "
        "the task alone: 2, from 1 to 3."
    )


@pytest.mark.parametrize(
    ("runs", "arms", "said"),
    [
        ([], ARMS, "0 runs, 2 arms"),
        (RUNS, {}, "2 runs, 0 arms"),
        (RUNS, {"none": "?"}, "no figure 'none', only alone, both"),
    ],
)
def test_arms_that_were_not_measured_are_refused(runs, arms, said):
    with pytest.raises(ValueError, match=said):
        arms_figure(runs, arms, unit="nats")
