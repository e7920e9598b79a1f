"""Alt texts say what is in the picture: figures of known content, read back."""

import re
import warnings

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from llmasos_edu.layers.routing import top_k_routing
from llmasos_edu.plots.describing import LENGTH, describe, say
from llmasos_edu.plots.drawing import Drawing
from llmasos_edu.plots.experts import expert_load_figure
from llmasos_edu.plots.reading import read
from llmasos_edu.plots.speaking import listed, plain, read_out, spoken
from llmasos_edu.plots.style import attention_figure, book_style


@pytest.fixture(autouse=True)
def the_book_s_look():
    with book_style():
        yield
    plt.close("all")


def picture(**settings):
    figure, axes = plt.subplots()
    axes.set(**settings)
    return figure, axes


# -- numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1024, "1,024"),
        (12_345, "12,300"),
        (0.63333, "0.633"),
        (-0.05, "-0.05"),
        (2.04, "2.04"),
        (9_999.7, "10,000"),
        (123_456_789, "123 million"),
        (2.5e9, "2.5 billion"),
        (2e19, "2 times 10 to the 19"),
        (1e-14, "10 to the -14"),
        (1.23e-5, "1.2 times 10 to the -5"),
        (float("nan"), "no number"),
    ],
)
def test_a_number_is_spoken(value, said):
    assert spoken(value) == said


@pytest.mark.parametrize(
    ("value", "step", "said"),
    [(0.6333, 0.01, "0.63"), (123.4, 1, "123"), (0.004, 0.01, "0.004"), (0.9512, 0.0002, "0.951")],
)
def test_no_digit_is_finer_than_an_eye_could_read(value, step, said):
    assert spoken(value, step) == said


@pytest.mark.parametrize("value", [*np.geomspace(1e-6, 1e7, 60), *-np.geomspace(1e-3, 1e3, 20)])
def test_a_spoken_number_is_the_number(value):
    said = spoken(value)
    parts = re.fullmatch(r"(-?[\d.,]+)(?: times 10 to the (-?\d+)| (million))?|10 to the (-?\d+)", said)
    factor = float((parts[1] or "1").replace(",", ""))
    power = float(parts[2] or parts[4] or (6 if parts[3] else 0))
    assert factor * 10**power == pytest.approx(value, rel=0.05 if abs(value) < 1e-4 else 0.005)
    assert "e" not in said.replace("times", "").replace("the", "")


def test_labels_lose_the_marks_of_mathematics():
    assert plain(r"head size $d_k$") == "head size d_k"
    assert plain(r"$\sqrt{2/\pi}\;/\sqrt{d}$") == "the root of 2/pi /the root of d"
    assert plain("two\nlines,  $T^2$ KL") == "two lines, T^2 KL"
    assert plain(r"costs \$5") == "costs $5"


def test_lists():
    assert [listed(parts) for parts in (["a"], ["a", "b"], ["a", "b", "c"], [])] == [
        "a",
        "a and b",
        "a, b and c",
        "",
    ]


# -- curves ------------------------------------------------------------------------


def test_few_points_are_told_one_by_one():
    figure, axes = picture(xlabel="heads", ylabel="bits", title="One is too few")
    axes.plot([1, 2, 8], [0.35, 0.22, 0.07], "o-", label="base 100")
    axes.plot([1, 2, 8], [0.4, 0.3, 0.28], label="base 10,000")
    axes.legend()
    assert describe(figure) == (
        "“One is too few”. Across: heads, 1 to 8; up: bits, 0.07 to 0.4. "
        "At 1, 2 and 8: base 100 0.35, 0.22, 0.07; base 10,000 0.4, 0.3, 0.28."
    )


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (lambda x: 5 + 2 * x, "It rises from 5 to 25"),
        (lambda x: 40 - 3 * x, "It falls from 40 to 10"),
        (lambda x: 0 * x + 7, "It level at 7"),
        (lambda x: (x - 4) ** 2, "It from 16, lowest 0 at 4, to 36"),
        (lambda x: 30 - (x - 4) ** 2, "It from 14, highest 30 at 4, to -6"),
    ],
)
def test_a_curve_is_told_by_its_ends_and_its_turn(curve, said):
    figure, axes = picture()
    x = np.arange(11.0)
    axes.plot(x, curve(x), label="it")
    assert f"{said}." in describe(figure).replace(", half of the way by 7", "")


def test_a_small_wobble_is_no_turn():
    figure, axes = picture()
    x = np.arange(50.0)
    axes.plot(x, x + 0.3 * np.sin(3 * x), label="it")
    assert "It rises from 0 to 49" in describe(figure)


