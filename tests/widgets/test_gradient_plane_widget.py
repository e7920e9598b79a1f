"""The gradient-plane explorer without a browser: the plane, what it refuses and saves; its still picture."""

import json
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from matplotlib.colors import to_hex

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.learning.multitask import gradient_cosines, pcgrad
from llmasos_edu.plots.multitask import gradient_plane
from llmasos_edu.widgets import GradientPlaneExplorer, embed_widget_state
from llmasos_edu.widgets.gradient_plane.explorer import plane_coordinates

# ---- the plane of two gradients ----


@pytest.mark.parametrize("size", [2, 3, 1000])
def test_lengths_and_angle_are_those_of_the_long_gradients(size):
    generator = torch.Generator().manual_seed(size)
    first, second = torch.randn(2, size, generator=generator, dtype=torch.float64) * 1e-4
    plane = torch.tensor(plane_coordinates(first, second), dtype=torch.float64)
    assert plane[0, 1] == 0
    assert plane[1, 1] >= 0
    assert torch.allclose(plane @ plane.T, torch.stack([first, second]) @ torch.stack([first, second]).T)


def test_by_hand():
    assert plane_coordinates([0.0, 2.0], [3.0, -4.0]) == [[2, 0], [-4, 3]]
    assert plane_coordinates([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]) == [[2, 0], [4, 0]]
    assert plane_coordinates([0, -3], [0, 1.5]) == [[3, 0], [-1.5, 0]]


def test_gradients_may_be_matrices_or_come_parameter_by_parameter():
    model, given = torch.nn.Linear(3, 2), torch.tensor([[1.0, 2.0, -1.0]])
    parts = []
    for target in (0, 1):
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(given), torch.tensor([target])).backward()
        parts.append([parameter.grad.clone() for parameter in model.parameters()])
    flat = [torch.cat([part.flatten() for part in each]) for each in parts]
    plane = plane_coordinates(*flat)
    assert plane_coordinates(*parts) == plane
    assert plane_coordinates(*(tuple(each) for each in parts)) == plane
    assert plane_coordinates(*(each.numpy() for each in flat)) == plane
    assert plane_coordinates(flat[0].reshape(2, 4), flat[1].reshape(4, 2)) == plane
    weight = model.weight  # a parameter still in its graph
    assert plane_coordinates(weight, weight)[0][0] == pytest.approx(weight.norm().item())


BAD_PAIRS = [
    ([1.0, 2.0], [1.0], "first has 2 numbers and second 1: gradients for the same parameters"),
    ([0.0, 0.0], [1.0, 1.0], "first has length 0"),
    ([1.0, 1.0], torch.zeros(2), "second has length 0"),
    ([], [], "first has length 0"),
    ([1.0, math.nan], [1.0, 1.0], "first.1. is nan"),
    ([1.0, 1.0], [math.inf, 1.0], "second.0. is inf"),
]


@pytest.mark.parametrize(("first", "second", "message"), BAD_PAIRS, ids=[m for *_, m in BAD_PAIRS])
def test_pairs_without_a_plane_meet_words(first, second, message):
    for make in (plane_coordinates, GradientPlaneExplorer.from_gradients, gradient_plane):
        with pytest.raises(ValueError, match=message):
            make(first, second)


# ---- the explorer ----


def test_it_begins_with_a_conflict_in_which_the_sum_raises_one_loss():
    shown = GradientPlaneExplorer()
    assert shown.gradients == shown.given == [[1, 0], [-1.2, 0.9]]
    assert (shown.names, shown.weights, shown.learning_rate) == (["task 1", "task 2"], [1, 1], 0.1)
    assert (shown.task, shown.reverse, shown.show_sum, shown.show_pcgrad) == (0, False, True, True)
    assert shown.reach == pytest.approx(1.6 * 1.5)
    pulls = torch.tensor(shown.gradients)
    assert (pulls @ pulls.sum(0)).tolist() == pytest.approx([-0.2, 1.05])


