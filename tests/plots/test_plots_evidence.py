"""The picture of a sweep: a line a setting, its side by colour and shape, the chapter's own run as a star."""

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.book.evidence import Interval
from llmasos_edu.plots.describing import describe
from llmasos_edu.plots.evidence import (
    LOOKS,
    VERDICT_COLOURS,
    arms_figure,
    arms_in_words,
    sweep_figure,
    sweep_in_words,
)

NAMES = ["1 step, 1 layer", "2 steps", "2 steps, 3 layers"]
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
    assert [text.get_text() for text in axis.get_yticklabels()] == NAMES
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


def test_a_sweep_in_words():
    assert sweep_in_words(ROWS, above=0.1, unit="of the answers") == (
        "The effect in 3 settings, each with its interval over seeds; more than 0.1 of the answers counts. "
        "In the chapter's own setting (1 step, 1 layer) it is 0.5 of the answers, "
        "from 0.4 to 0.6: borne out. "
        "With 2 steps it is 0, from -0.1 to 0.05: not borne out. "
        "With 2 steps, 3 layers it is 0.1, from 0 to 0.3: could be either."
    )


LONG = "A claim that is a good deal longer than the one line which a picture has for it at its top"


@pytest.mark.parametrize("width", [5.0, 6.4, 8.0])
def test_nothing_is_cut_off_or_overlaps(width):
    wide = {"positions": "rotary, base 10,000", "wording": "unread", "windows": None, "q": 0.3}
    rows = [(wide | {"steps": steps}, Interval(0.5, 0.4, 0.6), side) for steps, side in enumerate(LOOKS, 1)]
    figure = sweep_figure(
        rows,
        above=0.1,
        unit="of " + "the answers to a question " * 4,
        title=f"{LONG}: holds when it is long",
        width=width,
        live=0.5,
    )
    figure.canvas.draw()
    axis, (right, top) = figure.axes[0], figure.bbox.max
    boxes = {
        text.get_text(): text.get_window_extent()
        for text in [figure._suptitle, axis.xaxis.label, *axis.get_yticklabels(), *figure.legends[0].texts]
    }
    for words, box in boxes.items():
        assert -1 <= box.x0 < box.x1 <= right + 1, words
        assert -1 <= box.y0 < box.y1 <= top + 1, words
    first, second, *_ = (label.get_window_extent() for label in axis.get_yticklabels())
    assert first.y0 > second.y1
    assert figure._suptitle.get_window_extent().y0 >= axis.bbox.y1
    assert figure.get_suptitle().replace("\n", " ") == f"{LONG}: holds when it is long"
    plt.close(figure)


def test_a_verdict_that_follows_a_long_claim_has_a_line_of_its_own():
    for claim, verdict in [
        ("A claim that alone fills most of a single line", "holds when bits are many"),
        (LONG, "holds"),
    ]:
        figure = sweep_figure(ROWS, above=0.1, unit="bits", title=f"{claim} of it: {verdict}")
        own_line = figure.get_suptitle().splitlines()[-1] == verdict
        assert own_line == (claim != LONG)
        plt.close(figure)
    assert draw().get_suptitle() == "not shown"


def test_names_break_between_settings():
    rows = [({"positions": "rotary, base 10,000", "steps": n, "num_layers": 1}, *ROWS[0][1:]) for n in (5, 6)]
    figure = sweep_figure(rows, above=0, unit="bits")
    label = figure.axes[0].get_yticklabels()[0].get_text()
    assert label == "rotary positions, base 10,000,\n5 steps, 1 layer"
    plt.close(figure)


def test_verdicts_have_the_colours_of_their_sides():
    sides = {"holds": "for", "does not hold": "against"}
    assert all(VERDICT_COLOURS[kind] == LOOKS[side][0] for kind, side in sides.items())
    assert len(set(VERDICT_COLOURS.values())) == 4


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
    verdicts = {*VERDICT_COLOURS.values(), *(colour for colour, *_ in LOOKS.values())}
    assert not verdicts & {line.get_color() for line in axis.lines}
    assert axis.get_xlabel() == "nats: a dot a seed, the bar their mean, a star this run"
    plt.close(figure)


def test_arms_in_words_have_the_same_numbers():
    assert arms_in_words(RUNS, ARMS, unit="nats") == (
        "Nats, the mean of 2 seeds and their range. in company: 0.38, from 0.25 to 0.5; "
        "the task alone: 2, from 1 to 3."
    )
    live = {"alone": 2.5, "both": 0.4}
    figure = arms_figure(RUNS, ARMS, unit="nats", live=live, title="two arms")
    assert describe(figure) == arms_in_words(RUNS, ARMS, unit="nats", live=live, title="two arms")
    assert describe(figure).startswith("“two arms”. Nats, ")
    assert "the task alone: 2, from 1 to 3, this run 2.5" in describe(figure)
    plt.close(figure)


def test_arms_that_would_read_the_same_have_a_digit_more():
    near = [{"alone": 0.541, "both": 0.5352}, {"alone": 0.541, "both": 0.5352}]
    assert "in company: 0.535, from 0.535 to 0.535; the task alone: 0.541" in arms_in_words(
        near, ARMS, unit="nats"
    )


def test_a_sweep_says_what_its_words_say_and_where_the_star_is():
    title = "It helps: holds"
    words = f"{title}. {sweep_in_words(ROWS, above=0.1, unit='bits')}"
    figure = sweep_figure(ROWS, above=0.1, unit="bits", title=title)
    assert describe(figure) == words
    with_star = sweep_figure(ROWS, above=0.1, unit="bits", title=title, live=0.321)
    assert describe(with_star) == f"{words} A star marks this notebook's run: 0.32."
    plt.close(figure)
    plt.close(with_star)


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