def test_logarithmic_axes_are_said_and_read_as_such():
    figure, axes = picture(xscale="log", yscale="log", xlabel="tokens", ylabel="loss")
    x = np.geomspace(1, 1e6, 20)
    axes.plot(x, 1 / x, label="it")
    told = describe(figure)
    assert "Across: tokens, 1 to 1 million, logarithmic; up: loss, 10 to the -6 to 1, logarithmic" in told
    assert "It falls from 1 to 10 to the -6" in told


def test_what_is_no_number_is_left_out():
    figure, axes = picture()
    axes.plot([0, 1, 2, 3], [np.nan, 5, 3, np.inf], label="it")
    assert "At 1 and 2: it 5, 3" in describe(figure)


def test_a_curve_that_leaves_the_picture_is_told_where_it_is_seen():
    figure, axes = picture(ylim=(0, 9))
    x = np.arange(20.0)
    axes.plot(x, x**2, label="it")
    told = describe(figure)
    assert "It rises from 0 to 9, partly outside the picture" in told
    assert "361" not in told


def test_a_band_is_told_at_its_curve_s_end():
    figure, axes = picture()
    x = np.arange(30.0)
    axes.plot(x, x, label="mean")
    axes.fill_between(x, x - 2, x + 3, alpha=0.2)
    assert "Mean rises from 0 to 29 (range at the end 27 to 32)" in describe(figure)


def test_a_curve_without_a_label_has_the_name_of_the_legend_s_entry_that_looks_like_it():
    figure, (left, right) = plt.subplots(1, 2)
    x = np.arange(10.0)
    for axes, labels in ((left, ("up", "down")), (right, (None, None))):
        axes.plot(x, x, label=labels[0])
        axes.plot(x, -x, "--", label=labels[1])
    left.legend()
    assert [curve.name for curve in read(figure).panels[1].curves] == ["up", "down"]


def test_black_lines_without_a_name_get_none():
    figure, axes = picture()
    axes.plot([0, 1, 2], [0, 1, 2], "k-", label="a")
    axes.plot([0, 1, 2], [2, 1, 0], "k--")
    axes.legend()
    assert [curve.name for curve in read(figure).panels[0].curves] == ["a", ""]


def test_lines_that_mark_a_value():
    figure, axes = picture()
    axes.plot(range(10), range(10), label="it")
    axes.axhline(4, color="k", linestyle=":", label="chance")
    axes.axvline(2.5, color="k")
    axes.axhspan(7, 8, color="0.9")
    axes.axhline(6, color="0.5", linestyle="--")
    axes.axhline(8.5, color="0.5", linestyle="-.")
    axes.text(0, 8.8, "another thing", va="center")
    axes.text(9, 6, "3-gram", va="center")
    axes.text(9, 8.5, "5-gram", va="center")
    told = describe(figure)
    for part in (
        "level dotted line at 4 (chance)",
        "upright line at 2.5",
        "shaded strip from 7 to 8",
        "level dashed line at 6 (3-gram)",
        "level dash-dotted line at 8.5 (5-gram)",
    ):
        assert part in told


# -- dots --------------------------------------------------------------------------


def test_a_cloud_is_told_by_its_ranges_and_its_correlation():
    figure, axes = picture(xlabel="a", ylabel="b")
    draw = np.random.default_rng(0)
    x = draw.normal(size=200)
    axes.scatter(x, -x + 0.1 * draw.normal(size=200))
    (said,) = re.findall(
        r"200 dots, across (\S+) to (\S+), up (\S+) to (\S+) \(left .*\), correlation (-0.99)",
        describe(figure),
    )
    assert float(said[0]) == pytest.approx(x.min(), abs=0.05)


def test_dots_on_named_places_are_told_by_their_means():
    figure, axes = picture(xlabel="share right")
    for row, values in enumerate(([0.5, 0.6, 0.7], [0.2, 0.2, 0.2])):
        axes.plot(values, [row] * 3, "o")
        axes.plot(np.mean(values), row, "|k", markersize=18)
    axes.set_yticks([0, 1], ["first fit", "best fit"])
    assert describe(figure) == (
        "Dots of share right: first fit 0.6 (0.5 to 0.7), best fit 0.2 (means of 3 dots, and their range)."
    )


def test_strokes_that_mark_no_means_are_told():
    figure, axes = picture(xlabel="share right")
    axes.plot([0.5, 0.6], [0, 0], "o")
    axes.plot(0.9, 0, "|k")
    axes.set_yticks([0], ["a"])
    assert "strokes: a 0.9" in describe(figure)