def test_measured_gradients_and_settings_are_kept():
    shown = GradientPlaneExplorer.from_gradients(
        np.array([0, 2.0]), [3.0, -4.0], ["depth", "kind"], weights=[0.5, 3], learning_rate=1
    )
    assert shown.gradients == [[2, 0], [-4, 3]]
    assert (shown.names, shown.weights, shown.learning_rate) == (["depth", "kind"], [0.5, 3], 1)
    assert shown.reach == pytest.approx(8)
    three = GradientPlaneExplorer([(1, 0), (0, 1), torch.tensor([-1.0, 0.0])], reverse=True)
    assert three.names == ["task 1", "task 2", "task 3"]
    assert three.reverse


BAD = [
    ({"gradients": [(1, 0)]}, ValueError, "gradients has 1 entries, expected 2 or 3"),
    ({"gradients": [(1, 0)] * 4}, ValueError, "gradients has 4 entries"),
    ({"gradients": [(1, 0), (1, 0, 0)]}, ValueError, r"gradients\[1\] is \[1.0, 0.0, 0.0\], expected two"),
    ({"gradients": [(1, math.nan), (1, 0)]}, ValueError, r"gradients\[0\] is \[1.0, nan\]"),
    ({"gradients": [(0, 0), (0, 0)]}, ValueError, "all gradients are zero"),
    ({"names": ["a"]}, ValueError, "names has 1 entries, expected 2 to 2"),
    ({"names": ["a", "a"]}, ValueError, "names holds 'a' more than once"),
    ({"weights": [1]}, ValueError, "weights has 1 entries for 2 tasks"),
    ({"weights": [1, 3.1]}, ValueError, r"weights\[1\]=3.1 is out of range: 0 to 3"),
    ({"weights": [-0.1, 1]}, ValueError, r"weights\[0\]=-0.1"),
    ({"weights": [math.nan, 1]}, ValueError, r"weights\[0\]=nan"),
    ({"learning_rate": 0}, ValueError, "learning_rate=0 must be above 0 and at most 1e30"),
    ({"learning_rate": math.inf}, ValueError, "learning_rate=inf"),
]


