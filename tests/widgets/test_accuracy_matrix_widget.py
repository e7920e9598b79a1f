"""The accuracy-matrix explorer without a browser: what it takes, refuses and saves; its still picture."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets

from llmasos_edu.plots.incremental import accuracy_matrices
from llmasos_edu.widgets import AccuracyMatrixExplorer, embed_widget_state

TASKS = ["prose", "code", "sums"]
# seven moments; the stages end at 2, 4 and 6
NAIVE = [[0.1, 0.2, 0.0], [0.5, 0.2, 0.0], [0.8, 0.3, 0.1], [0.6, 0.6, 0.1], [0.5, 0.9, 0.2], [0.4, 0.7, 0.6],
         [0.25, 0.5, 0.75]]  # fmt: skip
HISTORY = {"naive": NAIVE, "replay": torch.tensor(NAIVE).double().sqrt()}
ENDS = [2, 4, 6]


def explorer(**changes):
    given = {"history": HISTORY, "tasks": TASKS, "boundaries": ENDS} | changes
    return AccuracyMatrixExplorer(given.pop("history"), given.pop("tasks"), given.pop("boundaries"), **given)


def test_scores_are_sent_as_they_are_and_rows_of_the_matrix_stand_at_the_ends_of_stages():
    shown = explorer()
    sent = np.frombuffer(shown.scores, "<f4").reshape(2, 7, 3)
    assert np.allclose(sent[0], NAIVE, atol=1e-7)
    assert np.allclose(sent[1], np.sqrt(NAIVE), atol=1e-7)
    assert np.allclose(shown.matrix("naive"), [NAIVE[2], NAIVE[4], NAIVE[6]], atol=1e-7)
    assert np.allclose(shown.matrix("replay")[0], np.sqrt(NAIVE[2]), atol=1e-7)
    assert (shown.methods, shown.tasks, shown.boundaries) == (["naive", "replay"], TASKS, ENDS)
    with pytest.raises(ValueError, match="method='EWC' is not one of the methods: naive, replay"):
        shown.matrix("EWC")


def test_tasks_stand_in_the_order_of_training():
    shown = explorer(stages=["sums", "prose", "code"], baseline=[0.1, 0.2, 0.3])
    assert shown.tasks == ["sums", "prose", "code"]
    assert np.allclose(shown.matrix("naive")[0], [0.1, 0.8, 0.3], atol=1e-7)
    assert shown.baseline == pytest.approx([0.3, 0.1, 0.2])


def test_it_begins_at_the_end_with_the_first_method_alone_and_what_is_forgotten_most():
    shown = explorer()
    assert (shown.method, shown.beside, shown.moment, shown.row, shown.column) == ("naive", "", 6, 2, 0)
    assert (shown.steps, shown.baseline) == ([], [])
    other = explorer(method="replay", beside="naive", moment=0, steps=[0, 5, 10, 20, 30, 31, 32])
    assert (other.method, other.beside, other.moment) == ("replay", "naive", 0)
    assert other.steps == [0, 5, 10, 20, 30, 31, 32]


def test_boundaries_and_steps_may_be_arrays():
    shown = explorer(boundaries=np.array(ENDS), steps=torch.arange(7) * 20)
    assert (shown.boundaries, shown.steps) == (ENDS, [0, 20, 40, 60, 80, 100, 120])


def test_one_moment_for_each_stage_needs_no_boundaries():
    shown = AccuracyMatrixExplorer({"naive": np.eye(3)}, TASKS)
    assert shown.boundaries == [0, 1, 2]
    assert np.array_equal(shown.matrix("naive"), np.eye(3))


def test_the_colours_go_from_0_to_1_or_over_what_there_is():
    assert explorer().limits == [0, 1]
    assert explorer(baseline=[0, 1, 0.5]).limits == [0, 1]
    assert explorer(history={"a": np.full((7, 3), 40.0)}).limits == [40, 41]
    assert explorer(history={"a": np.arange(21.0).reshape(7, 3) - 3}).limits == [-3, 17]
    assert explorer(baseline=[-1, 0, 0]).limits == [-1, pytest.approx(0.9**0.5)]


BAD = [
    ({"history": [NAIVE]}, TypeError, "history is a list, expected a dictionary: method to scores"),
    ({"history": {}}, ValueError, "history has 0 entries, expected 1 to 8"),
    ({"history": {str(i): NAIVE for i in range(9)}}, ValueError, "history has 9 entries, expected 1 to 8"),
    ({"history": {" ": NAIVE}}, TypeError, r"history\[0\] is ' ', expected a string"),
    ({"history": {"a": [[1, 2, 3], [1]]}}, ValueError, r"history\['a'\] has rows of different lengths"),
    (
        {"history": {"a": np.zeros((7, 2))}},
        ValueError,
        r"history\['a'\] has shape \[7, 2\], expected \[moments",
    ),
    ({"history": {"a": np.zeros((0, 3))}}, ValueError, r"has shape \[0, 3\]"),
    (
        {"history": {"a": np.zeros(3)}},
        ValueError,
        r"has shape \[3\], expected \[moments, tasks\] with 3 tasks",
    ),
    ({"history": {"a": [["x", "y", "z"]]}}, TypeError, r"history\['a'\] must be numbers"),
    ({"history": {"a": [*NAIVE[:6], [0, np.nan, 0]]}}, ValueError, r"history\['a'\]\[6, 1\] is nan"),
    ({"history": {"a": NAIVE, "b": NAIVE[:6]}}, ValueError, "numbers of moments: {'a': 7, 'b': 6}"),
    ({"history": {"a": np.zeros((501, 3))}}, ValueError, "history has 501 moments, at most 500"),
    ({"tasks": "abc"}, TypeError, "tasks is one string, 'abc'"),
    ({"tasks": ["a"]}, ValueError, "tasks has 1 entries, expected 2 to 8"),
    ({"tasks": list("abcdefghi")}, ValueError, "tasks has 9 entries, expected 2 to 8"),
    ({"tasks": ["a", "b", "a"]}, ValueError, "tasks holds 'a' more than once"),
    ({"tasks": ["a", "b", 3]}, TypeError, r"tasks\[2\] is 3, expected a string"),
    ({"boundaries": None}, ValueError, "7 moments for 3 stages: give boundaries"),
    ({"boundaries": [2, 6]}, ValueError, "boundaries has 2 entries for 3 tasks"),
    (
        {"boundaries": [2, 4, 5]},
        ValueError,
        r"boundaries=\[2, 4, 5\] must rise and end with the last moment, 6",
    ),
    ({"boundaries": [4, 4, 6]}, ValueError, r"boundaries=\[4, 4, 6\] must rise"),
    ({"boundaries": [2, 4, 7]}, ValueError, r"boundaries\[2\]=7 is out of range: 0 to 6"),
    ({"boundaries": [2.0, 4, 6]}, TypeError, r"boundaries\[0\]=2.0 must be a whole number"),
    (
        {"stages": ["prose", "code"]},
        ValueError,
        r"stages=\['prose', 'code'\] must name each task once: prose",
    ),
    ({"stages": "prose"}, ValueError, "stages='prose' must name each task once"),
    ({"stages": ["prose", "code", "code"]}, ValueError, "must name each task once"),
    ({"baseline": [0.1, 0.2]}, ValueError, r"baseline=\[0.1.*\] must be 3 numbers"),
    ({"baseline": [0.1, 0.2, np.inf]}, ValueError, r"baseline\[2\] is inf: a score is a finite number"),
    ({"steps": [1, 2]}, ValueError, "steps has 2 entries for 7 moments"),
    ({"steps": [1, 2, 3, 3, 4, 5, 6]}, ValueError, r"steps\[3\]=3 is out of range: 4"),
    ({"method": "EWC"}, ValueError, "method='EWC' is not one of the methods: naive, replay"),
    ({"method": ""}, ValueError, "method='' is not one of the methods"),
    ({"beside": "EWC"}, ValueError, "beside='EWC' is not one of the methods: naive, replay$"),
    ({"moment": 7}, ValueError, "moment=7 is out of range: 0 to 6"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_meets_words_with_values(changes, error, message):
    with pytest.raises(error, match=message):
        explorer(**changes)


def test_the_largest_are_taken():
    names = [f"task {i}" for i in range(8)]
    history = {f"method {i}": np.zeros((500, 8)) for i in range(8)}
    shown = AccuracyMatrixExplorer(history, names, [492, 493, 494, 495, 496, 497, 498, 499])
    assert repr(shown) == "AccuracyMatrixExplorer(8 methods, 8 tasks, 500 moments)"


def test_python_moves_it_and_nothing_leaves_its_range():
    shown = explorer()
    shown.method, shown.beside, shown.moment, shown.row, shown.column = "replay", "naive", 0, 0, 2
    for name, value, message in (
        ("method", "LwF", "method='LwF' is not one of the methods: naive, replay"),
        ("beside", "LwF", "beside='LwF' is not"),
        ("moment", 7, "moment=7 is out of range: 0 to 6"),
        ("moment", -1, "moment=-1"),
        ("row", 3, "row=3 is out of range: 0 to 2"),
        ("column", -1, "column=-1 is out of range"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(shown, name, value)
    assert (shown.method, shown.moment, shown.row, shown.column) == ("replay", 0, 0, 2)
    shown.beside = ""


def test_repr_says_what_it_shows_and_never_changes():
    shown = explorer()
    told = "AccuracyMatrixExplorer(2 methods, 3 tasks, 7 moments)"
    assert repr(shown) == told
    shown.moment = 1


def test_its_page_names_no_address_and_is_small(tmp_path):
    page = explorer().save_html(tmp_path / "a.html").read_text(encoding="utf-8")
    assert len(page) < 60_000
    assert "https://" not in page
    assert page.count("http://") == page.count("http://www.w3.org/2000/svg")
    assert "<h1>Accuracy matrix over training</h1>" in page
    named = explorer().save_html(tmp_path / "b.html", title="Forgetting").read_text(encoding="utf-8")
    assert "<h1>Forgetting</h1>" in named


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    shown = explorer(moment=3, beside="replay")
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": shown.get_state()}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == shown._esm
    assert payload["state"]["moment"] == 3
    assert payload["state"]["beside"] == "replay"
    assert [buffer["path"] for buffer in payload["buffers"]] == [["scores"]]


# ---- the still picture ----


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_the_picture_draws_every_matrix_with_its_numbers_on_one_scale():
    shown = explorer()
    matrices = {name: shown.matrix(name) for name in shown.methods}
    figure = accuracy_matrices(matrices, TASKS, title="What is forgotten", width=6)
    assert [axes.get_title(loc="left") for axes in panels(figure)] == [
        "naive\naverage 0.50",
        "replay\naverage 0.69",
    ]
    for axes, grid in zip(panels(figure), matrices.values(), strict=True):
        assert np.allclose(axes.images[0].get_array(), grid)
        assert axes.images[0].get_clim() == pytest.approx((0, 0.95))
        assert [text.get_text() for text in axes.texts] == [f"{value:.2f}" for value in grid.flat]
        assert [text.get_position() for text in axes.texts] == [(j, i) for i in range(3) for j in range(3)]
        assert [label.get_text() for label in axes.get_xticklabels()] == TASKS
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == TASKS
    assert figure.get_suptitle() == "What is forgotten"
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("score on", "after learning")
    assert figure.get_size_inches()[0] == 6
    plt.close(figure)


def test_numbers_are_read_on_their_cells():
    figure = accuracy_matrices({"a": torch.tensor([[0.0, 1.0], [0.9, 0.2]])}, ["x", "y"])
    assert [text.get_color() for text in panels(figure)[0].texts] == ["white", "black", "black", "white"]
    plt.close(figure)


def test_what_was_not_measured_stays_empty():
    grid = np.array([[0.5, 0.1], [np.nan, np.nan]])
    figure = accuracy_matrices({"a": grid}, ["x", "y"])
    (axes,) = panels(figure)
    assert axes.get_title(loc="left") == "a"
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.10"]
    assert axes.images[0].get_array().mask.tolist() == [[False, False], [True, True]]
    plt.close(figure)


@pytest.mark.parametrize(("methods", "grid"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (8, (2, 4))])
def test_many_methods_are_broken_into_lines(methods, grid):
    figure = accuracy_matrices({str(i): np.eye(2) for i in range(methods)}, ["x", "y"])
    shown = panels(figure)
    assert len(shown) == methods
    spec = shown[0].get_subplotspec().get_gridspec()
    assert (spec.nrows, spec.ncols) == grid
    assert sum(axes.axison for axes in figure.axes) == methods + 1  # and the bar
    plt.close(figure)


def test_scores_beyond_0_and_1_stretch_the_scale():
    figure = accuracy_matrices({"a": np.array([[30.0, 50.0], [20.0, 70.0]])}, ["x", "y"])
    assert panels(figure)[0].images[0].get_clim() == (20, 70)
    plt.close(figure)


BAD_PICTURES = [
    ({"a": np.eye(3)}, r"matrices\['a'\] has shape \[3, 3\], expected \[2, 2\]"),
    ({"a": np.full((2, 2), np.nan)}, r"matrices\['a'\] has shape \[2, 2\], .* finite scores"),
    ({"a": np.array([[1, np.inf], [0, 0]])}, "finite scores"),
    ({}, "matrices has 0 entries, expected 1 to 8"),
]


@pytest.mark.parametrize(("matrices", "message"), BAD_PICTURES, ids=[m for _, m in BAD_PICTURES])
def test_bad_matrices_meet_words_with_values(matrices, message):
    with pytest.raises(ValueError, match=message):
        accuracy_matrices(matrices, ["x", "y"])