def test_intervals_belong_to_their_dots():
    figure, axes = picture(xlabel="effect")
    axes.plot([0.1, 0.3], [0, 0], linewidth=3)
    axes.plot(0.2, 0, "o")
    axes.hlines([1], [0.4], [0.6])
    axes.plot(0.5, 1, "o")
    axes.set_yticks([0, 1], ["a", "b"])
    assert "a 0.2 (0.1 to 0.3), b 0.5 (0.4 to 0.6)" in describe(figure)


def test_a_stroke_from_dot_to_dot_is_told_by_its_dots():
    figure, axes = picture(xlabel="parameters")
    axes.plot([1, 9], [0, 0], linewidth=1)
    axes.plot(9, 0, "s", label="held")
    axes.plot(1, 0, "o", label="met")
    axes.plot([3, 4], [1, 1], linewidth=1)
    axes.set_yticks([0, 1], ["a", "b"])
    assert describe(figure) == "Squares of parameters: held: a 9; met: a 1; b 3 to 4."


def test_points_with_words_beside_them():
    figure, axes = picture(xlabel="bytes", ylabel="accuracy", xscale="log")
    for name, x, y in (("replay", 8000, 0.33), ("EWC", 840_000, 0.27)):
        axes.plot(x, y, "o")
        axes.annotate(name, (x, y), (9, -3), textcoords="offset points")
    assert "replay (8,000, 0.33), EWC (840,000, 0.27)" in describe(figure)


# -- bars --------------------------------------------------------------------------


@pytest.mark.parametrize("upright", [True, False])
def test_bars_are_told_by_name(upright):
    figure, axes = picture(**{"ylabel" if upright else "xlabel": "bits"})
    (axes.bar if upright else axes.barh)(["gzip", "xz", "5-gram"], [2.33, 1.82, 2.0])
    assert describe(figure) == "Bars of bits: gzip 2.33, xz 1.82, 5-gram 2."


def test_groups_of_bars_stand_at_their_own_tick():
    figure, axes = picture()
    for shift, values in enumerate(([1, 2], [3, 4], [5, 6])):
        axes.bar(np.arange(2) + 0.27 * shift, values, 0.27, label=f"series {shift}")
    axes.set_xticks(range(2), ["left", "right"])
    axes.legend()
    told = describe(figure)
    assert "series 0: left 1, right 2; series 1: left 3, right 4; series 2: left 5, right 6" in told


def test_bars_between_numbers():
    figure, axes = picture(xlabel="experts", xticks=range(3))
    axes.bar([0, 1, 2], [0.5, 0.25, 0.125])
    assert "0.5 at 0, 0.25 at 1, 0.125 at 2" in describe(figure)


def test_many_bars_are_told_by_the_largest_and_the_smallest():
    figure, axes = picture()
    names = [f"name {at}" for at in range(40)]
    axes.bar(names, [100 - at for at in range(40)])
    assert "40, largest name 0 100, name 1 99, name 2 98, smallest name 38 62, name 39 61" in describe(figure)


def test_parts_of_a_bar_are_told_by_their_own_length():
    figure, axes = picture()
    axes.barh(["a"], [2], color="C0", label="first")
    axes.barh(["a"], [3], left=[2], color="C1", label="then")
    axes.legend()
    assert "first: a 2; then: a 3" in describe(figure)


# -- cells -------------------------------------------------------------------------


def test_few_cells_are_told_row_by_row():
    figure, axes = picture(xlabel="score on", ylabel="after")
    axes.imshow(np.ma.masked_invalid([[0.3, 0.27], [np.nan, 0.31]]))
    axes.set_xticks([0, 1], ["prose", "code"])
    axes.set_yticks([0, 1], ["prose", "code"])
    assert describe(figure) == (
        "A table of 2 rows and 2 columns (rows after, columns score on); columns prose and code: "
        "prose 0.3, 0.27; code nothing, 0.31."
    )


def test_of_many_cells_the_largest_of_each_row_is_told():
    figure, axes = picture(ylabel="head")
    values = np.zeros((3, 40))
    for row, column in enumerate((7, 0, 39)):
        values[row, column] = 0.5 + row / 10
    image = axes.imshow(values, aspect="auto")
    figure.colorbar(image, label="weight")
    told = describe(figure)
    assert "A table of 3 rows and 40 columns (rows head), weight, from 0 to 0.7" in told
    assert "largest in each row: 0 at 7 (0.5), 1 at 0 (0.6), 2 at 39 (0.7)" in told