@pytest.mark.parametrize(("settings", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_meets_words_with_values(settings, error, message):
    with pytest.raises(error, match=message):
        GradientPlaneExplorer(**settings)


def test_python_moves_it_and_nothing_leaves_its_range():
    shown = GradientPlaneExplorer([(1, 0), (0, 1)])
    shown.gradients, shown.weights, shown.task, shown.learning_rate = [[1.6, -1.6], [0, 0]], [0, 3], 1, 0.5
    for name, value, message in (
        (
            "gradients",
            [[1.7, 0], [0, 1]],
            r"gradients\[0\] is \[1.7, 0.0\]: outside the plane, which ends at 1.6",
        ),
        ("gradients", [[1, 0]], "gradients has 1 entries, expected 2"),
        ("gradients", [[1, 0], [1, 0], [1, 0]], "gradients has 3 entries, expected 2"),
        ("weights", [1, 4], r"weights\[1\]=4.0 is out of range"),
        ("task", 2, "task=2 is out of range: 0 to 1"),
        ("learning_rate", -1, "learning_rate=-1"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(shown, name, value)
    assert (shown.gradients, shown.weights, shown.task) == ([[1.6, -1.6], [0, 0]], [0, 3], 1)
    assert shown.given == [[1, 0], [0, 1]]


def test_repr_says_what_it_shows_and_never_changes():
    shown = GradientPlaneExplorer(names=["depth", "kind"])
    assert repr(shown) == "GradientPlaneExplorer(depth, kind)"
    shown.gradients = [[0, 1], [1, 0]]


def test_its_page_names_no_address_and_is_small(tmp_path):
    page = GradientPlaneExplorer().save_html(tmp_path / "a.html").read_text(encoding="utf-8")
    assert len(page) < 60_000
    assert "https://" not in page
    assert page.count("http://") == page.count("http://www.w3.org/2000/svg")
    assert "<h1>Gradients in a plane</h1>" in page
    named = (
        GradientPlaneExplorer().save_html(tmp_path / "b.html", title="Conflict").read_text(encoding="utf-8")
    )
    assert "<h1>Conflict</h1>" in named


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    shown = GradientPlaneExplorer()
    shown.gradients = [[0.5, 0.5], [-1, 0.2]]
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": shown.get_state()}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == shown._esm
    assert payload["state"]["gradients"] == [[0.5, 0.5], [-1, 0.2]]
    assert payload["state"]["given"] == [[1, 0], [-1.2, 0.9]]
    assert payload["buffers"] == []


# ---- the still picture ----


def arrows(figure):
    """Tips, colours and line styles of the arrows; names with the tip at which they stand."""
    drawn = [text for text in figure.axes[0].texts if text.arrow_patch]
    tips = [text.xy for text in drawn]
    looks = [(to_hex(text.arrow_patch.get_edgecolor()), text.arrow_patch.get_linestyle()) for text in drawn]
    assert all(text.xyann == (0, 0) for text in drawn)
    named = {text.get_text(): text.xy for text in figure.axes[0].texts if text.get_text()}
    return tips, looks, named


def test_the_picture_draws_gradients_projections_and_both_sums():
    first, second = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([-2.0, 0.3, 1.0])
    figure = gradient_plane(first, second, ["depth", "kind"], width=4)
    plane = torch.tensor(plane_coordinates(first, second), dtype=torch.float64)
    operated = pcgrad(plane)
    tips, looks, named = arrows(figure)
    wanted = torch.stack([*plane, plane.sum(0), *operated, operated.sum(0)])
    assert torch.allclose(torch.tensor(tips, dtype=torch.float64), wanted)
    colours = [OKABE_ITO["blue"].lower(), OKABE_ITO["vermilion"].lower(), "#000000"]
    assert looks == [*((colour, "-") for colour in colours), *((colour, "--") for colour in colours)]
    assert list(named) == ["depth", "kind", "sum", "sum after PCGrad"]
    assert named["sum after PCGrad"] == pytest.approx(operated.sum(0).tolist())
    assert [line.get_linestyle() for line in figure.axes[0].lines] == [":", ":"]
    assert figure.get_suptitle() == f"cosine {gradient_cosines(plane)[0, 1].item():.2f}"
    assert figure.get_size_inches()[0] == 4
    plt.close(figure)


def test_without_conflict_there_is_no_surgery():
    figure = gradient_plane([1.0, 0.0], [1.0, 1.0], title="They agree")
    tips, looks, named = arrows(figure)
    assert np.allclose(tips, [[1, 0], [1, 1], [2, 1]])
    assert [line for _, line in looks] == ["-", "-", "-"]
    assert list(named) == ["task 1", "task 2", "sum"]
    assert not figure.axes[0].lines
    assert figure.get_suptitle() == "They agree"
    plt.close(figure)


def test_the_shaded_part_is_where_both_losses_fall():
    for second in ([-1.0, 0.4], [2.0, 0.1], [-0.01, 1.0]):
        points = np.array([[1.0, 0.0], second])
        figure = gradient_plane(*points)
        (wedge,) = figure.axes[0].patches
        rim = wedge.get_xy()[1:-1]
        assert (rim @ points.T >= -1e-9 * np.abs(rim).max()).all()
        assert np.abs(rim[[0, -1]] @ points.T).min(axis=1) == pytest.approx([0, 0], abs=1e-9)
        plt.close(figure)
    opposite = gradient_plane([1.0, 0.0], [-1.0, 0.0])
    assert not opposite.axes[0].patches
    assert list(arrows(opposite)[2]) == ["task 1", "task 2", "sum"], "two names at one place"
    plt.close(opposite)


def test_all_arrows_lie_within_the_picture():
    figure = gradient_plane([1e-5, 0.0], [-3e-5, -2e-5])
    axes = figure.axes[0]
    tips = np.array(arrows(figure)[0])
    for values, (low, high) in ((tips[:, 0], axes.get_xlim()), (tips[:, 1], axes.get_ylim())):
        assert low < min(0, values.min())
        assert max(0, values.max()) < high
    assert axes.get_aspect() == 1
    plt.close(figure)