def test_an_image_from_below_has_its_rows_from_below():
    figure, axes = picture()
    axes.imshow([[1, 2], [3, 4]], origin="lower")
    axes.set_yticks([0, 1], ["bottom", "top"])
    assert "bottom 1, 2; top 3, 4" in describe(figure)


def test_a_table_of_likeness_is_told_off_its_diagonal():
    figure, axes = picture()
    values = np.full((6, 6), 0.3) + 0.7 * np.eye(6)
    values[0, 1] = values[1, 0] = 0.6
    axes.imshow(values)
    assert "on the diagonal 1, elsewhere 0.3 to 0.6" in describe(figure)


# -- pictures ----------------------------------------------------------------------


def test_nothing_drawn_is_said():
    assert describe(plt.subplots()[0]) == "Nothing is drawn."
    assert describe(plt.figure()) == "Nothing is drawn."


def test_words_are_read_from_top_to_bottom():
    figure, axes = picture()
    axes.axis("off")
    axes.text(0.5, 0.9, "as a text", family="monospace")
    axes.text(0, 0.9, "first")
    axes.text(0, 0.1, "last")
    assert describe(figure) == "Written, from top to bottom: first: as a text; last."


def test_panels_are_told_by_their_places():
    figure, panels = plt.subplots(1, 3)
    for axes, name in zip(panels, "abc", strict=True):
        axes.bar(["x"], [1])
        axes.set_title(name)
    assert describe(figure) == "Left, “a”: bars: x 1. Middle, “b”: bars: x 1. Right, “c”: bars: x 1."
    figure, panels = plt.subplots(2, 1)
    for axes in panels:
        axes.bar(["x"], [1])
    assert describe(figure).startswith("Above: bars: x 1. Below: bars")


def test_a_low_table_at_the_left_of_a_high_panel_is_told_first():
    figure, (left, right) = plt.subplots(1, 2, layout="constrained", width_ratios=[1, 2])
    left.imshow([[0.0, 1.0, 2.0, 3.0]])
    left.set_title("a")
    right.barh(["x"], [1])
    right.set_title("b")
    assert [panel.title for panel in read(figure).panels] == ["a", "b"]
    assert describe(figure).startswith("Left, “a”:")


def test_panels_are_told_row_by_row():
    figure, panels = plt.subplots(2, 2)
    for axes, name in zip(panels.flat, "abcd", strict=True):
        axes.bar(["x"], [1])
        axes.set_title(name)
    assert [panel.title for panel in read(figure).panels] == list("abcd")


def test_an_axis_name_is_lent_only_by_an_axis_that_is_shared():
    figure, panels = plt.subplots(1, 2, sharey=True)
    panels[0].set_ylabel("bits")
    for axes in panels:
        axes.plot(range(10), range(10))
    assert [panel.y.name for panel in read(figure).panels] == ["bits", "bits"]
    figure, panels = plt.subplots(1, 2)
    panels[0].set_ylabel("bits")
    for axes in panels:
        axes.plot(range(10), range(10))
    assert [panel.y.name for panel in read(figure).panels] == ["bits", ""]


@pytest.mark.parametrize("curves", [1, 4, 30])
@pytest.mark.parametrize("panels", [1, 4, 12])
def test_a_full_picture_is_told_within_the_length(panels, curves):
    figure, grid = plt.subplots(1, panels, squeeze=False, figsize=(5 * panels, 4))
    draw = np.random.default_rng(0)
    for axes in grid.flat:
        axes.set(title="a title of several words", xlabel="a long name of an axis", ylabel="another one")
        for curve in range(curves):
            axes.plot(draw.normal(size=50), label=f"curve number {curve}")
    told = describe(figure)
    assert len(told) <= LENGTH
    assert "a title of several words" in told


def test_a_figure_s_own_words_come_first():
    figure, axes = picture()
    axes.plot([1, 2], [1, 2])
    assert describe(say(figure, "A map.")) == "A map."
    assert describe(say(figure, lambda: "Later.")) == "Later."


# -- own words ---------------------------------------------------------------------


def test_a_drawing_tells_its_arrows_and_boxes():
    sheet = Drawing(6, 2, title="Two ways")
    one, other = sheet.box(0, 1, 1, 0.5, "new"), sheet.box(3, 1, 1, 0.5, "ready")
    sheet.arrow(one.right, other.left, "arrives")
    sheet.arrow(other.left, one.right, both=True)
    sheet.box(5, 0, 1, 0.5, "alone")
    sheet.text(2, 0.2, "a note")
    assert describe(sheet.figure) == (
        "“Two ways”. Arrows: new to ready (arrives); ready and new, both ways. "
        "Other boxes, from top to bottom: alone. Beside them: a note."
    )


def test_one_attention_map_is_told_query_by_query():
    weights = torch.tensor([[1.0, 0, 0], [0.8, 0.2, 0], [0.1, 0.6, 0.3]])
    told = describe(attention_figure(weights, ["a", "·b", "c"], title="A map"))
    assert told.startswith("“A map”. One attention map, 3 queries by 3 keys.")
    assert "a itself, a (1), b 1 back, a (0.8), c 1 back, b (0.6)" in told


def test_heads_are_told_by_where_they_look():
    size = 12
    before = torch.eye(size).roll(1, 0)
    before[0] = torch.eye(size)[0]
    itself, first = torch.eye(size), torch.zeros(size, size)
    first[:, 0] = 1
    even = torch.tril(torch.ones(size, size))
    even = even / even.sum(1, keepdim=True)
    told = describe(attention_figure(torch.stack([itself, before, first, even]), ["t"] * size))
    assert "the token itself: head 0 (1)" in told
    assert "the token before: head 1 (1)" in told
    assert "the first token: head 2 (1)" in told
    assert "no such place with 0.3 or more: head 3" in told


def test_marked_keys_are_told_by_their_weight():
    maps = torch.tensor([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]])
    told = describe(attention_figure(maps, ["a", "b"], key_tokens=["x", "y"], truth=[0, 1]))
    assert "Mean weight on the marked keys: head 0 0.85, head 1 0.5" in told


def test_loads_are_told_expert_by_expert():
    logits = torch.zeros(6, 3)
    logits[:4, 1] = 5
    logits[4:, 2] = 5
    told = describe(expert_load_figure(top_k_routing(logits, 1), domains=["prose"] * 4 + ["code"] * 2))
    assert "Load 0, 4, 2, an even share is 2" in told
    assert "prose expert 1 (1 of its choices), code expert 2 (1 of its choices)" in told


def test_a_jump_is_told_by_where_half_of_the_way_is_gone():
    figure, axes = picture()
    axes.plot(range(51), [0] * 46 + [0.9] * 5, label="it")
    axes.plot(range(51), np.linspace(0, 1, 51), label="steady")
    told = describe(figure)
    assert "It rises from 0 to 0.9, half of the way by 46; steady rises from 0 to 1." in told


def test_a_cloud_is_told_by_its_left_and_its_right():
    figure, axes = picture()
    x = np.arange(60.0)
    np.random.default_rng(0).shuffle(x)
    axes.scatter(x, np.where(x < 40, 0, 1) + 0.01 * np.cos(17 * x))
    assert "(left third -0.01 to 0.01, right third 0.99 to 1.01)" in describe(figure)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (".", "full stop"),
        ("·if", "if"),
        ("⏎···", "line end"),
        ("·", "blank"),
        ("a·b", "a b"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_tokens_are_read_out(token, said):
    assert read_out(token) == said


def test_bars_of_signs_are_told_by_their_names():
    figure, axes = picture()
    axes.barh([".", "·if"], [0.5, 0.25])
    assert "full stop 0.5, if 0.25" in describe(figure)


def test_many_series_of_dots_are_told_by_their_middles():
    figure, axes = picture()
    for at in range(12):
        axes.plot(np.arange(9.0)[::-1] + at, np.full(9, at), "o", label=f"a contender with a name {at}")
        axes.plot(at, at, "*k", label="this run" if at == 0 else None)
    axes.legend()
    told = describe(figure)
    assert "Middles, across and up: a contender with a name 0 (4, 0)" in told


def test_two_places_of_one_name_stay_two():
    figure, axes = picture()
    axes.bar(range(3), [3, 2, 1])
    axes.set_xticks(range(3), ["·a", "a", "b"])
    assert "Bars: a 3, a (2) 2, b 1." in describe(figure)


def test_a_curve_that_goes_up_and_down_neither_rises_nor_falls():
    figure, axes = picture()
    x = np.linspace(0, 1, 200)
    axes.plot(x, x + np.sin(20 * x), label="it")
    axes.plot(x, x, label="steady")
    told = describe(figure)
    assert "It from 0 to 1.91, on the way up and down between -0.76 and 1.71" in told, told
    assert "steady rises from 0 to 1" in told


def test_panels_placed_by_hand_are_read_without_a_warning():
    axes = plt.figure(layout="constrained").add_axes((0, 0, 1, 1))
    axes.plot([1, 2], [3, 4], label="a line")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "a line" in describe(axes.figure)
